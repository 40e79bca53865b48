//! How many codes may be asked for: beyond it 429, and nothing is sent.

use reqwest::Method;
use serde_json::{Value, json};

use super::{REGISTER, RESET};
use crate::{
    harness::{Reply, TestServer},
    sms::Gateway,
};

with_gateway! {
    one_number_is_not_flooded_from_many_addresses: &[("TEBDIL_LIMITS__RULES__CODE_PHONE__BURST", "3")],
    one_number_gets_so_many_codes_a_day: &[("TEBDIL_LIMITS__RULES__CODE_PHONE_DAY__BURST", "3")],
    one_address_does_not_text_many_numbers: &[("TEBDIL_LIMITS__RULES__CODE_ADDRESS__BURST", "3")],
    numbers_in_a_row_are_not_pumped: &[("TEBDIL_LIMITS__RULES__CODE_PREFIX__BURST", "3")],
    a_day_has_a_budget: &[("TEBDIL_LIMITS__RULES__CODE_DAY__BURST", "3")],
}

/// Asks for a code at one node after the other, as if from this address.
async fn ask(server: &TestServer, turn: usize, address: &str, path: &str, body: &Value) -> Reply {
    let node = server.node_url(turn % server.node_count());
    server.send(server.request_to(node, Method::POST, path, None).header("x-forwarded-for", address).json(body)).await
}

/// That of `wanted.len()` replies the first three were good, and that nothing else was sent.
async fn only_three(gateway: &Gateway, replies: Vec<Reply>, before: usize) {
    for (turn, reply) in replies.into_iter().enumerate() {
        if turn < 3 {
            reply.expect(202);
        } else {
            reply.expect_problem(429, "too_many_attempts");
        }
    }
    gateway.message(before + 3).await;
    // What was queued before this one has been sent when this is.
    assert_eq!(gateway.inbox().len(), before + 3);
}

async fn one_number_is_not_flooded_from_many_addresses(server: TestServer, gateway: Gateway) {
    let (phone, mut replies) = (server.phone(), Vec::new());
    for turn in 0..12 {
        let body = TestServer::registration(&phone, "kedi");
        replies.push(ask(&server, turn, &format!("192.0.2.{turn}"), REGISTER, &body).await);
    }
    only_three(&gateway, replies, 0).await;
    // A password reset rings the same phone.
    ask(&server, 0, "192.0.2.99", RESET, &json!({"phone": phone})).await.expect_problem(429, "too_many_attempts");
    ask(&server, 1, "192.0.2.99", RESET, &json!({"phone": server.phone()})).await.expect(202);
    server.stop().await;
}

async fn one_number_gets_so_many_codes_a_day(server: TestServer, gateway: Gateway) {
    let (phone, mut replies) = (server.phone(), Vec::new());
    for turn in 0..6 {
        replies.push(ask(&server, turn, &format!("192.0.2.{turn}"), REGISTER, &TestServer::registration(&phone, "kedi")).await);
    }
    let wait = replies[3].body["retry_after_ms"].as_u64().expect("a time");
    assert!((7 * 3_600_000..=8 * 3_600_000).contains(&wait), "{wait}");
    only_three(&gateway, replies, 0).await;
    server.stop().await;
}

async fn one_address_does_not_text_many_numbers(server: TestServer, gateway: Gateway) {
    let mut replies = Vec::new();
    for turn in 0..12 {
        replies.push(ask(&server, turn, "192.0.2.1", REGISTER, &TestServer::registration(&server.phone(), "kedi")).await);
    }
    only_three(&gateway, replies, 0).await;
    ask(&server, 1, "192.0.2.1", RESET, &json!({"phone": "hello"})).await.expect_problem(429, "too_many_attempts");
    ask(&server, 0, "192.0.2.2", REGISTER, &TestServer::registration(&server.phone(), "kedi")).await.expect(202);
    server.stop().await;
}

async fn numbers_in_a_row_are_not_pumped(server: TestServer, gateway: Gateway) {
    let mut replies = Vec::new();
    for turn in 0..12 {
        replies.push(ask(&server, turn, &format!("192.0.2.{turn}"), REGISTER, &TestServer::registration(&server.phone(), "kedi")).await);
    }
    only_three(&gateway, replies, 0).await;
    let elsewhere = TestServer::registration("+905421234567", "kedi");
    ask(&server, 0, "192.0.2.99", REGISTER, &elsewhere).await.expect(202);
    assert_eq!(gateway.message(4).await.phone, "+905421234567");
    server.stop().await;
}

async fn a_day_has_a_budget(server: TestServer, gateway: Gateway) {
    let mut replies = Vec::new();
    for turn in 0..8 {
        let phone = format!("+9054{turn}1234567");
        replies.push(ask(&server, turn, &format!("192.0.2.{turn}"), REGISTER, &TestServer::registration(&phone, "kedi")).await);
    }
    only_three(&gateway, replies, 0).await;
    server.stop().await;
}
