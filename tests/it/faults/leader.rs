//! The node that pairs everybody is killed in the middle of a rush.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tebdil_client::raw::{RawError, RawSocket};
use tokio::{
    sync::{Barrier, watch},
    task::JoinSet,
    time::Instant,
};

use super::{Site, within};
use crate::harness::TestUser;

const USERS: usize = 500;

/// Users that are known to be searching when the leader is killed; the others are on their way.
const RUSHED: usize = 100;

/// In which everybody is matched after that.
const MATCHED: Duration = Duration::from_secs(10);

/// How far the rush is.
#[derive(Default)]
struct Rush {
    searching: AtomicUsize,
    found: AtomicUsize,
    moved: AtomicUsize,
}

async fn each_right_was_used_once(site: &Site) {
    for (expected, sql) in [
        (250, "SELECT COUNT(*) FROM matches"),
        (500, "SELECT COUNT(*) FROM match_sides"),
        (500, "SELECT COUNT(DISTINCT user_id) FROM match_sides"),
        (
            500,
            "SELECT COUNT(*) FROM quota_ledger WHERE reason = 'match'",
        ),
        (
            500,
            "SELECT COUNT(DISTINCT user_id) FROM quota_ledger WHERE reason = 'match'",
        ),
        (
            4_500,
            "SELECT CAST(SUM(daily_chat_balance) AS BIGINT) FROM users",
        ),
    ] {
        assert_eq!(site.count(sql).await, expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rush_whose_leader_is_killed_is_matched_once() {
    let Some(mut site) = Site::start(3).await else {
        return;
    };
    let leader = site.leader().await;
    let url = site.cluster.url();
    let site_ref = &site;
    let users: Vec<Vec<TestUser>> = futures_util::future::join_all((0..6).map(async |_| {
        let mut users = Vec::new();
        while users.len() < USERS.div_ceil(6) {
            users.push(site_ref.user(&site_ref.cluster.url()).await);
        }
        users
    }))
    .await;

    let rush = Arc::new(Rush::default());
    let start = Arc::new(Barrier::new(USERS + 1));
    let (stop, stopped) = watch::channel(false);
    let mut seekers = JoinSet::new();
    for user in users.into_iter().flatten().take(USERS) {
        let seeker = Seeker {
            url: url.clone(),
            user,
            rush: Arc::clone(&rush),
            searched: false,
            found: HashMap::new(),
        };
        seekers.spawn(seeker.run(Arc::clone(&start), stopped.clone()));
    }
    tokio::time::timeout(Duration::from_mins(1), start.wait())
        .await
        .expect("everybody arrives");
    within(Duration::from_secs(30), "many search", async || {
        rush.searching.load(Ordering::Relaxed) >= RUSHED
    })
    .await;
    site.cluster.node_mut(leader).kill().await;
    let killed = Instant::now();
    let before = rush.found.load(Ordering::Relaxed);
    assert!(before < USERS, "somebody is left to be matched");
    let counts = || {
        (
            rush.searching.load(Ordering::Relaxed),
            rush.found.load(Ordering::Relaxed),
            rush.moved.load(Ordering::Relaxed),
        )
    };
    let all = async {
        while rush.found.load(Ordering::Relaxed) < USERS {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let all = tokio::time::timeout(MATCHED * 3, all).await;
    let took = killed.elapsed();
    assert!(all.is_ok(), "searched, found, moved: {:?}", counts());
    eprintln!(
        "the leader was killed with {before} of {USERS} matched; all were {took:?} later, {} of them from another node",
        counts().2
    );
    assert_ne!(site.leader().await, leader);

    stop.send(true).expect("seekers listen");
    let mut matches: HashMap<String, usize> = HashMap::new();
    for found in seekers.join_all().await {
        assert_eq!(found.len(), 1, "one match each: {found:?}");
        for id in found.into_keys() {
            *matches.entry(id).or_default() += 1;
        }
    }
    assert_eq!(matches.len(), USERS / 2);
    assert!(
        matches.values().all(|sides| *sides == 2),
        "each match has its two"
    );
    each_right_was_used_once(&site).await;
    assert!(took < MATCHED, "{took:?}");
}

/// A client that looks for one match, wherever it has to go for it.
struct Seeker {
    url: String,
    user: TestUser,
    rush: Arc<Rush>,
    searched: bool,
    /// How often it was told of each match.
    found: HashMap<String, usize>,
}

impl Seeker {
    /// The matches that it was told of.
    async fn run(
        mut self,
        start: Arc<Barrier>,
        mut stopped: watch::Receiver<bool>,
    ) -> HashMap<String, usize> {
        let first = self.connect().await.expect("a socket");
        start.wait().await;
        let mut open = Some(first);
        while !*stopped.borrow() {
            let socket = match open.take() {
                Some(socket) => Ok(socket),
                None => self.connect().await,
            };
            if let Ok(socket) = socket {
                tokio::select! {
                    error = self.seek(socket) => assert!(matches!(error, RawError::Closed(_) | RawError::Transport(_)), "{error}"),
                    _ = stopped.changed() => break,
                }
                self.rush.moved.fetch_add(1, Ordering::Relaxed);
            }
            // As a client that comes back does.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.found
    }

    async fn connect(&mut self) -> Result<RawSocket, RawError> {
        let mut socket = RawSocket::open(&self.url).await?;
        socket
            .send_json(&json!({"type": "hello", "token": self.user.access}))
            .await?;
        let welcome = socket.recv_json().await?;
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        for known in welcome["matches"].as_array().expect("a list") {
            self.told_of(known);
        }
        Ok(socket)
    }

    fn told_of(&mut self, found: &Value) {
        if self.found.is_empty() {
            self.rush.found.fetch_add(1, Ordering::Relaxed);
        }
        *self
            .found
            .entry(found["id"].as_str().expect("an id").to_owned())
            .or_default() += 1;
    }

    /// Searches until it is told of a match, and stays; returns when the socket ends.
    async fn seek(&mut self, mut socket: RawSocket) -> RawError {
        let find = json!({"type": "match.find", "mode": "text", "id": "find"});
        if self.found.is_empty()
            && let Err(error) = socket.send_json(&find).await
        {
            return error;
        }
        let mut again: Option<Instant> = None;
        loop {
            // It goes on to listen while it waits: a search that was given up may have been matched
            // all the same.
            let until = again.unwrap_or_else(|| Instant::now() + MATCHED);
            let Ok(frame) = tokio::time::timeout_at(until, socket.recv_json()).await else {
                if again.take().is_some()
                    && self.found.is_empty()
                    && let Err(error) = socket.send_json(&find).await
                {
                    return error;
                }
                continue;
            };
            let frame = match frame {
                Ok(frame) => frame,
                Err(RawError::Timeout) => continue,
                Err(error) => return error,
            };
            match frame["type"].as_str() {
                Some("match.searching") if !std::mem::replace(&mut self.searched, true) => {
                    self.rush.searching.fetch_add(1, Ordering::Relaxed);
                }
                Some("match.found") => self.told_of(&frame["match"]),
                Some("error") => {
                    assert_eq!(
                        (&frame["re"], &frame["code"]),
                        (&json!("find"), &json!("unavailable")),
                        "{frame}"
                    );
                    let wait = frame["retry_after_ms"]
                        .as_u64()
                        .expect("says when to try again");
                    again = Some(Instant::now() + Duration::from_millis(wait));
                }
                _ => {}
            }
        }
    }
}
