//! What the server tells a user by itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{domain::NotificationType, id::NotificationId, notice::Notice, time::Timestamp};

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
