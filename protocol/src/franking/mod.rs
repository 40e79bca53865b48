//! Message franking, as sender and recipient need it: the commitment to what is said.
//!
//! After the IETF MIMI drafts' abuse reporting and Grubbs, Lu and Ristenpart, *Message Franking via
//! Committing Authenticated Encryption* (2017). The sender commits to the content with
//! [`franking_tag`]; the server puts its own MAC, the [`Frank`](crate::Frank), over the tag, the
//! two users and the time.

mod framing;

pub use framing::{authenticated_data, tag_in_authenticated_data, tag_in_message};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::id::MatchId;

/// HMAC-SHA-256 over the franked fields.
pub type FrankingTag = [u8; 32];

/// Labels keep this MAC and the server's apart from each other and from everything else.
const TAG_DOMAIN: &[u8] = b"tebdil franking v1";

/// The key of the commitment: exactly 32 bytes. HMAC pads shorter keys with zeros, so with a free
/// length the tag would not bind.
pub type Salt = [u8; 32];

/// The SHA-256 of a ciphertext.
pub fn ciphertext_sha256(ciphertext: &[u8]) -> [u8; 32] {
    Sha256::digest(ciphertext).into()
}

/// The tag over `content` (the exact bytes of the plaintext's content field).
///
/// `HMAC-SHA256(salt, lp(domain) ‖ lp(match id, decimal) ‖ lp(sender handle) ‖ lp(content))`, `lp`
/// being a 32-bit big-endian length and the bytes.
pub fn franking_tag(
    salt: &Salt,
    match_id: MatchId,
    sender_handle: &str,
    content: &[u8],
) -> FrankingTag {
    tag_mac(salt, match_id, sender_handle, content)
        .finalize()
        .into_bytes()
        .into()
}

/// Whether `tag` commits to `content`, in constant time.
pub fn verify_tag(
    tag: &[u8],
    salt: &Salt,
    match_id: MatchId,
    sender_handle: &str,
    content: &[u8],
) -> bool {
    tag_mac(salt, match_id, sender_handle, content)
        .verify_slice(tag)
        .is_ok()
}

fn tag_mac(salt: &Salt, match_id: MatchId, sender_handle: &str, content: &[u8]) -> Hmac<Sha256> {
    keyed(
        salt,
        &[
            TAG_DOMAIN,
            match_id.to_string().as_bytes(),
            sender_handle.as_bytes(),
            content,
        ],
    )
}

/// The MAC of `fields`, each preceded by its length.
pub fn keyed(key: &[u8; 32], fields: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for field in fields {
        let length = u32::try_from(field.len()).expect("fields are bounded far below 4 GiB");
        mac.update(&length.to_be_bytes());
        mac.update(field);
    }
    mac
}
