//! What desks and the leader say to each other. Between two nodes it travels as bytes, within one
//! it is handed over as it is.
//!
//! Every message may be lost, and those that matter may come twice: whoever gets one treats it as
//! news only when it is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tebdil_core::realtime::{Holder, NodeId};
use tebdil_protocol::{
    id::{SessionId, TicketId, UserId},
    time::Timestamp,
};

use super::engine::Ticket;

/// Most parts of one message.
pub(super) const MAX_PARTS: usize = 64;

/// Most tickets of one [`ToLeader::Roster`] or [`ToDesk::Unknown`].
pub(super) const MAX_LISTED: usize = 512;

/// One node's time as leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    pub node: NodeId,
    /// Of the lease: greater than that of every earlier term.
    pub fence: u64,
}

impl From<Holder> for Term {
    fn from(Holder { node, fence }: Holder) -> Self {
        Self { node, fence }
    }
}

/// A message between the matchmakers of two nodes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchmakingMessage {
    /// From a new leader to everybody: submit your tickets.
    Leads(Term),
    /// From a leader that gave its lease back to everybody.
    Vacant(Term),
    /// From the desk of `node` to the leader of the term `fence`.
    ToLeader {
        node: NodeId,
        fence: u64,
        parts: Vec<ToLeader>,
    },
    /// From the leader to a desk.
    ToDesk { term: Term, parts: Vec<ToDesk> },
    /// From whoever learned of a block to everybody.
    Blocked { a: UserId, b: UserId },
}

/// What a desk asks of the leader.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToLeader {
    /// Search for this device. Answered by `Accepted` or `AlreadySearching`, also when it comes
    /// again. `again`: a leader had accepted it, and may have used it.
    Submit {
        ticket: Arc<Ticket>,
        session: SessionId,
        again: bool,
    },
    /// End the user's search. `request` is the desk's own name for it; answered by `Cancelled` or
    /// `NotSearching`.
    Cancel { user: UserId, request: u64 },
    /// The ticket's connection is gone. With `park` the session may come back to its place.
    Withdraw { ticket: TicketId, park: bool },
    /// All tickets of the desk from `first` to `last`.
    Roster {
        first: TicketId,
        last: TicketId,
        tickets: Vec<TicketId>,
    },
}

/// What the leader tells a desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToDesk {
    Accepted(TicketId),
    /// The user searches on another device.
    AlreadySearching(TicketId),
    /// The session searches with a later ticket, at whichever node.
    Superseded(TicketId),
    /// A cancel was granted; `ticket` is the one it ended when that is this desk's too.
    Cancelled {
        request: u64,
        ticket: Option<TicketId>,
    },
    /// A cancel found nothing to end; `too_late`: because a match was made.
    NotSearching {
        request: u64,
        too_late: bool,
    },
    /// Another device, at another node, ended this search.
    TicketCancelled(TicketId),
    /// The search ended without a match.
    Refused {
        ticket: TicketId,
        why: Why,
    },
    /// The ticket became a match, of which the user is told.
    Over(TicketId),
    /// The leader does not have these: submit them again.
    Unknown(Vec<TicketId>),
}

/// Why a search ended without a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    QuotaExhausted {
        resets_at: Timestamp,
    },
    KeysRequired,
    TooManyMatches,
    /// Account or session are gone.
    Gone,
    /// The store could not say what became of it.
    Unavailable,
    /// The store cannot write it.
    Internal,
}
