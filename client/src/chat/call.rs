//! Video calls; [`crate::call`] says what they need.

use tebdil_protocol::{
    ClientFrame, IceServers, RtcCandidate, RtcDescription, RtcState, domain::CallState, id::MatchId,
};

use super::{Chat, ChatError, Command};

impl Chat {
    /// Relays for the call of a video match. They are good for a call that begins soon; a later ICE
    /// restart asks again.
    pub async fn ice_servers(&self, match_id: MatchId) -> Result<IceServers, ChatError> {
        Ok(self.account.ice_servers(match_id).await?)
    }

    /// Sends a description to the peer, and before the first one the certificate in it, through the
    /// encryption of the match. Returns when both are on their way; the description is lost when
    /// there is no socket, so the offerer offers anew after [`super::ChatEvent::Connected`]. After a
    /// [`super::ChatEvent::Refused`] describe again.
    ///
    /// # Errors
    /// [`ChatError::Call`] when it names no certificate, or another one than those before;
    /// [`ChatError::Mls`] before the encryption stands.
    pub async fn describe(&self, description: RtcDescription) -> Result<(), ChatError> {
        self.ask(|reply| Command::Describe(description, reply))
            .await?
    }

    /// Sends a candidate to the peer, after the descriptions before it. Lost when there is no
    /// socket.
    pub async fn candidate(&self, candidate: RtcCandidate) -> Result<(), ChatError> {
        self.signal(ClientFrame::RtcCandidate(candidate)).await
    }

    /// Says what became of the call; [`CallState::Ended`] ends the match. Lost when there is no
    /// socket.
    pub async fn call_state(&self, match_id: MatchId, state: CallState) -> Result<(), ChatError> {
        self.signal(ClientFrame::RtcState(RtcState { match_id, state }))
            .await
    }

    async fn signal(&self, frame: ClientFrame) -> Result<(), ChatError> {
        self.commands
            .send(Command::Signal(frame))
            .await
            .map_err(|_| ChatError::Closed)
    }
}
