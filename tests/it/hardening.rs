//! What protects every answer, every route and every file, also those that nobody has written yet.

use std::os::unix::fs::PermissionsExt as _;

use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use tebdil_core::testing::Backend;

use crate::{
    harness::{TestServer, TestUser},
    process::ServerProcess,
};

/// Every operation of the OpenAPI document: method, path with plausible ids, and whether it takes a JSON body.
async fn operations(server: &TestServer) -> Vec<(Method, String, bool)> {
    let document = server.get("/openapi.json", "").await.expect(200);
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let method = method.to_uppercase().parse().expect("a method");
            let path = path.replace("{token}", "abc").replace("{id}", "1");
            assert!(!path.contains('{'), "{path}: a parameter that this test does not know");
            found.push((method, path, operation["requestBody"]["content"]["application/json"].is_object()));
        }
    }
    assert!(found.len() > 40, "{}", found.len());
    found
}

#[track_caller]
fn assert_protected(headers: &HeaderMap, what: &str) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("x-frame-options", "DENY"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        let given: Vec<_> = headers.get_all(name).iter().collect();
        assert_eq!(given, [value], "{what}: {name}");
    }
    // No other origin may read an answer, and nothing is remembered by a browser.
    for name in headers.keys() {
        assert!(!name.as_str().starts_with("access-control-") && name != "set-cookie" && name != "server", "{what}: {name}");
    }
}

async fn admin(server: &TestServer) -> TestUser {
    let user = server.register("yonetici").await;
    server.make_admin(&user).await;
    user
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_protected() {
    let server = TestServer::start(Backend::Sqlite, &[]).await.expect("SQLite is always there");
    let admin = admin(&server).await;
    let mut requests: Vec<(Method, String)> = operations(&server).await.into_iter().map(|(method, path, _)| (method, path)).collect();
    let more = [(Method::GET, "/nothing"), (Method::PUT, "/healthz"), (Method::GET, "/v1/ws"), (Method::GET, "/openapi.json")];
    requests.extend(more.map(|(method, path)| (method, path.to_owned())));
    for (method, path) in requests {
        for token in [None, Some(admin.access.as_str())] {
            // Last, or nobody would be signed in any more.
            if token.is_some() && path.ends_with("/logout") {
                continue;
            }
            let request = server.request(method.clone(), &path, token).header("origin", "https://evil.example").json(&json!({}));
            let answer = server.send(request).await;
            assert!(answer.status.as_u16() < 500, "{method} {path}: {}", answer.body);
            assert_protected(&answer.headers, &format!("{method} {path}"));
        }
        let preflight = server
            .request(Method::OPTIONS, &path, None)
            .header("origin", "https://evil.example")
            .header("access-control-request-method", method.as_str());
        assert_protected(&server.send(preflight).await.headers, &format!("OPTIONS {path}"));
    }
    let login = server.post("/v1/auth/login", "", &json!({"phone": admin.phone, "password": crate::harness::PASSWORD})).await;
    assert_protected(&login.headers, "a login");
    login.expect(200);
    server.stop().await;
}

/// A body is read up to a bound and never further; JSON that is nested without end is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_body_has_a_bound() {
    const NESTED: usize = 20_000;
    let server = TestServer::start(Backend::Sqlite, &[]).await.expect("SQLite is always there");
    let admin = admin(&server).await;
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(900 * 1024));
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(NESTED), "]".repeat(NESTED));
    let mut bodies = 0;
    for (method, path, takes_json) in operations(&server).await.into_iter().filter(|(_, _, takes_json)| *takes_json) {
        bodies += u32::from(takes_json);
        let send = async |body: &str| {
            let request = server.request(method.clone(), &path, Some(&admin.access)).header("content-type", "application/json");
            server.send(request.body(body.to_owned())).await
        };
        // Billing events are none of a user's, and off.
        if path == "/v1/billing/events" {
            send(&large).await.expect_problem(404, "not_found");
            continue;
        }
        send(&large).await.expect_problem(413, "payload_too_large");
        let refused = send(&deep).await;
        assert!([400, 422].contains(&refused.status.as_u16()), "{method} {path}: {} {}", refused.status, refused.body);
    }
    assert!(bodies > 15, "{bodies}");
    assert_eq!(server.get("/healthz", "").await.expect(200), Value::String("ok".to_owned()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_reads_files_or_memory() {
    let mut server = ServerProcess::start(Backend::Sqlite, &[]).await.expect("SQLite is always there");
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&server.data_dir()), 0o700);
    for name in ["tebdil.db", "tebdil.db-wal", "tebdil.db-shm", "secrets.toml"] {
        assert_eq!(mode(&server.data_dir().join(name)), 0o600, "{name}");
    }
    let limits = server.limits();
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).expect("the limit");
    assert_eq!(core.split_whitespace().take(2).collect::<Vec<_>>(), ["0", "0"], "a crash would write the keys to the disk");
    assert_eq!(server.terminate().await, Some(0));
}
