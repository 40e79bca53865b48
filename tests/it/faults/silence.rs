//! The way of one node to PostgreSQL swallows everything: it leads the matching no more, and users
//! of the other notice nothing.

use std::time::Duration;

use serde_json::{Value, json};
use tebdil_client::raw::RawError;
use tebdil_core::testing::{Backend, TestDatabase};
use tokio::{task::JoinSet, time::Instant};

use super::{Site, within};
use crate::{
    chaos::{ChaosProxy, Mode},
    services::PrivateRedis,
    sockets::{Person, message},
};

/// In which readiness follows.
const NOTICED: Duration = Duration::from_secs(6);

/// In which another node leads and has matched who searched: the leader waits 5 s for its store,
/// and the next needs a moment for each step.
const MATCHED: Duration = Duration::from_secs(15);

/// Longest wait for a refusal: a call waits 10 s for a silent database, and one that came meanwhile
/// 5 s more for a connection.
const REFUSED: Duration = Duration::from_secs(20);

/// In which everything is well again after the line is.
const HEALED: Duration = Duration::from_secs(10);

/// How long the answers of the other node are measured, each time.
const MEASURED: Duration = Duration::from_secs(10);

/// How much slower the other node's answers may become; below the floor it is the machine that is
/// measured.
const SLOWER: u32 = 3;
const FLOOR: Duration = Duration::from_millis(100);

async fn lines_to(
    database: &TestDatabase,
    redis: &PrivateRedis,
) -> (Vec<ChaosProxy>, Vec<(u16, String)>) {
    let mut address = reqwest::Url::parse(database.url()).expect("an address");
    let server = address.port().unwrap_or(5432);
    let (mut lines, mut ways) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let line = ChaosProxy::start(server).await;
        address
            .set_port(Some(line.port()))
            .expect("a port of its own");
        ways.push((redis.port(), address.to_string()));
        lines.push(line);
    }
    (lines, ways)
}

/// What was refused is repeated as it was, and stored once.
async fn is_accepted_once(theirs: &mut Person, said: &Value) -> Duration {
    let healed = Instant::now();
    let accepted = loop {
        let answer = patient(theirs, said.clone()).await;
        if answer["type"] == "message.accepted" {
            break answer;
        }
        assert!(
            healed.elapsed() < HEALED,
            "messages are accepted again: {answer}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(accepted["seq"], 1);
    healed.elapsed()
}

async fn one_match_more_was_made(site: &Site, made: i64) {
    assert_eq!(site.count("SELECT COUNT(*) FROM matches").await, made + 1);
    assert_eq!(
        site.count("SELECT COUNT(*) FROM quota_ledger WHERE reason = 'match'")
            .await,
        2 * (made + 1),
        "each right once"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_cut_off_from_postgresql_stops_nobody_else() {
    let Some(redis) = PrivateRedis::start().await else {
        return;
    };
    let Some(database) = TestDatabase::create(Backend::Postgres).await else {
        return;
    };
    let (mut lines, ways) = lines_to(&database, &redis).await;
    let Some(site) = Site::with(redis, database, &ways).await else {
        return;
    };
    let leader = site.leader().await;
    let other = 1 - leader;
    let (mut theirs, _their_peer, their_match) = site.pair([leader, leader]).await;
    let (mut searcher, mut finder) = (site.person(other).await, site.person(other).await);
    let mut pairs = Vec::new();
    for _ in 0..4 {
        pairs.push((site.pair([other; 2]).await, 0));
    }
    let made = site.count("SELECT COUNT(*) FROM matches").await;
    let (before, pairs) = answers(pairs, MEASURED).await;

    let cut = Instant::now();
    lines[leader].set(Mode::Blackhole).await;
    let said = message(&their_match, 1, "during");
    let (unready, led, matched, refused, (during, _pairs)) = tokio::join!(
        within(NOTICED, "the node says that it is cut off", async || site
            .reaches(leader, "database")
            .await
            == Some(false)),
        within(MATCHED, "the other node leads", async || site
            .metric(other, "tebdil_matchmaker_leads")
            .await
            == Some(1.0)),
        async {
            searcher.find().await;
            finder.find().await;
            let id = found(&mut searcher).await;
            assert_eq!(found(&mut finder).await, id);
            cut.elapsed()
        },
        async {
            let answer = patient(&mut theirs, said.clone()).await;
            assert_eq!(answer["code"], "unavailable", "{answer}");
            cut.elapsed()
        },
        answers(pairs, MEASURED),
    );
    assert_eq!(
        site.reaches(other, "database").await,
        Some(true),
        "only one node is cut off"
    );
    assert!(
        matched < MATCHED && refused < REFUSED,
        "{matched:?} {refused:?}"
    );
    assert!(
        during <= FLOOR.max(before * SLOWER),
        "{before:?} before, {during:?} during"
    );

    lines[leader].set(Mode::Pass).await;
    let ready = within(HEALED, "the node is ready again", async || {
        site.reaches(leader, "database").await == Some(true)
    })
    .await;
    let spoke = is_accepted_once(&mut theirs, &said).await;
    assert_eq!(site.leader().await, other, "who leads goes on");
    one_match_more_was_made(&site, made).await;
    // Where it is well again, one searches as before.
    site.pair([leader, other]).await;
    eprintln!(
        "the leader was cut off from PostgreSQL: not ready after {unready:?}, the other led after {led:?} and had matched its users after {matched:?}; \
         p99 of an answer there {before:?} before, {during:?} meanwhile; refused after {refused:?}; ready {ready:?} after the end, accepted after {spoke:?}"
    );
}

/// The answer to a request, however long it takes.
async fn patient(person: &mut Person, mut frame: Value) -> Value {
    frame["id"] = json!("patient");
    person.send(frame).await;
    loop {
        match person.socket.recv_json().await {
            Ok(answer) if answer["re"] == "patient" => return answer,
            Ok(_) | Err(RawError::Timeout) => {}
            Err(error) => panic!("waiting for an answer: {error}"),
        }
    }
}

/// The match that is found, however long it takes.
async fn found(person: &mut Person) -> Value {
    loop {
        match person.socket.recv_json().await {
            Ok(frame) if frame["type"] == "match.found" => return frame["match"]["id"].clone(),
            Ok(_) | Err(RawError::Timeout) => {}
            Err(error) => panic!("waiting for a match: {error}"),
        }
    }
}

/// One who talks, one who listens, where, and how many messages there were.
type Talking = ((Person, Person, String), i64);

/// Has these talk for so long; how long all but the slowest hundredth of their messages were on
/// their way to being accepted.
async fn answers(pairs: Vec<Talking>, time: Duration) -> (Duration, Vec<Talking>) {
    let (mut talks, mut took, mut back, end) = (
        JoinSet::new(),
        Vec::new(),
        Vec::new(),
        Instant::now() + time,
    );
    for ((mut from, mut to, id), mut said) in pairs {
        talks.spawn(async move {
            let mut took = Vec::new();
            while Instant::now() < end {
                said += 1;
                let began = Instant::now();
                let answer = from.say(&id, said, "hello").await;
                took.push(began.elapsed());
                assert_eq!(answer["type"], "message.accepted", "{answer}");
                assert_eq!(to.until("message.new").await["seq"], said);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            (took, ((from, to, id), said))
        });
    }
    while let Some(talk) = talks.join_next().await {
        let (more, pair) = talk.expect("a talk");
        took.extend(more);
        back.push(pair);
    }
    took.sort_unstable();
    (took[took.len() * 99 / 100], back)
}
