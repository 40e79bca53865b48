//! The `job` table: background work that is pushed, leased, finished, tried again and buried.
//!
//! A job runs at least once: a worker that dies keeps its lease until it runs out, then somebody
//! else gets the job. [`JobLease`](super::JobLease) carries the number of the attempt, so a worker
//! that lost its lease cannot finish or fail what another one is running by now. The number of
//! attempts bounds a job that kills its worker every time.
//!
//! To push a job together with the change that needs it, use [`push_job`] in its transaction.

use std::time::Duration;

use serde::Serialize;
use sqlx_macros::FromRow;

use super::Jobs;
use crate::{db::Tx, store::StoreError};
use tebdil_protocol::time::{Clock, Timestamp};

/// How far the clocks of two nodes that run jobs may be apart, and more.
const TICK_SLACK: Duration = Duration::from_secs(15);
/// The key of the database's lock that whoever pushes ticks holds ([`Jobs::push_tick`]): "tick" in
/// ASCII.
pub const TICK_LOCK: i64 = 0x7469_636b;

/// A job to push.
#[derive(Debug, Clone, Copy)]
pub struct NewJob<'a> {
    pub queue: &'a str,
    pub payload: &'a [u8],
    /// At most one job of the queue has this key, while the row is kept: also after it is done,
    /// until it is old ([`Old::DONE_JOBS`](super::Old::DONE_JOBS)).
    pub dedupe: Option<&'a str>,
    /// Not before this time.
    pub run_at: Timestamp,
    /// At least 1.
    pub max_attempts: i64,
}

/// How full a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobCounts {
    /// Due or in backoff.
    pub waiting: i64,
    pub leased: i64,
    pub dead: i64,
    /// How long the oldest due job has been waiting; zero when none is due.
    pub oldest_due_age: Duration,
}

#[derive(FromRow)]
struct CountRow {
    waiting: i64,
    leased: i64,
    dead: i64,
    oldest_due: Option<Timestamp>,
}

/// Pushes a job in this transaction: `true` when it is new, `false` when its key is taken.
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
    Ok(tx.execute(PUSH, row).await? == 1)
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

    /// Pushes one tick of a schedule, unless the queue has a waiting job that is due: ticks that
    /// nobody ran do not pile up. The queue's ticks of times to come, which a clock that was ahead
    /// has left, are forgotten, whether or not they ran: the schedule goes on by the clock as it is
    /// now.
    ///
    /// Keys of ticks begin with `cron:`. One tick is pushed at a time, and `clock` is read when it
    /// is this one's turn: whoever had to wait takes the ticks that the others pushed meanwhile for
    /// what they are, and not for ticks of times to come.
    ///
    /// `true` when it was pushed. Once per key, as [`Jobs::push_job`].
    pub async fn push_tick(self, job: NewJob<'_>, clock: &Clock) -> Result<bool, StoreError> {
        // `state < 2` lets both databases use the partial index.
        const AHEAD: &str = "DELETE FROM job \
             WHERE queue = $1 AND dedupe LIKE 'cron:%' AND state <> 1 AND run_at > $2";
        const WAITING: &str = "SELECT id FROM job \
             WHERE queue = $1 AND state < 2 AND state = 0 AND run_at <= $2 LIMIT 1";
        let mut tx = self.begin().await?;
        tx.lock(TICK_LOCK).await?;
        let now = clock.now();
        tx.execute(AHEAD, (job.queue, now + TICK_SLACK)).await?;
        let waiting: Option<String> = tx.optional_value(WAITING, (job.queue, now)).await?;
        let pushed = waiting.is_none() && push_job(&mut tx, job, now).await?;
        tx.commit().await?;
        Ok(pushed)
    }

    /// How full `queue` is.
    pub async fn job_counts(self, queue: &str, now: Timestamp) -> Result<JobCounts, StoreError> {
        const SQL: &str = "SELECT \
             CAST(COUNT(CASE WHEN state = 0 THEN 1 END) AS BIGINT) AS waiting, \
             CAST(COUNT(CASE WHEN state = 1 THEN 1 END) AS BIGINT) AS leased, \
             CAST(COUNT(CASE WHEN state = 3 THEN 1 END) AS BIGINT) AS dead, \
             MIN(CASE WHEN state = 0 AND run_at <= $2 THEN run_at END) AS oldest_due \
             FROM job WHERE queue = $1";
        let row: CountRow = self.db.one(SQL, (queue, now)).await?;
        Ok(JobCounts {
            waiting: row.waiting,
            leased: row.leased,
            dead: row.dead,
            oldest_due_age: row.oldest_due.map_or(Duration::ZERO, |due| now.since(due)),
        })
    }
}
