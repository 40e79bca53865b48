use proptest::prelude::*;
use tebdil_protocol::id::MatchId;

use super::*;

const A: MatchRole = MatchRole::Offerer;
const B: MatchRole = MatchRole::Answerer;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn description(kind: DescriptionKind, round: Option<Round>) -> Signal {
    Signal::Description(RtcDescription {
        match_id: MatchId(1),
        kind,
        sdp: kind.as_str().into(),
        round,
    })
}

fn offer() -> Signal {
    description(DescriptionKind::Offer, None)
}

fn answer(round: Option<Round>) -> Signal {
    description(DescriptionKind::Answer, round)
}

fn candidate(name: &str) -> Signal {
    Signal::Candidate(RtcCandidate {
        match_id: MatchId(1),
        candidate: name.into(),
        sdp_mid: None,
        sdp_m_line_index: Some(0),
    })
}

fn round_of(signal: &Signal) -> Round {
    match signal {
        Signal::Description(description) => description.round.expect("a round"),
        Signal::Candidate(_) => panic!("no description"),
    }
}

/// A node gets a signal of the other one, and so does its device, which is there.
fn deliver(node: &mut Call, from: MatchRole, signal: Signal, now: Timestamp) -> Option<Signal> {
    let signal = node.receive(from, signal, now)?;
    node.hand_over(from, &signal).then_some(signal)
}

#[test]
fn an_offer_is_answered_once_and_candidates_wait_for_it() {
    let (mut a, mut b) = (Call::default(), Call::default());
    assert_eq!(a.send(A, candidate("early"), at(1)), Ok(Vec::new()));
    assert_eq!((a.stage(), b.stage()), (Stage::Silent, Stage::Silent));
    let sent = a.send(A, offer(), at(10)).expect("offered");
    assert_eq!(
        (sent.len(), round_of(&sent[0]), &sent[1]),
        (2, 10, &candidate("early"))
    );
    for signal in sent {
        assert!(deliver(&mut b, A, signal, at(11)).is_some());
    }
    let answered = b.send(B, answer(None), at(20)).expect("answered");
    assert_eq!(round_of(&answered[0]), 10);
    assert_eq!(
        (a.stage(), b.stage()),
        (Stage::Offered(at(10)), Stage::Answered(at(11)))
    );
    assert_eq!(
        b.send(B, answer(None), at(21)),
        Err(OutOfOrder::NothingToAnswer)
    );
    assert!(deliver(&mut a, B, answered[0].clone(), at(22)).is_some());
    assert_eq!(a.stage(), Stage::Answered(at(10)));
    assert!(
        deliver(&mut a, B, answered[0].clone(), at(23)).is_none(),
        "a repeat"
    );
    assert_eq!(
        a.send(A, candidate("late"), at(30)),
        Ok(vec![candidate("late")])
    );
    a.send(A, offer(), at(40)).expect("offered again");
    assert_eq!(a.stage(), Stage::Answered(at(10)), "how far it ever came");
}

#[test]
fn roles_are_kept() {
    let (mut a, mut b) = (Call::default(), Call::default());
    assert_eq!(b.send(B, offer(), at(1)), Err(OutOfOrder::NotTheOfferer));
    assert_eq!(
        a.send(A, answer(None), at(1)),
        Err(OutOfOrder::NotTheAnswerer)
    );
    assert_eq!(
        b.send(B, answer(None), at(1)),
        Err(OutOfOrder::NothingToAnswer)
    );
    let forged = description(DescriptionKind::Offer, Some(5));
    assert_eq!(
        deliver(&mut a, B, forged, at(1)),
        None,
        "the answerer's node cannot offer either"
    );
    assert_eq!(deliver(&mut b, A, answer(Some(1)), at(1)), None);
    assert_eq!(deliver(&mut b, A, offer(), at(1)), None, "of no round");
    assert_eq!(deliver(&mut a, B, candidate("of nothing"), at(1)), None);
}

#[test]
fn a_newer_offer_makes_the_answer_to_the_old_one_late() {
    let (mut a, mut b) = (Call::default(), Call::default());
    let first = a.send(A, offer(), at(10)).expect("offered").remove(0);
    deliver(&mut b, A, first.clone(), at(10)).expect("forwarded");
    let late = b.send(B, answer(None), at(11)).expect("answered").remove(0);
    // The clock was set back: the number goes on all the same.
    let second = a.send(A, offer(), at(5)).expect("offered again").remove(0);
    assert_eq!(round_of(&second), 11);
    assert_eq!(deliver(&mut a, B, late, at(12)), None);
    assert_eq!(deliver(&mut b, A, first, at(12)), None, "an old offer");
    assert!(deliver(&mut b, A, second, at(12)).is_some());
    assert_eq!(
        b.send(B, answer(Some(10)), at(12)),
        Err(OutOfOrder::NothingToAnswer)
    );
    assert!(b.send(B, answer(Some(11)), at(12)).is_ok());
}

#[test]
fn a_node_that_forgot_the_call_is_caught_up_by_the_next_offer() {
    let (mut a, mut b) = (Call::default(), Call::default());
    let first = a.send(A, offer(), at(10)).expect("offered").remove(0);
    deliver(&mut b, A, first, at(10)).expect("forwarded");
    let mut a = Call::default();
    let again = a.send(A, offer(), at(20)).expect("offered").remove(0);
    assert!(deliver(&mut b, A, again.clone(), at(20)).is_some());
    let mut b = Call::default();
    assert_eq!(
        b.send(B, answer(None), at(21)),
        Err(OutOfOrder::NothingToAnswer)
    );
    assert!(deliver(&mut b, A, again, at(21)).is_some());
    assert!(b.send(B, answer(None), at(22)).is_ok());
}

#[test]
fn candidates_are_bounded() {
    let mut a = Call::default();
    for _ in 0..MAX_HELD {
        a.send(A, candidate("x"), at(1)).expect("held");
    }
    assert_eq!(
        a.send(A, candidate("x"), at(1)),
        Err(OutOfOrder::TooManyCandidates)
    );
    let described = a.send(A, offer(), at(2)).expect("offered");
    assert_eq!(described.len(), 1 + MAX_HELD);
    for _ in MAX_HELD..MAX_CANDIDATES {
        a.send(A, candidate("x"), at(3)).expect("forwarded");
    }
    assert_eq!(
        a.send(A, candidate("x"), at(3)),
        Err(OutOfOrder::TooManyCandidates)
    );
    a.send(A, offer(), at(4)).expect("a new round");
    a.send(A, candidate("x"), at(5)).expect("counts anew");
}

#[test]
fn what_an_absent_device_missed_is_not_taken_for_seen() {
    let mut call = Call::default();
    let offered = call.send(A, offer(), at(10)).expect("offered").remove(0);
    assert_eq!(
        call.send(B, answer(None), at(11)),
        Err(OutOfOrder::NothingToAnswer),
        "it was away, and is back"
    );
    let candidates = call.send(A, candidate("x"), at(11)).expect("forwarded");
    assert!(!call.hand_over(A, &candidates[0]), "of what it missed");
    let round = Some(round_of(&offered));
    assert!(
        call.send(B, answer(round), at(12)).is_ok(),
        "it got the offer at another node"
    );
    let candidates = call.send(B, candidate("y"), at(12)).expect("forwarded");
    assert!(!call.hand_over(B, &candidates[0]), "the offerer was away");
    let offered = call.send(A, offer(), at(20)).expect("offered").remove(0);
    assert!(call.hand_over(A, &offered));
    assert!(call.send(B, answer(None), at(21)).is_ok());
}

/// What the clients have seen of each other.
#[derive(Default)]
struct Clients {
    /// Without a connection: they say nothing and get nothing.
    away: Vec<MatchRole>,
    /// The newest offer of the offerer, and the one that the answerer got last.
    offered: Option<Round>,
    seen: Option<Round>,
    /// The newest offer whose answer the offerer got.
    answered: Option<Round>,
}

impl Clients {
    /// What a client says in this step. A candidate of the offerer has the round for a name.
    fn said(&self, step: &Step) -> Option<(MatchRole, Signal)> {
        let (from, signal) = match step {
            Step::Offer => (A, offer()),
            Step::Answer => (B, answer(None)),
            Step::CandidateOf(role) => (
                *role,
                candidate(&self.offered.unwrap_or_default().to_string()),
            ),
            Step::DeliverFrom(_) | Step::Forget(_) | Step::Away(_) => return None,
        };
        (!self.away.contains(&from)).then_some((from, signal))
    }

    /// The client of this side goes, or comes back.
    fn away(&mut self, role: MatchRole) {
        let before = self.away.len();
        self.away.retain(|away| *away != role);
        if self.away.len() == before {
            self.away.push(role);
        }
    }

    /// A signal passed a node where the client of the other side is, unless it is away.
    fn reach(&mut self, node: &mut Call, from: MatchRole, signal: &Signal) {
        let to = if from == A { B } else { A };
        if !self.away.contains(&to) && node.hand_over(from, signal) {
            self.get(from, signal);
        }
    }

    /// The other side of `from` gets a signal.
    fn get(&mut self, from: MatchRole, signal: &Signal) {
        match (from, signal) {
            (A, Signal::Description(described)) => {
                assert!(
                    self.seen
                        .is_none_or(|before| described.round > Some(before))
                );
                self.seen = described.round;
            }
            (A, Signal::Candidate(of)) => {
                let of: Round = of.candidate.expose().parse().expect("a round");
                assert!(Some(of) <= self.seen, "of an offer that was missed");
            }
            (B, Signal::Description(described)) => {
                assert_eq!(described.round, self.offered);
                assert!(self.answered != self.offered, "answered twice");
                self.answered = described.round;
            }
            (B, Signal::Candidate(_)) => assert_eq!(self.answered, self.offered),
        }
    }

    /// A client is about to say what its node made of it.
    fn say(&mut self, from: MatchRole, out: &[Signal]) {
        if let Some(Signal::Description(described)) = out.first() {
            if from == A {
                assert!(
                    self.offered
                        .is_none_or(|before| described.round > Some(before))
                );
                self.offered = described.round;
            } else {
                assert_eq!(described.round, self.seen);
            }
        }
    }
}

/// One step of two clients and the line between their nodes, which keeps order in each
/// direction.
#[derive(Debug, Clone)]
enum Step {
    Offer,
    Answer,
    CandidateOf(MatchRole),
    DeliverFrom(MatchRole),
    /// The node of this side is started anew; its client comes back and hears of nothing.
    Forget(MatchRole),
    /// The connection of this side goes, or comes back.
    Away(MatchRole),
}

fn step() -> impl Strategy<Value = Step> {
    let role = || prop_oneof![Just(A), Just(B)];
    prop_oneof![
        3 => Just(Step::Offer),
        3 => Just(Step::Answer),
        4 => role().prop_map(Step::CandidateOf),
        8 => role().prop_map(Step::DeliverFrom),
        1 => role().prop_map(Step::Forget),
        2 => role().prop_map(Step::Away),
    ]
}

proptest! {
    /// Whatever is sent, lost with a node, or overtaken: each client sees offers in growing
    /// rounds, an answer only to its newest offer and once, and no candidate before the
    /// description it belongs to. A fresh offer always leads to an agreed round.
    #[test]
    fn whatever_happens_clients_see_a_call_in_order(
        steps in prop::collection::vec(step(), 0..60)
    ) {
        let (mut a, mut b) = (Call::default(), Call::default());
        let [mut from_a, mut from_b]: [VecDeque<Signal>; 2] = Default::default();
        let mut clients = Clients::default();
        let mut now = 0;
        for step in steps {
            now += 1;
            if let Some((from, signal)) = clients.said(&step) {
                let (node, line) =
                    if from == A { (&mut a, &mut from_a) } else { (&mut b, &mut from_b) };
                let out = node.send(from, signal, at(now));
                prop_assert!(out.is_ok() || !matches!(step, Step::Offer), "always");
                let out = out.unwrap_or_default();
                clients.say(from, &out);
                line.extend(out);
            }
            match step {
                Step::DeliverFrom(from) => {
                    let (node, line) =
                        if from == A { (&mut b, &mut from_a) } else { (&mut a, &mut from_b) };
                    let got = line.pop_front();
                    let got = got.and_then(|signal| node.receive(from, signal, at(now)));
                    if let Some(signal) = got {
                        clients.reach(node, from, &signal);
                    }
                }
                Step::Forget(A) => {
                    a = Call::default();
                    (clients.offered, clients.answered) = (None, None);
                    from_b.clear();
                    now += 100;
                }
                Step::Forget(B) => {
                    b = Call::default();
                    clients.seen = None;
                    from_a.clear();
                }
                Step::Away(role) => clients.away(role),
                _ => {}
            }
        }
        now += 1_000;
        from_a.extend(a.send(A, offer(), at(now)).expect("offered"));
        for signal in from_a {
            deliver(&mut b, A, signal, at(now));
        }
        from_b.extend(b.send(B, answer(None), at(now)).expect("answered"));
        let mut heard = from_b.into_iter().filter_map(|signal| deliver(&mut a, B, signal, at(now)));
        prop_assert!(heard.any(|signal| matches!(signal, Signal::Description(_))));
    }

    /// The same where both devices are at one node, which passes each signal once.
    #[test]
    fn two_at_one_node_see_a_call_in_order(steps in prop::collection::vec(step(), 0..60)) {
        let (mut call, mut clients) = (Call::default(), Clients::default());
        for (now, step) in (1..).zip(steps) {
            if let Some((from, signal)) = clients.said(&step) {
                let out = call.send(from, signal, at(now)).unwrap_or_default();
                clients.say(from, &out);
                for signal in &out {
                    clients.reach(&mut call, from, signal);
                }
            } else if let Step::Away(role) = step {
                clients.away(role);
            } else if matches!(step, Step::Forget(_)) {
                (call, clients) = (Call::default(), Clients::default());
            }
        }
        let offered = call.send(A, offer(), at(1_000)).expect("offered").remove(0);
        prop_assert!(call.hand_over(A, &offered));
        prop_assert!(call.send(B, answer(None), at(1_001)).is_ok());
    }
}
