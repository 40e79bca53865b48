//! PostgreSQL falls silent: nothing comes any more, not even an end.

use std::{collections::HashMap, ops::Range, time::Duration};

use serde_json::{Value, json};
use tebdil_core::testing::Backend;
use tebdil_protocol::id::MatchId;
use tokio::time::Instant;

use super::{
    Nodes, Readiness,
    people::{ask_patiently, find, is_unavailable, pair_at, patiently, person},
    talk::Talk,
};
use crate::{
    chaos::{ChaosProxy, Mode, Side},
    harness::TestServer,
    services::{PrivatePostgres, PrivateRedis},
    sockets::{Person, eventually, message, pair},
};

/// How long PostgreSQL says nothing.
const SILENT: Duration = Duration::from_secs(30);

/// In which readiness follows.
const NOTICED: Duration = Duration::from_secs(6);

/// In which both nodes serve again.
const HEALED: Duration = Duration::from_secs(10);

/// Longest wait for a refusal: a call waits 10 s, and one that came behind it 5 s more for a
/// connection.
const REFUSED: Duration = Duration::from_secs(20);

/// Repeats a request until it is answered like this; the answer.
async fn until_answered(person: &mut Person, frame: Value, kind: &str, since: Instant) -> Value {
    loop {
        let answer = ask_patiently(person, frame.clone()).await;
        assert!(
            since.elapsed() < HEALED,
            "not answered {kind} in time: {answer}"
        );
        if answer["type"] == kind {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn readiness_followed(watched: &[Readiness], down: Instant, up: &Range<Instant>) {
    let readiness = |database: bool| {
        let body = json!({"ready": database, "database": database, "redis": true, "clock": true, "draining": false});
        Some((if database { 200 } else { 503 }, body))
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

async fn everything_is_stored_once(
    postgres: &PrivatePostgres,
    sides: &HashMap<MatchId, Vec<super::talk::Side>>,
) -> usize {
    let accepted: usize = sides.values().flatten().map(super::talk::Side::texts).sum();
    let mut connection =
        <sqlx::PgConnection as sqlx::Connection>::connect(&postgres.url(postgres.port()))
            .await
            .expect("a connection");
    for (sql, expected) in [
        (
            "SELECT count(*) FROM message_logs WHERE kind = 'content'",
            accepted + 2,
        ),
        ("SELECT count(*) FROM matches", sides.len() + 3),
        (
            "SELECT count(*) FROM quota_ledger WHERE reason = 'match'",
            2 * (sides.len() + 3),
        ),
    ] {
        let count: i64 = sqlx::query_scalar(sql)
            .fetch_one(&mut connection)
            .await
            .expect("a number");
        assert_eq!(
            usize::try_from(count).expect("not negative"),
            expected,
            "{sql}"
        );
    }
    accepted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_says_nothing_for_thirty_seconds() {
    let Some(postgres) = PrivatePostgres::start().await else {
        return;
    };
    let Some(redis) = PrivateRedis::start().await else {
        return;
    };
    let mut line = ChaosProxy::start(postgres.port()).await;
    let Some(mut nodes) =
        Nodes::start(2, &postgres.url(line.port()), &redis.url(redis.port()), &[]).await
    else {
        return;
    };
    let (one, two) = (nodes.url(0).to_owned(), nodes.url(1).to_owned());
    let mut talk = Talk::new();
    for (number, servers) in (0..).zip([[&one, &one], [&two, &two], [&one, &two]]) {
        talk.add(
            servers.map(String::as_str),
            number,
            Duration::from_millis(100),
        )
        .await;
    }
    let (mut a, mut b, id) = pair_at([&one, &two], 50).await;
    let (mut c, _d, other_id) = pair_at([&two, &one], 51).await;
    let mut searcher = person(&one, 104).await;
    searcher.find().await;
    let mut finder = person(&two, 105).await;
    let watched = [Readiness::watch(&one), Readiness::watch(&two)];
    tokio::time::sleep(Duration::from_secs(1)).await;

    let down = Instant::now();
    line.set(Mode::Blackhole).await;
    let (said, other_said) = (message(&id, 1, "during"), message(&other_id, 1, "during"));
    let (mut slowest, mut refused) = (Duration::ZERO, 0);
    while down.elapsed() < SILENT {
        let (send, sends, finds) = tokio::join!(
            is_unavailable(&mut a, said.clone()),
            is_unavailable(&mut c, other_said.clone()),
            is_unavailable(&mut finder, find())
        );
        (slowest, refused) = (slowest.max(send).max(sends).max(finds), refused + 3);
    }
    assert!(slowest < REFUSED, "{slowest:?}");

    let up = Instant::now();
    line.set(Mode::Pass).await;
    let up = up..Instant::now();
    let ((first, spoke), _, sought) = tokio::join!(
        async {
            (
                until_answered(&mut a, said.clone(), "message.accepted", up.end).await,
                up.end.elapsed(),
            )
        },
        until_answered(&mut c, other_said, "message.accepted", up.end),
        async {
            until_answered(&mut finder, find(), "match.searching", up.end).await;
            up.end.elapsed()
        }
    );
    assert_eq!(first["seq"], 1);
    assert_eq!(b.until("message.new").await["seq"], 1);
    assert_eq!(a.ask(said).await["seq"], 1, "a repeat is stored once");
    let found = patiently(&mut finder, "match.found").await;
    assert_eq!(
        patiently(&mut searcher, "match.found").await["match"]["id"],
        found["match"]["id"],
        "the search that waited goes on"
    );
    let matched = up.end.elapsed();
    tokio::time::sleep_until(up.end + HEALED + Duration::from_secs(1)).await;
    nodes.all_run();
    let sides = talk.end().await;

    readiness_followed(&watched, down, &up);
    let accepted = everything_is_stored_once(&postgres, &sides).await;
    eprintln!(
        "PostgreSQL was silent for {SILENT:?} under {accepted} texts: {refused} requests refused within {slowest:?}; after its return a message was \
         accepted after {spoke:?}, a search after {sought:?}, two matched after {matched:?}"
    );
}

/// What the node says arrives, and nothing comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_alone_that_hears_nothing_of_postgresql_comes_back() {
    let Some(postgres) = PrivatePostgres::start().await else {
        return;
    };
    let mut line = ChaosProxy::start(postgres.port()).await;
    let url = postgres.url(line.port());
    let server = TestServer::start(Backend::Sqlite, &[("TEBDIL_DATABASE__URL", &url)])
        .await
        .expect("no other service is needed");
    let (mut a, mut b, id) = pair(&server).await;
    let (mut searcher, mut finder) = (
        Person::new(&server, "searches").await,
        Person::new(&server, "finds").await,
    );
    searcher.find().await;
    let mut connection =
        <sqlx::PgConnection as sqlx::Connection>::connect(&postgres.url(postgres.port()))
            .await
            .expect("a connection");
    line.set(Mode::HalfOpen(Side::Server)).await;
    let said = message(&id, 1, "during");
    let (took, waited) = tokio::join!(
        is_unavailable(&mut a, said.clone()),
        is_unavailable(&mut finder, find())
    );
    assert!(took < REFUSED && waited < REFUSED, "{took:?} {waited:?}");
    assert_eq!(
        crate::http::get(format!("{}/readyz", server.base))
            .await
            .expect("an answer")
            .status(),
        503
    );

    line.set(Mode::Pass).await;
    let up = Instant::now();
    assert_eq!(
        until_answered(&mut a, said.clone(), "message.accepted", up).await["seq"],
        1
    );
    assert_eq!(b.until("message.new").await["seq"], 1);
    until_answered(&mut finder, find(), "match.searching", up).await;
    let found = patiently(&mut finder, "match.found").await;
    assert_eq!(
        patiently(&mut searcher, "match.found").await["match"]["id"],
        found["match"]["id"]
    );
    eventually("the node is ready", async || {
        crate::http::get(format!("{}/readyz", server.base))
            .await
            .expect("an answer")
            .status()
            == 200
    })
    .await;
    for (sql, expected) in [
        ("SELECT count(*) FROM messages", 1),
        ("SELECT count(*) FROM matches", 2),
    ] {
        let count: i64 = sqlx::query_scalar(sql)
            .fetch_one(&mut connection)
            .await
            .expect("a number");
        assert_eq!(count, expected, "{sql}");
    }
    server.stop().await;
}
