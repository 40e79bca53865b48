//! Calls: what two devices signal to each other, and what becomes of their match.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{harness::TestServer, sockets::Person};

mod ends;
mod refusals;
mod signals;

/// What a browser says before the media, with an address wherever one can stand.
const SESSION: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 203.0.113.9\r\ns=-\r\nc=IN IP4 203.0.113.9\r\nt=0 0\r\n\
    a=group:BUNDLE 0\r\na=msid-semantic: WMS\r\n";

/// A description as a browser makes it, and what a forgetful or forged one may hold.
fn sdp(setup: &str) -> String {
    let fingerprint = vec!["7B"; 32].join(":");
    format!(
        "{SESSION}m=application 54400 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 192.168.1.7\r\n\
         a=candidate:1 1 udp 2122260223 192.168.1.7 54400 typ host\r\na=rtcp:9 IN IP4 203.0.113.9\r\na=ice-ufrag:Vx5k\r\n\
         a=ice-pwd:asd88fgpdd777uzjYhagZgkk\r\na=fingerprint:sha-256 {fingerprint}\r\na=setup:{setup}\r\na=mid:0\r\na=sctp-port:5000\r\n"
    )
}

fn offer(match_id: &str) -> Value {
    json!({"type": "rtc.description", "match_id": match_id, "kind": "offer", "sdp": sdp("actpass")})
}

fn answer(match_id: &str) -> Value {
    json!({"type": "rtc.description", "match_id": match_id, "kind": "answer", "sdp": sdp("active")})
}

/// A candidate of the server's own relay, as a browser gives it.
fn candidate(match_id: &str, port: u16) -> Value {
    let text = format!(
        "candidate:398 1 udp 41885439 127.0.0.1 {port} typ relay raddr 203.0.113.9 rport 55123 generation 0 ufrag Vx5k network-id 2"
    );
    json!({"type": "rtc.candidate", "match_id": match_id, "candidate": text, "sdp_mid": "0", "sdp_m_line_index": 0})
}

fn state(match_id: &str, state: &str) -> Value {
    json!({"type": "rtc.state", "match_id": match_id, "state": state})
}

/// Two new users in a video match, each at a node of its own where there are several; the first is
/// the offerer.
async fn pair(server: &TestServer) -> (Person, Person, String) {
    let mut a = Person::at(server, 0, "ayse").await;
    let mut b = Person::at(server, server.node_count() - 1, "berk").await;
    let id = meet(server, &mut a, &mut b).await;
    (a, b, id)
}

/// Matches two people for a call; the first is the offerer.
async fn meet(server: &TestServer, a: &mut Person, b: &mut Person) -> String {
    a.find_for("video").await;
    server.clock.advance(Duration::from_millis(1));
    b.find_for("video").await;
    let found = a.until("match.found").await;
    assert_eq!(
        (&found["match"]["role"], &found["match"]["mode"]),
        (&json!("offerer"), &json!("video"))
    );
    let id = found["match"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(b.found().await, id);
    id
}

/// Offers, and answers: both have described.
pub async fn agree(a: &mut Person, b: &mut Person, id: &str) {
    a.send(offer(id)).await;
    b.until("rtc.description").await;
    b.send(answer(id)).await;
    a.until("rtc.description").await;
}
