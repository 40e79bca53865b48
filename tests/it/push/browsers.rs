//! Browsers that are away: nothing but their own push service is set up.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tebdil_core::{notice::PushOrder, testing::Backend};

use super::{
    assert_counted, id, leaves, notify, numbers, place, put, put_token, searches::is_away,
};
use crate::{
    background::goes,
    fcm::{FakeFcm, Reply},
    harness::{TestServer, TestUser},
    sockets::{Person, pair},
    web_push::{Browser, CONTACT, Delivery, FakePush, signed_claims},
};

pushed! {
    @by crate::web_push::FakePush;
    a_message_wakes_a_closed_tab_and_says_nothing,
    a_match_wakes_the_browser_whose_search_went_on,
    a_subscription_goes_with_its_session,
    a_subscription_that_is_gone_is_forgotten,
    a_push_service_in_trouble_is_asked_again,
    what_is_no_subscription_is_refused,
}

async fn subscribe(server: &TestServer, user: &TestUser, browser: &Browser) {
    put(server, user, &browser.subscription()).await.expect(204);
}

async fn subscriptions(server: &TestServer) -> i64 {
    server
        .count("SELECT CAST(COUNT(*) AS BIGINT) FROM push_targets")
        .await
}

/// Tells a user something new; where that came.
async fn woken(
    server: &TestServer,
    fake: &FakePush,
    user: &TestUser,
    reference: &str,
) -> Vec<String> {
    notify(server, user, reference).await;
    let taken = fake.taken().into_iter();
    taken.map(|delivery| delivery.path).collect()
}

fn only(fake: &FakePush) -> Delivery {
    let mut taken = fake.taken();
    assert_eq!(taken.len(), 1, "{taken:?}");
    taken.remove(0)
}

async fn a_message_wakes_a_closed_tab_and_says_nothing(server: TestServer, fake: FakePush) {
    let (mut ayse, berk, match_id) = pair(&server).await;
    let browser = fake.browser("berk");
    subscribe(&server, &berk.user, &browser).await;
    let berk = leaves(&server, berk).await;
    ayse.say(&match_id, 1, "kimse yok mu").await;
    let wake = PushOrder::Message {
        user_id: id(&berk),
        match_id: match_id.parse().expect("an id"),
        session_id: server.session(&berk),
    };
    place(&server, &wake).await;
    server.run_due_jobs().await;
    // The server may have ordered one by itself meanwhile.
    let delivery = fake.taken().pop().expect("a push");
    assert_eq!(
        browser.read(&delivery),
        json!({ "type": "message", "match_id": match_id })
    );

    let meta = server.request(Method::GET, "/v1/meta", None);
    let meta = server.send(meta).await.expect(200);
    let public_key = meta["vapid_public_key"].as_str().expect("a key");
    let claims = signed_claims(&delivery, public_key);
    let now = server.clock.now().seconds();
    assert_eq!(
        claims,
        json!({ "aud": fake.url, "sub": CONTACT, "exp": now + 3600 })
    );
    let ttl: u64 = delivery.header("ttl").parse().expect("seconds");
    assert!((3590..=3600).contains(&ttl), "{ttl}");
    assert_eq!(delivery.header("urgency"), "high");
    assert_eq!(delivery.header("content-type"), "application/octet-stream");
    let topic = delivery.header("topic").to_owned();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    assert!(topic.len() == 32 && topic.bytes().all(plain), "{topic}");
    let headers = format!("{:?}", delivery.headers);
    for word in [&match_id, &berk.id, "message", "kimse", "berk#"] {
        assert!(!headers.contains(word), "{word} in {headers}");
    }

    // Another kind of news has another topic and the same length; so has another browser.
    notify(&server, &berk, "1").await;
    let told = only(&fake);
    assert_eq!(browser.read(&told)["type"], "system");
    assert_eq!(told.body.len(), delivery.body.len());
    assert_ne!(told.header("topic"), topic);
    let other = fake.browser("berk");
    subscribe(&server, &berk, &other).await;
    notify(&server, &berk, "2").await;
    let again = only(&fake);
    assert_eq!(other.read(&again)["type"], "system", "by the newest keys");
    assert_ne!(again.header("topic"), told.header("topic"));
    let counted = numbers(&server).await;
    assert_counted(&counted, &["tebdil_push_total{outcome=\"sent\"}"]);
    assert!(!counted.contains("/push/"), "no endpoint in the numbers");
    server.stop().await;
}

async fn a_match_wakes_the_browser_whose_search_went_on(server: TestServer, fake: FakePush) {
    let mut a = Person::new(&server, "ayse").await;
    let browser = fake.browser("ayse");
    subscribe(&server, &a.user, &browser).await;
    a.search_in_background(&server).await;
    let user = goes(&server, a).await;
    is_away(&server, &user).await;
    server.run_due_jobs().await;
    fake.taken();

    let mut b = Person::new(&server, "berk").await;
    b.find().await;
    let match_id = b.found().await;
    server.run_due_jobs().await;
    assert_eq!(
        browser.read(&only(&fake)),
        json!({ "type": "match", "match_id": match_id })
    );
    server.stop().await;
}

async fn a_subscription_goes_with_its_session(server: TestServer, fake: FakePush) {
    let (ayse, berk) = (server.register("ayse").await, server.register("berk").await);
    let laptop = server.login(&ayse.phone).await;
    server.run_due_jobs().await;
    let [phone, desk] = ["phone", "desk"].map(|name| fake.browser(name));
    subscribe(&server, &ayse, &phone).await;
    subscribe(&server, &laptop, &desk).await;
    assert_eq!(
        woken(&server, &fake, &ayse, "1").await,
        ["/push/desk", "/push/phone"]
    );

    // What an app has is no browser's, and waits for Google in vain.
    put_token(&server, &ayse, "handset").await;
    assert_eq!(woken(&server, &fake, &ayse, "2").await, ["/push/desk"]);
    subscribe(&server, &ayse, &phone).await;
    server
        .delete("/v1/me/push", &laptop.access)
        .await
        .expect(204);
    assert_eq!(woken(&server, &fake, &ayse, "3").await, ["/push/phone"]);

    // Somebody else signs in with the same browser.
    subscribe(&server, &berk, &phone).await;
    assert_eq!(woken(&server, &fake, &ayse, "4").await, [] as [&str; 0]);
    assert_eq!(woken(&server, &fake, &berk, "4").await, ["/push/phone"]);
    server
        .post("/v1/auth/logout", &berk.access, &json!({}))
        .await
        .expect(204);
    assert_eq!(subscriptions(&server).await, 0);
    assert_eq!(woken(&server, &fake, &berk, "5").await, [] as [&str; 0]);
    server.stop().await;
}

async fn a_subscription_that_is_gone_is_forgotten(server: TestServer, fake: FakePush) {
    let ayse = server.register("ayse").await;
    let browser = fake.browser("very-secret");
    for status in [404, 410] {
        subscribe(&server, &ayse, &browser).await;
        fake.answer([Reply::Say(status, String::new())]);
        notify(&server, &ayse, &status.to_string()).await;
        assert_eq!((fake.unasked(), subscriptions(&server).await), (0, 0));
    }
    let failed = "SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE state <> 2";
    assert_eq!(server.count(failed).await, 0);

    // The push is wrong, or the server: no fault of the browser.
    subscribe(&server, &ayse, &browser).await;
    for (n, status) in [400, 413].into_iter().enumerate() {
        fake.answer([Reply::Say(status, "very-secret".to_owned())]);
        notify(&server, &ayse, &status.to_string()).await;
        let dead = "SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE state = 3";
        assert_eq!(server.count(dead).await, i64::try_from(n + 1).expect("few"));
    }
    fake.answer([Reply::Say(403, "very-secret".to_owned())]);
    notify(&server, &ayse, "403").await;
    assert_eq!((fake.unasked(), subscriptions(&server).await), (0, 1));
    let told = "SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE state IN (0, 3) \
                AND error LIKE 'Web Push %' AND error NOT LIKE '%secret%'";
    assert_eq!(server.count(told).await, 3);
    let named = "SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE dedupe LIKE '%secret%'";
    assert_eq!(server.count(named).await, 0);
    assert_counted(
        &numbers(&server).await,
        &["unregistered", "invalid", "auth"]
            .map(|of| format!("tebdil_push_total{{outcome=\"{of}\"}}"))
            .each_ref()
            .map(String::as_str),
    );
    server.stop().await;
}

async fn a_push_service_in_trouble_is_asked_again(server: TestServer, fake: FakePush) {
    let ayse = server.register("ayse").await;
    subscribe(&server, &ayse, &fake.browser("tab")).await;
    let after = async |wait: Duration| {
        server.clock.advance(wait);
        server.run_due_jobs().await;
        fake.taken().len()
    };
    fake.answer([Reply::Wait(429, "120".to_owned())]);
    assert_eq!(woken(&server, &fake, &ayse, "1").await.len(), 0);
    assert_eq!(after(Duration::from_millis(119_999)).await, 0);
    assert_eq!(after(Duration::from_millis(1)).await, 1);

    // By the queue's own backoff, also when nothing comes back; a redirect leads nowhere.
    fake.answer([
        Reply::Say(503, "x".repeat(1_000_000)),
        Reply::Redirect(307, format!("{}/elsewhere", fake.url)),
        Reply::Redirect(302, format!("{}/elsewhere", fake.url)),
        Reply::Silence,
        Reply::Say(500, String::new()),
    ]);
    assert_eq!(woken(&server, &fake, &ayse, "2").await.len(), 0);
    for (backoff, came) in [(500, 0), (1_000, 0), (2_000, 0), (4_000, 0), (8_000, 1)] {
        let wait = Duration::from_millis(backoff);
        assert_eq!(after(wait).await, came, "after {backoff} ms");
    }
    assert_eq!((fake.unasked(), fake.led_astray()), (0, 0));
    assert_eq!(subscriptions(&server).await, 1);

    // Accepted, whatever else it says.
    fake.answer([Reply::Say(201, "x".repeat(1_000_000))]);
    woken(&server, &fake, &ayse, "3").await;
    let waiting = "SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE state IN (0, 3)";
    assert_eq!(server.count(waiting).await, 0);
    assert_counted(
        &numbers(&server).await,
        &["rate_limited", "unavailable", "timeout", "malformed"]
            .map(|of| format!("tebdil_push_total{{outcome=\"{of}\"}}"))
            .each_ref()
            .map(String::as_str),
    );
    server.stop().await;
}

/// `of` with one thing changed.
fn but(of: &Value, pointer: &str, value: Value) -> Value {
    let mut changed = of.clone();
    *changed.pointer_mut(pointer).expect("a field") = value;
    changed
}

async fn what_is_no_subscription_is_refused(server: TestServer, fake: FakePush) {
    let ayse = server.register("ayse").await;
    let browser = fake.browser("tab");
    subscribe(&server, &ayse, &browser).await;
    let good = browser.subscription();
    let port = fake.url.rsplit(':').next().expect("a port");
    let mut cases: Vec<(Value, &str)> = [
        "x".to_owned(),
        "http://fcm.googleapis.com/x".to_owned(),
        "https://fcm.googleapis.com:8443/x".to_owned(),
        "https://fcm.googleapis.com@evil.example/x".to_owned(),
        "https://evil.example/fcm.googleapis.com".to_owned(),
        "https://notify.windows.com.evil.example/x".to_owned(),
        "https://evilnotify.windows.com/x".to_owned(),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://[::1]/x".to_owned(),
        format!("https://127.0.0.1:{port}/push/x"),
        format!("http://localhost:{port}/push/x"),
        format!("http://user@127.0.0.1:{port}/push/x"),
        format!("https://fcm.googleapis.com/{}", "x".repeat(2048)),
    ]
    .into_iter()
    .map(|endpoint| (but(&good, "/endpoint", endpoint.into()), "endpoint"))
    .collect();
    let off_the_curve = format!("B{}", "A".repeat(86));
    for (key, value) in [
        ("p256dh", json!(off_the_curve)),
        ("p256dh", json!("")),
        ("auth", json!("AAAA")),
        ("auth", json!("BTBZMqHH6r4Tts7J_aSIgg==")),
        ("auth", json!(7)),
    ] {
        let pointer = format!("/keys/{key}");
        let field = if key == "auth" {
            "keys.auth"
        } else {
            "keys.p256dh"
        };
        cases.push((but(&good, &pointer, value), field));
    }
    cases.push((but(&good, "/endpoint", Value::Null), "endpoint"));
    cases.push((but(&good, "/keys", Value::Null), "keys"));
    cases.push((but(&good, "/keys", json!({ "auth": "x" })), "keys"));
    cases.push((json!({ "platform": "web", "token": "x" }), "token"));
    for (body, field) in cases {
        let problem = put(&server, &ayse, &body).await;
        let problem = problem.expect_problem(422, "invalid_field");
        let named = problem["errors"][0]["field"].as_str().unwrap_or_default();
        assert!(named.starts_with(field), "{body}: {problem}");
        assert!(!problem.to_string().contains("evil"), "{problem}");
    }
    for endpoint in [
        "https://updates.push.services.mozilla.com/wpush/v2/x",
        "https://db5p.notify.windows.com/w/?token=x",
        "https://web.push.apple.com/x",
        "https://FCM.googleapis.com:443/fcm/send/a:b",
    ] {
        let body = but(&good, "/endpoint", endpoint.into());
        put(&server, &ayse, &body).await.expect(204);
    }
    let understood = "SELECT CAST(COUNT(*) AS BIGINT) FROM push_targets \
                      WHERE address = 'https://fcm.googleapis.com/fcm/send/a:b'";
    assert_eq!(server.count(understood).await, 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apps_and_browsers_are_woken_side_by_side() {
    let (google, fake) = (FakeFcm::start().await, FakePush::start().await);
    let mut settings = google.settings();
    settings.extend(fake.settings().into_iter().take(3));
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let server = TestServer::start(Backend::Sqlite, &settings).await;
    let server = server.expect("SQLite is always there");
    let ayse = server.register("ayse").await;
    let laptop = server.login(&ayse.phone).await;
    server.run_due_jobs().await;
    put_token(&server, &ayse, "handset").await;
    let browser = fake.browser("tab");
    subscribe(&server, &laptop, &browser).await;
    notify(&server, &ayse, "1").await;
    let [app] = &google.taken()[..] else {
        panic!("one push")
    };
    assert_eq!(app["token"], "handset");
    assert_eq!(app["data"], browser.read(&only(&fake)), "the same words");
    server.stop().await;
}

/// Without a key for it, or with no push service allowed, a browser is told at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_is_pushed_to_browsers_none_subscribes() {
    let fake = FakePush::start().await;
    let subscription = but(
        &fake.browser("tab").subscription(),
        "/endpoint",
        "https://fcm.googleapis.com/x".into(),
    );
    let key = fake.settings()[2].1.clone();
    let no_key = [("TEBDIL_WORKERS__ENABLED", "false")];
    let nowhere = [
        ("TEBDIL_PUSH__WEB_SERVICES", ""),
        ("TEBDIL_SECRETS__VAPID_KEY", key.as_str()),
    ];
    for settings in [&no_key[..], &nowhere] {
        let server = TestServer::start(Backend::Sqlite, settings).await;
        let server = server.expect("SQLite is always there");
        assert!(server.app.web_push.is_none());
        let ayse = server.register("ayse").await;
        server
            .call(Method::PUT, "/v1/me/push", &ayse.access, &subscription)
            .await
            .expect_problem(422, "invalid_field");
        server.stop().await;
    }
}
