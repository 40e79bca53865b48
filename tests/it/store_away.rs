//! A database that goes away while connections come, go and have to be brought up to date.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use serde_json::json;
use sqlx::{Connection as _, SqliteConnection};
use tebdil_client::raw::RawSocket;
use tebdil_core::testing::Backend;
use tebdil_protocol::CloseCode;

use crate::{
    harness::TestServer,
    services::PrivatePostgres,
    sockets::{eventually, message, pair},
};

/// Longer than anybody waits for a connection to the database.
const LONG: Duration = Duration::from_secs(7);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_meanwhile_is_announced_and_who_stays_may_stay() {
    let Some(mut postgres) = PrivatePostgres::start().await else {
        return;
    };
    let url = postgres.url(postgres.port());
    let server = TestServer::start(Backend::Sqlite, &[("TEBDIL_DATABASE__URL", &url)])
        .await
        .expect("no other service is needed");
    let (mut stays, goes, _) = pair(&server).await;
    let (mut behind, mut peer, id) = pair(&server).await;
    postgres.stop().await;
    drop(goes.socket);
    eventually("it is gone", async || server.connection_count() == 3).await;
    server
        .app
        .hub
        .is_behind(behind.user.id.parse().expect("an id"));
    tokio::time::sleep(LONG).await;
    postgres.restart().await;
    while stays.until("peer.presence").await["online"] != false {}
    assert_eq!(
        behind.say(&id, 1, "still here").await["type"],
        "message.accepted"
    );
    assert_eq!(peer.until("message.new").await["seq"], 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_behind_a_refused_message_does_not_overtake_it() {
    let server = TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("no service is needed");
    let (mut a, mut b, id) = pair(&server).await;
    let mut other = SqliteConnection::connect(server.app.config.database_url().expose())
        .await
        .expect("a connection");
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .expect("the write lock");
    let said = [(1, "one"), (2, "two")].map(|(seq, text)| message(&id, seq, text));
    a.send(said[0].clone()).await;
    // The first is being written by now, and the second waits behind it.
    tokio::time::sleep(Duration::from_millis(500)).await;
    a.send(said[1].clone()).await;
    let refused = a.until("error").await;
    sqlx::query("COMMIT")
        .execute(&mut other)
        .await
        .expect("the lock is given back");
    assert_eq!(
        (&refused["code"], &refused["re"]),
        (&json!("unavailable"), &json!(1))
    );
    let refused = a.until("error").await;
    assert_eq!(
        (&refused["code"], &refused["re"], &refused["expected_seq"]),
        (&json!("out_of_order"), &json!(2), &json!(1))
    );
    for (said, seq) in said.into_iter().zip(1..) {
        assert_eq!(a.ask(said.clone()).await["seq"], seq);
        let heard = b.until("message.new").await;
        assert_eq!(
            (&heard["seq"], &heard["ciphertext"]),
            (&seq.into(), &said["ciphertext"])
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_queued_behind_a_full_side_does_not_overtake_it() {
    const ROOM: i64 = 16;
    // More than the writer takes at a time.
    const EACH: usize = 400;
    let server = TestServer::start(Backend::Sqlite, &[("TEBDIL_MESSAGES__UNDELIVERED", "16")])
        .await
        .expect("no service is needed");
    let (mut a, mut b, id) = pair(&server).await;
    for seq in 1..=ROOM {
        assert_eq!(a.say(&id, seq, "there is room").await["seq"], seq);
    }
    let queued = json!({ "type": "message.sync", "match_id": "1", "peer_seq": 0 });
    let said: Vec<_> = (ROOM + 1..)
        .take(2 * EACH)
        .map(|seq| message(&id, seq, "more"))
        .collect();
    let mut other = SqliteConnection::connect(server.app.config.database_url().expose())
        .await
        .expect("a connection");
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .expect("the write lock");
    // The first is being written from now on. Room is made while it waits, but it will not have had
    // any.
    for said in &said[..EACH] {
        a.send(said.clone()).await;
    }
    a.ask(queued.clone()).await;
    b.acknowledge(&id, ROOM).await;
    b.ask(queued.clone()).await;
    for said in &said[EACH..] {
        a.send(said.clone()).await;
    }
    a.ask(queued).await;
    sqlx::query("COMMIT")
        .execute(&mut other)
        .await
        .expect("the lock is given back");
    let refused = a.until("error").await;
    assert_eq!(
        (&refused["code"], &refused["re"]),
        (&json!("too_many_undelivered"), &said[0]["id"])
    );
    for said in &said[1..] {
        let refused = a.until("error").await;
        assert_eq!(
            (&refused["code"], &refused["re"], &refused["expected_seq"]),
            (&json!("out_of_order"), &said["id"], &json!(ROOM + 1))
        );
    }
    for said in &said[..2] {
        assert_eq!(a.ask(said.clone()).await["seq"], said["seq"]);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_hello_meanwhile_hears_when_to_come_back() {
    let Some(mut postgres) = PrivatePostgres::start().await else {
        return;
    };
    let url = postgres.url(postgres.port());
    let server = TestServer::start(Backend::Sqlite, &[("TEBDIL_DATABASE__URL", &url)])
        .await
        .expect("no other service is needed");
    let user = server.register("ayse").await;
    let hello = json!({ "type": "hello", "id": 7, "token": user.access });
    postgres.stop().await;
    let sent_away = join_all((0..8).map(async |_| {
        let mut socket = RawSocket::open(&server.base).await.expect("a socket");
        socket.send_json(&hello).await.expect("sent");
        let error = socket.recv_json().await.expect("told why");
        assert_eq!(
            (&error["code"], &error["re"]),
            (&json!("unavailable"), &json!(7))
        );
        assert_eq!(
            socket.recv_close_code().await.expect("a close"),
            Some(CloseCode::Draining)
        );
        error["retry_after_ms"].as_u64().expect("a time")
    }));
    let waits: BTreeSet<u64> = sent_away.await.into_iter().collect();
    assert!(
        waits.len() > 1 && waits.iter().all(|wait| (100..=2_000).contains(wait)),
        "each another: {waits:?}"
    );
    postgres.restart().await;
    server.stop().await;
}
