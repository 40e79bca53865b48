//! What a video call needs beside a WebRTC stack: relays, signals, and certificates that the server
//! cannot swap.
//!
//! The server passes the session descriptions on, so alone it could put its own DTLS certificate in
//! place of both and sit in the middle of the media. Therefore each side tells the other the
//! fingerprint of its certificate through the encryption of the match ([`crate::mls`]) before its
//! first description, and every description of the peer, of a renegotiation too, has to name
//! exactly that one. What the safety number proves for texts it then proves for the call.
//!
//! [`crate::chat::Chat`] does it by itself: [`Chat::describe`](crate::chat::Chat::describe) reads
//! the own fingerprint out of the own description and sends it first;
//! [`ChatEvent::Description`](crate::chat::ChatEvent::Description) comes only with what was
//! checked. An application
//!
//! 1. asks for relays ([`Chat::ice_servers`](crate::chat::Chat::ice_servers)) and gives them to its
//!    stack, with the policy `relay`: the server shows the peer no other address, but with another
//!    policy the stack would answer whoever writes to it;
//! 2. as the offerer of the match offers, as the answerer answers
//!    ([`Chat::describe`](crate::chat::Chat::describe)), and passes candidates on both ways as they
//!    come ([`Chat::candidate`](crate::chat::Chat::candidate));
//! 3. says what became of it ([`Chat::call_state`](crate::chat::Chat::call_state)), at last
//!    `ended`, which ends the match.
//!
//! There is one certificate on each side for the whole match. A client that goes on with a call
//! after a restart has kept it.

mod fingerprint;
mod gate;

pub use fingerprint::{Fingerprint, Pin, fingerprints_of};
pub(crate) use gate::Gate;

/// Why a description is not to be trusted. The texts hold nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error("the description names no certificate")]
    NoFingerprint,
    #[error("a fingerprint in the description is not well-formed")]
    Malformed,
    #[error("a fingerprint in the description is not of sha-256")]
    NotSha256,
    /// One certificate on each side for the whole match.
    #[error("the call has another certificate already")]
    AnotherCertificate,
    /// Somebody between the two may have put a certificate of his own there: do not go on with the
    /// call.
    #[error(
        "the certificate is not the one that the peer told through the encryption of the match"
    )]
    NotPinned,
    #[error("the peer did not tell its certificate through the encryption of the match")]
    NoPin,
}
