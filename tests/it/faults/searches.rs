//! What becomes of searches when the node that leads is killed.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{Site, within};
use crate::sockets::{Person, connect_to};

/// In which searches go on after that.
const GO_ON: Duration = Duration::from_secs(4);

/// In which the numbers of a node say what is so.
const SAID: Duration = Duration::from_secs(10);

/// Kills the leader, which has one search; whom `finder` meets, and after what time.
async fn met_after_kill(site: &mut Site, leader: usize, finder: &mut Person) -> (String, Duration) {
    let known = &*site;
    within(SAID, "the leader has the search", async || {
        known.metric(leader, "tebdil_tickets_waiting").await >= Some(1.0)
    })
    .await;
    site.cluster.node_mut(leader).kill().await;
    let killed = Instant::now();
    finder.find().await;
    (finder.found().await, killed.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_go_on_soon_after_their_leader_is_killed() {
    let Some(mut site) = Site::start(3).await else {
        return;
    };
    let leader = site.leader().await;
    let [one, other] = [(leader + 1) % 3, (leader + 2) % 3];
    let (mut waits, mut finder) = (site.person(one).await, site.person(other).await);
    waits.find().await;
    let (id, connected) = met_after_kill(&mut site, leader, &mut finder).await;
    assert_eq!(waits.found().await, id);

    // One in the background at the leader's own node.
    let leader = site.leader().await;
    let last = if leader == one { other } else { one };
    let (mut away, mut finder) = (site.person(leader).await, site.person(last).await);
    let find = json!({"type": "match.find", "mode": "text", "background": true});
    assert_eq!(away.ask(find).await["type"], "match.searching");
    let (id, background) = met_after_kill(&mut site, leader, &mut finder).await;
    away.socket = connect_to(site.at(last), &away.user).await;
    assert_eq!(away.found().await, id);
    assert_eq!(site.count("SELECT COUNT(*) FROM matches").await, 2);
    assert!(
        connected < GO_ON && background < GO_ON,
        "{connected:?} {background:?}"
    );
    eprintln!(
        "after the kill of the leader two met in {connected:?}, one whose search was in the background was met in {background:?}"
    );
}
