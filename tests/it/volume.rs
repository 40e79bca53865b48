//! One user who sends without end, and a match that cannot be written: what it costs the others.

use std::{ops::RangeInclusive, time::Duration};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use tebdil_core::testing::Backend;
use tokio::time::Instant;

use crate::{
    harness::TestServer,
    sockets::{Person, meet, message, pair},
};

/// As much as an account could send in ten minutes, 20 messages a second of 16 KiB: 190 MiB, where 4
/// may wait for one side of a match.
const FLOOD: i64 = 12_000;

mod few {
    use super::{
        a_flood_is_refused_until_read_and_keeps_its_order,
        a_match_that_cannot_be_written_refuses_only_its_own,
    };

    scenarios! {
        @with &[("TEBDIL_MESSAGES__UNDELIVERED", "16")];
        a_flood_is_refused_until_read_and_keeps_its_order,
        a_match_that_cannot_be_written_refuses_only_its_own,
    }
}

// Nobody reads, or answers a ping, while the flood is made.
scenarios! {
    @with &[("TEBDIL_WS__HEARTBEAT_S", "60")];
    a_block_ends_a_flood_at_once,
    others_write_as_fast_while_one_account_floods,
}

/// Runs statements past the server.
async fn raw(server: &TestServer, sql: String) {
    let url = server.app.config.database_url();
    if server.app.config.is_shared() {
        let mut connection = PgConnection::connect(url.expose())
            .await
            .expect("a connection");
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await
            .expect("the statement runs");
    } else {
        let mut connection = SqliteConnection::connect(url.expose())
            .await
            .expect("a connection");
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await
            .expect("the statement runs");
    }
}

/// The next answer to a message.
async fn answer(person: &mut Person) -> Value {
    loop {
        let frame = person.socket.recv_json().await.expect("an answer");
        if frame["type"] == "message.accepted" || frame["type"] == "error" {
            return frame;
        }
    }
}

async fn a_flood_is_refused_until_read_and_keeps_its_order(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let (mut c, mut d) = (
        Person::new(&server, "cem").await,
        Person::new(&server, "deniz").await,
    );
    let other = meet(&server, &mut a, &mut c, "text").await;
    let said: Vec<Value> = (1..=24)
        .map(|seq| message(&id, seq, &seq.to_string()))
        .collect();
    for frame in &said {
        a.send(frame.clone()).await;
    }
    for seq in 1..=24 {
        let answer = answer(&mut a).await;
        assert_eq!(answer["re"], seq, "{answer}");
        match seq {
            ..=16 => assert_eq!(
                (&answer["type"], &answer["seq"]),
                (&json!("message.accepted"), &json!(seq))
            ),
            17 => {
                assert_eq!(answer["code"], "too_many_undelivered");
                assert!(answer["retry_after_ms"].as_u64() > Some(0), "{answer}");
            }
            18.. => assert_eq!(
                (&answer["code"], &answer["expected_seq"]),
                (&json!("out_of_order"), &json!(17))
            ),
        }
    }
    assert_eq!(
        server
            .count(&format!(
                "SELECT COUNT(*) FROM messages WHERE match_id = {id}"
            ))
            .await,
        16
    );
    assert_eq!(server.count("SELECT COUNT(*) FROM message_logs").await, 16);
    let mut heard = Vec::new();
    for seq in 1..=16 {
        let frame = b.until("message.new").await;
        assert_eq!(frame["seq"], seq);
        heard.push(frame["ciphertext"].clone());
    }
    // Its peer, its other match and others go on; and repeats are no new messages.
    assert_eq!(b.say(&id, 1, "too much").await["seq"], 1);
    assert_eq!(a.say(&other, 1, "hello").await["seq"], 1);
    assert_eq!(c.until("message.new").await["seq"], 1);
    let third = meet(&server, &mut c, &mut d, "text").await;
    assert_eq!(d.say(&third, 1, "hello").await["seq"], 1);
    assert_eq!(a.ask(said[3].clone()).await["seq"], 4);

    b.acknowledge(&id, 16).await;
    while a.until("message.delivered").await["seq"] != 16 {}
    for (frame, seq) in said[16..].iter().zip(17..) {
        assert_eq!(
            a.ask(frame.clone()).await["seq"],
            seq,
            "what was refused is taken in its turn"
        );
    }
    while heard.len() < said.len() {
        let frame = b.until("message.new").await;
        // The repeat was delivered again.
        if frame["seq"] == json!(heard.len() + 1) {
            heard.push(frame["ciphertext"].clone());
        }
    }
    assert_eq!(
        heard,
        said.iter()
            .map(|frame| frame["ciphertext"].clone())
            .collect::<Vec<_>>()
    );
    server.stop().await;
}

async fn a_match_that_cannot_be_written_refuses_only_its_own(server: TestServer) {
    let (mut a, _b, bad) = pair(&server).await;
    let (mut c, mut d, good) = pair(&server).await;
    let forbid = if server.app.config.is_shared() {
        format!("ALTER TABLE messages ADD CONSTRAINT forbidden CHECK (match_id <> {bad})")
    } else {
        format!(
            "CREATE TRIGGER forbidden BEFORE INSERT ON messages WHEN NEW.match_id = {bad} BEGIN SELECT RAISE(ABORT, 'forbidden'); END"
        )
    };
    raw(&server, forbid).await;
    for round in 0..4 {
        // Nobody waits for an answer, so that they share transactions.
        for number in 1..=8 {
            a.send(message(&bad, 1, "bad")).await;
            c.send(message(&good, 8 * round + number, "good")).await;
        }
        for number in 1..=8 {
            assert_eq!(answer(&mut a).await["code"], "unavailable");
            let answer = answer(&mut c).await;
            assert_eq!(answer["seq"], 8 * round + number, "{answer}");
        }
        for number in 1..=8 {
            assert_eq!(d.until("message.new").await["seq"], 8 * round + number);
        }
        d.acknowledge(&good, 8 * (round + 1)).await;
        while c.until("message.delivered").await["seq"] != 8 * (round + 1) {}
    }
    server.stop().await;
}

/// On SQLite nobody can hold a single match.
mod held {
    use super::{Backend, TestServer, a_match_that_is_held_keeps_nobody_else_waiting};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_postgres() {
        if let Some(server) = TestServer::start(Backend::Postgres, &[]).await {
            a_match_that_is_held_keeps_nobody_else_waiting(server).await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_two_nodes() {
        if let Some(server) = TestServer::start_cluster(2, &[]).await {
            a_match_that_is_held_keeps_nobody_else_waiting(server).await;
        }
    }
}

async fn a_match_that_is_held_keeps_nobody_else_waiting(server: TestServer) {
    let (mut a, mut b, held) = pair(&server).await;
    let (mut c, mut d, free) = pair(&server).await;
    let mut other = PgConnection::connect(server.app.config.database_url().expose())
        .await
        .expect("a connection");
    let lock = format!("BEGIN; SELECT 1 FROM match_sides WHERE match_id = {held} FOR UPDATE");
    sqlx::raw_sql(AssertSqlSafe(lock))
        .execute(&mut other)
        .await
        .expect("the lock");
    let said = [(1, "one"), (2, "two")].map(|(seq, text)| message(&held, seq, text));
    for frame in &said {
        a.send(frame.clone()).await;
    }
    let mut slowest = Duration::ZERO;
    for seq in 1..=20 {
        let begun = Instant::now();
        assert_eq!(c.say(&free, seq, "hello").await["seq"], seq);
        slowest = slowest.max(begun.elapsed());
    }
    eprintln!("beside a match that is held the slowest of 20 answers took {slowest:?}");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    for frame in &said {
        let refused = answer(&mut a).await;
        assert_eq!(
            (&refused["code"], &refused["re"]),
            (&json!("unavailable"), &frame["id"])
        );
    }
    // What is given back soon enough is written, in order, and nobody is told to come again.
    let late = message(&held, 3, "three");
    for frame in said.iter().chain([&late]) {
        a.send(frame.clone()).await;
    }
    sqlx::raw_sql("COMMIT")
        .execute(&mut other)
        .await
        .expect("the lock is given back");
    for (frame, seq) in said.iter().chain([&late]).zip(1..) {
        let accepted = answer(&mut a).await;
        assert_eq!(
            (&accepted["type"], &accepted["seq"]),
            (&json!("message.accepted"), &json!(seq)),
            "{accepted}"
        );
        assert_eq!(
            b.until("message.new").await["ciphertext"],
            frame["ciphertext"]
        );
    }
    assert_eq!(d.until("message.new").await["seq"], 1);
    server.stop().await;
}

/// Rows as a flood would leave them that nothing bounds. Their text does not compress.
async fn ten_minutes_of_flood(server: &TestServer, match_id: &str, sender: &Person) {
    let from = &sender.user.id;
    let columns = "match_id, sender_id, seq, kind, content, sent_at, total_bytes";
    let sql = if server.app.config.is_shared() {
        // Out of line and as it is: what is alike is stored for each all the same.
        format!(
            "ALTER TABLE messages ALTER COLUMN content SET STORAGE EXTERNAL; \
             INSERT INTO messages ({columns}) \
             SELECT {match_id}, {from}, n, 'content', convert_to(repeat('tebdil..', 2048), 'UTF8'), to_timestamp(1795251600), n * 16384 \
             FROM generate_series(CAST(1 AS BIGINT), {FLOOD}) AS n"
        )
    } else {
        format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {FLOOD}) \
             INSERT INTO messages ({columns}) \
             SELECT {match_id}, {from}, n, 'content', randomblob(16384), 1795251600000, n * 16384 FROM numbers"
        )
    };
    raw(server, sql).await;
}

/// How long answers take to one who sends the messages with these numbers, while the peer
/// acknowledges all of them.
async fn answers(
    c: &mut Person,
    d: &mut Person,
    match_id: &str,
    seqs: RangeInclusive<i64>,
) -> Vec<Duration> {
    let mut took = Vec::new();
    for seq in seqs {
        let begun = Instant::now();
        let accepted = c.say(match_id, seq, "hello").await;
        took.push(begun.elapsed());
        assert_eq!(accepted["seq"], seq, "{accepted}");
        while d.until("message.new").await["seq"] != seq {}
        d.acknowledge(match_id, seq).await;
    }
    took
}

fn p99(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[(took.len() * 99).div_ceil(100) - 1]
}

/// The figure that counts is printed. What is asserted leaves room for a machine that does other
/// things: it fails where somebody waits for the flood.
fn is_undisturbed(what: &str, before: Duration, during: Duration) {
    eprintln!("{what}: p99 of others' answers {before:?} before, {during:?} during");
    assert!(
        during < (3 * before).max(Duration::from_millis(500)),
        "{what}: {before:?} before, {during:?} during"
    );
}

async fn a_block_ends_a_flood_at_once(server: TestServer) {
    let (a, mut b, flooded) = pair(&server).await;
    let (mut c, mut d, id) = pair(&server).await;
    ten_minutes_of_flood(&server, &flooded, &a).await;
    answers(&mut c, &mut d, &id, 1..=20).await;
    let before = p99(answers(&mut c, &mut d, &id, 21..=120).await);

    let begun = Instant::now();
    server
        .post("/v1/blocks", &b.user.access, &json!({"match_id": flooded}))
        .await
        .expect(201);
    let took = begun.elapsed();
    eprintln!("a block was answered in {took:?} after {FLOOD} messages of 16 KiB");
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(b.until("match.ended").await["reason"], "blocked");

    server.clock.advance(Duration::from_secs(5));
    let begun = Instant::now();
    let left = format!("SELECT COUNT(*) FROM messages WHERE match_id = {flooded}");
    let gone = async {
        while server.count(&left).await > 0 {
            server.app.workers.run_due_once().await.expect("jobs");
        }
    };
    let (during, gone) = tokio::join!(
        answers(&mut c, &mut d, &id, 121..=420),
        tokio::time::timeout(Duration::from_mins(2), gone)
    );
    gone.expect("all of it is deleted");
    eprintln!(
        "it was deleted, and 300 messages were answered, within {:?}",
        begun.elapsed()
    );
    is_undisturbed("while a flood is deleted", before, p99(during));
    server.stop().await;
}

async fn others_write_as_fast_while_one_account_floods(server: TestServer) {
    let (mut a, _b, flooded) = pair(&server).await;
    let (mut c, mut d, id) = pair(&server).await;
    answers(&mut c, &mut d, &id, 1..=20).await;
    let before = p99(answers(&mut c, &mut d, &id, 21..=220).await);
    // It comes as far as it may, and goes on.
    let flood = async {
        let text = "x".repeat(16 * 1024);
        let (mut seq, mut refused) = (1, 0);
        while refused < 100 {
            let answer = a.say(&flooded, seq, &text).await;
            if answer["type"] == "message.accepted" {
                seq += 1;
            } else {
                assert_eq!(answer["code"], "too_many_undelivered");
                refused += 1;
            }
            // Several times as fast as a connection may.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let (during, ()) = tokio::join!(answers(&mut c, &mut d, &id, 221..=620), flood);
    let held = server
        .count(&format!(
            "SELECT CAST(SUM(LENGTH(content)) AS BIGINT) FROM messages WHERE match_id = {flooded}"
        ))
        .await;
    assert!(
        (4 << 20..(4 << 20) + (16 << 10)).contains(&held),
        "{held} bytes"
    );
    is_undisturbed("while one account floods", before, p99(during));
    server.stop().await;
}
