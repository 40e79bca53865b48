//! What users are told by the server itself, on their sockets.

use std::sync::Arc;

use tebdil_core::{
    id::UserId,
    protocol::{Notification, Quota, ServerFrame},
    store::Notified,
};

use crate::hub::Hub;

/// Tells the sockets of a user, at whichever node, what the store has committed. One that is away finds it when it comes back.
#[derive(Debug, Clone)]
pub struct Notifier {
    hub: Arc<Hub>,
}

impl Notifier {
    pub fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }

    /// Sends `notification`.
    pub fn tell(&self, notified: &Notified) {
        self.hub.send(notified.user_id, &ServerFrame::Notification { notification: shown(notified) });
    }

    /// Sends `quota`.
    pub fn quota(&self, user: UserId, quota: Quota) {
        self.hub.send(user, &ServerFrame::Quota { quota });
    }
}

/// A notification in the language of its reader.
pub fn shown(notified: &Notified) -> Notification {
    Notification {
        id: notified.id,
        kind: notified.notice.kind(),
        message: notified.notice.code().to_owned(),
        data: notified.notice.clone(),
        read: notified.read,
        created_at: notified.created_at,
    }
}
