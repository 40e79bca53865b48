//! What was missed comes after a reconnect.

use serde_json::{Value, json};

use crate::{
    harness::TestServer,
    sockets::{Person, eventually, message, pair},
};

scenarios! {
    a_reconnect_brings_what_was_missed_and_nothing_twice,
    a_lost_match_found_is_told_again,
    a_long_backlog_arrives_in_order,
}

/// Says hello with what the device has, and reads up to the answer to a request that follows: all
/// that the server sent by itself.
async fn resumed(server: &TestServer, person: &mut Person, resume: Value) -> Vec<Value> {
    person.socket = tebdil_client::raw::RawSocket::open(&server.base)
        .await
        .expect("a socket");
    person
        .send(json!({"type": "hello", "token": person.user.access, "resume": resume}))
        .await;
    person
        .send(json!({"type": "match.cancel", "id": "end"}))
        .await;
    let mut frames = Vec::new();
    loop {
        let frame = person.socket.recv_json().await.expect("a frame");
        if frame["re"] == "end" {
            return frames;
        }
        frames.push(frame);
    }
}

fn seqs(frames: &[Value]) -> Vec<i64> {
    frames
        .iter()
        .filter(|frame| frame["type"] == "message.new")
        .map(|frame| frame["seq"].as_i64().expect("seq"))
        .collect()
}

async fn a_reconnect_brings_what_was_missed_and_nothing_twice(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    a.say(&id, 1, "one").await;
    b.until("message.new").await;
    b.acknowledge(&id, 1).await;
    a.until("message.delivered").await;
    drop(std::mem::replace(
        &mut b.socket,
        tebdil_client::raw::RawSocket::open(&server.base)
            .await
            .expect("a socket"),
    ));
    a.until("peer.presence").await;
    for (seq, text) in [(2, "two"), (3, "three")] {
        a.say(&id, seq, text).await;
    }
    let frames = resumed(&server, &mut b, json!([{"match_id": id, "peer_seq": 1}])).await;
    assert_eq!(frames[0]["type"], "welcome");
    assert_eq!(
        (
            &frames[0]["matches"][0]["id"],
            &frames[0]["matches"][0]["unread"]
        ),
        (&json!(id), &json!(3))
    );
    assert_eq!(seqs(&frames), [2, 3]);
    assert!(
        frames
            .iter()
            .any(|frame| frame["type"] == "peer.presence" && frame["online"] == true)
    );
    assert_eq!(
        seqs(&resumed(&server, &mut b, json!([{"match_id": id, "peer_seq": 2}])).await),
        [3],
        "what it has, it says"
    );
    let first = async || server.count("SELECT MIN(seq) FROM messages").await == 3;
    eventually("what it says it has is gone", first).await;
    for resume in [json!([{"match_id": id, "peer_seq": 0}]), json!([])] {
        assert_eq!(
            seqs(&resumed(&server, &mut b, resume).await),
            [3],
            "what it has acknowledged is gone"
        );
    }
    b.send(json!({"type": "message.sync", "match_id": id, "peer_seq": 2}))
        .await;
    assert_eq!(b.until("message.new").await["seq"], 3);
    b.send(json!({"type": "message.read", "match_id": id, "seq": 3}))
        .await;
    a.until("message.read").await;
    b.send(json!({"type": "message.sync", "match_id": id, "peer_seq": 0}))
        .await;
    b.hears_no("message.new").await;

    let frames = resumed(&server, &mut a, json!([])).await;
    for kind in ["message.delivered", "message.read"] {
        assert!(
            frames
                .iter()
                .any(|frame| frame["type"] == kind && frame["seq"] == 3),
            "{kind} was missed: {frames:?}"
        );
    }
    b.ask(json!({"type": "match.leave", "match_id": id})).await;
    let frames = resumed(
        &server,
        &mut a,
        json!([{"match_id": id, "peer_seq": 0}, {"match_id": "77", "peer_seq": 0}]),
    )
    .await;
    assert_eq!(frames[0]["matches"], json!([]));
    let mut ended = frames
        .iter()
        .filter(|frame| frame["type"] == "match.ended")
        .map(|frame| (&frame["by"], &frame["match_id"]));
    let end = (&json!("peer"), &json!(id));
    assert_eq!(ended.next(), Some(end), "it ended meanwhile");
    // The word of the other node may come after the hello, too.
    assert!(ended.all(|again| again == end));
    server.stop().await;
}

/// The process may end between the commit of a match and its announcement.
async fn a_lost_match_found_is_told_again(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let frames = resumed(&server, &mut a, json!([])).await;
    let found = frames
        .iter()
        .find(|frame| frame["type"] == "match.found")
        .expect("told again");
    assert_eq!(
        (
            &found["match"]["id"],
            &found["match"]["this_device"],
            &found["peer_key_package"]
        ),
        (&json!(id), &json!(true), &json!("AAAA"))
    );
    let frames = resumed(&server, &mut b, json!([])).await;
    let found = frames
        .iter()
        .find(|frame| frame["type"] == "match.found")
        .expect("told again");
    assert!(
        found.get("peer_key_package").is_none(),
        "the answerer waits for the offerer"
    );

    a.say(&id, 1, "begun").await;
    let frames = resumed(&server, &mut a, json!([])).await;
    assert!(
        frames.iter().all(|frame| frame["type"] != "match.found"),
        "it has begun"
    );
    server.stop().await;
}

async fn a_long_backlog_arrives_in_order(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    drop(std::mem::replace(
        &mut b.socket,
        tebdil_client::raw::RawSocket::open(&server.base)
            .await
            .expect("a socket"),
    ));
    for seq in 1..=300 {
        a.send(message(&id, seq, &format!("{seq} {}", "x".repeat(8_000))))
            .await;
    }
    while a.until("message.accepted").await["seq"] != 300 {}
    // Far more than the outbound queue holds, while live messages come in between.
    b.socket = tebdil_client::raw::RawSocket::open(&server.base)
        .await
        .expect("a socket");
    b.send(json!({"type": "hello", "token": b.user.access}))
        .await;
    b.until("welcome").await;
    for seq in 301..=310 {
        a.send(message(&id, seq, &format!("{seq}"))).await;
    }
    for expected in 1..=310 {
        assert_eq!(b.until("message.new").await["seq"], expected);
    }
    b.hears_no("message.new").await;
    server.stop().await;
}
