//! For whom a kept answer is.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::with_key;
use crate::{
    ads::staff,
    harness::{PASSWORD, Reply, TestServer, TestUser},
};

scenarios! {
    a_kept_answer_is_for_a_session_that_lives,
    a_kept_answer_is_not_for_the_banned,
    a_kept_answer_is_for_the_role_of_now,
    tokens_of_a_session_that_is_over_are_no_answer,
}

/// The patch of a profile, kept under a key.
async fn kept(server: &TestServer, user: &TestUser) -> Reply {
    with_key(
        server,
        Method::PATCH,
        "/v1/me",
        &user.access,
        "kept",
        &json!({"alias": "yeni"}),
    )
    .await
}

async fn a_kept_answer_is_for_a_session_that_lives(server: TestServer) {
    let user = server.register("KediAdam").await;
    kept(&server, &user).await.expect(200);
    assert_eq!(
        kept(&server, &user).await.headers["idempotency-replayed"],
        "true"
    );
    server
        .post("/v1/auth/logout", &user.access, &Value::Null)
        .await
        .expect(204);
    kept(&server, &user)
        .await
        .expect_problem(401, "unauthorized");
    // It is the account's, so another device gets it.
    let again = server.login(&user.phone).await;
    assert_eq!(
        kept(&server, &again).await.headers["idempotency-replayed"],
        "true"
    );
    server.stop().await;
}

async fn a_kept_answer_is_not_for_the_banned(server: TestServer) {
    let (user, moderator) = (
        server.register("KediAdam").await,
        staff(&server, "deniz", "moderator").await,
    );
    kept(&server, &user).await.expect(200);
    let path = format!("/v1/admin/users/{}/ban", user.id);
    server
        .post(&path, &moderator.access, &json!({"reason": "Reklam"}))
        .await
        .expect(201);
    kept(&server, &user).await.expect_problem(403, "banned");
    server.stop().await;
}

async fn a_kept_answer_is_for_the_role_of_now(server: TestServer) {
    let (user, admin) = (
        server.register("KediAdam").await,
        staff(&server, "selin", "admin").await,
    );
    let quota = format!("/v1/admin/users/{}/quota", user.id);
    let body = json!({"bucket": "bonus", "amount": 5, "reference": "T-1"});
    let correct =
        async || with_key(&server, Method::POST, &quota, &admin.access, "key", &body).await;
    correct().await.expect(200);
    assert_eq!(correct().await.headers["idempotency-replayed"], "true");
    for role in ["moderator", "user"] {
        server
            .count(&format!(
                "UPDATE users SET role = '{role}' WHERE id = {} RETURNING id",
                admin.id
            ))
            .await;
        correct().await.expect_problem(403, "forbidden");
    }
    server.stop().await;
}

async fn tokens_of_a_session_that_is_over_are_no_answer(server: TestServer) {
    let (user, moderator) = (
        server.register("KediAdam").await,
        staff(&server, "deniz", "moderator").await,
    );
    let body = json!({"phone": user.phone, "password": PASSWORD});
    let login = async || with_key(&server, Method::POST, "/v1/auth/login", "", "key", &body).await;
    let first = login().await.expect(200);
    assert_eq!(login().await.expect(200), first);
    // Also when its access token has run out: its refresh token is good.
    server.clock.advance(Duration::from_hours(1));
    assert_eq!(login().await.expect(200), first);
    server
        .post(
            "/v1/me/password",
            &server.login(&user.phone).await.access,
            &json!({"current_password": PASSWORD, "new_password": "baska bir parola"}),
        )
        .await
        .expect(204);
    login().await.expect_problem(401, "invalid_credentials");
    let path = format!("/v1/admin/users/{}/ban", user.id);
    let moderator = server.login(&moderator.phone).await;
    server
        .post(&path, &moderator.access, &json!({"reason": "Reklam"}))
        .await
        .expect(201);
    login().await.expect_problem(401, "invalid_credentials");
    server.stop().await;
}
