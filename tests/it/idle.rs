//! A server that nobody uses asks little of its database.

use std::time::Duration;

use tebdil_core::testing::Backend;
use tebdil_protocol::time::Clock;
use tokio::time::Instant;

use crate::{ports::free_port, process::ServerProcess};

/// Some jobs run once a minute: in that time each of them does so once.
const WATCHED: Duration = Duration::from_mins(1);

/// A start asks for more: the schema, and what every schedule finds.
const REST: Duration = Duration::from_secs(3);

/// A server, and where its numbers are. By its clock, five minutes of an hour have passed: what
/// comes by each hour is not of this minute.
async fn server(backend: Backend) -> Option<(ServerProcess, String)> {
    let metrics = format!("127.0.0.1:{}", free_port());
    let now = Clock::system(0).now().millis() / 1_000;
    let offset = (300 - now).rem_euclid(3_600).to_string();
    let settings = [
        ("TEBDIL_METRICS__LISTEN", metrics.as_str()),
        ("TEBDIL_CLOCK__OFFSET_S", offset.as_str()),
        ("TEBDIL_CLOCK__UNSAFE_ALLOW_OFFSET", "true"),
        ("TEBDIL_CLOCK__MAX_SKEW_S", "0"),
    ];
    let server = ServerProcess::start(backend, &settings).await?;
    Some((server, format!("http://{metrics}/metrics")))
}

async fn statements(numbers: &str) -> f64 {
    let answer = crate::http::get(numbers).await.expect("an answer");
    let text = answer.text().await.expect("text");
    let count = text
        .lines()
        .find_map(|line| line.strip_prefix("tebdil_statements_total "))
        .expect("they are counted");
    count.trim().parse().expect("a number")
}

/// Both at the same time: they wait for a minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_node_asks_four_times_a_second_at_most() {
    let mut servers = Vec::new();
    for backend in [Backend::Sqlite, Backend::Postgres] {
        servers.extend(server(backend).await);
    }
    tokio::time::sleep(REST).await;
    let mut before = Vec::new();
    for (_, numbers) in &servers {
        before.push((statements(numbers).await, Instant::now()));
    }
    tokio::time::sleep(WATCHED).await;
    for ((server, numbers), (count, since)) in servers.iter_mut().zip(before) {
        let asked = statements(numbers).await - count;
        let a_second = asked / since.elapsed().as_secs_f64();
        assert!(
            (0.5..=4.0).contains(&a_second),
            "{a_second:.2} statements a second"
        );
        assert_eq!(server.terminate().await, Some(0));
    }
}
