//! Devices of users who are away are woken: over real HTTP, at a stand-in for Google.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tebdil_core::{
    domain::NotificationType,
    id::{MatchId, NotificationId, UserId},
    notice::{Notice, PUSH_ATTEMPTS, PUSH_QUEUE, PushOrder},
    protocol::Secret,
    store::NewJob,
    testing::Backend,
    time::{Clock, Timestamp},
};
use tebdil_workers::fcm::{Fcm, Outcome, Push, Trouble};
use tokio::net::TcpListener;

use crate::{
    fcm::{FakeFcm, Reply},
    harness::{TestServer, TestUser},
    sockets::{Person, eventually, pair},
};

/// Runs each on SQLite, on PostgreSQL and on two nodes, with a stand-in for Google of its own.
macro_rules! pushed {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let fake = $crate::fcm::FakeFcm::start().await;
                let server = super::start(&fake, async |settings| super::TestServer::start(super::Backend::Sqlite, settings).await).await;
                super::$test(server.expect("SQLite is always there"), fake).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let fake = $crate::fcm::FakeFcm::start().await;
                if let Some(server) = super::start(&fake, async |settings| super::TestServer::start(super::Backend::Postgres, settings).await).await {
                    super::$test(server, fake).await;
                }
            })*
        }

        mod cluster {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let fake = $crate::fcm::FakeFcm::start().await;
                if let Some(server) = super::start(&fake, async |settings| super::TestServer::start_cluster(2, settings).await).await {
                    super::$test(server, fake).await;
                }
            })*
        }
    };
}

pushed! {
    who_is_away_is_woken_and_who_is_there_is_told,
    an_approved_claim_wakes_who_is_away,
    a_message_wakes_whoever_has_not_got_it,
    tokens_belong_to_devices,
    a_dead_token_is_forgotten,
    trouble_is_tried_again_as_long_as_it_is_of_use,
}

async fn start(
    fake: &FakeFcm,
    start: impl AsyncFnOnce(&[(&str, &str)]) -> Option<TestServer>,
) -> Option<TestServer> {
    let settings = fake.settings();
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    start(&settings).await
}

fn id(user: &TestUser) -> UserId {
    user.id.parse().expect("an id")
}

async fn put_token(server: &TestServer, user: &TestUser, token: &str) {
    let path = format!("/v1/me/push-tokens/{token}");
    server
        .call(
            Method::PUT,
            &path,
            &user.access,
            &json!({ "platform": "android" }),
        )
        .await
        .expect(204);
}

/// Tells a user something new, and runs what is due; what came at the devices.
async fn tell(server: &TestServer, fake: &FakeFcm, user: &TestUser, reference: &str) -> Vec<Value> {
    let told = server
        .app
        .store
        .notify(
            id(user),
            &Notice::PasswordReset {},
            reference,
            server.clock.now(),
        )
        .await
        .expect("stored");
    server.app.notifier.tell(&told.expect("it is new"));
    server.run_due_jobs().await;
    fake.taken()
}

/// Runs what is due after somebody has signed in; the tokens that were told of it.
async fn told_of_devices(server: &TestServer, fake: &FakeFcm) -> Vec<Value> {
    server.run_due_jobs().await;
    fake.taken()
        .iter()
        .map(|push| push["token"].clone())
        .collect()
}

/// Closes the socket, and waits until every node knows.
async fn leaves(server: &TestServer, person: Person) -> TestUser {
    let Person {
        user: account,
        socket,
    } = person;
    drop(socket);
    let user = id(&account);
    let presence = &server.app.realtime.presence;
    eventually("the user is away", async || {
        presence
            .online(&[user])
            .await
            .is_ok_and(|online| online == [false])
    })
    .await;
    account
}

/// The numbers that this process has counted.
async fn numbers(server: &TestServer) -> String {
    reqwest::get(format!("{}/metrics", server.metrics))
        .await
        .expect("numbers")
        .text()
        .await
        .expect("text")
}

fn assert_counted(numbers: &str, series: &[&str]) {
    for series in series {
        assert!(
            numbers.lines().any(|line| line.starts_with(series)),
            "{series} is not in\n{numbers}"
        );
    }
}

/// What the user wants no pushes for is stored all the same.
async fn what_is_muted_is_stored_all_the_same(
    server: &TestServer,
    fake: &FakeFcm,
    user: &TestUser,
    tablet: &TestUser,
) {
    let preferences = "/v1/me/notification-preferences";
    let all_on = json!({ "system": true, "match": true, "claim": true, "ad": true });
    assert_eq!(
        server.get(preferences, &user.access).await.expect(200),
        all_on
    );
    let changed = server
        .call(
            Method::PATCH,
            preferences,
            &user.access,
            &json!({ "system": false, "ad": false }),
        )
        .await
        .expect(200);
    assert_eq!(
        changed,
        json!({ "system": false, "match": true, "claim": true, "ad": false })
    );
    for (body, code) in [
        (json!({ "system": "no" }), "invalid_field"),
        (json!({ "sms": true }), "unknown_field"),
    ] {
        server
            .call(Method::PATCH, preferences, &user.access, &body)
            .await
            .expect_problem(422, code);
    }
    assert_eq!(tell(server, fake, user, "4").await, [] as [Value; 0]);
    assert_eq!(
        server.get(preferences, &tablet.access).await.expect(200),
        changed,
        "of the account, not of the device"
    );
    server
        .call(
            Method::PATCH,
            preferences,
            &user.access,
            &json!({ "system": true }),
        )
        .await
        .expect(200);
    assert_eq!(tell(server, fake, user, "5").await.len(), 2);
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM notifications")
            .await,
        7,
        "with two of new devices"
    );
}

async fn who_is_away_is_woken_and_who_is_there_is_told(server: TestServer, fake: FakeFcm) {
    let mut ayse = Person::new(&server, "ayse").await;
    let user = ayse.user.clone();
    put_token(&server, &user, "phone-of-ayse:APA91b").await;
    assert_eq!(
        tell(&server, &fake, &user, "1").await,
        [] as [Value; 0],
        "the socket told"
    );
    assert_eq!(
        ayse.until("notification").await["notification"]["data"]["code"],
        "password_reset"
    );

    leaves(&server, ayse).await;
    let pushes = tell(&server, &fake, &user, "2").await;
    let [push] = &pushes[..] else {
        panic!("one push: {pushes:?}")
    };
    assert_eq!(push["token"], "phone-of-ayse:APA91b");
    assert_eq!(push["data"]["type"], "system");
    let newest = server.count("SELECT MAX(id) FROM notifications").await;
    assert_eq!(
        push["data"],
        json!({ "type": "system", "notification_id": newest.to_string() })
    );
    for word in [
        "notification\":{",
        "title",
        "body",
        "ayse#",
        &user.phone,
        &user.id,
    ] {
        assert!(!push.to_string().contains(word), "{word} in {push}");
    }

    // Further devices of the same user, each once; one that signed out is not woken.
    let tablet = server.login(&user.phone).await;
    put_token(&server, &tablet, "tablet").await;
    let lost = server.login(&user.phone).await;
    put_token(&server, &lost, "lost").await;
    server
        .post("/v1/auth/logout", &lost.access, &json!({}))
        .await
        .expect(204);
    let of_devices = told_of_devices(&server, &fake).await;
    assert!(
        of_devices.contains(&json!("phone-of-ayse:APA91b")),
        "who is signed in hears of the new ones: {of_devices:?}"
    );
    let mut woken: Vec<Value> = tell(&server, &fake, &user, "3")
        .await
        .iter()
        .map(|push| push["token"].clone())
        .collect();
    woken.sort_by_key(Value::to_string);
    assert_eq!(woken, ["phone-of-ayse:APA91b", "tablet"]);

    what_is_muted_is_stored_all_the_same(&server, &fake, &user, &tablet).await;

    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE state <> 2")
            .await,
        0
    );
    let counted = numbers(&server).await;
    assert_counted(
        &counted,
        &[
            "tebdil_push_total{outcome=\"sent\"}",
            "tebdil_push_orders_total{outcome=\"handed_out\"}",
            "tebdil_push_orders_total{outcome=\"online\"}",
            "tebdil_push_orders_total{outcome=\"muted\"}",
            "tebdil_push_access_tokens_total{outcome=\"fetched\"}",
            "tebdil_push_seconds_count",
        ],
    );
    assert!(!counted.contains("APA91b"), "no token in the numbers");
    server.stop().await;
}

async fn an_approved_claim_wakes_who_is_away(server: TestServer, fake: FakeFcm) {
    let (a, b, match_id) = pair(&server).await;
    put_token(&server, &a.user, "phone").await;
    let [user, _] = [leaves(&server, a).await, leaves(&server, b).await];
    server.clock.advance(Duration::from_hours(2));
    let user = server.login(&user.phone).await;
    assert_eq!(told_of_devices(&server, &fake).await, ["phone"]);
    server.clock.advance(Duration::from_mins(1));
    server
        .post("/v1/claims", &user.access, &json!({ "match_id": match_id }))
        .await
        .expect(201);
    server.run_due_jobs().await;

    let pushes = fake.taken();
    let [push] = &pushes[..] else {
        panic!("one push: {pushes:?}")
    };
    let told = server
        .count("SELECT MAX(id) FROM notifications WHERE code = 'claim_approved'")
        .await;
    assert_eq!(push["token"], "phone");
    assert_eq!(
        push["data"],
        json!({ "type": "claim", "notification_id": told.to_string() })
    );
    assert_eq!(
        server.get("/v1/me/quota", &user.access).await.expect(200)["text"],
        10
    );
    server.clock.advance(Duration::from_mins(1));
    server.run_due_jobs().await;
    assert_eq!(fake.taken(), [] as [Value; 0], "once");
    server.stop().await;
}

/// Orders a wake-up for messages, and runs what is due.
async fn order(server: &TestServer, fake: &FakeFcm, order: &PushOrder) -> Vec<Value> {
    let payload = serde_json::to_vec(order).expect("plain data");
    let now = server.clock.now();
    let job = NewJob {
        queue: PUSH_QUEUE,
        payload: &payload,
        dedupe: None,
        run_at: now,
        max_attempts: PUSH_ATTEMPTS,
    };
    assert!(server.app.store.push_job(job, now).await.expect("pushed"));
    server.run_due_jobs().await;
    fake.taken()
}

async fn a_message_wakes_whoever_has_not_got_it(server: TestServer, fake: FakeFcm) {
    let (mut ayse, berk, match_id) = pair(&server).await;
    put_token(&server, &berk.user, "phone-of-berk").await;
    let berk = leaves(&server, berk).await;
    let wake = PushOrder::Message {
        user_id: id(&berk),
        match_id: match_id.parse().expect("an id"),
    };
    assert_eq!(
        order(&server, &fake, &wake).await,
        [] as [Value; 0],
        "nothing was said"
    );
    assert_eq!(
        ayse.say(&match_id, "kimse yok mu").await["type"],
        "message.accepted"
    );
    let pushes = order(&server, &fake, &wake).await;
    // The server may have ordered one by itself meanwhile.
    let Some(push) = pushes.first() else {
        panic!("a push")
    };
    assert!(pushes.iter().all(|other| other["data"] == push["data"]));
    assert_eq!(
        (&push["token"], &push["data"]),
        (
            &json!("phone-of-berk"),
            &json!({ "type": "message", "match_id": match_id })
        )
    );
    assert_eq!(push["android"]["collapse_key"], "messages");

    // It looks at another device; the phone hears of nothing that was received.
    let mut berk = Person {
        socket: crate::sockets::connect(&server, &berk).await,
        user: berk,
    };
    let seq = berk.until("message.new").await["seq"].clone();
    assert_eq!(
        order(&server, &fake, &wake).await,
        [] as [Value; 0],
        "online"
    );
    berk.send(json!({ "type": "message.ack", "match_id": match_id, "seq": seq }))
        .await;
    ayse.until("message.delivered").await;
    leaves(&server, berk).await;
    assert_eq!(
        order(&server, &fake, &wake).await,
        [] as [Value; 0],
        "received"
    );

    // An order that waited too long wakes nobody; what still waits is pushed by a new one.
    assert_eq!(
        ayse.say(&match_id, "hâlâ yok mu").await["type"],
        "message.accepted"
    );
    let payload = serde_json::to_vec(&wake).expect("plain data");
    let now = server.clock.now();
    let late = NewJob {
        queue: PUSH_QUEUE,
        payload: &payload,
        dedupe: None,
        run_at: now,
        max_attempts: PUSH_ATTEMPTS,
    };
    server.app.store.push_job(late, now).await.expect("pushed");
    server.clock.advance(Duration::from_hours(1));
    server.run_due_jobs().await;
    assert!(fake.taken().len() <= 1);
    assert_counted(
        &numbers(&server).await,
        &[
            "tebdil_push_orders_total{outcome=\"seen\"}",
            "tebdil_push_orders_total{outcome=\"stale\"}",
        ],
    );
    server.stop().await;
}

async fn put(
    server: &TestServer,
    user: &TestUser,
    token: &str,
    body: Value,
) -> crate::harness::Reply {
    server
        .call(
            Method::PUT,
            &format!("/v1/me/push-tokens/{token}"),
            &user.access,
            &body,
        )
        .await
}

async fn wrong_tokens_are_refused(
    server: &TestServer,
    fake: &FakeFcm,
    ayse: &TestUser,
    android: &Value,
) {
    for bad in [
        "x".repeat(4097),
        "a%20b".to_owned(),
        "%01".to_owned(),
        "%C3%A7".to_owned(),
        "%FF".to_owned(),
    ] {
        put(server, ayse, &bad, android.clone())
            .await
            .expect_problem(422, "invalid_field");
        server
            .delete(&format!("/v1/me/push-tokens/{bad}"), &ayse.access)
            .await
            .expect_problem(422, "invalid_field");
    }
    for (body, code) in [
        (json!({ "platform": "symbian" }), "invalid_field"),
        (json!({}), "invalid_field"),
        (json!({ "platform": "web", "user": "1" }), "unknown_field"),
    ] {
        put(server, ayse, "other", body)
            .await
            .expect_problem(422, code);
    }
    server
        .call(Method::PUT, "/v1/me/push-tokens/x", "", android)
        .await
        .expect_problem(401, "unauthorized");
    assert_eq!(
        tell(server, fake, ayse, "4").await.len(),
        1,
        "what was refused changed nothing"
    );
}

async fn tokens_belong_to_devices(server: TestServer, fake: FakeFcm) {
    let (ayse, berk) = (server.register("ayse").await, server.register("berk").await);
    let android = json!({ "platform": "android" });
    put(&server, &ayse, "handset", android.clone())
        .await
        .expect(204);
    put(&server, &ayse, "handset", json!({ "platform": "web" }))
        .await
        .expect(204);
    put(&server, &berk, "handset", json!({ "platform": "ios" }))
        .await
        .expect(204);
    assert_eq!(
        tell(&server, &fake, &ayse, "1").await,
        [] as [Value; 0],
        "the phone changed hands"
    );
    assert_eq!(tell(&server, &fake, &berk, "1").await.len(), 1);

    // Every visible byte, and the longest there is.
    let odd = "a%3Ab%2Fc%25%7Bd%7D%3F%23%22";
    put(&server, &ayse, odd, android.clone()).await.expect(204);
    assert_eq!(
        tell(&server, &fake, &ayse, "2").await[0]["token"],
        "a:b/c%{d}?#\""
    );
    put(&server, &ayse, &"x".repeat(4096), android.clone())
        .await
        .expect(204);
    assert_eq!(
        tell(&server, &fake, &ayse, "3").await.len(),
        1,
        "it replaces the one before"
    );
    wrong_tokens_are_refused(&server, &fake, &ayse, &android).await;

    server
        .delete("/v1/me/push-tokens/handset", &ayse.access)
        .await
        .expect_problem(404, "not_found");
    server
        .delete("/v1/me/push-tokens/handset", &berk.access)
        .await
        .expect(204);
    server
        .delete("/v1/me/push-tokens/handset", &berk.access)
        .await
        .expect_problem(404, "not_found");
    assert_eq!(tell(&server, &fake, &berk, "2").await, [] as [Value; 0]);

    // A new password ends the other sessions, and what wakes them.
    let tablet = server.login(&ayse.phone).await;
    put_token(&server, &tablet, "tablet").await;
    told_of_devices(&server, &fake).await;
    let change =
        json!({ "current_password": crate::harness::PASSWORD, "new_password": "kar yağıyor yine" });
    server
        .post("/v1/me/password", &tablet.access, &change)
        .await
        .expect(204);
    let woken = tell(&server, &fake, &ayse, "5").await;
    assert_eq!(
        woken.iter().map(|push| &push["token"]).collect::<Vec<_>>(),
        ["tablet"]
    );
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM push_tokens")
            .await,
        1
    );
    assert!(
        !numbers(&server).await.contains("handset"),
        "the numbers name the route and no token"
    );
    server.stop().await;
}

async fn a_dead_token_is_forgotten(server: TestServer, fake: FakeFcm) {
    let ayse = server.register("ayse").await;
    let tokens = async || {
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM push_tokens")
            .await
    };
    for (n, dead) in [
        Reply::error(404, "UNREGISTERED"),
        Reply::error(403, "SENDER_ID_MISMATCH"),
        Reply::invalid("message.token"),
    ]
    .into_iter()
    .enumerate()
    {
        put_token(&server, &ayse, "dead").await;
        fake.answer([dead]);
        assert_eq!(
            tell(&server, &fake, &ayse, &n.to_string()).await,
            [] as [Value; 0]
        );
        assert_eq!((fake.unasked(), tokens().await), (0, 0), "{n}");
    }
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE state <> 2")
            .await,
        0,
        "nothing failed"
    );

    // The message is wrong, or the address: no fault of the token.
    put_token(&server, &ayse, "very-secret-token").await;
    fake.answer([Reply::invalid("message.data")]);
    tell(&server, &fake, &ayse, "data").await;
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE state = 3")
            .await,
        1,
        "a dead letter"
    );
    fake.answer([Reply::Say(404, "<html>no such page</html>".to_owned())]);
    tell(&server, &fake, &ayse, "page").await;
    assert_eq!((fake.unasked(), tokens().await), (0, 1));
    let told = "SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE state IN (0, 3) AND error LIKE '%FCM%' AND error NOT LIKE '%secret%'";
    assert_eq!(server.count(told).await, 2);
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE dedupe LIKE '%secret%'")
            .await,
        0
    );
    assert_counted(
        &numbers(&server).await,
        &[
            "unregistered",
            "sender_mismatch",
            "invalid_token",
            "invalid",
            "auth",
        ]
        .map(|of| format!("tebdil_push_total{{outcome=\"{of}\"}}"))
        .each_ref()
        .map(String::as_str),
    );
    server.stop().await;
}

async fn trouble_is_tried_again_as_long_as_it_is_of_use(server: TestServer, fake: FakeFcm) {
    let ayse = server.register("ayse").await;
    put_token(&server, &ayse, "phone").await;
    let after = async |wait: Duration| {
        server.clock.advance(wait);
        server.run_due_jobs().await;
        fake.taken().len()
    };
    // As long as Google asks for, and no shorter.
    fake.answer([Reply::Wait(429, "120".to_owned())]);
    assert_eq!(tell(&server, &fake, &ayse, "1").await.len(), 0);
    assert_eq!(after(Duration::from_millis(119_999)).await, 0);
    assert_eq!(after(Duration::from_millis(1)).await, 1);

    // By the date: 2026-11-21 09:02:00 and a minute.
    fake.answer([Reply::Wait(503, "Sat, 21 Nov 2026 09:03:00 GMT".to_owned())]);
    assert_eq!(tell(&server, &fake, &ayse, "2").await.len(), 0);
    assert_eq!(after(Duration::from_millis(59_999)).await, 0);
    assert_eq!(after(Duration::from_millis(1)).await, 1);

    // Else by the queue's own backoff.
    fake.answer([
        Reply::error(503, "UNAVAILABLE"),
        Reply::error(500, "INTERNAL"),
        Reply::Silence,
        Reply::Say(200, "{\"na".to_owned()),
        Reply::Say(200, "x".repeat(100_000)),
    ]);
    assert_eq!(tell(&server, &fake, &ayse, "3").await.len(), 0);
    for (backoff, came) in [(500, 0), (1_000, 0), (2_000, 0), (4_000, 0), (8_000, 1)] {
        assert_eq!(
            after(Duration::from_millis(backoff)).await,
            came,
            "after {backoff} ms"
        );
    }

    // One request for an access token served all of that, at each node. Once withdrawn, one more
    // does, unseen by anybody.
    let asked = fake.asked();
    assert!((1..=2).contains(&asked), "{asked}");
    server.clock.advance(Duration::from_mins(1));
    fake.revoke();
    assert_eq!(tell(&server, &fake, &ayse, "4").await.len(), 1);
    assert_eq!(fake.asked(), asked + 1);

    // What was of use for a day is not tried for ever.
    fake.answer([Reply::Wait(503, "7200".to_owned())]);
    tell(&server, &fake, &ayse, "5").await;
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE state = 0")
            .await,
        1
    );
    assert_eq!(after(Duration::from_hours(24)).await, 0);
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE state IN (0, 3)")
            .await,
        0,
        "it is done with"
    );
    assert_counted(
        &numbers(&server).await,
        &[
            "rate_limited",
            "unavailable",
            "timeout",
            "malformed",
            "stale",
            "sent",
        ]
        .map(|of| format!("tebdil_push_total{{outcome=\"{of}\"}}"))
        .each_ref()
        .map(String::as_str),
    );
    server.stop().await;
}

fn message() -> PushOrder {
    PushOrder::Message {
        user_id: UserId(1),
        match_id: MatchId(2),
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
            retry(Some(9), Trouble::Unavailable),
        ),
        (
            Reply::Wait(429, "8".to_owned()),
            retry(Some(8), Trouble::RateLimited),
        ),
        (
            Reply::Say(200, "{}".to_owned()),
            retry(None, Trouble::Malformed),
        ),
        (Reply::Silence, retry(None, Trouble::Timeout)),
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
        [retry(None, Trouble::Timeout); 20]
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
        why: Trouble::Unreachable,
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
