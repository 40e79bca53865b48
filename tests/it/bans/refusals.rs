//! What may not be banned, and what is no ban.

use std::time::Duration;

use serde_json::json;

use super::{ban, logged};
use crate::{
    ads::staff,
    harness::{TestServer, TestUser},
};

scenarios! {
    @with &[("TEBDIL_WORKERS__ENABLED", "false")];
    what_may_not_be_is_refused_and_changes_nothing,
}

fn ban_path(user: &TestUser) -> String {
    format!("/v1/admin/users/{}/ban", user.id)
}

async fn wrong_bans_are_refused(server: &TestServer, moderator: &TestUser, user: &TestUser) {
    let now = server.clock.now();
    for wrong in [
        json!({"reason": ""}),
        json!({"reason": "x".repeat(501)}),
        json!({"reason": "a\0"}),
        json!({"reason": "spam", "until": now}),
        json!({"reason": "spam", "until": now + Duration::from_hours(24 * 3700)}),
    ] {
        server
            .post(&ban_path(user), &moderator.access, &wrong)
            .await
            .expect_problem(422, "invalid_field");
    }
    server
        .post(
            &ban_path(user),
            &moderator.access,
            &json!({"reason": "spam", "x": 1}),
        )
        .await
        .expect_problem(422, "unknown_field");
}

async fn lists_and_decisions_are_of_moderators_and_real(
    server: &TestServer,
    moderator: &TestUser,
    stranger: &TestUser,
) {
    server
        .get("/v1/admin/bans?active=yes", &moderator.access)
        .await
        .expect_problem(422, "invalid_field");
    server
        .get("/v1/admin/appeals?status=x", &moderator.access)
        .await
        .expect_problem(422, "invalid_field");
    for list in ["/v1/admin/bans", "/v1/admin/appeals"] {
        server
            .get(list, &stranger.access)
            .await
            .expect_problem(403, "forbidden");
        server.get(list, &moderator.access).await.expect(200);
    }
    let decision = json!({"decision": "lift", "note": "no"});
    server
        .post("/v1/admin/appeals/1/decide", &moderator.access, &decision)
        .await
        .expect_problem(404, "not_found");
    server
        .post(
            "/v1/admin/bans/1/confirm",
            &moderator.access,
            &json!({"note": "no"}),
        )
        .await
        .expect_problem(404, "not_found");
}

async fn what_may_not_be_is_refused_and_changes_nothing(server: TestServer) {
    let (admin, moderator) = (
        staff(&server, "selin", "admin").await,
        staff(&server, "deniz", "moderator").await,
    );
    let other = staff(&server, "umut", "moderator").await;
    let (user, stranger) = (server.register("kedi").await, server.register("pars").await);
    let spam = json!({"reason": "spam"});
    for (who, target) in [
        (&moderator, &other),
        (&moderator, &admin),
        (&moderator, &moderator),
        (&admin, &admin),
        (&stranger, &user),
        (&stranger, &stranger),
    ] {
        server
            .post(&ban_path(target), &who.access, &spam)
            .await
            .expect_problem(403, "forbidden");
    }
    for unknown in ["1", "0", "x"] {
        let answer = server
            .post(
                &format!("/v1/admin/users/{unknown}/ban"),
                &moderator.access,
                &spam,
            )
            .await;
        answer.expect_problem(404, "not_found");
    }
    wrong_bans_are_refused(&server, &moderator, &user).await;
    let unban = format!("/v1/admin/users/{}/unban", user.id);
    server
        .post(&unban, &moderator.access, &json!({"note": "no"}))
        .await
        .expect_problem(409, "not_banned");
    lists_and_decisions_are_of_moderators_and_real(&server, &moderator, &stranger).await;
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM bans")
            .await,
        0
    );
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs")
            .await,
        0
    );

    ban(&server, &moderator, &user.id, spam.clone()).await;
    server
        .post(&ban_path(&user), &admin.access, &spam)
        .await
        .expect_problem(409, "already_banned");
    ban(&server, &admin, &other.id, spam).await;
    // One of the staff is the admin's to let in again.
    let unban_other = format!("/v1/admin/users/{}/unban", other.id);
    server
        .post(
            &unban_other,
            &moderator.access,
            &json!({"note": "a mistake"}),
        )
        .await
        .expect_problem(403, "forbidden");
    for path in [unban, unban_other] {
        server
            .post(&path, &admin.access, &json!({"note": "a mistake"}))
            .await
            .expect(204);
    }
    assert_eq!(logged(&server, "ban_lifted", &user, &admin).await, 1);
    server.login(&user.phone).await;
    server.run_due_jobs().await;
    server.stop().await;
}
