//! The order of signals in one call.
//!
//! A match names the offerer, and only the offerer offers: two offers never cross (glare, RFC 8829
//! §4.1.8.2, cannot happen). The answerer answers the newest offer, once. A new offer at any time
//! renegotiates or restarts ICE, and makes the one before stale with everything that still answers
//! it.
//!
//! Every node that has one of the two connected keeps a [`Call`] and sees both directions of it, in
//! order: what its own user sends ([`Call::send`]) and what comes from the peer's node
//! ([`Call::receive`]). Nothing is agreed upon between nodes. A node that lost its call begins a
//! new one; numbers follow the clock, so the next offer is newer than all before, and the clients
//! start again from it.

use std::collections::VecDeque;

use tebdil_protocol::{
    domain::{DescriptionKind, MatchRole},
    time::Timestamp,
};

/// Candidates of one side that are forwarded in one round; a client behind our relays has a
/// handful.
pub const MAX_CANDIDATES: usize = 64;

/// Candidates that wait for the description of their side.
pub const MAX_HELD: usize = 16;

/// Which offer something belongs to: milliseconds since the Unix epoch when it was made, or one
/// more than the one before. Never goes back in a match.
pub type Round = i64;

/// A signal from one side to the other, sanitised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    Description {
        kind: DescriptionKind,
        /// Of an offer the one it begins, set by [`Call::send`]; of an answer the offer it answers.
        round: Option<Round>,
        sdp: String,
    },
    Candidate {
        /// Empty at the end of the candidates.
        candidate: String,
        sdp_mid: Option<String>,
        sdp_m_line_index: Option<u16>,
    },
}

/// Why a signal is refused; the state is as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
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

/// How far the descriptions of the current round have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nothing was offered.
    Silent,
    Offered,
    Answered,
}

/// One side's part in the current round.
#[derive(Debug, Default)]
struct Half {
    described: bool,
    /// Forwarded in this round.
    candidates: usize,
    /// Came before the description.
    held: VecDeque<Signal>,
}

/// A call as one node knows it.
#[derive(Debug)]
pub struct Call {
    /// The role of the user whose connection is at this node.
    own: MatchRole,
    round: Option<Round>,
    mine: Half,
    theirs: Half,
}

impl Call {
    /// A call of which nothing was said yet, for the side `own`.
    pub fn new(own: MatchRole) -> Self {
        Self {
            own,
            round: None,
            mine: Half::default(),
            theirs: Half::default(),
        }
    }

    /// The user of this node sends a signal: what goes to the peer for it, in order. Candidates
    /// that come before their description wait for it.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn send(&mut self, signal: Signal, now: Timestamp) -> Result<Vec<Signal>, Refused> {
        match signal {
            Signal::Description {
                kind: DescriptionKind::Offer,
                sdp,
                ..
            } => {
                if self.own != MatchRole::Offerer {
                    return Err(Refused::NotTheOfferer);
                }
                let round = self
                    .round
                    .map_or(now.millis(), |before| now.millis().max(before + 1));
                self.begin(round);
                Ok(self.describe(Signal::Description {
                    kind: DescriptionKind::Offer,
                    round: Some(round),
                    sdp,
                }))
            }
            Signal::Description {
                kind: DescriptionKind::Answer,
                round,
                sdp,
            } => {
                if self.own != MatchRole::Answerer {
                    return Err(Refused::NotTheAnswerer);
                }
                // Who does not say which offer it answers means the newest.
                let newest = self.round.filter(|newest| {
                    round.is_none_or(|round| round == *newest) && !self.mine.described
                });
                let round = newest.ok_or(Refused::NothingToAnswer)?;
                Ok(self.describe(Signal::Description {
                    kind: DescriptionKind::Answer,
                    round: Some(round),
                    sdp,
                }))
            }
            candidate @ Signal::Candidate { .. } => {
                if !self.mine.described {
                    if self.mine.held.len() >= MAX_HELD {
                        return Err(Refused::TooManyCandidates);
                    }
                    self.mine.held.push_back(candidate);
                    return Ok(Vec::new());
                }
                if self.mine.candidates >= MAX_CANDIDATES {
                    return Err(Refused::TooManyCandidates);
                }
                self.mine.candidates += 1;
                Ok(vec![candidate])
            }
        }
    }

    /// The peer's node sends a signal: the same for the user of this node, or `None` when it is
    /// late or not the peer's to say.
    pub fn receive(&mut self, signal: Signal) -> Option<Signal> {
        match &signal {
            Signal::Description {
                kind: DescriptionKind::Offer,
                round,
                ..
            } => {
                let round = round.filter(|_| self.own == MatchRole::Answerer)?;
                if self.round.is_some_and(|newest| round <= newest) {
                    return None;
                }
                self.begin(round);
                self.theirs.described = true;
            }
            Signal::Description {
                kind: DescriptionKind::Answer,
                round,
                ..
            } => {
                let answers = self.own == MatchRole::Offerer
                    && self.round.is_some()
                    && *round == self.round
                    && !self.theirs.described;
                if !answers {
                    return None;
                }
                self.theirs.described = true;
            }
            Signal::Candidate { .. } => {
                if !self.theirs.described || self.theirs.candidates >= MAX_CANDIDATES {
                    return None;
                }
                self.theirs.candidates += 1;
            }
        }
        Some(signal)
    }

    /// How far it has come, as far as this node has seen.
    pub const fn stage(&self) -> Stage {
        match self.round {
            None => Stage::Silent,
            Some(_) if self.mine.described && self.theirs.described => Stage::Answered,
            Some(_) => Stage::Offered,
        }
    }

    fn begin(&mut self, round: Round) {
        self.round = Some(round);
        // What waits belongs to the description that is about to come.
        let held = std::mem::take(&mut self.mine.held);
        self.mine = Half {
            held,
            ..Half::default()
        };
        self.theirs = Half::default();
    }

    /// The description, and the candidates that waited for it.
    fn describe(&mut self, description: Signal) -> Vec<Signal> {
        self.mine.described = true;
        self.mine.candidates += self.mine.held.len();
        std::iter::once(description)
            .chain(self.mine.held.drain(..))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn offer() -> Signal {
        Signal::Description {
            kind: DescriptionKind::Offer,
            round: None,
            sdp: "offer".to_owned(),
        }
    }

    fn answer(round: Option<Round>) -> Signal {
        Signal::Description {
            kind: DescriptionKind::Answer,
            round,
            sdp: "answer".to_owned(),
        }
    }

    fn candidate(name: &str) -> Signal {
        Signal::Candidate {
            candidate: name.to_owned(),
            sdp_mid: None,
            sdp_m_line_index: Some(0),
        }
    }

    fn round_of(signal: &Signal) -> Round {
        match signal {
            Signal::Description {
                round: Some(round), ..
            } => *round,
            other => panic!("no round: {other:?}"),
        }
    }

    #[test]
    fn an_offer_is_answered_once_and_candidates_wait_for_their_description() {
        let (mut a, mut b) = (
            Call::new(MatchRole::Offerer),
            Call::new(MatchRole::Answerer),
        );
        assert_eq!(a.send(candidate("early"), at(1)), Ok(Vec::new()));
        assert_eq!((a.stage(), b.stage()), (Stage::Silent, Stage::Silent));
        let sent = a.send(offer(), at(10)).expect("offered");
        assert_eq!(
            (sent.len(), round_of(&sent[0]), &sent[1]),
            (2, 10, &candidate("early"))
        );
        for signal in sent {
            assert!(b.receive(signal).is_some());
        }
        let answered = b.send(answer(None), at(20)).expect("answered");
        assert_eq!(round_of(&answered[0]), 10);
        assert_eq!((a.stage(), b.stage()), (Stage::Offered, Stage::Answered));
        assert_eq!(b.send(answer(None), at(21)), Err(Refused::NothingToAnswer));
        assert!(a.receive(answered[0].clone()).is_some());
        assert_eq!(a.stage(), Stage::Answered);
        assert!(a.receive(answered[0].clone()).is_none(), "a repeat");
        assert_eq!(
            a.send(candidate("late"), at(30)),
            Ok(vec![candidate("late")])
        );
    }

    #[test]
    fn roles_are_kept() {
        let (mut a, mut b) = (
            Call::new(MatchRole::Offerer),
            Call::new(MatchRole::Answerer),
        );
        assert_eq!(b.send(offer(), at(1)), Err(Refused::NotTheOfferer));
        assert_eq!(a.send(answer(None), at(1)), Err(Refused::NotTheAnswerer));
        assert_eq!(b.send(answer(None), at(1)), Err(Refused::NothingToAnswer));
        let forged = Signal::Description {
            kind: DescriptionKind::Offer,
            round: Some(5),
            sdp: String::new(),
        };
        assert_eq!(
            a.receive(forged),
            None,
            "the answerer's node cannot offer either"
        );
        assert_eq!(b.receive(answer(Some(1))), None);
        assert_eq!(a.receive(candidate("of nothing")), None);
    }

    #[test]
    fn a_newer_offer_makes_the_answer_to_the_old_one_late() {
        let (mut a, mut b) = (
            Call::new(MatchRole::Offerer),
            Call::new(MatchRole::Answerer),
        );
        let first = a.send(offer(), at(10)).expect("offered").remove(0);
        b.receive(first.clone()).expect("forwarded");
        let late = b.send(answer(None), at(11)).expect("answered").remove(0);
        // The clock was set back: the number goes on all the same.
        let second = a.send(offer(), at(5)).expect("offered again").remove(0);
        assert_eq!(round_of(&second), 11);
        assert_eq!(a.receive(late), None);
        assert_eq!(b.receive(first), None, "an old offer");
        assert!(b.receive(second).is_some());
        assert_eq!(
            b.send(answer(Some(10)), at(12)),
            Err(Refused::NothingToAnswer)
        );
        assert!(b.send(answer(Some(11)), at(12)).is_ok());
    }

    #[test]
    fn a_node_that_forgot_the_call_is_caught_up_by_the_next_offer() {
        let (mut a, mut b) = (
            Call::new(MatchRole::Offerer),
            Call::new(MatchRole::Answerer),
        );
        let first = a.send(offer(), at(10)).expect("offered").remove(0);
        b.receive(first).expect("forwarded");
        let mut a = Call::new(MatchRole::Offerer);
        let again = a.send(offer(), at(20)).expect("offered").remove(0);
        assert!(b.receive(again.clone()).is_some());
        let mut b = Call::new(MatchRole::Answerer);
        assert_eq!(b.send(answer(None), at(21)), Err(Refused::NothingToAnswer));
        assert!(b.receive(again).is_some());
        assert!(b.send(answer(None), at(22)).is_ok());
    }

    #[test]
    fn candidates_are_bounded() {
        let mut a = Call::new(MatchRole::Offerer);
        for _ in 0..MAX_HELD {
            a.send(candidate("x"), at(1)).expect("held");
        }
        assert_eq!(
            a.send(candidate("x"), at(1)),
            Err(Refused::TooManyCandidates)
        );
        assert_eq!(a.send(offer(), at(2)).expect("offered").len(), 1 + MAX_HELD);
        for _ in MAX_HELD..MAX_CANDIDATES {
            a.send(candidate("x"), at(3)).expect("forwarded");
        }
        assert_eq!(
            a.send(candidate("x"), at(3)),
            Err(Refused::TooManyCandidates)
        );
        a.send(offer(), at(4)).expect("a new round");
        a.send(candidate("x"), at(5)).expect("counts anew");
    }

    /// One step of two clients and the line between their nodes, which keeps order in each
    /// direction.
    #[derive(Debug, Clone)]
    enum Step {
        Offer,
        Answer,
        CandidateOf(bool),
        Deliver(bool),
        Forget(bool),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => Just(Step::Offer),
            3 => Just(Step::Answer),
            4 => any::<bool>().prop_map(Step::CandidateOf),
            8 => any::<bool>().prop_map(Step::Deliver),
            1 => any::<bool>().prop_map(Step::Forget),
        ]
    }

    proptest! {
        /// Whatever is sent, lost with a node, or overtaken: each client sees offers in growing
        /// rounds, an answer only to its newest offer and once, and no candidate before the
        /// description it belongs to. A fresh offer always leads to an agreed round.
        #[test]
        fn whatever_happens_clients_see_a_call_in_order(steps in prop::collection::vec(step(), 0..60)) {
            let (mut a, mut b) = (Call::new(MatchRole::Offerer), Call::new(MatchRole::Answerer));
            let (mut to_b, mut to_a): (VecDeque<Signal>, VecDeque<Signal>) = (VecDeque::new(), VecDeque::new());
            let (mut seen_by_b, mut sent, mut answered) = (None::<Round>, None::<Round>, None::<Round>);
            let mut now = 0;
            for step in steps {
                now += 1;
                match step {
                    Step::Offer => {
                        let out = a.send(offer(), at(now)).expect("the offerer may always offer");
                        let round = round_of(&out[0]);
                        prop_assert!(sent.is_none_or(|before| round > before));
                        sent = Some(round);
                        to_b.extend(out);
                    }
                    Step::Answer => if let Ok(out) = b.send(answer(None), at(now)) {
                        prop_assert_eq!(Some(round_of(&out[0])), seen_by_b);
                        to_a.extend(out);
                    },
                    Step::CandidateOf(offerer) => {
                        let out = if offerer { a.send(candidate("x"), at(now)) } else { b.send(candidate("x"), at(now)) };
                        if offerer { to_b.extend(out.unwrap_or_default()) } else { to_a.extend(out.unwrap_or_default()) }
                    }
                    Step::Deliver(true) => if let Some(signal) = to_b.pop_front().and_then(|signal| b.receive(signal)) {
                        match &signal {
                            Signal::Description { round, .. } => {
                                prop_assert!(seen_by_b.is_none_or(|before| *round > Some(before)));
                                seen_by_b = *round;
                            }
                            Signal::Candidate { .. } => prop_assert!(seen_by_b.is_some()),
                        }
                    },
                    Step::Deliver(false) => if let Some(signal) = to_a.pop_front().and_then(|signal| a.receive(signal)) {
                        match &signal {
                            Signal::Description { round, .. } => {
                                prop_assert_eq!(*round, sent);
                                prop_assert!(answered != sent, "answered twice");
                                answered = *round;
                            }
                            Signal::Candidate { .. } => prop_assert_eq!(answered, sent),
                        }
                    },
                    // The node of one side is started anew; its client comes back and hears of
                    // nothing.
                    Step::Forget(true) => { a = Call::new(MatchRole::Offerer); answered = None; sent = None; to_a.clear(); now += 100; }
                    Step::Forget(false) => { b = Call::new(MatchRole::Answerer); seen_by_b = None; to_b.clear(); }
                }
            }
            now += 1_000;
            for signal in a.send(offer(), at(now)).expect("offered") { to_b.push_back(signal); }
            while let Some(signal) = to_b.pop_front() { b.receive(signal); }
            let agreed = b.send(answer(None), at(now)).expect("answered");
            to_a.extend(agreed);
            let heard = to_a.into_iter().filter_map(|signal| a.receive(signal)).any(|signal| matches!(signal, Signal::Description { .. }));
            prop_assert!(heard);
        }
    }
}
