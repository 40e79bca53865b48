//! A repeat of a request with the same `Idempotency-Key` gets the first answer.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    ads::staff,
    harness::{PASSWORD, Reply, TestServer},
};

mod kept;

scenarios! {
    a_repeat_answers_the_first_result,
    a_refresh_repeated_with_its_key_keeps_the_session,
    of_many_at_once_one_runs,
    a_key_belongs_to_one_request_and_one_user,
    failures_that_may_pass_are_not_kept,
    kept_answers_are_not_readable,
    what_is_nowhere_is_not_kept,
    a_body_is_as_large_as_its_route_allows,
    a_role_is_asked_again_when_the_body_is_there,
}

async fn with_key(
    server: &TestServer,
    method: Method,
    path: &str,
    token: &str,
    key: &str,
    body: &Value,
) -> Reply {
    let request = server
        .request(method, path, (!token.is_empty()).then_some(token))
        .header("idempotency-key", key)
        .json(body);
    server.send(request).await
}

async fn a_repeat_answers_the_first_result(server: TestServer) {
    let body = TestServer::registration(&server.phone(), "KediAdam");
    let register = async || {
        with_key(
            &server,
            Method::POST,
            "/v1/auth/register",
            "",
            "key-1",
            &body,
        )
        .await
    };
    let first = register().await;
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let first = first.expect(201);
    let repeat = register().await;
    assert_eq!(repeat.headers["idempotency-replayed"], "true");
    assert_eq!(repeat.headers["content-type"], "application/json");
    assert_eq!(repeat.expect(201), first);

    // A refusal is repeated as well.
    for _ in 0..2 {
        with_key(
            &server,
            Method::POST,
            "/v1/auth/register",
            "",
            "key-2",
            &body,
        )
        .await
        .expect_problem(409, "phone_taken");
    }
    // A logout ends what its answer could be asked for with: the repeat says that it is done.
    let token = first["tokens"]["access_token"].as_str().expect("token");
    let logout = async || {
        with_key(
            &server,
            Method::POST,
            "/v1/auth/logout",
            token,
            "key-3",
            &Value::Null,
        )
        .await
    };
    logout().await.expect(204);
    logout().await.expect_problem(401, "unauthorized");
    // After a day the key is free again.
    server.clock.advance(Duration::from_hours(24));
    register().await.expect_problem(409, "phone_taken");
    server.stop().await;
}

/// What the client does when the answer of a refresh is lost.
async fn a_refresh_repeated_with_its_key_keeps_the_session(server: TestServer) {
    let user = server.register("KediAdam").await;
    let body = json!({"refresh_token": user.refresh});
    let refresh =
        async |key: &str| with_key(&server, Method::POST, "/v1/auth/refresh", "", key, &body).await;
    let first = refresh("key-1").await.expect(200);
    assert_eq!(refresh("key-1").await.expect(200), first);
    server
        .get(
            "/v1/me",
            first["tokens"]["access_token"].as_str().expect("token"),
        )
        .await
        .expect(200);
    refresh("key-2").await.expect_problem(401, "refresh_reused");
    server.stop().await;
}

async fn of_many_at_once_one_runs(server: TestServer) {
    let body = TestServer::registration(&server.phone(), "KediAdam");
    let calls =
        (0..10).map(|_| with_key(&server, Method::POST, "/v1/auth/register", "", "key", &body));
    let replies = futures_util::future::join_all(calls).await;
    let first = replies
        .iter()
        .find(|reply| reply.status.as_u16() == 201)
        .expect("one runs")
        .body
        .clone();
    for reply in replies {
        if reply.status.as_u16() == 201 {
            assert_eq!(reply.body, first);
        } else {
            reply.expect_problem(409, "request_in_progress");
        }
    }
    server.stop().await;
}

async fn a_key_belongs_to_one_request_and_one_user(server: TestServer) {
    let (a, b) = (
        server.register("birinci").await,
        server.register("ikinci").await,
    );
    let patch = async |token: &str, alias: &str| {
        with_key(
            &server,
            Method::PATCH,
            "/v1/me",
            token,
            "key",
            &json!({"alias": alias}),
        )
        .await
    };
    assert_eq!(patch(&a.access, "yeni").await.expect(200)["alias"], "yeni");
    patch(&a.access, "baska")
        .await
        .expect_problem(422, "idempotency_key_reused");
    with_key(
        &server,
        Method::POST,
        "/v1/me/password",
        &a.access,
        "key",
        &json!({}),
    )
    .await
    .expect_problem(422, "idempotency_key_reused");
    let other = patch(&b.access, "yeni").await.expect(200);
    assert_eq!(
        other["id"],
        json!(b.id),
        "another user's key is another key"
    );
    assert_eq!(
        server.get("/v1/me", &a.access).await.expect(200)["alias"],
        "yeni"
    );

    for bad in ["", " ", "with space", "ş", &"k".repeat(256)] {
        with_key(
            &server,
            Method::PATCH,
            "/v1/me",
            &a.access,
            bad,
            &json!({"alias": "kotu"}),
        )
        .await
        .expect_problem(400, "bad_request");
    }
    let twice = server
        .request(Method::PATCH, "/v1/me", Some(&a.access))
        .header("idempotency-key", "x")
        .header("idempotency-key", "y");
    server
        .send(twice.json(&json!({"alias": "kotu"})))
        .await
        .expect_problem(400, "bad_request");
    assert_eq!(
        server.get("/v1/me", &a.access).await.expect(200)["alias"],
        "yeni"
    );
    server.stop().await;
}

async fn failures_that_may_pass_are_not_kept(server: TestServer) {
    let phone = server.phone();
    let login = async || {
        with_key(
            &server,
            Method::POST,
            "/v1/auth/login",
            "",
            "key",
            &json!({"phone": phone, "password": PASSWORD}),
        )
        .await
    };
    login().await.expect_problem(401, "invalid_credentials");
    server
        .post(
            "/v1/auth/register",
            "",
            &TestServer::registration(&phone, "KediAdam"),
        )
        .await
        .expect(201);
    login().await.expect(200);
    server.stop().await;
}

async fn kept_answers_are_not_readable(server: TestServer) {
    let body = TestServer::registration(&server.phone(), "KediAdam");
    let answer = with_key(&server, Method::POST, "/v1/auth/register", "", "key", &body)
        .await
        .expect(201);
    let tokens = &answer["tokens"];
    for file in server.database_files() {
        let bytes = std::fs::read(&file).expect("the database");
        for secret in [
            &tokens["access_token"],
            &tokens["refresh_token"],
            &body["phone"],
            &body["password"],
        ] {
            let secret = secret.as_str().expect("text").as_bytes();
            assert!(
                !bytes.windows(secret.len()).any(|window| window == secret),
                "{} holds a secret",
                file.display()
            );
        }
    }
    server.stop().await;
}

async fn what_is_nowhere_is_not_kept(server: TestServer) {
    for _ in 0..2 {
        let reply = with_key(&server, Method::POST, "/v1/nosuch", "", "key", &json!({})).await;
        assert!(!reply.headers.contains_key("idempotency-replayed"));
        reply.expect_problem(404, "not_found");
    }
    assert_eq!(
        server.count("SELECT COUNT(*) FROM idempotency_keys").await,
        0
    );
    server.stop().await;
}

async fn a_body_is_as_large_as_its_route_allows(server: TestServer) {
    let user = server.register("KediAdam").await;
    let packages = json!({"packages": vec![format!("{}AA==", "AAAA".repeat(1_365)); 100]});
    with_key(
        &server,
        Method::PATCH,
        "/v1/me",
        &user.access,
        "key-1",
        &packages,
    )
    .await
    .expect_problem(413, "payload_too_large");
    with_key(
        &server,
        Method::POST,
        "/v1/auth/login",
        "",
        "key-2",
        &packages,
    )
    .await
    .expect_problem(413, "payload_too_large");
    with_key(
        &server,
        Method::PUT,
        "/v1/keys",
        &user.access,
        "key-3",
        &packages,
    )
    .await
    .expect(200);
    server.stop().await;
}

/// A body may take 20 s; what its sender may do can change meanwhile.
async fn a_role_is_asked_again_when_the_body_is_there(server: TestServer) {
    let (user, admin) = (
        server.register("KediAdam").await,
        staff(&server, "selin", "admin").await,
    );
    let body = json!({"bucket": "bonus", "amount": 5, "reference": "T-1"}).to_string();
    let host = server.base.strip_prefix("http://").expect("http");
    for key in ["", "idempotency-key: k\r\n"] {
        server
            .count(&format!(
                "UPDATE users SET role = 'admin' WHERE id = {} RETURNING id",
                admin.id
            ))
            .await;
        let mut line = TcpStream::connect(host).await.expect("a connection");
        let head = format!(
            "POST /v1/admin/users/{}/quota HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             {key}expect: 100-continue\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            user.id,
            admin.access,
            body.len()
        );
        line.write_all(head.as_bytes()).await.expect("sent");
        // The server asks for the body once it has let the request in; nginx asks at once, and
        // sends it on whole.
        let mut go_on = [0; 25];
        line.read_exact(&mut go_on).await.expect("100 Continue");
        assert!(
            go_on.starts_with(b"HTTP/1.1 100"),
            "{}",
            String::from_utf8_lossy(&go_on)
        );
        server
            .count(&format!(
                "UPDATE users SET role = 'user' WHERE id = {} RETURNING id",
                admin.id
            ))
            .await;
        line.write_all(body.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        line.read_to_string(&mut answer).await.expect("an answer");
        assert!(
            answer.starts_with("HTTP/1.1 403") && answer.contains("forbidden"),
            "{answer}"
        );
    }
    assert_eq!(
        server
            .count("SELECT COUNT(*) FROM quota_ledger WHERE reason = 'admin'")
            .await,
        0
    );
    server.stop().await;
}

mod limited {
    use super::*;

    scenarios! {
        @with &[("TEBDIL_LIMITS__ENABLED", "true"), ("TEBDIL_LIMITS__RULES__ANONYMOUS_KEY_ADDRESS__BURST", "3")];
        strangers_cannot_fill_the_table_with_keys,
    }

    async fn strangers_cannot_fill_the_table_with_keys(server: TestServer) {
        let user = server.register("KediAdam").await;
        let wrong = json!({"refresh_token": "x"});
        let refresh = async |key: &str, token: &str| {
            with_key(
                &server,
                Method::POST,
                "/v1/auth/refresh",
                token,
                key,
                &wrong,
            )
            .await
        };
        for key in ["key-1", "key-2", "key-3"] {
            refresh(key, "")
                .await
                .expect_problem(401, "refresh_invalid");
        }
        refresh("key-4", "")
            .await
            .expect_problem(429, "rate_limited");
        refresh("key-5", "not.a.token")
            .await
            .expect_problem(429, "rate_limited");
        // Neither who is signed in nor who wants nothing kept is counted.
        with_key(
            &server,
            Method::PATCH,
            "/v1/me",
            &user.access,
            "key",
            &json!({"alias": "yeni"}),
        )
        .await
        .expect(200);
        server
            .post("/v1/auth/refresh", "", &wrong)
            .await
            .expect_problem(401, "refresh_invalid");
        server.stop().await;
    }
}
