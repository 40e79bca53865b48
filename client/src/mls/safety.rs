//! The code both people compare to know that nobody sits between them.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Six groups of five digits (99 bits), equal on both sides when they share keys with each other
/// and with nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SafetyNumber(String);

impl SafetyNumber {
    /// From the group's epoch authenticator: `HMAC-SHA256(authenticator, label)`, five bytes a
    /// group, modulo 100,000.
    pub(super) fn derive(authenticator: &[u8]) -> Self {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(authenticator).expect("HMAC takes keys of any length");
        mac.update(b"tebdil safety number v1");
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        let group = |bytes: &[u8]| {
            let number = bytes
                .iter()
                .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
            format!("{:05}", number % 100_000)
        };
        Self(
            digest[..30]
                .chunks(5)
                .map(group)
                .collect::<Vec<_>>()
                .join(" "),
        )
    }

    /// The digits, groups parted by spaces.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for SafetyNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_groups_of_five_digits() {
        let number = SafetyNumber::derive(&[1; 32]);
        let groups: Vec<_> = number.as_str().split(' ').collect();
        assert_eq!(groups.len(), 6);
        assert!(
            groups
                .iter()
                .all(|group| group.len() == 5 && group.bytes().all(|byte| byte.is_ascii_digit())),
            "{number}"
        );
        assert_ne!(number, SafetyNumber::derive(&[2; 32]));
    }
}
