//! The body of `GET /v1/admin/overview`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time::Timestamp;

/// How the service is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    pub live: Live,
    pub totals: OverviewTotals,
    /// The last 30 local days that were counted, newest first. The counts of today are up to an
    /// hour old.
    pub days: Vec<DayStatistics>,
}

/// What the nodes see: counted every 5 seconds, or 15 while nothing changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Live {
    /// People with a connection. Somebody who is connected to two nodes counts twice.
    pub online: i64,
    pub text: LiveQueue,
    pub video: LiveQueue,
    /// When this was counted.
    pub at: Timestamp,
}

/// People who search in a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LiveQueue {
    pub searching: i64,
    /// Seconds that the one who came first has waited; null if nobody searches.
    pub oldest_wait_s: Option<i64>,
}

/// Current totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OverviewTotals {
    pub users: i64,
    /// Users with premium.
    pub premium_users: i64,
    pub active_matches: i64,
    pub pending_claims: i64,
    /// Reports that wait for a moderator.
    pub open_reports: i64,
    /// Appeals that wait for a moderator.
    pub open_appeals: i64,
    /// Bans in force that wait for a moderator to confirm or lift them.
    pub provisional_bans: i64,
    /// Background jobs that were given up.
    pub dead_jobs: i64,
}

/// What happened on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DayStatistics {
    /// `YYYY-MM-DD` in the time zone of the quota.
    pub day: String,
    pub registrations: i64,
    pub text_matches: i64,
    pub video_matches: i64,
    /// Messages with content; handshakes do not count.
    pub messages: i64,
    /// Claims that were made on the day.
    pub claims: i64,
    /// Claims that were approved on the day.
    pub claims_approved: i64,
    pub reports: i64,
    /// Bans that began on the day, those by the system too.
    pub bans: i64,
    /// People who used the service on the day, as of the last count before its end, which is up to
    /// an hour before it; 0 if nobody counted while the day lasted.
    pub active_users: i64,
    /// Whether the day was over when it was counted.
    pub complete: bool,
}
