//! Reports, as users make them and moderators decide them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Evidence, bounds::Text1000};
use crate::{
    domain::{ReportDecision, ReportReason, ReportStatus},
    id::{BanId, MatchId, ReportId, UserId},
    time::Timestamp,
};

/// How long after the end of a match its peer can be reported. The server's franking keys must
/// outlast it.
pub const REPORTABLE: Duration = Duration::from_hours(7 * 24);

/// Most messages that a report can show.
pub const MAX_EVIDENCE: usize = 20;

/// Longest note of a report or its resolution, characters.
pub const MAX_NOTE: usize = 1000;

/// `POST /v1/reports`
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ReportRequest {
    pub match_id: MatchId,
    pub reason: ReportReason,
    /// 1 to 1000 characters; of the control characters only line breaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Text1000>)]
    pub note: Option<String>,
    /// At most 20 messages of this match that the peer has sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub evidence: Vec<Evidence>,
}

impl std::fmt::Debug for ReportRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReportRequest")
            .field("match_id", &self.match_id)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// A report that the signed-in user has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    pub id: ReportId,
    pub match_id: MatchId,
    pub reason: ReportReason,
    pub status: ReportStatus,
    pub created_at: Timestamp,
}

/// A report as moderators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdminReport {
    #[serde(flatten)]
    pub report: Report,
    pub reported: ReportedUser,
    pub reporter: ReportingUser,
    /// What the reporter wrote; null if that was nothing, or is erased.
    pub note: Option<String>,
    /// How many messages were attached, even if they are erased.
    pub evidence_count: i64,
    /// How many different users have reported this one within the window of the settings, not
    /// counting dismissed reports.
    pub reporters: i64,
    /// The ban of the reported user that waits for a moderator.
    pub provisional_ban: Option<BanId>,
    /// Absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Resolution>,
    /// Who works on it now; absent if nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
}

/// A report that a moderator works on. Nobody else can decide it meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Taken {
    /// The moderator's handle now.
    pub by: String,
    /// Whether it is the one who asks.
    pub mine: bool,
    pub until: Timestamp,
}

/// The head of the queue of open reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportQueue {
    /// At most 50: the severest first (`threat` and `underage`), then the oldest. Reports by or about
    /// the reader are left out, here and below.
    pub items: Vec<AdminReport>,
    /// How many are open, by reason; those without any are left out.
    pub open: Vec<ReasonCount>,
    /// When the oldest open one was made; null if none is open.
    pub oldest_at: Option<Timestamp>,
}

/// How many reports there are for a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReasonCount {
    pub reason: ReportReason,
    pub count: i64,
}

/// Who is reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportedUser {
    pub user_id: UserId,
    /// The handle now.
    pub handle: String,
    pub is_banned: bool,
}

/// Who reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportingUser {
    pub user_id: UserId,
    /// The handle now.
    pub handle: String,
    /// Reports by this user that were decided.
    pub decided: i64,
    /// Those that were dismissed.
    pub dismissed: i64,
    /// Marked by a moderator.
    pub unreliable: bool,
    /// Whether reports by this user count towards automatic bans now: neither unreliable nor
    /// banned.
    pub counts: bool,
}

/// How a report was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resolution {
    pub by: UserId,
    pub at: Timestamp,
    /// Null if it is erased.
    pub note: Option<String>,
}

/// A report with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportDetails {
    #[serde(flatten)]
    pub report: AdminReport,
    pub evidence: Vec<VerifiedMessage>,
    /// What the reported user said to the warning; absent if nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<WarningAnswer>,
}

/// What a warned user says to it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WarningAnswer {
    pub text: String,
    pub at: Timestamp,
}

impl std::fmt::Debug for WarningAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WarningAnswer")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// `POST /v1/notifications/{id}/answer`
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct AnswerRequest {
    /// 1 to 1000 characters; of the control characters only line breaks.
    #[schema(value_type = Text1000)]
    pub text: String,
}

impl std::fmt::Debug for AnswerRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnswerRequest").finish_non_exhaustive()
    }
}

/// A message of the reported user to the reporter, as it was said.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VerifiedMessage {
    /// Position among the reported user's messages in the match.
    pub seq: i64,
    /// The text of a text message; anything else as JSON.
    pub text: String,
    pub sent_at: Timestamp,
    /// Always true: what is not verified is not stored.
    pub verified: bool,
    /// The franking key that vouches for it.
    pub kid: String,
}

impl std::fmt::Debug for VerifiedMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedMessage")
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}

/// `POST /v1/admin/reports/{id}/resolve`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ResolveRequest {
    pub decision: ReportDecision,
    /// For other moderators: 1 to 1000 characters; of the control characters only line breaks.
    #[schema(value_type = Text1000)]
    pub note: String,
    /// With `ban`: its end; absent if permanent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// `POST /v1/admin/users/{id}/reliability`
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct ReliabilityRequest {
    /// If true, reports by this user count towards no automatic ban.
    pub unreliable: bool,
}
