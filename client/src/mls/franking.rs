//! The commitment that lets a recipient prove to a moderator what was said.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tebdil_core::id::MatchId;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::MlsError;

/// HMAC-SHA-256 over the franked fields.
pub type FrankingTag = [u8; 32];

/// MLS authenticated data of a content message: one safe-AAD item list of 35 bytes (`23`), component `0020`, 32 bytes (`20`), then the tag.
const AAD_PREFIX: [u8; 4] = [0x23, 0x00, 0x20, 0x20];
const DOMAIN: &[u8] = b"tebdil franking v1";

/// The key of the commitment: exactly 32 bytes, since HMAC pads shorter keys with zeros and a free length would not bind.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Salt(pub [u8; 32]);

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt(…)")
    }
}

impl TryFrom<&[u8]> for Salt {
    type Error = MlsError;
    fn try_from(bytes: &[u8]) -> Result<Self, MlsError> {
        bytes.try_into().map(Self).map_err(|_| MlsError::Plaintext("the salt is not 32 bytes"))
    }
}

fn mac(salt: &Salt, match_id: MatchId, sender_handle: &str, content: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&salt.0).expect("HMAC takes keys of any length");
    for field in [DOMAIN, match_id.to_string().as_bytes(), sender_handle.as_bytes(), content] {
        let length = u32::try_from(field.len()).expect("fields are bounded far below 4 GiB");
        mac.update(&length.to_be_bytes());
        mac.update(field);
    }
    mac
}

/// The tag over `content` (the exact bytes of the plaintext's content field).
///
/// `HMAC-SHA256(salt, lp(domain) ‖ lp(match id, decimal) ‖ lp(sender handle) ‖ lp(content))`, `lp` being a 32-bit big-endian length and the bytes.
pub fn franking_tag(salt: &Salt, match_id: MatchId, sender_handle: &str, content: &[u8]) -> FrankingTag {
    mac(salt, match_id, sender_handle, content).finalize().into_bytes().into()
}

/// Whether `tag` commits to `content`, in constant time.
pub(super) fn verify(tag: &[u8], salt: &Salt, match_id: MatchId, sender_handle: &str, content: &[u8]) -> Result<(), MlsError> {
    mac(salt, match_id, sender_handle, content).verify_slice(tag).map_err(|_| MlsError::Franking)
}

/// The MLS authenticated data that carries `tag`.
pub(super) fn aad(tag: &FrankingTag) -> Vec<u8> {
    [&AAD_PREFIX[..], tag].concat()
}

/// The tag in MLS authenticated data, where it has the one allowed form.
pub(super) fn tag_in_aad(aad: &[u8]) -> Option<FrankingTag> {
    aad.strip_prefix(&AAD_PREFIX)?.try_into().ok()
}
