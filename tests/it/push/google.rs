//! The way to Google: its tokens and its troubles.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::json;
use tebdil_core::notice::PushOrder;
use tebdil_protocol::{
    Secret,
    domain::NotificationType,
    id::{MatchId, NotificationId, SessionId, UserId},
    time::{Clock, Timestamp},
};
use tebdil_workers::{
    fcm::Fcm,
    push_service::{Outcome, Push, RetryReason},
};
use tokio::net::TcpListener;

use crate::fcm::{FakeFcm, Reply};

fn message() -> PushOrder {
    PushOrder::Message {
        user_id: UserId(1),
        match_id: MatchId(2),
        session_id: SessionId(3),
    }
}

fn clock() -> Clock {
    Clock::manual(Timestamp::from_millis(1_795_251_600_000))
}

async fn send(fcm: &Fcm, clock: &Clock) -> Outcome {
    fcm.send(
        &Secret::from("device"),
        &Push {
            order: &message(),
            until: clock.now() + Duration::from_hours(1),
        },
    )
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_pushes_with_a_stale_token_ask_once_for_another() {
    let (fake, clock) = (FakeFcm::start().await, clock());
    let fcm = Arc::new(fake.client(&fake.url, &clock));
    let fifty = async || join_all((0..50).map(|_| send(&fcm, &clock))).await;
    assert_eq!(fifty().await, [Outcome::Sent; 50]);
    assert_eq!((fake.asked(), fake.taken().len()), (1, 50), "a cold start");

    clock.advance(Duration::from_mins(1));
    fake.revoke();
    assert_eq!(fifty().await, [Outcome::Sent; 50]);
    assert_eq!(
        (fake.asked(), fake.taken().len()),
        (2, 50),
        "it was withdrawn"
    );

    clock.advance(Duration::from_mins(54));
    assert_eq!(send(&fcm, &clock).await, Outcome::Sent);
    assert_eq!(fake.asked(), 2, "five minutes are left");
    clock.advance(Duration::from_mins(1));
    assert_eq!(fifty().await, [Outcome::Sent; 50]);
    assert_eq!(fake.asked(), 3, "not used up to its last minute");

    // A new one that is refused too: no other would help, and nobody asks for one.
    fake.revoke();
    assert_eq!(fifty().await, [Outcome::Auth; 50]);
    assert_eq!(fake.asked(), 3);
    clock.advance(Duration::from_secs(10));
    assert_eq!(send(&fcm, &clock).await, Outcome::Sent);
    assert_eq!(fake.asked(), 4);

    // Nor does a clock that is set back keep a withdrawn token in use.
    clock.set(clock.now() - Duration::from_mins(30));
    fake.revoke();
    assert_eq!(send(&fcm, &clock).await, Outcome::Sent);
    assert_eq!(fake.asked(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_access_token_all_fail_by_one_request() {
    let (fake, clock) = (FakeFcm::start().await, clock());
    let retry = |after: Option<u64>, why| Outcome::Retry {
        after: after.map(Duration::from_secs),
        why,
    };
    let cases = [
        (
            Reply::Say(400, json!({ "error": "invalid_grant" }).to_string()),
            Outcome::Auth,
        ),
        (Reply::Say(401, String::new()), Outcome::Auth),
        (
            Reply::Wait(503, "9".to_owned()),
            retry(Some(9), RetryReason::Unavailable),
        ),
        (
            Reply::Wait(429, "8".to_owned()),
            retry(Some(8), RetryReason::RateLimited),
        ),
        (
            Reply::Say(200, "{}".to_owned()),
            retry(None, RetryReason::Malformed),
        ),
        (Reply::Silence, retry(None, RetryReason::Timeout)),
    ];
    for (asked, (reply, outcome)) in cases.into_iter().enumerate() {
        let fcm = fake.client(&fake.url, &clock);
        fake.answer_grants([reply]);
        assert_eq!(send(&fcm, &clock).await, outcome);
        assert_eq!(fake.asked(), 2 * asked + 1);
        assert_eq!(
            send(&fcm, &clock).await,
            Outcome::Sent,
            "the next one tries again"
        );
    }

    // While one waits for an answer that never comes, the others wait for the same.
    let (fcm, asked) = (fake.client(&fake.url, &clock), fake.asked());
    fake.answer_grants([Reply::Silence]);
    assert_eq!(
        join_all((0..20).map(|_| send(&fcm, &clock))).await,
        [retry(None, RetryReason::Timeout); 20]
    );
    assert_eq!(fake.asked(), asked + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_at_the_other_end_is_trouble_that_may_pass() {
    let (fake, clock) = (FakeFcm::start().await, clock());
    let nobody = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port")
        .local_addr()
        .expect("bound");
    let unreachable = Outcome::Retry {
        after: None,
        why: RetryReason::Unreachable,
    };
    assert_eq!(
        send(&fake.client(&format!("http://{nobody}"), &clock), &clock).await,
        unreachable
    );
    let fcm = fake.client(&fake.url, &clock);
    assert!(!format!("{fcm:?}").contains("PRIVATE"));
    drop(fake);
    let order = PushOrder::Notification {
        user_id: UserId(1),
        id: NotificationId(2),
        of: NotificationType::Claim,
    };
    let push = Push {
        order: &order,
        until: clock.now(),
    };
    assert_eq!(
        fcm.send(&Secret::from("device"), &push).await,
        unreachable,
        "no access token either"
    );
}

#[tokio::test]
async fn credentials_that_cannot_be_used_stop_the_start() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("key.json");
    for text in [None, Some("{}"), Some("hunter2")] {
        if let Some(text) = text {
            std::fs::write(&file, text).expect("a file");
        }
        for arguments in [&["config", "check"][..], &["serve"]] {
            let mut command = crate::process::tebdil(dir.path());
            command
                .args(arguments)
                .env("TEBDIL_PUSH__FCM_CREDENTIALS", &file)
                .env("TEBDIL_HTTP__LISTEN", "127.0.0.1:0");
            let (status, _, stderr) = crate::process::run(command).await;
            assert_eq!(status.code(), Some(2), "{stderr}");
            assert!(
                stderr.contains("push.fcm_credentials")
                    && stderr.contains("key.json")
                    && !stderr.contains("hunter2"),
                "{stderr}"
            );
        }
    }
}
