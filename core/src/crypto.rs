//! How personal data is hidden at rest: phones are found by a keyed hash and kept encrypted, tokens
//! are kept as hashes.
//!
//! Keys come from the caller and are wiped when dropped; nothing here prints one. To encrypt
//! another column, pick a context label of its own and store the key id beside the ciphertext.

mod keys;

use std::fmt;

use aes_gcm::{
    Aes256Gcm,
    aead::{Aead, KeyInit, Payload},
};
use hmac::{Hmac, Mac};
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub use self::keys::{Key, KeyRing};
use tebdil_protocol::{
    domain::CodePurpose,
    id::{CodeId, UserId},
    stored_as,
};

const NONCE_BYTES: usize = 12;

/// Why a stored value cannot be decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// The key id is not in the ring.
    #[error("the key of a stored value is not configured")]
    UnknownKey,
    /// The ciphertext was changed, or belongs to another row or column.
    #[error("a stored value failed authentication")]
    Refused,
}

/// The index by which a phone number is found. Comparison takes constant time.
#[derive(Clone, Copy, Eq)]
pub struct PhoneIndex(pub [u8; 32]);

impl PhoneIndex {
    /// The bytes that are stored.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<Vec<u8>> for PhoneIndex {
    type Error = CryptoError;

    fn try_from(bytes: Vec<u8>) -> Result<Self, CryptoError> {
        bytes.try_into().map(Self).map_err(|_| CryptoError::Refused)
    }
}

stored_as!(PhoneIndex, Vec<u8>);

impl PartialEq for PhoneIndex {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for PhoneIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneIndex(…)")
    }
}

/// The stored form of a one-time code. Comparison takes constant time.
#[derive(Clone, Copy, Eq)]
pub struct CodeHash(pub [u8; 32]);

impl PartialEq for CodeHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for CodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeHash(…)")
    }
}

/// The stored form of a recovery code. Comparison takes constant time.
#[derive(Clone, Copy, Eq)]
pub struct RecoveryHash(pub [u8; 32]);

impl RecoveryHash {
    /// Reads several that are concatenated.
    pub(crate) fn split(bytes: &[u8]) -> Vec<Self> {
        bytes.as_chunks().0.iter().copied().map(Self).collect()
    }
}

impl PartialEq for RecoveryHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for RecoveryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryHash(…)")
    }
}

/// Keyed hashes: without the key nobody can try all phone numbers against a stolen database.
#[derive(Debug, Clone)]
pub struct BlindIndex(Key);

impl BlindIndex {
    /// With the key that every node of a deployment shares. Changing it makes stored indexes
    /// useless.
    pub const fn new(key: Key) -> Self {
        Self(key)
    }

    /// The index of a phone number in E.164 form, e.g. `+905301234567`.
    pub fn phone(&self, e164: &str) -> PhoneIndex {
        PhoneIndex(self.hash("tebdil.phone.v1", &[e164.as_bytes()]))
    }

    /// Identifies a request by its method, path and body without keeping them.
    pub fn request(&self, method: &str, path: &str, body: &[u8]) -> [u8; 32] {
        self.hash(
            "tebdil.request.v1",
            &[method.as_bytes(), path.as_bytes(), body],
        )
    }

    /// Represents somebody, an address or an account, where tries are counted. It does not reveal
    /// `value`.
    pub fn limited(&self, value: &[u8]) -> [u8; 32] {
        self.hash("tebdil.limit.v1", &[value])
    }

    /// The hash of a one-time code, good for one purpose, one phone and one row.
    pub fn code(
        &self,
        purpose: CodePurpose,
        phone: &PhoneIndex,
        row: CodeId,
        code: &str,
    ) -> CodeHash {
        CodeHash(self.hash(
            "tebdil.code.v1",
            &[
                purpose.as_str().as_bytes(),
                phone.as_bytes(),
                &row.0.to_be_bytes(),
                code.as_bytes(),
            ],
        ))
    }

    /// The hash of a recovery code, good for one user.
    pub fn recovery_code(&self, user: UserId, code: &str) -> RecoveryHash {
        RecoveryHash(self.hash(
            "tebdil.recovery.v1",
            &[&user.0.to_be_bytes(), code.as_bytes()],
        ))
    }

    fn hash(&self, label: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.0.bytes()).expect("HMAC takes keys of any length");
        mac.update(&framed(label, parts));
        mac.finalize().into_bytes().into()
    }
}

/// An encrypted field, and the id of the key it was encrypted with. A phone's is read from a row.
#[derive(Debug, Clone, PartialEq, Eq, sqlx_macros::FromRow)]
pub struct Sealed {
    /// Nonce, then ciphertext and tag.
    #[sqlx(rename = "phone_ciphertext")]
    pub ciphertext: Vec<u8>,
    /// Stored beside it.
    #[sqlx(rename = "phone_key_id")]
    pub key_id: String,
}

/// AES-256-GCM over single fields, with a ring of keys: new values use the current one, old ones
/// keep theirs.
///
/// A ciphertext is bound to its context (the column) and identity (the row): moved elsewhere, it
/// does not decrypt. Nonces are random, so one key serves for 2^32 values.
#[derive(Debug, Clone)]
pub struct FieldCipher(KeyRing);

impl FieldCipher {
    /// The ring's current key encrypts, all decrypt.
    pub const fn new(ring: KeyRing) -> Self {
        Self(ring)
    }

    /// Encrypts with the current key.
    pub fn seal(
        &self,
        context: &str,
        identity: &[u8],
        plain: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Sealed {
        let mut nonce = [0; NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        let payload = Payload {
            msg: plain,
            aad: &framed(context, &[identity]),
        };
        let mut ciphertext = nonce.to_vec();
        let (key_id, key) = self.0.current();
        let sealed = Aes256Gcm::new(key.bytes().into()).encrypt(&nonce.into(), payload);
        ciphertext.extend_from_slice(&sealed.expect("a field is far below 64 GiB"));
        Sealed {
            ciphertext,
            key_id: key_id.to_owned(),
        }
    }

    /// Decrypts what [`Self::seal`] made for the same context and identity.
    pub fn open(
        &self,
        context: &str,
        identity: &[u8],
        key_id: &str,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let (nonce, sealed) = ciphertext
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(CryptoError::Refused)?;
        let payload = Payload {
            msg: sealed,
            aad: &framed(context, &[identity]),
        };
        let key = self.0.get(key_id).ok_or(CryptoError::UnknownKey)?;
        Aes256Gcm::new(key.bytes().into())
            .decrypt(&(*nonce).into(), payload)
            .map(Zeroizing::new)
            .map_err(|_| CryptoError::Refused)
    }
}

/// SHA-256 of a token. Tokens are 256 random bits, so a plain hash hides them as well as a slow
/// one.
pub fn hash_token(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Label and parts, each preceded by its length, so that no two lists give the same bytes.
fn framed(label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in std::iter::once(label.as_bytes()).chain(parts.iter().copied()) {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn key(byte: u8) -> Key {
        Key::from([byte; 32])
    }

    fn ring(current: &str) -> FieldCipher {
        let ring = match current {
            "old" => KeyRing::new("old", key(1)).with("new", key(2)),
            _ => KeyRing::new("new", key(2)).with("old", key(1)),
        };
        FieldCipher::new(ring)
    }

    proptest! {
        #[test]
        fn a_field_opens_only_as_it_was_sealed(
            plain in prop::collection::vec(any::<u8>(), 0..80), identity in prop::collection::vec(any::<u8>(), 0..40),
            context in "[a-z]{1,8}", seed in any::<u64>(), at in any::<prop::sample::Index>(), bit in 0..8_u32,
        ) {
            let mut rng = StdRng::seed_from_u64(seed);
            let sealed = ring("old").seal(&context, &identity, &plain, &mut rng);
            prop_assert_eq!(&sealed.key_id, "old");
            let ring = ring("new");
            let open = |context: &str, identity: &[u8], key_id: &str, ciphertext: &[u8]| {
                ring.open(context, identity, key_id, ciphertext).map(|plain| plain.to_vec())
            };
            prop_assert_eq!(open(&context, &identity, "old", &sealed.ciphertext), Ok(plain));

            let mut tampered = sealed.ciphertext.clone();
            let at = at.index(tampered.len());
            tampered[at] ^= 1 << bit;
            prop_assert_eq!(open(&context, &identity, "old", &tampered), Err(CryptoError::Refused));
            prop_assert_eq!(open(&context, &identity, "old", &sealed.ciphertext[..at]), Err(CryptoError::Refused));
            prop_assert_eq!(open(&format!("{context}x"), &identity, "old", &sealed.ciphertext), Err(CryptoError::Refused));
            let other: Vec<u8> = identity.iter().copied().chain([0]).collect();
            prop_assert_eq!(open(&context, &other, "old", &sealed.ciphertext), Err(CryptoError::Refused));
            prop_assert_eq!(open(&context, &identity, "new", &sealed.ciphertext), Err(CryptoError::Refused));
            prop_assert_eq!(open(&context, &identity, "gone", &sealed.ciphertext), Err(CryptoError::UnknownKey));
        }
    }

    #[test]
    fn the_same_field_never_looks_the_same_twice() {
        let mut rng = StdRng::seed_from_u64(7);
        let cipher = ring("new");
        assert_ne!(
            cipher.seal("phone", b"a", b"x", &mut rng),
            cipher.seal("phone", b"a", b"x", &mut rng)
        );
    }

    #[test]
    fn an_index_depends_on_key_and_purpose_only() {
        let index = BlindIndex::new(key(1));
        let phone = index.phone("+905301234567");
        assert_eq!(phone, index.phone("+905301234567"));
        assert_ne!(phone, index.phone("+905301234568"));
        assert_ne!(phone, BlindIndex::new(key(2)).phone("+905301234567"));
        assert_ne!(
            index.limited(b"192.0.2.1"),
            BlindIndex::new(key(2)).limited(b"192.0.2.1")
        );
        assert_ne!(index.limited(b"192.0.2.1"), index.limited(b"192.0.2.2"));
        assert_ne!(
            index.request("GET", "/a", b"b"),
            index.request("GET", "/ab", b""),
            "parts are told apart"
        );
    }

    #[test]
    fn a_code_belongs_to_its_purpose_phone_and_row() {
        let index = BlindIndex::new(key(1));
        let (phone, other) = (index.phone("+905301234567"), index.phone("+905301234568"));
        let hash = index.code(CodePurpose::Registration, &phone, CodeId(1), "123456");
        assert_eq!(
            hash,
            index.code(CodePurpose::Registration, &phone, CodeId(1), "123456")
        );
        assert_ne!(
            hash,
            index.code(CodePurpose::PasswordReset, &phone, CodeId(1), "123456")
        );
        assert_ne!(
            hash,
            index.code(CodePurpose::Registration, &other, CodeId(1), "123456")
        );
        assert_ne!(
            hash,
            index.code(CodePurpose::Registration, &phone, CodeId(2), "123456")
        );
        assert_ne!(
            hash,
            index.code(CodePurpose::Registration, &phone, CodeId(1), "123457")
        );
        assert_ne!(
            hash,
            BlindIndex::new(key(2)).code(CodePurpose::Registration, &phone, CodeId(1), "123456")
        );
        assert_eq!(format!("{hash:?}"), "CodeHash(…)");
    }

    #[test]
    fn a_token_hash_is_sha_256() {
        assert_eq!(hash_token(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
    }

    #[test]
    fn nothing_secret_is_printed() {
        let shown = format!(
            "{:?} {:?} {:?}",
            BlindIndex::new(key(171)),
            ring("new"),
            BlindIndex::new(key(171)).phone("+905301234567")
        );
        assert_eq!(
            shown,
            "BlindIndex(Key(…)) FieldCipher(KeyRing { current: (\"new\", Key(…)), older: [(\"old\", Key(…))] }) PhoneIndex(…)"
        );
    }
}
