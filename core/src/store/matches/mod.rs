//! Matches, their sides, their calls, who may make them, and searches that outlive their
//! connection.

pub(crate) mod absences;
pub(crate) mod call_state;
pub(crate) mod calls;
pub(crate) mod leading;
pub(crate) mod lifecycle;
pub(crate) mod match_admin;
pub(crate) mod pairing;
pub(crate) mod searches;
pub(crate) mod sides;

pub use absences::{CallDevice, SideId};
pub use call_state::CallConnected;
pub use calls::CallSide;
pub use leading::MatchmakerTerm;
pub use lifecycle::{CallOutcome, EndOutcome, EndedMatch, Parties};
pub use match_admin::{StaffMatchFilter, StaffMatchRow};
pub use pairing::{MadeMatch, MadeSide, MatchRules, NewMatch, NewSide, PairOutcome, TicketRefusal};
pub use searches::BackgroundSearch;
pub use sides::{MatchFilter, MatchRow};

use std::ops::Deref;

use super::Store;

/// Matches, their sides, their calls, and who may make them.
#[derive(Debug, Clone, Copy)]
pub struct Matches<'s>(&'s Store);

impl Store {
    /// Matches, their sides, their calls, and who may make them.
    pub const fn matches(&self) -> Matches<'_> {
        Matches(self)
    }
}

impl Deref for Matches<'_> {
    type Target = Store;

    fn deref(&self) -> &Store {
        self.0
    }
}
