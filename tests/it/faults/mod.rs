//! Nodes that are killed, and nodes that lose Redis or each other, as processes of their own.

mod calls;
mod cut_off;
mod fence;
mod flush;
mod leader;
mod node;
mod searches;
mod silence;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection as _;
use tebdil_client::raw::RawError;
use tebdil_core::testing::{Backend, TestDatabase};
use tokio::time::Instant;

use crate::{
    harness::{PASSWORD, TestUser},
    process::ClusterProcess,
    services::{PrivateRedis, free_port},
    sockets::{Person, connect_to},
};

/// Phone numbers of [`Site::person`]; those of the load are others.
const FIRST_PHONE: u32 = 1_000_000;

/// A cluster with a Redis and a database of its own.
struct Site {
    // Before what it uses: it is killed first.
    cluster: ClusterProcess,
    redis: PrivateRedis,
    database: TestDatabase,
    metrics: Vec<String>,
    http: reqwest::Client,
    phones: AtomicU32,
}

impl Site {
    /// Nodes that reach Redis directly. `None` when a service is missing and not required.
    async fn start(nodes: usize) -> Option<Self> {
        let redis = PrivateRedis::start().await?;
        let ports = vec![redis.port(); nodes];
        Self::around(redis, &ports).await
    }

    /// One node for each port through which it reaches Redis.
    async fn around(redis: PrivateRedis, ports: &[u16]) -> Option<Self> {
        let database = TestDatabase::create(Backend::Postgres).await?;
        let ways: Vec<(u16, String)> = ports
            .iter()
            .map(|port| (*port, database.url().to_owned()))
            .collect();
        Self::with(redis, database, &ways).await
    }

    /// One node for each port through which it reaches Redis and address through which it reaches
    /// the database.
    async fn with(
        redis: PrivateRedis,
        database: TestDatabase,
        ways: &[(u16, String)],
    ) -> Option<Self> {
        let own: Vec<[String; 3]> = ways
            .iter()
            .map(|(port, url)| {
                [
                    redis.url(*port),
                    url.clone(),
                    format!("127.0.0.1:{}", free_port()),
                ]
            })
            .collect();
        let settings: Vec<[(&str, &str); 3]> = own
            .iter()
            .map(|[redis, url, metrics]| {
                [
                    ("TEBDIL_REDIS__URL", redis.as_str()),
                    ("TEBDIL_DATABASE__URL", url),
                    ("TEBDIL_METRICS__LISTEN", metrics),
                ]
            })
            .collect();
        let settings: Vec<&[(&str, &str)]> = settings.iter().map(|own| &own[..]).collect();
        // People of whom nothing is read for a while do not answer pings either.
        let common = [
            ("TEBDIL_LOG", "info"),
            ("TEBDIL_WS__HEARTBEAT_S", "120"),
            ("TEBDIL_MATCHING__CALL_ABSENCE_S", "10"),
        ];
        let cluster = ClusterProcess::start(&common, &settings).await?;
        let metrics = own
            .into_iter()
            .map(|[.., address]| format!("http://{address}/metrics"))
            .collect();
        Some(Self {
            cluster,
            redis,
            database,
            metrics,
            http: crate::http::client(),
            phones: AtomicU32::new(FIRST_PHONE),
        })
    }

    /// Where a client goes that wants this node.
    fn at(&self, node: usize) -> &str {
        &self.cluster.node(node).url
    }

    /// What a node says of its way to the others; `None` when it says nothing.
    async fn reaches_redis(&self, node: usize) -> Option<bool> {
        self.reaches(node, "redis").await
    }

    /// What a node says of its way to `what`; `None` when it says nothing.
    async fn reaches(&self, node: usize, what: &str) -> Option<bool> {
        let asked = async {
            self.http
                .get(format!("{}/readyz", self.at(node)))
                .send()
                .await
                .ok()?
                .json::<Value>()
                .await
                .ok()
        };
        tokio::time::timeout(Duration::from_secs(5), asked)
            .await
            .ok()??[what]
            .as_bool()
    }

    /// The sum of a metric over its labels; `None` when the node does not say.
    async fn metric(&self, node: usize, name: &str) -> Option<f64> {
        let asked = async {
            self.http
                .get(&self.metrics[node])
                .send()
                .await
                .ok()?
                .text()
                .await
                .ok()
        };
        let text = tokio::time::timeout(Duration::from_secs(5), asked)
            .await
            .ok()??;
        let values = text.lines().filter(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['{', ' ']))
        });
        values
            .map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// The node that leads the matching, once exactly one does.
    async fn leader(&self) -> usize {
        let began = Instant::now();
        loop {
            let mut leaders = Vec::new();
            for node in 0..self.metrics.len() {
                if self
                    .metric(node, "tebdil_matchmaker_leads")
                    .await
                    .is_some_and(|leads| leads > 0.0)
                {
                    leaders.push(node);
                }
            }
            if let [leader] = leaders[..] {
                return leader;
            }
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "these lead: {leaders:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// One call of the API.
    async fn call(
        &self,
        url: &str,
        method: Method,
        path: &str,
        token: &str,
        body: &Value,
    ) -> Value {
        let request = self
            .http
            .request(method, format!("{url}{path}"))
            .bearer_auth(token)
            .json(body);
        let answer = request
            .timeout(Duration::from_secs(30))
            .send()
            .await
            .expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_slice(&answer.bytes().await.expect("a body")).unwrap_or_default()
    }

    /// A new user with keys at the server, without a socket.
    async fn user(&self, url: &str) -> TestUser {
        let phone = tebdil_client::chat::test_phone(self.phones.fetch_add(1, Ordering::Relaxed));
        let body = json!({"phone": phone, "password": PASSWORD, "alias": "biri", "birth_date": "1990-05-17", "accept_terms": true});
        let answer = self
            .call(url, Method::POST, "/v1/auth/register", "", &body)
            .await;
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let tokens = &answer["tokens"];
        let user = TestUser {
            id: text(&answer["user"]["id"]),
            phone,
            access: text(&tokens["access_token"]),
            refresh: text(&tokens["refresh_token"]),
        };
        let keys = json!({"packages": ["AAAA", "AAAB"], "last_resort": "AAAC"});
        self.call(url, Method::PUT, "/v1/keys", &user.access, &keys)
            .await;
        user
    }

    /// A new user whose socket is at this node.
    async fn person(&self, node: usize) -> Person {
        let user = self.user(self.at(node)).await;
        Person {
            socket: connect_to(self.at(node), &user).await,
            user,
        }
    }

    /// Two new users at these nodes, and their match. Nobody else may be searching.
    async fn pair(&self, nodes: [usize; 2]) -> (Person, Person, String) {
        self.pair_for("text", nodes).await
    }

    /// The same for a match of this mode.
    async fn pair_for(&self, mode: &str, nodes: [usize; 2]) -> (Person, Person, String) {
        let (mut a, mut b) = (self.person(nodes[0]).await, self.person(nodes[1]).await);
        a.find_for(mode).await;
        b.find_for(mode).await;
        let id = a.found().await;
        assert_eq!(b.found().await, id);
        (a, b, id)
    }

    /// Changes the database behind the server's back.
    async fn execute(&self, sql: &'static str) {
        let mut connection = sqlx::PgConnection::connect(self.database.url())
            .await
            .expect("a connection");
        sqlx::query(sql)
            .execute(&mut connection)
            .await
            .expect("changed");
        connection.close().await.expect("closed");
    }

    /// What a query for one number finds.
    async fn count(&self, sql: &'static str) -> i64 {
        let mut connection = sqlx::PgConnection::connect(self.database.url())
            .await
            .expect("a connection");
        let count = sqlx::query_scalar(sql)
            .fetch_one(&mut connection)
            .await
            .expect("a number");
        connection.close().await.expect("closed");
        count
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for node in 0..self.metrics.len() {
                let log =
                    std::fs::read_to_string(self.cluster.node(node).log_path()).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                eprintln!(
                    "node {node} said last:\n{}",
                    lines[lines.len().saturating_sub(60)..].join("\n")
                );
            }
        }
    }
}

/// Waits until a condition holds; how long it took.
async fn within<F: Future<Output = bool>>(
    limit: Duration,
    what: &str,
    condition: impl Fn() -> F,
) -> Duration {
    let began = Instant::now();
    let held = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(
        tokio::time::timeout(limit, held).await.is_ok(),
        "not within {limit:?}: {what}"
    );
    began.elapsed()
}

/// Waits until the peer is said to be online, or not; how long it took. The same as before may be
/// said again first: by who was brought up to date, and by who tells the news.
async fn hears(person: &mut Person, online: bool, limit: Duration) -> Duration {
    let began = Instant::now();
    let heard = async {
        loop {
            match person.socket.recv_json().await {
                Ok(frame) if frame["type"] == "peer.presence" && frame["online"] == online => {
                    return;
                }
                Ok(_) | Err(RawError::Timeout) => {}
                Err(error) => panic!("waiting for presence: {error}"),
            }
        }
    };
    assert!(
        tokio::time::timeout(limit, heard).await.is_ok(),
        "no word on presence within {limit:?}"
    );
    began.elapsed()
}

/// All frames that have come by now.
async fn heard_by_now(person: &mut Person) -> Vec<Value> {
    let mut frames = Vec::new();
    person
        .send(json!({"type": "message.sync", "match_id": "1", "peer_seq": 0, "id": "by now"}))
        .await;
    loop {
        let frame = person.socket.recv_json().await.expect("a frame");
        if frame["re"] == "by now" {
            return frames;
        }
        frames.push(frame);
    }
}

/// What a person was told by now of whether its peer is online.
async fn words_by_now(person: &mut Person) -> Vec<bool> {
    let frames = heard_by_now(person).await;
    frames
        .iter()
        .filter(|frame| frame["type"] == "peer.presence")
        .map(|frame| frame["online"] == true)
        .collect()
}

/// Waits until the last word on whether the peer is online is this one.
async fn hears_last(person: &mut Person, online: bool, limit: Duration) {
    let began = Instant::now();
    let mut last = None;
    while last != Some(online) {
        last = words_by_now(person).await.last().copied().or(last);
        assert!(began.elapsed() < limit, "the last word is {last:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Shows both ways that typing, messages and receipts arrive. The messages have these numbers.
async fn talk(a: &mut Person, b: &mut Person, id: &str, seqs: [i64; 2]) {
    let (mut a, mut b) = (a, b);
    for seq in seqs {
        a.send(json!({"type": "typing", "match_id": id, "on": true}))
            .await;
        b.until("typing").await;
        assert_eq!(a.say(id, seq, "hello").await["seq"], seq);
        assert_eq!(b.until("message.new").await["seq"], seq);
        for (kind, told) in [
            ("message.ack", "message.delivered"),
            ("message.read", "message.read"),
        ] {
            b.send(json!({"type": kind, "match_id": id, "seq": seq}))
                .await;
            assert_eq!(a.until(told).await["seq"], seq);
        }
        std::mem::swap(&mut a, &mut b);
    }
}
