//! How many codes may be asked for: beyond it 429, and nothing is sent.

use reqwest::Method;
use serde_json::{Value, json};

use super::{REGISTER, RESET, numbers, registered};
use crate::{
    harness::{Reply, TestServer},
    sms::{Gateway, Manner},
    sockets::eventually,
};

with_gateway! {
    one_number_is_not_flooded_from_many_addresses: &[("TEBDIL_LIMITS__RULES__CODE_PHONE__BURST", "3")],
    one_number_gets_so_many_codes_a_day: &[("TEBDIL_LIMITS__RULES__CODE_PHONE_DAY__BURST", "3")],
    one_address_does_not_text_many_numbers: &[("TEBDIL_LIMITS__RULES__CODE_ADDRESS__BURST", "3")],
    numbers_in_a_row_are_not_pumped: &[("TEBDIL_LIMITS__RULES__CODE_PREFIX__BURST", "3")],
    a_day_has_a_budget: &[("TEBDIL_LIMITS__RULES__CODE_REGISTER_DAY__BURST", "3")],
    resets_that_reach_nobody_cost_nothing: &[("TEBDIL_LIMITS__RULES__CODE_RESET_DAY__BURST", "2"), ("TEBDIL_LIMITS__RULES__CODE_PREFIX__BURST", "9")],
    what_the_gateway_refuses_costs_nothing: &[("TEBDIL_LIMITS__RULES__CODE_REGISTER_DAY__BURST", "2")],
}

/// Asks for a code at one node after the other, as if from this address.
async fn ask(server: &TestServer, turn: usize, address: &str, path: &str, body: &Value) -> Reply {
    let node = server.node_url(turn % server.node_count());
    server
        .send(
            server
                .request_to(node, Method::POST, path, None)
                .header("x-forwarded-for", address)
                .json(body),
        )
        .await
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
    // Password resets of the same phone have a limit of their own.
    for turn in 0..3 {
        ask(&server, turn, "192.0.2.99", RESET, &json!({"phone": phone}))
            .await
            .expect(202);
    }
    ask(&server, 0, "192.0.2.99", RESET, &json!({"phone": phone}))
        .await
        .expect_problem(429, "too_many_attempts");
    ask(
        &server,
        1,
        "192.0.2.99",
        RESET,
        &json!({"phone": server.phone()}),
    )
    .await
    .expect(202);
    server.stop().await;
}

async fn one_number_gets_so_many_codes_a_day(server: TestServer, gateway: Gateway) {
    let (phone, mut replies) = (server.phone(), Vec::new());
    for turn in 0..6 {
        replies.push(
            ask(
                &server,
                turn,
                &format!("192.0.2.{turn}"),
                REGISTER,
                &TestServer::registration(&phone, "kedi"),
            )
            .await,
        );
    }
    let wait = replies[3].body["retry_after_ms"].as_u64().expect("a time");
    assert!((7 * 3_600_000..=8 * 3_600_000).contains(&wait), "{wait}");
    only_three(&gateway, replies, 0).await;
    server.stop().await;
}

async fn one_address_does_not_text_many_numbers(server: TestServer, gateway: Gateway) {
    let mut replies = Vec::new();
    for turn in 0..12 {
        replies.push(
            ask(
                &server,
                turn,
                "192.0.2.1",
                REGISTER,
                &TestServer::registration(&server.phone(), "kedi"),
            )
            .await,
        );
    }
    only_three(&gateway, replies, 0).await;
    ask(&server, 1, "192.0.2.1", RESET, &json!({"phone": "hello"}))
        .await
        .expect_problem(429, "too_many_attempts");
    ask(
        &server,
        0,
        "192.0.2.2",
        REGISTER,
        &TestServer::registration(&server.phone(), "kedi"),
    )
    .await
    .expect(202);
    server.stop().await;
}

async fn numbers_in_a_row_are_not_pumped(server: TestServer, gateway: Gateway) {
    let mut replies = Vec::new();
    for turn in 0..12 {
        replies.push(
            ask(
                &server,
                turn,
                &format!("192.0.2.{turn}"),
                REGISTER,
                &TestServer::registration(&server.phone(), "kedi"),
            )
            .await,
        );
    }
    only_three(&gateway, replies, 0).await;
    let elsewhere = TestServer::registration("+905421234567", "kedi");
    ask(&server, 0, "192.0.2.99", REGISTER, &elsewhere)
        .await
        .expect(202);
    assert_eq!(gateway.message(4).await.phone, "+905421234567");
    server.stop().await;
}

async fn a_day_has_a_budget(server: TestServer, gateway: Gateway) {
    let mut replies = Vec::new();
    for turn in 0..8 {
        let phone = format!("+9054{turn}1234567");
        replies.push(
            ask(
                &server,
                turn,
                &format!("192.0.2.{turn}"),
                REGISTER,
                &TestServer::registration(&phone, "kedi"),
            )
            .await,
        );
    }
    only_three(&gateway, replies, 0).await;
    server.stop().await;
}

/// What nobody is sent uses up neither the day nor the prefix, and a flood of resets leaves
/// registrations alone.
async fn resets_that_reach_nobody_cost_nothing(server: TestServer, gateway: Gateway) {
    let mut phones = Vec::new();
    for number in 0..3 {
        phones.push(
            registered(&server, &gateway, &format!("kedi{number}"))
                .await
                .0,
        );
    }
    for turn in 0..20 {
        let body = json!({"phone": server.phone()});
        ask(&server, turn, &format!("192.0.2.{turn}"), RESET, &body)
            .await
            .expect(202);
    }
    let stored =
        "SELECT CAST(COUNT(*) AS BIGINT) FROM one_time_codes WHERE purpose = 'password_reset'";
    eventually("every request was looked at", async || {
        server.count(stored).await == 20
    })
    .await;
    for (turn, phone) in phones.iter().enumerate() {
        ask(&server, turn, "192.0.2.99", RESET, &json!({"phone": phone}))
            .await
            .expect(202);
        if turn < 2 {
            assert_eq!(&gateway.message(4 + turn).await.phone, phone);
        }
    }
    // The third has no budget left, and the same answer.
    eventually("the third was looked at", async || {
        server.count(stored).await == 23
    })
    .await;
    registered(&server, &gateway, "sonra").await;
    let told: Vec<String> = gateway.inbox().into_iter().map(|sms| sms.phone).collect();
    assert_eq!(
        told.len(),
        6,
        "three registrations, two resets, one registration: {told:?}"
    );
    server.stop().await;
}

async fn what_the_gateway_refuses_costs_nothing(server: TestServer, gateway: Gateway) {
    let begin = async |turn: usize| {
        ask(
            &server,
            turn,
            &format!("192.0.2.{turn}"),
            REGISTER,
            &TestServer::registration(&server.phone(), "kedi"),
        )
        .await
    };
    gateway.behave(Manner::Fails);
    for turn in 0..6 {
        // All at one node, whose numbers are looked at.
        begin(turn * server.node_count()).await.expect(202);
        let failed = format!(
            "tebdil_codes_total{{purpose=\"registration\",outcome=\"failed\"}} {}",
            turn + 1
        );
        eventually("the failure is counted", async || {
            numbers(&server).await.contains(&failed)
        })
        .await;
    }
    gateway.behave(Manner::Takes);
    begin(0).await.expect(202);
    begin(1).await.expect(202);
    begin(2).await.expect_problem(429, "too_many_attempts");
    // A request that is refused counts for nothing either.
    let mut weak = TestServer::registration(&server.phone(), "kedi");
    weak["password"] = json!("12345678");
    ask(&server, 0, "192.0.2.1", REGISTER, &weak)
        .await
        .expect_problem(422, "weak_password");
    server.stop().await;
}
