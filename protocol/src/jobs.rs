//! Background jobs as operators see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{domain::JobState, id::JobId, time::Timestamp};

/// A background job, without what it works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdminJob {
    pub id: JobId,
    pub queue: String,
    pub state: JobState,
    /// How often it was started.
    pub attempts: i64,
    pub max_attempts: i64,
    /// Why the last attempt failed, in English.
    pub error: Option<String>,
    /// It does not start before.
    pub run_at: Timestamp,
    /// While it runs: until when its worker has leased it.
    pub lease_until: Option<Timestamp>,
    pub created_at: Timestamp,
    /// When it was done or became dead.
    pub finished_at: Option<Timestamp>,
}

/// How full a queue is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobQueue {
    pub queue: String,
    /// Due, or resting until their time.
    pub waiting: i64,
    pub leased: i64,
    pub dead: i64,
    /// How long the oldest due job has been waiting; 0 when none is due.
    pub oldest_due_s: u64,
}

/// Every queue there is, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobQueues {
    pub items: Vec<JobQueue>,
}
