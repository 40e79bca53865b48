//! What the server tells a user by itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Ad, bounds::Text500};
use crate::{
    TargetGroup,
    domain::NotificationType,
    id::{AnnouncementId, NotificationId},
    notice::Notice,
    time::Timestamp,
};

/// A stored notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notification {
    pub id: NotificationId,
    #[serde(rename = "type")]
    pub kind: NotificationType,
    /// In the language of the account.
    pub message: String,
    /// What it is about, for programs; `code` names the rest.
    pub data: Notice,
    pub read: bool,
    pub created_at: Timestamp,
}

/// `POST /v1/notifications/read`: exactly one of the two.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ReadRequest {
    /// 1 to 100. Those that are not the user's, or no longer kept, are ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<NotificationId>>,
    /// `true`: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<bool>,
}

/// How many notifications are unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unread {
    pub unread: i64,
}

/// Notifications were read, on whichever device of the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotificationsRead {
    /// Which; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<NotificationId>>,
    /// How many are left.
    pub unread: i64,
}

/// `POST /v1/admin/announcements`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AnnouncementRequest {
    /// What users with Turkish texts read: 1 to 500 characters.
    #[schema(value_type = Text500)]
    pub tr: String,
    /// What users with English texts read: 1 to 500 characters.
    #[schema(value_type = Text500)]
    pub en: String,
    /// `all` (when absent), `free` or `premium`, `locale:tr` or `locale:en`, or one of each with a
    /// comma between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetGroup>,
}

/// What the operator tells many users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Announcement {
    pub id: AnnouncementId,
    /// Empty for an ad.
    pub tr: String,
    /// Empty for an ad.
    pub en: String,
    /// The ad that is told instead, as it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ad: Option<Ad>,
    pub target: TargetGroup,
    pub created_at: Timestamp,
    /// How many users were told so far.
    pub told: i64,
    /// When the last one was told; absent until then.
    pub finished_at: Option<Timestamp>,
}
