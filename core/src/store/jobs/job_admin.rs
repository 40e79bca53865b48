//! Background jobs as operators see and mend them.

use serde_json::json;
use sqlx_macros::FromRow;

use super::{
    Jobs,
    system_logs::{SystemLog, log},
};
use crate::store::StoreError;
use tebdil_protocol::{
    AdminJob, JobQueue,
    domain::JobState,
    id::{JobId, UserId},
    time::Timestamp,
};

/// Attempts that a dead job gets when it is retried.
const RETRY_ATTEMPTS: i64 = 5;

/// Which jobs a list holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct JobFilter<'a> {
    pub state: Option<JobState>,
    pub queue: Option<&'a str>,
    /// Only jobs with smaller ids.
    pub before: Option<JobId>,
}

/// What became of a wish to mend a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mended {
    Done,
    /// It waits, runs, or is done already.
    NotDead,
    NotFound,
}

#[derive(FromRow)]
struct ViewRow {
    id: JobId,
    queue: String,
    state: i64,
    attempts: i64,
    max_attempts: i64,
    error: Option<String>,
    run_at: Timestamp,
    lease_until: Option<Timestamp>,
    created_at: Timestamp,
    finished_at: Option<Timestamp>,
}

#[derive(FromRow)]
struct QueueRow {
    queue: String,
    waiting: i64,
    leased: i64,
    dead: i64,
    oldest_due: Option<Timestamp>,
}

const fn number(state: JobState) -> i64 {
    match state {
        JobState::Waiting => 0,
        JobState::Leased => 1,
        JobState::Done => 2,
        JobState::Dead => 3,
    }
}

impl TryFrom<ViewRow> for AdminJob {
    type Error = StoreError;

    fn try_from(row: ViewRow) -> Result<Self, StoreError> {
        let state = JobState::ALL
            .iter()
            .copied()
            .find(|state| number(*state) == row.state);
        Ok(Self {
            id: row.id,
            queue: row.queue,
            state: state.ok_or(StoreError::Corrupt { what: "job.state" })?,
            attempts: row.attempts,
            max_attempts: row.max_attempts,
            error: row.error,
            run_at: row.run_at,
            lease_until: row.lease_until,
            created_at: row.created_at,
            finished_at: row.finished_at,
        })
    }
}

impl Jobs<'_> {
    /// Jobs, newest first, without what they work on.
    pub async fn list_jobs(
        self,
        filter: JobFilter<'_>,
        limit: i64,
    ) -> Result<Vec<AdminJob>, StoreError> {
        // Ids are numbers as text, which has another order.
        const SQL: &str = "SELECT CAST(id AS BIGINT) AS id, queue, state, attempts, max_attempts, \
             error, run_at, lease_until, created_at, finished_at \
             FROM job WHERE CAST(id AS BIGINT) < $1";
        let before = filter.before.unwrap_or(JobId(i64::MAX));
        let mut query = self.read(SQL).bind(before);
        if let Some(state) = filter.state {
            // The first half is what lets both databases use their partial indexes.
            let condition = match state {
                JobState::Waiting | JobState::Leased => " AND state < 2 AND state = ",
                JobState::Done | JobState::Dead => " AND state >= 2 AND state = ",
            };
            query = query.push(condition).push_bind(number(state));
        }
        if let Some(queue) = filter.queue {
            query = query.push(" AND queue = ").push_bind(queue);
        }
        query = query.push(" ORDER BY CAST(id AS BIGINT) DESC LIMIT ");
        let rows: Vec<ViewRow> = query.push_bind(limit).all().await?;
        rows.into_iter().map(AdminJob::try_from).collect()
    }

    /// How full each queue is that has jobs, by name.
    pub async fn job_queues(self, now: Timestamp) -> Result<Vec<JobQueue>, StoreError> {
        const SQL: &str = "SELECT queue, \
             CAST(COUNT(CASE WHEN state = 0 THEN 1 END) AS BIGINT) AS waiting, \
             CAST(COUNT(CASE WHEN state = 1 THEN 1 END) AS BIGINT) AS leased, \
             CAST(COUNT(CASE WHEN state = 3 THEN 1 END) AS BIGINT) AS dead, \
             MIN(CASE WHEN state = 0 AND run_at <= $1 THEN run_at END) AS oldest_due \
             FROM job GROUP BY queue ORDER BY queue";
        let rows: Vec<QueueRow> = self.db.all(SQL, (now,)).await?;
        let shown = rows.into_iter().map(|row| JobQueue {
            queue: row.queue,
            waiting: row.waiting,
            leased: row.leased,
            dead: row.dead,
            oldest_due_s: row.oldest_due.map_or(0, |due| now.since(due).as_secs()),
        });
        Ok(shown.collect())
    }

    /// Has a dead job run again, now, with five attempts more. Its number of attempts goes on, so
    /// that a worker that still believes it has it cannot end it.
    pub async fn retry_job(
        self,
        actor: UserId,
        id: JobId,
        now: Timestamp,
    ) -> Result<Mended, StoreError> {
        const SQL: &str = "UPDATE job \
             SET state = 0, max_attempts = attempts + $2, run_at = $3, finished_at = NULL \
             WHERE id = $1 AND state = 3 RETURNING queue, attempts";
        let mut tx = self.begin().await?;
        let params = (id.to_string(), RETRY_ATTEMPTS, now);
        let mended: Option<(String, i64)> = tx.optional(SQL, params).await?;
        if let Some((queue, attempts)) = &mended {
            tx.wake_workers();
            let retried = SystemLog {
                action: "job_retried",
                user: None,
                actor: Some(actor),
                details: json!({ "job_id": id, "queue": queue, "attempts": attempts }),
            };
            log(&mut tx, &retried, now).await?;
        }
        tx.commit().await?;
        self.mended(id, mended.is_some()).await
    }

    /// Deletes a dead job; its key is free again.
    pub async fn delete_job(
        self,
        actor: UserId,
        id: JobId,
        now: Timestamp,
    ) -> Result<Mended, StoreError> {
        const SQL: &str =
            "DELETE FROM job WHERE id = $1 AND state = 3 RETURNING queue, attempts, error";
        let mut tx = self.begin().await?;
        let mended: Option<(String, i64, Option<String>)> =
            tx.optional(SQL, (id.to_string(),)).await?;
        if let Some((queue, attempts, error)) = &mended {
            let deleted = SystemLog {
                action: "job_deleted",
                user: None,
                actor: Some(actor),
                details: json!({
                    "job_id": id, "queue": queue, "attempts": attempts, "error": error,
                }),
            };
            log(&mut tx, &deleted, now).await?;
        }
        tx.commit().await?;
        self.mended(id, mended.is_some()).await
    }

    /// Why a job was not mended, if it was not.
    async fn mended(self, id: JobId, done: bool) -> Result<Mended, StoreError> {
        const SQL: &str = "SELECT id FROM job WHERE id = $1";
        if done {
            return Ok(Mended::Done);
        }
        let found: Option<String> = self.db.optional_value(SQL, (id.to_string(),)).await?;
        Ok(found.map_or(Mended::NotFound, |_| Mended::NotDead))
    }
}
