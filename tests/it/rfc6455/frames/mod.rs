//! Frames: RFC 6455 §5 to §8.

use cases::{closes, fragments, headers, texts};
use serde_json::json;
use tebdil_core::testing::Backend;

use super::wire::{
    CLOSE, Frame, LAST, MORE, PING, PONG, TEXT, Wire, frame, header, host, unmasked, upgrade,
};
use crate::harness::{TestServer, TestUser};

mod cases;

scenarios! {
    a_breach_ends_with_a_close_frame_that_arrives,
    an_id_of_another_kind_leaves_the_connection_open,
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The question behind what was sent is answered.
    Answered,
    Closed(u16),
}

/// What is sent, by the name of the case.
struct Case {
    name: String,
    bytes: Vec<u8>,
    end: End,
    /// It begins with a whole text, which is the end of a connection that was not welcomed.
    late: bool,
}

fn case(name: impl Into<String>, bytes: impl Into<Vec<u8>>, end: End) -> Case {
    Case {
        name: name.into(),
        bytes: bytes.into(),
        end,
        late: false,
    }
}

/// A frame whose answer has this `re`, of this length.
fn question(re: &str, length: usize) -> String {
    let mut text =
        json!({ "type": "message.sync", "match_id": "1", "peer_seq": 0, "id": re }).to_string();
    while text.len() < length {
        text.push(' ');
    }
    text
}

fn hello(user: &TestUser) -> String {
    json!({ "type": "hello", "token": user.access }).to_string()
}

/// Sends what the case says, on a connection that was welcomed or one that was not.
async fn play(server: &TestServer, user: &TestUser, case: &Case, welcomed: bool) {
    let mut wire = Wire::open(server.node_url(0)).await;
    if welcomed {
        wire.say(frame(TEXT, hello(user).as_bytes())).await;
        let welcome = wire.next().await.expect("welcome");
        assert!(
            welcome.payload.starts_with(br#"{"type":"welcome""#),
            "{}: {welcome:?}",
            case.name
        );
    }
    wire.say(&case.bytes).await;
    match case.end {
        End::Closed(code) => assert_eq!(wire.closed().await.code(), Some(code), "{}", case.name),
        End::Answered => {
            wire.say(frame(TEXT, question("afterwards", 0).as_bytes()))
                .await;
            if welcomed {
                // What the case itself asked is answered before.
                wire.answer_to("afterwards").await;
                wire.say(frame(CLOSE, &1000_u16.to_be_bytes())).await;
                assert_eq!(wire.closed().await.code(), Some(1000), "{}", case.name);
            } else {
                assert_eq!(
                    wire.closed().await.code(),
                    Some(4000),
                    "{}: it was read, and is no hello",
                    case.name
                );
            }
        }
    }
}

async fn play_all(cases: Vec<Case>) {
    let server = TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    let user = server.register("ayse").await;
    for case in &cases {
        if !case.late {
            play(&server, &user, case, false).await;
        }
        play(&server, &user, case, true).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bits_and_lengths() {
    play_all(headers()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fragments_and_what_comes_between() {
    play_all(fragments()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_is_utf8() {
    play_all(texts()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn close_frames_are_answered() {
    play_all(closes()).await;
    let server = TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    let mut wire = Wire::open(&server.base).await;
    wire.say(frame(CLOSE, b"")).await;
    assert_eq!(
        wire.closed().await.code(),
        None,
        "an empty one with an empty one"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_are_answered_with_their_payload() {
    let server = TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    let user = server.register("ayse").await;
    let mut wire = Wire::open(&server.base).await;
    let pong = |payload: &[u8]| {
        Some(Frame {
            first: PONG,
            payload: payload.to_vec(),
        })
    };
    for payload in [&b""[..], b"a", b"\x00\xff", &[7; 125]] {
        wire.say(frame(PING, payload)).await;
        assert_eq!(wire.next().await, pong(payload), "before hello");
    }
    wire.say(frame(TEXT, hello(&user).as_bytes())).await;
    assert_eq!(wire.next().await.expect("welcome").first, TEXT);
    for payload in [&b""[..], b"a", &[7; 125]] {
        wire.say(frame(PING, payload)).await;
        assert_eq!(wire.next().await, pong(payload));
    }
    // Between fragments, too, at once.
    let text = question("late", 0);
    wire.say(frame(TEXT & MORE, &text.as_bytes()[..5])).await;
    wire.say(frame(PING, b"now")).await;
    assert_eq!(wire.next().await, pong(b"now"));
    wire.say(frame(LAST, &text.as_bytes()[5..])).await;
    wire.answer_to("late").await;
    drop(wire);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_tcp_cuts_the_stream_does_not_matter() {
    let server = TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    let user = server.register("ayse").await;
    // Behind the handshake in one piece: the server has read it before it is a socket.
    let mut wire = Wire::connect(&server.base).await;
    let questions: Vec<u8> = ["one", "two"]
        .iter()
        .flat_map(|re| frame(TEXT, question(re, 0).as_bytes()))
        .collect();
    wire.say(
        [
            upgrade(host(&server.base)).into_bytes(),
            frame(TEXT, hello(&user).as_bytes()),
            questions,
        ]
        .concat(),
    )
    .await;
    assert_eq!(wire.head().await.status, 101);
    wire.answer_to("one").await;
    wire.answer_to("two").await;
    // A byte at a time.
    for byte in frame(TEXT, question("bytes", 0).as_bytes()) {
        wire.say([byte]).await;
    }
    wire.answer_to("bytes").await;
    drop(wire);
    server.stop().await;
}

/// Also where the client goes on sending and reads only then: unread input turns the end of a
/// connection into a reset, which overtakes the close frame.
async fn a_breach_ends_with_a_close_frame_that_arrives(server: TestServer) {
    let user = server.register("ayse").await;
    let endless = vec![frame(TEXT, &[b' '; 1_000]); 200].concat();
    for (welcomed, more) in [
        (false, &[][..]),
        (true, &[]),
        (false, &endless),
        (true, &endless),
    ] {
        let breaches: [(&str, Vec<u8>, u16); 4] = [
            ("reserved bits", frame(TEXT | 0x40, b"{}"), 1002),
            ("unmasked", unmasked(TEXT, b"{}"), 1002),
            ("not UTF-8", frame(TEXT, b"\xff"), 1007),
            (
                "too large",
                [header(TEXT, 200_000, true), vec![0; 4]].concat(),
                4013,
            ),
        ];
        for (name, breach, code) in breaches {
            // A proxy in between has its own way to end what is sent on and on; that is seen past
            // it.
            let mut wire = Wire::open(if more.is_empty() {
                &server.base
            } else {
                server.node_url(0)
            })
            .await;
            if welcomed {
                wire.say(frame(TEXT, hello(&user).as_bytes())).await;
                assert_eq!(wire.next().await.expect("welcome").first, TEXT);
            }
            wire.say([&breach, more].concat()).await;
            assert_eq!(
                wire.closed().await.code(),
                Some(code),
                "{name}, welcomed: {welcomed}"
            );
        }
    }
    server.stop().await;
}

async fn an_id_of_another_kind_leaves_the_connection_open(server: TestServer) {
    let user = server.register("ayse").await;
    let mut wire = Wire::open(&server.base).await;
    wire.say(frame(TEXT, hello(&user).as_bytes())).await;
    assert_eq!(wire.next().await.expect("welcome").first, TEXT);
    for id in ["1.5", "{\"a\":[]}", "18446744073709551616", "true"] {
        wire.say(frame(
            TEXT,
            format!(r#"{{"type":"message.sync","match_id":"1","peer_seq":0,"id":{id}}}"#)
                .as_bytes(),
        ))
        .await;
        let refused = wire.next().await.expect("an answer");
        let refused: serde_json::Value = serde_json::from_slice(&refused.payload).expect("JSON");
        assert_eq!(
            (&refused["type"], &refused["code"], refused.get("re")),
            (&json!("error"), &json!("invalid_field"), None),
            "{id}"
        );
    }
    wire.say(frame(TEXT, question("still", 0).as_bytes())).await;
    assert_eq!(wire.answer_to("still").await["code"], "not_found");
    drop(wire);
    server.stop().await;
}
