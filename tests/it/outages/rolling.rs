//! Node after node ends and starts again, while everybody goes on.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    time::Duration,
};

use reqwest::Method;
use serde_json::json;
use tebdil_core::testing::{Backend, TestDatabase};
use tebdil_protocol::id::MatchId;
use tokio::time::Instant;

use super::{
    Nodes,
    people::{Guests, Visit, find, pair_at, patiently, person},
    talk::{Side, Talk},
};
use crate::{
    services::PrivateRedis,
    sockets::{Person, connect_to},
    tokens::tokens_of,
};

/// Sockets of those who are only there.
const GUESTS: usize = 1_500;

/// Pairs of whole clients that talk all the time, and how often each of them writes.
const PAIRS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(1_500);

/// `shutdown.grace_s`: an end in good order is within it.
const GRACE: Duration = Duration::from_secs(20);

/// Width of a bar of the histogram of reconnects.
const BAR: Duration = Duration::from_millis(500);

/// At most one in so many sockets of a node may come back within one bar. A node says goodbye over
/// half of its grace, so evenly spread it is one in twenty.
const HERD: usize = 6;

/// How long everybody may take to arrive, or to be back.
const PATIENCE: Duration = Duration::from_mins(3);

/// One node that ended and started again.
struct Restart {
    /// From its signal until everybody was back.
    during: Range<Instant>,
    /// Sockets it had.
    sockets: usize,
}

fn each_restart_closed_its_sockets(
    restarts: Vec<Restart>,
    visits: &[Vec<Visit>],
    sides: &HashMap<MatchId, Vec<Side>>,
) {
    for (node, Restart { during, sockets }) in restarts.into_iter().enumerate() {
        let closed: Vec<usize> = visits
            .iter()
            .map(|visits| {
                visits
                    .iter()
                    .filter(|visit| visit.until.is_some_and(|at| during.contains(&at)))
                    .count()
            })
            .chain(sides.values().flatten().map(|side| {
                side.disconnected
                    .iter()
                    .filter(|at| during.contains(at))
                    .count()
            }))
            .collect();
        assert!(
            closed.iter().all(|times| *times <= 1),
            "somebody lost more than one socket when node {node} was restarted"
        );
        // And one of the two who search, except at the first.
        assert_eq!(
            closed.iter().sum::<usize>() + node.min(1),
            sockets,
            "each socket of node {node} was closed, and no other"
        );
        let back = visits
            .iter()
            .flatten()
            .map(|visit| visit.from)
            .filter(|at| during.contains(at));
        let mut bars = vec![0; 1];
        for at in back {
            let bar = usize::try_from((at - during.start).as_millis() / BAR.as_millis())
                .expect("seconds");
            bars.resize(bars.len().max(bar + 1), 0);
            bars[bar] += 1;
        }
        eprintln!("node {node} had {sockets} sockets; back per {BAR:?}: {bars:?}");
        assert!(
            bars.iter().all(|bar| bar * HERD <= sockets),
            "too many come back at once"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_nothing() {
    rlimit::increase_nofile_limit(u64::MAX).expect("the limit can be read");
    let Some(database) = TestDatabase::create(Backend::Postgres).await else {
        return;
    };
    let Some(redis) = PrivateRedis::start().await else {
        return;
    };
    let Some(mut nodes) = Nodes::start(3, database.url(), &redis.url(redis.port()), &[]).await
    else {
        return;
    };
    let front = nodes.cluster.url();
    let began = Instant::now();
    let mut talk = Talk::new();
    for number in 0..PAIRS {
        talk.add([&front, &front], number, PAUSE).await;
    }
    println!("{PAIRS} pairs met within {:?}", began.elapsed());
    let guests = Guests::arrive(&front, tokens_of(GUESTS, database.url()).await);
    all_are_there(
        &nodes,
        &guests,
        GUESTS + 2 * usize::try_from(PAIRS).expect("few"),
    )
    .await;
    println!("{GUESTS} guests were there after {:?}", began.elapsed());
    let [mut older, mut younger] = searchers(&nodes).await;
    let everybody = GUESTS + 2 * usize::try_from(PAIRS).expect("few") + 2;

    // The younger search moves first, to a node that has been restarted: its new ticket is older
    // than that of the other.
    let first = nodes.url(0).to_owned();
    let mut restarts = Vec::new();
    for node in 0..3 {
        let sockets = sockets(&nodes, node).await;
        let signal = Instant::now();
        let end = nodes.cluster.node_mut(node).terminate();
        let code = match node {
            0 => end.await,
            1 => tokio::join!(end, moves(&mut younger, &first)).0,
            _ => tokio::join!(end, moves(&mut older, &first)).0,
        };
        let ended = signal.elapsed();
        assert_eq!(code, Some(0));
        assert!(ended < GRACE, "the end took {ended:?}");
        nodes.cluster.node_mut(node).restart().await;
        all_are_there(&nodes, &guests, everybody).await;
        println!(
            "node {node} ended within {ended:?}, everybody was back after {:?}",
            signal.elapsed()
        );
        restarts.push(Restart {
            during: signal..Instant::now(),
            sockets,
        });
    }

    let mut newcomer = person(nodes.url(1), 9_000).await;
    newcomer.find().await;
    assert_eq!(
        newcomer.found().await,
        older.found().await,
        "whoever has searched for longer comes first"
    );
    let mut next = person(nodes.url(2), 9_001).await;
    next.find().await;
    assert_eq!(next.found().await, younger.found().await);

    let sides = talk.end().await;
    assert_eq!(guests.mishaps(), BTreeMap::new());
    let visits = guests.visits();
    guests.leave().await;
    each_restart_closed_its_sockets(restarts, &visits, &sides);
    for side in sides.values().flatten() {
        assert_eq!(side.reconnected.len(), side.disconnected.len());
    }
}

/// Two people who search, the older one first, and do not meet each other.
async fn searchers(nodes: &Nodes) -> [Person; 2] {
    let (mut older, mut younger, id) = pair_at([nodes.url(2), nodes.url(1)], 4_000).await;
    let block = crate::http::client().request(Method::POST, format!("{}/v1/blocks", nodes.url(1)));
    let block = block
        .bearer_auth(&younger.user.access)
        .json(&json!({"match_id": id}));
    assert_eq!(block.send().await.expect("an answer").status(), 201);
    older.until("match.ended").await;
    older.find().await;
    younger.find().await;
    [older, younger]
}

/// The node of a person who searches ends; the search goes on at another.
async fn moves(person: &mut Person, to: &str) {
    let draining = patiently(person, "draining").await;
    person.socket.recv_close().await.expect("a close");
    tokio::time::sleep(Duration::from_millis(
        draining["retry_after_ms"].as_u64().expect("a time"),
    ))
    .await;
    person.socket = connect_to(to, &person.user).await;
    // The node that leads may change just now.
    while person.ask(find()).await["type"] != "match.searching" {}
}

/// Sockets that are open at a node.
async fn sockets(nodes: &Nodes, node: usize) -> usize {
    let open = nodes.number(node, "tebdil_connections").await;
    format!("{open}").parse().expect("a whole number")
}

/// Waits until every socket is open, and no other.
async fn all_are_there(nodes: &Nodes, guests: &Guests, everybody: usize) {
    let arrived = async {
        loop {
            let open: usize =
                futures_util::future::join_all((0..3).map(|node| sockets(nodes, node)))
                    .await
                    .into_iter()
                    .sum();
            if guests.present() == GUESTS && open == everybody {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let arrived = tokio::time::timeout(PATIENCE, arrived).await;
    assert!(
        arrived.is_ok(),
        "{} of {GUESTS} guests are there: {:?}",
        guests.present(),
        guests.mishaps()
    );
}
