//! ICE candidates: only those of our relays pass, and they are rewritten.
//!
//! The grammar is that of RFC 8839 §5.1. Address, port and user fragment survive; foundation,
//! priority, related address and every other extension would reveal the client's interfaces and
//! networks.

use std::net::IpAddr;

use crate::{
    address::{RelayRanges, has_address},
    sdp::MAX_MEDIA,
    token::{is_ice_text, is_mid, is_token},
};

/// Longest candidate that is read, bytes.
pub const MAX_CANDIDATE_BYTES: usize = 512;

/// The priority of a relayed candidate by RFC 8445 §5.1.2.1: type preference 0, local preference
/// 65535, component 1.
const PRIORITY: u32 = 65_535 << 8 | 255;

/// Why a candidate is refused. The text quotes nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("candidate: {0}")]
pub struct MalformedCandidate(&'static str);

/// What becomes of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sanitised {
    /// To be forwarded in this form.
    Relay(String),
    /// The end of the candidates; forwarded as an empty text.
    End,
    /// Well-formed, and nothing the peer may see.
    Dropped,
}

/// Reads a candidate in the form that browsers use (`candidate:…`; empty at the end).
///
/// # Errors
/// [`MalformedCandidate`] if it is not a candidate.
pub fn sanitise_candidate(
    text: &str,
    relays: &RelayRanges,
) -> Result<Sanitised, MalformedCandidate> {
    if text.is_empty() {
        return Ok(Sanitised::End);
    }
    if text.len() > MAX_CANDIDATE_BYTES {
        return Err(MalformedCandidate("longer than 512 bytes"));
    }
    let rest = text
        .strip_prefix("candidate:")
        .ok_or(MalformedCandidate("must begin with candidate:"))?;
    let mut words = rest.split(' ');
    let mut next = |what| {
        words
            .next()
            .filter(|word| !word.is_empty())
            .ok_or(MalformedCandidate(what))
    };
    let foundation = next("foundation is missing")?;
    if foundation.len() > 32 || !is_ice_text(foundation) {
        return Err(MalformedCandidate(
            "foundation: at most 32 letters, digits, + or /",
        ));
    }
    let component: u16 = number(next("component is missing")?, "component: must be 1 to 256")?;
    if !(1..=256).contains(&component) {
        return Err(MalformedCandidate("component: must be 1 to 256"));
    }
    let transport = next("transport is missing")?;
    if !is_token(transport) {
        return Err(MalformedCandidate("transport: must be a token"));
    }
    let _: u32 = number(next("priority is missing")?, "priority: must be a number")?;
    let address = next("address is missing")?;
    let port: u16 = number(next("port is missing")?, "port: must be 0 to 65535")?;
    if next("typ is missing")? != "typ" {
        return Err(MalformedCandidate("typ is missing"));
    }
    let kind = next("type is missing")?;
    if !is_token(kind) {
        return Err(MalformedCandidate("type: must be a token"));
    }
    let ufrag = extensions(words)?;

    // With rtcp-mux there is one component.
    if kind != "relay" || component != 1 || !transport.eq_ignore_ascii_case("udp") {
        return Ok(Sanitised::Dropped);
    }
    // A name, mDNS or other, is no relay of ours.
    let Some(ip) = address
        .parse::<IpAddr>()
        .ok()
        .filter(|ip| relays.contains(*ip, port))
    else {
        return Ok(Sanitised::Dropped);
    };
    let mut clean = format!(
        "candidate:1 1 udp {PRIORITY} {} {port} typ relay raddr 0.0.0.0 rport 0",
        ip.to_canonical()
    );
    if let Some(ufrag) = ufrag {
        clean.push_str(" ufrag ");
        clean.push_str(ufrag);
    }
    Ok(Sanitised::Relay(clean))
}

/// Checks the fields that name a candidate's medium: nothing else passes beside it.
///
/// # Errors
/// [`MalformedCandidate`] if they name no medium.
pub fn check_medium(mid: Option<&str>, line: Option<u16>) -> Result<(), MalformedCandidate> {
    if mid.is_some_and(|mid| !is_mid(mid) || has_address(mid)) {
        return Err(MalformedCandidate("sdp_mid: must be the a=mid of a medium"));
    }
    if line.is_some_and(|line| usize::from(line) >= MAX_MEDIA) {
        return Err(MalformedCandidate("sdp_m_line_index: must be 0 to 7"));
    }
    Ok(())
}

/// Reads the pairs after the type, and returns the user fragment, which names the candidate's
/// generation.
fn extensions<'a>(
    mut words: impl Iterator<Item = &'a str>,
) -> Result<Option<&'a str>, MalformedCandidate> {
    let mut ufrag = None;
    while let Some(name) = words.next() {
        let value = words
            .next()
            .ok_or(MalformedCandidate("an extension has no value"))?;
        if name.is_empty()
            || value.is_empty()
            || !name
                .bytes()
                .chain(value.bytes())
                .all(|byte| byte.is_ascii_graphic())
        {
            return Err(MalformedCandidate("an extension is not printable ASCII"));
        }
        if name == "ufrag" {
            if !(4..=256).contains(&value.len()) || !is_ice_text(value) {
                return Err(MalformedCandidate(
                    "ufrag: must be 4 to 256 letters, digits, + or /",
                ));
            }
            ufrag = Some(value);
        }
    }
    Ok(ufrag)
}

fn number<N: std::str::FromStr>(word: &str, detail: &'static str) -> Result<N, MalformedCandidate> {
    let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse()
        .ok()
        .filter(|_| digits)
        .ok_or(MalformedCandidate(detail))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn relays() -> RelayRanges {
        RelayRanges::new(["192.0.2.1:49160-49400".parse().expect("range")])
    }

    fn clean(text: &str) -> Result<Sanitised, MalformedCandidate> {
        sanitise_candidate(text, &relays())
    }

    #[test]
    fn a_relay_of_ours_passes_without_what_tells_of_its_network() {
        let sent = "candidate:3988106137 1 udp 41885439 192.0.2.1 49200 typ relay raddr 203.0.113.9 rport 55123 generation 0 ufrag Vx5k network-id 2 network-cost 50";
        let expected =
            "candidate:1 1 udp 16777215 192.0.2.1 49200 typ relay raddr 0.0.0.0 rport 0 ufrag Vx5k";
        assert_eq!(clean(sent), Ok(Sanitised::Relay(expected.to_owned())));
        assert_eq!(
            clean(expected),
            Ok(Sanitised::Relay(expected.to_owned())),
            "what is clean stays as it is"
        );
        let mapped = clean("candidate:1 1 UDP 1 ::ffff:192.0.2.1 49200 typ relay raddr :: rport 0")
            .expect("well-formed");
        assert_eq!(
            mapped,
            Sanitised::Relay(
                "candidate:1 1 udp 16777215 192.0.2.1 49200 typ relay raddr 0.0.0.0 rport 0"
                    .to_owned()
            )
        );
        assert_eq!(clean(""), Ok(Sanitised::End));
    }

    #[test]
    fn everything_else_is_dropped() {
        for sent in [
            "candidate:1 1 udp 2122260223 192.168.1.7 54400 typ host generation 0",
            "candidate:1 1 udp 2122260223 4f2c.local 54400 typ host",
            "candidate:1 1 udp 1686052607 203.0.113.9 54400 typ srflx raddr 192.168.1.7 rport 54400",
            "candidate:1 1 udp 1 203.0.113.9 54400 typ prflx raddr 192.168.1.7 rport 54400",
            "candidate:1 1 udp 1 203.0.113.9 49200 typ relay raddr 0.0.0.0 rport 0",
            "candidate:1 1 udp 1 192.0.2.1 50000 typ relay raddr 0.0.0.0 rport 0",
            "candidate:1 2 udp 1 192.0.2.1 49200 typ relay raddr 0.0.0.0 rport 0",
            "candidate:1 1 tcp 1 192.0.2.1 49200 typ relay raddr 0.0.0.0 rport 0 tcptype active",
            "candidate:1 1 udp 1 2001:db8::1 49200 typ relay raddr :: rport 0",
            "candidate:1 1 udp 1 relay.example 49200 typ relay",
        ] {
            assert_eq!(clean(sent), Ok(Sanitised::Dropped), "{sent}");
        }
    }

    #[test]
    fn what_is_no_candidate_is_refused() {
        for sent in [
            "a=candidate:1 1 udp 1 192.0.2.1 49200 typ relay",
            "candidate:",
            "candidate:1",
            "candidate:1 0 udp 1 192.0.2.1 49200 typ relay",
            "candidate:1 1 udp x 192.0.2.1 49200 typ relay",
            "candidate:1 1 udp +1 192.0.2.1 49200 typ relay",
            "candidate:1 1 udp 1 192.0.2.1 65536 typ relay",
            "candidate:1 1 udp 1 192.0.2.1 49200 relay typ",
            "candidate:1 1 udp 1 192.0.2.1 49200 typ",
            "candidate:1  1 udp 1 192.0.2.1 49200 typ relay",
            "candidate:1 1 udp 1 192.0.2.1 49200 typ relay raddr",
            "candidate:1 1 udp 1 192.0.2.1 49200 typ relay ufrag ab",
            "candidate:1 1 udp 1 192.0.2.1 49200 typ relay ufrag ab\r\na=x",
            "candidate:ü 1 udp 1 192.0.2.1 49200 typ relay",
        ] {
            assert!(clean(sent).is_err(), "{sent}");
        }
        assert!(
            clean(&format!(
                "candidate:1 1 udp 1 192.0.2.1 49200 typ relay x {}",
                "y".repeat(600)
            ))
            .is_err()
        );
    }

    #[test]
    fn a_medium_is_named_by_its_mid_or_its_place() {
        for (mid, line) in [(None, None), (Some("0"), Some(0)), (Some("audio"), Some(7))] {
            assert_eq!(check_medium(mid, line), Ok(()), "{mid:?} {line:?}");
        }
        let long = "m".repeat(33);
        for (mid, line) in [
            (Some(""), None),
            (Some("a b"), None),
            (Some("192.168.1.7"), None),
            (Some(long.as_str()), None),
            (None, Some(8)),
        ] {
            assert!(check_medium(mid, line).is_err(), "{mid:?} {line:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_our_relay_comes_out(text in "(candidate:)?[ -~]{0,200}|\\PC{0,100}") {
            if let Ok(Sanitised::Relay(clean)) = clean(&text) {
                prop_assert!(clean.starts_with("candidate:1 1 udp 16777215 192.0.2.1 "), "{}", clean);
                prop_assert!(!clean.contains(['\r', '\n']));
            }
        }

        #[test]
        fn fields_in_any_order_and_number_do_no_harm(words in prop::collection::vec("[a-z0-9.:]{1,12}|typ|relay|udp|192\\.0\\.2\\.1|49200|1|raddr|rport|ufrag", 0..16)) {
            let text = format!("candidate:{}", words.join(" "));
            if let Ok(Sanitised::Relay(clean)) = clean(&text) {
                prop_assert!(clean.starts_with("candidate:1 1 udp 16777215 192.0.2.1 49200 typ relay raddr 0.0.0.0 rport 0"), "{}", clean);
            }
        }
    }
}
