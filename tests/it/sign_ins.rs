//! What signing in leaves behind: a word to the account's other devices, and a record for staff.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    ads::staff,
    harness::{PASSWORD, TestServer, TestUser},
    sockets::{Person, eventually},
};

scenarios! {
    @with &[("TEBDIL_WORKERS__ENABLED", "false")];
    the_others_hear_of_a_new_device,
    staff_hears_of_every_sign_in,
    a_registration_names_its_device,
    sign_ins_are_recorded_without_an_address,
}

async fn the_others_hear_of_a_new_device(server: TestServer) {
    let mut phone = Person::new(&server, "ayse").await;
    let device = json!({"name": "Ayşe'nin tableti", "platform": "android"});
    let login = json!({"phone": phone.user.phone, "password": PASSWORD, "device": device});
    server.post("/v1/auth/login", "", &login).await.expect(200);
    let told = phone.until("notification").await["notification"].clone();
    assert_eq!(
        told["data"],
        json!({"code": "new_device", "name": "Ayşe'nin tableti", "platform": "android"})
    );
    assert_eq!(told["type"], "system");
    assert!(
        told["message"]
            .as_str()
            .is_some_and(|text| text.contains("(Ayşe'nin tableti)")),
        "{told}"
    );
    let list = server
        .get("/v1/notifications", &phone.user.access)
        .await
        .expect(200);
    assert_eq!(
        list["items"],
        json!([told]),
        "once, and none for the registration"
    );
    server.stop().await;
}

async fn staff_hears_of_every_sign_in(server: TestServer) {
    let moderator = staff(&server, "deniz", "moderator").await;
    let device = json!({"name": "Pixel", "platform": "android"});
    let login = json!({"phone": moderator.phone, "password": PASSWORD, "device": device});
    // Also where no other device is signed in: it is found later, and pushed to who has a device
    // for that.
    server
        .post("/v1/auth/logout", &moderator.access, &Value::Null)
        .await
        .expect(204);
    let signed = server.post("/v1/auth/login", "", &login).await.expect(200);
    let token = signed["tokens"]["access_token"].as_str().expect("a token");
    let list = server.get("/v1/notifications", token).await.expect(200)["items"].clone();
    assert_eq!(
        list[0]["data"],
        json!({"code": "staff_sign_in", "name": "Pixel", "platform": "android"})
    );
    assert!(
        list[0]["message"]
            .as_str()
            .is_some_and(|text| text.contains("(Pixel)")),
        "{list}"
    );
    assert!(
        !list.to_string().contains("127.0.0.1")
            && !list.to_string().contains(&moderator.phone[3..]),
        "{list}"
    );
    let pushes = "SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE queue = 'push'";
    assert_eq!(
        (list.as_array().map(Vec::len), server.count(pushes).await),
        (Some(1), 1),
        "once"
    );

    // A wrong password is none, and no more than twenty an hour are told.
    let wrong = json!({"phone": moderator.phone, "password": "not the password"});
    server
        .post("/v1/auth/login", "", &wrong)
        .await
        .expect_problem(401, "invalid_credentials");
    for _ in 0..24 {
        server.post("/v1/auth/login", "", &login).await.expect(200);
    }
    let told = "SELECT CAST(COUNT(*) AS BIGINT) FROM notifications WHERE code = 'staff_sign_in'";
    assert_eq!(server.count(told).await, 20);
    server.stop().await;
}

async fn a_registration_names_its_device(server: TestServer) {
    let mut body = TestServer::registration(&server.phone(), "ayse");
    body["device"] = json!({"name": "x".repeat(65), "platform": "web"});
    let problem = server
        .post("/v1/auth/register", "", &body)
        .await
        .expect_problem(422, "invalid_field");
    assert_eq!(problem["errors"][0]["field"], "device.name");
    body["device"] = json!({"name": "Firefox", "platform": "web"});
    let made = server
        .post("/v1/auth/register", "", &body)
        .await
        .expect(201);
    let token = made["tokens"]["access_token"].as_str().expect("a token");
    let sessions = server.get("/v1/me/sessions", token).await.expect(200);
    assert_eq!(sessions["items"][0]["device"], body["device"]);
    server.stop().await;
}

/// They are its user's too.
async fn acts_are_in_the_export(server: &TestServer, user: &TestUser) {
    let fresh = json!({"phone": user.phone, "password": "kar yağıyor bugün"});
    let signed = server.post("/v1/auth/login", "", &fresh).await.expect(200);
    let token = signed["tokens"]["access_token"].as_str().expect("a token");
    let export = server
        .send(server.request(Method::GET, "/v1/me/export", Some(token)))
        .await
        .expect(200);
    let acts: Vec<&str> = export["system_logs"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|act| act["action"].as_str())
        .collect();
    for action in [
        "signed_in",
        "session_ended",
        "password_changed",
        "refresh_reused",
        "sign_in_failed",
    ] {
        assert!(acts.contains(&action), "{action} is not in {acts:?}");
    }
}

async fn sign_ins_are_recorded_without_an_address(server: TestServer) {
    let admin = staff(&server, "selin", "admin").await;
    let user = server.register("ayse").await;
    let second = server.login(&user.phone).await;
    for password in ["yanlis parola", "gene yanlis"] {
        let login = json!({"phone": user.phone, "password": password});
        server
            .post("/v1/auth/login", "", &login)
            .await
            .expect_problem(401, "invalid_credentials");
    }
    server
        .post("/v1/auth/logout", &second.access, &Value::Null)
        .await
        .expect(204);
    let new = json!({"current_password": PASSWORD, "new_password": "kar yağıyor bugün"});
    server
        .post("/v1/me/password", &user.access, &new)
        .await
        .expect(204);
    let refresh = json!({"refresh_token": user.refresh});
    server
        .post("/v1/auth/refresh", "", &refresh)
        .await
        .expect(200);
    server
        .post("/v1/auth/refresh", "", &refresh)
        .await
        .expect_problem(401, "refresh_reused");

    let about = async |action: &str| {
        let path = format!("/v1/admin/system-logs?action={action}&user={}", user.id);
        server.get(&path, &admin.access).await.expect(200)["items"]
            .as_array()
            .expect("a list")
            .clone()
    };
    // It is not awaited by the answer.
    eventually("failures are recorded", async || {
        about("sign_in_failed")
            .await
            .first()
            .is_some_and(|act| act["details"]["count"] == 2)
    })
    .await;
    for (action, actor) in [
        ("signed_in", json!(user.id)),
        ("session_ended", json!(user.id)),
        ("password_changed", json!(user.id)),
        ("refresh_reused", Value::Null),
        ("sign_in_failed", Value::Null),
    ] {
        let acts = about(action).await;
        let [act] = acts.as_slice() else {
            panic!("{action}: {acts:?}")
        };
        assert_eq!(act["actor_id"], actor, "{action}");
        let text = act.to_string();
        assert!(
            !text.contains("127.0.0.1")
                && !text.contains(&user.phone[3..])
                && !text.contains("yanlis"),
            "{text}"
        );
    }

    acts_are_in_the_export(&server, &user).await;
    server.stop().await;
}
