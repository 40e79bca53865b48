//! Ads, from the admin who makes one to whoever is shown it.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tebdil::lifecycle::Shutdown;
use tebdil_core::testing::TestStore;

use crate::{
    harness::{TestServer, TestUser},
    sockets::{Person, pair},
};

mod admin;

scenarios! {
    @with &[("TEBDIL_MATCHING__MATCH_TTL_S", "600"), ("TEBDIL_WORKERS__ENABLED", "false")];
    an_ad_follows_a_match_once_however_it_ends,
    premium_sees_none,
    an_ad_is_asked_for_within_its_cap,
    a_hundred_clicks_count_as_often_as_it_was_shown,
    an_ad_is_sent_as_a_notification,
    premium_is_not_advertised_to,
}

mod to_premium {
    use super::super::ads::premium_is_advertised_to_where_that_is_allowed;
    scenarios! {
        @with &[("TEBDIL_ADS__PREMIUM", "true"), ("TEBDIL_WORKERS__ENABLED", "false")];
        premium_is_advertised_to_where_that_is_allowed,
    }
}

mod by_a_worker {
    use super::an_ad_follows_a_match_that_a_worker_ended;

    scenarios! {
        @cluster &[("TEBDIL_MATCHING__MATCH_TTL_S", "600"), ("TEBDIL_WORKERS__ENABLED", "false")];
        an_ad_follows_a_match_that_a_worker_ended,
    }
}

/// Registers somebody who may do what `role` may.
pub async fn staff(server: &TestServer, alias: &str, role: &str) -> TestUser {
    let user = server.register(alias).await;
    server
        .count(&format!(
            "UPDATE users SET role = '{role}' WHERE id = {} RETURNING id",
            user.id
        ))
        .await;
    user
}

/// An ad; `change` names settings that differ.
async fn advertise(server: &TestServer, admin: &TestUser, change: Value) -> String {
    let mut settings =
        json!({"title": "Çay", "content": "Sıcak çay", "click_url": "https://x.example/cay"});
    settings
        .as_object_mut()
        .expect("an object")
        .extend(change.as_object().expect("an object").clone());
    let made = server
        .post("/v1/admin/ads", &admin.access, &settings)
        .await
        .expect(201);
    made["id"].as_str().expect("an id").to_owned()
}

/// Lets so much time pass that the next ad may come, and every node has read the ads anew.
fn pass_interval(server: &TestServer) {
    server.clock.advance(Duration::from_mins(2));
}

async fn counts(server: &TestServer, admin: &TestUser, ad: &str) -> (i64, i64, i64) {
    server.clock.advance(Duration::from_mins(1));
    server.run_due_jobs().await;
    let shown = server
        .get(&format!("/v1/admin/ads/{ad}"), &admin.access)
        .await
        .expect(200);
    let number = |name: &str| shown[name].as_i64().expect("a number");
    (number("served"), number("views"), number("clicks"))
}

async fn an_ad_follows_a_match_once_however_it_ends(server: TestServer) {
    let admin = staff(&server, "selin", "admin").await;
    let ad = advertise(&server, &admin, json!({})).await;
    let (mut a, mut b, id) = pair(&server).await;
    let mut second = Person::again(&server, &b).await;

    let left = a.ask(json!({"type": "match.leave", "match_id": id})).await;
    assert_eq!(left["type"], "match.ended");
    let shown = a.until("ad").await;
    let expected = json!({"id": ad, "title": "Çay", "content": "Sıcak çay", "click_url": "https://x.example/cay", "placement": "match_end"});
    assert_eq!(shown["ad"], expected);
    for device in [&mut b, &mut second] {
        device.until("match.ended").await;
        assert_eq!(device.until("ad").await["ad"]["id"], json!(ad));
    }
    // Again, and over REST: the match is over already.
    assert_eq!(
        b.ask(json!({"type": "match.leave", "match_id": id})).await["type"],
        "match.ended"
    );
    server
        .post(
            &format!("/v1/matches/{id}/leave"),
            &a.user.access,
            &Value::Null,
        )
        .await
        .expect(200);
    server.run_due_jobs().await;
    for device in [&mut a, &mut b, &mut second] {
        device.hears_no("ad").await;
    }
    assert_eq!(
        counts(&server, &admin, &ad).await,
        (2, 0, 0),
        "two users, whatever devices they have"
    );
    drop(second);

    // It runs out while one leaves.
    pass_interval(&server);
    for person in [&mut a, &mut b] {
        person.find().await;
    }
    server.clock.advance(Duration::from_secs(31));
    let id = a.found().await;
    b.found().await;
    server.clock.advance(Duration::from_mins(10));
    let path = format!("/v1/matches/{id}/leave");
    let (left, ()) = tokio::join!(
        server.post(&path, &b.user.access, &Value::Null),
        server.run_due_jobs()
    );
    left.expect(200);
    for person in [&mut a, &mut b] {
        assert_eq!(person.until("match.ended").await["reason"], "expired");
        person.until("ad").await;
    }
    server.run_due_jobs().await;
    for person in [&mut a, &mut b] {
        person.hears_no("ad").await;
    }
    assert_eq!(counts(&server, &admin, &ad).await, (4, 0, 0));
    drop((a, b));
    server.stop().await;
}

async fn an_ad_follows_a_match_that_a_worker_ended(server: TestServer) {
    let admin = staff(&server, "selin", "admin").await;
    let ad = advertise(&server, &admin, json!({})).await;
    let (mut a, mut b) = (
        Person::at(&server, 0, "ayse").await,
        Person::at(&server, 1, "berk").await,
    );
    for person in [&mut a, &mut b] {
        person.find().await;
    }
    for person in [&mut a, &mut b] {
        person.found().await;
    }
    server.clock.advance(Duration::from_mins(10));
    let shutdown = Shutdown::default();
    let worker = tebdil::worker::run(
        (*server.app.config).clone(),
        None,
        server.clock.clone(),
        shutdown.clone(),
    );
    let told = async {
        for person in [&mut a, &mut b] {
            assert_eq!(person.until("match.ended").await["reason"], "expired");
            assert_eq!(person.until("ad").await["ad"]["id"], json!(ad));
        }
        shutdown.soft.cancel();
    };
    let (ended, ()) = tokio::join!(worker, told);
    ended.expect("a good end");
    drop((a, b));
    server.stop().await;
}

async fn premium_sees_none(server: TestServer) {
    let admin = staff(&server, "selin", "admin").await;
    let ad = advertise(&server, &admin, json!({})).await;
    let (mut a, mut b, id) = pair(&server).await;
    let premium = async |on: &str| {
        server
            .count(&format!(
                "UPDATE users SET is_premium = {on} WHERE id = {} RETURNING id",
                a.user.id
            ))
            .await
    };
    premium("TRUE").await;
    assert_eq!(
        server.get("/v1/ads", &a.user.access).await.expect(200)["items"],
        json!([])
    );
    b.send(json!({"type": "match.leave", "match_id": id})).await;
    b.until("ad").await;
    premium("FALSE").await;
    assert_eq!(
        server.get("/v1/ads", &a.user.access).await.expect(200)["items"][0]["id"],
        json!(ad)
    );
    assert_eq!(counts(&server, &admin, &ad).await, (2, 0, 0));
    a.until("match.ended").await;
    a.hears_no("ad").await;
    drop((a, b));
    server.stop().await;
}

async fn listed(server: &TestServer, user: &TestUser) -> Vec<Value> {
    server
        .get("/v1/notifications", &user.access)
        .await
        .expect(200)["items"]
        .as_array()
        .expect("a list")
        .clone()
}

async fn an_ad_is_sent_as_a_notification(server: TestServer) {
    let admin = staff(&server, "selin", "admin").await;
    let ad = advertise(&server, &admin, json!({"target_group": "locale:tr"})).await;
    let mut online = Person::new(&server, "ayse").await;
    let (away, without) = (server.register("berk").await, server.register("cem").await);
    server
        .call(
            Method::PATCH,
            "/v1/me/notification-preferences",
            &without.access,
            &json!({"ad": false}),
        )
        .await
        .expect(200);
    let path = format!("/v1/admin/ads/{ad}/notify");
    server
        .post(&path, &online.user.access, &Value::Null)
        .await
        .expect_problem(403, "forbidden");
    server
        .post("/v1/admin/ads/1/notify", &admin.access, &Value::Null)
        .await
        .expect_problem(404, "not_found");
    let made = server
        .post(&path, &admin.access, &Value::Null)
        .await
        .expect(201);
    assert_eq!(
        (&made["ad"]["title"], &made["target"], &made["told"]),
        (&json!("Çay"), &json!("locale:tr"), &json!(0))
    );

    server.run_due_jobs().await;
    let told = online.until("notification").await["notification"].clone();
    assert_eq!(
        (&told["type"], &told["message"]),
        (&json!("ad"), &json!("Reklam: Çay – Sıcak çay"))
    );
    let data = json!({"code": "ad", "ad_id": ad, "title": "Çay", "content": "Sıcak çay", "click_url": "https://x.example/cay"});
    assert_eq!(told["data"], data);
    assert_eq!(listed(&server, &away).await[0]["data"], data);
    assert_eq!(
        listed(&server, &without).await,
        Vec::<Value>::new(),
        "who turned ads off gets none, not even in the list"
    );
    let done = server
        .get("/v1/admin/announcements", &admin.access)
        .await
        .expect(200)["items"][0]
        .clone();
    assert_eq!((&done["id"], &done["told"]), (&made["id"], &json!(3)));
    // It was sent, not shown: no impression, and nothing to click.
    assert_eq!(counts(&server, &admin, &ad).await, (0, 0, 0));

    server
        .call(
            Method::PATCH,
            &format!("/v1/admin/ads/{ad}"),
            &admin.access,
            &json!({"active": false}),
        )
        .await
        .expect(200);
    server
        .post(&path, &admin.access, &Value::Null)
        .await
        .expect_problem(409, "ad_not_running");
    drop(online);
    server.stop().await;
}

async fn premium_is_not_advertised_to(server: TestServer) {
    let admin = staff(&server, "selin", "admin").await;
    let settings =
        json!({"title": "Çay", "content": "Sıcak çay", "target_group": "premium,locale:tr"});
    let problem = server
        .post("/v1/admin/ads", &admin.access, &settings)
        .await
        .expect_problem(422, "invalid_field");
    assert_eq!(problem["errors"][0]["field"], "target_group");
    let ad = advertise(&server, &admin, json!({})).await;
    let change = json!({"target_group": "premium"});
    let path = format!("/v1/admin/ads/{ad}");
    server
        .call(Method::PATCH, &path, &admin.access, &change)
        .await
        .expect_problem(422, "invalid_field");
    server.stop().await;
}

async fn premium_is_advertised_to_where_that_is_allowed(server: TestServer) {
    let admin = staff(&server, "selin", "admin").await;
    let (premium, free) = (server.register("ayse").await, server.register("berk").await);
    server
        .count(&format!(
            "UPDATE users SET is_premium = TRUE WHERE id = {} RETURNING id",
            premium.id
        ))
        .await;
    let for_all = advertise(&server, &admin, json!({"placement": "home"})).await;
    let for_premium = advertise(
        &server,
        &admin,
        json!({"placement": "home", "target_group": "premium"}),
    )
    .await;
    let shown = async |user: &TestUser| {
        server
            .get("/v1/ads?placement=home", &user.access)
            .await
            .expect(200)["items"][0]["id"]
            .clone()
    };
    assert_eq!(
        (shown(&premium).await, shown(&free).await),
        (json!(for_premium), json!(for_all)),
        "no other is shown to them"
    );
    for ad in [&for_all, &for_premium] {
        server
            .post(
                &format!("/v1/admin/ads/{ad}/notify"),
                &admin.access,
                &Value::Null,
            )
            .await
            .expect(201);
    }
    server.run_due_jobs().await;
    for (user, ad) in [(&premium, &for_premium), (&free, &for_all)] {
        let told = listed(&server, user).await;
        let [one] = told.as_slice() else {
            panic!("{told:?}")
        };
        assert_eq!(one["data"]["ad_id"], json!(ad));
    }
    server.stop().await;
}

async fn an_ad_is_asked_for_within_its_cap(server: TestServer) {
    let admin = staff(&server, "selin", "admin").await;
    let user = server.register("kedi").await;
    advertise(
        &server,
        &admin,
        json!({"placement": "home", "daily_cap": 2}),
    )
    .await;
    advertise(
        &server,
        &admin,
        json!({"placement": "home", "target_group": "locale:en"}),
    )
    .await;
    let ask = async || {
        let asked =
            join_all((0..12).map(|_| server.get("/v1/ads?placement=home", &user.access))).await;
        asked
            .into_iter()
            .map(|reply| reply.expect(200)["items"].as_array().expect("items").len())
            .sum::<usize>()
    };
    assert_eq!(ask().await, 1, "then it keeps its distance, at every node");
    pass_interval(&server);
    assert_eq!(ask().await, 1);
    pass_interval(&server);
    assert_eq!(ask().await, 0, "its cap");
    assert_eq!(
        server.get("/v1/ads", &user.access).await.expect(200)["items"],
        json!([]),
        "another place"
    );
    server
        .get("/v1/ads?placement=Home", &user.access)
        .await
        .expect_problem(422, "invalid_field");
    server
        .get("/v1/ads", "")
        .await
        .expect_problem(401, "unauthorized");
    server
        .call(
            Method::PATCH,
            "/v1/me",
            &user.access,
            &json!({"locale": "en"}),
        )
        .await
        .expect(200);
    assert_eq!(ask().await, 1, "the other one is for English");
    server.stop().await;
}

async fn a_hundred_clicks_count_as_often_as_it_was_shown(server: TestServer) {
    let admin = staff(&server, "selin", "admin").await;
    let (user, stranger) = (
        server.register("kedi").await,
        server.register("kopek").await,
    );
    let ad = advertise(&server, &admin, json!({})).await;
    let path = format!("/v1/ads/{ad}/events");
    server
        .post(&path, &stranger.access, &json!({"kind": "click"}))
        .await
        .expect(204);
    assert_eq!(
        server.get("/v1/ads", &user.access).await.expect(200)["items"][0]["id"],
        json!(ad)
    );
    let kinds = [json!({"kind": "view"}), json!({"kind": "click"})];
    let repeats = (0..100).map(|n| server.post(&path, &user.access, &kinds[n % 2]));
    for reply in join_all(repeats).await {
        reply.expect(204);
    }
    assert_eq!(counts(&server, &admin, &ad).await, (1, 1, 1));
    let days = async |ad: &str| {
        let path = format!("/v1/admin/ads/{ad}/days");
        server.get(&path, &admin.access).await
    };
    let today = server.clock.now().local_day(&TestStore::quota_rules().zone);
    assert_eq!(
        days(&ad).await.expect(200),
        json!({"items": [{"day": today, "served": 1, "views": 1, "clicks": 1}]})
    );
    days("1").await.expect_problem(404, "not_found");
    server
        .post(&path, &user.access, &json!({"kind": "like"}))
        .await
        .expect_problem(422, "invalid_field");
    server
        .post("/v1/ads/1/events", &user.access, &kinds[0])
        .await
        .expect_problem(404, "not_found");
    server.stop().await;
}
