//! The `job` table: background work that is pushed, leased, finished, tried again and buried.
//!
//! A job runs at least once: a worker that dies keeps its lease until it runs out, then somebody
//! else gets the job. [`JobLease`](super::JobLease) carries the number of the attempt, so a worker
//! that lost its lease cannot finish or fail what another one is running by now. The number of
//! attempts bounds a job that kills its worker every time.
//!
//! To push a job together with the change that needs it, use [`push_job`] in its transaction. The
//! workers of this process look for it as soon as that is committed ([`Jobs::pushed`]), those of
//! others when they look the next time.

use serde::Serialize;

use super::Jobs;
use crate::{db::Tx, store::StoreError};
use tebdil_protocol::time::Timestamp;

/// A job to push.
#[derive(Debug, Clone, Copy)]
pub struct NewJob<'a> {
    pub queue: &'a str,
    pub payload: &'a [u8],
    /// At most one job of the queue has this key, while the row is kept: also after it is done,
    /// until it is old ([`OldRows::DONE_JOBS`](super::OldRows::DONE_JOBS)).
    pub dedupe: Option<&'a str>,
    /// Not before this time.
    pub run_at: Timestamp,
    /// At least 1.
    pub max_attempts: i64,
}

/// Pushes a job in this transaction: `true` when it is new, `false` when its key is taken. One that
/// is due wakes the workers of this process after the commit.
pub(crate) async fn push_job(
    tx: &mut Tx,
    job: NewJob<'_>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    const PUSH: &str = "INSERT INTO job \
         (id, queue, payload, max_attempts, run_at, dedupe, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (queue, dedupe) DO NOTHING";
    let row = (
        tx.id::<i64>().to_string(),
        job.queue,
        job.payload,
        job.max_attempts,
        job.run_at,
        job.dedupe,
        now,
    );
    let new = tx.execute(PUSH, row).await? == 1;
    if new && job.run_at <= now {
        tx.wake_workers();
    }
    Ok(new)
}

/// Pushes an order in this transaction, to run now. It has no key: one that runs just now may not
/// see any more what this transaction writes.
pub(crate) async fn push_order(
    tx: &mut Tx,
    queue: &str,
    order: &impl Serialize,
    max_attempts: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let payload = serde_json::to_vec(order).expect("an order is plain data");
    let job = NewJob {
        queue,
        payload: &payload,
        dedupe: None,
        run_at: now,
        max_attempts,
    };
    // Without a key it is always new.
    let _ = push_job(tx, job, now).await?;
    Ok(())
}

impl Jobs<'_> {
    /// Waits until a job that is due was pushed through this store, or a clone of it, since the
    /// last time somebody waited. For one who waits.
    pub async fn pushed(self) {
        self.wake.notified().await;
    }

    /// Pushes a job: `true` when it is new, `false` when the queue has one with its key.
    pub async fn push_job(self, job: NewJob<'_>, now: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let new = push_job(&mut tx, job, now).await?;
        tx.commit().await?;
        Ok(new)
    }

    /// Pushes all of these jobs or, when it fails, none; says how many are new.
    pub async fn push_jobs(self, jobs: &[NewJob<'_>], now: Timestamp) -> Result<usize, StoreError> {
        let mut tx = self.begin().await?;
        let mut new = 0;
        for job in jobs {
            new += usize::from(push_job(&mut tx, *job, now).await?);
        }
        tx.commit().await?;
        Ok(new)
    }
}
