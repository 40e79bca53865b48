//! The opening handshake: RFC 6455 §4.2.1, RFC 9112 §3.2.

use tebdil_core::testing::Backend;

use super::wire::{ACCEPT, KEY, Wire, host, upgrade};
use crate::harness::TestServer;

scenarios! {
    pages_of_other_origins_open_no_socket,
}

mod allowed {
    use super::super::handshake::a_listed_origin_opens_a_socket;
    scenarios! {
        @with &[("TEBDIL_HTTP__ALLOWED_ORIGINS", "https://chat.example")];
        a_listed_origin_opens_a_socket,
    }
}

const CONNECTION: &str = "Connection: Upgrade\r\n";
const UPGRADE: &str = "Upgrade: websocket\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";
const PROTOCOL: &str = "Sec-WebSocket-Protocol: tebdil.v1\r\n";

/// What a handshake has in the place of a part of the good one, by the name of the case.
type Changes = &'static [(&'static str, &'static str, &'static str)];

const ALLOWED: Changes = &[
    ("as it is", "", ""),
    ("token in lower case", CONNECTION, "Connection: upgrade\r\n"),
    ("token in upper case", CONNECTION, "Connection: UPGRADE\r\n"),
    (
        "token in a list",
        CONNECTION,
        "Connection: keep-alive, Upgrade\r\n",
    ),
    (
        "token first in a list",
        CONNECTION,
        "Connection: Upgrade, keep-alive\r\n",
    ),
    (
        "empty elements of a list",
        CONNECTION,
        "Connection: , ,Upgrade,,\r\n",
    ),
    (
        "no space in a list",
        CONNECTION,
        "Connection: keep-alive,Upgrade\r\n",
    ),
    (
        "token in the second field",
        CONNECTION,
        "Connection: keep-alive\r\nConnection: Upgrade\r\n",
    ),
    (
        "token in the first field",
        CONNECTION,
        "Connection: Upgrade\r\nConnection: keep-alive\r\n",
    ),
    (
        "token in the last of three",
        CONNECTION,
        "Connection: a\r\nConnection: b, c\r\nConnection: d, upgrade\r\n",
    ),
    ("upgrade in capitals", UPGRADE, "Upgrade: WebSocket\r\n"),
    ("upgrade in a list", UPGRADE, "Upgrade: h2c, websocket\r\n"),
    (
        "upgrade in two fields",
        UPGRADE,
        "Upgrade: h2c\r\nUpgrade: websocket\r\n",
    ),
    (
        "names in lower case",
        "Sec-WebSocket-Version",
        "sec-websocket-version",
    ),
    (
        "names in upper case",
        "Sec-WebSocket-Key",
        "SEC-WEBSOCKET-KEY",
    ),
    (
        "space around a value",
        VERSION,
        "Sec-WebSocket-Version: \t 13 \t\r\n",
    ),
    (
        "no space before a value",
        VERSION,
        "Sec-WebSocket-Version:13\r\n",
    ),
    (
        "an extension",
        PROTOCOL,
        "Sec-WebSocket-Protocol: tebdil.v1\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
    ),
    (
        "an extension in two fields",
        PROTOCOL,
        "Sec-WebSocket-Protocol: tebdil.v1\r\nSec-WebSocket-Extensions: a\r\nSec-WebSocket-Extensions: b\r\n",
    ),
    (
        "subprotocol in a list",
        PROTOCOL,
        "Sec-WebSocket-Protocol: chat, tebdil.v1, other\r\n",
    ),
    (
        "subprotocol in two fields",
        PROTOCOL,
        "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: tebdil.v1\r\n",
    ),
    ("a query", "/v1/ws", "/v1/ws?a=b"),
    (
        "an absolute target",
        "GET /v1/ws",
        "GET http://localhost/v1/ws",
    ),
    (
        "unknown headers",
        VERSION,
        "Sec-WebSocket-Version: 13\r\nX-Any: thing\r\nCookie: a=b\r\n",
    ),
    (
        "an empty body",
        VERSION,
        "Sec-WebSocket-Version: 13\r\nContent-Length: 0\r\n",
    ),
    ("another key", KEY, "AAAAAAAAAAAAAAAAAAAAAA=="),
];

const REFUSED: Changes = &[
    ("no Connection", CONNECTION, ""),
    ("an empty Connection", CONNECTION, "Connection:\r\n"),
    (
        "Connection without the token",
        CONNECTION,
        "Connection: keep-alive\r\n",
    ),
    (
        "Connection with a longer token",
        CONNECTION,
        "Connection: upgraded\r\n",
    ),
    (
        "Connection with two words",
        CONNECTION,
        "Connection: keep-alive upgrade\r\n",
    ),
    ("no Upgrade", UPGRADE, ""),
    ("an empty Upgrade", UPGRADE, "Upgrade:\r\n"),
    ("another Upgrade", UPGRADE, "Upgrade: h2c\r\n"),
    ("a longer Upgrade", UPGRADE, "Upgrade: websockets\r\n"),
    (
        "Upgrade with a version",
        UPGRADE,
        "Upgrade: websocket/13\r\n",
    ),
    ("no version", VERSION, ""),
    ("an empty version", VERSION, "Sec-WebSocket-Version:\r\n"),
    ("version 0", VERSION, "Sec-WebSocket-Version: 0\r\n"),
    ("version 8", VERSION, "Sec-WebSocket-Version: 8\r\n"),
    ("version 12", VERSION, "Sec-WebSocket-Version: 12\r\n"),
    ("version 14", VERSION, "Sec-WebSocket-Version: 14\r\n"),
    ("version 013", VERSION, "Sec-WebSocket-Version: 013\r\n"),
    (
        "a list of versions",
        VERSION,
        "Sec-WebSocket-Version: 13, 8\r\n",
    ),
    (
        "a version twice",
        VERSION,
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13\r\n",
    ),
    (
        "two versions",
        VERSION,
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8\r\n",
    ),
    (
        "no key",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "",
    ),
    ("an empty key", KEY, ""),
    (
        "a key twice",
        VERSION,
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    ),
    (
        "two keys",
        VERSION,
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
    ),
    ("a key of 15 bytes", KEY, "AAAAAAAAAAAAAAAAAAAA"),
    ("a key of 17 bytes", KEY, "AAAAAAAAAAAAAAAAAAAAAAA="),
    ("a key without padding", KEY, "dGhlIHNhbXBsZSBub25jZQ"),
    ("a key that is no base64", KEY, "dGhlIHNhbXBsZSBub25j!!=="),
    ("a key of another alphabet", KEY, "_____________________w=="),
    ("a key in parts", KEY, "dGhlIHNhbXBs ZSBub25jZQ=="),
    ("no subprotocol", PROTOCOL, ""),
    (
        "another subprotocol",
        PROTOCOL,
        "Sec-WebSocket-Protocol: chat\r\n",
    ),
    (
        "a subprotocol of a later version",
        PROTOCOL,
        "Sec-WebSocket-Protocol: tebdil.v10\r\n",
    ),
    (
        "a subprotocol in capitals",
        PROTOCOL,
        "Sec-WebSocket-Protocol: TEBDIL.V1\r\n",
    ),
    ("HTTP/1.0", "HTTP/1.1", "HTTP/1.0"),
    (
        "a body",
        VERSION,
        "Sec-WebSocket-Version: 13\r\nContent-Length: 5\r\n",
    ),
    (
        "a chunked body",
        VERSION,
        "Sec-WebSocket-Version: 13\r\nTransfer-Encoding: chunked\r\n",
    ),
    ("HEAD", "GET ", "HEAD "),
];

/// Not even requests; who reads them is the HTTP library, which knows of no versions of WebSocket.
const NOT_HTTP: Changes = &[
    ("no Host", "Host: HOST\r\n", ""),
    ("an empty Host", "Host: HOST\r\n", "Host:\r\n"),
    (
        "a Host twice",
        "Host: HOST\r\n",
        "Host: HOST\r\nHost: HOST\r\n",
    ),
    (
        "two Hosts",
        "Host: HOST\r\n",
        "Host: HOST\r\nHost: evil.example\r\n",
    ),
    (
        "a list of Hosts",
        "Host: HOST\r\n",
        "Host: HOST, evil.example\r\n",
    ),
    ("a Host of two words", "Host: HOST\r\n", "Host: a b\r\n"),
    (
        "a Host with a user",
        "Host: HOST\r\n",
        "Host: user@HOST\r\n",
    ),
    (
        "a Host with a path",
        "Host: HOST\r\n",
        "Host: HOST/path\r\n",
    ),
    (
        "a Host with a word for a port",
        "Host: HOST\r\n",
        "Host: localhost:http\r\n",
    ),
    (
        "a space before a colon",
        VERSION,
        "Sec-WebSocket-Version : 13\r\n",
    ),
    (
        "a folded line",
        VERSION,
        "Sec-WebSocket-Version:\r\n 13\r\n",
    ),
    (
        "a line without a colon",
        VERSION,
        "Sec-WebSocket-Version: 13\r\nnonsense\r\n",
    ),
    ("a zero byte", VERSION, "Sec-WebSocket-Version: 1\u{0}3\r\n"),
    (
        "a name that is none",
        VERSION,
        "Sec-WebSocket-Version: 13\r\nX(: y\r\n",
    ),
    (
        "a request line of two words",
        "GET /v1/ws HTTP/1.1",
        "GET /v1/ws",
    ),
    ("HTTP/1.2", "HTTP/1.1", "HTTP/1.9"),
];

/// The good handshake with one part changed.
fn changed(base: &str, (name, part, by): (&str, &str, &str)) -> String {
    let (part, by) = (
        part.replace("HOST", host(base)),
        by.replace("HOST", host(base)),
    );
    let good = upgrade(host(base));
    assert!(good.contains(&part), "{name}");
    good.replacen(&part, &by, 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_as_the_rfc_has_them_open_a_socket() {
    let server = TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    for case in ALLOWED {
        let mut wire = Wire::connect(&server.base).await;
        wire.say(changed(&server.base, *case)).await;
        let head = wire.head().await;
        assert_eq!(head.status, 101, "{}", case.0);
        assert!(
            head.header("upgrade")
                .is_some_and(|value| value.eq_ignore_ascii_case("websocket")),
            "{}",
            case.0
        );
        assert!(
            head.header("connection")
                .is_some_and(|value| value.eq_ignore_ascii_case("upgrade")),
            "{}",
            case.0
        );
        assert_eq!(
            head.header("sec-websocket-protocol"),
            Some("tebdil.v1"),
            "{}",
            case.0
        );
        assert_eq!(head.header("sec-websocket-extensions"), None, "{}", case.0);
        assert_eq!(
            head.header("sec-websocket-accept") == Some(ACCEPT),
            case.0 != "another key",
            "{}",
            case.0
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_handshakes_are_refused_with_the_version() {
    let server = TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    for case in REFUSED {
        let mut wire = Wire::connect(&server.base).await;
        wire.say(changed(&server.base, *case)).await;
        let head = wire.head().await;
        assert_eq!(
            (head.status, head.header("sec-websocket-version")),
            (400, Some("13")),
            "{}",
            case.0
        );
    }
    for method in ["POST", "PUT", "DELETE"] {
        let mut wire = Wire::connect(&server.base).await;
        wire.say(upgrade(host(&server.base)).replacen("GET", method, 1))
            .await;
        assert_eq!(wire.head().await.status, 405, "{method}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_no_http_are_refused() {
    let server = TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    for case in NOT_HTTP {
        let mut wire = Wire::connect(&server.base).await;
        wire.say(changed(&server.base, *case)).await;
        let status = wire.head().await.status;
        assert!(
            (400..=505).contains(&status) && status != 404 && status != 500,
            "{}: {status}",
            case.0
        );
    }
    // Not of sockets alone.
    for (head, status) in [
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        ("GET /healthz HTTP/1.0\r\n\r\n", 200),
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET /healthz HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ] {
        let mut wire = Wire::connect(&server.base).await;
        wire.say(head).await;
        assert_eq!(wire.head().await.status, status, "{head}");
    }
    server.stop().await;
}

/// What a page of this origin is answered.
async fn asked_from(base: &str, origins: &[&str]) -> u16 {
    let mut wire = Wire::connect(base).await;
    let lines: Vec<String> = origins
        .iter()
        .map(|origin| format!("Origin: {origin}\r\n"))
        .collect();
    let lines = lines.concat();
    wire.say(upgrade(host(base)).replacen(CONNECTION, &format!("{lines}{CONNECTION}"), 1))
        .await;
    wire.head().await.status
}

async fn pages_of_other_origins_open_no_socket(server: TestServer) {
    let base = &server.base;
    let own = format!("http://{}", host(base));
    assert_eq!(asked_from(base, &[]).await, 101, "native clients say none");
    assert_eq!(asked_from(base, &[&own]).await, 101);
    let elsewhere = [
        "null",
        "",
        "http://evil.example",
        "http://127.0.0.1:1",
        "http://127.0.0.1",
        "https://chat.example",
        "*",
        "file://",
    ];
    for origin in elsewhere {
        assert_eq!(asked_from(base, &[origin]).await, 403, "{origin:?}");
    }
    assert_eq!(
        asked_from(base, &[&own, &own]).await,
        403,
        "a page says it once"
    );
    assert_eq!(
        asked_from(base, &[&format!("{own}.evil.example")]).await,
        403
    );
    server.stop().await;
}

async fn a_listed_origin_opens_a_socket(server: TestServer) {
    assert_eq!(
        asked_from(&server.base, &["https://chat.example"]).await,
        101
    );
    for origin in [
        "http://chat.example",
        "https://chat.example:8443",
        "https://www.chat.example",
        "null",
    ] {
        assert_eq!(asked_from(&server.base, &[origin]).await, 403, "{origin}");
    }
    server.stop().await;
}
