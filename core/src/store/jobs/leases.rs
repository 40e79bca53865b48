//! Jobs at work: leased, finished, tried again and buried, each by one statement.

use std::time::Duration;

use sqlx_macros::FromRow;

use super::{Jobs, schedules::LONGEST_WAIT};
use crate::store::StoreError;
use tebdil_protocol::time::Timestamp;

/// Wait before the second attempt; it doubles with each one after.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_hours(1);
/// Characters of an error that are kept.
const ERROR_CHARS: usize = 500;

/// The right to work on a job until the lease runs out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, FromRow)]
pub struct JobLease {
    id: String,
    #[sqlx(rename = "attempts")]
    attempt: i64,
}

/// A job that was leased.
#[derive(Debug, Clone, FromRow)]
pub struct LeasedJob {
    #[sqlx(flatten)]
    pub lease: JobLease,
    pub payload: Vec<u8>,
    /// The attempt that this is, from 1.
    #[sqlx(rename = "attempts")]
    pub attempt: i64,
    pub max_attempts: i64,
    pub dedupe: Option<String>,
    pub run_at: Timestamp,
    /// When it was pushed.
    pub created_at: Timestamp,
}

/// What [`Jobs::lease_jobs`] found.
#[derive(Debug, Clone, Default)]
pub struct Leased {
    /// Oldest first.
    pub jobs: Vec<LeasedJob>,
    /// How many jobs were buried because their last attempt never came back.
    pub buried: u64,
}

#[derive(FromRow)]
struct TakenRow {
    #[sqlx(flatten)]
    job: LeasedJob,
    /// Not where it was buried.
    leased: bool,
}

/// Order and limit have each queue looked up by the index, however many jobs wait in it.
pub(super) const DUE: &str = "SELECT v.column1 FROM ({rows}) AS v WHERE (SELECT j.id FROM job j \
     WHERE j.queue = v.column1 AND j.state < 2 AND j.run_at <= $1 \
     AND (j.state = 0 OR j.lease_until <= $1) ORDER BY j.run_at LIMIT 1) IS NOT NULL";

/// Leases, and buries what ran out with its last attempt. MATERIALIZED: a plan that ran the inner
/// select twice would lock more rows than it returns.
pub(super) const LEASE: &str = "WITH due AS MATERIALIZED (SELECT j.id AS due_id, \
     (j.state = 1 AND j.attempts >= j.max_attempts) AS worn FROM job j WHERE j.state < 2 \
     AND j.queue = $1 AND j.run_at <= $2 AND (j.state = 0 OR j.lease_until <= $2) \
     ORDER BY j.run_at, j.id LIMIT $3 FOR UPDATE SKIP LOCKED) \
     UPDATE job SET state = CASE WHEN worn THEN 3 ELSE 1 END, \
     attempts = CASE WHEN worn THEN attempts ELSE attempts + 1 END, \
     lease_until = CASE WHEN worn THEN NULL ELSE $4 END, \
     error = CASE WHEN worn THEN 'the last attempt did not come back' ELSE error END, \
     finished_at = CASE WHEN worn THEN $2 END FROM due WHERE id = due_id \
     RETURNING id, payload, attempts, max_attempts, dedupe, run_at, created_at, \
     state = 1 AS leased";

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

impl JobLease {
    /// The job's id, for logs.
    pub fn job_id(&self) -> &str {
        &self.id
    }
}

impl Jobs<'_> {
    /// Which of `queues` have a job that is due. Idle workers only read: on SQLite a write would
    /// queue up with the messages.
    pub async fn due_queues(
        self,
        queues: &[&str],
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let query = self.read(DUE).rows(queues, |row, queue| {
            row.bind(**queue);
        });
        Ok(query.bind(now).values().await?)
    }

    /// Leases up to `limit` due jobs of `queue` until `now + lease_for`, each counting one attempt.
    ///
    /// A job whose lease ran out is due again; one that has no attempt left is buried instead. No
    /// job is handed to two callers at once.
    pub async fn lease_jobs(
        self,
        queue: &str,
        limit: i64,
        lease_for: Duration,
        now: Timestamp,
    ) -> Result<Leased, StoreError> {
        // Who may make no ids now would have its jobs fail one after the other.
        self.ids.check()?;
        let query = self.write(LEASE).bind(queue).bind(now).bind(limit);
        let taken: Vec<TakenRow> = query.bind(now + lease_for).all().await?;
        let (leased, buried): (Vec<_>, Vec<_>) = taken.into_iter().partition(|row| row.leased);
        let mut jobs: Vec<LeasedJob> = leased.into_iter().map(|row| row.job).collect();
        jobs.sort_by(|a, b| (a.run_at, &a.lease.id).cmp(&(b.run_at, &b.lease.id)));
        Ok(Leased {
            jobs,
            buried: buried.len() as u64,
        })
    }

    /// Moves the end of leases to `until`, and says how many of them still stood.
    pub async fn extend_leases(
        self,
        leases: &[JobLease],
        until: Timestamp,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE job SET lease_until = $1 \
             WHERE state = 1 AND (id, attempts) IN ({rows})";
        let query = self.write(SQL).rows(leases, |row, lease| {
            row.bind(&lease.id).bind(lease.attempt);
        });
        Ok(query.bind(until).execute().await?)
    }

    /// Ends a job that is done. One with a key stays as done, so that the key stays taken; others
    /// are deleted. `false`: the lease was lost.
    pub async fn finish_job(self, job: &LeasedJob, now: Timestamp) -> Result<bool, StoreError> {
        const DELETE: &str = "DELETE FROM job WHERE id = $1 AND attempts = $2 AND state = 1";
        const KEEP: &str = "UPDATE job \
             SET state = 2, lease_until = NULL, error = NULL, finished_at = $3 \
             WHERE id = $1 AND attempts = $2 AND state = 1";
        let JobLease { id, attempt } = &job.lease;
        let query = if job.dedupe.is_none() {
            self.write(DELETE).bind(id).bind(*attempt)
        } else {
            self.write(KEEP).bind(id).bind(*attempt).bind(now)
        };
        Ok(query.execute().await? == 1)
    }

    /// Records a failure: the job runs again after a backoff (500 ms, doubling, one hour at most)
    /// and not before `earliest`, after two hours at most, or is dead when no attempt is left.
    ///
    /// The first 500 characters of `error` are kept; they must name no person.
    pub async fn fail_job(
        self,
        job: &LeasedJob,
        error: &str,
        earliest: Timestamp,
        now: Timestamp,
    ) -> Result<JobFailure, StoreError> {
        const AGAIN: &str = "UPDATE job \
             SET state = 0, lease_until = NULL, error = $3, run_at = $4 \
             WHERE id = $1 AND attempts = $2 AND state = 1";
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
        let JobLease { id, attempt } = &job.lease;
        let query = self.write(AGAIN).bind(id).bind(*attempt);
        let again = query.bind(clip(error)).bind(run_at).execute().await?;
        Ok(if again == 1 {
            JobFailure::Again(run_at)
        } else {
            JobFailure::LeaseLost
        })
    }

    /// Makes a job a dead letter, whatever attempts it has left. `false`: the lease was lost.
    pub async fn bury_job(
        self,
        job: &LeasedJob,
        error: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const BURY: &str = "UPDATE job \
             SET state = 3, lease_until = NULL, error = $3, finished_at = $4 \
             WHERE id = $1 AND attempts = $2 AND state = 1";
        let JobLease { id, attempt } = &job.lease;
        let query = self.write(BURY).bind(id).bind(*attempt);
        Ok(query.bind(clip(error)).bind(now).execute().await? == 1)
    }

    /// Gives jobs back that were leased but not run to the end, with their attempt: shutdown is not
    /// the job's fault.
    pub async fn release_jobs(self, leases: &[JobLease]) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE job \
             SET state = 0, attempts = attempts - 1, lease_until = NULL \
             WHERE state = 1 AND (id, attempts) IN ({rows})";
        let query = self.write(SQL).rows(leases, |row, lease| {
            row.bind(&lease.id).bind(lease.attempt);
        });
        Ok(query.execute().await?)
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
