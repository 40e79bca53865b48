//! Accounts, matches and the record of acts as staff see them, without phone, birth year or
//! location.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Quota, Secret, bounds::PhoneText};
use crate::{
    domain::{EndReason, MatchRole, MatchStatus, Mode, UserRole},
    id::{MatchId, SystemLogId, UserId},
    time::Timestamp,
};

/// An account as staff see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdminUser {
    pub id: UserId,
    /// `kediadam#9021`; null when the account is erased.
    pub handle: Option<String>,
    /// Country code and last two digits; null when the account is erased.
    pub phone_masked: Option<String>,
    pub role: UserRole,
    pub is_banned: bool,
    pub is_premium: bool,
    pub created_at: Timestamp,
    pub last_active: Timestamp,
    /// When its user erased it. Matches and reports still refer to it.
    pub erased_at: Option<Timestamp>,
}

/// `GET /v1/admin/users/{id}`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdminUserDetail {
    #[serde(flatten)]
    pub user: AdminUser,
    /// The remaining allowance; null if the account is erased.
    pub quota: Option<Quota>,
    /// A moderator has said so: the user's reports count towards no automatic ban.
    pub unreliable: bool,
    pub counts: AdminUserCounts,
}

/// Counts about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(feature = "sqlx", derive(sqlx_macros::FromRow))]
pub struct AdminUserCounts {
    /// Reports about the user that wait for a moderator.
    pub reports_open: i64,
    /// Reports about the user that were decided.
    pub reports_decided: i64,
    /// How many different users reported this one in the last 30 days.
    pub reporters_30d: i64,
    /// Reports that the user made.
    pub reports_made: i64,
    /// Those of them that were dismissed.
    pub reports_made_dismissed: i64,
    /// Bans of the phone, including past ones.
    pub bans: i64,
    pub matches: i64,
    pub claims: i64,
    /// Devices that are signed in.
    pub sessions: i64,
}

/// `POST /v1/admin/users/find`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FindUsersRequest {
    /// E.164, or a national number of the default region.
    #[schema(value_type = PhoneText)]
    pub phone: Secret,
}

/// The accounts that have or had the phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundUsers {
    /// Newest first: the account that has the phone, and erased ones that had it while reports and
    /// bans can still concern them.
    pub items: Vec<AdminUser>,
}

/// `POST /v1/admin/users/{id}/role`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoleRequest {
    pub role: UserRole,
}

/// A match as staff see it: who, when and how much, never what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdminMatch {
    pub id: MatchId,
    pub mode: Mode,
    pub status: MatchStatus,
    /// The offerer, then the answerer.
    pub sides: Vec<AdminMatchSide>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// When a side of a call first said that it is connected.
    pub connected_at: Option<Timestamp>,
    /// When a side of a call first said that it failed.
    pub call_failed_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub ended_reason: Option<EndReason>,
    /// Null for the system, and while the match goes on.
    pub ended_by: Option<UserId>,
}

/// One user of a match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdminMatchSide {
    pub user_id: UserId,
    /// Null when the account is erased.
    pub handle: Option<String>,
    pub role: MatchRole,
    /// Messages with content that the user sent, as far as they are still logged.
    pub messages: i64,
}

/// An act of staff or of the system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SystemLogEntry {
    pub id: SystemLogId,
    /// What was done, e.g. `role_changed`.
    pub action: String,
    /// Whom it is about.
    pub user_id: Option<UserId>,
    /// Null if it is about nobody, or the account is erased.
    pub user_handle: Option<String>,
    /// Who did it; null for the system.
    pub actor_id: Option<UserId>,
    /// Null for the system, or if the account is erased.
    pub actor_handle: Option<String>,
    /// Details of the act; for a change `before` and `after`.
    #[schema(value_type = Object)]
    pub details: serde_json::Value,
    pub created_at: Timestamp,
}
