//! Subscriptions and rights by an admin.

use reqwest::Method;
use serde_json::{Value, json};

use super::{DAY, admin, quota, status};
use crate::harness::{TestServer, TestUser};

scenarios! {
    @with &[("TEBDIL_BILLING__WEBHOOK_SECRETS", "whsec_0123456789abcdef, whsec_of_the_last_year")];
    an_admin_gives_and_takes,
}

fn admin_path(of: &str, what: &str) -> String {
    format!("/v1/admin/users/{of}/{what}")
}

async fn others_may_not(
    server: &TestServer,
    user: &TestUser,
    subscription: &str,
    rights: &str,
    correction: &Value,
) {
    for (token, status, code) in [
        ("", 401, "unauthorized"),
        (user.access.as_str(), 403, "forbidden"),
    ] {
        server
            .post(subscription, token, &json!({"plan": "monthly"}))
            .await
            .expect_problem(status, code);
        server
            .call(Method::DELETE, subscription, token, &Value::Null)
            .await
            .expect_problem(status, code);
        server
            .post(rights, token, correction)
            .await
            .expect_problem(status, code);
    }
}

async fn wrong_gifts_are_refused(
    server: &TestServer,
    admin: &TestUser,
    subscription: &str,
    rights: &str,
    correction: &Value,
) {
    for body in [
        json!({}),
        json!({"plan": "monthly", "days": 0}),
        json!({"plan": "monthly", "days": 3651}),
        json!({"plan": "monthly", "days": "x"}),
    ] {
        server
            .post(subscription, &admin.access, &body)
            .await
            .expect_problem(422, "invalid_field");
    }
    server
        .post(subscription, &admin.access, &json!({"plan": "lifetime"}))
        .await
        .expect_problem(422, "unknown_plan");
    server
        .post(
            subscription,
            &admin.access,
            &json!({"plan": "monthly", "why": "x"}),
        )
        .await
        .expect_problem(422, "unknown_field");
    for (field, value) in [
        ("amount", json!(0)),
        ("amount", json!(1_000_001)),
        ("reference", json!("")),
        ("reference", json!("a b")),
        ("bucket", json!("gold")),
    ] {
        let mut wrong = correction.clone();
        wrong[field] = value;
        server
            .post(rights, &admin.access, &wrong)
            .await
            .expect_problem(422, "invalid_field");
    }
    for what in ["subscription", "quota"] {
        let body = if what == "quota" {
            correction.clone()
        } else {
            json!({"plan": "monthly"})
        };
        server
            .post(&admin_path("1", what), &admin.access, &body)
            .await
            .expect_problem(404, "not_found");
        server
            .post(&admin_path(&admin.id, what), &admin.access, &body)
            .await
            .expect_problem(403, "forbidden");
    }
    server
        .delete(&admin_path("1", "subscription"), &admin.access)
        .await
        .expect_problem(404, "not_found");
}

async fn an_admin_gives_and_takes(server: TestServer) {
    let (admin, user) = (admin(&server).await, server.register("ayse").await);
    let (subscription, rights) = (
        admin_path(&user.id, "subscription"),
        admin_path(&user.id, "quota"),
    );
    let correction = json!({"bucket": "bonus", "amount": 5, "reference": "ticket-7"});
    others_may_not(&server, &user, &subscription, &rights, &correction).await;
    wrong_gifts_are_refused(&server, &admin, &subscription, &rights, &correction).await;
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE actor_id IS NOT NULL")
            .await,
        0,
        "nothing was done"
    );

    let granted = server
        .post(
            &subscription,
            &admin.access,
            &json!({"plan": "yearly", "days": 2}),
        )
        .await
        .expect(201);
    assert_eq!(
        (&granted["plan"], &granted["end"]),
        (&json!("yearly"), &json!(server.clock.now() + 2 * DAY))
    );
    let shown = status(&server, &user).await;
    assert_eq!(
        (&shown["active"], &shown["renews"], &shown["is_premium"]),
        (&json!(true), &json!(false), &json!(true))
    );
    assert_eq!(
        server
            .post(&rights, &admin.access, &correction)
            .await
            .expect(200)["bonus"],
        5
    );
    server
        .post(&rights, &admin.access, &correction)
        .await
        .expect_problem(409, "already_corrected");
    for _ in 0..2 {
        assert!(
            server
                .delete(&subscription, &admin.access)
                .await
                .expect(204)
                .is_null()
        );
    }
    assert_eq!(status(&server, &user).await["is_premium"], false);
    let left = quota(&server, &user).await;
    assert_eq!(
        (&left["text"], &left["bonus"], &left["daily_text"]),
        (&json!(10), &json!(5), &json!(10))
    );
    for (action, rows) in [
        ("subscription_granted", 1),
        ("subscription_ended", 1),
        ("quota_corrected", 1),
    ] {
        let about = format!("actor_id = {} AND user_id = {}", admin.id, user.id);
        let sql = format!(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE action = '{action}' AND {about}"
        );
        assert_eq!(server.count(&sql).await, rows, "{action}");
    }
    server.stop().await;
}
