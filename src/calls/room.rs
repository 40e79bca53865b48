//! A call as one node knows it: of each side whose device is here, the place and the order of its
//! signals.

use tebdil_core::store::CallSide;
use tebdil_protocol::{domain::MatchRole, id::UserId, time::Timestamp};
use tebdil_signaling::{Call, Refused, Signal, Stage};

/// What one node knows of a call.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// The match is over.
    pub(super) over: bool,
    /// Somebody said so, and it was noted.
    pub(super) connected: bool,
    /// The same.
    pub(super) failed: bool,
    offerer: Option<Box<Half>>,
    answerer: Option<Box<Half>>,
    progress: Progress,
}

/// How far it has ever come, and when the first offer passed.
#[derive(Debug, Clone, Copy, Default)]
enum Progress {
    #[default]
    Silent,
    Offered(Timestamp),
    /// An offer was answered.
    Agreed(Timestamp),
}

#[derive(Debug, Default)]
struct Half {
    seat: Option<Seat>,
    call: Option<Call>,
}

/// Who sits there, as the store said.
#[derive(Debug)]
struct Seat {
    user: UserId,
    side: CallSide,
    epoch: u64,
}

/// The other of the two roles.
pub(super) const fn other(role: MatchRole) -> MatchRole {
    match role {
        MatchRole::Offerer => MatchRole::Answerer,
        MatchRole::Answerer => MatchRole::Offerer,
    }
}

impl Room {
    /// That of a match that is over.
    pub(super) fn over() -> Self {
        Self {
            over: true,
            ..Self::default()
        }
    }

    /// The side of a user, if it was asked for in this epoch.
    pub(super) fn side_of(&self, user: UserId, epoch: u64) -> Option<CallSide> {
        let seats = [&self.offerer, &self.answerer]
            .into_iter()
            .flatten()
            .filter_map(|half| half.seat.as_ref());
        seats
            .filter(|seat| seat.user == user && seat.epoch == epoch)
            .map(|seat| seat.side.clone())
            .next()
    }

    /// Remembers a side.
    pub(super) fn seat(&mut self, user: UserId, side: CallSide, epoch: u64) {
        let role = side.role;
        self.half(role).seat = Some(Seat { user, side, epoch });
    }

    /// The user in this role sends a signal: what goes to the peer for it.
    pub(super) fn send(
        &mut self,
        role: MatchRole,
        signal: Signal,
        now: Timestamp,
    ) -> Result<Vec<Signal>, Refused> {
        let sent = self.call(role).send(signal, now)?;
        self.look(role, now);
        Ok(sent)
    }

    /// The peer of the user in this role sent a signal: the same, unless it is late.
    pub(super) fn receive(
        &mut self,
        role: MatchRole,
        signal: Signal,
        now: Timestamp,
    ) -> Option<Signal> {
        let received = self.call(role).receive(signal)?;
        self.look(role, now);
        Some(received)
    }

    /// When the call was offered first, once an offer was answered.
    pub(super) const fn agreed_since(&self) -> Option<Timestamp> {
        match self.progress {
            Progress::Agreed(offered_at) => Some(offered_at),
            Progress::Silent | Progress::Offered(_) => None,
        }
    }

    /// How far a call that is not connected has come.
    pub(super) const fn phase(&self) -> &'static str {
        match self.progress {
            Progress::Silent => "before_offer",
            Progress::Offered(_) => "before_answer",
            Progress::Agreed(_) => "connecting",
        }
    }

    fn look(&mut self, role: MatchRole, now: Timestamp) {
        self.progress = match (self.progress, self.call(role).stage()) {
            (Progress::Silent, Stage::Offered) => Progress::Offered(now),
            (Progress::Silent, Stage::Answered) => Progress::Agreed(now),
            (Progress::Offered(offered_at), Stage::Answered) => Progress::Agreed(offered_at),
            (before, _) => before,
        };
    }

    fn call(&mut self, role: MatchRole) -> &mut Call {
        self.half(role).call.get_or_insert_with(|| Call::new(role))
    }

    fn half(&mut self, role: MatchRole) -> &mut Half {
        let half = match role {
            MatchRole::Offerer => &mut self.offerer,
            MatchRole::Answerer => &mut self.answerer,
        };
        half.get_or_insert_default()
    }
}
