//! PostgreSQL goes and comes back.

use std::{ops::Range, time::Duration};

use serde_json::{Value, json};
use sqlx::Connection as _;
use tokio::time::Instant;

use super::{
    Nodes, Readiness,
    people::{find, is_unavailable, pair_at, person},
    talk::Talk,
};
use crate::{
    services::{PrivatePostgres, PrivateRedis},
    sockets::{Person, eventually, message},
};

/// How long PostgreSQL is away.
const AWAY: Duration = Duration::from_secs(20);

/// How long a node may take to notice, either way.
const NOTICED: Duration = Duration::from_secs(5);

/// How long a request may wait for its refusal: a statement waits 5 s for a connection, and that of
/// a message begins when the one before has failed.
const REFUSED: Duration = Duration::from_secs(12);

async fn what_was_refused_is_accepted(
    a: &mut Person,
    b: &mut Person,
    finder: &mut Person,
    said: &Value,
    since: Instant,
) {
    let accepted = loop {
        let answer = a.ask(said.clone()).await;
        if answer["type"] == "message.accepted" {
            break answer;
        }
        assert!(
            since.elapsed() < NOTICED,
            "messages are accepted again: {answer}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(accepted["seq"], 2);
    assert_eq!(b.until("message.new").await["seq"], 2);
    assert_eq!(a.ask(said.clone()).await["seq"], 2);
    while finder.ask(find()).await["type"] != "match.searching" {
        assert!(since.elapsed() < NOTICED, "searches are accepted again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn jobs_run_again(database: &str) -> tokio::sync::Mutex<sqlx::PgConnection> {
    let mut connection = sqlx::PgConnection::connect(database)
        .await
        .expect("a connection");
    let job = "INSERT INTO job (id, queue, payload, dedupe, max_attempts, run_at, created_at) \
               SELECT 'after', queue, payload, 'after', max_attempts, now(), now() FROM job WHERE queue = 'expire' LIMIT 1";
    sqlx::raw_sql(job)
        .execute(&mut connection)
        .await
        .expect("a job");
    let connection = tokio::sync::Mutex::new(connection);
    eventually("jobs run again", async || {
        let done = "SELECT count(*) FROM job WHERE id = 'after' AND state = 2";
        sqlx::query_scalar::<_, i64>(done)
            .fetch_one(&mut *connection.lock().await)
            .await
            .expect("a number")
            == 1
    })
    .await;
    connection
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

async fn what_was_accepted_is_stored_once(
    connection: &tokio::sync::Mutex<sqlx::PgConnection>,
    stored: usize,
) {
    let written = "SELECT count(*) FROM message_logs WHERE kind = 'content'";
    let written: i64 = sqlx::query_scalar(written)
        .fetch_one(&mut *connection.lock().await)
        .await
        .expect("a number");
    assert_eq!(
        usize::try_from(written).expect("not negative"),
        stored + 2,
        "what was accepted is there, once"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_is_stopped_for_twenty_seconds() {
    let Some(mut postgres) = PrivatePostgres::start().await else {
        return;
    };
    let Some(redis) = PrivateRedis::start().await else {
        return;
    };
    let database = postgres.url(postgres.port());
    let Some(mut nodes) = Nodes::start(2, &database, &redis.url(redis.port()), &[]).await else {
        return;
    };
    let (one, two) = (nodes.url(0).to_owned(), nodes.url(1).to_owned());
    let mut talk = Talk::new();
    for (number, servers) in (0..).zip([[&one, &one], [&two, &two], [&one, &two]]) {
        talk.add(
            servers.map(String::as_str),
            number,
            Duration::from_millis(250),
        )
        .await;
    }
    let (mut a, mut b, id) = pair_at([&one, &two], 50).await;
    let (goes, mut stays, goes_id) = pair_at([&two, &one], 51).await;
    assert_eq!(a.say(&id, 1, "before").await["seq"], 1);
    assert_eq!(b.until("message.new").await["seq"], 1);
    let mut searcher = person(&one, 104).await;
    searcher.find().await;
    let mut finder = person(&two, 105).await;
    let watched = [Readiness::watch(&one), Readiness::watch(&two)];
    tokio::time::sleep(Duration::from_secs(1)).await;

    let down = Instant::now();
    postgres.stop().await;
    let said = message(&id, 2, "during");
    let (mut sends, mut finds, mut refused) = (Duration::ZERO, Duration::ZERO, 0);
    drop(goes);
    while down.elapsed() < AWAY {
        let (send, found) = tokio::join!(
            is_unavailable(&mut a, said.clone()),
            is_unavailable(&mut finder, find())
        );
        (sends, finds, refused) = (sends.max(send), finds.max(found), refused + 1);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(sends < REFUSED && finds < REFUSED, "{sends:?} {finds:?}");
    b.hears_no("message.new").await;

    let up = Instant::now();
    postgres.restart().await;
    let up = up..Instant::now();
    // A client repeats what was refused: it is stored once.
    what_was_refused_is_accepted(&mut a, &mut b, &mut finder, &said, up.end).await;
    assert_eq!(
        finder.found().await,
        searcher.found().await,
        "the search that waited goes on"
    );
    // Whoever went meanwhile is not taken to be there for ever.
    let offline = json!({"type": "peer.presence", "match_id": goes_id, "online": false});
    assert_eq!(stays.until("peer.presence").await, offline);

    let connection = jobs_run_again(&database).await;
    tokio::time::sleep_until(up.end + NOTICED + Duration::from_secs(1)).await;
    nodes.all_run();
    let sides = talk.end().await;

    readiness_followed(&watched, down, &up);
    let (mut stored, mut disconnected) = (0, 0);
    for side in sides.values().flatten() {
        disconnected += side.disconnected.len();
        stored += side.texts();
    }
    what_was_accepted_is_stored_once(&connection, stored).await;
    println!(
        "{refused} times refused, a message after {sends:?} at most, a search after {finds:?}; {disconnected} sockets were closed"
    );
}
