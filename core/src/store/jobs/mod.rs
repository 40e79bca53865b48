//! Background jobs, and what serves every area: idempotency keys, node parts, counts, the log.

pub(crate) mod id_nodes;
pub(crate) mod idempotency;
pub(crate) mod job_admin;
pub(crate) mod leases;
pub(crate) mod live;
pub(crate) mod old_rows;
pub(crate) mod queue;
pub(crate) mod retention;
pub(crate) mod schedules;
pub(crate) mod statistics;
pub(crate) mod system_logs;
#[cfg(test)]
mod tests;

pub use id_nodes::RENEW_IDS;
pub use idempotency::{FirstAnswer, IDEMPOTENCY_PENDING, IDEMPOTENCY_WINDOW, Idempotent};
pub use job_admin::{JobFilter, Mended};
pub use leases::{JobFailure, JobLease, Leased, LeasedJob};
pub use live::{LiveCounts, QueueCounts};
pub use old_rows::OldRows;
pub use queue::NewJob;
pub use retention::SessionBatch;
pub use schedules::TICK_LOCK;
pub use statistics::{DayCounts, DayRow, Totals};
pub use system_logs::{LogFilter, SystemLog};

use std::ops::Deref;

use super::Store;

/// Background jobs, and what serves every area: idempotency keys, node parts, counts, the log.
#[derive(Debug, Clone, Copy)]
pub struct Jobs<'s>(&'s Store);

impl Store {
    /// Background jobs, and what serves every area: idempotency keys, node parts, counts, the log.
    pub const fn jobs(&self) -> Jobs<'_> {
        Jobs(self)
    }
}

impl Deref for Jobs<'_> {
    type Target = Store;

    fn deref(&self) -> &Store {
        self.0
    }
}
