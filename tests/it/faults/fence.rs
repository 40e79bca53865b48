//! A leader that is cut off while it writes, and whose words arrive when somebody else leads.

use std::time::Duration;

use reqwest::Url;
use serde_json::json;
use tebdil_core::testing::{Backend, TestDatabase};

use super::{Site, within};
use crate::{
    chaos::{ChaosProxy, Mode, Side},
    services::PrivateRedis,
};

/// In which a node that can lead does.
const LEADS: Duration = Duration::from_secs(20);

/// In which what was stuck has arrived.
const ARRIVED: Duration = Duration::from_secs(20);

/// Matches that were made, and rights that were taken for them.
const MADE: &str = "SELECT (SELECT COUNT(*) FROM matches) + (SELECT COUNT(*) FROM quota_ledger WHERE reason = 'match')";

async fn the_words_of_the_former_leader_arrive(site: &Site, leader: usize) {
    within(
        ARRIVED,
        "the words of the former leader arrive",
        async || {
            let mut ends = 0.0;
            for name in [
                "tebdil_match_writes_fenced_total",
                "tebdil_match_write_failures_total",
            ] {
                ends += site.metric(leader, name).await.unwrap_or(0.0);
            }
            ends > 0.0 || site.count(MADE).await > 0
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_match_of_a_former_leader_comes_too_late() {
    let Some(redis) = PrivateRedis::start().await else {
        return;
    };
    let Some(database) = TestDatabase::create(Backend::Postgres).await else {
        return;
    };
    let address = Url::parse(database.url()).expect("an address");
    let (mut to_redis, mut to_postgres, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..2 {
        let (redis, postgres) = (
            ChaosProxy::start(redis.port()).await,
            ChaosProxy::start(address.port().unwrap_or(5432)).await,
        );
        let mut through = address.clone();
        through
            .set_port(Some(postgres.port()))
            .expect("it has a port");
        lines.push((redis.port(), through.to_string()));
        to_redis.push(redis);
        to_postgres.push(postgres);
    }
    let Some(site) = Site::with(redis, database, &lines).await else {
        return;
    };
    let leader = site.leader().await;
    let other = 1 - leader;
    // The next leader knows of the first alone: it has nobody for it.
    let (mut a, mut b) = (site.person(other).await, site.person(leader).await);
    b.find().await;

    // What the leader says to the database waits on the way.
    to_postgres[leader].set(Mode::HalfOpen(Side::Client)).await;
    a.find().await;
    within(LEADS, "the leader writes the match", async || {
        site.metric(leader, "tebdil_match_batch_size_count").await >= Some(1.0)
    })
    .await;
    // It loses its lease and does not hear of it.
    to_redis[leader].set(Mode::Refuse).await;
    site.redis.forget("*lease*").await;
    within(LEADS, "the other node leads", async || {
        site.metric(other, "tebdil_matchmaker_leads").await >= Some(1.0)
    })
    .await;
    a.send(json!({"type": "match.cancel", "id": "cancel"}))
        .await;
    a.until("match.cancelled").await;

    to_postgres[leader].set(Mode::Pass).await;
    the_words_of_the_former_leader_arrive(&site, leader).await;
    assert_eq!(
        site.count(MADE).await,
        0,
        "who has cancelled is neither matched nor pays"
    );
    a.hears_no("match.found").await;

    // The search of the other goes on.
    to_redis[leader].set(Mode::Pass).await;
    within(ARRIVED, "the former leader is back", async || {
        site.reaches_redis(leader).await == Some(true)
    })
    .await;
    within(ARRIVED, "the new one has its search", async || {
        site.metric(other, "tebdil_tickets_waiting").await >= Some(1.0)
    })
    .await;
    let mut c = site.person(other).await;
    c.find().await;
    let id = c.found().await;
    assert_eq!(b.found().await, id);
    assert_eq!(site.count(MADE).await, 3);
    a.hears_no("match.found").await;
}
