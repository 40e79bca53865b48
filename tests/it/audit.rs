//! Whatever staff does leaves a row of `system_logs` that names who did it: each documented route
//! that changes something is done once.

use reqwest::Method;
use serde_json::{Value, json};
use tebdil_core::store::{Banning, NewBan};

use crate::{
    ads::staff,
    harness::{PASSWORD, TestServer, TestUser},
    routes::{Operation, operations},
    sockets::pair,
};

scenarios! {
    @with &[("TEBDIL_WORKERS__ENABLED", "false")];
    every_change_by_staff_names_its_actor,
}

/// Where it is done.
struct Scene<'a> {
    server: &'a TestServer,
    /// Who does it.
    admin: TestUser,
    /// To whom.
    user: TestUser,
}

/// Does what an operation is for, and gives the action that is recorded for it. A new route that
/// changes something gets an arm in one of these, in the order of paths.
async fn done(scene: &Scene<'_>, operation: &str) -> &'static str {
    let is_of = |what: &str| operation.contains(&format!("/v1/admin/{what}/"));
    if operation.ends_with("/subscription") {
        done_to_a_subscription(scene, operation).await
    } else if is_of("users") {
        done_to_an_account(scene, operation).await
    } else if ["appeals", "bans", "reports"].into_iter().any(is_of) {
        decided(scene, operation).await
    } else {
        done_to_the_site(scene, operation).await
    }
}

async fn done_to_the_site(scene: &Scene<'_>, operation: &str) -> &'static str {
    let Scene { server, admin, .. } = scene;
    let post = async |path: &str, body: Value| server.post(path, &admin.access, &body).await;
    match operation {
        "post /v1/admin/ads" => {
            an_ad(scene).await;
            "ad_created"
        }
        "patch /v1/admin/ads/{id}" => {
            let ad = an_ad(scene).await;
            server
                .call(
                    Method::PATCH,
                    &ad,
                    &admin.access,
                    &json!({"title": "Kahve"}),
                )
                .await
                .expect(200);
            "ad_changed"
        }
        "post /v1/admin/ads/{id}/notify" => {
            post(&format!("{}/notify", an_ad(scene).await), Value::Null)
                .await
                .expect(201);
            "ad_announced"
        }
        "delete /v1/admin/ads/{id}" => {
            server
                .delete(&an_ad(scene).await, &admin.access)
                .await
                .expect(204);
            "ad_deleted"
        }
        "post /v1/admin/announcements" => {
            post(
                "/v1/admin/announcements",
                json!({"tr": "Selam", "en": "Hello"}),
            )
            .await
            .expect(201);
            "announcement_made"
        }
        "delete /v1/admin/jobs/{id}" => {
            server
                .delete(&a_dead_job(scene).await, &admin.access)
                .await
                .expect(204);
            "job_deleted"
        }
        "post /v1/admin/jobs/{id}/retry" => {
            post(&format!("{}/retry", a_dead_job(scene).await), Value::Null)
                .await
                .expect(204);
            "job_retried"
        }
        "post /v1/admin/confirm" => {
            post("/v1/admin/confirm", json!({ "password": PASSWORD }))
                .await
                .expect(204);
            "identity_confirmed"
        }
        new => panic!("{new}: do it here, so that its row in system_logs is looked for"),
    }
}

/// The address of an open report, for staff.
async fn a_report(server: &TestServer) -> String {
    let (reporter, _reported, id) = pair(server).await;
    let report = json!({"match_id": id, "reason": "spam"});
    let made = server
        .post("/v1/reports", &reporter.user.access, &report)
        .await
        .expect(201);
    format!("/v1/admin/reports/{}", made["id"].as_str().expect("an id"))
}

async fn decided(scene: &Scene<'_>, operation: &str) -> &'static str {
    let Scene {
        server,
        admin,
        user,
    } = scene;
    let post = async |path: &str, body: Value| server.post(path, &admin.access, &body).await;
    let of_user = |what: &str| format!("/v1/admin/users/{}/{what}", user.id);
    match operation {
        "post /v1/admin/appeals/{id}/decide" => {
            // Not the one who banned decides.
            let other = staff(server, "ikinci", "moderator").await;
            server
                .post(&of_user("ban"), &other.access, &json!({"reason": "spam"}))
                .await
                .expect(201);
            let appeal = server.appeal(&user.phone).await;
            post(
                &format!("/v1/admin/appeals/{appeal}/decide"),
                json!({"decision": "lift", "note": "once"}),
            )
            .await
            .expect(204);
            "appeal_decided"
        }
        "post /v1/admin/bans/{id}/confirm" => {
            let ban = NewBan {
                reason: "spam".to_owned(),
                automatic: true,
                provisional: true,
                until: None,
                created_by: None,
            };
            let made = server
                .app
                .store
                .safety()
                .ban(user.id.parse().expect("an id"), &ban, server.clock.now())
                .await
                .expect("banned");
            let Banning::Banned { ban, .. } = made else {
                panic!("{made:?}")
            };
            post(
                &format!("/v1/admin/bans/{}/confirm", ban.id),
                json!({"note": "once"}),
            )
            .await
            .expect(200);
            "ban_confirmed"
        }
        "post /v1/admin/reports/{id}/take" => {
            post(&format!("{}/take", a_report(server).await), Value::Null)
                .await
                .expect(200);
            "report_taken"
        }
        "delete /v1/admin/reports/{id}/take" => {
            let path = format!("{}/take", a_report(server).await);
            post(&path, Value::Null).await.expect(200);
            server.delete(&path, &admin.access).await.expect(204);
            "report_released"
        }
        "post /v1/admin/reports/{id}/resolve" => {
            let path = format!("{}/resolve", a_report(server).await);
            post(&path, json!({"decision": "warn", "note": "once"}))
                .await
                .expect(200);
            "report_resolved"
        }
        new => panic!("{new}: do it here, so that its row in system_logs is looked for"),
    }
}

async fn done_to_an_account(scene: &Scene<'_>, operation: &str) -> &'static str {
    let Scene {
        server,
        admin,
        user,
    } = scene;
    let post = async |path: &str, body: Value| server.post(path, &admin.access, &body).await;
    let of_user = |what: &str| format!("/v1/admin/users/{}/{what}", user.id);
    match operation {
        "post /v1/admin/users/{id}/erase" => {
            post(&of_user("erase"), json!({"note": "ticket 12"}))
                .await
                .expect(204);
            "account_erased"
        }
        "post /v1/admin/users/find" => {
            post("/v1/admin/users/find", json!({"phone": user.phone}))
                .await
                .expect(200);
            "phone_looked_up"
        }
        "post /v1/admin/users/{id}/ban" => {
            post(&of_user("ban"), json!({"reason": "spam"}))
                .await
                .expect(201);
            "banned"
        }
        "post /v1/admin/users/{id}/unban" => {
            post(&of_user("ban"), json!({"reason": "spam"}))
                .await
                .expect(201);
            post(&of_user("unban"), json!({"note": "once"}))
                .await
                .expect(204);
            "ban_lifted"
        }
        "post /v1/admin/users/{id}/quota" => {
            post(
                &of_user("quota"),
                json!({"bucket": "text", "amount": 1, "reference": "a"}),
            )
            .await
            .expect(200);
            "quota_corrected"
        }
        "post /v1/admin/users/{id}/reliability" => {
            post(&of_user("reliability"), json!({"unreliable": true}))
                .await
                .expect(204);
            "reliability_changed"
        }
        "post /v1/admin/users/{id}/role" => {
            post(&of_user("role"), json!({"role": "moderator"}))
                .await
                .expect(200);
            "role_changed"
        }
        "delete /v1/admin/users/{id}/sessions" => {
            server
                .delete(&of_user("sessions"), &admin.access)
                .await
                .expect(204);
            "sessions_ended"
        }
        new => panic!("{new}: do it here, so that its row in system_logs is looked for"),
    }
}

async fn done_to_a_subscription(scene: &Scene<'_>, operation: &str) -> &'static str {
    let Scene {
        server,
        admin,
        user,
    } = scene;
    let post = async |path: &str, body: Value| server.post(path, &admin.access, &body).await;
    let of_user = |what: &str| format!("/v1/admin/users/{}/{what}", user.id);
    match operation {
        "post /v1/admin/users/{id}/subscription" => {
            post(&of_user("subscription"), json!({"plan": "monthly"}))
                .await
                .expect(201);
            "subscription_granted"
        }
        "delete /v1/admin/users/{id}/subscription" => {
            post(&of_user("subscription"), json!({"plan": "monthly"}))
                .await
                .expect(201);
            server
                .delete(&of_user("subscription"), &admin.access)
                .await
                .expect(204);
            "subscription_ended"
        }
        new => panic!("{new}: do it here, so that its row in system_logs is looked for"),
    }
}

async fn an_ad(scene: &Scene<'_>) -> String {
    let settings = json!({"title": "Çay", "content": "Sıcak çay"});
    let made = scene
        .server
        .post("/v1/admin/ads", &scene.admin.access, &settings)
        .await
        .expect(201);
    format!("/v1/admin/ads/{}", made["id"].as_str().expect("an id"))
}

async fn a_dead_job(scene: &Scene<'_>) -> String {
    crate::jobs::push(scene.server, "retention", b"{\"unreadable").await;
    scene.server.run_due_jobs().await;
    let dead = scene
        .server
        .get("/v1/admin/jobs?state=dead&limit=1", &scene.admin.access)
        .await
        .expect(200);
    format!(
        "/v1/admin/jobs/{}",
        dead["items"][0]["id"].as_str().expect("an id")
    )
}

async fn every_change_by_staff_names_its_actor(server: TestServer) {
    let document = server.get("/openapi.json", "").await.expect(200);
    let changes: Vec<Operation> = operations(&document)
        .into_iter()
        .filter(|operation| operation.is_staff() && operation.changes())
        .collect();
    assert!(changes.len() >= 11, "the document was read: {changes:?}");
    for (number, operation) in changes.iter().enumerate() {
        // Its own people each, so that no two acts are mistaken for each other.
        let admin = staff(&server, &format!("selin{number}"), "admin").await;
        let scene = Scene {
            server: &server,
            admin,
            user: server.register(&format!("kedi{number}")).await,
        };
        let action = done(&scene, &operation.name()).await;
        let path = format!(
            "/v1/admin/system-logs?action={action}&actor={}",
            scene.admin.id
        );
        let recorded = server.get(&path, &scene.admin.access).await.expect(200);
        let [act] = recorded["items"].as_array().expect("items").as_slice() else {
            panic!("{}: {recorded}", operation.name())
        };
        assert_eq!(
            (&act["action"], &act["actor_id"]),
            (&json!(action), &json!(scene.admin.id))
        );
        assert!(act["details"].is_object(), "{act}");
        if operation.path.contains("/users/") {
            assert_eq!(act["user_id"], json!(scene.user.id), "{act}");
        }
        let text = act.to_string();
        assert!(
            !text.contains(&scene.user.phone) && !text.contains(&scene.user.phone[3..]),
            "{text}"
        );
    }
    server.stop().await;
}
