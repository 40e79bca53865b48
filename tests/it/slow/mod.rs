//! A client that stops reading, and what many idle ones cost.

mod stuck;

use std::time::Duration;

use serde_json::json;
use tebdil_client::raw::RawSocket;
use tebdil_core::testing::{Backend, TestDatabase};
use tebdil_protocol::{CloseCode, Secret};

use crate::{
    harness::TestServer,
    process::{KEYS, ServerProcess},
    sockets::{message, pair},
    tokens::tokens_of,
};

scenarios! {
    // As much as the kernel's buffers take may have to wait.
    @with &[("TEBDIL_MESSAGES__UNDELIVERED", "100000"), ("TEBDIL_MESSAGES__UNDELIVERED_BYTES", "1073741824")];
    a_client_that_stops_reading_is_closed,
}

/// Connections of the memory test.
const IDLE: usize = 5_000;

async fn a_client_that_stops_reading_is_closed(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let text = "x".repeat(12_000);
    // b reads nothing from here on: the kernel's buffers fill, then the queue of 1 MiB.
    let user = b.user.id.parse().expect("an id");
    let mut sent = 0;
    while server.has_open_connection(user) {
        sent += 1;
        a.send(message(&id, sent, &text)).await;
        assert_eq!(
            a.until("message.accepted").await["seq"],
            sent,
            "the peer goes on undisturbed"
        );
        assert!(sent < 5_000, "the queue has a bound");
    }
    assert_eq!(
        b.socket.recv_close_code().await.expect("a close"),
        Some(CloseCode::SlowConsumer)
    );
    let last = sent + 1;
    assert_eq!(a.say(&id, last, "still here").await["seq"], last);

    b.reconnect(&server).await;
    for expected in 1..=last {
        assert_eq!(
            b.until("message.new").await["seq"],
            expected,
            "nothing is lost"
        );
    }
    b.acknowledge(&id, last).await;
    while a.until("message.delivered").await["seq"] != last {}
    server.stop().await;
}

/// 5,000 signed-in connections that do nothing cost less than 11 KiB of resident memory each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_are_small() {
    rlimit::increase_nofile_limit(u64::MAX).expect("the limit can be read");
    let database = TestDatabase::create(Backend::Sqlite)
        .await
        .expect("SQLite is always there");
    // Nobody answers pings here: with the usual heartbeat a slow machine would measure connections
    // that are closed already.
    let own = [
        ("TEBDIL_DATABASE__URL", database.url()),
        ("TEBDIL_WS__HEARTBEAT_S", "300"),
    ];
    let mut server = ServerProcess::on(&[&own[..], &KEYS].concat());
    server.restart().await;
    let tokens = tokens_of(IDLE, database.url()).await;
    let (warm, rest) = tokens.split_at(100);
    // The first pay for what is allocated once.
    let mut sockets = connect(&server.url, warm).await;
    let before = server.rss_kib();
    sockets.extend(connect(&server.url, rest).await);
    let after = server.rss_kib();
    let each = after.saturating_sub(before) * 1024 / u64::try_from(rest.len()).expect("few");
    println!("{} idle connections: {each} bytes each", sockets.len());
    assert!(each < 11 * 1024, "{each} bytes a connection");
    for socket in &mut sockets {
        socket
            .send_json(&json!({"type": "match.cancel", "id": "there"}))
            .await
            .expect("sent");
        while socket
            .recv_json()
            .await
            .expect("the connection was open all the time")["re"]
            != "there"
        {}
    }
}

async fn connect(url: &str, tokens: &[Secret]) -> Vec<RawSocket> {
    let mut sockets = Vec::with_capacity(tokens.len());
    for token in tokens {
        let hello =
            tokio::time::timeout(Duration::from_secs(10), RawSocket::hello(url, token)).await;
        sockets.push(hello.expect("in time").expect("welcome").0);
    }
    sockets
}
