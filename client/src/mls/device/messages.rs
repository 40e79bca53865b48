//! Messages of a match, with what vouches for them.

use std::fmt;

use openmls::prelude::{
    MlsMessageIn, OpenMlsProvider, OpenMlsRand, ProcessedMessageContent, ProtocolMessage,
    tls_codec::{DeserializeBytes as _, Serialize as _},
};
use tebdil_protocol::{
    franking::{self, FrankingTag, Salt},
    id::MatchId,
};
use zeroize::Zeroizing;

use super::{Device, MatchSession, MlsError};
use crate::mls::{Content, plaintext::Plaintext};

/// A message ready to be sent as `kind: "content"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// At most 16 KiB.
    pub ciphertext: Vec<u8>,
    pub franking_tag: FrankingTag,
}

/// What an encrypted message turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    Message(OpenedMessage),
    /// The peer renewed its keys; from now on the safety number is another one.
    KeyUpdate,
}

/// A message of the peer, with what a report about it would carry.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenedMessage {
    pub content: Content,
    /// The exact bytes the tag is over.
    pub content_bytes: Zeroizing<Vec<u8>>,
    pub salt: Zeroizing<Salt>,
    pub franking_tag: FrankingTag,
    /// The sender's handle in the message.
    pub sender_handle: String,
}

impl fmt::Debug for OpenedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedMessage").finish_non_exhaustive()
    }
}

impl Device {
    /// Encrypts `content`. The result must leave the process only after [`Device::snapshot`] was
    /// stored, where state is stored at all.
    pub fn seal(&mut self, match_id: MatchId, content: &Content) -> Result<Sealed, MlsError> {
        let salt = Zeroizing::new(
            self.provider
                .rand()
                .random_array()
                .map_err(MlsError::internal)?,
        );
        let session = self.sessions.get(&match_id).ok_or(MlsError::NoSession)?;
        let plaintext = Plaintext {
            salt,
            match_id,
            sender_handle: session.own_handle.clone(),
            content: content.to_bytes(),
        };
        let tag = franking::franking_tag(
            &plaintext.salt,
            match_id,
            &plaintext.sender_handle,
            &plaintext.content,
        );
        self.seal_raw(match_id, &plaintext.to_bytes()?, tag)
    }

    pub(in crate::mls) fn seal_raw(
        &mut self,
        match_id: MatchId,
        plaintext: &[u8],
        tag: FrankingTag,
    ) -> Result<Sealed, MlsError> {
        let session = self
            .sessions
            .get_mut(&match_id)
            .ok_or(MlsError::NoSession)?;
        session.group.set_aad(franking::authenticated_data(&tag));
        let message = session
            .group
            .create_message(&self.provider, &self.signer, plaintext)
            .map_err(MlsError::internal)?;
        let ciphertext = message
            .tls_serialize_detached()
            .map_err(MlsError::internal)?;
        Ok(Sealed {
            ciphertext,
            franking_tag: tag,
        })
    }

    /// Decrypts a message of the peer; `franking_tag` is the one the server sent beside it.
    ///
    /// # Errors
    /// [`MlsError::Undecryptable`] for what was changed, replayed or is not ours;
    /// [`MlsError::Franking`], [`MlsError::Plaintext`] for a peer that does not keep the rules (the
    /// message is used up then); [`MlsError::ForbiddenChange`] for proposals and commits with any.
    pub fn open(
        &mut self,
        match_id: MatchId,
        ciphertext: &[u8],
        franking_tag: Option<&[u8]>,
    ) -> Result<Opened, MlsError> {
        let (content, aad) = self.process(match_id, ciphertext)?;
        let ProcessedMessageContent::ApplicationMessage(plaintext) = content else {
            return self.change(match_id, content).map(|()| Opened::KeyUpdate);
        };
        let plaintext = Plaintext::from_bytes(&Zeroizing::new(plaintext.into_bytes()))?;
        let session = self.sessions.get(&match_id).ok_or(MlsError::NoSession)?;
        check_message(session, match_id, plaintext, &aad, franking_tag).map(Opened::Message)
    }

    /// Decrypts anything of the peer: what it is, and its AAD.
    pub(super) fn process(
        &mut self,
        match_id: MatchId,
        ciphertext: &[u8],
    ) -> Result<(ProcessedMessageContent, Vec<u8>), MlsError> {
        let session = self
            .sessions
            .get_mut(&match_id)
            .ok_or(MlsError::NoSession)?;
        let message = MlsMessageIn::tls_deserialize_exact_bytes(ciphertext)
            .map_err(|_| MlsError::Undecryptable)?;
        let Ok(ProtocolMessage::PrivateMessage(message)) = message.try_into_protocol_message()
        else {
            return Err(MlsError::Undecryptable);
        };
        let message = ProtocolMessage::PrivateMessage(message);
        if message.group_id() != session.group.group_id() {
            return Err(MlsError::Undecryptable);
        }
        let processed = session
            .group
            .process_message(&self.provider, message)
            .map_err(|_| MlsError::Undecryptable)?;
        let aad = processed.aad().to_vec();
        Ok((processed.into_content(), aad))
    }

    /// Carries out a renewal of the peer's keys, the only change there may be.
    pub(super) fn change(
        &mut self,
        match_id: MatchId,
        content: ProcessedMessageContent,
    ) -> Result<(), MlsError> {
        match content {
            ProcessedMessageContent::StagedCommitMessage(commit) => {
                if commit.queued_proposals().next().is_some() {
                    return Err(MlsError::ForbiddenChange);
                }
                let session = self
                    .sessions
                    .get_mut(&match_id)
                    .ok_or(MlsError::NoSession)?;
                session
                    .group
                    .merge_staged_commit(&self.provider, *commit)
                    .map_err(MlsError::internal)
            }
            ProcessedMessageContent::OwnPrivateMessage => Err(MlsError::Reflected),
            _ => Err(MlsError::ForbiddenChange),
        }
    }
}

fn check_message(
    session: &MatchSession,
    match_id: MatchId,
    plaintext: Plaintext,
    aad: &[u8],
    beside: Option<&[u8]>,
) -> Result<OpenedMessage, MlsError> {
    let tag = franking::tag_in_authenticated_data(aad).ok_or(MlsError::Franking)?;
    if beside != Some(&tag[..]) {
        return Err(MlsError::Franking);
    }
    session.expect_named(match_id, &plaintext)?;
    if !franking::verify_tag(
        &tag,
        &plaintext.salt,
        match_id,
        &plaintext.sender_handle,
        &plaintext.content,
    ) {
        return Err(MlsError::Franking);
    }
    let content = Content::from_bytes(&plaintext.content)?;
    let Plaintext {
        salt,
        sender_handle,
        content: content_bytes,
        ..
    } = plaintext;
    Ok(OpenedMessage {
        content,
        content_bytes,
        salt,
        franking_tag: tag,
        sender_handle,
    })
}
