//! Machines whose clocks are wrong.

use std::time::Duration;

use serde_json::json;
use tebdil_core::testing::{Backend, TestDatabase};

use crate::{
    outages::people::pair_at,
    process::{KEYS, ServerProcess},
    sockets::eventually,
};

/// A day ahead, as by a wrong time zone and a bad battery.
const AHEAD: [(&str, &str); 2] = [
    ("TEBDIL_CLOCK__OFFSET_S", "86400"),
    ("TEBDIL_CLOCK__UNSAFE_ALLOW_OFFSET", "true"),
];

/// What would be removed a day later.
const ROWS: &str = "SELECT (SELECT COUNT(*) FROM messages) + 10 * (SELECT COUNT(*) FROM matches WHERE status = 'active') \
     + 100 * (SELECT COUNT(*) FROM message_logs)";

/// A message with its log in a match that goes on.
const ALL: i64 = 111;

/// How long a clone with a wrong clock is watched; its schedules would come by at once.
const WATCHED: Duration = Duration::from_secs(5);

/// A match with a message that nobody has received.
async fn fill(server: &str) {
    let (mut a, b, id) = pair_at([server; 2], 1).await;
    a.say(&id, 1, "hello").await;
    drop((a, b));
}

/// Checks that it is not ready for its clock alone, and says so.
async fn says_that_its_clock_is_wrong(node: &ServerProcess) {
    eventually("it answers", async || node.readyz().await.is_some()).await;
    let body =
        json!({"ready": false, "database": true, "redis": true, "clock": false, "draining": false});
    assert_eq!(node.readyz().await, Some((503, body)));
    let said = "the clock of this machine and that of the database are apart";
    eventually("it says so", async || {
        std::fs::read_to_string(node.log_path()).is_ok_and(|log| log.contains(said))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clones_a_day_apart_remove_nothing_early() {
    let Some(database) = TestDatabase::create(Backend::Postgres).await else {
        return;
    };
    let settings = [&KEYS[..], &[("TEBDIL_DATABASE__URL", database.url())]].concat();
    let mut right = ServerProcess::on(&settings);
    right.restart().await;
    fill(&right.url).await;
    assert_eq!(right.count(ROWS).await, ALL);

    let mut ahead = ServerProcess::on(&[&settings[..], &AHEAD].concat());
    ahead.start_unready();
    says_that_its_clock_is_wrong(&ahead).await;
    let ticks = "SELECT COUNT(*) FROM job WHERE dedupe LIKE 'cron:%' AND state = 2";
    eventually(
        "the schedules come by where the clock is right",
        async || right.count(ticks).await >= 2,
    )
    .await;
    tokio::time::sleep(WATCHED).await;
    assert_eq!(right.count(ROWS).await, ALL);
    assert_eq!(
        right
            .count("SELECT COUNT(*) FROM job WHERE created_at > now() + interval '1 hour'")
            .await,
        0,
        "it does nothing by itself"
    );
    assert_eq!(
        right.readyz().await.map(|(status, _)| status),
        Some(200),
        "the other goes on"
    );

    // Once its clock is right it takes part.
    ahead.kill().await;
    ahead.set("TEBDIL_CLOCK__OFFSET_S", "0");
    ahead.restart().await;
    assert_eq!(right.count(ROWS).await, ALL);
    for node in [&mut ahead, &mut right] {
        assert_eq!(node.terminate().await, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_between_two_starts_removes_nothing() {
    let mut server = ServerProcess::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    fill(&server.url).await;
    server.kill().await;
    for (name, value) in AHEAD {
        server.set(name, value);
    }
    server.start_unready();
    says_that_its_clock_is_wrong(&server).await;
    tokio::time::sleep(WATCHED).await;
    assert_eq!(server.count(ROWS).await, ALL);
    // A clock that nobody compares is believed.
    server.kill().await;
    server.set("TEBDIL_CLOCK__MAX_SKEW_S", "0");
    server.restart().await;
    eventually("the match ends", async || {
        server
            .count("SELECT COUNT(*) FROM matches WHERE status = 'active'")
            .await
            == 0
    })
    .await;
    assert_eq!(server.terminate().await, Some(0));
}
