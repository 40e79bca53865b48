//! What goes into the engine and what comes out.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use tebdil_protocol::{
    domain::Mode,
    id::{SessionId, TicketId, UserId},
    time::Timestamp,
};

/// A user's wish to be matched. Lists are short (the caller bounds them): the cost of a ticket
/// grows with interests × languages.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ticket {
    pub id: TicketId,
    pub user: UserId,
    /// The device that searches.
    pub session: SessionId,
    /// Whether it goes on without its connection.
    pub background: bool,
    /// Whether it has none at the moment: others come before it.
    #[serde(skip)]
    pub away: bool,
    pub mode: Mode,
    /// Normalised by the caller; compared byte by byte. Empty: no wish. Repetitions are dropped.
    pub interests: Vec<String>,
    /// Normalised by the caller; compared byte by byte. Empty: no wish. Repetitions are dropped.
    pub languages: Vec<String>,
    /// `None`: distance never matters for this ticket.
    pub place: Option<Coordinates>,
    /// How far away a peer may be, in km, before widening. `None`: no limit.
    pub max_distance_km: Option<u32>,
    /// When the user began to search. Counts from then, also when a ticket is submitted again; a
    /// time in the future counts as now.
    pub enqueued_at: Timestamp,
    /// Users that are never paired with this one: blocks in both directions.
    pub blocked: HashSet<UserId>,
    /// Partners of the last 24 hours: paired at the last step only, and only when nobody else is
    /// there.
    pub recent: HashSet<UserId>,
}

/// A place on the earth in degrees, already snapped to the ~1 km grid. Values that are no place
/// (NaN, beyond the pole) count as no place.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Coordinates {
    /// −90 to 90.
    pub lat: f64,
    /// −180 to 180.
    pub lon: f64,
}

impl std::fmt::Debug for Coordinates {
    /// Says nothing: a place is never logged.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Place(…)")
    }
}

impl Coordinates {
    pub(super) fn is_valid(self) -> bool {
        self.lat.abs() <= 90.0 && self.lon.abs() <= 180.0
    }
}

/// Names a pair until it is settled. Unique within one engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairId(pub u64);

/// Two tickets that may be matched. Both are reserved until
/// [`Engine::settle`](super::Engine::settle).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub id: PairId,
    pub mode: Mode,
    /// The side that waited longer; the smaller ticket id where both waited equally.
    pub older: PairSide,
    pub newer: PairSide,
    /// In the order in which the older side lists them.
    pub shared_interests: Vec<String>,
}

/// One half of a [`Pair`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairSide {
    pub ticket: TicketId,
    pub user: UserId,
    pub session: SessionId,
    pub background: bool,
}

/// What became of a pair.
///
/// A store that cannot be reached is no outcome: keep the pair and try the transaction again.
/// Refusing it without a fault would pair the same two again at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The match exists: both tickets are used up.
    Made,
    /// There is no match.
    Refused {
        /// The tickets at fault (no right left, gone meanwhile …); they are gone. The others go
        /// back to their place in the queue.
        drop: Vec<TicketId>,
        /// The two may never be paired (a block was found).
        forbid: bool,
    },
}

/// What a cancellation found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It waited and is gone.
    Removed(TicketId),
    /// Pairing is in flight. Should it be refused, the ticket is dropped, not queued again; should
    /// it be made, the match stands.
    Reserved { ticket: TicketId, pair: PairId },
    /// There is no such ticket.
    Unknown,
}

/// Why a ticket was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InsertError {
    /// The user has a ticket (waiting or reserved, in any mode): this one. It may be the very
    /// ticket that was inserted again.
    #[error("the user is searching already")]
    AlreadySearching(TicketId),
    /// Another user's ticket has this id.
    #[error("the ticket id is in use")]
    TicketIdInUse,
}
