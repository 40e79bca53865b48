//! Message franking: a recipient can prove to a moderator what was said, nobody else can, and the
//! server stores nothing for it.
//!
//! After the IETF MIMI drafts' abuse reporting and Grubbs, Lu and Ristenpart, *Message Franking via
//! Committing Authenticated Encryption* (2017). The sender commits to the content with
//! [`franking_tag`](tebdil_protocol::franking::franking_tag); the server puts its own MAC, the
//! [`Frank`], over the tag, the two users and the time. A report opens the commitment, and the
//! server checks both.

#[cfg(test)]
mod tests;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::crypto::{Key, KeyRing};
use tebdil_protocol::{
    Evidence, Frank,
    franking::{FrankingTag, Salt, keyed, verify_tag},
    id::{MatchId, UserId},
    time::Timestamp,
};

/// Keeps this MAC apart from everything else.
const FRANK_DOMAIN: &[u8] = b"tebdil frank v1";

/// What the server vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrankedMessage {
    pub tag: FrankingTag,
    pub match_id: MatchId,
    pub sender_id: UserId,
    pub recipient_id: UserId,
    /// Position among the sender's messages in the match.
    pub seq: i64,
    /// To the millisecond.
    pub sent_at: Timestamp,
    pub ciphertext_sha256: [u8; 32],
}

/// Why evidence is no proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// `salt`, `franking_tag`, `frank.mac` or `ciphertext_sha256` is not 32 bytes long.
    #[error("{0}: must be 32 bytes")]
    Length(&'static str),
    /// The content, its salt, match or sender's handle is not what the tag was made from.
    #[error("the franking tag is not that of this content")]
    Tag,
    /// The server has no such key, or has it no longer.
    #[error("frank.kid: no such key")]
    UnknownKey,
    /// The server has not passed this on from this sender to this recipient at this time.
    #[error("the frank is not that of this message")]
    Frank,
}

/// The server's franking keys; the current one makes new franks, all check old ones. Keep a key as
/// long as messages it franked can be reported.
#[derive(Debug, Clone)]
pub struct FrankingKeys(KeyRing);

impl FrankingKeys {
    /// With this ring.
    pub const fn new(ring: KeyRing) -> Self {
        Self(ring)
    }

    /// The frank of a message that is passed on, by the current key.
    pub fn frank(&self, message: &FrankedMessage) -> Frank {
        let (kid, key) = self.0.current();
        Frank {
            kid: kid.to_owned(),
            mac: mac_of(key, message).finalize().into_bytes().to_vec(),
        }
    }

    /// Whether `evidence` proves that `sender` sent this content to `recipient`, who presents it.
    /// `handle` is the sender's if the evidence names none.
    ///
    /// # Errors
    /// [`EvidenceError`]
    pub fn verify(
        &self,
        evidence: &Evidence,
        sender: UserId,
        recipient: UserId,
        handle: &str,
    ) -> Result<(), EvidenceError> {
        let bytes = |field, bytes: &[u8]| {
            <[u8; 32]>::try_from(bytes).map_err(|_| EvidenceError::Length(field))
        };
        let salt: Salt = bytes("salt", &evidence.salt)?;
        let tag = bytes("franking_tag", &evidence.franking_tag)?;
        let ciphertext_sha256 = bytes("ciphertext_sha256", &evidence.ciphertext_sha256)?;
        let frank = bytes("frank.mac", &evidence.frank.mac)?;
        let handle = evidence.sender_handle.as_deref().unwrap_or(handle);
        if !verify_tag(&tag, &salt, evidence.match_id, handle, &evidence.content) {
            return Err(EvidenceError::Tag);
        }
        let key = self
            .0
            .get(&evidence.frank.kid)
            .ok_or(EvidenceError::UnknownKey)?;
        let message = FrankedMessage {
            tag,
            match_id: evidence.match_id,
            sender_id: sender,
            recipient_id: recipient,
            seq: evidence.seq,
            sent_at: evidence.sent_at,
            ciphertext_sha256,
        };
        mac_of(key, &message)
            .verify_slice(&frank)
            .map_err(|_| EvidenceError::Frank)
    }
}

/// `HMAC-SHA256(K[kid], lp(domain) ‖ lp(tag) ‖ lp(match) ‖ lp(sender) ‖ lp(recipient) ‖ lp(seq) ‖
/// lp(sent at) ‖ lp(SHA-256 of the ciphertext))`, the numbers as 64-bit big-endian, the time in
/// milliseconds since the Unix epoch.
fn mac_of(key: &Key, message: &FrankedMessage) -> Hmac<Sha256> {
    let [match_id, sender, recipient, seq, sent_at] = [
        message.match_id.0,
        message.sender_id.0,
        message.recipient_id.0,
        message.seq,
        message.sent_at.millis(),
    ]
    .map(i64::to_be_bytes);
    keyed(
        key.bytes(),
        &[
            FRANK_DOMAIN,
            &message.tag,
            &match_id,
            &sender,
            &recipient,
            &seq,
            &sent_at,
            &message.ciphertext_sha256,
        ],
    )
}
