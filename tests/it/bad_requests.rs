//! Requests that are wrong in every way: a clear answer each, and nothing changed.

use reqwest::Method;
use serde_json::{Value, json};
use tebdil_core::testing::Backend;

use crate::harness::{PASSWORD, Reply, TestServer, TestUser};

/// Method, path, whether it needs a signed-in user, and a body that is right but for what the test
/// breaks.
fn with_bodies(user: &TestUser) -> Vec<(Method, &'static str, bool, Value)> {
    vec![
        (
            Method::POST,
            "/v1/auth/register",
            false,
            TestServer::registration("+905309999999", "yeni"),
        ),
        (
            Method::POST,
            "/v1/auth/login",
            false,
            json!({"phone": user.phone, "password": PASSWORD}),
        ),
        (
            Method::POST,
            "/v1/auth/refresh",
            false,
            json!({"refresh_token": user.refresh}),
        ),
        (Method::PATCH, "/v1/me", true, json!({"alias": "yeni"})),
        (
            Method::POST,
            "/v1/me/password",
            true,
            json!({"current_password": PASSWORD, "new_password": "yeni parola 1"}),
        ),
        (Method::PUT, "/v1/keys", true, json!({"packages": ["AAAA"]})),
        (Method::POST, "/v1/blocks", true, json!({"match_id": "1"})),
        (Method::POST, "/v1/claims", true, json!({"match_id": "1"})),
        (
            Method::POST,
            "/v1/rtc/ice-servers",
            true,
            json!({"match_id": "1"}),
        ),
    ]
}

const SIGNED: &[(Method, &str)] = &[
    (Method::POST, "/v1/auth/logout"),
    (Method::GET, "/v1/me"),
    (Method::PATCH, "/v1/me"),
    (Method::POST, "/v1/me/password"),
    (Method::GET, "/v1/me/sessions"),
    (Method::DELETE, "/v1/me/sessions/1"),
    (Method::GET, "/v1/me/quota"),
    (Method::PUT, "/v1/keys"),
    (Method::GET, "/v1/keys"),
    (Method::GET, "/v1/matches"),
    (Method::GET, "/v1/matches/1"),
    (Method::GET, "/v1/matches/1/messages"),
    (Method::POST, "/v1/matches/1/leave"),
    (Method::POST, "/v1/blocks"),
    (Method::GET, "/v1/blocks"),
    (Method::DELETE, "/v1/blocks/1"),
    (Method::POST, "/v1/claims"),
    (Method::POST, "/v1/rtc/ice-servers"),
    (Method::GET, "/v1/claims"),
    (Method::GET, "/v1/admin/claims"),
];

async fn server() -> TestServer {
    TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there")
}

/// Everything about the user that a request could have changed.
async fn state(server: &TestServer, user: &TestUser) -> [Value; 3] {
    let get = async |path: &str| server.get(path, &user.access).await.expect(200);
    [
        get("/v1/me").await,
        get("/v1/me/sessions").await,
        get("/v1/keys").await,
    ]
}

async fn nonsense_is_refused(path: &str, good: &str, send: &impl AsyncFn(&str, String) -> Reply) {
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let deep_field = format!("{{\"x\":{deep}}}");
    for text in [
        "",
        "{",
        "nonsense",
        "{}{}",
        "\u{feff}{}",
        &good[..good.len() - 1],
        &deep_field,
    ] {
        let reply = send("application/json", text.to_owned()).await;
        let code = reply.body["code"].as_str().unwrap_or_default().to_owned();
        assert!(
            ["bad_request", "invalid_field", "unknown_field"].contains(&code.as_str()),
            "{path} {text:.40} {code}"
        );
    }
    for text in [deep.as_str(), "[]", "null", "1", "\"text\""] {
        let reply = send("application/json; charset=utf-8", text.to_owned()).await;
        assert!(
            [400, 422].contains(&reply.status.as_u16()),
            "{path} {text:.40} {}",
            reply.body
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_bodies_are_refused_and_change_nothing() {
    let server = server().await;
    let user = server.register("KediAdam").await;
    let before = state(&server, &user).await;
    for (method, path, signed, body) in with_bodies(&user) {
        let token = signed.then_some(user.access.as_str());
        let send = async |kind: &str, text: String| {
            server
                .send(
                    server
                        .request(method.clone(), path, token)
                        .header("content-type", kind)
                        .body(text),
                )
                .await
        };
        let good = body.to_string();
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "",
            "application/jsonx",
        ] {
            send(kind, good.clone())
                .await
                .expect_problem(415, "unsupported_media_type");
        }
        let without_kind = server
            .request(method.clone(), path, token)
            .body(good.clone());
        server
            .send(without_kind)
            .await
            .expect_problem(415, "unsupported_media_type");

        nonsense_is_refused(path, &good, &send).await;
        let not_utf8 = server
            .request(method.clone(), path, token)
            .header("content-type", "application/json")
            .body(vec![b'"', 0xff, b'"']);
        server
            .send(not_utf8)
            .await
            .expect_problem(400, "bad_request");

        let mut unknown = body.clone();
        unknown["unknown"] = json!({"a": 1});
        let problem = send("application/json", unknown.to_string())
            .await
            .expect_problem(422, "unknown_field");
        assert_eq!(problem["errors"][0]["field"], "unknown");
        for field in body.as_object().expect("object").keys() {
            let mut wrong = body.clone();
            wrong[field] = json!({"an": "object"});
            let problem = send("application/json", wrong.to_string())
                .await
                .expect_problem(422, "invalid_field");
            assert_eq!(problem["errors"][0]["field"], *field, "{path}");
            assert!(
                !problem.to_string().contains("object"),
                "an error quotes what was sent: {problem}"
            );
        }
        let mut large = body.clone();
        large["unknown"] = json!("x".repeat(700 * 1024));
        send("application/json", large.to_string())
            .await
            .expect_problem(413, "payload_too_large");
    }
    assert_eq!(state(&server, &user).await, before);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_good_token_nothing_is_told() {
    let server = server().await;
    let user = server.register("KediAdam").await;
    let tampered = format!("{}x", user.access);
    for (method, path) in SIGNED {
        let bare = server
            .send(server.request(method.clone(), path, None).json(&json!({})))
            .await;
        assert_eq!(bare.headers["www-authenticate"], "Bearer");
        bare.expect_problem(401, "unauthorized");
        for token in ["", "garbage", &tampered, &user.refresh] {
            server
                .send(
                    server
                        .request(method.clone(), path, Some(token))
                        .json(&json!({})),
                )
                .await
                .expect_problem(401, "unauthorized");
        }
        let basic = server
            .request(method.clone(), path, None)
            .basic_auth("a", Some("b"))
            .json(&json!({}));
        server.send(basic).await.expect_problem(401, "unauthorized");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_not_found_in_the_same_form() {
    let server = server().await;
    let user = server.register("KediAdam").await;
    for path in [
        "/v1",
        "/v1/nosuch",
        "/v1/me/",
        "/v1/matches/1",
        "/v1/matches/x",
        "/v1/matches/-1",
        "/v1/matches/99999999999999999999",
        "/v1/matches/1/messages",
    ] {
        server
            .get(path, &user.access)
            .await
            .expect_problem(404, "not_found");
    }
    server
        .post("/v1/matches/1/leave", &user.access, &Value::Null)
        .await
        .expect_problem(404, "not_found");
    server
        .post("/v1/blocks", &user.access, &json!({"match_id": "1"}))
        .await
        .expect_problem(404, "not_found");
    server
        .delete("/v1/blocks/1", &user.access)
        .await
        .expect_problem(404, "not_found");
    server
        .delete("/v1/me/sessions/x", &user.access)
        .await
        .expect_problem(404, "not_found");
    for (method, path) in [
        (Method::PUT, "/v1/me"),
        (Method::GET, "/v1/auth/login"),
        (Method::PUT, "/v1/blocks"),
        (Method::POST, "/healthz"),
    ] {
        server
            .send(server.request(method, path, Some(&user.access)))
            .await
            .expect_problem(405, "method_not_allowed");
    }
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=x",
        "cursor=",
        "status=gone",
        "mode=smell",
    ] {
        let problem = server
            .get(&format!("/v1/matches?{query}"), &user.access)
            .await
            .expect_problem(422, "invalid_field");
        assert_eq!(
            problem["errors"][0]["field"],
            query.split('=').next().expect("name")
        );
    }
    server
        .send(server.request(Method::GET, "/v1/ws", None))
        .await
        .expect_problem(400, "bad_request");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_is_changed_whole_or_not_at_all() {
    let server = server().await;
    let user = server.register("KediAdam").await;
    let before = state(&server, &user).await;
    for (patch, field) in [
        (json!({"alias": "x"}), "alias"),
        (json!({"alias": null, "interests": [""]}), "interests"),
        (
            json!({"alias": "yeni", "interests": vec!["a"; 11]}),
            "interests",
        ),
        (
            json!({"alias": "yeni", "languages": ["turkish"]}),
            "languages",
        ),
        (
            json!({"alias": "yeni", "location": {"lat": 91, "lon": 0}}),
            "location",
        ),
        (json!({"alias": "yeni", "location": {"lat": 1}}), "location"),
        (json!({"alias": "yeni", "locale": "de"}), "locale"),
        (
            json!({"alias": "yeni", "location": {"lat": 1, "lon": 1, "alt": 1}}),
            "location.alt",
        ),
    ] {
        let reply = server
            .call(Method::PATCH, "/v1/me", &user.access, &patch)
            .await;
        assert_eq!(
            (
                reply.status.as_u16(),
                reply.body["errors"][0]["field"].as_str()
            ),
            (422, Some(field)),
            "{patch} {}",
            reply.body
        );
    }
    assert_eq!(state(&server, &user).await, before);
    server.stop().await;
}
