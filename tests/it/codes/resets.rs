//! A forgotten password.

use serde_json::{Value, json};
use tebdil_client::raw::RawSocket;
use tebdil_protocol::{CloseCode, Secret};

use super::{RESET, confirm, registered, wrong};
use crate::{
    harness::{PASSWORD, TestServer},
    sms::Gateway,
    sockets::eventually,
};

with_gateway! {
    a_forgotten_password_is_set_anew_and_every_session_ends: &[],
    who_has_no_account_gets_the_same_answers: &[],
    a_weak_password_costs_no_try_and_betrays_no_alias: &[],
}

async fn a_forgotten_password_is_set_anew_and_every_session_ends(
    server: TestServer,
    gateway: Gateway,
) {
    let (phone, made) = registered(&server, &gateway, "kedi").await;
    let access = Secret::from(made["tokens"]["access_token"].as_str().expect("token"));
    let tablet = server.login(&phone).await;
    let (mut socket, _) = RawSocket::hello(&server.base, &access)
        .await
        .expect("a socket");
    let (mut other, _) = RawSocket::hello(&server.base, &Secret::from(tablet.access.as_str()))
        .await
        .expect("a socket");

    server
        .post(RESET, "", &json!({"phone": phone.replace("+90", "0")}))
        .await
        .expect(202);
    let sms = gateway.message(2).await;
    assert!(
        sms.phone == phone && sms.text.contains(&sms.code) && sms.text.contains("yeni parola"),
        "{}",
        sms.text
    );
    confirm(&server, &phone, &sms.code, "yepyeni bir parola")
        .await
        .expect(204);
    for socket in [&mut socket, &mut other] {
        assert_eq!(
            socket.recv_close_code().await.expect("a close"),
            Some(CloseCode::Unauthorized)
        );
    }
    for token in [access.expose(), &tablet.access] {
        server
            .get("/v1/me", token)
            .await
            .expect_problem(401, "unauthorized");
    }
    server
        .post(
            "/v1/auth/refresh",
            "",
            &json!({"refresh_token": tablet.refresh}),
        )
        .await
        .expect_problem(401, "refresh_invalid");
    let login = async |password: &str| {
        server
            .post(
                "/v1/auth/login",
                "",
                &json!({"phone": phone, "password": password}),
            )
            .await
    };
    login(PASSWORD)
        .await
        .expect_problem(401, "invalid_credentials");
    login("yepyeni bir parola").await.expect(200);
    let count = async |sql: &str| {
        server
            .count(&format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {sql}"))
            .await
    };
    assert_eq!(
        count("notifications WHERE code = 'password_reset'").await,
        1
    );
    assert_eq!(
        count("system_logs WHERE action = 'password_reset' AND details = '{}'").await,
        1
    );
    drop((socket, other));
    server.stop().await;
}

async fn who_has_no_account_gets_the_same_answers(server: TestServer, gateway: Gateway) {
    let (phone, _) = registered(&server, &gateway, "kedi").await;
    let (banned, _) = registered(&server, &gateway, "yasakli").await;
    server.ban(&banned).await;
    let unknown = server.phone();
    for asked in [
        &phone,
        &banned,
        &unknown,
        "+4915123456789",
        "+902121234567",
        "hello",
        "",
    ] {
        let reply = server.post(RESET, "", &json!({"phone": asked})).await;
        assert!(!reply.headers.contains_key("retry-after"));
        assert_eq!(reply.expect(202), Value::Null, "{asked}");
    }
    server
        .post(RESET, "", &json!({}))
        .await
        .expect_problem(422, "invalid_field");
    let code = gateway.message(3).await.code;
    // Each is looked up, and leaves the same trace.
    eventually("three codes are stored", async || {
        server.count("SELECT CAST(COUNT(*) AS BIGINT) FROM one_time_codes WHERE purpose = 'password_reset'").await == 3
    })
    .await;
    let known = confirm(&server, &phone, &wrong(&code), "yeni parolam")
        .await
        .expect_problem(422, "code_invalid");
    for other in [&banned, &unknown, "hello"] {
        assert_eq!(
            confirm(&server, other, &code, "yeni parolam")
                .await
                .expect_problem(422, "code_invalid"),
            known
        );
    }
    assert_eq!(
        server
            .count("SELECT CAST(SUM(tries) AS BIGINT) FROM one_time_codes")
            .await,
        3
    );

    // Banned after the code was sent: it is no longer good.
    server.ban(&phone).await;
    assert_eq!(
        confirm(&server, &phone, &code, "yeni parolam")
            .await
            .expect_problem(422, "code_invalid"),
        known
    );
    let inbox = gateway.inbox();
    let told: Vec<&str> = inbox.iter().map(|sms| sms.phone.as_str()).collect();
    assert_eq!(
        told,
        [&*phone, &banned, &phone],
        "nobody else was sent anything"
    );
    server.stop().await;
}

async fn a_weak_password_costs_no_try_and_betrays_no_alias(server: TestServer, gateway: Gateway) {
    let (phone, _) = registered(&server, &gateway, "uzunkedi").await;
    server
        .post(RESET, "", &json!({"phone": phone}))
        .await
        .expect(202);
    let code = gateway.message(2).await.code;
    let long = "a1".repeat(65);
    for asked in [phone.clone(), server.phone()] {
        for (password, problem) in [
            ("12345678", "weak_password"),
            (&asked, "weak_password"),
            (&long, "password_too_long"),
        ] {
            let body = confirm(&server, &asked, &code, password)
                .await
                .expect_problem(422, problem);
            assert_eq!(body["errors"][0]["field"], "new_password");
        }
    }
    let tries = async || server.count("SELECT tries FROM one_time_codes").await;
    assert_eq!(tries().await, 0);
    confirm(&server, &phone, &wrong(&code), "uzunkedi")
        .await
        .expect_problem(422, "code_invalid");
    confirm(&server, &phone, &code, "uzunkedi")
        .await
        .expect_problem(422, "weak_password");
    assert_eq!(tries().await, 2);
    confirm(&server, &phone, &code, "uzun kedi değil")
        .await
        .expect(204);
    server.stop().await;
}
