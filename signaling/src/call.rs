//! The order of signals in one call.
//!
//! A match names the offerer, and only the offerer offers: two offers never cross (glare, RFC 8829
//! §4.1.8.2, cannot happen). The answerer answers the newest offer, once. A new offer at any time
//! renegotiates or restarts ICE, and makes the previous one and everything that answers it stale.
//!
//! Every node that has one of the two devices keeps one [`Call`] for both sides: what its own
//! device sends passes [`Call::send`], what comes from the node of the other [`Call::receive`].
//! Where both devices are at one node, a signal passes once. What passed and finds its device at
//! the node is handed over by [`Call::hand_over`], which keeps in mind what an absent device missed.
//! Nothing is agreed upon between nodes. A node that lost its call begins a new one; numbers follow
//! the clock, so the next offer is newer than all before, and the clients start again from it.

use std::collections::VecDeque;

use tebdil_protocol::{
    RtcCandidate, RtcDescription, Signal,
    domain::{DescriptionKind, MatchRole},
    time::Timestamp,
};

/// Candidates of one side that are forwarded in one round; a client behind our relays has a
/// handful.
pub const MAX_CANDIDATES: usize = 64;

/// Candidates that wait for the description of their side.
pub const MAX_HELD: usize = 16;

/// Identifies an offer: milliseconds since the Unix epoch when it was made, or one more than the
/// previous one. Never goes back in a match.
pub type Round = i64;

/// Why a signal is refused; the state does not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutOfOrder {
    #[error("only the offerer of the match offers")]
    NotTheOfferer,
    #[error("only the answerer of the match answers")]
    NotTheAnswerer,
    /// Also for an answer to an offer that a newer one has replaced.
    #[error("there is no offer that waits for this answer")]
    NothingToAnswer,
    #[error("too many candidates")]
    TooManyCandidates,
}

/// How far a call has ever got, as far as this node has seen, and when the first offer passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stage {
    /// Nothing was offered.
    #[default]
    Silent,
    Offered(Timestamp),
    Answered(Timestamp),
}

/// What one side has said in the current round.
#[derive(Debug, Default)]
struct Side {
    described: bool,
    /// Forwarded in this round.
    candidates: usize,
    /// Came before the description.
    held: VecDeque<RtcCandidate>,
    /// The newest round whose description the other side's device got at this node.
    handed: Option<Round>,
}

impl Side {
    /// Counts a candidate that is forwarded; false if there were too many.
    fn count(&mut self) -> bool {
        let fits = self.candidates < MAX_CANDIDATES;
        self.candidates += usize::from(fits);
        fits
    }
}

/// A call as one node knows it.
#[derive(Debug, Default)]
pub struct Call {
    round: Option<Round>,
    offerer: Side,
    answerer: Side,
    stage: Stage,
}

impl Call {
    /// A device of this node sends a sanitised signal. Returns what goes to the other for it, in
    /// order. A forwarded description names its round. Candidates that come before their
    /// description wait for it.
    ///
    /// # Errors
    /// [`OutOfOrder`]
    pub fn send(
        &mut self,
        from: MatchRole,
        signal: Signal,
        now: Timestamp,
    ) -> Result<Vec<Signal>, OutOfOrder> {
        match signal {
            Signal::Description(description) => {
                let round = match description.kind {
                    DescriptionKind::Offer => self.next_round(from, now)?,
                    DescriptionKind::Answer => self.open_round(from, description.round)?,
                };
                self.described(description.kind, round, now);
                let side = self.side(from);
                side.candidates += side.held.len();
                let described = Signal::Description(RtcDescription {
                    round: Some(round),
                    ..description
                });
                let held = side.held.drain(..).map(Signal::Candidate);
                Ok(std::iter::once(described).chain(held).collect())
            }
            Signal::Candidate(candidate) => {
                let side = self.side(from);
                if side.described && side.count() {
                    Ok(vec![Signal::Candidate(candidate)])
                } else if !side.described && side.held.len() < MAX_HELD {
                    side.held.push_back(candidate);
                    Ok(Vec::new())
                } else {
                    Err(OutOfOrder::TooManyCandidates)
                }
            }
        }
    }

    /// Another node sends a signal of its device: the same for the device of this node, or `None`
    /// when it is late or not for its sender to say.
    pub fn receive(&mut self, from: MatchRole, signal: Signal, now: Timestamp) -> Option<Signal> {
        match &signal {
            Signal::Description(description) => {
                let round = description.round?;
                let in_order = match description.kind {
                    DescriptionKind::Offer => {
                        from == MatchRole::Offerer && self.round.is_none_or(|newest| round > newest)
                    }
                    DescriptionKind::Answer => self.open_round(from, Some(round)).is_ok(),
                };
                if !in_order {
                    return None;
                }
                self.described(description.kind, round, now);
            }
            Signal::Candidate(_) => {
                let side = self.side(from);
                if !side.described || !side.count() {
                    return None;
                }
            }
        }
        Some(signal)
    }

    /// The other side's device is at this node to get a signal that passed just now: whether it may.
    /// Not a candidate whose description it missed: the next offer begins anew.
    pub fn hand_over(&mut self, from: MatchRole, signal: &Signal) -> bool {
        let newest = self.round;
        let side = self.side(from);
        if matches!(signal, Signal::Description(_)) {
            side.handed = newest;
        }
        side.handed == newest
    }

    /// How far it has ever got.
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// The round of an offer that is made now.
    fn next_round(&self, from: MatchRole, now: Timestamp) -> Result<Round, OutOfOrder> {
        if from != MatchRole::Offerer {
            return Err(OutOfOrder::NotTheOfferer);
        }
        Ok(self
            .round
            .map_or(now.millis(), |before| now.millis().max(before + 1)))
    }

    /// The round that waits for its answer. Who does not say which offer it answers means the newest,
    /// and must have got that here.
    fn open_round(&self, from: MatchRole, answers: Option<Round>) -> Result<Round, OutOfOrder> {
        if from != MatchRole::Answerer {
            return Err(OutOfOrder::NotTheAnswerer);
        }
        self.round
            .filter(|newest| answers.or(self.offerer.handed) == Some(*newest))
            .filter(|_| !self.answerer.described)
            .ok_or(OutOfOrder::NothingToAnswer)
    }

    /// A description passes, which begins `round` or answers it.
    fn described(&mut self, kind: DescriptionKind, round: Round, now: Timestamp) {
        match kind {
            DescriptionKind::Offer => {
                self.round = Some(round);
                // Waiting candidates stay: they belong to the description that is about to come.
                for side in [&mut self.offerer, &mut self.answerer] {
                    side.described = false;
                    side.candidates = 0;
                }
                self.offerer.described = true;
                if self.stage == Stage::Silent {
                    self.stage = Stage::Offered(now);
                }
            }
            DescriptionKind::Answer => {
                self.answerer.described = true;
                if let Stage::Offered(at) = self.stage {
                    self.stage = Stage::Answered(at);
                }
            }
        }
    }

    fn side(&mut self, role: MatchRole) -> &mut Side {
        match role {
            MatchRole::Offerer => &mut self.offerer,
            MatchRole::Answerer => &mut self.answerer,
        }
    }
}

#[cfg(test)]
mod tests;
