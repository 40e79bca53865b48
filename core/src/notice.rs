//! What the server pushes to users who are away.

use serde::{Deserialize, Serialize};
use tebdil_protocol::{
    domain::NotificationType,
    id::{MatchId, NotificationId, SessionId, UserId},
};

/// The queue of [`PushOrder`]s.
pub const PUSH_QUEUE: &str = "push";

/// Attempts of a [`PushOrder`]: about four minutes.
pub const PUSH_ATTEMPTS: i64 = 10;

/// The queue of the job that tells users of announcements; its payload is empty.
pub const ANNOUNCE_QUEUE: &str = "announce";

/// A wake-up for the devices of a user who may be away. Nothing here is content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PushOrder {
    /// A notification was stored.
    Notification {
        user_id: UserId,
        id: NotificationId,
        #[serde(rename = "type")]
        of: NotificationType,
    },
    /// Messages wait in a match, for the one device that can read them.
    Message {
        user_id: UserId,
        match_id: MatchId,
        session_id: SessionId,
    },
    /// A search that outlived its connection became a match, for this one device.
    Match {
        user_id: UserId,
        match_id: MatchId,
        session_id: SessionId,
    },
}

impl PushOrder {
    /// Whose devices to wake.
    pub const fn user_id(&self) -> UserId {
        match self {
            Self::Notification { user_id, .. }
            | Self::Message { user_id, .. }
            | Self::Match { user_id, .. } => *user_id,
        }
    }

    /// The type by which users can turn it off.
    pub const fn kind(&self) -> NotificationType {
        match self {
            Self::Notification { of, .. } => *of,
            Self::Message { .. } | Self::Match { .. } => NotificationType::Match,
        }
    }

    /// The one device that it concerns; `None` for all of the user's.
    pub const fn device(&self) -> Option<SessionId> {
        match self {
            Self::Notification { .. } => None,
            Self::Message { session_id, .. } | Self::Match { session_id, .. } => Some(*session_id),
        }
    }
}
