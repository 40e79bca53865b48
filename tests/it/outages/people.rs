//! People whose single frames are looked at, at nodes that are processes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::{Mutex, MutexGuard};
use reqwest::Method;
use serde_json::{Value, json};
use tebdil_client::{
    chat::test_phone,
    raw::{Incoming, RawError, RawSocket},
};
use tebdil_protocol::{CloseCode, Secret, ServerFrame};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    harness::{TestServer, TestUser},
    sockets::{Person, connect_to},
};

/// Registers over REST. The number differs from person to person.
async fn register(http: &reqwest::Client, server: &str, number: u32) -> TestUser {
    let phone = test_phone(number);
    let body = TestServer::registration(&phone, &format!("person{number}"));
    let answer = http
        .post(format!("{server}/v1/auth/register"))
        .json(&body)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 201, "{:?}", answer.text().await);
    let body: Value = answer.json().await.expect("JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let tokens = &body["tokens"];
    TestUser {
        id: text(&body["user"]["id"]),
        phone,
        access: text(&tokens["access_token"]),
        refresh: text(&tokens["refresh_token"]),
    }
}

/// A new user with key packages, whose socket is at this server.
pub async fn person(server: &str, number: u32) -> Person {
    let http = crate::http::client();
    let user = register(&http, server, number).await;
    let keys = json!({"packages": ["AAAA", "AAAB", "AAAC", "AAAD"], "last_resort": "AAAE"});
    let request = http
        .request(Method::PUT, format!("{server}/v1/keys"))
        .bearer_auth(&user.access)
        .json(&keys);
    assert_eq!(request.send().await.expect("an answer").status(), 200);
    let socket = connect_to(server, &user).await;
    Person { user, socket }
}

/// Two new people at two servers, in a match.
pub async fn pair_at(servers: [&str; 2], number: u32) -> (Person, Person, String) {
    let (mut a, mut b) = (
        person(servers[0], 2 * number).await,
        person(servers[1], 2 * number + 1).await,
    );
    a.find().await;
    b.find().await;
    let id = a.found().await;
    assert_eq!(b.found().await, id);
    (a, b, id)
}

/// A `match.find`.
pub fn find() -> Value {
    json!({"type": "match.find", "mode": "text"})
}

/// The answer to a request, however long it takes.
pub async fn ask_patiently(person: &mut Person, mut frame: Value) -> Value {
    let id = uuid::Uuid::new_v4().to_string();
    frame["id"] = json!(id);
    person.send(frame).await;
    loop {
        match person.socket.next().await.expect("an open socket") {
            Incoming::Text(text) => {
                let answer: Value = serde_json::from_str(&text).expect("JSON");
                if answer["re"] == json!(id) {
                    return answer;
                }
            }
            Incoming::Heartbeat => {}
            other => panic!("waiting for an answer: {other:?}"),
        }
    }
}

/// Checks that a request is refused as something to be tried again, and soon; how long that took.
pub async fn is_unavailable(person: &mut Person, frame: Value) -> Duration {
    let asked = Instant::now();
    let answer = ask_patiently(person, frame).await;
    assert_eq!(
        (&answer["type"], &answer["code"]),
        (&json!("error"), &json!("unavailable")),
        "{answer}"
    );
    assert!(answer["retry_after_ms"].as_u64() > Some(0), "{answer}");
    asked.elapsed()
}

/// The next frame of this type, however long it takes.
pub async fn patiently(person: &mut Person, kind: &str) -> Value {
    loop {
        match person.socket.next().await.expect("an open socket") {
            Incoming::Text(text) => {
                let frame: Value = serde_json::from_str(&text).expect("JSON");
                if frame["type"] == kind {
                    return frame;
                }
            }
            Incoming::Heartbeat => {}
            other => panic!("waiting for {kind}: {other:?}"),
        }
    }
}

/// One socket of a guest.
#[derive(Debug, Clone, Copy)]
pub struct Visit {
    /// When it was welcomed.
    pub from: Instant,
    /// When it was closed.
    pub until: Option<Instant>,
}

/// Many people who do nothing but be there, through nginx. They come back when they are told to.
pub struct Guests {
    stop: CancellationToken,
    seen: Arc<Mutex<Seen>>,
    tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Seen {
    visits: Vec<Vec<Visit>>,
    /// Sockets that could not be had, or ended in another way than by draining.
    mishaps: BTreeMap<String, usize>,
}

impl Guests {
    /// These guests come in as they can.
    pub fn arrive(server: &str, tokens: Vec<Secret>) -> Self {
        /// How many arrive at the same time.
        const AT_ONCE: usize = 32;
        let mut guests = Self {
            stop: CancellationToken::new(),
            seen: Arc::default(),
            tasks: JoinSet::new(),
        };
        guests.lock().visits = vec![Vec::new(); tokens.len()];
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        for (guest, token) in tokens.into_iter().enumerate() {
            let (turns, server) = (Arc::clone(&turns), server.to_owned());
            let (seen, stop) = (Arc::clone(&guests.seen), guests.stop.clone());
            guests.tasks.spawn(async move {
                let turn = turns.acquire_owned().await.expect("never closed");
                Guest {
                    number: guest,
                    server,
                    token,
                    seen,
                }
                .run(turn, stop)
                .await;
            });
        }
        guests
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock()
    }

    /// How many have an open socket.
    pub fn present(&self) -> usize {
        self.lock()
            .visits
            .iter()
            .filter(|visits| visits.last().is_some_and(|visit| visit.until.is_none()))
            .count()
    }

    /// What went wrong so far, and how often.
    pub fn mishaps(&self) -> BTreeMap<String, usize> {
        self.lock().mishaps.clone()
    }

    /// The sockets of each guest.
    pub fn visits(&self) -> Vec<Vec<Visit>> {
        self.lock().visits.clone()
    }

    /// Lets them go, and waits until they have.
    pub async fn leave(mut self) {
        self.stop.cancel();
        while let Some(left) = self.tasks.join_next().await {
            left.expect("a guest");
        }
    }
}

struct Guest {
    number: usize,
    server: String,
    token: Secret,
    seen: Arc<Mutex<Seen>>,
}

impl Guest {
    async fn run(self, turn: OwnedSemaphorePermit, stop: CancellationToken) {
        let mut turn = Some(turn);
        loop {
            let socket = tokio::time::timeout(
                Duration::from_secs(20),
                RawSocket::hello(&self.server, &self.token),
            )
            .await;
            let mut socket = match socket {
                Ok(Ok((socket, welcome))) if matches!(welcome.frame, ServerFrame::Welcome(_)) => {
                    socket
                }
                other => {
                    self.mishap(format!(
                        "no socket: {:?}",
                        other.map(|opened| opened.map(|(_, first)| first.frame))
                    ));
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    continue;
                }
            };
            turn.take();
            self.with_visits(|visits| {
                visits.push(Visit {
                    from: Instant::now(),
                    until: None,
                });
            });
            let told = tokio::select! {
                told = drained(&mut socket) => told,
                () = stop.cancelled() => return drop(socket.close().await),
            };
            self.with_visits(|visits| {
                visits.last_mut().expect("this visit").until = Some(Instant::now());
            });
            let pause = told.unwrap_or_else(|wrong| {
                self.mishap(wrong);
                Duration::from_millis(100)
            });
            tokio::time::sleep(pause).await;
        }
    }

    fn with_visits(&self, change: impl FnOnce(&mut Vec<Visit>)) {
        change(&mut self.seen.lock().visits[self.number]);
    }

    fn mishap(&self, what: String) {
        *self.seen.lock().mishaps.entry(what).or_default() += 1;
    }
}

/// Waits for the end of a socket; how long its server asked to be left alone.
async fn drained(socket: &mut RawSocket) -> Result<Duration, String> {
    let mut pause = None;
    loop {
        match socket.next().await {
            Ok(Incoming::Text(text)) => {
                let frame: Value =
                    serde_json::from_str(&text).map_err(|error| error.to_string())?;
                if frame["type"] == "draining" {
                    pause = frame["retry_after_ms"].as_u64().map(Duration::from_millis);
                }
            }
            Ok(Incoming::Closed(Some((code, _)))) if code == CloseCode::Draining.code() => {
                return pause
                    .ok_or_else(|| "closed without being told when to come back".to_owned());
            }
            Ok(Incoming::Closed(close)) => return Err(format!("closed: {close:?}")),
            Ok(Incoming::Binary(_) | Incoming::Heartbeat) => {}
            Err(RawError::Closed(code)) => return Err(format!("cut: {code:?}")),
            Err(error) => return Err(format!("cut: {error}")),
        }
    }
}
