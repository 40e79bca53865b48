//! Keys and rings of them.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// 32 secret bytes, wiped on drop. `Debug` shows none of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// The bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key in base64, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).ok()?);
        <[u8; 32]>::try_from(bytes.as_slice()).ok().map(Self::from)
    }

    /// Derives another key, which does not reveal this one. `label` is its purpose: HMAC-SHA-256 as
    /// the expand step of HKDF (RFC 5869) for one block.
    #[must_use]
    pub fn derive(&self, label: &[u8]) -> Self {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.bytes()).expect("HMAC takes keys of any length");
        mac.update(label);
        mac.update(&[1]);
        Self::from(<[u8; 32]>::from(mac.finalize().into_bytes()))
    }
}

impl From<[u8; 32]> for Key {
    fn from(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Keys by id: one in use, and older ones that still decrypt what they encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRing {
    current: (String, Key),
    older: Vec<(String, Key)>,
}

impl KeyRing {
    /// A ring of one key.
    pub fn new(id: &str, key: Key) -> Self {
        Self {
            current: (id.to_owned(), key),
            older: Vec::new(),
        }
    }

    /// Adds an older key. If the id is taken, the existing key stays.
    #[must_use]
    pub fn with(mut self, id: &str, key: Key) -> Self {
        self.older.push((id.to_owned(), key));
        self
    }

    /// The id and key that new data is written with.
    pub fn current(&self) -> (&str, &Key) {
        (&self.current.0, &self.current.1)
    }

    /// The key with this id.
    pub fn get(&self, id: &str) -> Option<&Key> {
        self.iter()
            .find(|(known, _)| *known == id)
            .map(|(_, key)| key)
    }

    /// Every key, the current one first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Key)> {
        std::iter::once(&self.current)
            .chain(&self.older)
            .map(|(id, key)| (id.as_str(), key))
    }

    /// Reads `id:key,id:key`, the current one first.
    ///
    /// # Errors
    /// What the text must look like, quoting no part of it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut ring: Option<Self> = None;
        for entry in text.split(',') {
            let (id, key) = entry
                .trim()
                .split_once(':')
                .ok_or("must be id:key,id:key")?;
            let named = (1..=32).contains(&id.len())
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
            if !named {
                return Err("a key id is 1 to 32 letters, digits, '-', '_' or '.'");
            }
            if ring.as_ref().is_some_and(|ring| ring.get(id).is_some()) {
                return Err("a key id is there twice");
            }
            let key = Key::parse(key).ok_or("a key is 32 bytes in base64")?;
            ring = Some(match ring {
                None => Self::new(id, key),
                Some(ring) => ring.with(id, key),
            });
        }
        ring.ok_or("must be id:key,id:key")
    }
}
