//! Nodes and services that fail or leave, as processes of their own.

mod codes;
mod leave;
mod limits;
pub mod people;
mod postgres;
mod readiness;
mod redis;
mod rolling;
mod schedules;
mod silence;
mod talk;

use std::{ops::Range, sync::Arc, time::Duration};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::{task::JoinSet, time::Instant};

use crate::{process::ClusterProcess, services::free_port};

/// Nodes on one PostgreSQL and one Redis, each with its numbers on a port of its own.
struct Nodes {
    cluster: ClusterProcess,
    numbers: Vec<String>,
}

impl Nodes {
    /// Starts them behind nginx. `None` when there is no nginx and none is required.
    async fn start(
        count: usize,
        database: &str,
        redis: &str,
        settings: &[(&str, &str)],
    ) -> Option<Self> {
        let numbers: Vec<String> = (0..count)
            .map(|_| format!("127.0.0.1:{}", free_port()))
            .collect();
        let own: Vec<[(&str, &str); 1]> = numbers
            .iter()
            .map(|address| [("TEBDIL_METRICS__LISTEN", address.as_str())])
            .collect();
        let own: Vec<&[(&str, &str)]> = own.iter().map(|own| &own[..]).collect();
        // Some people here do not listen for a while, and so answer no ping. Pings come after half
        // of it, which the proxy waits for.
        let common = [
            ("TEBDIL_DATABASE__URL", database),
            ("TEBDIL_REDIS__URL", redis),
            ("TEBDIL_WS__HEARTBEAT_S", "120"),
        ];
        let common = [&common, settings].concat();
        let cluster = ClusterProcess::start(&common, &own).await?;
        Some(Self { cluster, numbers })
    }

    fn url(&self, node: usize) -> &str {
        &self.cluster.node(node).url
    }

    /// The sum of a metric over its labels at one node; 0 before it was first counted.
    async fn number(&self, node: usize, name: &str) -> f64 {
        let answer = crate::http::get(format!("http://{}/metrics", self.numbers[node]))
            .await
            .expect("an answer");
        let text = answer.text().await.expect("text");
        let of_name = |line: &&str| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with([' ', '{']))
        };
        text.lines()
            .filter(of_name)
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .fold(0.0, |sum, value| sum + value)
    }

    /// Checks that every node is the process it was at its start.
    fn all_run(&mut self) {
        for node in 0..self.numbers.len() {
            assert!(
                self.cluster.node_mut(node).is_running(),
                "node {node} ended"
            );
        }
    }
}

/// What a node says of its readiness, asked all the time.
struct Readiness {
    seen: Arc<Mutex<Vec<(Instant, Answer)>>>,
    _asking: JoinSet<()>,
}

/// Status and body of `/readyz`.
type Answer = Option<(u16, Value)>;

impl Readiness {
    fn watch(url: &str) -> Self {
        /// How long one answer may take: asking is part of what is tested.
        const LIMIT: Duration = Duration::from_secs(5);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (into, url, mut asking) = (Arc::clone(&seen), format!("{url}/readyz"), JoinSet::new());
        asking.spawn(async move {
            let http = crate::http::builder()
                .timeout(LIMIT)
                .build()
                .expect("a client");
            loop {
                let answer = async {
                    let answer = http.get(&url).send().await.ok()?;
                    Some((answer.status().as_u16(), answer.json().await.ok()?))
                };
                let answer: Answer = answer.await;
                into.lock().push((Instant::now(), answer));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Self {
            seen,
            _asking: asking,
        }
    }

    fn answers(&self) -> Vec<(Instant, Answer)> {
        self.seen.lock().clone()
    }

    /// Checks that a node told the truth about something that went at `down` and came back during
    /// `up`: `well` before, then `broken` within `limit`, and `well` again within `limit`. Where it
    /// may not have noticed yet it says one of the two.
    fn told_the_truth(
        &self,
        well: &Answer,
        broken: &Answer,
        down: Instant,
        up: Range<Instant>,
        limit: Duration,
    ) {
        let answers = self.answers();
        for (at, answer) in &answers {
            let wanted: &[&Answer] = if *at < down || *at > up.end + limit {
                &[well]
            } else if *at > down + limit && *at < up.start {
                &[broken]
            } else {
                &[well, broken]
            };
            let (down, up) = (
                at.saturating_duration_since(down),
                at.saturating_duration_since(up.start),
            );
            assert!(
                wanted.contains(&answer),
                "{down:?} after it went, {up:?} after it began to come back: {answer:?}"
            );
        }
        assert!(
            answers.last().is_some_and(|(at, _)| *at > up.end + limit),
            "it was asked to the end"
        );
    }
}
