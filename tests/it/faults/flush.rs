//! Redis forgets everything.

use std::time::Duration;

use serde_json::json;

use super::{Site, hears, hears_last, talk, within, words_by_now};
use crate::{
    load::{Load, Pair},
    sockets::{Person, connect_to},
};

/// Far above the second in which nodes notice.
const HEALED: Duration = Duration::from_secs(15);

async fn signs_of_typing_pass_both_ways(stays: &mut Person, stays_too: &mut Person, calm: &str) {
    // Signs of typing are not kept for later: one that comes shows that the way is there again.
    let typing = json!({"type": "typing", "match_id": calm, "on": true});
    let before = tokio::time::Instant::now();
    for (from, to) in [(0, 1), (1, 0)] {
        let people = [&mut *stays, &mut *stays_too];
        loop {
            people[from].send(typing.clone()).await;
            if super::heard_by_now(people[to]).await.contains(&typing) {
                break;
            }
            assert!(before.elapsed() < HEALED, "no sign of typing arrives");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flushed_redis_costs_nobody_anything() {
    let Some(site) = Site::start(2).await else {
        return;
    };
    let pairs = [
        Pair::meet([site.at(0), site.at(1)], 0).await,
        Pair::meet([site.at(1), site.at(0)], 1).await,
    ];
    let (mut stays, mut stays_too, calm) = site.pair([0, 1]).await;
    let (mut left_alone, leaves, _) = site.pair([0, 1]).await;
    let (mut waits, mut away, reunion) = site.pair([0, 1]).await;
    let user = away.user.clone();
    away.socket.close().await.expect("closed");
    drop(away);
    hears(&mut waits, false, HEALED).await;
    let mut searcher = site.person(0).await;
    searcher.find().await;

    let load = Load::start(pairs, Duration::from_millis(100));
    load.goes_on(0, 20).await;
    load.goes_on(1, 20).await;
    for person in [&mut stays, &mut stays_too, &mut left_alone, &mut waits] {
        words_by_now(person).await;
    }
    site.redis.flush().await;
    // Before anybody can have noticed.
    drop(leaves);
    load.goes_on(0, 50).await;
    load.goes_on(1, 50).await;

    hears_last(&mut left_alone, false, HEALED).await;
    signs_of_typing_pass_both_ways(&mut stays, &mut stays_too, &calm).await;
    talk(&mut stays, &mut stays_too, &calm, [1, 1]).await;

    // The one who waited is found by one who comes, at the other node.
    within(HEALED, "somebody leads", async || {
        let leads = [
            site.metric(0, "tebdil_matchmaker_leads").await,
            site.metric(1, "tebdil_matchmaker_leads").await,
        ];
        leads.iter().flatten().sum::<f64>() > 0.5
    })
    .await;
    let mut newcomer = site.person(1).await;
    let answer = newcomer
        .ask(json!({"type": "match.find", "mode": "text"}))
        .await;
    assert_eq!(answer["type"], "match.searching", "{answer}");
    assert_eq!(newcomer.found().await, searcher.found().await);

    // Nobody hears that somebody is back who is not, and everybody hears it of the one who is.
    assert!(
        !words_by_now(&mut waits).await.contains(&true),
        "the peer is away"
    );
    let _back = connect_to(site.at(1), &user).await;
    hears(&mut waits, true, HEALED).await;
    assert!(!reunion.is_empty());

    let (sides, total) = load.finish().await;
    for side in &sides {
        assert!(side.connected.len() <= 1, "no socket was lost");
        assert!(
            side.presence.last().is_none_or(|(_, online)| *online),
            "the peer was never away: {:?}",
            side.presence
        );
    }
    for person in [&mut stays, &mut stays_too] {
        assert!(
            words_by_now(person)
                .await
                .last()
                .is_none_or(|online| *online),
            "the last word is the truth"
        );
    }
    assert!(
        words_by_now(&mut left_alone)
            .await
            .last()
            .is_none_or(|online| !online),
        "nobody came back"
    );
    eprintln!("Redis was flushed under {total} messages");
}
