//! Which node holds a device.

use std::sync::Arc;

use bytes::Bytes;

use super::{RealtimeError, redis::Redis};
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

/// Somebody who is looked for: a user, or the one device of it with this session.
pub type Whom = (UserId, Option<SessionId>);

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
pub enum Word {
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
pub struct PresenceUpdate {
    /// Who is told.
    pub peer: UserId,
    /// The message in case the user is online.
    pub online: Bytes,
    /// The message in case it is not.
    pub offline: Bytes,
}

/// Which devices of a user are connected at which node, where there are several.
///
/// Which connections a node has, it knows itself, and says it here; of two of a session the one
/// with the greater number is the newer, in whichever order they are said. Between nodes, the one
/// that joined last. A node that is silent for 5 seconds is dead: its devices are gone then, which
/// the other nodes see and announce. Changes of one user happen one after the other, whichever
/// nodes they come from.
#[derive(Debug, Clone)]
pub struct Presence(pub(super) Arc<Redis>);

impl Presence {
    /// Adds a connection of this node. One of the same session at another node goes, and the oldest
    /// of the user while there are more than `max_devices`; their nodes (also this one) get
    /// [`BusEvent::Replaced`](super::BusEvent::Replaced). The other nodes of the user's devices,
    /// also of those that go, get [`BusEvent::Elsewhere`](super::BusEvent::Elsewhere).
    ///
    /// With `again`, the stamp of its first join, a connection is added once more after
    /// [`BusEvent::Forgotten`](super::BusEvent::Forgotten): one of the same session that joined
    /// later at another node meanwhile stays, and this one is the replaced one.
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
        self.0.join(device, max_devices, again).await
    }

    /// Takes a connection out. One that was replaced, or is not there, changes nothing.
    ///
    /// # Errors
    /// As for [`Presence::join`].
    pub async fn leave(&self, device: Device) -> Result<(), RealtimeError> {
        self.0.leave(device).await
    }

    /// Whether each of these has a connection, at whichever node.
    ///
    /// # Errors
    /// [`RealtimeError`]; [`BusEvent::Forgotten`](super::BusEvent::Forgotten) will follow, as
    /// somebody may have been told a guess instead.
    pub async fn online(&self, whom: &[Whom]) -> Result<Vec<bool>, RealtimeError> {
        self.0.online(whom).await
    }

    /// Tells the peers of `user` whether it is online, as far as `word` says.
    ///
    /// In one step: reading the state, comparing it with what was said last, and sending to every
    /// node of each peer, *this one included*, as [`BusEvent::Message`](super::BusEvent::Message).
    /// So the last word is true, whichever nodes announce at the same time.
    ///
    /// # Errors
    /// [`RealtimeError`]; whether anybody was told is not known then.
    pub async fn announce(
        &self,
        user: UserId,
        word: Word,
        to: &[PresenceUpdate],
    ) -> Result<(), RealtimeError> {
        self.0.announce(user, word, to).await
    }

    /// Takes out every connection of this node, announcing nothing; the users concerned.
    ///
    /// # Errors
    /// [`RealtimeError`]; another [`BusEvent::Forgotten`](super::BusEvent::Forgotten) follows.
    pub async fn reset(&self) -> Result<Vec<UserId>, RealtimeError> {
        self.0.reset().await
    }
}
