//! Which addresses belong to our relays, and what looks like an address in a text that should
//! contain none.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    ops::RangeInclusive,
    str::FromStr,
};

/// The ports that a relay gives out at its address, as in `192.0.2.1:49160-49400` or
/// `[2001:db8::1]:49160-49400`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayRange {
    pub ip: IpAddr,
    pub ports: RangeInclusive<u16>,
}

/// The text of a range cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be ADDRESS:FIRST-LAST, such as 192.0.2.1:49160-49400")]
pub struct NotARange;

impl FromStr for RelayRange {
    type Err = NotARange;

    fn from_str(text: &str) -> Result<Self, NotARange> {
        let (first, last) = text.trim().rsplit_once('-').ok_or(NotARange)?;
        let first: SocketAddr = first.parse().map_err(|_| NotARange)?;
        let last: u16 = last.parse().map_err(|_| NotARange)?;
        let sane = first.port() > 0 && first.port() <= last && !first.ip().is_unspecified();
        sane.then(|| Self {
            ip: first.ip().to_canonical(),
            ports: first.port()..=last,
        })
        .ok_or(NotARange)
    }
}

/// The addresses and ports that our relays give out. A candidate with any other is dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RelayRanges(Vec<RelayRange>);

impl RelayRanges {
    /// Those of all relays.
    pub fn new(ranges: impl IntoIterator<Item = RelayRange>) -> Self {
        Self(
            ranges
                .into_iter()
                .map(|range| RelayRange {
                    ip: range.ip.to_canonical(),
                    ..range
                })
                .collect(),
        )
    }

    /// Whether a relay of ours gives out this address.
    pub fn contains(&self, ip: IpAddr, port: u16) -> bool {
        self.0
            .iter()
            .any(|range| range.ip == ip.to_canonical() && range.ports.contains(&port))
    }

    /// Whether a relay of ours gives out any port at this address.
    pub(crate) fn has_host(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|range| range.ip == ip.to_canonical())
    }
}

/// Whether a part of the text reads as an IP address or as a name of mDNS.
///
/// Errs on the side of yes: nothing allowed in a session description has dotted quads, or more than
/// one colon outside of fingerprints.
pub(crate) fn has_address(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains(".local")
        || holds_quad(&text)
        || text
            .split(|c: char| !(c.is_ascii_hexdigit() || c == ':' || c == '.'))
            .any(|word| {
                word.matches(':').count() >= 2
                    && (word.contains("::")
                        || word.trim_matches([':', '.']).parse::<Ipv6Addr>().is_ok())
            })
}

/// Four numbers separated by dots, whatever comes before and after.
fn holds_quad(text: &str) -> bool {
    let is_byte = |digits: &str| digits.parse::<u8>().is_ok();
    let pieces: Vec<&str> = text.split('.').collect();
    pieces.windows(4).any(|four| {
        let ends = |piece: &str| piece.ends_with(|c: char| c.is_ascii_digit());
        let begins = |piece: &str| piece.starts_with(|c: char| c.is_ascii_digit());
        ends(four[0]) && is_byte(four[1]) && is_byte(four[2]) && begins(four[3])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_relays_are_in_range() {
        let ranges = RelayRanges::new(["192.0.2.1:49160-49400".parse().expect("range")]);
        let contains = |ip: &str, port| ranges.contains(ip.parse().expect("ip"), port);
        assert!(
            contains("192.0.2.1", 49_160)
                && contains("192.0.2.1", 49_400)
                && contains("::ffff:192.0.2.1", 49_200)
        );
        assert!(
            !contains("192.0.2.1", 49_159)
                && !contains("192.0.2.1", 49_401)
                && !contains("192.0.2.2", 49_200)
        );
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "192.0.2.1",
            "192.0.2.1:5",
            "192.0.2.1:9-5",
            "192.0.2.1:0-5",
            "0.0.0.0:1-5",
            "relay.example:1-5",
            "192.0.2.1:1-70000",
        ] {
            assert_eq!(text.parse::<RelayRange>(), Err(NotARange), "{text}");
        }
        assert_eq!(
            "[2001:db8::1]:5-9"
                .parse::<RelayRange>()
                .map(|range| range.ports),
            Ok(5..=9)
        );
    }

    #[test]
    fn addresses_are_seen_wherever_they_stand() {
        for text in [
            "10.0.0.1",
            "x-addr=203.0.113.9;a=1",
            "cname:10.1.2.3.4",
            "abc10.0.0.1def",
            "fe80::1",
            "[2001:db8::5]:9",
            "a=b::c",
            "0f2b6c6e-0d8a-4c55-9f2e-a4b9e4f6bb1f.LOCAL",
            "2001:db8:1:2:3:4:5:6",
            "::ffff:10.0.0.1",
        ] {
            assert!(has_address(text), "{text}");
        }
        for text in [
            "fmtp:96 profile-level-id=42e01f;packetization-mode=1",
            "rtpmap:111 opus/48000/2",
            "msid:- 7c1f-4b:2",
            "ssrc:1 cname:a.b.c",
            "1.2.3",
        ] {
            assert!(!has_address(text), "{text}");
        }
    }
}
