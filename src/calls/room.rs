//! What one node knows of a call.

use tebdil_core::store::CallSide;
use tebdil_protocol::id::UserId;
use tebdil_signaling::{Call, Stage};

/// A call of this node. Most that are remembered are over, and cost next to nothing.
#[derive(Debug)]
pub(super) enum Room {
    Open(Box<OpenCall>),
    /// The match is over: nothing is signalled any more.
    Over,
}

/// One whose match goes on, as far as this node has heard.
#[derive(Debug, Default)]
pub(super) struct OpenCall {
    pub(super) call: Call,
    /// Somebody said so, and it was noted.
    pub(super) connected: bool,
    /// The same.
    pub(super) failed: bool,
    /// One of each user that was looked up, so at most two.
    seats: Vec<Seat>,
}

/// A user's side, as the store said.
#[derive(Debug)]
struct Seat {
    user: UserId,
    side: CallSide,
    epoch: u64,
}

impl Default for Room {
    fn default() -> Self {
        Self::Open(Box::default())
    }
}

impl Room {
    /// The call, unless it is over.
    pub(super) fn open(&mut self) -> Option<&mut OpenCall> {
        match self {
            Self::Open(open) => Some(open),
            Self::Over => None,
        }
    }
}

impl OpenCall {
    /// The side of a user, if it was looked up in this epoch.
    pub(super) fn side_of(&self, user: UserId, epoch: u64) -> Option<CallSide> {
        self.seats
            .iter()
            .find(|seat| seat.user == user && seat.epoch == epoch)
            .map(|seat| seat.side.clone())
    }

    /// Remembers a side.
    pub(super) fn seat(&mut self, user: UserId, side: CallSide, epoch: u64) {
        self.seats.retain(|seat| seat.user != user);
        self.seats.push(Seat { user, side, epoch });
    }

    /// How far a call that is not connected has come.
    pub(super) const fn phase(&self) -> &'static str {
        match self.call.stage() {
            Stage::Silent => "before_offer",
            Stage::Offered(_) => "before_answer",
            Stage::Answered(_) => "connecting",
        }
    }
}
