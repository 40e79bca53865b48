//! Notices, pushes and announcements.

pub(crate) mod announcements;
pub(crate) mod notifications;
pub(crate) mod push;
pub(crate) mod wakeups;

pub use announcements::{AdNotifying, NewAnnouncement};
pub use notifications::{MarkedRead, Notified};
pub use push::{PushAudience, PushTarget, PutPushTarget};
pub use wakeups::{SideDevice, SidePosition, SidesToWake};

use std::ops::Deref;

use super::Store;

/// Notices, pushes and announcements.
#[derive(Debug, Clone, Copy)]
pub struct Notices<'s>(&'s Store);

impl Store {
    /// Notices, pushes and announcements.
    pub const fn notices(&self) -> Notices<'_> {
        Notices(self)
    }
}

impl Deref for Notices<'_> {
    type Target = Store;

    fn deref(&self) -> &Store {
        self.0
    }
}
