//! People who are away are woken: by the node that has something for them, or by the job that finds
//! what a node left.

use std::time::Duration;

use serde_json::{Value, json};
use tebdil_client::raw::RawSocket;
use tebdil_core::testing::Backend;
use tebdil_protocol::Secret;

use crate::{
    harness::TestServer,
    process::ServerProcess,
    sockets::{Person, eventually, message, pair},
};

scenarios! {
    // Nobody takes the orders away.
    @with &[("TEBDIL_WORKERS__ENABLED", "false")];
    a_chatty_peer_makes_one_push_until_the_receiver_was_back,
    who_is_connected_is_not_woken,
    who_went_while_it_was_matched_is_told,
}

/// Orders to wake somebody for messages. Who goes within a second of its match may be told of that
/// as well, which is another order.
async fn ordered(server: &TestServer) -> i64 {
    let messages = "SELECT (SELECT COUNT(*) FROM job WHERE queue = 'push') \
         - (SELECT COUNT(*) FROM notifications WHERE code = 'match_found')";
    server.count(messages).await
}

async fn leaves(server: &TestServer, person: Person, peer: &mut Person) -> Person {
    let Person { user, socket } = person;
    drop(socket);
    let id = user.id.parse().expect("an id");
    eventually("it has left", async || !server.is_online(id)).await;
    while peer.until("peer.presence").await["online"] != false {}
    Person {
        socket: RawSocket::open(&server.base)
            .await
            .expect("a socket that says nothing"),
        user,
    }
}

fn handshake(match_id: &str) -> Value {
    let mut frame = message(match_id, 1, "keys");
    frame["kind"] = json!("handshake");
    frame
}

/// Messages of somebody else to somebody who is away go the same way, so that what was said before
/// is through when they are.
async fn another_is_woken(server: &TestServer, before: i64) {
    let (mut a, b, id) = pair(server).await;
    let b = leaves(server, b, &mut a).await;
    a.say(&id, 1, "hello").await;
    eventually("another is woken", async || ordered(server).await > before).await;
    drop(b);
    assert_eq!(ordered(server).await, before + 1);
    a.ask(json!({"type": "match.leave", "match_id": id})).await;
}

async fn a_chatty_peer_makes_one_push_until_the_receiver_was_back(server: TestServer) {
    let (mut a, b, id) = pair(&server).await;
    let mut b = leaves(&server, b, &mut a).await;
    assert_eq!(a.ask(handshake(&id)).await["type"], "message.accepted");
    another_is_woken(&server, 0).await;

    for seq in 2..=51 {
        assert_eq!(a.say(&id, seq, "hello").await["type"], "message.accepted");
        if seq == 12 {
            eventually("b is woken", async || ordered(&server).await == 2).await;
        }
    }
    another_is_woken(&server, 2).await;

    // It comes back, takes them, and goes again.
    b.reconnect(&server).await;
    while b.until("message.new").await["seq"] != 51 {}
    b.send(json!({"type": "message.ack", "match_id": id, "seq": 51}))
        .await;
    a.until("message.delivered").await;
    let b = leaves(&server, b, &mut a).await;
    another_is_woken(&server, 3).await;
    a.say(&id, 52, "are you there?").await;
    eventually("b is woken again", async || ordered(&server).await == 5).await;
    drop(b);
    server.stop().await;
}

async fn who_is_connected_is_not_woken(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    // Not acknowledged; it is at another node in a cluster, half of the time.
    a.say(&id, 1, "hello").await;
    b.until("message.new").await;
    another_is_woken(&server, 0).await;
    server.clock.advance(Duration::from_mins(1));
    server.run_due_jobs().await;
    let waiting =
        format!("SELECT COUNT(*) FROM match_sides WHERE pushed_at IS NOT NULL AND match_id = {id}");
    assert_eq!(server.count(&waiting).await, 0);
    server.stop().await;
}

async fn who_went_while_it_was_matched_is_told(server: TestServer) {
    let (mut a, mut b) = (
        Person::new(&server, "ayse").await,
        Person::new(&server, "berk").await,
    );
    let held = server.hold_matches().await;
    a.find().await;
    b.send(json!({"type": "match.find", "mode": "text"})).await;
    eventually("their match is being made", async || {
        server.searches().await.reserved > 0
    })
    .await;
    let Person { user: b, socket } = b;
    drop(socket);
    let gone = b.id.parse().expect("an id");
    eventually("b has left", async || !server.is_online(gone)).await;
    drop(held);

    let id = a.found().await;
    let told = async || {
        server.get("/v1/notifications", &b.access).await.expect(200)["items"]
            .as_array()
            .expect("a list")
            .clone()
    };
    eventually("b is told", async || !told().await.is_empty()).await;
    assert_eq!(
        told().await[0]["data"],
        json!({"code": "match_found", "match_id": id})
    );
    let pushed = "SELECT COUNT(*) FROM job WHERE queue = 'push'";
    assert_eq!(server.count(pushed).await, 1);
    a.hears_no("notification").await;
    assert_eq!(
        server
            .get("/v1/notifications", &a.user.access)
            .await
            .expect(200)["items"],
        json!([]),
        "who was there is not told"
    );
    server.stop().await;
}

/// A user of a process, and its socket.
async fn person(server: &ServerProcess, number: u32) -> (String, RawSocket) {
    let body = TestServer::registration(&format!("+90530{number:07}"), "ayse");
    let http = crate::http::client();
    let answer = http
        .post(format!("{}/v1/auth/register", server.url))
        .json(&body)
        .send()
        .await
        .expect("an answer");
    let tokens: Value = answer.json().await.expect("JSON");
    let access = tokens["tokens"]["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let keys = json!({"packages": ["AAAA", "AAAB"], "last_resort": "AAAC"});
    let put = http
        .put(format!("{}/v1/keys", server.url))
        .bearer_auth(&access)
        .json(&keys)
        .send()
        .await
        .expect("an answer");
    assert_eq!(put.status(), 200);
    let (socket, _) = RawSocket::hello(&server.url, &Secret::from(access.as_str()))
        .await
        .expect("a socket");
    (access, socket)
}

async fn until(socket: &mut RawSocket, kind: &str) -> Value {
    loop {
        let frame = socket.recv_json().await.expect("a frame");
        if frame["type"] == kind {
            return frame;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wake_up_that_a_kill_swallowed_is_made_up_for_on_sqlite() {
    a_kill_swallows_a_wake_up(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wake_up_that_a_kill_swallowed_is_made_up_for_on_postgresql() {
    a_kill_swallows_a_wake_up(Backend::Postgres).await;
}

const WOKEN: &str = "SELECT COUNT(*) FROM match_sides WHERE pushed_at IS NOT NULL";

async fn a_kill_swallows_a_wake_up(backend: Backend) {
    let Some(mut server) = ServerProcess::start(
        backend,
        &[
            ("TEBDIL_CLOCK__UNSAFE_ALLOW_OFFSET", "true"),
            ("TEBDIL_CLOCK__MAX_SKEW_S", "0"),
        ],
    )
    .await
    else {
        return;
    };
    let ((_, mut a), (_, mut b)) = (person(&server, 1).await, person(&server, 2).await);
    for socket in [&mut a, &mut b] {
        socket
            .send_json(&json!({"type": "match.find", "mode": "text"}))
            .await
            .expect("sent");
    }
    let id = until(&mut a, "match.found").await["match"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    drop(b);
    while until(&mut a, "peer.presence").await["online"] != false {}
    a.send_json(&message(&id, 1, "hello")).await.expect("sent");
    until(&mut a, "message.accepted").await;
    // Within the second in which the node gathers those to wake.
    server.kill().await;
    assert_eq!(
        server.count(WOKEN).await,
        0,
        "killed before it ordered anything"
    );
    server.set("TEBDIL_CLOCK__OFFSET_S", "61");
    server.restart().await;
    eventually("it is made up for", async || server.count(WOKEN).await == 1).await;
    assert_eq!(server.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announcement_survives_kills_on_sqlite() {
    kills_during_an_announcement(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announcement_survives_kills_on_postgresql() {
    kills_during_an_announcement(Backend::Postgres).await;
}

/// Users of the announcement; some tens of batches.
const READERS: i64 = 20_000;

async fn kills_during_an_announcement(backend: Backend) {
    let Some(mut server) = ServerProcess::start(
        backend,
        &[
            ("TEBDIL_CLOCK__UNSAFE_ALLOW_OFFSET", "true"),
            ("TEBDIL_CLOCK__MAX_SKEW_S", "0"),
        ],
    )
    .await
    else {
        return;
    };
    let (admin, socket) = person(&server, 1).await;
    drop(socket);
    server
        .count("UPDATE users SET role = 'admin' RETURNING CAST(1 AS BIGINT)")
        .await;
    let blob = if backend == Backend::Sqlite {
        "CAST(n AS BLOB)"
    } else {
        "CAST(CAST(n AS TEXT) AS BYTEA)"
    };
    let columns = "password_hash, alias, tag, birth_year, locale, terms_version, terms_accepted_at, created_at, last_active";
    server
        .count(&format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {READERS}) \
             INSERT INTO users (id, phone_index, phone_ciphertext, phone_key_id, alias_key, invite_code, {columns}) \
             SELECT n, {blob}, {blob}, 'k', 'reader' || n, 'code' || n, {columns} FROM users, numbers WHERE role = 'admin' RETURNING CAST(1 AS BIGINT)"
        ))
        .await;
    let text = json!({"tr": "Merhaba.", "en": "Hello."});
    let announcements = format!("{}/v1/admin/announcements", server.url);
    let made = crate::http::client()
        .post(announcements)
        .bearer_auth(&admin)
        .json(&text)
        .send()
        .await
        .expect("an answer");
    assert_eq!(made.status(), 201);

    let told = async |server: &ServerProcess| server.count("SELECT told FROM announcements").await;
    let mut killed_at = vec![0];
    for minute in 1..=3 {
        let before = *killed_at.last().expect("one");
        eventually("it goes on", async || told(&server).await > before).await;
        server.kill().await;
        killed_at.push(told(&server).await);
        server.set("TEBDIL_CLOCK__OFFSET_S", &(61 * minute).to_string());
        server.restart().await;
    }
    assert!(
        killed_at[1] < READERS,
        "killed in the middle: {killed_at:?}"
    );
    let finished = "SELECT COUNT(*) FROM announcements WHERE finished_at IS NOT NULL";
    let done = async {
        while server.count(finished).await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), done)
        .await
        .expect("it comes to its end");
    assert_eq!(told(&server).await, READERS + 1);
    assert_eq!(
        server.count("SELECT COUNT(*) FROM notifications").await,
        READERS + 1
    );
    assert_eq!(
        server
            .count("SELECT COUNT(DISTINCT user_id) FROM notifications")
            .await,
        READERS + 1
    );
    assert_eq!(server.terminate().await, Some(0));
}
