use proptest::prelude::*;

use super::*;

const FINGERPRINT: &str = "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";

/// As Chromium writes it, with whatever could tell of an address.
fn chromium() -> String {
    let lines = [
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 203.0.113.9",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0 1 2",
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS 7c1f4b",
        "m=audio 54400 UDP/TLS/RTP/SAVPF 111 63",
        "c=IN IP4 203.0.113.9",
        "a=rtcp:54401 IN IP4 203.0.113.9",
        "a=candidate:1 1 udp 2122260223 192.168.1.7 54400 typ host generation 0 network-id 1",
        "a=candidate:2 1 udp 1686052607 203.0.113.9 54400 typ srflx raddr 192.168.1.7 rport 54400",
        "a=candidate:3 1 udp 2122197247 4f2c6d2e-aaaa-bbbb-cccc-0123456789ab.local 54400 typ host",
        "a=remote-candidates:1 203.0.113.9 54400",
        "a=end-of-candidates",
        "a=ice-ufrag:Vx5k",
        "a=ice-pwd:aBcDeFgHiJkLmNoPqRsTuVwX",
        "a=ice-options:trickle",
        &format!("a=fingerprint:{FINGERPRINT}"),
        "a=setup:actpass",
        "a=mid:0",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=sendrecv",
        "a=msid:7c1f4b 9d2e",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        "a=rtpmap:111 opus/48000/2",
        "a=rtcp-fb:111 transport-cc",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=fmtp:63 111/111;x=203.0.113.9",
        "a=ssrc:2231627014 cname:f2X+aQ",
        "a=x-google-flag:conference",
    ];
    lines.join("\r\n") + "\r\n"
}

#[test]
fn a_browsers_offer_keeps_what_a_call_needs_and_no_address() {
    let clean = sanitise_sdp(&chromium(), DescriptionKind::Offer).expect("an offer");
    insta::assert_snapshot!(clean.replace("\r\n", "\n"), @"
    v=0
    o=- 4611731400430051336 2 IN IP4 127.0.0.1
    s=-
    t=0 0
    a=group:BUNDLE 0 1 2
    a=extmap-allow-mixed
    m=audio 9 UDP/TLS/RTP/SAVPF 111 63
    c=IN IP4 0.0.0.0
    a=rtcp:9 IN IP4 0.0.0.0
    a=ice-ufrag:Vx5k
    a=ice-pwd:aBcDeFgHiJkLmNoPqRsTuVwX
    a=ice-options:trickle
    a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF
    a=setup:actpass
    a=mid:0
    a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
    a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
    a=sendrecv
    a=msid:t4f8a3042fc32866fbb5103ec tb7b29a89565ca1d5922741be
    a=rtcp-mux
    a=rtcp-rsize
    a=rtpmap:111 opus/48000/2
    a=rtcp-fb:111 transport-cc
    a=fmtp:111 minptime=10;useinbandfec=1
    a=ssrc:2231627014 cname:t97de24b63a1cfe645f86a577
    ");
    assert_eq!(
        sanitise_sdp(&clean, DescriptionKind::Offer),
        Ok(clean),
        "what is clean stays as it is"
    );
}

#[test]
fn a_description_of_a_call_that_is_not_encrypted_is_refused() {
    let refused = |from: &str, to: &str| {
        sanitise_sdp(&chromium().replace(from, to), DescriptionKind::Offer).expect_err(from)
    };
    assert!(matches!(
        refused(&format!("a=fingerprint:{FINGERPRINT}\r\n"), ""),
        MalformedSdp::Missing(_)
    ));
    assert!(matches!(
        refused("a=fingerprint:sha-256 00", "a=fingerprint:sha-1 00"),
        MalformedSdp::Line(19)
    ));
    assert!(matches!(
        refused("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        MalformedSdp::Line(8)
    ));
    assert!(matches!(
        refused("a=mid:0\r\n", ""),
        MalformedSdp::Missing(_)
    ));
    assert!(matches!(
        refused("a=ice-pwd:", "a=x-pwd:"),
        MalformedSdp::Missing(_)
    ));
    assert!(matches!(
        refused("a=ice-pwd:aBcDeFgHiJkLmNoPqRsTuVwX", "a=ice-pwd:short"),
        MalformedSdp::Line(17)
    ));
}

#[test]
fn what_is_no_description_is_refused() {
    for text in [
        "",
        "v=0",
        "hello",
        "v=0\r\nv=0\r\n",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "v=1\r\n",
        "\u{0}",
        "v=0\r\no=- 1 2 IN IP4\r\n",
    ] {
        assert!(
            sanitise_sdp(text, DescriptionKind::Offer).is_err(),
            "{text:?}"
        );
    }
    assert_eq!(
        sanitise_sdp(&"x".repeat(MAX_SDP_BYTES + 1), DescriptionKind::Offer),
        Err(MalformedSdp::TooLarge)
    );
    assert_eq!(
        sanitise_sdp(&"a=x\n".repeat(2_000), DescriptionKind::Offer),
        Err(MalformedSdp::TooManyLines)
    );
    let many = chromium() + &"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(9);
    assert!(matches!(
        sanitise_sdp(&many, DescriptionKind::Offer),
        Err(MalformedSdp::Forbidden(_))
    ));
}

#[test]
fn an_answer_says_who_begins() {
    let without = chromium().replace("a=setup:actpass\r\n", "");
    assert!(sanitise_sdp(&without, DescriptionKind::Offer).is_ok());
    assert!(matches!(
        sanitise_sdp(&without, DescriptionKind::Answer),
        Err(MalformedSdp::Missing(_))
    ));
}

/// Everything but the addresses that every sanitised description holds.
fn without_placeholders(clean: &str) -> String {
    clean
        .replace("IN IP4 127.0.0.1", "")
        .replace("IN IP4 0.0.0.0", "")
}

#[test]
fn an_answer_cannot_leave_open_who_begins() {
    assert!(
        sanitise_sdp(
            &chromium().replace("setup:actpass", "setup:active"),
            DescriptionKind::Answer
        )
        .is_ok()
    );
    assert!(matches!(
        sanitise_sdp(&chromium(), DescriptionKind::Answer),
        Err(MalformedSdp::Forbidden(_))
    ));
}

#[test]
fn a_medium_that_shares_a_transport_need_not_repeat_it() {
    let second = |group: &str| {
        let offer = chromium().replace("a=group:BUNDLE 0 1 2\r\n", group);
        sanitise_sdp(
            &(offer + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\n"),
            DescriptionKind::Offer,
        )
    };
    assert!(second("a=group:BUNDLE 0 1\r\n").is_ok());
    for group in [
        "",
        "a=group:BUNDLE 0\r\n",
        "a=group:BUNDLE 1\r\n",
        "a=group:LS 0 1\r\n",
        "a=group:BUNDLE\r\na=group:BUNDLE 1 2\r\n",
    ] {
        assert!(
            matches!(second(group), Err(MalformedSdp::Missing(_))),
            "{group}"
        );
    }
}

#[test]
fn what_is_there_once_is_not_there_twice() {
    for line in [
        "a=mid:1",
        "a=ice-ufrag:Vx5l",
        "a=ice-pwd:aBcDeFgHiJkLmNoPqRsTuVwY",
        "a=setup:active",
        "a=rtcp:9",
    ] {
        let refused = sanitise_sdp(&format!("{}{line}\r\n", chromium()), DescriptionKind::Offer);
        assert_eq!(refused, Err(MalformedSdp::Line(35)), "{line}");
    }
    let twice = chromium() + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n";
    assert!(matches!(
        sanitise_sdp(&twice, DescriptionKind::Offer),
        Err(MalformedSdp::Forbidden(_))
    ));
}

#[test]
fn names_are_replaced_alike_in_a_call_and_anew_in_the_next() {
    let names = |text: &str| -> Vec<String> {
        let clean = sanitise_sdp(text, DescriptionKind::Offer).expect("an offer");
        clean
            .lines()
            .filter(|line| line.starts_with("a=msid:") || line.starts_with("a=ssrc:"))
            .map(str::to_owned)
            .collect()
    };
    let first = names(&chromium());
    assert_eq!(first.len(), 2);
    let restarted = chromium()
        .replace("a=ice-ufrag:Vx5k", "a=ice-ufrag:Zz9z")
        .replace("2 IN IP4", "3 IN IP4");
    assert_eq!(names(&restarted), first, "after an ICE restart");
    let next = names(&chromium().replace("sha-256 00", "sha-256 01"));
    assert!(
        next.len() == 2 && next.iter().zip(&first).all(|(one, other)| one != other),
        "with another certificate"
    );
}

#[test]
fn lines_that_others_write_are_no_reason_to_refuse() {
    for line in [
        "a=rtcp-fb:111 goog-remb ",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on",
        "a=fmtp:webrtc-datachannel max-message-size=100000",
        "a=ssrc-group:DUP 1 2",
        "a=ssrc:1 cname:user1@host-2",
        "a=rid:h send",
    ] {
        assert!(
            sanitise_sdp(&format!("{}{line}\r\n", chromium()), DescriptionKind::Offer).is_ok(),
            "{line}"
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_do_harm(text in "\\PC{0,400}") {
        let _ = sanitise_sdp(&text, DescriptionKind::Answer);
    }

    #[test]
    fn no_line_brings_an_address_through(line in "[a-z]=[ -~]{0,60}(10\\.1\\.2\\.3|fe80::1|2001:db8::7|x\\.local)[ -~]{0,20}", at in 0_usize..34) {
        let mut lines: Vec<String> = chromium().lines().map(str::to_owned).collect();
        lines.insert(at.min(lines.len()), line);
        if let Ok(clean) = sanitise_sdp(&(lines.join("\r\n") + "\r\n"), DescriptionKind::Offer) {
            let rest = without_placeholders(&clean);
            for leak in ["10.1.2.3", "fe80::", "2001:db8", ".local", "203.0.113.9", "192.168.1.7"] {
                prop_assert!(!rest.contains(leak), "{} in {}", leak, rest);
            }
        }
    }

    #[test]
    fn a_line_that_is_lost_or_doubled_does_no_harm(at in 0_usize..34, doubled: bool) {
        let mut lines: Vec<String> = chromium().lines().map(str::to_owned).collect();
        if doubled { lines.insert(at, lines[at].clone()); } else { lines.remove(at); }
        if let Ok(clean) = sanitise_sdp(&lines.join("\n"), DescriptionKind::Offer) {
            prop_assert!(!without_placeholders(&clean).contains("203.0.113.9"));
            prop_assert_eq!(sanitise_sdp(&clean, DescriptionKind::Offer), Ok(clean.clone()));
        }
    }
}
