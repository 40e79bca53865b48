//! What is inside an encrypted message.
//!
//! Version 1: `01 ‖ lp(salt) ‖ lp(match id, decimal) ‖ lp(sender handle) ‖ lp(content) ‖ zeros`,
//! `lp` being a 32-bit big-endian length and the bytes. The zeros fill up to 256, 1024, 4096 or
//! 16128 bytes, so that the ciphertext tells the size class and nothing finer. Content is a JSON
//! object with a `type`; the franking tag is over its exact bytes, and a report carries those
//! bytes.

use serde::{Deserialize, Serialize};
use tebdil_protocol::{MAX_CIPHERTEXT_BYTES, franking::Salt, id::MatchId};
use zeroize::Zeroizing;

use super::MlsError;

/// Sizes of a padded plaintext, bytes.
///
/// The ciphertext is its plaintext and about 190 bytes of MLS framing: header with group id, AAD,
/// sender data, signature, AEAD tag. The largest bucket leaves 256 bytes for it, so that no
/// ciphertext is over the 16 KiB the server takes.
pub(super) const BUCKETS: [usize; 4] = [256, 1024, 4096, MAX_CIPHERTEXT_BYTES - 256];

/// Longest content of one message in its JSON form, bytes.
pub const MAX_CONTENT_BYTES: usize = 15_900;

const VERSION: u8 = 1;

/// What one message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Content {
    #[serde(rename = "text")]
    Text { text: String },
    /// A type that this build does not know.
    #[serde(other, rename = "unknown")]
    Unknown,
}

impl Content {
    /// A text message.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(serde_json::to_vec(self).expect("content has string keys and serializes"))
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, MlsError> {
        const WRONG: MlsError = MlsError::Plaintext("the content is not a JSON object with a type");
        // Serde would take a list as well, whose first element is the type. The server takes
        // objects only for evidence: what could not be reported is not shown.
        let _: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(bytes).map_err(|_| WRONG)?;
        serde_json::from_slice(bytes).map_err(|_| WRONG)
    }
}

/// The fields of a plaintext.
#[derive(Clone)]
pub(super) struct Plaintext {
    pub salt: Zeroizing<Salt>,
    pub match_id: MatchId,
    pub sender_handle: String,
    pub content: Zeroizing<Vec<u8>>,
}

impl Plaintext {
    /// The padded bytes.
    pub(super) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, MlsError> {
        if self.content.len() > MAX_CONTENT_BYTES {
            return Err(MlsError::TooLong);
        }
        let match_id = self.match_id.to_string();
        let fields = [
            &self.salt[..],
            match_id.as_bytes(),
            self.sender_handle.as_bytes(),
            &self.content,
        ];
        let size = 1 + fields.iter().map(|field| 4 + field.len()).sum::<usize>();
        let bucket = BUCKETS
            .into_iter()
            .find(|bucket| *bucket >= size)
            .ok_or(MlsError::TooLong)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(bucket));
        bytes.push(VERSION);
        for field in fields {
            let length = u32::try_from(field.len()).expect("fields fit a bucket");
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(field);
        }
        bytes.resize(bucket, 0);
        Ok(bytes)
    }

    /// Reads padded bytes; anything but the one form that [`Self::to_bytes`] writes is refused.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, MlsError> {
        if !BUCKETS.contains(&bytes.len()) {
            return Err(MlsError::Plaintext("not padded to a bucket"));
        }
        let Some((&VERSION, mut rest)) = bytes.split_first() else {
            return Err(MlsError::Plaintext("unknown version"));
        };
        let salt = Salt::try_from(field(&mut rest)?)
            .map_err(|_| MlsError::Plaintext("the salt is not 32 bytes"))?;
        let match_id = text(field(&mut rest)?)?
            .parse()
            .map_err(|_| MlsError::Plaintext("the match id is not an id"))?;
        let sender_handle = text(field(&mut rest)?)?.to_owned();
        let content = Zeroizing::new(field(&mut rest)?.to_vec());
        if rest.iter().any(|byte| *byte != 0) {
            return Err(MlsError::Plaintext("the padding is not zero"));
        }
        Ok(Self {
            salt: Zeroizing::new(salt),
            match_id,
            sender_handle,
            content,
        })
    }
}

fn field<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], MlsError> {
    const CUT: MlsError = MlsError::Plaintext("a field is cut short");
    let (length, after) = rest.split_first_chunk::<4>().ok_or(CUT)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| CUT)?;
    let (value, after) = after.split_at_checked(length).ok_or(CUT)?;
    *rest = after;
    Ok(value)
}

fn text(bytes: &[u8]) -> Result<&str, MlsError> {
    std::str::from_utf8(bytes).map_err(|_| MlsError::Plaintext("a text is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plaintext(content: Vec<u8>) -> Plaintext {
        Plaintext {
            salt: Zeroizing::new([7; 32]),
            match_id: MatchId(i64::MAX),
            sender_handle: format!("{}#9999", "ğ".repeat(20)),
            content: Zeroizing::new(content),
        }
    }

    #[test]
    fn every_length_up_to_the_limit_survives_in_a_bucket() {
        for length in [0, 1, 100, 200, 1_000, 4_000, 15_000, MAX_CONTENT_BYTES] {
            let bytes = plaintext(vec![b'x'; length]).to_bytes().expect("fits");
            assert!(BUCKETS.contains(&bytes.len()), "{length}");
            let read = Plaintext::from_bytes(&bytes).expect("reads");
            assert_eq!(
                (read.content.len(), read.match_id),
                (length, MatchId(i64::MAX))
            );
        }
        assert_eq!(
            plaintext(vec![0; MAX_CONTENT_BYTES + 1]).to_bytes().err(),
            Some(MlsError::TooLong)
        );
    }

    #[test]
    fn content_is_what_a_report_can_show() {
        let read = |text: &str| Content::from_bytes(text.as_bytes());
        assert_eq!(
            read(r#"{"type":"text","text":"selam"}"#),
            Ok(Content::text("selam"))
        );
        assert_eq!(read(r#"{"type":"poll","of":[1]}"#), Ok(Content::Unknown));
        for bad in [
            r#"["text","selam"]"#,
            r#"["poll"]"#,
            r#"{"text":"selam"}"#,
            r#"{"type":"text","text":"a","text":"b"}"#,
            "\"text\"",
            "{}",
            "",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_plaintext_has_one_form() {
        let good = plaintext(b"{}".to_vec()).to_bytes().expect("fits");
        let refused = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = good.to_vec();
            change(&mut bytes);
            Plaintext::from_bytes(&bytes).is_err()
        };
        assert!(refused(&|bytes| bytes[0] = 2), "unknown version");
        assert!(refused(&|bytes| bytes[4] = 31), "salt of 31 bytes");
        assert!(refused(&|bytes| bytes[1] = 0xff), "field over the end");
        assert!(
            refused(&|bytes| *bytes.last_mut().expect("not empty") = 1),
            "padding that says something"
        );
        assert!(refused(&Vec::clear), "empty");
        for length in 0..255 {
            assert!(refused(&|bytes| bytes.truncate(length)), "cut at {length}");
        }
    }
}
