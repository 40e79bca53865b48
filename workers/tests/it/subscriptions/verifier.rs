//! What the provider is asked, and when it does not answer.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tebdil_core::testing::TestStore;
use tebdil_protocol::{Secret, id::UserId};
use tebdil_workers::Verifier;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
};

use super::{customer, is_premium, workers};
use crate::harness::{DAY, Database, MINUTE, on_both};

on_both! {
    the_verifier_extends_and_ends,
    trouble_ends_nothing_within_the_grace,
    a_slow_verifier_does_not_keep_others_from_their_end,
}

/// A verifier of one's own: answers every request with the bytes it is set to, or not at all.
struct Fake {
    url: String,
    script: Arc<Script>,
    _serving: JoinSet<()>,
}

#[derive(Default)]
struct Script {
    answer: Mutex<Option<String>>,
    asked: AtomicUsize,
    last: Mutex<String>,
}

impl Fake {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!(
            "http://{}/subscriptions/{{id}}",
            listener.local_addr().expect("bound")
        );
        let script = Arc::<Script>::default();
        let mut serving = JoinSet::new();
        let read = Arc::clone(&script);
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let script = Arc::clone(&read);
                connections.spawn(async move {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else {
                            return;
                        };
                        request.push(byte);
                    }
                    script.asked.fetch_add(1, Ordering::SeqCst);
                    *script.last.lock().expect("lock") =
                        String::from_utf8_lossy(&request).into_owned();
                    let answer = script.answer.lock().expect("lock").clone();
                    match answer {
                        Some(answer) => stream
                            .write_all(answer.as_bytes())
                            .await
                            .unwrap_or_default(),
                        // Keeps the line open and says nothing.
                        None => std::future::pending().await,
                    }
                });
            }
        });
        Self {
            url,
            script,
            _serving: serving,
        }
    }

    fn verifier(&self, timeout: Duration) -> Verifier {
        Verifier::new(&self.url, Secret::from("hunter2"), timeout).expect("a client")
    }

    fn says(&self, status: &str, body: &str) {
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        *self.script.answer.lock().expect("lock") = Some(answer);
    }

    fn is_silent(&self) {
        *self.script.answer.lock().expect("lock") = None;
    }

    fn asked(&self) -> usize {
        self.script.asked.load(Ordering::SeqCst)
    }
}

async fn the_verifier_extends_and_ends(db: &Database) {
    let (told, fake) = (Arc::default(), Fake::start().await);
    let workers = workers(
        db,
        &told,
        Some(fake.verifier(Duration::from_secs(10))),
        3 * DAY,
    );
    let ends_at = db.now() + DAY;
    let user = customer(db, "sub/1 ?", ends_at).await;
    workers.run_due_once().await.expect("run");
    assert_eq!(fake.asked(), 0, "not before it ran out");

    db.clock.set(ends_at);
    fake.says(
        "200 OK",
        &format!(
            r#"{{"active":true,"until":"{}","plan":"more than we need"}}"#,
            ends_at + DAY
        ),
    );
    workers.run_due_once().await.expect("run");
    assert_eq!(fake.asked(), 1);
    let request = fake.script.last.lock().expect("lock").clone();
    assert!(
        request.starts_with("GET /subscriptions/sub%2F1%20%3F HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request
            .to_lowercase()
            .contains("authorization: bearer hunter2\r\n"),
        "{request}"
    );
    db.clock.advance(MINUTE);
    workers.run_due_once().await.expect("run");
    assert_eq!(fake.asked(), 1, "the end has moved");
    assert!(is_premium(db, user).await);
    assert_eq!(told.notices(), []);

    db.clock.set(ends_at + DAY);
    fake.says("200 OK", r#"{"active":false}"#);
    workers.run_due_once().await.expect("run");
    assert!(!is_premium(db, user).await);
    assert_eq!(told.notices(), [(user, "premium_ended")]);
}

async fn trouble_ends_nothing_within_the_grace(db: &Database) {
    let (told, fake) = (Arc::default(), Fake::start().await);
    let workers = workers(
        db,
        &told,
        Some(fake.verifier(Duration::from_millis(200))),
        DAY,
    );
    let ends_at = db.now() + DAY;
    let user = customer(db, "sub", ends_at).await;
    db.clock.set(ends_at);
    let past = format!(r#"{{"active":true,"until":"{ends_at}"}}"#);
    let too_long = format!(r#"{{"active":false,"why":"{}"}}"#, "x".repeat(20_000));
    let mut waited = Vec::new();
    for (status, body) in [
        ("500 Internal Server Error", "{}"),
        ("404 Not Found", r#"{"active":false}"#),
        ("302 Found", r#"{"active":false}"#),
        ("200 OK", "<html>"),
        ("200 OK", r#"{"active":true}"#),
        ("200 OK", &past),
        ("200 OK", &too_long),
        ("200 OK", ""),
        ("silence", ""),
    ] {
        if status == "silence" {
            fake.is_silent();
        } else {
            fake.says(status, body);
        }
        let before = fake.asked();
        workers.run_due_once().await.expect("run");
        assert_eq!(fake.asked(), before + 1, "{status} {body}");
        assert!(is_premium(db, user).await, "{status} {body}");
        let due = db
            .time("SELECT due_at FROM subscriptions")
            .await
            .expect("due");
        waited.push(due.since(db.now()).as_secs() / 60);
        db.clock.set(due);
    }
    assert_eq!(waited, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    // A restart of the verifier's machine in the night: nobody is there at all, until the grace is
    // over.
    let nobody = Verifier::new(
        "http://127.0.0.1:1/{id}",
        Secret::from(""),
        Duration::from_secs(1),
    )
    .expect("a client");
    let alone = self::workers(db, &told, Some(nobody), DAY);
    while db.now() < ends_at + DAY {
        alone.run_due_once().await.expect("run");
        assert!(is_premium(db, user).await);
        let due = db
            .time("SELECT due_at FROM subscriptions")
            .await
            .expect("due");
        assert!(due <= ends_at + DAY);
        db.clock.set(due);
    }
    assert_eq!(told.notices(), []);
    alone.run_due_once().await.expect("run");
    assert!(!is_premium(db, user).await, "the grace is over");
    assert_eq!(told.notices(), [(user, "premium_ended")]);
}

async fn a_slow_verifier_does_not_keep_others_from_their_end(db: &Database) {
    let (told, fake) = (Arc::default(), Fake::start().await);
    let workers = workers(db, &told, Some(fake.verifier(Duration::from_mins(1))), DAY);
    let ends_at = db.now() + DAY;
    let bought = customer(db, "sub", ends_at).await;
    let (granted, quota) = (db.user().await, TestStore::quota_rules());
    db.store
        .economy()
        .grant_subscription(granted, "monthly", ends_at, UserId(1), &quota, db.now())
        .await
        .expect("grant");
    db.clock.set(ends_at);
    let ended = crate::harness::until("the granted one has ended", async || {
        !is_premium(db, granted).await
    });
    tokio::select! {
        _ = workers.run_due_once() => panic!("the verifier says nothing yet"),
        () = ended => {}
    }
    assert!(is_premium(db, bought).await);
}
