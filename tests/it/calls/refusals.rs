//! Frames about calls that do nothing: the match is not theirs, not for video, over, or elsewhere,
//! or the frame makes no sense.

use serde_json::{Value, json};

use super::{agree, answer, candidate, offer, pair, sdp, state};
use crate::{
    harness::TestServer,
    sockets::{self, Person},
};

const FEW: &[(&str, &str)] = &[
    ("TEBDIL_LIMITS__ENABLED", "true"),
    ("TEBDIL_LIMITS__RULES__SIGNAL_ACCOUNT__BURST", "4"),
    ("TEBDIL_LIMITS__RULES__SIGNAL_ACCOUNT__PER_S", "3600"),
];

scenarios! {
    somebody_elses_match_is_not_found,
    a_text_match_has_no_call,
    the_call_lives_on_the_device_that_searched,
    what_is_malformed_changes_nothing,
}

/// The access token outlives the match.
const LONG: &[(&str, &str)] = &[
    ("TEBDIL_AUTH__ACCESS_TTL_S", "864000"),
    ("TEBDIL_WORKERS__ENABLED", "false"),
];

mod late {
    use super::{LONG, nothing_is_signalled_after_the_end};

    scenarios! {
        @with super::LONG;
        nothing_is_signalled_after_the_end,
    }
}

mod limited {
    use super::{FEW, signals_are_counted_by_account};

    scenarios! {
        @with super::FEW;
        signals_are_counted_by_account,
    }
}

/// Every kind of frame about a call.
fn every_frame(id: &str) -> [Value; 6] {
    [
        offer(id),
        answer(id),
        candidate(id, 49_200),
        state(id, "connected"),
        state(id, "failed"),
        state(id, "ended"),
    ]
}

async fn somebody_elses_match_is_not_found(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let mut stranger = Person::new(&server, "yabanci").await;
    for frame in every_frame(&id).into_iter().chain(every_frame("1")) {
        assert_eq!(stranger.refused(frame).await, "not_found");
    }
    for person in [&mut a, &mut b] {
        person.hears_no("match.ended").await;
    }
    agree(&mut a, &mut b, &id).await;
    server.stop().await;
}

async fn a_text_match_has_no_call(server: TestServer) {
    let (mut a, mut b, id) = sockets::pair(&server).await;
    for frame in every_frame(&id) {
        assert_eq!(a.refused(frame).await, "not_a_video_match");
    }
    b.hears_no("match.ended").await;
    assert_eq!(b.say(&id, 1, "selam").await["type"], "message.accepted");
    server.stop().await;
}

async fn the_call_lives_on_the_device_that_searched(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let mut others = [
        Person::again(&server, &a).await,
        Person::again_at(&server, server.node_count() - 1, &a).await,
    ];
    for other in &mut others {
        for frame in every_frame(&id) {
            assert_eq!(other.refused(frame).await, "wrong_device");
        }
    }
    let mut tablet = Person::again(&server, &b).await;
    agree(&mut a, &mut b, &id).await;
    a.send(candidate(&id, 49_200)).await;
    b.until("rtc.candidate").await;
    b.send(state(&id, "connected")).await;
    a.until("rtc.state").await;
    for other in others.iter_mut().chain([&mut tablet]) {
        other
            .send(json!({"type": "message.sync", "match_id": "1", "peer_seq": 0, "id": "silence"}))
            .await;
        loop {
            let frame = other.socket.recv_json().await.expect("a frame");
            assert!(
                !frame["type"]
                    .as_str()
                    .is_some_and(|kind| kind.starts_with("rtc.")),
                "{frame}"
            );
            if frame["re"] == "silence" {
                break;
            }
        }
    }
    // Leaving is not a matter of the call.
    assert_eq!(
        others[0]
            .ask(json!({"type": "match.leave", "match_id": id}))
            .await["type"],
        "match.ended"
    );
    a.until("match.ended").await;
    server.stop().await;
}

async fn nothing_is_signalled_after_the_end(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    agree(&mut a, &mut b, &id).await;
    assert_eq!(
        b.ask(json!({"type": "match.leave", "match_id": id})).await["type"],
        "match.ended"
    );
    assert_eq!(a.until("match.ended").await["by"], "peer");
    for person in [&mut a, &mut b] {
        for frame in every_frame(&id) {
            assert_eq!(person.refused(frame).await, "match_ended");
        }
    }
    // Nor when it ran out and nobody has noticed yet.
    let (mut a, mut b, id) = pair(&server).await;
    agree(&mut a, &mut b, &id).await;
    server.clock.advance(server.app.config.matching.match_ttl);
    for person in [&mut a, &mut b] {
        for frame in every_frame(&id) {
            assert_eq!(person.refused(frame).await, "match_ended");
        }
    }
    server.stop().await;
}

async fn what_is_malformed_changes_nothing(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let with = |mut frame: Value, field: &str, value: Value| {
        frame[field] = value;
        frame
    };
    let secret = "10.20.30.40";
    let long = format!("{}a=x:{}\r\n", sdp("actpass"), "y".repeat(33_000));
    let malformed = [
        with(offer(&id), "sdp", json!("")),
        with(
            offer(&id),
            "sdp",
            json!(format!("v=0\r\nnonsense {secret}\r\n")),
        ),
        with(
            offer(&id),
            "sdp",
            json!(sdp("actpass").replace("a=fingerprint", "a=fingerprnt")),
        ),
        with(
            offer(&id),
            "sdp",
            json!(sdp("actpass").replace("a=mid:0\r\n", "")),
        ),
        with(
            offer(&id),
            "sdp",
            json!(sdp("actpass").replace("UDP/DTLS/SCTP", "RTP/AVP")),
        ),
        with(offer(&id), "sdp", json!(long)),
        with(offer(&id), "round", json!(1)),
        with(
            candidate(&id, 49_200),
            "candidate",
            json!(format!("candidate:{secret}")),
        ),
        with(
            candidate(&id, 49_200),
            "candidate",
            json!(format!("a=candidate:1 1 udp 1 {secret} 49200 typ relay")),
        ),
        with(
            candidate(&id, 49_200),
            "candidate",
            json!("candidate:1 1 udp 1 127.0.0.1 99999 typ relay"),
        ),
        with(candidate(&id, 49_200), "candidate", json!("x".repeat(513))),
        with(candidate(&id, 49_200), "sdp_mid", json!(secret)),
        with(candidate(&id, 49_200), "sdp_mid", json!("a b")),
        with(candidate(&id, 49_200), "sdp_m_line_index", json!(8)),
    ];
    for frame in malformed {
        let refused = a.ask(frame.clone()).await;
        assert_eq!(
            (&refused["type"], &refused["code"]),
            (&json!("error"), &json!("invalid_field")),
            "{frame}"
        );
        assert!(!refused.to_string().contains(secret), "{refused}");
    }
    b.hears_no("rtc.description").await;
    b.hears_no("rtc.candidate").await;
    a.send(offer(&id)).await;
    b.until("rtc.description").await;
    let refused = b
        .ask(with(
            answer(&id),
            "sdp",
            json!(sdp("active").replace("a=setup:active\r\n", "")),
        ))
        .await;
    assert_eq!(refused["code"], "invalid_field");
    // The offer still waits for its answer.
    b.send(answer(&id)).await;
    a.until("rtc.description").await;
    server.stop().await;
}

async fn signals_are_counted_by_account(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    for _ in 0..4 {
        a.send(offer(&id)).await;
        b.until("rtc.description").await;
    }
    for frame in every_frame(&id) {
        let refused = a.ask(frame).await;
        assert_eq!(refused["code"], "rate_limited", "{refused}");
        assert!(
            (1..=3_600_000).contains(&refused["retry_after_ms"].as_u64().expect("a time")),
            "{refused}"
        );
    }
    b.hears_no("rtc.description").await;
    b.hears_no("match.ended").await;
    // The peer has limits of its own.
    b.send(answer(&id)).await;
    a.until("rtc.description").await;
    server.stop().await;
}
