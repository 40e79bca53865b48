//! End-to-end encryption: MLS (RFC 9420) with one group of two per match, and franking so that a
//! recipient can report what was said.
//!
//! [`Device`] is one signed-in device: its identity, its key packages and one session per match. It
//! knows nothing of sockets; bytes go in and out. Nothing is written anywhere: [`Device::snapshot`]
//! is what a caller stores **before** it sends what [`Device::seal`] made, and an older snapshot
//! must never be restored, because a ratchet that goes back uses keys twice.
//!
//! Guarantees: a group has exactly two members, for ever (commits and proposals that say otherwise
//! are refused); a message opens once; a message that was changed, sent back to its author, or
//! whose franking tag does not fit is refused and leaves the session as it was.

mod device;
mod plaintext;
mod safety;
mod snapshot;
#[cfg(test)]
mod tests;

pub use device::{Device, Opened, OpenedHandshake, OpenedMessage, Parties, Sealed};
pub use plaintext::{Content, MAX_CONTENT_BYTES};
pub use safety::SafetyNumber;
pub use snapshot::Snapshot;

/// One-time key packages a device keeps at the server.
pub const KEY_PACKAGE_TARGET: usize = 50;

/// Below this many one-time packages at the server a device refills.
pub const KEY_PACKAGE_REFILL_BELOW: i64 = 20;

/// Why something could not be encrypted, decrypted or joined.
///
/// The texts name the rule, never key material or content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MlsError {
    #[error("the key package is not valid: {0}")]
    KeyPackage(&'static str),
    #[error("the welcome is not valid: {0}")]
    Welcome(&'static str),
    #[error("the group does not have exactly two members")]
    NotTwoMembers,
    #[error("there is an encrypted session for this match already")]
    SessionExists,
    #[error("there is no encrypted session for this match on this device")]
    NoSession,
    #[error("the message could not be decrypted")]
    Undecryptable,
    #[error("the message was sent by this device itself")]
    Reflected,
    #[error("the message changes the group, which is not allowed")]
    ForbiddenChange,
    #[error("the franking tag does not fit the message")]
    Franking,
    #[error("the plaintext is not well-formed: {0}")]
    Plaintext(&'static str),
    #[error("the message is longer than {MAX_CONTENT_BYTES} bytes")]
    TooLong,
    #[error("the stored state is not valid: {0}")]
    State(&'static str),
    /// The MLS library failed where it must not; its own text, which holds no secrets.
    #[error("encryption failed: {0}")]
    Internal(String),
}

impl MlsError {
    fn internal(error: impl std::fmt::Display) -> Self {
        Self::Internal(error.to_string())
    }
}
