//! A device: its identity, its key packages and one MLS session per match.

use std::{collections::HashMap, fmt, time::Duration};

use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, Credential, CredentialType, CredentialWithKey,
    ExtensionType, Extensions, GroupContext, GroupId, KeyPackage, Lifetime, MlsGroup,
    MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, OpenMlsProvider,
    OpenMlsRand, ProcessedMessageContent, ProtocolMessage, ProtocolVersion,
    SenderRatchetConfiguration, StagedWelcome,
    tls_codec::{DeserializeBytes as _, Serialize as _},
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::storage::StorageProvider as _;
use tebdil_core::{
    franking::{self, FrankingTag, Salt},
    id::MatchId,
    time::{Clock, Timestamp},
};
use zeroize::Zeroizing;

use super::{
    Content, MlsError, SafetyNumber, Snapshot,
    plaintext::Plaintext,
    snapshot::{self, StoredPackage, StoredSession},
};

mod certificate;

pub use certificate::OpenedHandshake;

pub(super) const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

/// How long a key package is good for.
pub(super) const LIFETIME: Duration = Duration::from_hours(28 * 24);

/// How far two clocks may be apart; a package is valid from so long before it was made.
pub(super) const SKEW: Duration = Duration::from_hours(1);

const SNAPSHOT_VERSION: u32 = 1;

/// Who talks in a match. Handles are those of the moment the match was made; a later change of
/// alias does not touch them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parties {
    pub match_id: MatchId,
    pub own_handle: String,
    pub peer_handle: String,
}

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

struct Session {
    group: MlsGroup,
    own_handle: String,
    peer_handle: String,
}

impl Session {
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
    sessions: HashMap<MatchId, Session>,
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
            let session = Session {
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

    /// `count` fresh one-time key packages for the server, valid for 28 days; their private parts
    /// stay here. Forgets expired ones.
    pub fn key_packages(&mut self, count: usize) -> Result<Vec<Vec<u8>>, MlsError> {
        self.forget_expired_packages()?;
        (0..count)
            .map(|_| self.key_package(false, LIFETIME))
            .collect()
    }

    /// A package that the server may hand out again when the one-time ones are used up.
    pub fn last_resort_package(&mut self) -> Result<Vec<u8>, MlsError> {
        self.key_package(true, LIFETIME)
    }

    /// Whether the last-resort package should be replaced: there is none, or half of its life is
    /// over.
    pub fn needs_last_resort(&self) -> bool {
        let half_life = seconds(self.clock.now() + LIFETIME / 2);
        !self
            .packages
            .iter()
            .any(|package| package.last_resort && package.not_after > half_life)
    }

    fn key_package(&mut self, last_resort: bool, life: Duration) -> Result<Vec<u8>, MlsError> {
        let now = self.clock.now();
        let lifetime = Lifetime::init(seconds(now - SKEW), seconds(now + life));
        let mut builder = KeyPackage::builder().key_package_lifetime(lifetime);
        if last_resort {
            let capabilities = Capabilities::builder()
                .extensions(vec![ExtensionType::LastResort])
                .build();
            builder = builder
                .leaf_node_capabilities(capabilities)
                .mark_as_last_resort();
        }
        let bundle = builder
            .build(SUITE, &self.provider, &self.signer, self.credential())
            .map_err(MlsError::internal)?;
        let hash_ref = bundle
            .key_package()
            .hash_ref(self.provider.crypto())
            .map_err(MlsError::internal)?;
        self.packages.push(StoredPackage {
            hash_ref,
            not_after: lifetime.not_after(),
            last_resort,
        });
        MlsMessageOut::from(bundle.into_key_package())
            .tls_serialize_detached()
            .map_err(MlsError::internal)
    }

    fn forget_expired_packages(&mut self) -> Result<(), MlsError> {
        let now = seconds(self.clock.now());
        let (kept, expired) = std::mem::take(&mut self.packages)
            .into_iter()
            .partition(|package| package.not_after > now);
        self.packages = kept;
        for package in expired {
            self.provider
                .storage()
                .delete_key_package(&package.hash_ref)
                .map_err(MlsError::internal)?;
        }
        Ok(())
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

    /// A key package of the peer, after every check: signature, suite, credential, lifetime of at
    /// most 28 days that covers now.
    fn validated(&self, bytes: &[u8]) -> Result<KeyPackage, MlsError> {
        let message = MlsMessageIn::tls_deserialize_exact_bytes(bytes)
            .map_err(|_| MlsError::KeyPackage("not an MLS message"))?;
        let MlsMessageBodyIn::KeyPackage(package) = message.extract() else {
            return Err(MlsError::KeyPackage("not a key package"));
        };
        let package = package
            .validate(self.provider.crypto(), ProtocolVersion::Mls10)
            .map_err(|_| MlsError::KeyPackage("signature, extensions or lifetime"))?;
        if package.ciphersuite() != SUITE {
            return Err(MlsError::KeyPackage("another cipher suite"));
        }
        check_credential(package.leaf_node().credential())
            .map_err(|()| MlsError::KeyPackage("not a basic credential"))?;
        let (from, until, now) = (
            package.life_time().not_before(),
            package.life_time().not_after(),
            seconds(self.clock.now()),
        );
        if until.saturating_sub(from) > (LIFETIME + SKEW).as_secs() {
            return Err(MlsError::KeyPackage("valid for more than 28 days"));
        }
        if now >= until || now + SKEW.as_secs() < from {
            return Err(MlsError::KeyPackage("not valid now"));
        }
        Ok(package)
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
        let session = Session {
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

    pub(super) fn seal_raw(
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
    fn process(
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
    fn change(
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
    pub(super) fn package_with_lifetime(&mut self, life: Duration) -> Vec<u8> {
        self.key_package(false, life).expect("package")
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

fn check_message(
    session: &Session,
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

fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.seconds()).unwrap_or(0)
}
