//! Redis goes and comes back.

use std::{collections::HashMap, ops::Range, time::Duration};

use serde_json::json;
use tebdil_core::testing::{Backend, TestDatabase};
use tebdil_protocol::id::MatchId;
use tokio::time::Instant;

use super::{
    Nodes, Readiness,
    people::{find, is_unavailable, person},
    talk::{Side, Talk},
};
use crate::services::{PrivateRedis, Stop};

/// How long Redis is away.
const AWAY: Duration = Duration::from_secs(20);

/// How long a node may take to notice, either way.
const NOTICED: Duration = Duration::from_secs(5);

/// How long a search may wait for a refusal.
const REFUSED: Duration = Duration::from_secs(3);

/// How long a message may take to be accepted: the database is there all the time. Far above what
/// it takes.
const ACCEPTED: Duration = Duration::from_secs(5);

fn readiness_followed(watched: &[Readiness], down: Instant, up: &Range<Instant>) {
    let readiness = |redis: bool| {
        let body = json!({"ready": redis, "database": true, "redis": redis, "clock": true, "draining": false});
        Some((if redis { 200 } else { 503 }, body))
    };
    for watched in watched {
        watched.told_the_truth(
            &readiness(true),
            &readiness(false),
            down,
            up.clone(),
            NOTICED,
        );
    }
}

fn chats_went_on(
    sides: &HashMap<MatchId, Vec<Side>>,
    at_one_node: &[MatchId],
    during: &Range<Instant>,
) {
    for (id, pair) in sides {
        for side in pair {
            assert_eq!(side.disconnected.len(), 0, "nobody is disconnected");
            let answered = side.slowest_answer(during.clone());
            assert!(
                answered < ACCEPTED,
                "a message waited {answered:?} for its answer"
            );
            if at_one_node.contains(id) {
                let silence = side.longest_silence(during.clone());
                assert!(
                    silence < ACCEPTED,
                    "a chat at one node stood still for {silence:?}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_stopped_for_twenty_seconds() {
    let Some(database) = TestDatabase::create(Backend::Postgres).await else {
        return;
    };
    let Some(mut redis) = PrivateRedis::start().await else {
        return;
    };
    let Some(mut nodes) = Nodes::start(2, database.url(), &redis.url(redis.port()), &[]).await
    else {
        return;
    };
    let (one, two) = (nodes.url(0).to_owned(), nodes.url(1).to_owned());
    let mut talk = Talk::new();
    let mut at_one_node = Vec::new();
    let pause = Duration::from_millis(200);
    for (number, servers) in (0..).zip([[&one, &one], [&two, &two], [&one, &two], [&two, &one]]) {
        let id = talk.add(servers.map(String::as_str), number, pause).await;
        if servers[0] == servers[1] {
            at_one_node.push(id);
        }
    }
    let mut searcher = person(&one, 100).await;
    searcher.find().await;
    let mut asking = [person(&one, 101).await, person(&two, 102).await];
    let watched = [Readiness::watch(&one), Readiness::watch(&two)];
    tokio::time::sleep(Duration::from_secs(1)).await;

    let down = Instant::now();
    redis.stop(Stop::Kill).await;
    let mut slowest = Duration::ZERO;
    // Until its lease has run out, the node that leads goes on for its own people.
    tokio::time::sleep_until(down + Duration::from_secs(4)).await;
    while down.elapsed() < AWAY {
        for person in &mut asking {
            slowest = slowest.max(is_unavailable(person, find()).await);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // Whoever comes during the outage is let in.
    let late = person(&two, 103).await;
    assert!(slowest < REFUSED, "{slowest:?}");

    let up = Instant::now();
    redis.restart().await;
    let up = up..Instant::now();
    // Whoever searched before is matched with the first who comes.
    let [_, mut finder] = asking;
    while finder.ask(find()).await["type"] != "match.searching" {
        assert!(up.end.elapsed() < NOTICED, "searches go on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let id = searcher.found().await;
    let matched = up.end.elapsed();
    assert_eq!(finder.found().await, id);
    assert_eq!(
        searcher.say(&id, 1, "after").await["type"],
        "message.accepted"
    );
    finder.until("message.new").await;
    drop(late);
    tokio::time::sleep_until(up.end + NOTICED + Duration::from_secs(1)).await;
    nodes.all_run();
    let sides = talk.end().await;

    readiness_followed(&watched, down, &up);
    chats_went_on(&sides, &at_one_node, &(down..up.start));
    let all = || sides.values().flatten();
    println!(
        "slowest refusal of a search {slowest:?}; the searcher was matched {matched:?} after the return; slowest answer to a message {:?}, \
         longest silence of local chats {:?}",
        all().map(|side| side.slowest_answer(down..up.start)).max(),
        all()
            .filter(|side| at_one_node.contains(&side.match_id))
            .map(|side| side.longest_silence(down..up.start))
            .max(),
    );
}
