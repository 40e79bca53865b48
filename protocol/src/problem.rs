//! The body of a refusal.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ErrorCode, Secret};
use crate::{domain::ClaimRefusal, time::Timestamp};

/// RFC 9457 problem details, with our extensions.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the code is what identifies the problem.
    #[serde(rename = "type")]
    pub type_uri: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    pub code: ErrorCode,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// With `quota_exhausted`: when the allowance is renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<Timestamp>,
    /// With `banned`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ban: Option<BanNotice>,
    /// With `banned` at login: good for appeals against this ban for an hour, and for nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appeal_token: Option<Secret>,
    /// With `not_eligible`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ClaimRefusal>,
    /// With `not_eligible`: when the match can be claimed, if waiting helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eligible_at: Option<Timestamp>,
}

/// A field that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    pub field: String,
    pub code: ErrorCode,
    pub detail: String,
}

/// What a banned user is told.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BanNotice {
    /// What the moderator wrote for the user; for a ban after reports, their reason, one of those
    /// of a report.
    pub reason: String,
    /// Absent for a permanent ban.
    pub until: Option<Timestamp>,
    /// Whether the appeal token that came along can be used to appeal: nobody has appealed against
    /// this ban yet.
    pub appealable: bool,
}
