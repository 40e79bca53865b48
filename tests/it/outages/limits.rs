//! Limits while nobody can count for all: chats go on, passwords and new accounts wait.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tebdil_core::testing::{Backend, TestDatabase};

use super::{Nodes, people::pair_at};
use crate::{
    harness::{PASSWORD, TestServer},
    services::{PrivateRedis, Stop},
    sockets::eventually,
};

async fn only_passwords_are_refused(
    node: usize,
    token: &str,
    login: &Value,
    change: &Value,
    call: &impl AsyncFn(usize, Method, &str, &str, Value) -> (u16, Value),
) {
    for (path, token, body) in [
        ("/v1/auth/login", "", login.clone()),
        (
            "/v1/auth/register",
            "",
            TestServer::registration("+905309998877", "kedi"),
        ),
        ("/v1/me/password", token, change.clone()),
    ] {
        let (status, body) = call(node, Method::POST, path, token, body).await;
        assert_eq!(
            (status, body["code"].as_str()),
            (503, Some("unavailable")),
            "{path}"
        );
        assert!(body["retry_after_ms"].as_u64() > Some(0), "{body}");
    }
    // Who is signed in goes on.
    assert_eq!(
        call(node, Method::GET, "/v1/me", token, json!({})).await.0,
        200
    );
    assert_eq!(
        call(
            node,
            Method::PATCH,
            "/v1/me",
            token,
            json!({"locale": "en"})
        )
        .await
        .0,
        200
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_people_talk_and_nobody_tries_a_password() {
    let Some(database) = TestDatabase::create(Backend::Postgres).await else {
        return;
    };
    let Some(mut redis) = PrivateRedis::start().await else {
        return;
    };
    let settings = [("TEBDIL_LIMITS__ENABLED", "true")];
    let Some(nodes) = Nodes::start(2, database.url(), &redis.url(redis.port()), &settings).await
    else {
        return;
    };
    let (mut a, mut b, id) = pair_at([nodes.url(0), nodes.url(0)], 1).await;
    let http = crate::http::client();
    let call = async |node: usize, method: Method, path: &str, token: &str, body: Value| {
        let request = http
            .request(method, format!("{}{path}", nodes.url(node)))
            .json(&body);
        let request = if token.is_empty() {
            request
        } else {
            request.bearer_auth(token)
        };
        let answer = request.send().await.expect("an answer");
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap_or_default(),
        )
    };
    let login = json!({ "phone": a.user.phone, "password": PASSWORD });
    let change = json!({ "current_password": PASSWORD, "new_password": PASSWORD });

    redis.stop(Stop::Kill).await;
    for node in 0..2 {
        only_passwords_are_refused(node, &a.user.access, &login, &change, &call).await;
    }
    let refresh = json!({ "refresh_token": a.user.refresh });
    let (status, refreshed) = call(1, Method::POST, "/v1/auth/refresh", "", refresh).await;
    assert_eq!(status, 200, "{refreshed}");
    for seq in [1, 1, 2] {
        assert_eq!(a.say(&id, seq, "selam").await["type"], "message.accepted");
        b.until("message.new").await;
        std::mem::swap(&mut a, &mut b);
    }

    redis.restart().await;
    for node in 0..2 {
        eventually("people sign in again", async || {
            let signed_in = call(node, Method::POST, "/v1/auth/login", "", login.clone())
                .await
                .0
                == 200;
            if !signed_in {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            signed_in
        })
        .await;
    }
}
