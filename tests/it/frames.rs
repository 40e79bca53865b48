//! What a client may send, and what becomes of the rest.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tebdil_client::raw::{RawError, RawSocket, socket_url};
use tebdil_protocol::CloseCode;

use crate::{
    harness::TestServer,
    sockets::{Person, eventually, message, pair},
};

scenarios! {
    the_handshake_wants_the_subprotocol,
    the_first_frame_is_a_valid_hello,
    frames_that_end_a_connection,
    frames_that_are_refused_change_nothing,
    five_bad_frames_end_a_connection,
    other_peoples_matches_are_like_none,
    devices_are_bounded_and_sessions_have_one_socket,
    a_revoked_session_loses_its_socket,
    a_token_runs_out_in_an_open_connection,
    a_ping_is_answered,
}

mod limited {
    use super::super::frames::too_many_frames_are_refused_then_closed;
    scenarios! {
        @with &[
            ("TEBDIL_LIMITS__ENABLED", "true"),
            ("TEBDIL_LIMITS__FRAMES_PER_CONNECTION__BURST", "5"),
            ("TEBDIL_LIMITS__FRAMES_PER_CONNECTION__PER_S", "5"),
        ];
        too_many_frames_are_refused_then_closed,
    }
}

mod impatient {
    use super::super::frames::silence_ends_a_connection;
    scenarios! {
        @with &[("TEBDIL_WS__HELLO_TIMEOUT_S", "1"), ("TEBDIL_WS__HEARTBEAT_S", "2")];
        silence_ends_a_connection,
    }
}

async fn closed(socket: &mut RawSocket) -> Option<CloseCode> {
    socket.recv_close_code().await.expect("a close in time")
}

async fn the_handshake_wants_the_subprotocol(server: TestServer) {
    for wrong in [None, Some("tebdil.v0"), Some("chat")] {
        let refused = RawSocket::open_with(&socket_url(&server.base), wrong).await;
        assert!(
            matches!(refused, Err(RawError::Refused(400))),
            "{wrong:?}: {refused:?}"
        );
    }
    let plain = server
        .send(server.request(reqwest::Method::GET, "/v1/ws", None))
        .await;
    plain.expect_problem(400, "bad_request");
    server.stop().await;
}

async fn the_first_frame_is_a_valid_hello(server: TestServer) {
    let user = server.register("ayse").await;
    let cases = [
        (json!({"type": "match.cancel"}), CloseCode::BadFrame),
        (json!({"type": "hello"}), CloseCode::BadFrame),
        (
            json!({"type": "hello", "token": user.access, "colour": "red"}),
            CloseCode::BadFrame,
        ),
        (
            json!({"type": "hello", "token": user.access, "device": {"name": "n".repeat(65)}}),
            CloseCode::BadFrame,
        ),
        (
            json!({"type": "hello", "token": user.access, "device": {"name": "\u{0}"}}),
            CloseCode::BadFrame,
        ),
        (json!(["hello"]), CloseCode::BadFrame),
        (
            json!({"type": "hello", "token": "nonsense"}),
            CloseCode::Unauthorized,
        ),
        (
            json!({"type": "hello", "token": user.refresh}),
            CloseCode::Unauthorized,
        ),
        (
            json!({"type": "hello", "token": format!("{}x", user.access)}),
            CloseCode::Unauthorized,
        ),
    ];
    for (frame, code) in cases {
        let mut socket = RawSocket::open(&server.base).await.expect("a socket");
        socket.send_json(&frame).await.expect("sent");
        let error = socket.recv_json().await.expect("told why");
        assert_eq!(error["type"], "error", "{frame}");
        assert_eq!(closed(&mut socket).await, Some(code), "{frame}");
    }
    let mut socket = RawSocket::open(&server.base).await.expect("a socket");
    socket.send_binary(vec![1]).await.expect("sent");
    assert_eq!(closed(&mut socket).await, Some(CloseCode::BadFrame));

    server.clock.advance(Duration::from_mins(16));
    let mut socket = RawSocket::open(&server.base).await.expect("a socket");
    socket
        .send_json(&json!({"type": "hello", "token": user.access}))
        .await
        .expect("sent");
    assert_eq!(
        closed(&mut socket).await,
        Some(CloseCode::Unauthorized),
        "the token has expired"
    );
    assert_eq!(server.connection_count(), 0);
    server.stop().await;
}

async fn frames_that_end_a_connection(server: TestServer) {
    let user = Person::new(&server, "ayse").await.user;
    let large = json!({"type": "typing", "match_id": "1", "on": true, "x": "y".repeat(65 * 1024)})
        .to_string();
    for (text, code) in [
        ("not json".to_owned(), CloseCode::BadFrame),
        ("{\"no\":\"type\"}".to_owned(), CloseCode::BadFrame),
        (large, CloseCode::TooLarge),
        ("z".repeat(200 * 1024), CloseCode::TooLarge),
    ] {
        let mut socket = crate::sockets::connect(&server, &user).await;
        socket.send_text(text).await.expect("sent");
        assert_eq!(closed(&mut socket).await, Some(code));
    }
    let mut socket = crate::sockets::connect(&server, &user).await;
    socket.send_binary(vec![0; 16]).await.expect("sent");
    assert_eq!(closed(&mut socket).await, Some(CloseCode::BadFrame));
    eventually("every connection has left", async || {
        server.connection_count() == 0
    })
    .await;
    server.stop().await;
}

/// These are well-formed; they do not count as bad frames.
async fn well_formed_frames_are_refused(a: &mut Person, b: &Person, id: &str) {
    let cases = [
        (
            json!({"type": "message.ack", "match_id": id, "seq": 1}),
            "invalid_field",
        ),
        (
            json!({"type": "message.read", "match_id": id, "seq": 9}),
            "invalid_field",
        ),
        (
            json!({"type": "message.sync", "match_id": id, "peer_seq": -1}),
            "invalid_field",
        ),
        (
            json!({"type": "match.find", "mode": "text", "interests": ["x".repeat(33)]}),
            "invalid_field",
        ),
        (
            json!({"type": "match.find", "mode": "text", "languages": ["turkish"]}),
            "invalid_field",
        ),
        (
            json!({"type": "match.find", "mode": "text", "max_distance_km": 0}),
            "invalid_field",
        ),
        (
            json!({"type": "token.refresh", "token": "nonsense"}),
            "unauthorized",
        ),
        (
            json!({"type": "token.refresh", "token": b.user.access}),
            "unauthorized",
        ),
    ];
    for (frame, code) in cases {
        assert_eq!(a.refused(frame.clone()).await, code, "{frame}");
    }
}

/// Every refused frame gets its code, and afterwards everything is as before.
async fn frames_that_are_refused_change_nothing(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let before = server
        .get(&format!("/v1/matches/{id}"), &a.user.access)
        .await
        .expect(200);
    let too_long = STANDARD.encode(vec![0; 16 * 1024 + 1]);
    let with = |field: &str, value: Value| {
        let mut frame = message(&id, 1, "x");
        frame[field] = value;
        frame
    };
    let cases = [
        (json!({"type": "no.such"}), "unknown_type"),
        (
            json!({"type": "rtc.description", "match_id": id}),
            "invalid_field",
        ),
        (
            json!({"type": "rtc.description", "match_id": id, "kind": "offer", "sdp": "v=0"}),
            "not_a_video_match",
        ),
        (
            json!({"type": "rtc.candidate", "match_id": id, "candidate": ""}),
            "not_a_video_match",
        ),
        (
            json!({"type": "rtc.state", "match_id": id, "state": "ended"}),
            "not_a_video_match",
        ),
        (
            json!({"type": "hello", "token": a.user.access}),
            "unexpected_frame",
        ),
        (with("colour", json!("red")), "unknown_field"),
    ];
    for (frame, code) in cases {
        assert_eq!(a.refused(frame.clone()).await, code, "{frame}");
    }
    a.reconnect(&server).await;
    let deep: Value = (0..100).fold(json!(1), |inner, _| json!([inner]));
    let cases = [
        (with("kind", json!("shout")), "invalid_field"),
        (with("kind", deep), "invalid_field"),
        (with("ciphertext", json!("***")), "invalid_field"),
        (with("ciphertext", json!("")), "invalid_field"),
    ];
    for (frame, code) in cases {
        assert_eq!(a.refused(frame.clone()).await, code, "{frame}");
    }
    a.reconnect(&server).await;
    let cases = [
        (with("ciphertext", json!(too_long)), "message_too_large"),
        (with("franking_tag", json!("AAAA")), "invalid_field"),
        (with("seq", json!("one")), "invalid_field"),
        (with("match_id", json!(1)), "invalid_field"),
    ];
    for (frame, code) in cases {
        assert_eq!(a.refused(frame.clone()).await, code, "{frame}");
    }
    a.reconnect(&server).await;
    well_formed_frames_are_refused(&mut a, &b, &id).await;
    b.hears_no("message.new").await;
    let after = server
        .get(&format!("/v1/matches/{id}"), &a.user.access)
        .await
        .expect(200);
    assert_eq!(after, before);
    let history = server
        .get(&format!("/v1/matches/{id}/messages"), &b.user.access)
        .await
        .expect(200);
    assert_eq!(history["items"], json!([]));
    assert_eq!(a.say(&id, 1, "still here").await["seq"], 1);
    assert_eq!(b.until("message.new").await["seq"], 1);
    server.stop().await;
}

async fn five_bad_frames_end_a_connection(server: TestServer) {
    let mut a = Person::new(&server, "ayse").await;
    for _ in 0..4 {
        assert_eq!(a.refused(json!({"type": "no.such"})).await, "unknown_type");
    }
    a.send(json!({"type": "no.such"})).await;
    assert_eq!(closed(&mut a.socket).await, Some(CloseCode::BadFrame));
    server.stop().await;
}

async fn other_peoples_matches_are_like_none(server: TestServer) {
    let (mut a, _b, id) = pair(&server).await;
    let mut stranger = Person::new(&server, "yabanci").await;
    for match_id in [id.as_str(), "77"] {
        for frame in [
            json!({"type": "match.leave", "match_id": match_id}),
            message(match_id, 1, "hello"),
            json!({"type": "message.ack", "match_id": match_id, "seq": 1}),
            json!({"type": "message.read", "match_id": match_id, "seq": 1}),
            json!({"type": "message.sync", "match_id": match_id, "peer_seq": 0}),
            json!({"type": "typing", "match_id": match_id, "on": true}),
        ] {
            assert_eq!(
                stranger.refused(frame.clone()).await,
                "not_found",
                "{frame}"
            );
        }
    }
    assert_eq!(
        a.say(&id, 1, "undisturbed").await["type"],
        "message.accepted"
    );
    server.stop().await;
}

async fn devices_are_bounded_and_sessions_have_one_socket(server: TestServer) {
    let mut first = Person::new(&server, "ayse").await;
    let mut devices = Vec::new();
    for _ in 0..4 {
        devices.push(Person::again(&server, &first).await);
    }
    let mut old = std::mem::replace(
        &mut devices[0].socket,
        RawSocket::open(&server.base).await.expect("a socket"),
    );
    devices[0].reconnect(&server).await;
    assert_eq!(
        closed(&mut old).await,
        Some(CloseCode::Replaced),
        "the session connected again"
    );
    first.hears_no("error_of_any_kind").await;
    let _sixth = Person::again(&server, &first).await;
    assert_eq!(
        closed(&mut first.socket).await,
        Some(CloseCode::Replaced),
        "the oldest device goes"
    );
    server.expect_connections(5).await;
    server.stop().await;
}

async fn a_revoked_session_loses_its_socket(server: TestServer) {
    let mut a = Person::new(&server, "ayse").await;
    let mut other = Person::again(&server, &a).await;
    let sessions = server
        .get("/v1/me/sessions", &a.user.access)
        .await
        .expect(200);
    let id = sessions["items"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|session| session["current"] == false)
        .expect("the other")["id"]
        .clone();
    server
        .delete(
            &format!("/v1/me/sessions/{}", id.as_str().expect("text")),
            &a.user.access,
        )
        .await
        .expect(204);
    assert_eq!(
        closed(&mut other.socket).await,
        Some(CloseCode::Unauthorized)
    );
    server
        .post("/v1/auth/logout", &a.user.access, &Value::Null)
        .await
        .expect(204);
    assert_eq!(closed(&mut a.socket).await, Some(CloseCode::Unauthorized));
    server.stop().await;
}

async fn a_token_runs_out_in_an_open_connection(server: TestServer) {
    let mut a = Person::new(&server, "ayse").await;
    let mut b = Person::new(&server, "berk").await;
    server.clock.advance(Duration::from_mins(14));
    let renewed = server
        .post(
            "/v1/auth/refresh",
            "",
            &json!({"refresh_token": a.user.refresh}),
        )
        .await
        .expect(200);
    a.send(json!({"type": "token.refresh", "token": renewed["tokens"]["access_token"]}))
        .await;
    a.hears_no("error_of_any_kind").await;
    server.clock.advance(Duration::from_mins(2));
    a.hears_no("error_of_any_kind").await;
    b.send(json!({"type": "match.cancel"})).await;
    assert_eq!(closed(&mut b.socket).await, Some(CloseCode::Unauthorized));
    server.stop().await;
}

async fn a_ping_is_answered(server: TestServer) {
    let mut a = Person::new(&server, "ayse").await;
    let answer = a.ask(json!({"type": "ping"})).await;
    assert_eq!(answer["type"], "pong", "{answer}");
    let answer = a.ask(json!({"type": "ping", "payload": "x"})).await;
    assert_eq!(answer["code"], "unknown_field", "{answer}");
    server.stop().await;
}

pub async fn too_many_frames_are_refused_then_closed(server: TestServer) {
    let mut a = Person::new(&server, "ayse").await;
    for _ in 0..30 {
        if a.socket
            .send_json(&json!({"type": "match.cancel"}))
            .await
            .is_err()
        {
            break;
        }
    }
    let mut limited = 0;
    let code = loop {
        match a.socket.recv_json().await {
            Ok(frame) => {
                limited += u32::from(
                    frame["code"] == "rate_limited" && frame["retry_after_ms"].as_u64() > Some(0),
                );
            }
            Err(RawError::Closed(code)) => break code,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!((code, limited), (Some(CloseCode::RateLimited.code()), 5));
    server.stop().await;
}

pub async fn silence_ends_a_connection(server: TestServer) {
    let mut silent = RawSocket::open(&server.base).await.expect("a socket");
    assert_eq!(closed(&mut silent).await, Some(CloseCode::HelloTimeout));

    let (a, mut b, id) = pair(&server).await;
    // Its socket is open but nobody reads it, so nobody answers pings: a dead line, as when a phone
    // leaves the network.
    let offline = tokio::time::timeout(Duration::from_secs(6), async {
        loop {
            let frame = b.until("peer.presence").await;
            if frame["online"] == false {
                return frame;
            }
        }
    });
    assert_eq!(
        offline
            .await
            .expect("within the heartbeat, doubled for a slow machine")["match_id"],
        id.as_str()
    );
    drop(a);
    server.stop().await;
}
