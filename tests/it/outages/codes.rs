//! Codes while nobody can count how many there were.

use std::time::Duration;

use serde_json::{Value, json};
use tebdil_core::testing::{Backend, TestDatabase};

use super::Nodes;
use crate::{
    harness::TestServer,
    services::{PrivateRedis, Stop},
    sms::Gateway,
    sockets::eventually,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_no_code_is_sent_and_one_that_was_sent_is_good() {
    let Some(database) = TestDatabase::create(Backend::Postgres).await else {
        return;
    };
    let Some(mut redis) = PrivateRedis::start().await else {
        return;
    };
    let gateway = Gateway::start().await;
    let Some(nodes) = Nodes::start(
        2,
        database.url(),
        &redis.url(redis.port()),
        &gateway.settings(),
    )
    .await
    else {
        return;
    };
    let http = crate::http::client();
    let post = async |node: usize, path: &str, body: Value| {
        let answer = http
            .post(format!("{}/v1/auth/{path}", nodes.url(node)))
            .json(&body)
            .send()
            .await
            .expect("an answer");
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap_or_default(),
        )
    };
    let register = async |node: usize, phone: &str| {
        post(node, "register", TestServer::registration(phone, "kedi")).await
    };
    let [early, late] = ["+905321112233", "+905321112244"];
    assert_eq!(register(0, early).await.0, 202);
    let code = gateway.message(1).await.code;

    redis.stop(Stop::Kill).await;
    for node in 0..2 {
        let (status, body) = register(node, late).await;
        assert_eq!((status, body["code"].as_str()), (503, Some("unavailable")));
        assert!(body["retry_after_ms"].as_u64() > Some(0));
        assert_eq!(
            post(node, "password-reset", json!({"phone": late})).await.0,
            503
        );
    }
    assert_eq!(
        post(1, "verify-phone", json!({"phone": early, "code": code}))
            .await
            .0,
        201
    );
    assert_eq!(gateway.inbox().len(), 1);

    redis.restart().await;
    for node in 0..2 {
        eventually("codes are sent again", async || {
            let sent = register(node, late).await.0 == 202;
            if !sent {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            sent
        })
        .await;
    }
    assert_eq!(gateway.message(3).await.phone, late);
}
