//! Devices of users who are away are woken: over real HTTP, at stand-ins for push services.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tebdil_core::{
    notice::{PUSH_ATTEMPTS, PUSH_QUEUE, PushOrder},
    store::NewJob,
};
use tebdil_protocol::{id::UserId, notice::Notice};

use crate::{
    fcm::{FakeFcm, Reply},
    harness::{TestServer, TestUser},
    sockets::{Person, eventually, pair},
};

/// Runs each on SQLite, on PostgreSQL and on two nodes, with a stand-in of its own: for Google, or
/// the one that is named.
macro_rules! pushed {
    (@by $fake:ty; $($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let fake = <$fake>::start().await;
                let server = crate::push::start(fake.settings(), async |settings| crate::harness::TestServer::start(tebdil_core::testing::Backend::Sqlite, settings).await).await;
                super::$test(server.expect("SQLite is always there"), fake).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let fake = <$fake>::start().await;
                if let Some(server) = crate::push::start(fake.settings(), async |settings| crate::harness::TestServer::start(tebdil_core::testing::Backend::Postgres, settings).await).await {
                    super::$test(server, fake).await;
                }
            })*
        }

        mod cluster {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let fake = <$fake>::start().await;
                if let Some(server) = crate::push::start(fake.settings(), async |settings| crate::harness::TestServer::start_cluster(2, settings).await).await {
                    super::$test(server, fake).await;
                }
            })*
        }
    };
    ($($test:ident),* $(,)?) => {
        pushed!(@by $crate::fcm::FakeFcm; $($test),*);
    };
}

mod browsers;
mod google;
mod messages;
mod searches;
mod tokens;

pushed! {
    who_is_away_is_woken_and_who_is_there_is_told,
    an_approved_claim_wakes_who_is_away,
    trouble_is_tried_again_as_long_as_it_is_of_use,
}

async fn start(
    settings: Vec<(&'static str, String)>,
    start: impl AsyncFnOnce(&[(&str, &str)]) -> Option<TestServer>,
) -> Option<TestServer> {
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
    let target = json!({ "platform": "android", "token": token });
    put(server, user, &target).await.expect(204);
}

/// Asks to wake a device there.
async fn put(server: &TestServer, user: &TestUser, target: &Value) -> crate::harness::Reply {
    server
        .call(Method::PUT, "/v1/me/push", &user.access, target)
        .await
}

/// Tells a user something new, and runs what is due; what came at the devices.
async fn tell(server: &TestServer, fake: &FakeFcm, user: &TestUser, reference: &str) -> Vec<Value> {
    notify(server, user, reference).await;
    fake.taken()
}

/// Tells a user something new, and runs what is due.
async fn notify(server: &TestServer, user: &TestUser, reference: &str) {
    let told = server
        .app
        .store
        .notices()
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
    eventually("the user is away", async || {
        let online = server.app.hub.online(&[(user, None)]).await;
        online.is_ok_and(|online| online == [false])
    })
    .await;
    account
}

/// The numbers that this process has counted.
async fn numbers(server: &TestServer) -> String {
    crate::http::get(format!("{}/metrics", server.metrics))
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
    let all_on = json!({ "system": true, "match": true, "claim": true, "ad": true, "staff": true });
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
        json!({ "system": false, "match": true, "claim": true, "ad": false, "staff": true })
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
    place(server, order).await;
    server.run_due_jobs().await;
    fake.taken()
}

/// Orders a wake-up, which waits.
async fn place(server: &TestServer, order: &PushOrder) {
    let payload = serde_json::to_vec(order).expect("plain data");
    let now = server.clock.now();
    let job = NewJob {
        queue: PUSH_QUEUE,
        payload: &payload,
        dedupe: None,
        run_at: now,
        max_attempts: PUSH_ATTEMPTS,
    };
    assert!(
        server
            .app
            .store
            .jobs()
            .push_job(job, now)
            .await
            .expect("pushed")
    );
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
