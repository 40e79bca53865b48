//! Frames: RFC 6455 §5 to §8.

use serde_json::json;
use tebdil_core::testing::Backend;

use super::wire::{
    BINARY, CLOSE, Frame, LAST, MORE, PING, PONG, TEXT, Wire, frame, header, host, unmasked,
    upgrade,
};
use crate::harness::{TestServer, TestUser};

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

const BREACH: End = End::Closed(1002);
const NOT_UTF8: End = End::Closed(1007);
const TOO_LARGE: End = End::Closed(4013);

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

/// A text in so many pieces of about the same size.
fn pieces(text: &str, count: usize) -> Vec<u8> {
    let size = text.len().div_ceil(count).max(1);
    let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
    let last = chunks.len() - 1;
    let first = |place: usize| match (place == 0, place == last) {
        (true, true) => TEXT,
        (true, false) => TEXT & MORE,
        (false, true) => LAST,
        (false, false) => 0,
    };
    chunks
        .iter()
        .enumerate()
        .flat_map(|(place, chunk)| frame(first(place), chunk))
        .collect()
}

fn reserved_bits_opcodes_and_masks(cases: &mut Vec<Case>) {
    for bits in 1..8_u8 {
        for (opcode, name) in [
            (TEXT, "text"),
            (BINARY, "binary"),
            (PING, "ping"),
            (PONG, "pong"),
            (CLOSE, "close"),
            (LAST, "continuation"),
        ] {
            cases.push(case(
                format!("reserved bits {bits:03b} of a {name}"),
                frame(opcode | bits << 4, b""),
                BREACH,
            ));
        }
    }
    for opcode in (3..8_u8).chain(11..16) {
        cases.push(case(
            format!("opcode {opcode}"),
            frame(0x80 | opcode, b""),
            BREACH,
        ));
        cases.push(case(
            format!("opcode {opcode} with data"),
            frame(0x80 | opcode, b"data"),
            BREACH,
        ));
    }
    for (opcode, name) in [
        (TEXT, "text"),
        (BINARY, "binary"),
        (PING, "ping"),
        (PONG, "pong"),
        (CLOSE, "close"),
        (LAST, "continuation"),
    ] {
        cases.push(case(
            format!("an unmasked {name}"),
            unmasked(opcode, b"{}"),
            BREACH,
        ));
        cases.push(case(
            format!("an empty unmasked {name}"),
            unmasked(opcode, b""),
            BREACH,
        ));
    }
}

/// §5.2: the bits and lengths of a frame.
fn headers() -> Vec<Case> {
    let mut cases = Vec::new();
    reserved_bits_opcodes_and_masks(&mut cases);
    for length in [125, 126, 127, 128, 4_095, 4_096, 4_097, 65_535, 65_536] {
        cases.push(case(
            format!("a text of {length} bytes"),
            frame(TEXT, question("length", length).as_bytes()),
            End::Answered,
        ));
    }
    for length in [65_537, 131_072] {
        cases.push(case(
            format!("a text of {length} bytes"),
            frame(TEXT, question("length", length).as_bytes()),
            TOO_LARGE,
        ));
    }
    for length in [
        131_073_u64,
        1 << 31,
        1 << 32,
        1 << 40,
        u64::MAX >> 1,
        1 << 63,
        u64::MAX,
    ] {
        cases.push(case(
            format!("the head of a frame of {length} bytes"),
            [header(TEXT, length, true), vec![0; 4]].concat(),
            TOO_LARGE,
        ));
    }
    let zero = question("zero", 0);
    let unchanged = [
        header(TEXT, zero.len() as u64, true),
        vec![0; 4],
        zero.into_bytes(),
    ]
    .concat();
    cases.push(case("a mask of zeros", unchanged, End::Answered));
    cases.push(case("a binary", frame(BINARY, b"{}"), End::Closed(4000)));
    cases
}

fn between_and_at_the_ends(cases: &mut Vec<Case>) {
    let text = question("between", 0);
    let (head, tail) = text.as_bytes().split_at(9);
    let between = |middle: Vec<u8>| [frame(TEXT & MORE, head), middle, frame(LAST, tail)].concat();
    cases.push(case(
        "an empty fragment first",
        [frame(TEXT & MORE, b""), frame(LAST, text.as_bytes())].concat(),
        End::Answered,
    ));
    cases.push(case(
        "an empty fragment last",
        [frame(TEXT & MORE, text.as_bytes()), frame(LAST, b"")].concat(),
        End::Answered,
    ));
    cases.push(case(
        "empty fragments between",
        between([frame(0, b""), frame(0, b"")].concat()),
        End::Answered,
    ));
    cases.push(case(
        "a ping between fragments",
        between(frame(PING, b"between")),
        End::Answered,
    ));
    cases.push(case(
        "pongs between fragments",
        between([frame(PONG, b""), frame(PONG, b"late")].concat()),
        End::Answered,
    ));
    cases.push(case(
        "a breach between fragments",
        between(frame(0x83, b"")),
        BREACH,
    ));
    cases.push(case(
        "fragments that are too large together",
        [
            frame(TEXT & MORE, &vec![b' '; 65_000]),
            frame(LAST, &vec![b' '; 65_000]),
        ]
        .concat(),
        TOO_LARGE,
    ));
    let endless = [
        frame(TEXT & MORE, b"{"),
        [
            frame(0, &vec![b' '; 60_000]),
            frame(0, &vec![b' '; 60_000]),
            frame(0, &vec![b' '; 60_000]),
        ]
        .concat(),
    ]
    .concat();
    cases.push(case("fragments without an end", endless, TOO_LARGE));
}

/// §5.4 and §5.5: fragments, and control frames between them.
fn fragments() -> Vec<Case> {
    let mut cases = Vec::new();
    for (opcode, name) in [(PING, "ping"), (PONG, "pong"), (CLOSE, "close")] {
        cases.push(case(
            format!("a {name} in fragments"),
            frame(opcode & MORE, b""),
            BREACH,
        ));
        for length in [126, 127, 65_536] {
            cases.push(case(
                format!("a {name} of {length} bytes"),
                frame(opcode, &vec![0; length]),
                BREACH,
            ));
        }
    }
    cases.push(case("a continuation of nothing", frame(LAST, b"x"), BREACH));
    cases.push(case(
        "a continuation of nothing that goes on",
        frame(0, b"x"),
        BREACH,
    ));
    let after = |first: u8, second: u8| [frame(first & MORE, b"{"), frame(second, b"}")].concat();
    cases.push(case("a text inside of a text", after(TEXT, TEXT), BREACH));
    cases.push(case(
        "a binary inside of a text",
        after(TEXT, BINARY),
        BREACH,
    ));
    cases.push(case(
        "a text inside of a binary",
        after(BINARY, TEXT),
        BREACH,
    ));
    cases.push(case(
        "a fragmented text inside of a text",
        after(TEXT, TEXT & MORE),
        BREACH,
    ));
    let whole = [
        frame(TEXT, question("whole", 0).as_bytes()),
        frame(LAST, b""),
    ]
    .concat();
    cases.push(Case {
        late: true,
        ..case("a continuation of what is whole", whole, BREACH)
    });
    for count in [1, 2, 3, 7, 1_000] {
        cases.push(case(
            format!("a text in {count} fragments"),
            pieces(&question("pieces", 0), count),
            End::Answered,
        ));
    }
    between_and_at_the_ends(&mut cases);
    cases.push(case(
        "a pong nobody asked for",
        frame(PONG, b"unasked"),
        End::Answered,
    ));
    cases.push(case("an empty pong", frame(PONG, b""), End::Answered));
    cases
}

/// §8.1: text is UTF-8.
fn texts() -> Vec<Case> {
    let mut cases = Vec::new();
    let wrong: [(&str, &[u8]); 12] = [
        ("a byte that is none", b"\xff"),
        ("a continuation byte alone", b"\x80"),
        ("a sequence that is cut off", b"\xc5"),
        ("a sequence of three that is cut off", b"\xe2\x82"),
        ("a sequence of four that is cut off", b"\xf0\x9f\x98"),
        ("a sequence that is interrupted", b"\xc5a"),
        ("a slash of two bytes", b"\xc0\xaf"),
        ("a slash of three bytes", b"\xe0\x80\xaf"),
        ("a zero of two bytes", b"\xc0\x80"),
        ("a high surrogate", b"\xed\xa0\x80"),
        ("a pair of surrogates", b"\xed\xa0\xbd\xed\xb8\x80"),
        ("beyond the last character", b"\xf4\x90\x80\x80"),
    ];
    for (name, bytes) in wrong {
        cases.push(case(name, frame(TEXT, bytes), NOT_UTF8));
        cases.push(case(
            format!("{name}, behind JSON"),
            frame(TEXT, &[question("text", 0).as_bytes(), bytes].concat()),
            NOT_UTF8,
        ));
        cases.push(case(
            format!("{name}, in the second fragment"),
            [frame(TEXT & MORE, b"{}"), frame(LAST, bytes)].concat(),
            NOT_UTF8,
        ));
    }
    // A character in two fragments is whole.
    let mut text = question("ş😀", 0);
    cases.push(case(
        "characters of several bytes",
        frame(TEXT, text.as_bytes()),
        End::Answered,
    ));
    text.push(' ');
    cases.push(case(
        "characters in two fragments",
        pieces(&text, text.len()),
        End::Answered,
    ));
    cases
}

/// §5.5.1 and §7.4: close frames, and what they are answered.
fn closes() -> Vec<Case> {
    let mut cases = Vec::new();
    let close =
        |code: u16, reason: &[u8]| frame(CLOSE, &[code.to_be_bytes().as_slice(), reason].concat());
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4321, 4999,
    ] {
        cases.push(case(
            format!("close code {code}"),
            close(code, b""),
            End::Closed(code),
        ));
        cases.push(case(
            format!("close code {code} with a reason"),
            close(code, "güle güle".as_bytes()),
            End::Closed(code),
        ));
    }
    for code in [
        0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65_535,
    ] {
        cases.push(case(
            format!("close code {code}, which nobody may send"),
            close(code, b""),
            BREACH,
        ));
    }
    cases.push(case(
        "a close code of one byte",
        frame(CLOSE, b"\x03"),
        BREACH,
    ));
    cases.push(case(
        "the longest reason",
        close(1000, &[b'x'; 123]),
        End::Closed(1000),
    ));
    cases.push(case(
        "a reason that is not UTF-8",
        close(1000, b"\xff\xfe"),
        NOT_UTF8,
    ));
    cases.push(case(
        "a reason that is cut off",
        close(1000, b"\xc5"),
        NOT_UTF8,
    ));
    cases.push(case(
        "more after a close",
        [close(1000, b""), frame(TEXT, b"{}"), frame(PING, b"")].concat(),
        End::Closed(1000),
    ));
    cases.push(case(
        "a breach after a close",
        [close(1000, b""), frame(0x83, b"")].concat(),
        End::Closed(1000),
    ));
    cases.push(case(
        "a close between fragments",
        [frame(TEXT & MORE, b"{"), close(1001, b"")].concat(),
        End::Closed(1001),
    ));
    cases
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
