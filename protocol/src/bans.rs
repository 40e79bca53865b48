//! Bans and appeals.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bounds::{Text500, Text4000};
use crate::{
    domain::{AppealDecision, AppealStatus},
    id::{AppealId, BanId, UserId},
    time::Timestamp,
};

/// `POST /v1/admin/users/{id}/ban`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BanRequest {
    /// What the user is told: 1 to 500 characters.
    #[schema(value_type = Text500)]
    pub reason: String,
    /// When it ends, within ten years; absent if permanent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// `POST /v1/admin/users/{id}/unban`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UnbanRequest {
    /// For moderators: 1 to 500 characters.
    #[schema(value_type = Text500)]
    pub note: String,
}

/// `POST /v1/admin/bans/{id}/confirm`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BanConfirmation {
    /// For moderators: 1 to 500 characters.
    #[schema(value_type = Text500)]
    pub note: String,
    /// When it ends, within ten years; absent to leave the end unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A ban as moderators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(feature = "sqlx", derive(sqlx_macros::FromRow))]
pub struct AdminBan {
    pub id: BanId,
    /// Who was banned. The ban is for the phone: it outlives the account.
    pub user_id: Option<UserId>,
    pub handle: Option<String>,
    /// What the user is told: a moderator's words, or the reason of the reports that led to it.
    pub reason: String,
    /// Made by the job that counts reports.
    pub automatic: bool,
    /// Waits for a moderator.
    pub provisional: bool,
    /// In force.
    pub active: bool,
    pub created_at: Timestamp,
    /// Absent if permanent.
    pub until: Option<Timestamp>,
    /// Absent for the system.
    pub created_by: Option<UserId>,
    pub confirmed_at: Option<Timestamp>,
    pub confirmed_by: Option<UserId>,
    pub confirm_note: Option<String>,
    pub lifted_at: Option<Timestamp>,
    pub lifted_by: Option<UserId>,
    pub lift_note: Option<String>,
    /// The state of the appeal against it; absent if there is none.
    pub appeal: Option<AppealStatus>,
}

/// `POST /v1/appeals`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AppealRequest {
    /// Why the ban is wrong: 1 to 4000 characters.
    #[schema(value_type = Text4000)]
    pub text: String,
}

/// An appeal as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(feature = "sqlx", derive(sqlx_macros::FromRow))]
pub struct Appeal {
    pub id: AppealId,
    pub status: AppealStatus,
    pub created_at: Timestamp,
    /// Absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
}

/// An appeal as moderators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdminAppeal {
    #[serde(flatten)]
    pub appeal: Appeal,
    pub text: String,
    pub user_id: UserId,
    /// Absent for an erased account.
    pub handle: Option<String>,
    pub ban: AppealedBan,
    pub decided_by: Option<UserId>,
    pub note: Option<String>,
}

/// The ban that an appeal is against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppealedBan {
    pub id: BanId,
    pub reason: String,
    pub automatic: bool,
    pub provisional: bool,
    pub created_at: Timestamp,
    /// Absent if permanent.
    pub until: Option<Timestamp>,
    /// Whether whoever asks has made or confirmed it, and so may not decide.
    pub banned_by_me: bool,
}

/// `POST /v1/admin/appeals/{id}/decide`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AppealDecisionRequest {
    pub decision: AppealDecision,
    /// For moderators: 1 to 500 characters.
    #[schema(value_type = Text500)]
    pub note: String,
}
