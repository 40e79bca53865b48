//! Clients that read nothing at all, at every place where the server waits for them.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{net::TcpSocket, time::timeout};

use crate::{
    harness::{TestServer, TestUser},
    rfc6455::wire::{Frame, TEXT, Wire, frame, host, upgrade},
    sockets::{Person, pair},
};

scenarios! {
    // As much as the kernel's buffers take may have to wait.
    @with &[("TEBDIL_WS__SEND_TIMEOUT_S", "1"), ("TEBDIL_MESSAGES__UNDELIVERED_BYTES", "1073741824")];
    who_reads_no_replay_is_cut_off,
    who_reads_no_answer_to_sync_is_cut_off,
    who_reads_again_is_told_why,
}

mod closed {
    use super::who_is_closed_has_one_grace_for_all_that_waits;

    scenarios! {
        @with &[
            ("TEBDIL_WS__SEND_TIMEOUT_S", "30"), ("TEBDIL_WS__OUTBOUND_BYTES", "67108864"),
            ("TEBDIL_MESSAGES__UNDELIVERED_BYTES", "1073741824"),
        ];
        who_is_closed_has_one_grace_for_all_that_waits,
    }
}

/// Messages of the replay, and bytes of each: more than the kernel takes for a client whose window
/// is shut.
const MESSAGES: i64 = 200;
const SIZE: usize = 16_000;

/// A match in which the second has not seen `MESSAGES` messages of the first, and is gone.
async fn missed(server: &TestServer) -> (Person, TestUser, String) {
    let (mut a, b, id) = pair(server).await;
    let user = b.user;
    drop(b.socket);
    for seq in 1..=MESSAGES {
        assert_eq!(a.say(&id, seq, &"x".repeat(SIZE)).await["seq"], seq);
    }
    (a, user, id)
}

/// A socket with a small window, past any proxy: what that would buffer is another matter.
async fn narrow(server: &TestServer) -> Wire {
    let base = server.node_url(0);
    let address: SocketAddr = host(base).parse().expect("an address");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small one");
    let mut wire = Wire::from(socket.connect(address).await.expect("a connection"));
    wire.say(upgrade(host(base))).await;
    assert_eq!(wire.head().await.status, 101);
    wire
}

async fn hello(wire: &mut Wire, user: &TestUser, id: &str, peer_seq: i64) {
    let hello = json!({ "type": "hello", "token": user.access, "resume": [{ "match_id": id, "peer_seq": peer_seq }] });
    wire.say(frame(TEXT, hello.to_string().as_bytes())).await;
}

/// Reads everything that was missed, acknowledges nothing, asks for it again, and reads no more.
async fn asks_again(wire: &mut Wire, user: &TestUser, id: &str) {
    hello(wire, user, id, 0).await;
    let last = json!(MESSAGES);
    loop {
        let frame = wire.next().await.expect("a frame");
        let value: serde_json::Value = serde_json::from_slice(&frame.payload).expect("JSON");
        if value["seq"] == last {
            break;
        }
    }
    sync(wire, id).await;
}

async fn sync(wire: &mut Wire, id: &str) {
    wire.say(frame(
        TEXT,
        json!({ "type": "message.sync", "match_id": id, "peer_seq": 0 })
            .to_string()
            .as_bytes(),
    ))
    .await;
}

/// Waits until no connection of the user is open any more; whether it is still being closed does
/// not matter.
async fn given_up(server: &TestServer, user: &TestUser) {
    let user = user.id.parse().expect("an id");
    let over = async {
        while server.has_open_connection(user) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(30), over)
        .await
        .expect("it is given up");
}

async fn gone(server: &TestServer, user: &TestUser) {
    let user = user.id.parse().expect("an id");
    let over = async {
        while server.is_online(user) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(30), over)
        .await
        .expect("it is gone");
}

async fn says_the_next(a: &mut Person, id: &str) {
    let next = MESSAGES + 1;
    assert_eq!(a.say(id, next, "still here").await["seq"], next);
}

/// Nobody else notices, and nothing of it is left.
async fn others_go_on(server: TestServer, mut a: Person, id: &str) {
    says_the_next(&mut a, id).await;
    let numbers = server
        .send(server.request_to(&server.metrics, reqwest::Method::GET, "/metrics", None))
        .await;
    let shown = numbers
        .body
        .as_str()
        .expect("text")
        .contains("tebdil_slow_consumers_total{outcome=\"reset\"}");
    assert!(shown, "it can be seen: {}", numbers.body);
    server.stop().await;
}

async fn who_reads_no_replay_is_cut_off(server: TestServer) {
    let (a, user, id) = missed(&server).await;
    let mut wire = narrow(&server).await;
    hello(&mut wire, &user, &id, 0).await;
    // Not a byte is read.
    welcomed(&server, &user).await;
    gone(&server, &user).await;
    assert!(wire.ends_in_reset().await);
    others_go_on(server, a, &id).await;
}

async fn welcomed(server: &TestServer, user: &TestUser) {
    let id = user.id.parse().expect("an id");
    let there = async {
        while !server.is_online(id) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(30), there)
        .await
        .expect("it is welcomed");
}

async fn who_reads_no_answer_to_sync_is_cut_off(server: TestServer) {
    let (a, user, id) = missed(&server).await;
    let mut wire = narrow(&server).await;
    asks_again(&mut wire, &user, &id).await;
    gone(&server, &user).await;
    assert!(wire.ends_in_reset().await);
    others_go_on(server, a, &id).await;
}

fn is(frame: &Frame, kind: &str) -> bool {
    let value: serde_json::Value = serde_json::from_slice(&frame.payload).expect("JSON");
    value["type"] == kind
}

async fn who_reads_again_is_told_why(server: TestServer) {
    let (mut a, user, id) = missed(&server).await;
    for reads_first in [false, true] {
        let mut wire = narrow(&server).await;
        if reads_first {
            asks_again(&mut wire, &user, &id).await;
        } else {
            hello(&mut wire, &user, &id, 0).await;
        }
        welcomed(&server, &user).await;
        given_up(&server, &user).await;
        assert_eq!(wire.closed().await.code(), Some(4030));
        gone(&server, &user).await;
    }
    says_the_next(&mut a, &id).await;
    server.stop().await;
}

async fn who_is_closed_has_one_grace_for_all_that_waits(server: TestServer) {
    let (mut a, b, id) = pair(&server).await;
    let user = b.user;
    drop(b.socket);
    let mut wire = narrow(&server).await;
    hello(&mut wire, &user, &id, 0).await;
    assert!(is(&wire.next().await.expect("welcome"), "welcome"));
    // Twice what the kernel takes: the other half waits in the queue.
    for seq in 1..=2 * MESSAGES {
        assert_eq!(a.say(&id, seq, &"x".repeat(SIZE)).await["seq"], seq);
    }
    server
        .post("/v1/auth/logout", &user.access, &json!({}))
        .await
        .expect(204);
    let closed = Instant::now();
    // Each frame is taken in time; all of them would take more than half a minute.
    tokio::join!(
        wire.sip(2 * SIZE, Duration::from_millis(100)),
        gone(&server, &user)
    );
    assert!(
        closed.elapsed() < Duration::from_secs(20),
        "{:?}",
        closed.elapsed()
    );
    server.stop().await;
}
