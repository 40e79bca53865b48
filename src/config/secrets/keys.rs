//! Keys and rings of them.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::SecretsError;

/// 32 secret bytes. `Debug` shows none of them.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Key(pub(super) [u8; 32]);

impl Key {
    /// The bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Another key, from which this one cannot be found. `label` says what for: HMAC-SHA-256 as the
    /// expanding half of HKDF (RFC 5869) for one block.
    pub(super) fn derive(&self, label: &[u8]) -> Self {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(label);
        mac.update(&[1]);
        Self(mac.finalize().into_bytes().into())
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).ok()?);
        bytes.as_slice().try_into().ok().map(Self)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Keys by id. The first is the one in use; the others still open what they closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRing(pub(super) Vec<(String, Key)>);

impl KeyRing {
    /// The id and key that new data is written with.
    pub fn current(&self) -> (&str, &Key) {
        let (id, key) = self
            .0
            .first()
            .expect("a ring is never empty: parse() refuses it");
        (id, key)
    }

    /// The key with this id.
    pub fn get(&self, id: &str) -> Option<&Key> {
        self.0
            .iter()
            .find(|(known, _)| known == id)
            .map(|(_, key)| key)
    }

    /// Every key, the current one first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Key)> {
        self.0.iter().map(|(id, key)| (id.as_str(), key))
    }

    pub(super) fn parse(field: &'static str, text: &str) -> Result<Self, SecretsError> {
        let invalid = |detail| SecretsError::Invalid { field, detail };
        let mut ring: Vec<(String, Key)> = Vec::new();
        for entry in text.split(',') {
            let (id, key) = entry
                .trim()
                .split_once(':')
                .ok_or(invalid("must be id:key,id:key"))?;
            let named = (1..=32).contains(&id.len())
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
            if !named {
                return Err(invalid(
                    "a key id is 1 to 32 letters, digits, '-', '_' or '.'",
                ));
            }
            if ring.iter().any(|(known, _)| known == id) {
                return Err(invalid("a key id is there twice"));
            }
            let key = Key::parse(key).ok_or(invalid("a key is 32 bytes in base64"))?;
            ring.push((id.to_owned(), key));
        }
        Ok(Self(ring))
    }
}
