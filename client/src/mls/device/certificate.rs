//! The certificates of calls, told through the encryption of a match.
//!
//! They go as `kind: "handshake"`: they are part of setting up, no chat message, no answer that a
//! claim would count, no push, and nothing to report, so there is no franking. Inside they are
//! framed as texts are, so that match and sender are named; the AAD is empty, so that neither kind
//! can be passed off as the other.

use openmls::prelude::{
    OpenMlsProvider, OpenMlsRand, ProcessedMessageContent, tls_codec::Serialize as _,
};
use serde::{Deserialize, Serialize};
use tebdil_protocol::id::MatchId;
use zeroize::Zeroizing;

use super::{Device, MlsError, Plaintext};
use crate::call::Fingerprint;

/// What a message of setting up turned out to be, after the Welcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenedHandshake {
    /// The only certificate that the peer will use in the call.
    Certificate(Fingerprint),
    /// The peer renewed its keys; from now on the safety number is another one.
    KeyUpdate,
    /// A type that this build does not know.
    Unknown,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type")]
enum Setup {
    #[serde(rename = "dtls")]
    Dtls { fingerprint: Fingerprint },
    #[serde(other, rename = "unknown")]
    Unknown,
}

impl Device {
    /// Encrypts the fingerprint of this device's certificate, to be sent as `kind: "handshake"`
    /// before the first description of a call. As with [`Device::seal`] the result leaves the
    /// process only after [`Device::snapshot`] was stored.
    pub fn seal_certificate(
        &mut self,
        match_id: MatchId,
        fingerprint: Fingerprint,
    ) -> Result<Vec<u8>, MlsError> {
        let content = serde_json::to_vec(&Setup::Dtls { fingerprint }).expect("texts serialize");
        self.seal_handshake(match_id, content)
    }

    pub(in crate::mls) fn seal_handshake(
        &mut self,
        match_id: MatchId,
        content: Vec<u8>,
    ) -> Result<Vec<u8>, MlsError> {
        let salt = Zeroizing::new(
            self.provider
                .rand()
                .random_array()
                .map_err(MlsError::internal)?,
        );
        let session = self
            .sessions
            .get_mut(&match_id)
            .ok_or(MlsError::NoSession)?;
        let plaintext = Plaintext {
            salt,
            match_id,
            sender_handle: session.own_handle.clone(),
            content: Zeroizing::new(content),
        };
        session.group.set_aad(Vec::new());
        let message = session
            .group
            .create_message(&self.provider, &self.signer, &plaintext.to_bytes()?)
            .map_err(MlsError::internal)?;
        message.tls_serialize_detached().map_err(MlsError::internal)
    }

    /// Decrypts what the peer sent as `kind: "handshake"` after the Welcome.
    ///
    /// # Errors
    /// As [`Device::open`]; [`MlsError::Franking`] for a text that is passed off as this.
    pub fn open_handshake(
        &mut self,
        match_id: MatchId,
        ciphertext: &[u8],
    ) -> Result<OpenedHandshake, MlsError> {
        let (content, aad) = self.process(match_id, ciphertext)?;
        let ProcessedMessageContent::ApplicationMessage(plaintext) = content else {
            return self
                .change(match_id, content)
                .map(|()| OpenedHandshake::KeyUpdate);
        };
        let plaintext = Plaintext::from_bytes(&Zeroizing::new(plaintext.into_bytes()))?;
        if !aad.is_empty() {
            return Err(MlsError::Franking);
        }
        self.sessions
            .get(&match_id)
            .ok_or(MlsError::NoSession)?
            .expect_named(match_id, &plaintext)?;
        match serde_json::from_slice(&plaintext.content) {
            Ok(Setup::Dtls { fingerprint }) => Ok(OpenedHandshake::Certificate(fingerprint)),
            Ok(Setup::Unknown) => Ok(OpenedHandshake::Unknown),
            Err(_) => Err(MlsError::Plaintext(
                "the content is not a JSON object with a type",
            )),
        }
    }
}
