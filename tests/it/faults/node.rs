//! A node is killed: whoever was there goes on elsewhere, and those who do not come back are said
//! to be offline.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::Instant;

use super::{Site, hears, talk};
use crate::{
    load::{Load, Pair, join},
    sockets::connect_to,
};

/// Far above what a device takes to be back on a machine that does much else.
const BACK: Duration = Duration::from_secs(15);

/// In which peers hear of somebody who is gone.
const HEARTBEAT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_of_a_killed_node_go_on_at_the_other() {
    let Some(mut site) = Site::start(2).await else {
        return;
    };
    let url = site.cluster.url();
    // Where the proxy sends the one who will lose its node shows in who has a connection more.
    let before = site
        .metric(0, "tebdil_connections")
        .await
        .unwrap_or_default();
    let guest = join(&url, 0).await;
    let node = loop {
        let [first, second] = [
            site.metric(0, "tebdil_connections").await,
            site.metric(1, "tebdil_connections").await,
        ];
        if first.unwrap_or_default() > before {
            break 0;
        }
        if second.unwrap_or_default() > 0.0 {
            break 1;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let other = 1 - node;
    let host = join(site.at(other), 1).await;
    let pair = Pair::of([guest, host]).await;
    let (mut a, mut b, id) = site.pair([node, other]).await;
    talk(&mut a, &mut b, &id, [1, 1]).await;

    let load = Load::start([pair], Duration::from_millis(50));
    load.goes_on(0, 50).await;
    let killed = Instant::now();
    site.cluster.node_mut(node).kill().await;

    a.socket = connect_to(&url, &a.user).await;
    let raw = killed.elapsed();
    hears(&mut b, false, BACK).await;
    hears(&mut b, true, BACK).await;
    let told = killed.elapsed();
    talk(&mut a, &mut b, &id, [2, 2]).await;
    load.goes_on(0, 50).await;

    let (sides, total) = load.finish().await;
    let [of_guest, of_host] = &sides[..] else {
        panic!("two sides")
    };
    let resumed = of_guest
        .connected
        .iter()
        .find(|at| **at > killed)
        .expect("it came back")
        .duration_since(killed);
    let words: Vec<bool> = of_host
        .presence
        .iter()
        .filter(|(at, _)| *at > killed)
        .map(|(_, online)| *online)
        .collect();
    assert_eq!(
        (words.first(), words.last()),
        (Some(&false), Some(&true)),
        "gone, and back: {words:?}"
    );
    assert!(
        of_host.connected.iter().all(|at| *at < killed),
        "who was elsewhere noticed nothing else"
    );
    eprintln!(
        "a node was killed under {total} messages: a device was welcome elsewhere after {raw:?}, the client resumed after {resumed:?}, peers heard both after {told:?}"
    );
    for measured in [raw, resumed, told] {
        assert!(measured < BACK, "{measured:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_come_back_from_a_killed_node_is_offline() {
    let Some(mut site) = Site::start(2).await else {
        return;
    };
    let (mut a, mut b, id) = site.pair([0, 1]).await;
    talk(&mut a, &mut b, &id, [1, 1]).await;
    site.cluster.node_mut(0).kill().await;
    let told = hears(&mut b, false, HEARTBEAT).await;
    eprintln!("of a user whose node was killed the peer heard after {told:?}");

    // What is said meanwhile waits.
    assert_eq!(b.say(&id, 2, "are you there").await["seq"], 2);
    a.socket = connect_to(site.at(1), &a.user).await;
    assert_eq!(a.until("message.new").await["seq"], 2);
    hears(&mut b, true, BACK).await;
    // The node comes back as another one, and is one to be at.
    site.cluster.node_mut(0).restart().await;
    a.socket = connect_to(site.at(0), &a.user).await;
    hears(&mut b, false, BACK).await;
    hears(&mut b, true, BACK).await;
    talk(&mut a, &mut b, &id, [2, 3]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_node_took_arrives_at_the_other() {
    const SAID: i64 = 100;
    let Some(mut site) = Site::start(2).await else {
        return;
    };
    let (mut a, mut b, id) = site.pair([0, 0]).await;
    b.socket.close().await.expect("closed");
    hears(&mut a, false, BACK).await;
    a.count(&id, 1..=SAID).await;
    site.cluster.node_mut(0).kill().await;

    for person in [&mut a, &mut b] {
        person.socket = connect_to(site.at(1), &person.user).await;
    }
    b.hears_count(&id, 1..=SAID).await;
    b.acknowledge(&id, SAID).await;
    while a.until("message.delivered").await["seq"] != SAID {}
    // There the sender counts on.
    talk(&mut a, &mut b, &id, [SAID + 1, 1]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_one_node_after_the_other_lose_and_double_nothing() {
    const KILLS: usize = 6;
    let Some(mut site) = Site::start(2).await else {
        return;
    };
    let url = site.cluster.url();
    let mut pairs = Vec::new();
    for number in 0..3 {
        pairs.push(Pair::meet([&url; 2], number).await);
    }
    let load = Load::start(pairs, Duration::from_millis(50));
    let mut rng = StdRng::seed_from_u64(7);
    for number in 0..KILLS {
        // A random point of the load, sooner or later than a node is found dead.
        tokio::time::sleep(Duration::from_millis(rng.random_range(20..2_000))).await;
        let node = site.cluster.node_mut(number % 2);
        node.kill().await;
        node.restart().await;
    }
    for pair in 0..3 {
        load.goes_on(pair, 20).await;
    }
    let (_, total) = load.finish().await;
    eprintln!("{KILLS} kills under {total} messages");
    assert!(total > 100 * KILLS, "there was a load: {total} messages");
}
