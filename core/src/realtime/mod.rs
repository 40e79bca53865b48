//! What nodes share from moment to moment: who is connected where, messages between nodes, who
//! leads, how often something was tried.
//!
//! Every part has two variants, in this process (an embedded node) and over Redis (one of several
//! nodes); [`link`] alone chooses. Both pass the same suite. Only [`Presence`] has one: a node that
//! is alone knows by itself who is connected. Nothing here is durable: what is lost comes back from
//! the store ([`BusEvent`] says when to look).

mod backoff;
mod bus;
mod counts;
mod lease;
mod limiter;
mod link;
pub(crate) mod local;
mod presence;
pub(crate) mod redis;

use std::{fmt, str::FromStr, time::Duration};

pub use backoff::{Backoff, BackoffRule, Try};
pub use bus::{Bus, BusEvent, BusEvents, Undelivered};
pub use lease::{Holder, Lease};
pub use limiter::{Counted, Denied, Limiter, Rate};
pub use link::is_redis;
pub use presence::{Device, Joined, Presence, PresenceUpdate, Stamp, Whom, Word};
use rand::{Rng, RngExt as _};

use tebdil_protocol::Secret;

/// Names a node for as long as its process lives: drawn at random at every start. 16 hexadecimal
/// digits as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u64);

impl NodeId {
    /// A new one.
    pub fn random(rng: &mut impl Rng) -> Self {
        Self(rng.random())
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({self})")
    }
}

/// The text does not name a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a node is named by 16 hexadecimal digits")]
pub struct InvalidNodeId;

impl FromStr for NodeId {
    type Err = InvalidNodeId;
    fn from_str(text: &str) -> Result<Self, InvalidNodeId> {
        if text.len() != 16 {
            return Err(InvalidNodeId);
        }
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| InvalidNodeId)
    }
}

impl serde::Serialize for NodeId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for NodeId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Where the realtime state lives.
#[derive(Debug, Clone)]
pub struct RealtimeSettings {
    /// `redis://…` or `rediss://…`; empty for this process alone.
    pub redis_url: Secret,
    /// Begins every key and channel, so that several installations can share a Redis.
    pub prefix: String,
}

/// Redis did not do what it was asked to. No text here holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RealtimeError {
    /// It cannot be reached, or did not answer in time. Whether it did what it was asked to is not
    /// known.
    #[error("Redis does not answer")]
    Unavailable,
    /// It answered with an error.
    #[error("Redis refused: {0}")]
    Refused(String),
}

/// The realtime parts of a node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Realtime {
    /// This node.
    pub node: NodeId,
    pub bus: Bus,
    /// `None` where there are no other nodes.
    pub presence: Option<Presence>,
    pub lease: Lease,
}

/// Microseconds, in which Redis counts.
fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
