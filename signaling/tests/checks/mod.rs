//! What must hold for any input, asserted by the fuzz targets (`fuzz/`) and, for each file of their
//! corpus, by `tests/corpus.rs`.

mod call;
mod datagram;
#[path = "../../src/relay/wire.rs"]
#[expect(dead_code, reason = "the relay uses all of it")]
mod wire;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tebdil_protocol::{domain::DescriptionKind, parse_client_frame};
use tebdil_signaling::{
    MAX_CANDIDATE_BYTES, MAX_SDP_BYTES, RelayRanges, Sanitised, sanitise_candidate, sanitise_sdp,
};

pub use self::{
    call::call,
    datagram::{is_message, refusal, relay_datagram},
};

/// Attributes that may reach a peer.
const ATTRIBUTES: [&str; 27] = [
    "bundle-only",
    "extmap",
    "extmap-allow-mixed",
    "fingerprint",
    "fmtp",
    "group",
    "ice-options",
    "ice-pwd",
    "ice-ufrag",
    "inactive",
    "max-message-size",
    "mid",
    "msid",
    "recvonly",
    "rtcp",
    "rtcp-fb",
    "rtcp-mux",
    "rtcp-rsize",
    "rtpmap",
    "sctp-port",
    "sendonly",
    "sendrecv",
    "setup",
    "ssrc",
    "ssrc-group",
    "b=AS",
    "b=TIAS",
];

/// The relays of the checks.
pub fn relays() -> RelayRanges {
    RelayRanges::new(
        ["192.0.2.1:49160-49400", "[2001:db8::1]:49160-49400"]
            .map(|range| range.parse().expect("a range")),
    )
}

/// A session description, read as an offer and as an answer.
pub fn sdp(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    for kind in [DescriptionKind::Offer, DescriptionKind::Answer] {
        if let Ok(clean) = sanitise_sdp(text, kind) {
            clean_sdp(&clean);
            assert_eq!(
                sanitise_sdp(&clean, kind),
                Ok(clean),
                "what is clean stays as it is"
            );
        }
    }
}

/// A sanitised description holds no address, and nothing but what is known.
pub fn clean_sdp(clean: &str) {
    assert!(clean.len() <= MAX_SDP_BYTES && clean.ends_with("\r\n"));
    let mut media = 0;
    for line in clean.split_terminator("\r\n") {
        assert!(!line.chars().any(char::is_control), "{line:?}");
        let (key, value) = line.split_once('=').expect("key=value");
        match key {
            "v" => assert_eq!(value, "0"),
            "s" => assert_eq!(value, "-"),
            "t" => assert_eq!(value, "0 0"),
            "c" => assert_eq!(value, "IN IP4 0.0.0.0"),
            "o" => {
                let words: Vec<&str> = value.split(' ').collect();
                assert!(
                    words.len() == 6 && words[1..3].iter().all(|word| word.parse::<u64>().is_ok()),
                    "{line}"
                );
                assert_eq!(
                    (words[0], &words[3..]),
                    ("-", &["IN", "IP4", "127.0.0.1"][..])
                );
            }
            "m" => {
                media += 1;
                assert!(matches!(value.split(' ').nth(1), Some("0" | "9")), "{line}");
                no_address(line);
            }
            "b" | "a" => {
                let name = value.split(':').next().unwrap_or_default();
                let name = if key == "b" {
                    format!("b={name}")
                } else {
                    name.to_owned()
                };
                assert!(ATTRIBUTES.contains(&name.as_str()), "{line}");
                match name.as_str() {
                    "rtcp" => assert_eq!(value, "rtcp:9 IN IP4 0.0.0.0"),
                    "fingerprint" => assert!(
                        value
                            .bytes()
                            .all(|byte| byte.is_ascii_alphanumeric() || b": -".contains(&byte)),
                        "{line}"
                    ),
                    _ => no_address(line),
                }
            }
            _ => panic!("{line}"),
        }
    }
    assert!(media > 0);
}

/// Found in another way than by the code under test: as what the standard library reads.
fn no_address(line: &str) {
    assert!(!line.to_ascii_lowercase().contains(".local"), "{line}");
    for word in line.split(|c: char| !(c.is_ascii_digit() || c == '.')) {
        assert!(
            word.trim_matches('.').parse::<Ipv4Addr>().is_err(),
            "{line}"
        );
    }
    for word in line.split(|c: char| !(c.is_ascii_hexdigit() || c == ':' || c == '.')) {
        assert!(word.parse::<Ipv6Addr>().is_err(), "{line}");
    }
}

/// A candidate.
pub fn candidate(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    if let Ok(Sanitised::Relay(clean)) = sanitise_candidate(text, &relays()) {
        clean_candidate(&clean);
        assert_eq!(
            sanitise_candidate(&clean, &relays()),
            Ok(Sanitised::Relay(clean)),
            "what is clean stays as it is"
        );
    }
}

/// A sanitised candidate is a relay of ours, and says nothing else.
pub fn clean_candidate(clean: &str) {
    assert!(clean.len() <= MAX_CANDIDATE_BYTES, "{clean}");
    let words: Vec<&str> = clean.split(' ').collect();
    let [address, port] = [words[4], words[5]];
    let (ip, number): (IpAddr, u16) = (
        address.parse().expect("an address"),
        port.parse().expect("a port"),
    );
    assert!(relays().contains(ip, number), "{clean}");
    let expected =
        format!("candidate:1 1 udp 16777215 {ip} {number} typ relay raddr 0.0.0.0 rport 0");
    match words.get(12..) {
        Some(["ufrag", ufrag]) => {
            assert!(
                (4..=256).contains(&ufrag.len())
                    && ufrag
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte)),
                "{clean}"
            );
            assert_eq!(clean, format!("{expected} ufrag {ufrag}"));
        }
        _ => assert_eq!(clean, expected),
    }
}

/// A frame of a client: one that is read says the same when it is written and read again.
pub fn frame(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    match parse_client_frame(text) {
        Ok((id, frame)) => {
            let written = frame.to_json(id.as_ref());
            let (again, read) =
                parse_client_frame(&written).unwrap_or_else(|refused| panic!("{refused:?}"));
            assert_eq!(
                (again.as_ref(), read.to_json(again.as_ref())),
                (id.as_ref(), written)
            );
        }
        Err(refused) => assert!(!refused.message.is_empty() && refused.message.len() <= 512),
    }
}
