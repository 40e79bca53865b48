//! Registering, signing in, staying signed in, changing.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{PASSWORD, Reply, TestServer};

mod sessions;

scenarios! {
    a_user_registers_signs_in_and_changes_the_profile,
    what_is_wrong_with_a_registration_is_told,
    a_phone_has_one_account_in_every_spelling,
    many_register_the_same_phone_at_once_and_one_succeeds,
    an_unknown_phone_and_a_wrong_password_get_the_same_answer,
    a_ban_is_told_to_who_knows_the_password,
    quota_is_given_anew_at_local_midnight,
    keys_belong_to_the_session,
}

async fn a_profile_is_changed_in_parts(server: &TestServer, token: &str, user: &Value) {
    let patch = json!({"alias": "Yeni.Ad", "locale": "en", "interests": [" Müzik", "müzik", "Go"], "languages": ["tr", "en"], "location": {"lat": 41.008_24, "lon": 28.978_36}});
    let changed = server
        .call(Method::PATCH, "/v1/me", token, &patch)
        .await
        .expect(200);
    assert_eq!(
        (&changed["alias"], &changed["locale"]),
        (&json!("Yeni.Ad"), &json!("en"))
    );
    assert_eq!(
        (&changed["interests"], &changed["languages"]),
        (&json!(["müzik", "go"]), &json!(["tr", "en"]))
    );
    assert!(
        changed.get("location").is_none(),
        "a place never leaves the server"
    );
    let stored = server
        .app
        .store
        .accounts()
        .user(user["id"].as_str().expect("id").parse().expect("id"))
        .await
        .expect("store")
        .expect("user");
    assert_eq!(
        stored.location().map(|place| (place.lat, place.lon)),
        Some((41.01, 28.98))
    );

    assert_eq!(
        server
            .call(Method::PATCH, "/v1/me", token, &json!({}))
            .await
            .expect(200),
        changed,
        "nothing asked, nothing changed"
    );
    server
        .call(Method::PATCH, "/v1/me", token, &json!({"location": null}))
        .await
        .expect(200);
    let stored = server
        .app
        .store
        .accounts()
        .user(stored.id)
        .await
        .expect("store")
        .expect("user");
    assert_eq!(stored.location(), None);
}

async fn a_user_registers_signs_in_and_changes_the_profile(server: TestServer) {
    let phone = server.phone();
    let body = server
        .post(
            "/v1/auth/register",
            "",
            &TestServer::registration(&phone, "KediAdam"),
        )
        .await
        .expect(201);
    let user = &body["user"];
    assert!(
        user["id"]
            .as_str()
            .is_some_and(|id| id.parse::<i64>().is_ok())
    );
    assert_eq!(
        user["handle"],
        format!("KediAdam#{}", user["tag"].as_str().expect("tag"))
    );
    assert_eq!(
        user["phone_masked"],
        format!("+90 ******** {}", &phone[phone.len() - 2..])
    );
    assert_eq!(
        (&user["is_premium"], &user["locale"], &user["role"]),
        (&json!(false), &json!("tr"), &json!("user"))
    );
    assert_eq!(user["created_at"], "2026-11-21T09:00:00.000Z");
    let quota = json!({"text": 10, "video": 3, "bonus": 0, "daily_text": 10, "daily_video": 3, "resets_at": "2026-11-21T21:00:00.000Z"});
    assert_eq!(user["quota"], quota);
    assert_eq!(body["tokens"]["token_type"], "Bearer");
    assert_eq!(
        body["tokens"]["access_expires_at"],
        "2026-11-21T09:15:00.000Z"
    );
    assert_eq!(
        body["tokens"]["refresh_expires_at"],
        "2026-12-21T09:00:00.000Z"
    );

    let login = json!({"phone": phone, "password": PASSWORD, "device": {"name": "Telefon", "platform": "android"}});
    let signed = server.post("/v1/auth/login", "", &login).await.expect(200);
    assert_eq!(signed["user"], *user);
    let token = signed["tokens"]["access_token"].as_str().expect("token");
    assert_eq!(server.get("/v1/me", token).await.expect(200), *user);
    assert_eq!(server.get("/v1/me/quota", token).await.expect(200), quota);

    a_profile_is_changed_in_parts(&server, token, user).await;

    server
        .post("/v1/auth/logout", token, &Value::Null)
        .await
        .expect(204);
    server
        .get("/v1/me", token)
        .await
        .expect_problem(401, "unauthorized");
    server.stop().await;
}

async fn what_is_wrong_with_a_registration_is_told(server: TestServer) {
    let phone = server.phone();
    let long = "a1".repeat(65);
    let cases: &[(&str, Value, &str)] = &[
        ("phone", json!("12"), "invalid_phone"),
        ("phone", json!("+905301234567;ext=1"), "invalid_phone"),
        ("password", json!("kisa"), "weak_password"),
        ("password", json!("aaaaaaaaaaaa"), "weak_password"),
        ("password", json!(phone), "weak_password"),
        ("password", json!(long), "password_too_long"),
        ("alias", json!("ab"), "alias_invalid"),
        ("alias", json!("Admin"), "alias_invalid"),
        ("alias", json!("a b c"), "alias_invalid"),
        ("birth_date", json!("2008-11-22"), "underage"),
        ("birth_date", json!("2026-13-01"), "invalid_field"),
        ("birth_date", json!("1990"), "invalid_field"),
        ("accept_terms", json!(false), "terms_not_accepted"),
        ("locale", json!("de"), "invalid_field"),
        ("accept_terms", json!("yes"), "invalid_field"),
        ("extra", json!(1), "unknown_field"),
    ];
    for (field, value, code) in cases {
        let mut body = TestServer::registration(&phone, "KediAdam");
        body[field] = value.clone();
        let problem = server
            .post("/v1/auth/register", "", &body)
            .await
            .expect_problem(422, code);
        assert_eq!(problem["errors"][0]["field"], *field, "{problem}");
        assert_eq!(problem["errors"][0]["code"], *code);
        if let Some(text) = value.as_str().filter(|text| text.len() > 8) {
            assert!(
                !problem.to_string().contains(text),
                "an error quotes what was sent"
            );
        }
    }
    let mut body = TestServer::registration(&phone, "KediAdam");
    body.as_object_mut().expect("object").remove("birth_date");
    let problem = server
        .post("/v1/auth/register", "", &body)
        .await
        .expect_problem(422, "invalid_field");
    assert_eq!(problem["errors"][0]["field"], "birth_date");

    // None of this made an account; on the birthday itself it works.
    body["birth_date"] = json!("2008-11-21");
    server
        .post("/v1/auth/register", "", &body)
        .await
        .expect(201);
    server.stop().await;
}

async fn a_phone_has_one_account_in_every_spelling(server: TestServer) {
    let phone = server.register("birinci").await.phone;
    for spelling in [
        phone.clone(),
        phone.replace("+90", "0"),
        phone.replace("+90", ""),
        phone.replace("+90", "0090 "),
    ] {
        let body = TestServer::registration(&spelling, "ikinci");
        server
            .post("/v1/auth/register", "", &body)
            .await
            .expect_problem(409, "phone_taken");
        server.login(&spelling).await;
    }
    server.stop().await;
}

async fn many_register_the_same_phone_at_once_and_one_succeeds(server: TestServer) {
    let body = TestServer::registration(&server.phone(), "yarisci");
    let replies = futures_util::future::join_all(
        (0..12).map(|_| server.post("/v1/auth/register", "", &body)),
    )
    .await;
    let made = replies
        .iter()
        .filter(|reply| reply.status.as_u16() == 201)
        .count();
    assert_eq!(made, 1);
    for reply in replies
        .into_iter()
        .filter(|reply| reply.status.as_u16() != 201)
    {
        reply.expect_problem(409, "phone_taken");
    }
    server.stop().await;
}

async fn an_unknown_phone_and_a_wrong_password_get_the_same_answer(server: TestServer) {
    let user = server.register("KediAdam").await;
    let login = async |phone: &str, password: &str| {
        server
            .post(
                "/v1/auth/login",
                "",
                &json!({"phone": phone, "password": password}),
            )
            .await
            .expect_problem(401, "invalid_credentials")
    };
    let wrong = login(&user.phone, "yanlis parola").await;
    assert_eq!(login(&server.phone(), PASSWORD).await, wrong);
    assert_eq!(login("not a phone", PASSWORD).await, wrong);
    assert_eq!(login(&user.phone, &"x".repeat(5_000)).await, wrong);
    assert_eq!(login(&user.phone, "").await, wrong);
    server.stop().await;
}

async fn refresh(server: &TestServer, token: &str) -> Reply {
    server
        .post("/v1/auth/refresh", "", &json!({"refresh_token": token}))
        .await
}

async fn a_ban_is_told_to_who_knows_the_password(server: TestServer) {
    let user = server.register("KediAdam").await;
    server.ban(&user.phone).await;
    let login = async |password: &str| {
        server
            .post(
                "/v1/auth/login",
                "",
                &json!({"phone": user.phone, "password": password}),
            )
            .await
    };
    login("yanlis parola")
        .await
        .expect_problem(401, "invalid_credentials");
    let problem = login(PASSWORD).await.expect_problem(403, "banned");
    assert_eq!(
        (&problem["ban"]["reason"], &problem["ban"]["until"]),
        (&json!("spam"), &Value::Null)
    );

    // The phone of a ban cannot register either.
    let body = TestServer::registration(&user.phone, "yeniden");
    server
        .post("/v1/auth/register", "", &body)
        .await
        .expect_problem(403, "banned");
    server.stop().await;
}

async fn quota_is_given_anew_at_local_midnight(server: TestServer) {
    let user = server.register("KediAdam").await;
    server
        .clock
        .set("2026-11-21T20:59:59.999Z".parse().expect("time"));
    let access = refresh(&server, &user.refresh).await.expect(200);
    let access = access["tokens"]["access_token"].as_str().expect("token");
    let quota = server.get("/v1/me/quota", access).await.expect(200);
    assert_eq!(quota["resets_at"], "2026-11-21T21:00:00.000Z");
    server
        .clock
        .set("2026-11-21T21:00:00Z".parse().expect("time"));
    let quota = server.get("/v1/me/quota", access).await.expect(200);
    assert_eq!(
        (&quota["text"], &quota["resets_at"]),
        (&json!(10), &json!("2026-11-22T21:00:00.000Z"))
    );
    server.stop().await;
}

async fn keys_belong_to_the_session(server: TestServer) {
    let user = server.register("KediAdam").await;
    let other = server.login(&user.phone).await;
    let put =
        async |token: &str, body: Value| server.call(Method::PUT, "/v1/keys", token, &body).await;
    let package = "AAAA".repeat(64);
    let sixty: Vec<String> = (0..60)
        .map(|number| format!("{}{package}", 1000 + number))
        .collect();
    assert_eq!(
        put(
            &user.access,
            json!({"packages": sixty, "last_resort": package})
        )
        .await
        .expect(200)["remaining"],
        60
    );
    // A client that repeats an upload, as after a lost answer, stores nothing twice.
    assert_eq!(
        put(
            &user.access,
            json!({"packages": sixty, "last_resort": package})
        )
        .await
        .expect(200)["remaining"],
        60
    );
    let more: Vec<String> = (0..41)
        .map(|number| format!("{}{package}", 2000 + number))
        .collect();
    assert_eq!(
        server.get("/v1/keys", &user.access).await.expect(200)["remaining"],
        60
    );
    assert_eq!(
        server.get("/v1/keys", &other.access).await.expect(200)["remaining"],
        0
    );

    for (packages, field) in [
        (vec![package.clone(); 101], "packages"),
        (more, "packages"),
        (vec![package.clone(), "%%%".to_owned()], "packages[1]"),
        (vec![String::new()], "packages[0]"),
        (vec!["AAAA".repeat(1_366)], "packages[0]"),
    ] {
        let problem = put(&user.access, json!({"packages": packages}))
            .await
            .expect_problem(422, "invalid_field");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    assert_eq!(
        server.get("/v1/keys", &user.access).await.expect(200)["remaining"],
        60,
        "nothing was stored"
    );
    // The largest upload of the contract fits: 100 packages of 4 KiB.
    let largest: Vec<String> = (0..100)
        .map(|number| format!("{}{}AA==", 1000 + number, "AAAA".repeat(1_364)))
        .collect();
    assert_eq!(
        put(&other.access, json!({"packages": largest}))
            .await
            .expect(200)["remaining"],
        100
    );
    server.stop().await;
}

mod limited {
    use super::*;

    scenarios! {
        @with &[
            ("TEBDIL_LIMITS__ENABLED", "true"),
            ("TEBDIL_LIMITS__PASSWORDS__PHONE__FREE", "3"),
            ("TEBDIL_LIMITS__PASSWORDS__PHONE__FIRST_S", "900"),
            ("TEBDIL_LIMITS__RULES__REGISTER_ADDRESS__BURST", "4"),
        ];
        passwords_cannot_be_tried_for_ever,
    }

    async fn passwords_cannot_be_tried_for_ever(server: TestServer) {
        let user = server.register("KediAdam").await;
        let login = async |phone: &str, password: &str| {
            server
                .post(
                    "/v1/auth/login",
                    "",
                    &json!({"phone": phone, "password": password}),
                )
                .await
        };
        for _ in 0..3 {
            login(&user.phone, "yanlis parola")
                .await
                .expect_problem(401, "invalid_credentials");
        }
        login(&user.phone, PASSWORD)
            .await
            .expect_problem(429, "too_many_attempts");
        login(&user.phone.replace("+90", "0"), PASSWORD)
            .await
            .expect_problem(429, "too_many_attempts");
        login(&server.phone(), PASSWORD)
            .await
            .expect_problem(401, "invalid_credentials");

        for _ in 0..3 {
            server.register("baska").await;
        }
        let body = TestServer::registration(&server.phone(), "baska");
        server
            .post("/v1/auth/register", "", &body)
            .await
            .expect_problem(429, "too_many_attempts");
        server.stop().await;
    }
}
