//! The sending device numbers its messages: what becomes of the next one, and of any other.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tebdil_client::raw::{RawError, RawSocket};
use tebdil_protocol::{CloseCode, MAX_SEQ};

use crate::{
    harness::{TestServer, TestUser},
    sockets::{Person, connect, franked_message, message, pair},
};

scenarios! {
    a_repeat_is_answered_alike_and_changes_nothing,
    a_gap_is_refused_with_the_number_that_is_missing,
    what_is_no_number_is_refused,
    a_number_counts_once_on_two_sockets_of_a_session,
}

/// How many messages wait, and how many were accepted.
async fn stored(server: &TestServer) -> (i64, i64) {
    (
        server.count("SELECT COUNT(*) FROM messages").await,
        server.count("SELECT COUNT(*) FROM message_logs").await,
    )
}

/// The answer, without what it answers.
async fn answered(person: &mut Person, frame: Value) -> Value {
    let mut answer = person.ask(frame).await;
    answer.as_object_mut().expect("a frame").remove("re");
    answer
}

async fn a_repeat_is_answered_alike_and_changes_nothing(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let said = franked_message(&id, 1, [7; 32]);
    // What a repeat brings is not looked at.
    let mut handshake = message(&id, 1, "something else");
    handshake["kind"] = json!("handshake");
    let repeats = [
        said.clone(),
        franked_message(&id, 1, [8; 32]),
        message(&id, 1, "something else"),
        handshake,
    ];
    let accepted = answered(&mut a, said).await;
    assert!(accepted["frank"].is_object(), "{accepted}");
    let new = b.until("message.new").await;
    server.clock.advance(Duration::from_secs(1));
    for repeat in &repeats {
        assert_eq!(answered(&mut a, repeat.clone()).await, accepted);
        assert_eq!(
            b.until("message.new").await,
            new,
            "the first may have got lost"
        );
    }

    b.acknowledge(&id, 1).await;
    a.until("message.delivered").await;
    let mut bare = accepted;
    bare.as_object_mut().expect("a frame").remove("frank");
    for repeat in repeats {
        assert_eq!(answered(&mut a, repeat).await, bare);
    }
    assert_eq!(a.say(&id, 2, "next").await["seq"], 2);
    assert_eq!(
        b.until("message.new").await["seq"],
        2,
        "what it has does not come again"
    );
    assert_eq!(stored(&server).await, (1, 2));
    server.stop().await;
}

fn is_out_of_order(answer: &Value, expected: i64) {
    assert_eq!(
        (&answer["type"], &answer["code"], &answer["expected_seq"]),
        (&json!("error"), &json!("out_of_order"), &json!(expected)),
        "{answer}"
    );
}

async fn a_gap_is_refused_with_the_number_that_is_missing(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    for seq in [2, 3, MAX_SEQ] {
        is_out_of_order(&a.say(&id, seq, "early").await, 1);
    }
    assert_eq!(stored(&server).await, (0, 0));

    // Without waiting for answers: each is judged by those before it.
    let said = [
        (1, None),
        (3, Some(2)),
        (2, None),
        (4, Some(3)),
        (3, None),
        (4, None),
    ];
    for (seq, missing) in said {
        let text = missing.map_or("in time", |_| "early");
        a.send(message(&id, seq, text)).await;
    }
    for (seq, missing) in said {
        let answer = loop {
            let frame = a.socket.recv_json().await.expect("an answer");
            if frame["re"] == seq {
                break frame;
            }
            assert!(frame.get("re").is_none(), "in order: {frame}");
        };
        match missing {
            None => assert_eq!(answer["type"], "message.accepted", "{answer}"),
            Some(missing) => is_out_of_order(&answer, missing),
        }
    }
    for seq in 1..=4 {
        let new = b.until("message.new").await;
        assert_eq!(
            (&new["seq"], &new["ciphertext"]),
            (&json!(seq), &json!(STANDARD.encode("in time")))
        );
    }
    // Each side counts for itself.
    is_out_of_order(&b.say(&id, 5, "early").await, 1);
    assert_eq!(b.say(&id, 1, "in time").await["seq"], 1);
    assert_eq!(stored(&server).await, (5, 5));
    server.stop().await;
}

async fn what_is_no_number_is_refused(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    for wrong in [
        json!(0),
        json!(-1),
        json!(1.5),
        json!("1"),
        json!(MAX_SEQ + 1),
        json!(1_u64 << 63),
        json!(1e300),
    ] {
        let mut send = message(&id, 1, "hello");
        send["seq"] = wrong.clone();
        let receipt = |kind: &str| json!({"type": kind, "match_id": id, "seq": wrong});
        for frame in [send, receipt("message.ack"), receipt("message.read")] {
            assert_eq!(a.refused(frame.clone()).await, "invalid_field", "{frame}");
        }
        // A few of these end a connection.
        a.reconnect(&server).await;
    }
    assert_eq!(stored(&server).await, (0, 0));
    assert_eq!(a.say(&id, 1, "hello").await["seq"], 1);
    assert_eq!(b.until("message.new").await["seq"], 1);
    server.stop().await;
}

/// Says hello and this on a socket of its own, without a pause. Whether it was accepted there: else
/// another socket of the session took the place of this one.
async fn says_beside(server: &TestServer, node: usize, user: &TestUser, said: &Value) -> bool {
    let mut socket = RawSocket::open(server.node_url(node))
        .await
        .expect("a socket");
    let hello = json!({"type": "hello", "token": user.access});
    for frame in [&hello, said] {
        socket.send_json(frame).await.expect("sent");
    }
    loop {
        match socket.recv_json().await {
            Ok(answer) if answer["re"] == said["id"] => {
                assert_eq!(answer["type"], "message.accepted", "{answer}");
                return true;
            }
            Ok(_) => {}
            Err(RawError::Closed(code)) => {
                assert_eq!(code, Some(CloseCode::Replaced.code()));
                return false;
            }
            Err(error) => panic!("waiting for an answer: {error}"),
        }
    }
}

async fn a_number_counts_once_on_two_sockets_of_a_session(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    // One after the other, as when a line breaks before the answer.
    let said = message(&id, 1, "one");
    a.send(said.clone()).await;
    let mut old = std::mem::replace(&mut a.socket, connect(&server, &a.user).await);
    assert_eq!(a.ask(said).await["type"], "message.accepted");
    assert_eq!(
        old.recv_close_code().await.expect("a close"),
        Some(CloseCode::Replaced)
    );

    // Both at once, and each at a node of its own where there are several.
    let said = message(&id, 2, "two");
    let nodes = [0, server.node_count() - 1];
    let accepted = join_all(nodes.map(|node| says_beside(&server, node, &a.user, &said))).await;
    assert!(accepted.contains(&true), "one of them stays");
    a.reconnect(&server).await;
    assert_eq!(a.say(&id, 3, "three").await["seq"], 3);
    assert_eq!(stored(&server).await, (3, 3));

    // A repeat may be delivered again, but as it was.
    let mut heard = Vec::new();
    while heard.last().is_none_or(|new: &Value| new["seq"] != 3) {
        let new = b.until("message.new").await;
        if !heard.contains(&new) {
            heard.push(new);
        }
    }
    let heard: Vec<(&Value, &Value)> = heard
        .iter()
        .map(|new| (&new["seq"], &new["ciphertext"]))
        .collect();
    let texts = ["one", "two", "three"].map(|text| json!(STANDARD.encode(text)));
    assert_eq!(
        heard,
        [
            (&json!(1), &texts[0]),
            (&json!(2), &texts[1]),
            (&json!(3), &texts[2])
        ]
    );
    server.stop().await;
}
