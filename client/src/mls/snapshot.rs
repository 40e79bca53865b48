//! The stored form of a device.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use openmls::prelude::KeyPackageRef;
use openmls_rust_crypto::MemoryStorage;
use serde::{Deserialize, Serialize};
use tebdil_protocol::id::MatchId;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::MlsError;

/// Everything secret a device has. Keep it in a file only its owner reads, replace it as a whole,
/// and never go back to an older one.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    pub(super) version: u32,
    pub(super) identity: String,
    /// The signing key in the MLS library's own JSON form.
    pub(super) signer: String,
    /// Key and value of the MLS library's storage, base64.
    pub(super) storage: Vec<(String, String)>,
    #[zeroize(skip)]
    pub(super) sessions: Vec<StoredSession>,
    #[zeroize(skip)]
    pub(super) packages: Vec<StoredPackage>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredSession {
    pub match_id: MatchId,
    pub group_id: String,
    pub own_handle: String,
    pub peer_handle: String,
}

/// A key package whose private part the device still has.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredPackage {
    pub hash_ref: KeyPackageRef,
    /// Seconds since the Unix epoch.
    pub not_after: u64,
    pub last_resort: bool,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("sessions", &self.sessions.len())
            .field("packages", &self.packages.len())
            .finish_non_exhaustive()
    }
}

pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn decode(text: &str) -> Result<Vec<u8>, MlsError> {
    STANDARD
        .decode(text)
        .map_err(|_| MlsError::State("not base64"))
}

pub(super) fn dump(storage: &MemoryStorage) -> Vec<(String, String)> {
    let values = storage
        .values
        .read()
        .expect("the lock is held for single map operations only, which do not panic");
    values
        .iter()
        .map(|(key, value)| (encode(key), encode(value)))
        .collect()
}

pub(super) fn load(storage: &MemoryStorage, dump: &[(String, String)]) -> Result<(), MlsError> {
    let read = dump
        .iter()
        .map(|(key, value)| Ok((decode(key)?, decode(value)?)))
        .collect::<Result<Vec<_>, MlsError>>()?;
    let mut values = storage
        .values
        .write()
        .expect("the lock is held for single map operations only, which do not panic");
    values.extend(read);
    Ok(())
}
