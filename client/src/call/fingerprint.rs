//! Fingerprints of DTLS certificates (RFC 8122), SHA-256 only.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::CallError;

/// The SHA-256 of a certificate, in text as in a session description: `sha-256 0A:1B:…`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 32]);

impl FromStr for Fingerprint {
    type Err = CallError;

    /// Reads `sha-256 0A:1B:…`, letters of either case (RFC 8122 §5).
    fn from_str(text: &str) -> Result<Self, CallError> {
        let (hash, digest) = text.split_once(' ').ok_or(CallError::Malformed)?;
        if !hash.eq_ignore_ascii_case("sha-256") {
            return Err(CallError::NotSha256);
        }
        let mut bytes = [0; 32];
        let mut pairs = digest.split(':');
        for byte in &mut bytes {
            let pair = pairs.next().filter(|pair| {
                pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit())
            });
            *byte = pair
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                .ok_or(CallError::Malformed)?;
        }
        if pairs.next().is_some() {
            Err(CallError::Malformed)
        } else {
            Ok(Self(bytes))
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha-256 ")?;
        for (at, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if at == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = CallError;

    fn try_from(text: String) -> Result<Self, CallError> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

/// The certificates that a description names, of the session and of every medium; at least one.
///
/// Whatever a stack might take for a fingerprint has to be one: a line that only begins like one is
/// refused, not passed over.
///
/// # Errors
/// [`CallError::NoFingerprint`], [`CallError::Malformed`], [`CallError::NotSha256`].
pub fn fingerprints_of(sdp: &str) -> Result<BTreeSet<Fingerprint>, CallError> {
    const ATTRIBUTE: &str = "a=fingerprint";
    let mut found = BTreeSet::new();
    // Some stacks end a line at a lone carriage return.
    for line in sdp.split(['\r', '\n']) {
        let line = line.trim();
        if !line
            .get(..ATTRIBUTE.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(ATTRIBUTE))
        {
            continue;
        }
        let value = line[ATTRIBUTE.len()..]
            .strip_prefix(':')
            .ok_or(CallError::Malformed)?;
        found.insert(value.parse()?);
    }
    if found.is_empty() {
        Err(CallError::NoFingerprint)
    } else {
        Ok(found)
    }
}

/// The only certificate that a peer may use in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin(Fingerprint);

impl Pin {
    /// The one that the peer told through the encryption of the match.
    pub fn new(fingerprint: Fingerprint) -> Self {
        Self(fingerprint)
    }

    /// What is pinned.
    pub fn fingerprint(self) -> Fingerprint {
        self.0
    }

    /// Whether a description, offer or answer, names this certificate and no other.
    ///
    /// # Errors
    /// [`CallError::NotPinned`] for another certificate, also beside the right one; what
    /// [`fingerprints_of`] refuses.
    pub fn check(self, sdp: &str) -> Result<(), CallError> {
        if fingerprints_of(sdp)?
            .into_iter()
            .all(|fingerprint| fingerprint == self.0)
        {
            Ok(())
        } else {
            Err(CallError::NotPinned)
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub fn fingerprint(byte: u8) -> Fingerprint {
        Fingerprint([byte; 32])
    }

    /// A description that names `session` for the session, and each of `media` in a medium of its
    /// own.
    pub fn sdp(session: Option<u8>, media: &[u8]) -> String {
        let line = |byte: &u8| format!("a=fingerprint:{}\r\n", fingerprint(*byte));
        let media: Vec<String> = media
            .iter()
            .map(|byte| {
                format!(
                    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n{}",
                    line(byte)
                )
            })
            .collect();
        let media = media.concat();
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{}{media}",
            session.as_ref().map(line).unwrap_or_default()
        )
    }

    #[test]
    fn a_text_is_read_in_either_case_and_written_in_one() {
        let lower = format!("SHA-256 {}ab", "0a:".repeat(31));
        let read: Fingerprint = lower.parse().expect("a fingerprint");
        assert_eq!(read.to_string(), format!("sha-256 {}AB", "0A:".repeat(31)));
        assert_eq!(
            serde_json::to_string(&read)
                .and_then(|text| serde_json::from_str(&text))
                .ok(),
            Some(read)
        );
        for bad in [
            "",
            "sha-256",
            "sha-256 ",
            "sha-256 AB",
            &format!("{lower}:00"),
            &lower[..lower.len() - 1],
            &lower.replace("0a", "+a"),
        ] {
            assert_eq!(
                bad.parse::<Fingerprint>(),
                Err(CallError::Malformed),
                "{bad}"
            );
        }
        let other = lower.replace("SHA-256", "sha-1");
        assert_eq!(other.parse::<Fingerprint>(), Err(CallError::NotSha256));
    }

    #[test]
    fn every_fingerprint_of_a_description_is_found() {
        assert_eq!(
            fingerprints_of(&sdp(Some(1), &[2, 3, 2])).expect("three"),
            [1, 2, 3].map(fingerprint).into()
        );
        assert_eq!(
            fingerprints_of(&sdp(None, &[])),
            Err(CallError::NoFingerprint)
        );
        let hidden = [
            format!("v=0\na=fingerprint:{}\n", fingerprint(1)),
            format!("v=0\ra=fingerprint:{}\r", fingerprint(1)),
            format!("v=0\r\n a=Fingerprint:{} \r\n", fingerprint(1)),
        ];
        for text in hidden {
            assert_eq!(
                fingerprints_of(&text).expect("one"),
                [fingerprint(1)].into(),
                "{text:?}"
            );
        }
        for line in [
            "a=fingerprint",
            "a=fingerprint:",
            "a=fingerprint :x",
            "a=fingerprints:x",
        ] {
            assert_eq!(
                fingerprints_of(&format!("{}{line}\r\n", sdp(None, &[1]))),
                Err(CallError::Malformed),
                "{line}"
            );
        }
        let weak = format!(
            "{}a=fingerprint:sha-1 {}\r\n",
            sdp(None, &[1]),
            "00:".repeat(19) + "00"
        );
        assert_eq!(fingerprints_of(&weak), Err(CallError::NotSha256));
    }

    #[test]
    fn a_pin_takes_its_certificate_and_no_other_beside_it() {
        let pin = Pin::new(fingerprint(1));
        for good in [sdp(Some(1), &[]), sdp(None, &[1]), sdp(Some(1), &[1, 1])] {
            assert_eq!(pin.check(&good), Ok(()));
        }
        for bad in [
            sdp(Some(2), &[]),
            sdp(Some(2), &[1]),
            sdp(Some(1), &[1, 2]),
            sdp(None, &[2, 1]),
        ] {
            assert_eq!(pin.check(&bad), Err(CallError::NotPinned));
        }
        assert_eq!(pin.check(&sdp(None, &[])), Err(CallError::NoFingerprint));
    }

    proptest! {
        #[test]
        fn nothing_passes_that_names_another_certificate(before in "[ -~\r\n]{0,60}", after in "[ -~\r\n]{0,60}", other in 2_u8..) {
            let text = format!("{before}\r\na=fingerprint:{}\r\n{after}", fingerprint(other));
            prop_assert!(Pin::new(fingerprint(1)).check(&text).is_err());
            prop_assert!(Pin::new(fingerprint(1)).check(&(sdp(Some(1), &[1]) + &text)).is_err());
        }
    }
}
