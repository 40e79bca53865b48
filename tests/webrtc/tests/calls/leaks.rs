//! Neither side learns the other's address, whatever its client sends and however badly the other
//! one is set up.

use std::{net::Ipv4Addr, time::Duration};

use tebdil_client::chat::{ChatEvent, ChatEvents};
use tebdil_protocol::{RtcCandidate, RtcDescription, domain::DescriptionKind, id::MatchId};
use tokio::{net::UdpSocket, task::JoinSet};
use webrtc::{
    ice_transport::{ice_candidate::RTCIceCandidateInit, ice_gatherer_state::RTCIceGathererState},
    peer_connection::policy::ice_transport_policy::RTCIceTransportPolicy,
    stats::StatsReportType,
};

use crate::{
    caller::{Caller, Person, couple},
    eventually,
    process::ServerProcess,
    site::{one_server, own_address},
    tap::Tap,
};

/// What stands for the address of somebody who must not be found.
const HIDDEN: [&str; 5] = [
    "203.0.113.77",
    "10.77.0.7",
    "2001:db8:77::1",
    "fe80::77",
    "3e1c0f5a-77.local",
];

/// Nothing in `heard` reads as an address but the relay's, and what every description says in the
/// place of one.
fn assert_clean(heard: &str, relay: &str, hidden: &[String]) {
    // RFC 9429 §5.2.1: the origin names nobody. The server writes it anew.
    let heard = heard
        .replace(" IN IP4 127.0.0.1\\r\\ns=-", "")
        .replace(" IN IP4 127.0.0.1\r\ns=-", "");
    for word in heard.split(|c: char| !(c.is_ascii_hexdigit() || matches!(c, '.' | 'x' | 'X'))) {
        // In decimal, octal or hexadecimal.
        let parts: Vec<&str> = word.trim_matches('.').split('.').collect();
        let quad = parts.len() == 4
            && parts
                .iter()
                .all(|part| part.starts_with(|c: char| c.is_ascii_digit()));
        assert!(
            !quad || [relay, "0.0.0.0"].contains(&parts.join(".").as_str()),
            "an address: {word}"
        );
    }
    for word in heard.split(|c: char| !(c.is_ascii_hexdigit() || matches!(c, '.' | ':'))) {
        assert!(
            word.len() < 3 || word.parse::<std::net::Ipv6Addr>().is_err(),
            "an address: {word}"
        );
    }
    assert!(!heard.contains(".local"), "a name of mDNS");
    for form in hidden.iter().flat_map(|address| forms(address)) {
        assert!(!heard.to_ascii_lowercase().contains(&form), "{form}");
    }
}

/// The ways to write an address.
fn forms(address: &str) -> Vec<String> {
    let Ok(ip) = address.parse::<Ipv4Addr>() else {
        return vec![address.to_ascii_lowercase()];
    };
    let [a, b, c, d] = ip.octets();
    vec![
        format!("{a}.{b}.{c}.{d}"),
        format!("{d}.{c}.{b}.{a}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
        format!("{a:02x}{b:02x}{c:02x}{d:02x}"),
        format!("{a:02x}{b:02x}:{c:02x}{d:02x}"),
        u32::from(ip).to_string(),
    ]
}

fn sdp(ufrag: &str, session: &str, media: &str) -> String {
    let fingerprint = ["5A"; 32].join(":");
    format!(
        "v=0\r\no=- 4611686018427387904 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n{session}\
         m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:0123456789012345678901\r\n\
         a=fingerprint:sha-256 {fingerprint}\r\na=setup:active\r\na=rtcp-mux\r\na=sendrecv\r\na=rtpmap:96 VP8/90000\r\n{media}"
    )
}

/// Descriptions that try to say `address`.
fn descriptions(address: &str) -> Vec<String> {
    let session = [
        format!("c=IN IP4 {address}\r\n"),
        format!("c=IN IP6 {address}\r\n"),
        format!("a=tool:{address}\r\n"),
        format!("a=candidate:1 1 udp 1 {address} 9 typ host\r\n"),
        format!("i={address}\r\nu=http://{address}/\r\ne=a@{address}\r\n"),
    ];
    let media = [
        format!("a=candidate:1 1 udp 2122260223 {address} 54400 typ host generation 0\r\n"),
        format!(
            "a=candidate:1 1 udp 1 {address} 49200 typ relay raddr {address} rport 9\r\na=end-of-candidates\r\n"
        ),
        format!("a=remote-candidates:1 {address} 9\r\n"),
        format!("a=rtcp:9 IN IP4 {address}\r\n"),
        format!("a=rtcp:9 IN IP6 {address}\r\n"),
        format!("a=x-network:{address}\r\n"),
        format!("a=msid:{address} {address}\r\n"),
        format!("a=ssrc:1 cname:{address}\r\na=ssrc:1 msid:{address} {address}\r\n"),
        format!("a=fmtp:96 x={address}\r\n"),
        format!("a=rtcp-fb:96 {address}\r\n"),
        format!("a=ice-options:{address}\r\n"),
        format!(
            "a=extmap:3 http://{address}/\r\na=extmap:4 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
        ),
        format!("a=mid:{address}\r\n"),
        format!("a=x\ra=candidate:1 1 udp 1 {address} 9 typ host\r\n"),
        format!("a=sendrecv\n\na=candidate:1 1 udp 1 {address} 9 typ host\r\n"),
        format!("a=mid\u{85}:0 {address}\r\n"),
    ];
    let written = [
        sdp("abcd", "", "").replace(
            "o=- 4611686018427387904 2 IN IP4 127.0.0.1",
            &format!("o={address} 1 2 IN IP4 {address}"),
        ),
        sdp("abcd", "", "").replace("s=-", &format!("s={address}")),
        sdp("abcd", "", "").replace("c=IN IP4 0.0.0.0", &format!("c=IN IP4 {address}")),
        sdp("abcd", "", "").replace("m=video 9", "m=video 54400"),
    ];
    let session = session.iter().map(|line| sdp("abcd", line, ""));
    session
        .chain(media.iter().map(|line| sdp("abcd", "", line)))
        .chain(written)
        .collect()
}

/// Candidates that try to say `address`, and one beside the relay at `relay`.
fn candidates(address: &str, relay: &str) -> Vec<String> {
    let mut all: Vec<String> = [
        "host",
        "srflx raddr 10.77.0.7 rport 9",
        "prflx raddr 10.77.0.7 rport 9",
        "relay raddr 10.77.0.7 rport 9",
        "relay",
    ]
    .iter()
    .map(|kind| format!("candidate:1 1 udp 2122260223 {address} 49200 typ {kind}"))
    .collect();
    all.extend([
        format!("candidate:1 1 tcp 1 {address} 9 typ host tcptype active"),
        format!("candidate:1 1 udp 1 {relay} 49200 typ relay raddr {address} rport 54400 network-id 1 network-cost 50"),
        format!("candidate:1 1 udp 1 {relay} 49200 typ relay x-address {address}"),
        format!("candidate:1 1 udp 1 {relay} 9 typ relay raddr {address} rport 0"),
        format!("candidate:1 1 udp 1 {relay} 49200 typ relay\r\na=candidate:1 1 udp 1 {address} 9 typ host"),
        format!("candidate:1 1 udp 1 {relay}.{address} 49200 typ relay"),
        format!("candidate:{address} 1 udp 1 {relay} 49200 typ relay"),
    ]);
    if let Ok(ip) = address.parse::<Ipv4Addr>() {
        let unicode: String = address
            .chars()
            .map(|c| {
                c.to_digit(10)
                    .and_then(|digit| char::from_u32(0x0660 + digit))
                    .unwrap_or(c)
            })
            .collect();
        let written = [
            forms(address),
            vec![
                format!("::ffff:{ip}"),
                format!("[{ip}]"),
                format!("0:0:0:0:0:ffff:{ip}"),
                unicode,
            ],
        ]
        .concat();
        all.extend(
            written
                .iter()
                .map(|form| format!("candidate:1 1 udp 1 {form} 49200 typ relay")),
        );
    }
    all
}

fn candidate(match_id: MatchId, text: &str) -> RtcCandidate {
    RtcCandidate {
        match_id,
        candidate: text.into(),
        sdp_mid: None,
        sdp_m_line_index: Some(0),
    }
}

/// A server, and two people who are matched and hear it through a wire that is watched.
async fn tapped() -> (ServerProcess, String, [Tap; 2], [Person; 2]) {
    let (server, relay) = one_server().await;
    let taps = [Tap::start(&server.url).await, Tap::start(&server.url).await];
    let people = couple([&taps[0].url, &taps[1].url]).await;
    // The offerer first, as the people are.
    let server_of = people[0].chat.account().api().server().to_owned();
    let [one, other] = taps;
    let taps = if one.url == server_of {
        [one, other]
    } else {
        [other, one]
    };
    (server, relay, taps, people)
}

/// Takes events, so that the client goes on.
async fn read(mut events: ChatEvents) {
    while events.recv().await.is_some() {}
}

/// The events of someone up to the first description.
async fn described(events: &mut ChatEvents) -> RtcDescription {
    loop {
        if let ChatEvent::Description(description) = events.recv().await.expect("an event") {
            return description;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_client_sends_the_peer_hears_of_relays_only() {
    let (_server, relay, taps, [mut ada, mut bora]) = tapped().await;
    let match_id = ada.match_id();
    let hidden = HIDDEN.map(str::to_owned);
    let describe = |kind, sdp: &str| RtcDescription {
        match_id,
        kind,
        sdp: sdp.into(),
        round: None,
    };
    let (mut passed, mut tried) = (0, 0);
    for address in HIDDEN {
        for description in descriptions(address) {
            // Refused by the own client where it does not even name its certificate; the server
            // gets the rest.
            let offered = ada
                .chat
                .describe(describe(DescriptionKind::Offer, &description))
                .await;
            assert!(offered.is_ok(), "{offered:?}");
            tried += 1;
        }
        for (side, tap) in [(ada.chat.clone(), &taps[1]), (bora.chat.clone(), &taps[0])] {
            // A round of its own, and an end by which to know that everything before it came or
            // never will.
            ada.chat
                .describe(describe(DescriptionKind::Offer, &sdp("round", "", "")))
                .await
                .expect("sent");
            let round = loop {
                let description = described(&mut bora.events).await;
                passed += 1;
                if description.sdp.expose().contains("a=ice-ufrag:round") {
                    break description.round;
                }
            };
            let answer = RtcDescription {
                round,
                ..describe(
                    DescriptionKind::Answer,
                    &sdp("answer", "", &format!("a=rtcp:9 IN IP4 {address}\r\n")),
                )
            };
            bora.chat.describe(answer).await.expect("sent");
            described(&mut ada.events).await;
            let from = tap.len();
            for text in candidates(address, &relay) {
                side.candidate(candidate(match_id, &text))
                    .await
                    .expect("sent");
            }
            side.candidate(candidate(
                match_id,
                &format!("candidate:1 1 udp 1 {relay} 49999 typ relay ufrag last"),
            ))
            .await
            .expect("sent");
            eventually("the last candidate", async || {
                tap.heard(from).contains("ufrag last")
            })
            .await;
        }
    }
    assert!(
        passed > tried / 2,
        "{passed} of {tried} descriptions passed, without what was wrong in them"
    );
    for tap in &taps {
        assert!(
            tap.heard(0)
                .contains(&format!("{relay} 49200 typ relay raddr 0.0.0.0 rport 0")),
            "what is right passes"
        );
        assert_clean(&tap.heard(0), &relay, &hidden);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_sends_everything_shows_its_relay_only() {
    let (server, relay, taps, [victim, attacker]) = tapped().await;
    let servers = [
        victim.ice_servers(&server.url).await,
        attacker.ice_servers(&server.url).await,
    ];
    let victim = Caller::new(victim, &servers[0], RTCIceTransportPolicy::All).await;
    let attacker = Caller::new(attacker, &servers[1], RTCIceTransportPolicy::Relay).await;
    victim.offer().await;
    for side in [&victim, &attacker] {
        side.hears_and_sees().await;
    }
    eventually("all candidates", async || {
        victim.connection.ice_gathering_state().to_string()
            == RTCIceGathererState::Complete.to_string()
    })
    .await;
    let local = victim
        .connection
        .local_description()
        .await
        .expect("offered")
        .sdp;
    assert!(
        local.contains("typ host"),
        "it has something to hide: {local}"
    );
    let offer = RtcDescription {
        match_id: victim.match_id,
        kind: DescriptionKind::Offer,
        sdp: local.as_str().into(),
        round: None,
    };
    let from = taps[1].len();
    victim.chat.describe(offer).await.expect("sent");
    eventually("the second offer", async || {
        taps[1].heard(from).contains("rtc.description")
    })
    .await;

    let stats = victim.connection.get_stats().await;
    let own = stats
        .reports
        .into_values()
        .filter_map(|report| match report {
            StatsReportType::LocalCandidate(candidate) if candidate.ip != relay => {
                Some(candidate.ip)
            }
            _ => None,
        });
    let own: Vec<String> = own.collect();
    assert!(!own.is_empty());
    assert_clean(&taps[1].heard(0), &relay, &own);
    // Nor do packets tell: what comes to a relay from elsewhere than a relay goes nowhere.
    assert_eq!(
        attacker
            .remote_addresses()
            .await
            .into_iter()
            .find(|address| *address != relay),
        None
    );
    assert_eq!(attacker.selected().await.remote.address, relay);
    for side in [victim, attacker] {
        side.close().await;
    }
}

/// A socket of the attacker's, and where it is.
async fn lair() -> (UdpSocket, String) {
    let address = own_address();
    let socket = UdpSocket::bind((address.as_str(), 0))
        .await
        .expect("a port");
    let port = socket.local_addr().expect("bound").port();
    (
        socket,
        format!("candidate:1 1 udp 16777215 {address} {port} typ relay raddr 0.0.0.0 rport 0"),
    )
}

/// Whether anything comes within two seconds. A peer checks its candidates several times a second.
async fn hears(socket: &UdpSocket) -> bool {
    tokio::time::timeout(Duration::from_secs(2), socket.recv_from(&mut [0; 2_000]))
        .await
        .is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_candidate_draws_nobody_out() {
    let (server, relay, _taps, [attacker, victim]) = tapped().await;
    let match_id = attacker.match_id();
    let servers = victim.ice_servers(&server.url).await;
    // The worst that may happen to a victim: a client that uses whatever way there is.
    let victim = Caller::new(victim, &servers, RTCIceTransportPolicy::All).await;
    let (socket, forged) = lair().await;
    let mut tasks = JoinSet::new();
    let Person { chat, events, .. } = attacker;
    tasks.spawn(read(events));
    let lines = format!("a={forged}\r\na=end-of-candidates\r\n");
    let sdp = sdp("abcd", "", &lines).replace("a=setup:active", "a=setup:actpass");
    chat.describe(RtcDescription {
        match_id,
        kind: DescriptionKind::Offer,
        sdp: sdp.as_str().into(),
        round: None,
    })
    .await
    .expect("sent");
    chat.candidate(candidate(match_id, &forged))
        .await
        .expect("sent");
    chat.candidate(candidate(
        match_id,
        &format!("candidate:1 1 udp 1 {relay} 49999 typ relay raddr 0.0.0.0 rport 0"),
    ))
    .await
    .expect("sent");
    eventually("the true candidate", async || {
        victim.remote_addresses().await.contains(&relay)
    })
    .await;
    assert!(!hears(&socket).await, "the server passed it on");
    assert_eq!(
        victim.remote_addresses().await,
        std::slice::from_ref(&relay)
    );

    // Given to it past the server it draws this victim out: the socket would have heard.
    let init = |candidate: &str| RTCIceCandidateInit {
        candidate: candidate.to_owned(),
        ..Default::default()
    };
    victim
        .connection
        .add_ice_candidate(init(&forged))
        .await
        .expect("taken");
    assert!(hears(&socket).await);
    victim.close().await;
    tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_goes_to_no_forged_candidate_either() {
    let (server, relay, _taps, [attacker, victim]) = tapped().await;
    let match_id = attacker.match_id();
    let servers = victim.ice_servers(&server.url).await;
    let victim = Caller::new(victim, &servers, RTCIceTransportPolicy::Relay).await;
    let (socket, forged) = lair().await;
    let mut tasks = JoinSet::new();
    let Person { chat, events, .. } = attacker;
    tasks.spawn(read(events));
    let sdp = sdp("abcd", "", "").replace("a=setup:active", "a=setup:actpass");
    chat.describe(RtcDescription {
        match_id,
        kind: DescriptionKind::Offer,
        sdp: sdp.as_str().into(),
        round: None,
    })
    .await
    .expect("sent");
    eventually("the victim's relay", async || {
        victim
            .connection
            .local_description()
            .await
            .is_some_and(|local| local.sdp.contains(&format!(" {relay} ")))
    })
    .await;
    let init = RTCIceCandidateInit {
        candidate: forged.clone(),
        ..Default::default()
    };
    victim
        .connection
        .add_ice_candidate(init)
        .await
        .expect("taken");
    let port = forged.split(' ').nth(5).expect("a port").to_owned();
    let address = forged.split(' ').nth(4).expect("an address").to_owned();
    eventually("the forged candidate", async || {
        victim.remote_addresses().await.contains(&address)
    })
    .await;
    assert!(!hears(&socket).await, "the relay went to {port}");
    victim.close().await;
    tasks.shutdown().await;
}
