//! Signals of calls: certificates go ahead of descriptions, and descriptions of the peer are held
//! against them.

use tebdil_protocol::{ClientFrame, RtcDescription, Signal, id::MatchId};
use tokio::time::Instant;

use super::Actor;
use crate::{
    call::{CallError, Fingerprint},
    chat::{ChatError, ChatEvent},
};

impl Actor {
    pub(super) fn describe(&mut self, description: RtcDescription) -> Result<(), ChatError> {
        let match_id = description.match_id;
        let known = self
            .matches
            .get_mut(&match_id)
            .ok_or(ChatError::NoSuchMatch)?;
        if !known.here {
            return Err(ChatError::OtherDevice);
        }
        if !self.device.has_session(match_id) {
            return Err(ChatError::Mls(crate::mls::MlsError::NoSession));
        }
        if let Some(fingerprint) = known.call.describe(description.sdp.expose())? {
            let ciphertext = self.device.seal_certificate(match_id, fingerprint)?;
            self.send_handshake(match_id, ciphertext);
        }
        self.after
            .signals
            .push(ClientFrame::RtcDescription(description));
        Ok(())
    }

    /// A signal of the peer came.
    pub(super) fn signalled(&mut self, signal: Signal) {
        let match_id = signal.match_id();
        let Some(known) = self.matches.get_mut(&match_id).filter(|known| known.here) else {
            return;
        };
        let received = known
            .call
            .receive(signal, Instant::now())
            .map(|signal| signal.into_iter().collect());
        self.hand_on(match_id, received);
    }

    /// The peer told its certificate.
    pub(super) fn pinned(&mut self, match_id: MatchId, fingerprint: Fingerprint) {
        let Some(known) = self.matches.get_mut(&match_id) else {
            return;
        };
        let waited = known.call.pinned(fingerprint);
        self.hand_on(match_id, waited);
    }

    /// When the first description has waited long enough for its certificate.
    pub(super) fn next_overdue(&self) -> Option<Instant> {
        self.matches
            .values()
            .filter_map(|known| known.call.waits_until())
            .min()
    }

    pub(super) fn refuse_overdue(&mut self) {
        let now = Instant::now();
        let overdue = self
            .matches
            .iter_mut()
            .filter_map(|(match_id, known)| Some((*match_id, known.call.overdue(now).err()?)));
        self.pending
            .extend(overdue.map(|(match_id, error)| ChatEvent::CallRefused { match_id, error }));
    }

    fn hand_on(&mut self, match_id: MatchId, received: Result<Vec<Signal>, CallError>) {
        match received {
            Ok(signals) => self
                .pending
                .extend(signals.into_iter().map(|signal| match signal {
                    Signal::Description(description) => ChatEvent::Description(description),
                    Signal::Candidate(candidate) => ChatEvent::Candidate(candidate),
                })),
            Err(error) => self
                .pending
                .push_back(ChatEvent::CallRefused { match_id, error }),
        }
    }
}

/// Waits for a time that there may not be.
pub(super) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
