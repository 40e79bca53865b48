//! Who makes ads, and which.

use reqwest::Method;
use serde_json::{Value, json};

use super::staff;
use crate::harness::{TestServer, TestUser};

scenarios! {
    @with &[("TEBDIL_MATCHING__MATCH_TTL_S", "600"), ("TEBDIL_WORKERS__ENABLED", "false")];
    ads_are_the_admins,
}

async fn only_admins_reach_ads(
    server: &TestServer,
    moderator: &TestUser,
    user: &TestUser,
    good: &Value,
) {
    for who in [moderator, user] {
        server
            .post("/v1/admin/ads", &who.access, good)
            .await
            .expect_problem(403, "forbidden");
        server
            .get("/v1/admin/ads", &who.access)
            .await
            .expect_problem(403, "forbidden");
        server
            .get("/v1/admin/ads/1", &who.access)
            .await
            .expect_problem(403, "forbidden");
        server
            .call(Method::PATCH, "/v1/admin/ads/1", &who.access, &json!({}))
            .await
            .expect_problem(403, "forbidden");
        server
            .delete("/v1/admin/ads/1", &who.access)
            .await
            .expect_problem(403, "forbidden");
        server
            .get("/v1/admin/ads/1/days", &who.access)
            .await
            .expect_problem(403, "forbidden");
    }
    server
        .post("/v1/admin/ads", "", good)
        .await
        .expect_problem(401, "unauthorized");
}

async fn wrong_ads_are_refused(server: &TestServer, admin: &TestUser, good: &Value) {
    for (field, value) in [
        ("title", json!("")),
        ("content", json!("x".repeat(501))),
        ("click_url", json!("http://x.example")),
        ("placement", json!("At The End")),
        ("target_group", json!("free,premium")),
        ("weight", json!(0)),
        ("daily_cap", json!(101)),
        ("total_cap", json!(0)),
        ("active", json!("yes")),
        ("starts_at", json!("tomorrow")),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        let problem = server
            .post("/v1/admin/ads", &admin.access, &bad)
            .await
            .expect_problem(422, "invalid_field");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    let mut unknown = good.clone();
    unknown["views"] = json!(1000);
    server
        .post("/v1/admin/ads", &admin.access, &unknown)
        .await
        .expect_problem(422, "unknown_field");
}

async fn ads_are_the_admins(server: TestServer) {
    let (admin, moderator, user) = (
        staff(&server, "selin", "admin").await,
        staff(&server, "deniz", "moderator").await,
        server.register("kedi").await,
    );
    let good = json!({"title": "Çay", "content": "Sıcak"});
    only_admins_reach_ads(&server, &moderator, &user, &good).await;
    wrong_ads_are_refused(&server, &admin, &good).await;

    let made = server
        .post("/v1/admin/ads", &admin.access, &good)
        .await
        .expect(201);
    let defaults = [
        ("placement", json!("match_end")),
        ("target_group", json!("all")),
        ("weight", json!(1)),
        ("daily_cap", json!(3)),
        ("total_cap", Value::Null),
    ];
    for (field, value) in defaults {
        assert_eq!(made[field], value, "{field}");
    }
    let one = format!("/v1/admin/ads/{}", made["id"].as_str().expect("an id"));
    assert_eq!(server.get(&one, &admin.access).await.expect(200), made);
    assert_eq!(
        server.get("/v1/admin/ads", &admin.access).await.expect(200)["items"],
        json!([made])
    );
    let patch = json!({"target_group": "locale:en,free", "ends_at": "2026-12-01T00:00:00.000Z"});
    let changed = server
        .call(Method::PATCH, &one, &admin.access, &patch)
        .await
        .expect(200);
    assert_eq!(
        (&changed["target_group"], &changed["ends_at"]),
        (&json!("free,locale:en"), &patch["ends_at"])
    );
    let problem = server
        .call(Method::PATCH, &one, &admin.access, &json!({"weight": 1001}))
        .await
        .expect_problem(422, "invalid_field");
    assert_eq!(problem["errors"][0]["field"], "weight");
    server
        .call(Method::PATCH, "/v1/admin/ads/1", &admin.access, &json!({}))
        .await
        .expect_problem(404, "not_found");
    server.delete(&one, &admin.access).await.expect(204);
    server
        .delete(&one, &admin.access)
        .await
        .expect_problem(404, "not_found");
    let logs = format!(
        "SELECT COUNT(*) FROM system_logs WHERE action LIKE 'ad_%' AND actor_id = {}",
        admin.id
    );
    assert_eq!(server.count(&logs).await, 3);
    server.stop().await;
}
