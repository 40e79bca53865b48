//! A node is killed under calls: who comes back goes on, who does not has hung up.

use std::time::Duration;

use serde_json::{Value, json};
use tebdil_client::raw::RawError;
use tokio::time::{Instant, timeout};

use super::{Site, within};
use crate::{
    services::Stop,
    sockets::{Person, connect_to},
};

/// The node is dead after 5 s, that is seen within 5, a device may be away for 10, and that is
/// looked at every 5 s; with room for a machine that does much else.
const ENDS: Duration = Duration::from_secs(45);

/// Far above the second in which nodes notice that Redis forgot them.
const HEALED: Duration = Duration::from_secs(15);

/// The next end of a match, however long it takes.
async fn end_of(person: &mut Person) -> Value {
    loop {
        match person.socket.recv_json().await {
            Ok(frame) if frame["type"] == "match.ended" => return frame,
            Ok(_) | Err(RawError::Timeout) => {}
            Err(error) => panic!("waiting for the end: {error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_ends_when_a_device_is_not_back_from_a_killed_node() {
    let Some(mut site) = Site::start(2).await else {
        return;
    };
    let (gone, mut left, lost) = site.pair_for("video", [0, 1]).await;
    let (mut back, mut stays, kept) = site.pair_for("video", [0, 1]).await;
    let (both_gone, other_gone, nobody) = site.pair_for("video", [0, 0]).await;
    site.cluster.node_mut(0).kill().await;
    drop((gone, both_gone, other_gone));
    back.socket = connect_to(site.at(1), &back.user).await;

    let ended = timeout(ENDS, end_of(&mut left))
        .await
        .expect("the call ends");
    assert_eq!(
        (&ended["match_id"], &ended["reason"], &ended["by"]),
        (&json!(lost), &json!("hung_up"), &json!("peer"))
    );
    let over = async {
        while site
            .count("SELECT COUNT(*) FROM matches WHERE type = 'video' AND status = 'active'")
            .await
            > 1
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(ENDS, over)
        .await
        .expect("the call without anybody ends, too");
    // The other one goes on, and can be signalled anew.
    for person in [&mut back, &mut stays] {
        let answer = person.say(&kept, 1, "on we go").await;
        assert_eq!(answer["type"], "message.accepted", "{answer}");
    }
    let refused = stays
        .refused(json!({"type": "rtc.state", "match_id": nobody, "state": "ended"}))
        .await;
    assert_eq!(refused, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_redis_forgot_asks_again_which_calls_go_on() {
    let Some(site) = Site::start(2).await else {
        return;
    };
    let (mut a, _b, id) = site.pair_for("video", [0, 1]).await;
    // Whether the match goes on is looked at first.
    let nothing = json!({"type": "rtc.description", "match_id": id, "kind": "offer", "sdp": "v=0"});
    assert_eq!(a.refused(nothing.clone()).await, "invalid_field");
    // As when another node ended it while nobody could send to this one.
    site.execute("UPDATE match_sides SET open = FALSE").await;
    site.execute(
        "UPDATE matches SET status = 'cancelled', ended_at = created_at, ended_reason = 'left'",
    )
    .await;
    assert_eq!(
        a.refused(nothing.clone()).await,
        "invalid_field",
        "what is known is not asked for again"
    );
    site.redis.flush().await;
    let flushed = Instant::now();
    while a.refused(nothing.clone()).await != "match_ended" {
        assert!(
            flushed.elapsed() < HEALED,
            "signals still pass in a match that is over"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_on_while_nobody_knows_who_is_connected() {
    let Some(mut site) = Site::start(2).await else {
        return;
    };
    let (_a, _b, _) = site.pair_for("video", [0, 1]).await;
    site.redis.stop(Stop::Kill).await;
    let looks = async || {
        site.count("SELECT COUNT(*) FROM job WHERE queue = 'absences' AND state >= 2")
            .await
    };
    let before = looks().await;
    // More than a device may be away.
    within(ENDS, "they are looked for", async || {
        looks().await >= before + 4
    })
    .await;
    assert_eq!(
        site.count("SELECT COUNT(*) FROM job WHERE state = 3").await,
        0,
        "dead letters"
    );
    assert_eq!(
        site.count("SELECT COUNT(*) FROM matches WHERE status = 'active'")
            .await,
        1
    );
}
