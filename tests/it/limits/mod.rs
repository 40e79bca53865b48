//! What may be done how often, and what wrong passwords bring.

mod addresses;
mod guessing;
mod rules;
mod timing;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Reply, TestServer};

/// Sends a request to one node after the other, as if from this address; `token` empty for nobody.
async fn from(
    server: &TestServer,
    turn: usize,
    address: &str,
    token: &str,
    method: Method,
    path: &str,
    body: &Value,
) -> Reply {
    let node = server.node_url(turn % server.node_count());
    let request = server
        .request_to(node, method, path, (!token.is_empty()).then_some(token))
        .header("x-forwarded-for", address);
    server
        .send(if body.is_null() {
            request
        } else {
            request.json(body)
        })
        .await
}

/// A login.
async fn login(
    server: &TestServer,
    turn: usize,
    address: &str,
    phone: &str,
    password: &str,
) -> Reply {
    let body = json!({ "phone": phone, "password": password });
    from(
        server,
        turn,
        address,
        "",
        Method::POST,
        "/v1/auth/login",
        &body,
    )
    .await
}
