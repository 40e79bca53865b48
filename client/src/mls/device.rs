//! A device: its identity, its key packages and one MLS session per match.

use std::{collections::HashMap, fmt};

use openmls::prelude::{
    BasicCredential, Ciphersuite, Credential, CredentialType, CredentialWithKey, Extensions,
    GroupContext, GroupId, MlsGroup, MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn,
    OpenMlsProvider, OpenMlsRand, SenderRatchetConfiguration, StagedWelcome,
    tls_codec::{DeserializeBytes as _, Serialize as _},
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;
use tebdil_protocol::{id::MatchId, time::Clock};

use super::{
    MlsError, SafetyNumber, Snapshot,
    plaintext::Plaintext,
    snapshot::{self, StoredPackage, StoredSession},
};

mod certificate;
mod messages;
mod packages;

pub use certificate::OpenedHandshake;
pub use messages::{Opened, OpenedMessage, Sealed};

pub(super) const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

const SNAPSHOT_VERSION: u32 = 1;

/// Who talks in a match. Handles are those of the moment the match was made; a later change of
/// alias does not touch them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parties {
    pub match_id: MatchId,
    pub own_handle: String,
    pub peer_handle: String,
}

struct MatchSession {
    group: MlsGroup,
    own_handle: String,
    peer_handle: String,
}

impl MatchSession {
    /// Whether a plaintext of the peer says that it is of the peer, and of this match.
    fn expect_named(&self, match_id: MatchId, plaintext: &Plaintext) -> Result<(), MlsError> {
        if plaintext.match_id != match_id {
            return Err(MlsError::Plaintext("it names another match"));
        }
        if plaintext.sender_handle != self.peer_handle {
            return Err(MlsError::Plaintext("it names another sender"));
        }
        Ok(())
    }
}

/// One signed-in device. Not shared between processes: two that use one state would use message
/// keys twice.
pub struct Device {
    clock: Clock,
    provider: OpenMlsRustCrypto,
    signer: SignatureKeyPair,
    identity: Vec<u8>,
    packages: Vec<StoredPackage>,
    sessions: HashMap<MatchId, MatchSession>,
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("sessions", &self.sessions.len())
            .field("packages", &self.packages.len())
            .finish_non_exhaustive()
    }
}

impl Device {
    /// A device with a fresh identity: 16 random bytes and a signing key, tied to no account.
    pub fn new(clock: Clock) -> Result<Self, MlsError> {
        let provider = OpenMlsRustCrypto::default();
        let identity = provider.rand().random_vec(16).map_err(MlsError::internal)?;
        let signer =
            SignatureKeyPair::new(SUITE.signature_algorithm()).map_err(MlsError::internal)?;
        Ok(Self {
            clock,
            provider,
            signer,
            identity,
            packages: Vec::new(),
            sessions: HashMap::new(),
        })
    }

    /// The device as it was when `snapshot` was taken.
    pub fn restore(snapshot: &Snapshot, clock: Clock) -> Result<Self, MlsError> {
        if snapshot.version != SNAPSHOT_VERSION {
            return Err(MlsError::State("of another version"));
        }
        let provider = OpenMlsRustCrypto::default();
        snapshot::load(provider.storage(), &snapshot.storage)?;
        let signer = serde_json::from_str(&snapshot.signer)
            .map_err(|_| MlsError::State("the signing key is not readable"))?;
        let mut sessions = HashMap::new();
        for stored in &snapshot.sessions {
            let group_id = GroupId::from_slice(&snapshot::decode(&stored.group_id)?);
            let group = MlsGroup::load(provider.storage(), &group_id)
                .map_err(|_| MlsError::State("a group is not readable"))?
                .ok_or(MlsError::State("a group is missing"))?;
            let session = MatchSession {
                group,
                own_handle: stored.own_handle.clone(),
                peer_handle: stored.peer_handle.clone(),
            };
            sessions.insert(stored.match_id, session);
        }
        let identity = snapshot::decode(&snapshot.identity)?;
        Ok(Self {
            clock,
            provider,
            signer,
            identity,
            packages: snapshot.packages.clone(),
            sessions,
        })
    }

    /// Everything that has to survive a restart. Store it before anything made by the device since
    /// the last snapshot leaves the process.
    pub fn snapshot(&self) -> Snapshot {
        let sessions = self
            .sessions
            .iter()
            .map(|(match_id, session)| StoredSession {
                match_id: *match_id,
                group_id: snapshot::encode(session.group.group_id().as_slice()),
                own_handle: session.own_handle.clone(),
                peer_handle: session.peer_handle.clone(),
            });
        Snapshot {
            version: SNAPSHOT_VERSION,
            identity: snapshot::encode(&self.identity),
            signer: serde_json::to_string(&self.signer).expect("a key pair is bytes and numbers"),
            storage: snapshot::dump(self.provider.storage()),
            sessions: sessions.collect(),
            packages: self.packages.clone(),
        }
    }

    fn credential(&self) -> CredentialWithKey {
        CredentialWithKey {
            credential: BasicCredential::new(self.identity.clone()).into(),
            signature_key: self.signer.to_public_vec().into(),
        }
    }

    /// Starts the encryption of a match as its offerer; the answer is the Welcome to send as `kind:
    /// "handshake"`.
    pub fn create(
        &mut self,
        parties: Parties,
        peer_key_package: &[u8],
    ) -> Result<Vec<u8>, MlsError> {
        self.expect_no_session(parties.match_id)?;
        let peer = self.validated(peer_key_package)?;
        let mut group = MlsGroup::builder()
            .ciphersuite(SUITE)
            .use_ratchet_tree_extension(true)
            .max_past_epochs(2)
            .sender_ratchet_configuration(ratchet())
            .build(&self.provider, &self.signer, self.credential())
            .map_err(MlsError::internal)?;
        let added = group
            .add_members(&self.provider, &self.signer, &[peer])
            .map_err(|_| MlsError::KeyPackage("it cannot be added"));
        let merged = added.and_then(|(_, welcome, _)| {
            group
                .merge_pending_commit(&self.provider)
                .map_err(MlsError::internal)?;
            welcome.tls_serialize_detached().map_err(MlsError::internal)
        });
        match merged {
            Ok(welcome) => self.keep(parties, group).map(|()| welcome),
            Err(error) => {
                group
                    .delete(self.provider.storage())
                    .map_err(MlsError::internal)?;
                Err(error)
            }
        }
    }

    /// Joins the encryption of a match as its answerer.
    ///
    /// A Welcome uses up the key package it was made for, also when it is refused. One for an
    /// expired package is refused: a server may have kept it back.
    pub fn join(&mut self, parties: Parties, welcome: &[u8]) -> Result<(), MlsError> {
        self.expect_no_session(parties.match_id)?;
        self.forget_expired_packages()?;
        let message = MlsMessageIn::tls_deserialize_exact_bytes(welcome)
            .map_err(|_| MlsError::Welcome("not an MLS message"))?;
        let MlsMessageBodyIn::Welcome(welcome) = message.extract() else {
            return Err(MlsError::Welcome("not a welcome"));
        };
        let config = MlsGroupJoinConfig::builder()
            .use_ratchet_tree_extension(true)
            .max_past_epochs(2)
            .sender_ratchet_configuration(ratchet())
            .build();
        let staged = StagedWelcome::new_from_welcome(&self.provider, &config, welcome, None)
            .map_err(|_| MlsError::Welcome("it does not fit a key package of this device"))?;
        if staged.members().count() != 2 {
            return Err(MlsError::NotTwoMembers);
        }
        if staged.group_context().ciphersuite() != SUITE {
            return Err(MlsError::Welcome("another cipher suite"));
        }
        if *staged.group_context().extensions() != Extensions::<GroupContext>::empty() {
            return Err(MlsError::Welcome("it carries group extensions"));
        }
        for member in staged.members() {
            check_credential(&member.credential)
                .map_err(|()| MlsError::Welcome("not a basic credential"))?;
        }
        let group = staged
            .into_group(&self.provider)
            .map_err(|_| MlsError::Welcome("the group cannot be built"))?;
        self.keep(parties, group)
    }

    fn keep(&mut self, parties: Parties, mut group: MlsGroup) -> Result<(), MlsError> {
        if group.members().count() != 2 {
            group
                .delete(self.provider.storage())
                .map_err(MlsError::internal)?;
            return Err(MlsError::NotTwoMembers);
        }
        let session = MatchSession {
            group,
            own_handle: parties.own_handle,
            peer_handle: parties.peer_handle,
        };
        self.sessions.insert(parties.match_id, session);
        Ok(())
    }

    fn expect_no_session(&self, match_id: MatchId) -> Result<(), MlsError> {
        if self.sessions.contains_key(&match_id) {
            Err(MlsError::SessionExists)
        } else {
            Ok(())
        }
    }

    /// The code to compare with the peer; `None` before the session exists.
    pub fn safety_number(&self, match_id: MatchId) -> Option<SafetyNumber> {
        self.sessions
            .get(&match_id)
            .map(|session| SafetyNumber::derive(session.group.epoch_authenticator().as_slice()))
    }

    /// Whether this device can encrypt in the match.
    pub fn has_session(&self, match_id: MatchId) -> bool {
        self.sessions.contains_key(&match_id)
    }

    /// The matches this device can encrypt in.
    pub fn sessions(&self) -> impl Iterator<Item = MatchId> {
        self.sessions.keys().copied()
    }

    /// Erases the keys of a match that is over; what was not opened by now cannot be opened any
    /// more.
    pub fn forget(&mut self, match_id: MatchId) -> Result<(), MlsError> {
        if let Some(mut session) = self.sessions.remove(&match_id) {
            session
                .group
                .delete(self.provider.storage())
                .map_err(MlsError::internal)?;
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn parts(
        &mut self,
        match_id: MatchId,
    ) -> (&mut MlsGroup, &OpenMlsRustCrypto, &SignatureKeyPair) {
        (
            &mut self.sessions.get_mut(&match_id).expect("session").group,
            &self.provider,
            &self.signer,
        )
    }
}

fn check_credential(credential: &Credential) -> Result<(), ()> {
    if credential.credential_type() == CredentialType::Basic {
        Ok(())
    } else {
        Err(())
    }
}

/// How far ahead and behind a message may be; the socket delivers in order, so this only meets a
/// peer that lost some.
fn ratchet() -> SenderRatchetConfiguration {
    SenderRatchetConfiguration::new(20, 1000)
}
