//! A node that ends in good order.

use std::time::Duration;

use serde_json::json;
use tebdil_core::testing::{Backend, TestDatabase};
use tokio::time::Instant;

use super::{Nodes, people::pair_at};
use crate::{
    services::PrivateRedis,
    sockets::{connect_to, eventually},
};

/// Pairs of people, one side at the node that leaves.
const PAIRS: u32 = 15;

/// A peer hears of a socket that was closed within this.
const HEARD: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_says_goodbye_is_gone_quickly_and_quietly() {
    let Some(database) = TestDatabase::create(Backend::Postgres).await else {
        return;
    };
    let Some(redis) = PrivateRedis::start().await else {
        return;
    };
    let Some(mut nodes) = Nodes::start(2, database.url(), &redis.url(redis.port()), &[]).await
    else {
        return;
    };
    let (one, two) = (nodes.url(0).to_owned(), nodes.url(1).to_owned());
    let mut pairs = Vec::new();
    for number in 0..PAIRS {
        pairs.push(pair_at([&one, &two], number).await);
    }
    let caught_up = async |nodes: &Nodes| nodes.number(1, "tebdil_catch_ups_total").await;
    let before = caught_up(&nodes).await;

    let began = Instant::now();
    let (code, heard) = tokio::join!(nodes.cluster.node_mut(0).terminate(), async {
        let mut heard = Vec::new();
        for (goes, stays, id) in &mut pairs {
            goes.until("draining").await;
            let told = Instant::now();
            goes.socket.recv_close().await.expect("a close");
            let presence =
                |online: bool| json!({"type": "peer.presence", "match_id": id, "online": online});
            assert_eq!(stays.until("peer.presence").await, presence(false));
            heard.push(told.elapsed());
            goes.socket = connect_to(&two, &goes.user).await;
            assert_eq!(stays.until("peer.presence").await, presence(true));
        }
        heard
    });
    assert_eq!(code, Some(0));
    let slowest = heard.iter().max().expect("pairs");
    assert!(*slowest < HEARD, "{heard:?}");
    println!(
        "gone after {:?}; peers heard of it within {slowest:?}",
        began.elapsed()
    );

    // They were told what there is to be told, and nobody was brought up to date for a loss that
    // was none.
    eventually("the goodbye is heard", async || {
        nodes.cluster.node(0).readyz().await.is_none()
    })
    .await;
    for (goes, stays, id) in &mut pairs {
        assert_eq!(
            goes.say(id, 1, "here again").await["type"],
            "message.accepted"
        );
        assert_eq!(stays.until("message.new").await["seq"], 1);
        stays.hears_no("peer.presence").await;
    }
    let needless = caught_up(&nodes).await - before;
    assert!(
        needless < 1.0,
        "{needless} connections were brought up to date"
    );

    // A node that dies cannot say that nothing was lost.
    nodes.cluster.node_mut(0).restart().await;
    let (mut dies, mut lives, id) = pair_at([&one, &two], PAIRS).await;
    nodes.cluster.node_mut(0).kill().await;
    let offline = json!({"type": "peer.presence", "match_id": id, "online": false});
    while lives.until("peer.presence").await != offline {}
    dies.socket = connect_to(&two, &dies.user).await;
    eventually("everybody is brought up to date", async || {
        caught_up(&nodes).await - before > f64::from(PAIRS)
    })
    .await;
}
