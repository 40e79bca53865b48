//! Who is connected, and where.

use bytes::Bytes;

use super::{RealtimeError, link::Link};
use tebdil_protocol::{
    id::{SessionId, UserId},
    time::Timestamp,
};

/// A connection of a signed-in device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Device {
    pub user: UserId,
    pub session: SessionId,
    /// Names the connection within its node; grows from connection to connection.
    pub connection: u64,
}

/// When a device joined: the order of joining, over all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(pub(crate) i64);

impl Stamp {
    /// About the stamp of a device that could not join at `time`, so that it does not pass for
    /// later than one that joined meanwhile.
    pub const fn at(time: Timestamp) -> Self {
        Self(time.millis().saturating_mul(1_000))
    }
}

/// What peers are told of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// What is true, if that is not what they were told last.
    News,
    /// The same; of a user who is online and known as such, that it was gone and is back.
    Returned,
    /// What is true, whatever they were told.
    Again,
}

/// What a joining device finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    pub stamp: Stamp,
    /// The user has devices at other nodes too.
    pub elsewhere: bool,
    /// The user's only device came back before its old connection was known to be gone.
    pub returned: bool,
}

/// What the peer in one match is told of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Who is told.
    pub peer: UserId,
    /// The message in case the user is online.
    pub online: Bytes,
    /// The message in case it is not.
    pub offline: Bytes,
}

/// Which devices of a user are connected at which node.
///
/// A node that is silent for 5 seconds is dead: its devices are gone then, which the other nodes
/// see and announce. A session has one connection, the last that joined. Changes of one user happen
/// one after the other, whichever nodes they come from.
#[derive(Debug, Clone)]
pub struct Presence(pub(crate) Link);

impl Presence {
    /// Adds a connection of this node. An older one of the same session goes, and the oldest of the
    /// user while there are more than `max_devices`; their nodes (also this one) get
    /// [`BusEvent::Replaced`](super::BusEvent::Replaced). The other nodes of the user's devices,
    /// also of those that go, get [`BusEvent::Elsewhere`](super::BusEvent::Elsewhere).
    ///
    /// With `again`, the stamp of its first join, a connection is added once more after
    /// [`BusEvent::Forgotten`](super::BusEvent::Forgotten): one of the same session that joined
    /// later meanwhile stays, and this one is the replaced one.
    ///
    /// # Errors
    /// [`RealtimeError`]; whether it was added is not known then, and
    /// [`BusEvent::Forgotten`](super::BusEvent::Forgotten) will follow.
    pub async fn join(
        &self,
        device: Device,
        max_devices: usize,
        again: Option<Stamp>,
    ) -> Result<Joined, RealtimeError> {
        match &self.0 {
            Link::Local(link) => link.join(device, max_devices, again).await,
            Link::Redis(link) => link.join(device, max_devices, again).await,
        }
    }

    /// Takes a connection out. One that was replaced, or is not there, changes nothing.
    ///
    /// # Errors
    /// As for [`Presence::join`].
    pub async fn leave(&self, device: Device) -> Result<(), RealtimeError> {
        match &self.0 {
            Link::Local(link) => link.leave(device).await,
            Link::Redis(link) => link.leave(device).await,
        }
    }

    /// Whether each of these users has a connection, at whichever node.
    ///
    /// # Errors
    /// [`RealtimeError`]; [`BusEvent::Forgotten`](super::BusEvent::Forgotten) will follow, as
    /// somebody may have been told a guess instead.
    pub async fn online(&self, users: &[UserId]) -> Result<Vec<bool>, RealtimeError> {
        match &self.0 {
            Link::Local(link) => link.online(users).await,
            Link::Redis(link) => link.online(users).await,
        }
    }

    /// Whether each of these devices has a connection, at whichever node.
    ///
    /// # Errors
    /// As for [`Presence::online`].
    pub async fn present(
        &self,
        devices: &[(UserId, SessionId)],
    ) -> Result<Vec<bool>, RealtimeError> {
        match &self.0 {
            Link::Local(link) => link.present(devices).await,
            Link::Redis(link) => link.present(devices).await,
        }
    }

    /// Tells the peers of `user` whether it is online, if that is not what they were told last.
    ///
    /// In one step: reading the state, comparing it with what was said last, and sending to every
    /// node of each peer, *this one included*, as [`BusEvent::Message`](super::BusEvent::Message).
    /// So the last word is true, whichever nodes announce at the same time. With `returned`, a user
    /// who is online and known as such is announced as gone and back.
    ///
    /// # Errors
    /// [`RealtimeError`]; whether anybody was told is not known then.
    pub async fn announce(
        &self,
        user: UserId,
        returned: bool,
        to: &[Announcement],
    ) -> Result<(), RealtimeError> {
        let word = if returned { Word::Returned } else { Word::News };
        match &self.0 {
            Link::Local(link) => link.announce(user, word, to).await,
            Link::Redis(link) => link.announce(user, word, to).await,
        }
    }

    /// Like [`Presence::announce`], but whatever the peers were told last: while this node's
    /// devices were taken out and joined again, somebody may have looked and found nobody.
    ///
    /// # Errors
    /// As for [`Presence::announce`].
    pub async fn announce_again(
        &self,
        user: UserId,
        to: &[Announcement],
    ) -> Result<(), RealtimeError> {
        match &self.0 {
            Link::Local(link) => link.announce(user, Word::Again, to).await,
            Link::Redis(link) => link.announce(user, Word::Again, to).await,
        }
    }

    /// Takes out every connection of this node, announcing nothing; the users concerned.
    ///
    /// # Errors
    /// [`RealtimeError`]; another [`BusEvent::Forgotten`](super::BusEvent::Forgotten) follows.
    pub async fn reset(&self) -> Result<Vec<UserId>, RealtimeError> {
        match &self.0 {
            Link::Local(link) => link.reset().await,
            Link::Redis(link) => link.reset().await,
        }
    }
}
