//! The `job` table: background work that is pushed, leased, finished, tried again and buried.
//!
//! A job runs at least once: a worker that dies keeps its lease until it runs out, then somebody
//! else gets the job. [`JobLease`] carries the number of the attempt, so a worker that lost its
//! lease cannot finish or fail what another one is running by now. The number of attempts bounds a
//! job that kills its worker every time.
//!
//! To push a job together with the change that needs it, use [`push_job_in!`] inside the
//! `write_tx!` block.

use std::time::Duration;

use sqlx::{FromRow, QueryBuilder};

use super::{Store, StoreError};
use crate::{
    backend::{read, write_tx},
    time::{Clock, Timestamp},
};

/// Wait before the second attempt; it doubles with each one after.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_hours(1);
/// Longest wait of a job; none is asked to wait longer. One that would was pushed or failed by a
/// clock that was ahead.
const LONGEST_WAIT: Duration = Duration::from_hours(2);
/// Longest lease, with some slack; one that goes further was given by a clock that was ahead.
const LONGEST_LEASE: Duration = Duration::from_mins(10);
/// How far the clocks of two nodes that run jobs may be apart, and more.
const TICK_SLACK: Duration = Duration::from_secs(15);
/// The key of the database's lock that whoever pushes ticks holds ([`Store::push_tick`]): "tick" in
/// ASCII.
pub const TICK_LOCK: i64 = 0x7469_636b;
/// Characters of an error that are kept.
const ERROR_CHARS: usize = 500;

/// A job to push.
#[derive(Debug, Clone, Copy)]
pub struct NewJob<'a> {
    pub queue: &'a str,
    pub payload: &'a [u8],
    /// At most one job of the queue has this key, while the row is kept: also after it is done,
    /// until [`Store::purge_finished`].
    pub dedupe: Option<&'a str>,
    /// Not before this time.
    pub run_at: Timestamp,
    /// At least 1.
    pub max_attempts: i64,
}

/// The right to work on a job until the lease runs out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JobLease {
    id: String,
    attempt: i64,
}

/// A job that was leased.
#[derive(Debug, Clone)]
pub struct LeasedJob {
    pub lease: JobLease,
    pub payload: Vec<u8>,
    /// The attempt that this is, from 1.
    pub attempt: i64,
    pub max_attempts: i64,
    pub dedupe: Option<String>,
    pub run_at: Timestamp,
    /// When it was pushed.
    pub created_at: Timestamp,
}

/// What [`Store::lease_jobs`] found.
#[derive(Debug, Clone, Default)]
pub struct Leased {
    /// Oldest first.
    pub jobs: Vec<LeasedJob>,
    /// How many jobs were buried because their last attempt never came back.
    pub buried: u64,
}

/// What became of a job that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobFailure {
    /// It runs again at this time.
    Again(Timestamp),
    /// That was the last attempt: it stays as a dead letter.
    Dead,
    /// The lease was lost; nothing was written.
    LeaseLost,
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
struct JobRow {
    id: String,
    payload: Vec<u8>,
    attempts: i64,
    max_attempts: i64,
    dedupe: Option<String>,
    run_at: Timestamp,
    created_at: Timestamp,
}

#[derive(FromRow)]
struct CountRow {
    waiting: i64,
    leased: i64,
    dead: i64,
    oldest_due: Option<Timestamp>,
}

impl From<JobRow> for LeasedJob {
    fn from(row: JobRow) -> Self {
        Self {
            lease: JobLease {
                id: row.id,
                attempt: row.attempts,
            },
            payload: row.payload,
            attempt: row.attempts,
            max_attempts: row.max_attempts,
            dedupe: row.dedupe,
            run_at: row.run_at,
            created_at: row.created_at,
        }
    }
}

impl JobLease {
    /// The job's id, for logs.
    pub fn job_id(&self) -> &str {
        &self.id
    }
}

pub(crate) const PUSH: &str = "INSERT INTO job (id, queue, payload, max_attempts, run_at, dedupe, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
     ON CONFLICT (queue, dedupe) DO NOTHING";

/// Pushes a [`NewJob`] in the open write transaction `$tx`: `true` when it is new, `false` when its
/// key is taken.
macro_rules! push_job_in {
    ($store:expr, $tx:expr, $job:expr, $now:expr) => {{
        let job: $crate::store::NewJob<'_> = $job;
        let pushed = sqlx::query($crate::store::jobs::PUSH)
            .bind($store.ids.next::<i64>().to_string())
            .bind(job.queue)
            .bind(job.payload)
            .bind(job.max_attempts)
            .bind(job.run_at)
            .bind(job.dedupe)
            .bind($now)
            .execute(&mut *$tx)
            .await?;
        pushed.rows_affected() == 1
    }};
}

pub(crate) use push_job_in;

impl Store {
    /// Pushes a job: `true` when it is new, `false` when the queue has one with its key.
    pub async fn push_job(&self, job: NewJob<'_>, now: Timestamp) -> Result<bool, StoreError> {
        Ok(write_tx!(self, |tx| { push_job_in!(self, tx, job, now) }))
    }

    /// Pushes all of these jobs or, when it fails, none; says how many are new.
    pub async fn push_jobs(
        &self,
        jobs: &[NewJob<'_>],
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        Ok(write_tx!(self, |tx| {
            let mut new = 0;
            for job in jobs {
                new += usize::from(push_job_in!(self, tx, *job, now));
            }
            new
        }))
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
    /// `true` when it was pushed. Once per key, as [`Store::push_job`].
    pub async fn push_tick(&self, job: NewJob<'_>, clock: &Clock) -> Result<bool, StoreError> {
        // `state < 2` lets both databases use the partial index.
        const AHEAD: &str = "DELETE FROM job WHERE queue = $1 AND dedupe LIKE 'cron:%' AND state <> 1 AND run_at > $2";
        const WAITING: &str = "SELECT id FROM job WHERE queue = $1 AND state < 2 AND state = 0 AND run_at <= $2 LIMIT 1";
        Ok(write_tx!(self, |tx| {
            sqlx::query(self.db.lock_key())
                .bind(TICK_LOCK)
                .execute(&mut *tx)
                .await?;
            let now = clock.now();
            sqlx::query(AHEAD)
                .bind(job.queue)
                .bind(now + TICK_SLACK)
                .execute(&mut *tx)
                .await?;
            let waiting: Option<(String,)> = sqlx::query_as(WAITING)
                .bind(job.queue)
                .bind(now)
                .fetch_optional(&mut *tx)
                .await?;
            waiting.is_none() && push_job_in!(self, tx, job, now)
        }))
    }

    /// Leases up to `limit` due jobs of `queue` until `now + lease_for`, each counting one attempt.
    ///
    /// A job whose lease ran out is due again; one that has no attempt left is buried instead. No
    /// job is handed to two callers at once.
    pub async fn lease_jobs(
        &self,
        queue: &str,
        limit: i64,
        lease_for: Duration,
        now: Timestamp,
    ) -> Result<Leased, StoreError> {
        const DUE: &str = "SELECT id FROM job WHERE queue = $1 AND state < 2 AND run_at <= $2 AND (state = 0 OR lease_until <= $2) LIMIT 1";
        // Idle workers only read: on SQLite a write would queue up with the messages.
        let due: Option<(String,)> = read!(self, |db| sqlx::query_as(DUE)
            .bind(queue)
            .bind(now)
            .fetch_optional(db)
            .await?);
        if due.is_none() || limit < 1 {
            return Ok(Leased::default());
        }
        let (mut rows, buried): (Vec<JobRow>, u64) = write_tx!(self, |tx| {
            let mut query = QueryBuilder::new(
                "WITH worn AS MATERIALIZED (SELECT id FROM job WHERE state < 2 AND state = 1 AND attempts >= max_attempts AND lease_until <= ",
            );
            query
                .push_bind(now)
                .push(" AND queue = ")
                .push_bind(queue)
                .push(self.db.for_update_skip_locked());
            query.push(") UPDATE job SET state = 3, lease_until = NULL, error = 'the last attempt did not come back', finished_at = ");
            query
                .push_bind(now)
                .push(" WHERE id IN (SELECT id FROM worn)");
            let buried = query.build().execute(&mut *tx).await?.rows_affected();

            // MATERIALIZED: a plan that ran the inner select twice would lock more rows than it
            // returns.
            let mut query = QueryBuilder::new(
                "WITH due AS MATERIALIZED (SELECT id FROM job WHERE state < 2 AND queue = ",
            );
            query
                .push_bind(queue)
                .push(" AND run_at <= ")
                .push_bind(now)
                .push(" AND (state = 0 OR lease_until <= ")
                .push_bind(now);
            query
                .push(") ORDER BY run_at, id LIMIT ")
                .push_bind(limit)
                .push(self.db.for_update_skip_locked());
            query
                .push(") UPDATE job SET state = 1, attempts = attempts + 1, lease_until = ")
                .push_bind(now + lease_for);
            query.push(" WHERE id IN (SELECT id FROM due) RETURNING id, payload, attempts, max_attempts, dedupe, run_at, created_at");
            (query.build_query_as().fetch_all(&mut *tx).await?, buried)
        });
        rows.sort_by(|a, b| (a.run_at, &a.id).cmp(&(b.run_at, &b.id)));
        Ok(Leased {
            jobs: rows.into_iter().map(LeasedJob::from).collect(),
            buried,
        })
    }

    /// Has the jobs of `queue` run now that a clock which was ahead put off for longer than any job
    /// waits, or leased for longer than any lease; says how many.
    pub async fn pull_jobs_back(&self, queue: &str, now: Timestamp) -> Result<u64, StoreError> {
        const FAR: &str = "SELECT id FROM job WHERE queue = $1 AND state < 2 \
             AND ((state = 0 AND run_at > $2) OR (state = 1 AND lease_until > $3)) LIMIT 1";
        const PUT_OFF: &str = "UPDATE job SET run_at = $3 WHERE queue = $1 AND state < 2 AND state = 0 AND run_at > $2";
        const LEASED: &str = "UPDATE job SET lease_until = $3, run_at = CASE WHEN run_at > $3 THEN $3 ELSE run_at END \
             WHERE queue = $1 AND state < 2 AND state = 1 AND lease_until > $2";
        let (wait, lease) = (now + LONGEST_WAIT, now + LONGEST_LEASE);
        // Hardly ever one: it need not wait in line to write.
        let far: Option<(String,)> = read!(self, |db| sqlx::query_as(FAR)
            .bind(queue)
            .bind(wait)
            .bind(lease)
            .fetch_optional(db)
            .await?);
        if far.is_none() {
            return Ok(0);
        }
        Ok(write_tx!(self, |tx| {
            let put_off = sqlx::query(PUT_OFF)
                .bind(queue)
                .bind(wait)
                .bind(now)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            put_off
                + sqlx::query(LEASED)
                    .bind(queue)
                    .bind(lease)
                    .bind(now)
                    .execute(&mut *tx)
                    .await?
                    .rows_affected()
        }))
    }

    /// Moves the end of leases to `until`, and says how many of them still stood.
    pub async fn extend_leases(
        &self,
        leases: &[JobLease],
        until: Timestamp,
    ) -> Result<u64, StoreError> {
        if leases.is_empty() {
            return Ok(0);
        }
        Ok(write_tx!(self, |tx| {
            let mut query = QueryBuilder::new("UPDATE job SET lease_until = ");
            query
                .push_bind(until)
                .push(" WHERE state = 1 AND (id, attempts) IN (");
            query.push_values(leases, |mut row, lease| {
                row.push_bind(lease.id.as_str()).push_bind(lease.attempt);
            });
            query.push(")");
            query.build().execute(&mut *tx).await?.rows_affected()
        }))
    }

    /// Ends a job that is done. One with a key stays as done, so that the key stays taken; others
    /// are deleted. `false`: the lease was lost.
    pub async fn finish_job(&self, job: &LeasedJob, now: Timestamp) -> Result<bool, StoreError> {
        const DELETE: &str = "DELETE FROM job WHERE id = $1 AND attempts = $2 AND state = 1";
        const KEEP: &str = "UPDATE job SET state = 2, lease_until = NULL, error = NULL, finished_at = $3 WHERE id = $1 AND attempts = $2 AND state = 1";
        let lease = &job.lease;
        let ended = write_tx!(self, |tx| {
            if job.dedupe.is_none() {
                sqlx::query(DELETE)
                    .bind(&lease.id)
                    .bind(lease.attempt)
                    .execute(&mut *tx)
                    .await?
                    .rows_affected()
            } else {
                sqlx::query(KEEP)
                    .bind(&lease.id)
                    .bind(lease.attempt)
                    .bind(now)
                    .execute(&mut *tx)
                    .await?
                    .rows_affected()
            }
        });
        Ok(ended == 1)
    }

    /// Records a failure: the job runs again after a backoff (500 ms, doubling, one hour at most)
    /// and not before `earliest`, after two hours at most, or is dead when no attempt is left.
    ///
    /// The first 500 characters of `error` are kept; they must name no person.
    pub async fn fail_job(
        &self,
        job: &LeasedJob,
        error: &str,
        earliest: Timestamp,
        now: Timestamp,
    ) -> Result<JobFailure, StoreError> {
        const AGAIN: &str = "UPDATE job SET state = 0, lease_until = NULL, error = $3, run_at = $4 WHERE id = $1 AND attempts = $2 AND state = 1";
        if job.attempt >= job.max_attempts {
            let buried = self.bury_job(job, error, now).await?;
            return Ok(if buried {
                JobFailure::Dead
            } else {
                JobFailure::LeaseLost
            });
        }
        let run_at = (now + backoff(job.attempt))
            .max(earliest)
            .min(now + LONGEST_WAIT);
        let (lease, error) = (&job.lease, clip(error));
        let again = write_tx!(self, |tx| {
            sqlx::query(AGAIN)
                .bind(&lease.id)
                .bind(lease.attempt)
                .bind(error)
                .bind(run_at)
                .execute(&mut *tx)
                .await?
                .rows_affected()
        });
        Ok(if again == 1 {
            JobFailure::Again(run_at)
        } else {
            JobFailure::LeaseLost
        })
    }

    /// Makes a job a dead letter, whatever attempts it has left. `false`: the lease was lost.
    pub async fn bury_job(
        &self,
        job: &LeasedJob,
        error: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const BURY: &str = "UPDATE job SET state = 3, lease_until = NULL, error = $3, finished_at = $4 WHERE id = $1 AND attempts = $2 AND state = 1";
        let (lease, error) = (&job.lease, clip(error));
        let buried = write_tx!(self, |tx| {
            sqlx::query(BURY)
                .bind(&lease.id)
                .bind(lease.attempt)
                .bind(error)
                .bind(now)
                .execute(&mut *tx)
                .await?
                .rows_affected()
        });
        Ok(buried == 1)
    }

    /// Gives jobs back that were leased but not run to the end, with their attempt: shutdown is not
    /// the job's fault.
    pub async fn release_jobs(&self, leases: &[JobLease]) -> Result<u64, StoreError> {
        if leases.is_empty() {
            return Ok(0);
        }
        Ok(write_tx!(self, |tx| {
            let mut query = QueryBuilder::new(
                "UPDATE job SET state = 0, attempts = attempts - 1, lease_until = NULL WHERE state = 1 AND (id, attempts) IN (",
            );
            query.push_values(leases, |mut row, lease| {
                row.push_bind(lease.id.as_str()).push_bind(lease.attempt);
            });
            query.push(")");
            query.build().execute(&mut *tx).await?.rows_affected()
        }))
    }

    /// How full `queue` is.
    pub async fn job_counts(&self, queue: &str, now: Timestamp) -> Result<JobCounts, StoreError> {
        const SQL: &str = "SELECT CAST(COUNT(CASE WHEN state = 0 THEN 1 END) AS BIGINT) AS waiting, \
             CAST(COUNT(CASE WHEN state = 1 THEN 1 END) AS BIGINT) AS leased, CAST(COUNT(CASE WHEN state = 3 THEN 1 END) AS BIGINT) AS dead, \
             MIN(CASE WHEN state = 0 AND run_at <= $2 THEN run_at END) AS oldest_due FROM job WHERE queue = $1";
        let row: CountRow = read!(self, |db| sqlx::query_as(SQL)
            .bind(queue)
            .bind(now)
            .fetch_one(db)
            .await?);
        let oldest_due_age = row.oldest_due.map_or(Duration::ZERO, |due| now.since(due));
        Ok(JobCounts {
            waiting: row.waiting,
            leased: row.leased,
            dead: row.dead,
            oldest_due_age,
        })
    }

    /// Deletes up to `limit` jobs that were done before `done_before` or dead before `dead_before`,
    /// and says how many.
    ///
    /// A key is free again when its row is gone: `done_before` must reach back further than the
    /// longest period of a schedule.
    pub async fn purge_finished(
        &self,
        done_before: Timestamp,
        dead_before: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        let newest = done_before.max(dead_before);
        Ok(write_tx!(self, |tx| {
            let mut query = QueryBuilder::new(
                "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE state >= 2 AND finished_at < ",
            );
            query
                .push_bind(newest)
                .push(" AND ((state = 2 AND finished_at < ")
                .push_bind(done_before);
            query
                .push(") OR (state = 3 AND finished_at < ")
                .push_bind(dead_before)
                .push(")) ORDER BY finished_at LIMIT ");
            query
                .push_bind(limit)
                .push(self.db.for_update_skip_locked())
                .push(")");
            query.build().execute(&mut *tx).await?.rows_affected()
        }))
    }
}

/// How long a job rests after its `attempt`-th failure, from 1.
fn backoff(attempt: i64) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1))
        .unwrap_or(u32::MAX)
        .min(16);
    FIRST_BACKOFF
        .saturating_mul(1 << doublings)
        .min(LONGEST_BACKOFF)
}

fn clip(error: &str) -> &str {
    error
        .char_indices()
        .nth(ERROR_CHARS)
        .map_or(error, |(end, _)| &error[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_an_hour() {
        let waits: Vec<u128> = (1..=5)
            .map(|attempt| backoff(attempt).as_millis())
            .collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000]);
        assert_eq!(backoff(14), LONGEST_BACKOFF);
        assert_eq!(backoff(i64::MAX), LONGEST_BACKOFF);
    }

    #[test]
    fn errors_are_clipped_between_characters() {
        assert_eq!(clip("kısa"), "kısa");
        assert_eq!(clip(&"ğ".repeat(700)).chars().count(), ERROR_CHARS);
    }
}
