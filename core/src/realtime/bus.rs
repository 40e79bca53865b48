//! Messages between nodes.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{Device, NodeId, link::Link};
use tebdil_protocol::id::UserId;

/// The way to the other nodes.
///
/// * Nothing here waits: messages are queued, and one task sends them in the order they came.
/// * A message arrives at most once. From one node to another, messages arrive in order.
/// * What may have been lost is told: at the receiver by [`BusEvent::Gap`], at the sender by
///   [`BusEvent::Undelivered`] once it can send again, and when the sender died by
///   [`BusEvent::NodeGone`] everywhere. Nobody is told which message it was.
/// * Without Redis there are no other nodes: what is for them is not even made, what is for this
///   node arrives.
#[derive(Debug, Clone)]
pub struct Bus(pub(crate) Link);

impl Bus {
    /// Sends to the *other* nodes that hold a device of `user` when the message is sent; by then
    /// every device that has [joined](super::Presence::join) counts. The message is made only when
    /// there may be such nodes.
    pub fn to_user(&self, user: UserId, message: impl FnOnce() -> Bytes) {
        match &self.0 {
            Link::Local(link) => link.to_user(user, message),
            Link::Redis(link) => link.to_user(user, message),
        }
    }

    /// Sends to one node, which may be this one.
    pub fn to_node(&self, node: NodeId, message: Bytes) {
        match &self.0 {
            Link::Local(link) => link.to_node(node, message),
            Link::Redis(link) => link.to_node(node, message),
        }
    }

    /// Sends to every other node there is.
    pub fn to_others(&self, message: impl FnOnce() -> Bytes) {
        match &self.0 {
            Link::Local(link) => link.to_others(message),
            Link::Redis(link) => link.to_others(message),
        }
    }
}

/// Deliveries that the bus could not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undelivered {
    /// To these users.
    Users(Vec<UserId>),
    /// To more users than were remembered.
    Everybody,
}

/// What a node learns from the bus. One task takes the events, in order, and never waits for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusEvent {
    /// A message of [`Bus`] or of [`Presence::announce`](super::Presence::announce).
    Message(Bytes),
    /// Messages to this node were lost; from now on they arrive again. [`Self::Forgotten`] follows,
    /// as what presence had to tell may be among them.
    Gap,
    /// [`Bus::to_user`] and [`Bus::to_others`] could not send for a while and can again.
    Undelivered(Undelivered),
    /// A node is gone, and no device is present at it any more. It said goodbye after everything
    /// was sent, or its last messages are lost.
    NodeGone { node: NodeId, sent_all: bool },
    /// Nobody announced yet that these users, whose node died, are offline.
    Orphaned(Vec<UserId>),
    /// What presence knew of this node's devices is gone or may be wrong:
    /// [reset](super::Presence::reset), then join each one again, and bring it up to date: messages
    /// to its user may have missed this node. At most once a second.
    Forgotten,
    /// The user has a device at another node: from now on [`Bus::to_user`] matters for this local
    /// user.
    Elsewhere(UserId),
    /// This device connected again at another node, or the user has too many: close the connection
    /// as replaced.
    Replaced(Device),
}

/// The events of this node.
#[derive(Debug)]
pub struct BusEvents(pub(crate) mpsc::UnboundedReceiver<BusEvent>);

impl BusEvents {
    /// The next event; `None` when the bus is closed, or one of its tasks has failed.
    pub async fn recv(&mut self) -> Option<BusEvent> {
        self.0.recv().await
    }

    /// An event that is there already.
    pub fn try_recv(&mut self) -> Option<BusEvent> {
        self.0.try_recv().ok()
    }
}
