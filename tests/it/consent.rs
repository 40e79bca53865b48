//! Terms that were raised: everybody is asked again, and can leave without accepting.

use std::{path::Path, sync::Arc, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use tebdil_client::{
    chat::{AskConsent, Chat, ChatEvent, ChatOptions},
    raw::RawSocket,
};
use tebdil_protocol::{CloseCode, ErrorCode, Secret, ServerFrame, domain::Locale};

use crate::{
    ads::staff,
    harness::{PASSWORD, TestServer, TestUser},
    process::{Process, tebdil},
    routes::{Needs, Operation, operations},
    sockets::connect,
};

scenarios! {
    @with &[("TEBDIL_LEGAL__TERMS_VERSION", "2")];
    older_consent_opens_only_the_ways_out,
    only_the_current_terms_can_be_accepted,
    who_does_not_accept_can_leave_with_everything,
    a_kept_answer_waits_for_consent,
    the_client_asks_its_user,
}

/// What may be done without.
const BEFORE_CONSENT: [&str; 5] = [
    "get /v1/me",
    "delete /v1/me",
    "get /v1/me/export",
    "post /v1/me/consent",
    "post /v1/auth/logout",
];

/// Makes the consent of a user one for the terms before.
async fn outdate(server: &TestServer, user: &TestUser) {
    let outdated = server
        .count(&format!(
            "UPDATE users SET terms_version = 1 WHERE id = {} AND terms_version = 2 RETURNING id",
            user.id
        ))
        .await;
    assert_eq!(
        outdated.to_string(),
        user.id,
        "it registered with the current ones"
    );
}

async fn accept(server: &TestServer, user: &TestUser, body: &Value) -> crate::harness::Reply {
    server.post("/v1/me/consent", &user.access, body).await
}

/// What a `hello` is answered.
async fn hello(server: &TestServer, user: &TestUser) -> (RawSocket, ServerFrame) {
    let token = Secret::from(user.access.as_str());
    let (socket, message) = RawSocket::hello(&server.base, &token)
        .await
        .expect("an answer");
    (socket, message.frame)
}

async fn older_consent_opens_only_the_ways_out(server: TestServer) {
    let admin = staff(&server, "selin", "admin").await;
    outdate(&server, &admin).await;
    let document = serde_json::to_value(tebdil::http::openapi()).expect("JSON");
    let needs_session = |operation: &Operation| {
        matches!(
            operation.needs,
            Needs::User | Needs::Moderator | Needs::Admin | Needs::ConfirmedAdmin
        ) && !BEFORE_CONSENT.contains(&operation.name().as_str())
    };
    let shut: Vec<Operation> = operations(&document)
        .into_iter()
        .filter(needs_session)
        .collect();
    assert!(shut.len() > 60, "{}", shut.len());
    for operation in &shut {
        let own = &document["paths"][&operation.path][operation.method.as_str().to_lowercase()];
        let described = own["responses"]["403"]["description"].to_string();
        assert!(
            described.contains("`consent_required`"),
            "{}",
            operation.name()
        );
        for key in [
            None,
            operation.changes().then(|| format!("a{}", shut.len())),
        ] {
            let path = operation.filled("1");
            let mut request = server.request(operation.method.clone(), &path, Some(&admin.access));
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
            if let Some(body) = &operation.body {
                request = request.json(body);
            }
            let refused = server.send(request).await;
            refused.expect_problem(403, "consent_required");
        }
    }

    let (mut socket, said) = hello(&server, &admin).await;
    let ServerFrame::Error { code, .. } = said else {
        panic!("{said:?}")
    };
    assert_eq!(code, ErrorCode::ConsentRequired);
    let closed = socket.recv_close_code().await.expect("a close in time");
    assert_eq!(closed, Some(CloseCode::ConsentRequired));
    assert_eq!(CloseCode::ConsentRequired.code(), 4014);

    server.get("/v1/me", &admin.access).await.expect(200);
    let admin = server.renewed(admin).await;
    accept(&server, &admin, &json!({"terms_version": 2}))
        .await
        .expect(204);
    server.get("/v1/me/quota", &admin.access).await.expect(200);
    server
        .get("/v1/admin/users", &admin.access)
        .await
        .expect(200);
    drop(connect(&server, &admin).await);
    server.stop().await;
}

async fn only_the_current_terms_can_be_accepted(server: TestServer) {
    let user = server.register("kedi").await;
    outdate(&server, &user).await;
    server.clock.advance(Duration::from_mins(1));
    let accepted_at = "SELECT CAST(COUNT(*) AS BIGINT) FROM users WHERE terms_accepted_at > created_at AND terms_version = 2";
    for wrong in [
        json!(1),
        json!(3),
        json!(0),
        json!(-2),
        json!(2.5),
        json!("2"),
        json!(null),
    ] {
        let refused = accept(&server, &user, &json!({"terms_version": wrong})).await;
        let problem = refused.expect_problem(422, "invalid_field");
        assert_eq!(problem["errors"][0]["field"], "terms_version", "{wrong}");
    }
    accept(&server, &user, &json!({}))
        .await
        .expect_problem(422, "invalid_field");
    accept(&server, &user, &json!({"terms_version": 2, "x": 1}))
        .await
        .expect_problem(422, "unknown_field");
    assert_eq!(server.count(accepted_at).await, 0);
    server
        .get("/v1/blocks", &user.access)
        .await
        .expect_problem(403, "consent_required");
    for _ in 0..2 {
        accept(&server, &user, &json!({"terms_version": 2}))
            .await
            .expect(204);
    }
    assert_eq!(server.count(accepted_at).await, 1);
    server.get("/v1/blocks", &user.access).await.expect(200);
    let recorded =
        "SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE action = 'terms_accepted'";
    assert_eq!(server.count(recorded).await, 1, "a repeat is nothing new");
    server
        .post("/v1/me/consent", "", &json!({"terms_version": 2}))
        .await
        .expect_problem(401, "unauthorized");
    server.stop().await;
}

async fn who_does_not_accept_can_leave_with_everything(server: TestServer) {
    let user = server.register("kedi").await;
    outdate(&server, &user).await;
    let export = server.get("/v1/me/export", &user.access).await.expect(200);
    assert_eq!(export["account"]["terms_version"], 1);

    let again = server.login(&user.phone).await;
    server
        .post("/v1/auth/logout", &again.access, &Value::Null)
        .await
        .expect(204);
    let erasure = json!({"password": PASSWORD});
    let erase = server.request(Method::DELETE, "/v1/me", Some(&user.access));
    let erase = erase.header("idempotency-key", "leaving").json(&erasure);
    server.send(erase).await.expect(204);
    server
        .get("/v1/me", &user.access)
        .await
        .expect_problem(401, "unauthorized");
    server.stop().await;
}

async fn a_kept_answer_waits_for_consent(server: TestServer) {
    let user = server.register("kedi").await;
    let patch = || {
        let request = server.request(Method::PATCH, "/v1/me", Some(&user.access));
        let request = request.header("idempotency-key", "once");
        server.send(request.json(&json!({"locale": "en"})))
    };
    patch().await.expect(200);
    outdate(&server, &user).await;
    patch().await.expect_problem(403, "consent_required");
    accept(&server, &user, &json!({"terms_version": 2}))
        .await
        .expect(204);
    let replayed = patch().await;
    assert_eq!(replayed.headers["idempotency-replayed"], "true");
    replayed.expect(200);
    server.stop().await;
}

async fn the_client_asks_its_user(server: TestServer) {
    let user = server.register("kedi").await;
    outdate(&server, &user).await;
    let sign_in = async |answer: Option<bool>| {
        let mut options = ChatOptions::new(&server.base);
        options.clock = server.clock.clone();
        options.key_packages = 1;
        options.ask_consent = answer.map(|answer| -> AskConsent {
            Arc::new(move |meta| {
                assert_eq!(
                    (meta.terms_version, meta.texts.terms.of(Locale::En)),
                    (2, "/legal/en/terms")
                );
                answer
            })
        });
        Chat::login(&options, &user.phone, PASSWORD, None).await
    };
    for unwilling in [None, Some(false)] {
        let refused = sign_in(unwilling).await.expect_err("no consent");
        assert_eq!(refused.code(), Some(ErrorCode::ConsentRequired));
    }
    let (chat, mut events) = sign_in(Some(true)).await.expect("a chat");
    let first = events.recv().await;
    assert!(
        matches!(first, Some(ChatEvent::Connected { .. })),
        "{first:?}"
    );
    chat.close().await;
    server.stop().await;
}

/// A server of this folder whose terms have this version.
async fn served(dir: &Path, version: &str) -> Process {
    let mut command = tebdil(dir);
    command.env("TEBDIL_LEGAL__TERMS_VERSION", version);
    Process::start(command).await
}

#[tokio::test]
async fn a_raised_version_asks_after_the_restart() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let http = crate::http::client();
    let first = served(dir.path(), "1").await;
    let registration = TestServer::registration("+905301234567", "kedi");
    let answer = http
        .post(format!("{}/v1/auth/register", first.url))
        .json(&registration)
        .send()
        .await
        .expect("an answer");
    let body: Value = answer.json().await.expect("JSON");
    let token = body["tokens"]["access_token"].as_str().expect("a token");
    let status = async |url: &str| {
        let request = http.get(format!("{url}/v1/me/quota")).bearer_auth(token);
        request.send().await.expect("an answer").status()
    };
    assert_eq!(status(&first.url).await, 200);
    first.signal("-TERM").await;
    assert!(first.end().await.0.success());

    let second = served(dir.path(), "5").await;
    assert_eq!(status(&second.url).await, 403);
    let meta = crate::http::get(format!("{}/v1/meta", second.url)).await;
    let meta: Value = meta.expect("an answer").json().await.expect("JSON");
    let accepted = http
        .post(format!("{}/v1/me/consent", second.url))
        .bearer_auth(token)
        .json(&json!({"terms_version": meta["terms_version"]}))
        .send()
        .await
        .expect("an answer");
    assert_eq!(accepted.status(), 204);
    assert_eq!(status(&second.url).await, 200);
    second.signal("-TERM").await;
    assert!(second.end().await.0.success());

    // What was accepted later holds for earlier terms, too.
    let third = served(dir.path(), "4").await;
    assert_eq!(status(&third.url).await, 200);
}
