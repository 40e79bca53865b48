//! Every hour: what may not be kept longer goes.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tebdil_core::store::{CODE_MEMORY, IDEMPOTENCY_WINDOW, OldRows, Store, StoreError};
use tebdil_protocol::{id::SessionId, time::Timestamp};

use crate::job::{Job, JobContext, JobError, Periods};

/// A day after they are last handed out.
const KEY_PACKAGES: Duration = Duration::from_hours(28 * 24);
/// Caps and clicks need a day; the rest is for questions about the counts.
const AD_IMPRESSIONS: Duration = Duration::from_hours(7 * 24);
/// What the chart of an ad shows.
const AD_DAYS: Duration = Duration::from_hours(90 * 24);
/// What turned out to be nothing is not kept as long as the rest of a report.
const DISMISSED_EVIDENCE: Duration = Duration::from_hours(30 * 24);
/// Twice the longest period of a schedule: the row of a tick keeps a late node from running it
/// again.
const DONE_JOBS: Duration = Duration::from_hours(2);
const DEAD_JOBS: Duration = Duration::from_hours(30 * 24);

/// Rows of one transaction.
const BATCH: i64 = 1000;

/// Deletes what has outlived its period.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Retention {}

/// What goes at which age. Messages go with the job `expire`.
const fn ages(periods: &Periods) -> [(OldRows, Duration); 19] {
    [
        (OldRows::MESSAGE_LOGS, periods.message_logs),
        (OldRows::IDEMPOTENCY_KEYS, IDEMPOTENCY_WINDOW),
        (OldRows::KEY_PACKAGES, KEY_PACKAGES),
        (OldRows::CODES, CODE_MEMORY),
        // As long as a ban: they keep a phone in the same way.
        (OldRows::BLOCKS_BY_ERASED, periods.bans),
        (OldRows::BLOCKS_OF_ERASED, periods.bans),
        (OldRows::BANS, periods.bans),
        (OldRows::INVITATIONS, periods.invitations),
        (OldRows::AD_IMPRESSIONS, AD_IMPRESSIONS),
        (OldRows::AD_DAYS, AD_DAYS),
        (OldRows::SEARCHES, Duration::ZERO),
        (OldRows::NOTIFICATIONS, periods.notifications),
        (OldRows::BILLING_EVENTS, periods.billing_events),
        (OldRows::REPORTS, periods.reports),
        (OldRows::DISMISSED_EVIDENCE, DISMISSED_EVIDENCE),
        (OldRows::SYSTEM_LOGS, periods.system_logs),
        (OldRows::TOMBSTONES, periods.tombstones),
        (OldRows::DONE_JOBS, DONE_JOBS),
        (OldRows::DEAD_JOBS, DEAD_JOBS),
    ]
}

impl Job for Retention {
    const QUEUE: &'static str = "retention";
    const MAX_ATTEMPTS: i64 = 5;
    const CONCURRENCY: usize = 1;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        let (store, now, periods) = (&cx.store, cx.now()?, &cx.settings.periods);
        // Each for itself: one that fails does not keep the others from theirs.
        let mut outcome = dead_sessions(store, now - periods.sessions).await;
        for (old, age) in ages(periods) {
            outcome = outcome.and(delete(store, &old, age, now).await);
        }
        Ok(outcome?)
    }
}

/// Repeats a batch until it finds less than it may take.
pub(super) async fn delete(
    store: &Store,
    old: &OldRows,
    age: Duration,
    now: Timestamp,
) -> Result<(), StoreError> {
    loop {
        let gone = store.jobs().delete_old(old, age, BATCH, now).await?;
        count(old.name, gone);
        if gone < BATCH.unsigned_abs() {
            return Ok(());
        }
    }
}

async fn dead_sessions(store: &Store, cutoff: Timestamp) -> Result<(), StoreError> {
    let mut after = Some(SessionId(0));
    while let Some(from) = after {
        let batch = store
            .jobs()
            .delete_dead_sessions(cutoff, from, BATCH)
            .await?;
        count("sessions", batch.deleted);
        after = batch.next;
    }
    Ok(())
}

pub(super) fn count(table: &'static str, deleted: u64) {
    if deleted > 0 {
        metrics::counter!("tebdil_retention_deleted_total", "table" => table).increment(deleted);
    }
}
