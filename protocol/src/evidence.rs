//! Proofs of what was said.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bounds::{ContentText, HashText};
use crate::{id::MatchId, time::Timestamp};

/// The server's proof that a message with this franking tag passed through it, from one user to
/// another, at a certain time. Only the server can check it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Frank {
    /// Which of the server's keys made it.
    pub kid: String,
    /// 32 bytes.
    #[serde(with = "super::base64_bytes")]
    #[schema(value_type = HashText)]
    pub mac: Vec<u8>,
}

/// One message as its receiver shows it to a moderator.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    pub match_id: MatchId,
    /// Position among the sender's messages in the match.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub seq: i64,
    /// The exact bytes of the content inside the message.
    #[serde(with = "super::base64_bytes")]
    #[schema(value_type = ContentText)]
    pub content: Vec<u8>,
    /// The 32 bytes inside the message that its franking tag was made with.
    #[serde(with = "super::base64_bytes")]
    #[schema(value_type = HashText)]
    pub salt: Vec<u8>,
    /// 32 bytes.
    #[serde(with = "super::base64_bytes")]
    #[schema(value_type = HashText)]
    pub franking_tag: Vec<u8>,
    pub frank: Frank,
    pub sent_at: Timestamp,
    /// 32 bytes: the SHA-256 of the ciphertext.
    #[serde(with = "super::base64_bytes")]
    #[schema(value_type = HashText)]
    pub ciphertext_sha256: Vec<u8>,
    /// The sender's handle inside the message, which the tag covers; absent if it is the peer's
    /// current handle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_handle: Option<String>,
}

impl std::fmt::Debug for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evidence")
            .field("match_id", &self.match_id)
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}
