//! What of a call's signals gets to the application: nothing before the peer's certificate is
//! known, and nothing that does not fit it.

use std::time::Duration;

use tebdil_protocol::{RtcCandidate, RtcDescription, Signal};
use tokio::time::Instant;

use super::{CallError, Fingerprint, Pin, fingerprints_of};

/// How long a description waits for the peer's certificate. The two go different ways: the
/// certificate is stored first.
const PIN_WAIT: Duration = Duration::from_secs(10);

/// Candidates that wait with their description; the server passes no more on in one round.
const MAX_HELD: usize = 64;

/// What came of the description that came last.
#[derive(Debug, Default)]
enum Latest {
    /// There was none, or it was refused: candidates belong to nothing.
    #[default]
    None,
    /// It and its candidates wait for the peer's certificate, until then.
    Waiting(RtcDescription, Vec<RtcCandidate>, Instant),
    Passed,
}

/// The call of one match, as far as certificates go.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    own: Option<Fingerprint>,
    peer: Option<Pin>,
    latest: Latest,
}

impl Gate {
    /// With what an earlier process knew.
    pub fn restored(own: Option<Fingerprint>, peer: Option<Fingerprint>) -> Self {
        Self {
            own,
            peer: peer.map(Pin::new),
            latest: Latest::None,
        }
    }

    /// The own certificate, once it is settled.
    pub fn own(&self) -> Option<Fingerprint> {
        self.own
    }

    /// The peer's certificate, once it is known.
    pub fn peer(&self) -> Option<Fingerprint> {
        self.peer.map(Pin::fingerprint)
    }

    /// What told the peer the own certificate was refused: it is told again with the next
    /// description.
    pub fn untold(&mut self) {
        self.own = None;
    }

    /// The application is about to send a description: the certificate to tell the peer first,
    /// where that was not done yet.
    pub fn describe(&mut self, sdp: &str) -> Result<Option<Fingerprint>, CallError> {
        let named = fingerprints_of(sdp)?;
        let one = named
            .first()
            .filter(|_| named.len() == 1)
            .copied()
            .ok_or(CallError::AnotherCertificate)?;
        match self.own {
            Some(own) if own == one => Ok(None),
            Some(_) => Err(CallError::AnotherCertificate),
            None => {
                self.own = Some(one);
                Ok(Some(one))
            }
        }
    }

    /// The peer told its certificate through the encryption of the match: what waited for it.
    pub fn pinned(&mut self, fingerprint: Fingerprint) -> Result<Vec<Signal>, CallError> {
        match self.peer {
            Some(known) if known.fingerprint() == fingerprint => return Ok(Vec::new()),
            Some(_) => return Err(CallError::AnotherCertificate),
            None => self.peer = Some(Pin::new(fingerprint)),
        }
        let Latest::Waiting(description, candidates, until) = std::mem::take(&mut self.latest)
        else {
            return Ok(Vec::new());
        };
        let first = self.receive(Signal::Description(description), until)?;
        Ok(first
            .into_iter()
            .chain(candidates.into_iter().map(Signal::Candidate))
            .collect())
    }

    /// A signal of the peer came: the same for the application, or nothing when it has to wait or
    /// belongs to nothing.
    pub fn receive(&mut self, signal: Signal, now: Instant) -> Result<Option<Signal>, CallError> {
        match (signal, &mut self.latest) {
            (Signal::Description(description), _) => {
                self.latest = Latest::None;
                let Some(pin) = self.peer else {
                    self.latest = Latest::Waiting(description, Vec::new(), now + PIN_WAIT);
                    return Ok(None);
                };
                pin.check(description.sdp.expose())?;
                self.latest = Latest::Passed;
                Ok(Some(Signal::Description(description)))
            }
            (candidate @ Signal::Candidate(_), Latest::Passed) => Ok(Some(candidate)),
            (Signal::Candidate(candidate), Latest::Waiting(_, held, _)) => {
                if held.len() < MAX_HELD {
                    held.push(candidate);
                }
                Ok(None)
            }
            (Signal::Candidate(_), Latest::None) => Ok(None),
        }
    }

    /// Until when a description waits.
    pub fn waits_until(&self) -> Option<Instant> {
        match &self.latest {
            Latest::Waiting(_, _, until) => Some(*until),
            _ => None,
        }
    }

    /// A description waited too long, and is forgotten.
    pub fn overdue(&mut self, now: Instant) -> Result<(), CallError> {
        if self.waits_until().is_some_and(|until| until <= now) {
            self.latest = Latest::None;
            return Err(CallError::NoPin);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tebdil_protocol::{domain::DescriptionKind, id::MatchId};

    use super::{
        super::fingerprint::tests::{fingerprint, sdp},
        *,
    };

    fn description(byte: u8) -> Signal {
        let sdp = sdp(None, &[byte]).as_str().into();
        Signal::Description(RtcDescription {
            match_id: MatchId(1),
            kind: DescriptionKind::Offer,
            sdp,
            round: None,
        })
    }

    fn candidate(name: &str) -> Signal {
        Signal::Candidate(RtcCandidate {
            match_id: MatchId(1),
            candidate: name.into(),
            sdp_mid: None,
            sdp_m_line_index: None,
        })
    }

    #[test]
    fn a_description_waits_for_the_pin_with_its_candidates() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        assert_eq!(gate.receive(candidate("of nothing"), now), Ok(None));
        assert_eq!(gate.receive(description(1), now), Ok(None));
        assert_eq!(gate.receive(candidate("a"), now), Ok(None));
        assert_eq!(gate.waits_until(), Some(now + PIN_WAIT));
        assert_eq!(
            gate.pinned(fingerprint(1)),
            Ok(vec![description(1), candidate("a")])
        );
        assert_eq!(gate.receive(candidate("b"), now), Ok(Some(candidate("b"))));
        assert_eq!(gate.pinned(fingerprint(1)), Ok(vec![]), "told again");
        assert_eq!(
            gate.pinned(fingerprint(2)),
            Err(CallError::AnotherCertificate)
        );
        assert_eq!(
            gate.receive(description(1), now),
            Ok(Some(description(1))),
            "a renegotiation"
        );
        assert_eq!(gate.waits_until(), None);
    }

    #[test]
    fn another_certificate_is_refused_whenever_it_comes() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        assert_eq!(gate.receive(description(2), now), Ok(None));
        assert_eq!(gate.receive(candidate("a"), now), Ok(None));
        assert_eq!(
            gate.pinned(fingerprint(1)),
            Err(CallError::NotPinned),
            "it waited"
        );
        assert_eq!(
            gate.receive(candidate("b"), now),
            Ok(None),
            "nor its candidates"
        );
        assert_eq!(
            gate.receive(description(2), now),
            Err(CallError::NotPinned),
            "it came after"
        );
        assert_eq!(gate.receive(description(1), now), Ok(Some(description(1))));
        assert_eq!(
            gate.receive(description(2), now),
            Err(CallError::NotPinned),
            "in a renegotiation"
        );
        assert_eq!(gate.receive(candidate("c"), now), Ok(None));
        let mut restored = Gate::restored(None, Some(fingerprint(1)));
        assert_eq!(
            restored.receive(description(2), now),
            Err(CallError::NotPinned)
        );
    }

    #[test]
    fn the_wait_is_bounded_in_time_and_number() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        assert_eq!(gate.overdue(now), Ok(()));
        assert_eq!(gate.receive(description(1), now), Ok(None));
        for _ in 0..2 * MAX_HELD {
            assert_eq!(gate.receive(candidate("a"), now), Ok(None));
        }
        assert_eq!(
            gate.overdue(now + PIN_WAIT - Duration::from_millis(1)),
            Ok(())
        );
        assert_eq!(gate.overdue(now + PIN_WAIT), Err(CallError::NoPin));
        assert_eq!(gate.overdue(now + PIN_WAIT), Ok(()), "said once");
        assert_eq!(gate.pinned(fingerprint(1)), Ok(vec![]), "forgotten");
        let mut gate = Gate::default();
        assert_eq!(gate.receive(description(1), now), Ok(None));
        assert_eq!(
            gate.receive(description(2), now),
            Ok(None),
            "the newest counts"
        );
        for _ in 0..2 * MAX_HELD {
            assert_eq!(gate.receive(candidate("a"), now), Ok(None));
        }
        assert_eq!(
            gate.pinned(fingerprint(2)).expect("fits").len(),
            1 + MAX_HELD
        );
    }

    #[test]
    fn one_certificate_is_told_once() {
        let mut gate = Gate::default();
        assert_eq!(
            gate.describe(&sdp(None, &[1, 2])),
            Err(CallError::AnotherCertificate)
        );
        assert_eq!(
            gate.describe(&sdp(None, &[])),
            Err(CallError::NoFingerprint)
        );
        assert_eq!(gate.describe(&sdp(Some(1), &[1])), Ok(Some(fingerprint(1))));
        assert_eq!(gate.describe(&sdp(None, &[1])), Ok(None));
        assert_eq!(
            gate.describe(&sdp(None, &[2])),
            Err(CallError::AnotherCertificate)
        );
        assert_eq!((gate.own(), gate.peer()), (Some(fingerprint(1)), None));
        gate.untold();
        assert_eq!(gate.describe(&sdp(None, &[1])), Ok(Some(fingerprint(1))));
    }
}
