//! kill −9 under load: what was accepted arrives once and in order.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;
use tebdil_client::raw::RawSocket;
use tebdil_core::testing::Backend;

use crate::{
    load::{Load, Pair},
    outages::people::pair_at,
    process::ServerProcess,
    sockets::{Person, connect_to, eventually},
};

/// Pairs that write to each other, both ways.
const PAIRS: u32 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_lose_and_double_nothing_on_sqlite() {
    kills(Backend::Sqlite, 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_and_double_nothing_on_postgresql() {
    kills(Backend::Postgres, 15).await;
}

async fn kills(backend: Backend, kills: u32) {
    // The longest allowance would end in the middle; hashing and limits are not what is tested.
    let Some(mut server) = ServerProcess::start(backend, &[]).await else {
        return;
    };
    let mut pairs = Vec::new();
    for number in 0..PAIRS {
        pairs.push(Pair::meet([&server.url; 2], number).await);
    }
    let load = Load::start(pairs, Duration::ZERO);

    let mut rng = StdRng::seed_from_u64(7);
    for _ in 0..kills {
        // A random point of the load; the load is what is killed, not the pause.
        tokio::time::sleep(Duration::from_millis(rng.random_range(20..250))).await;
        server.kill().await;
        server.restart().await;
    }
    let (_, total) = load.finish().await;
    assert!(
        total > usize::try_from(kills).expect("few"),
        "there was a load: {total} messages"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_away_gets_all_of_it_after_kills_on_sqlite() {
    who_is_away_gets_all_of_it_after_kills(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_away_gets_all_of_it_after_kills_on_postgresql() {
    who_is_away_gets_all_of_it_after_kills(Backend::Postgres).await;
}

/// Kills the server, and connects these again; the second has what came up to this number.
async fn killed(server: &mut ServerProcess, [a, b]: [&mut Person; 2], id: &str, has: i64) {
    server.kill().await;
    server.restart().await;
    a.socket = connect_to(&server.url, &a.user).await;
    b.socket = RawSocket::open(&server.url).await.expect("a socket");
    let resume = json!([{ "match_id": id, "peer_seq": has }]);
    b.send(json!({ "type": "hello", "token": b.user.access, "resume": resume }))
        .await;
    b.until("welcome").await;
}

async fn who_is_away_gets_all_of_it_after_kills(backend: Backend) {
    const SAID: i64 = 100;
    const HALF: i64 = SAID / 2;
    let Some(mut server) = ServerProcess::start(backend, &[]).await else {
        return;
    };
    let (mut a, mut b, id) = pair_at([&server.url; 2], 1).await;
    b.socket.close().await.expect("closed");
    while a.until("peer.presence").await["online"] != false {}
    a.count(&id, 1..=SAID).await;

    // What is acknowledged of it does not come again, and nothing else is lost.
    for (arrived, acknowledged) in [(0, HALF), (HALF, SAID)] {
        killed(&mut server, [&mut a, &mut b], &id, arrived).await;
        b.hears_count(&id, arrived + 1..=SAID).await;
        b.acknowledge(&id, acknowledged).await;
        while a.until("message.delivered").await["seq"] != acknowledged {}
    }
    killed(&mut server, [&mut a, &mut b], &id, SAID).await;
    b.hears_no("message.new").await;
    // And what a kill made of its acknowledgements is made good.
    let waiting = async || server.count("SELECT COUNT(*) FROM messages").await == 0;
    eventually("what arrived is gone", waiting).await;
    // What the sender repeats was stored before, and the next number is the next.
    assert_eq!(a.say(&id, SAID, "again").await["type"], "message.accepted");
    let next = SAID + 1;
    assert_eq!(a.say(&id, next, "next").await["seq"], next);
    assert_eq!(b.until("message.new").await["seq"], next);
    let logged = server.count("SELECT COUNT(*) FROM message_logs").await;
    assert_eq!(logged, next);
    assert_eq!(server.terminate().await, Some(0));
}
