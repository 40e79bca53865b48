//! What the server itself tells users: on their sockets, in their language; and waking those who
//! are away.

mod texts;
mod wakeups;

use std::sync::Arc;

use tebdil_core::store::Notified;
use tebdil_protocol::{Notification, NotificationsRead, Quota, ServerFrame, id::UserId};
pub use texts::Texts;
pub use wakeups::{Wakeups, WakeupsTask};

use crate::hub::Hub;

/// Tells a user's sockets, at any node, what the store has committed. A user who is away finds it
/// when coming back.
#[derive(Debug, Clone)]
pub struct Notifier {
    hub: Arc<Hub>,
    texts: Texts,
}

impl Notifier {
    pub fn new(hub: Arc<Hub>, texts: Texts) -> Self {
        Self { hub, texts }
    }

    /// Sends `notification`.
    pub fn tell(&self, notified: &Notified) {
        self.hub.send(
            notified.user_id,
            &ServerFrame::Notification {
                notification: self.shown(notified),
            },
        );
    }

    /// Sends `notification.read`.
    pub fn read(&self, user: UserId, read: NotificationsRead) {
        self.hub.send(user, &ServerFrame::NotificationsRead(read));
    }

    /// Sends `quota`.
    pub fn quota(&self, user: UserId, quota: Quota) {
        self.hub.send(user, &ServerFrame::Quota { quota });
    }

    /// A notification in the language of its reader.
    pub fn shown(&self, notified: &Notified) -> Notification {
        Notification {
            id: notified.id,
            kind: notified.notice.kind(),
            message: self.texts.message(&notified.notice, notified.locale),
            data: notified.notice.clone(),
            read: notified.read,
            created_at: notified.created_at,
        }
    }
}
