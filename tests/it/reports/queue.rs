//! Working through the queue: who has which report, and what a warned user says.

use serde_json::{Value, json};

use super::{moderator, report};
use crate::{
    harness::{Reply, TestServer, TestUser},
    sockets::{Person, pair},
};

const SETTINGS: &[(&str, &str)] = &[("TEBDIL_WORKERS__ENABLED", "false")];

scenarios! {
    @with super::SETTINGS;
    a_report_is_worked_on_by_one_moderator,
    a_warning_is_answered_once_beside_its_report,
    a_report_can_force_another_alias,
}

/// A report by the first of two who met; the second is reported.
async fn made(server: &TestServer) -> (String, [Person; 2]) {
    let (a, b, id) = pair(server).await;
    let made = report(server, &a.user, &id, &[]).await.expect(201);
    (made["id"].as_str().expect("an id").to_owned(), [a, b])
}

async fn take(server: &TestServer, id: &str, who: &TestUser) -> Reply {
    let url = format!("/v1/admin/reports/{id}/take");
    server.post(&url, &who.access, &json!({})).await
}

fn warning(notifications: &Value) -> String {
    let all = notifications["items"].as_array().expect("items");
    let warned = all.iter().find(|one| one["data"]["code"] == "warned");
    warned.expect("a warning")["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

async fn a_report_is_worked_on_by_one_moderator(server: TestServer) {
    let (one, other) = (
        moderator(&server, "bir_mod").await,
        moderator(&server, "iki_mod").await,
    );
    let (id, [_, reported]) = made(&server).await;
    let queue = server
        .get("/v1/admin/reports/queue", &one.access)
        .await
        .expect(200);
    assert_eq!(queue["items"][0]["id"], id);
    assert_eq!(
        queue["open"],
        json!([{ "reason": "harassment", "count": 1 }])
    );
    assert_eq!(queue["oldest_at"], queue["items"][0]["created_at"]);
    let none = server
        .get("/v1/admin/reports/queue?reason=spam", &one.access)
        .await
        .expect(200);
    assert_eq!(none["items"], json!([]));
    server
        .get("/v1/admin/reports/queue?reason=rude", &one.access)
        .await
        .expect_problem(422, "invalid_field");

    let taken = take(&server, &id, &one).await.expect(200)["taken"].clone();
    assert_eq!(taken["mine"], true);
    take(&server, &id, &other)
        .await
        .expect_problem(409, "taken");
    let seen = server
        .get(&format!("/v1/admin/reports/{id}"), &other.access)
        .await
        .expect(200);
    assert_eq!(
        (&seen["taken"]["mine"], &seen["taken"]["by"]),
        (&json!(false), &taken["by"])
    );
    let resolve = format!("/v1/admin/reports/{id}/resolve");
    let word = json!({ "decision": "dismiss", "note": "yok" });
    server
        .post(&resolve, &other.access, &word)
        .await
        .expect_problem(409, "taken");
    server
        .delete(&format!("/v1/admin/reports/{id}/take"), &one.access)
        .await
        .expect(204);
    server
        .post(&resolve, &other.access, &word)
        .await
        .expect(200);
    take(&server, &id, &one)
        .await
        .expect_problem(409, "already_decided");
    take(&server, "41", &one)
        .await
        .expect_problem(404, "not_found");
    // Who reads a report of somebody, and when, is nothing for that one.
    let export = server
        .get("/v1/me/export", &reported.user.access)
        .await
        .expect(200);
    assert!(!export["system_logs"].to_string().contains("report_"));
    server.stop().await;
}

async fn a_warning_is_answered_once_beside_its_report(server: TestServer) {
    let staff = moderator(&server, "bir_mod").await;
    let (id, [a, b]) = made(&server).await;
    let word = json!({ "decision": "warn", "note": "kaba" });
    server
        .post(
            &format!("/v1/admin/reports/{id}/resolve"),
            &staff.access,
            &word,
        )
        .await
        .expect(200);
    let told = server
        .get("/v1/notifications", &b.user.access)
        .await
        .expect(200);
    let answer = format!("/v1/notifications/{}/answer", warning(&told));
    for bad in ["", " ", &"x".repeat(1001), "a\u{0}"] {
        server
            .post(&answer, &b.user.access, &json!({ "text": bad }))
            .await
            .expect_problem(422, "invalid_field");
    }
    let text = json!({ "text": "Şaka yapmıştım." });
    server
        .post(&answer, &a.user.access, &text)
        .await
        .expect_problem(404, "not_found");
    server
        .post(&answer, &b.user.access, &text)
        .await
        .expect(204);
    server
        .post(&answer, &b.user.access, &text)
        .await
        .expect_problem(409, "already_answered");
    let seen = server
        .get(&format!("/v1/admin/reports/{id}"), &staff.access)
        .await
        .expect(200);
    assert_eq!(seen["answer"]["text"], "Şaka yapmıştım.");
    let export = server
        .get("/v1/me/export", &b.user.access)
        .await
        .expect(200);
    assert_eq!(export["warning_answers"][0]["text"], "Şaka yapmıştım.");
    server.stop().await;
}

async fn a_report_can_force_another_alias(server: TestServer) {
    let staff = moderator(&server, "bir_mod").await;
    let (id, [_, b]) = made(&server).await;
    let before = super::handle(&server, &b.user).await;
    let word = json!({ "decision": "rename", "note": "ad" });
    let done = server
        .post(
            &format!("/v1/admin/reports/{id}/resolve"),
            &staff.access,
            &word,
        )
        .await
        .expect(200);
    assert_eq!(done["status"], "renamed");
    let me = server.get("/v1/me", &b.user.access).await.expect(200);
    assert_ne!(me["handle"], before);
    let told = server
        .get("/v1/notifications", &b.user.access)
        .await
        .expect(200);
    assert_eq!(told["items"][0]["data"], json!({ "code": "renamed" }));
    server.stop().await;
}
