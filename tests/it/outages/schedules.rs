//! What happens by itself happens once, however many nodes there are.

use std::time::Duration;

use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use tebdil_core::testing::{Backend, TestDatabase};
use tebdil_protocol::time::Clock;

use super::{
    Nodes,
    people::{pair_at, patiently},
};
use crate::services::PrivateRedis;

/// Matches that run out.
const PAIRS: u32 = 4;

/// Time to bring everybody together before the schedule comes by.
const SETUP: i64 = 20;

/// How long to wait for the schedule: a minute if the setup took longer.
const COMES_BY: Duration = Duration::from_secs(90);

/// Waits until the tick of the start has run: it shall not be the one that finds what runs out.
async fn first_tick(connection: &mut PgConnection) {
    let done = "SELECT count(*) FROM job WHERE queue = 'expire' AND finished_at IS NOT NULL";
    let is_done = async {
        while sqlx::query_scalar::<_, i64>(done)
            .fetch_one(&mut *connection)
            .await
            .expect("a number")
            == 0
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(COMES_BY, is_done)
        .await
        .expect("the tick of the start is done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_out_is_announced_once_by_all_nodes_together() {
    let Some(database) = TestDatabase::create(Backend::Postgres).await else {
        return;
    };
    let Some(redis) = PrivateRedis::start().await else {
        return;
    };
    // Their clocks are set so that the schedule comes by when everything is ready.
    let now = Clock::system(0).now().millis() / 1_000;
    let offset = (60 - SETUP - now).rem_euclid(60);
    let settings = [
        ("TEBDIL_CLOCK__OFFSET_S", offset.to_string()),
        ("TEBDIL_CLOCK__UNSAFE_ALLOW_OFFSET", "true".to_owned()),
        ("TEBDIL_CLOCK__MAX_SKEW_S", "0".to_owned()),
    ];
    let settings = settings
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let Some(nodes) = Nodes::start(2, database.url(), &redis.url(redis.port()), &settings).await
    else {
        return;
    };
    let (one, two) = (nodes.url(0).to_owned(), nodes.url(1).to_owned());
    let mut pairs = Vec::new();
    for number in 0..PAIRS {
        pairs.push(pair_at([&one, &two], number).await);
    }
    let mut connection = PgConnection::connect(database.url())
        .await
        .expect("a connection");
    first_tick(&mut connection).await;
    let soon = Clock::system(offset).now() + Duration::from_secs(1);
    sqlx::query("UPDATE matches SET expired_at = $1")
        .bind(soon)
        .execute(&mut connection)
        .await
        .expect("they run out");

    let told = async {
        for (a, b, id) in &mut pairs {
            let ended = json!({"type": "match.ended", "match_id": id, "status": "expired", "reason": "expired", "by": "system"});
            for person in [a, b] {
                assert_eq!(patiently(person, "match.ended").await, ended);
            }
        }
    };
    tokio::time::timeout(COMES_BY, told)
        .await
        .expect("the schedule comes by");
    // Time for somebody else to say it again.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for (a, b, _) in &mut pairs {
        a.hears_no("match.ended").await;
        b.hears_no("match.ended").await;
    }
    let expired = nodes.number(0, "tebdil_matches_expired_total").await
        + nodes.number(1, "tebdil_matches_expired_total").await;
    assert!(
        (expired - f64::from(PAIRS)).abs() < 0.5,
        "{expired} matches were announced"
    );
    let mut count = async |sql: &'static str| {
        sqlx::query_scalar::<_, i64>(sql)
            .fetch_one(&mut connection)
            .await
            .expect("a number")
    };
    assert!(
        count("SELECT count(*) FROM job WHERE queue = 'expire'").await >= 2,
        "the tick of the start and this one"
    );
    let ticks =
        "SELECT count(*) - count(DISTINCT (queue, run_at)) FROM job WHERE dedupe LIKE 'cron:%'";
    assert_eq!(count(ticks).await, 0, "no tick is there twice");
    assert_eq!(
        count("SELECT count(*) FROM job WHERE attempts <> 1 AND state = 2").await,
        0,
        "and none ran twice"
    );
}
