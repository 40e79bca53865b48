//! What nodes and the leader say to each other: over the bus as bytes, within a node as it is.
//!
//! Any message may be lost, come twice, late, or after a later one. Each has a number; whoever gets
//! one that is not newer than the last from there takes it for lost. So all that has to be mended
//! is loss, and [`ToLeader::Have`] and [`ToNode::Want`] do that once a second.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tebdil_core::realtime::NodeId;
use tebdil_protocol::{
    ErrorCode,
    id::{TicketId, UserId},
    time::Timestamp,
};

use super::engine::Ticket;

/// Most parts of one message.
const MAX_PARTS: usize = 64;

/// One node's time as leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// As the database counts them: it grows, and nobody leads twice under one.
    pub number: i64,
    pub node: NodeId,
}

/// A message between the matchmakers of two nodes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchmakingMessage {
    ToLeader(Envelope<ToLeader>),
    /// Also without a part, to everybody and once a second: then it says who leads.
    ToNode(Envelope<ToNode>),
    /// From whoever learned of a block to everybody.
    Blocked {
        a: UserId,
        b: UserId,
    },
}

/// What the leader says, or what is said to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Envelope<P> {
    pub by: NodeId,
    /// The number of the leader's [`Term`].
    pub term: i64,
    /// Grows with every message of this node.
    pub number: u64,
    pub parts: Vec<P>,
}

/// What a node tells the leader of the tickets it owns.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToLeader {
    /// Have this one. Without a `ticket` it is a cancel: it wants nobody, ends every older one of
    /// the account, and then itself. `again`: a leader may have had it, and used it.
    Upsert {
        id: TicketId,
        user: UserId,
        ticket: Option<Arc<Ticket>>,
        again: bool,
    },
    /// The node has it no more. With `park` its device may come back to its place.
    Withdraw { id: TicketId, park: bool },
    /// The node has these, and no others.
    Have(Vec<TicketId>),
}

/// What the leader tells a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToNode {
    /// Send these.
    Want(Vec<TicketId>),
    /// It is over, for good. Said again for as long as the node has it.
    Ended { id: TicketId, why: TicketEnd },
}

/// Why a ticket is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketEnd {
    /// It became a match, of which its user is told.
    Matched,
    /// By a cancel. Of a cancel: all that it was to end is over.
    Cancelled,
    /// By a newer search of its account.
    Replaced,
    /// An older search of its account became a match before this one, or this cancel, had its turn.
    TooLate,
    /// Its connection is gone: there is nobody to be told.
    Left,
    /// Account, session or background search are gone.
    Gone,
    /// The store does not make a match of it.
    Refused {
        code: ErrorCode,
        resets_at: Option<Timestamp>,
    },
}

/// Cuts what is to be said into messages of a bounded size.
pub(super) fn in_parts<T>(parts: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut rest = parts.into_iter();
    std::iter::from_fn(move || {
        let part: Vec<T> = rest.by_ref().take(MAX_PARTS).collect();
        (!part.is_empty()).then_some(part)
    })
}
