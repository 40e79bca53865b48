//! Showing again who one is, before what destroys.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{App, recorded};
use crate::{
    ads::staff,
    harness::{PASSWORD, Reply, TestServer, TestUser},
    routes::{Needs, Operation, operations},
};

scenarios! {
    what_destroys_asks_who_it_is_again,
    a_confirmation_is_of_one_session_and_ends,
    a_confirmation_needs_the_second_factor,
    a_refused_act_runs_once_it_is_confirmed,
}

mod limited {
    use super::super::confirm::a_wrong_password_confirms_nothing_and_counts;
    scenarios! {
        @with &[("TEBDIL_LIMITS__ENABLED", "true")];
        a_wrong_password_confirms_nothing_and_counts,
    }
}

/// The setting's own value.
const CONFIRM_FOR: Duration = Duration::from_mins(10);

async fn confirm(server: &TestServer, who: &TestUser, body: Value) -> Reply {
    server.post("/v1/admin/confirm", &who.access, &body).await
}

async fn make_moderator(server: &TestServer, admin: &TestUser, user: &TestUser) -> Reply {
    let path = format!("/v1/admin/users/{}/role", user.id);
    server
        .post(&path, &admin.access, &json!({"role": "moderator"}))
        .await
}

async fn what_destroys_asks_who_it_is_again(server: TestServer) {
    let (admin, user) = (
        staff(&server, "selin", "admin").await,
        server.register("kedi").await,
    );
    let document = server.get("/openapi.json", "").await.expect(200);
    let guarded: Vec<Operation> = operations(&document)
        .into_iter()
        .filter(|operation| operation.needs == Needs::ConfirmedAdmin)
        .collect();
    let names: Vec<String> = guarded.iter().map(Operation::name).collect();
    assert_eq!(
        names,
        [
            "delete /v1/admin/ads/{id}",
            "post /v1/admin/ads/{id}/notify",
            "post /v1/admin/announcements",
            "delete /v1/admin/jobs/{id}",
            "post /v1/admin/users/{id}/erase",
            "post /v1/admin/users/{id}/role",
            "delete /v1/admin/users/{id}/sessions",
        ]
    );
    server.clock.advance(CONFIRM_FOR);
    for operation in &guarded {
        let body = operation.body.clone().unwrap_or(Value::Null);
        let reply = server
            .call(
                operation.method.clone(),
                &operation.filled(&user.id),
                &admin.access,
                &body,
            )
            .await;
        reply.expect_problem(403, "confirmation_required");
    }
    let unchanged = format!(
        "SELECT COUNT(*) FROM users u JOIN sessions s ON s.user_id = u.id \
         WHERE u.id = {} AND u.role = 'user' AND u.erased_at IS NULL AND s.revoked_at IS NULL",
        user.id
    );
    assert_eq!(server.count(&unchanged).await, 1);
    // Who only looks is not asked.
    server
        .get(&format!("/v1/admin/users/{}", user.id), &admin.access)
        .await
        .expect(200);
    confirm(&server, &admin, json!({ "password": PASSWORD }))
        .await
        .expect(204);
    make_moderator(&server, &admin, &user).await.expect(200);
    assert_eq!(
        recorded(&server, &admin, "identity_confirmed").await.len(),
        1
    );
    server.stop().await;
}

async fn a_confirmation_is_of_one_session_and_ends(server: TestServer) {
    let (admin, user) = (
        staff(&server, "selin", "admin").await,
        server.register("kedi").await,
    );
    server.clock.advance(CONFIRM_FOR);
    let here = server.login(&admin.phone).await;
    make_moderator(&server, &here, &user).await.expect(200);
    make_moderator(&server, &admin, &user)
        .await
        .expect_problem(403, "confirmation_required");
    // New tokens are no proof of who holds them.
    let admin = server.renewed(admin).await;
    make_moderator(&server, &admin, &user)
        .await
        .expect_problem(403, "confirmation_required");
    server.clock.advance(Duration::from_millis(599_999));
    make_moderator(&server, &here, &user).await.expect(200);
    server.clock.advance(Duration::from_millis(1));
    make_moderator(&server, &here, &user)
        .await
        .expect_problem(403, "confirmation_required");
    // Confirmed by a clock that was ahead: not for ten minutes and however far that was.
    confirm(&server, &here, json!({ "password": PASSWORD }))
        .await
        .expect(204);
    server
        .clock
        .set(server.clock.now() - Duration::from_mins(1));
    make_moderator(&server, &here, &user)
        .await
        .expect_problem(403, "confirmation_required");
    server.stop().await;
}

async fn a_confirmation_needs_the_second_factor(server: TestServer) {
    let (admin, user) = (
        staff(&server, "selin", "admin").await,
        server.register("kedi").await,
    );
    let app = App::enrol(&server, &admin).await;
    server.clock.advance(CONFIRM_FOR);
    confirm(&server, &admin, json!({ "password": PASSWORD }))
        .await
        .expect_problem(401, "totp_required");
    let with = |totp: &str| json!({ "password": PASSWORD, "totp": totp });
    confirm(&server, &admin, with("000000"))
        .await
        .expect_problem(401, "totp_invalid");
    make_moderator(&server, &admin, &user)
        .await
        .expect_problem(403, "confirmation_required");
    let code = app.code(&server);
    confirm(&server, &admin, with(&code)).await.expect(204);
    make_moderator(&server, &admin, &user).await.expect(200);
    confirm(&server, &admin, with(&code))
        .await
        .expect_problem(401, "totp_invalid");
    server.clock.advance(CONFIRM_FOR);
    let admin = server.renewed(admin).await;
    confirm(&server, &admin, with(&app.recovery[0]))
        .await
        .expect(204);
    server.stop().await;
}

pub async fn a_wrong_password_confirms_nothing_and_counts(server: TestServer) {
    let (admin, user) = (
        staff(&server, "selin", "admin").await,
        server.register("kedi").await,
    );
    server.clock.advance(CONFIRM_FOR);
    let wrong = json!({ "password": "başka bir parola" });
    confirm(&server, &admin, wrong.clone())
        .await
        .expect_problem(401, "invalid_credentials");
    make_moderator(&server, &admin, &user)
        .await
        .expect_problem(403, "confirmation_required");
    for bad in [json!({}), json!({"password": 1}), json!({"totp": "1"})] {
        let reply = confirm(&server, &admin, bad).await;
        assert!(
            [400, 422].contains(&reply.status.as_u16()),
            "{}",
            reply.body
        );
    }
    let mut last = confirm(&server, &admin, wrong.clone()).await;
    for _ in 0..20 {
        last = confirm(&server, &admin, wrong.clone()).await;
    }
    last.expect_problem(429, "too_many_attempts");
    confirm(&server, &user, json!({ "password": PASSWORD }))
        .await
        .expect_problem(403, "forbidden");
    server.stop().await;
}

async fn a_refused_act_runs_once_it_is_confirmed(server: TestServer) {
    let (admin, user) = (
        staff(&server, "selin", "admin").await,
        server.register("kedi").await,
    );
    server.clock.advance(CONFIRM_FOR);
    let erase = async || {
        let path = format!("/v1/admin/users/{}/erase", user.id);
        let request = server
            .request(Method::POST, &path, Some(&admin.access))
            .header("idempotency-key", "one-act")
            .json(&json!({"note": "ticket 12"}));
        server.send(request).await
    };
    // The refusal is not what a repeat gets.
    erase().await.expect_problem(403, "confirmation_required");
    confirm(&server, &admin, json!({ "password": PASSWORD }))
        .await
        .expect(204);
    erase().await.expect(204);
    server.stop().await;
}
