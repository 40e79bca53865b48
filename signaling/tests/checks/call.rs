//! Two clients, the calls of their two nodes, and the line between, driven by a script.

use std::collections::VecDeque;

use tebdil_protocol::{
    RtcCandidate, RtcDescription, Signal,
    domain::{DescriptionKind, MatchRole},
    id::MatchId,
    time::Timestamp,
};
use tebdil_signaling::{
    Call, MAX_CANDIDATES, MAX_HELD, Round, Sanitised, sanitise_candidate, sanitise_sdp,
};

/// What a step without a text of its own sends.
const SDP: &str = "v=0|o=- 1 2 IN IP4 127.0.0.1|s=-|t=0 0|m=audio 9 UDP/TLS/RTP/SAVPF 111|a=mid:0|a=setup:active|a=ice-ufrag:Vx5k|a=ice-pwd:aBcDeFgHiJkLmNoPqRsTuVwX|a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";
const CANDIDATE: &str =
    "candidate:1 1 udp 1 192.0.2.1 49200 typ relay raddr 203.0.113.9 rport 5 ufrag Vx5k";

/// Steps of a script that are run; it has no more than a quarter of them in the corpus.
const MAX_STEPS: usize = 400;

/// One side: a client, and the call as its node knows it.
struct Side {
    own: MatchRole,
    call: Call,
    /// On the way to this side's node.
    inbox: VecDeque<Signal>,
    /// The last one that this side's client got, for a repeat.
    last: Option<Signal>,
    /// The newest offer that this side's client made or got.
    round: Option<Round>,
    /// The round in which the peer's description came, and how many candidates since.
    described: Option<Round>,
    candidates: usize,
}

impl Side {
    fn new(own: MatchRole) -> Self {
        Self {
            own,
            call: Call::default(),
            inbox: VecDeque::new(),
            last: None,
            round: None,
            described: None,
            candidates: 0,
        }
    }

    /// The client says something that is clean. What the node forwards; on a refusal the call is as
    /// before.
    fn send(&mut self, signal: Signal, now: i64) -> Vec<Signal> {
        let before = format!("{:?}", self.call);
        let now = Timestamp::from_millis(now);
        if let Ok(out) = self.call.send(self.own, signal, now) {
            assert!(out.len() <= 1 + MAX_HELD);
            out
        } else {
            assert_eq!(
                format!("{:?}", self.call),
                before,
                "a refused signal changes nothing"
            );
            Vec::new()
        }
    }

    /// Something arrives at the node from the other; what the client gets of it is in order.
    fn receive(&mut self, signal: Signal, now: i64) {
        let before = format!("{:?}", self.call);
        let from = match self.own {
            MatchRole::Offerer => MatchRole::Answerer,
            MatchRole::Answerer => MatchRole::Offerer,
        };
        let now = Timestamp::from_millis(now);
        let Some(signal) = self.call.receive(from, signal, now) else {
            assert_eq!(
                format!("{:?}", self.call),
                before,
                "what is late changes nothing"
            );
            return;
        };
        assert!(self.call.hand_over(from, &signal), "what passed is for it");
        match &signal {
            Signal::Description(RtcDescription {
                kind, round, sdp, ..
            }) => {
                match kind {
                    DescriptionKind::Offer => {
                        assert_eq!(self.own, MatchRole::Answerer);
                        assert!(
                            round.is_some()
                                && self.round.is_none_or(|newest| *round > Some(newest)),
                            "offers grow"
                        );
                        self.round = *round;
                    }
                    DescriptionKind::Answer => {
                        assert_eq!(
                            (self.own, *round),
                            (MatchRole::Offerer, self.round),
                            "an answer is to the newest offer"
                        );
                        assert!(
                            round.is_some() && self.described != *round,
                            "and there is one"
                        );
                    }
                }
                super::clean_sdp(sdp.expose());
                (self.described, self.candidates) = (*round, 0);
            }
            Signal::Candidate(RtcCandidate { candidate, .. }) => {
                assert!(
                    self.described.is_some() && self.described == self.round,
                    "a candidate follows its description"
                );
                self.candidates += 1;
                assert!(self.candidates <= MAX_CANDIDATES);
                if !candidate.expose().is_empty() {
                    super::clean_candidate(candidate.expose());
                }
            }
        }
        self.last = Some(signal);
    }
}

/// A script, one step a line: who (`a` the offerer, `b` the answerer), what, and a text for it,
/// with `|` for a new line.
///
/// `o` offers, `n` answers, `s` answers what it was offered last, by number, `c` sends a candidate,
/// `g` gets what is on its way, `r` gets the last thing once more, `x` has a node that is started
/// anew, `t` lets a second pass, `z` sets the clock back by two.
pub fn call(bytes: &[u8]) {
    let Ok(script) = str::from_utf8(bytes) else {
        return;
    };
    let mut sides = [
        Side::new(MatchRole::Offerer),
        Side::new(MatchRole::Answerer),
    ];
    let mut now = 1_000_000;
    for line in script.lines().take(MAX_STEPS) {
        let mut letters = line.chars();
        let (own, me) = match letters.next() {
            Some('a') => (MatchRole::Offerer, 0),
            Some('b') => (MatchRole::Answerer, 1),
            _ => continue,
        };
        let step = letters.next().unwrap_or('g');
        let text = letters.as_str();
        let round = sides[me].round.filter(|_| step == 's');
        let signal = match step {
            'o' => description(DescriptionKind::Offer, text, None),
            'n' | 's' => description(DescriptionKind::Answer, text, round),
            'c' => candidate(text),
            _ => None,
        };
        match step {
            'g' => {
                if let Some(signal) = sides[me].inbox.pop_front() {
                    sides[me].receive(signal, now);
                }
            }
            'r' => {
                if let Some(signal) = sides[me].last.clone() {
                    sides[me].receive(signal, now);
                }
            }
            't' => now += 1_000,
            'z' => now -= 2_000,
            // Both its memory and what was on its way are gone.
            'x' => sides[me] = Side::new(own),
            _ => {
                let out = signal
                    .map(|signal| sides[me].send(signal, now))
                    .unwrap_or_default();
                if let Some(Signal::Description(RtcDescription {
                    kind: DescriptionKind::Offer,
                    round,
                    ..
                })) = out.first()
                {
                    assert!(
                        round.is_some()
                            && sides[me].round.is_none_or(|before| *round > Some(before)),
                        "rounds grow"
                    );
                    (sides[me].round, sides[me].described) = (*round, None);
                }
                sides[1 - me].inbox.extend(out);
            }
        }
    }
}

fn description(kind: DescriptionKind, text: &str, round: Option<Round>) -> Option<Signal> {
    let text = if text.is_empty() { SDP } else { text };
    let sdp = sanitise_sdp(&text.replace('|', "\r\n"), kind).ok()?;
    Some(Signal::Description(RtcDescription {
        match_id: MatchId(1),
        kind,
        sdp: sdp.into(),
        round,
    }))
}

fn candidate(text: &str) -> Option<Signal> {
    let text = match text {
        "" => CANDIDATE,
        "end" => "",
        text => text,
    };
    let candidate = match sanitise_candidate(text, &super::relays()).ok()? {
        Sanitised::Relay(clean) => clean,
        Sanitised::End => String::new(),
        Sanitised::Dropped => return None,
    };
    Some(Signal::Candidate(RtcCandidate {
        match_id: MatchId(1),
        candidate: candidate.into(),
        sdp_mid: Some("0".to_owned()),
        sdp_m_line_index: Some(0),
    }))
}
