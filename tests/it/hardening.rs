//! What protects every answer, every route and every file, also those that nobody has written yet.

use std::os::unix::fs::PermissionsExt as _;

use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use tebdil_core::testing::Backend;

use crate::{
    harness::{TestServer, TestUser},
    process::ServerProcess,
    sockets::{Person, nobody_is_matched},
};

/// An operation of the OpenAPI document.
struct Operation {
    method: Method,
    /// With plausible ids.
    path: String,
    takes_json: bool,
    /// Whether it is for signed-in users, as all are that do not say otherwise.
    for_users: bool,
}

async fn operations(server: &TestServer) -> Vec<Operation> {
    let document = server.get("/openapi.json", "").await.expect(200);
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let path = path.replace("{token}", "abc").replace("{id}", "1");
            assert!(
                !path.contains('{'),
                "{path}: a parameter that this test does not know"
            );
            found.push(Operation {
                method: method.to_uppercase().parse().expect("a method"),
                path,
                takes_json: operation["requestBody"]["content"]["application/json"].is_object(),
                for_users: operation["security"]
                    .as_array()
                    .is_none_or(|ways| ways.iter().any(|way| way["bearer"].is_array())),
            });
        }
    }
    assert!(found.len() > 40, "{}", found.len());
    found
}

#[track_caller]
fn assert_protected(headers: &HeaderMap, what: &str) {
    // The one answer that is the same for everybody.
    let kept = if what == "GET /v1/meta" {
        "public, max-age=60"
    } else {
        "no-store"
    };
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ),
        ("x-frame-options", "DENY"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", kept),
    ] {
        let given: Vec<_> = headers.get_all(name).iter().collect();
        assert_eq!(given, [value], "{what}: {name}");
    }
    // No other origin may read an answer, and nothing is remembered by a browser.
    for name in headers.keys() {
        assert!(
            !name.as_str().starts_with("access-control-")
                && name != "set-cookie"
                && name != "server",
            "{what}: {name}"
        );
    }
}

async fn admin(server: &TestServer) -> TestUser {
    let user = server.register("kedi").await;
    server.make_admin(&user).await;
    user
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_protected() {
    let server = TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    let admin = admin(&server).await;
    let mut requests: Vec<(Method, String)> = operations(&server)
        .await
        .into_iter()
        .map(|of| (of.method, of.path))
        .collect();
    let more = [
        (Method::GET, "/nothing"),
        (Method::PUT, "/healthz"),
        (Method::GET, "/v1/ws"),
        (Method::GET, "/openapi.json"),
    ];
    requests.extend(more.map(|(method, path)| (method, path.to_owned())));
    for (method, path) in requests {
        for token in [None, Some(admin.access.as_str())] {
            // Last, or nobody would be signed in any more.
            if token.is_some() && path.ends_with("/logout") {
                continue;
            }
            let request = server
                .request(method.clone(), &path, token)
                .header("origin", "https://evil.example")
                .json(&json!({}));
            let answer = server.send(request).await;
            assert!(
                answer.status.as_u16() < 500,
                "{method} {path}: {}",
                answer.body
            );
            assert_protected(&answer.headers, &format!("{method} {path}"));
        }
        let preflight = server
            .request(Method::OPTIONS, &path, None)
            .header("origin", "https://evil.example")
            .header("access-control-request-method", method.as_str());
        assert_protected(
            &server.send(preflight).await.headers,
            &format!("OPTIONS {path}"),
        );
    }
    let login = server
        .post(
            "/v1/auth/login",
            "",
            &json!({"phone": admin.phone, "password": crate::harness::PASSWORD}),
        )
        .await;
    assert_protected(&login.headers, "a login");
    login.expect(200);
    server.stop().await;
}

/// A body is read up to a bound and never further; JSON that is nested without end is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_body_has_a_bound() {
    const NESTED: usize = 20_000;
    let server = TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    let admin = admin(&server).await;
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(900 * 1024));
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(NESTED), "]".repeat(NESTED));
    let mut bodies = 0;
    for Operation {
        method,
        path,
        for_users,
        ..
    } in operations(&server)
        .await
        .into_iter()
        .filter(|of| of.takes_json)
    {
        let send = async |body: &str| {
            let request = server
                .request(method.clone(), &path, Some(&admin.access))
                .header("content-type", "application/json");
            server.send(request.body(body.to_owned())).await
        };
        let (large, deep) = (send(&large).await, send(&deep).await);
        if [&large, &deep]
            .iter()
            .any(|answer| answer.status == 401 || answer.status == 404)
        {
            // Refused before anything of it was read: what has tokens of its own, and billing
            // events, which are off.
            assert!(
                !for_users || path == "/v1/billing/events",
                "{method} {path}: {}",
                large.body
            );
            continue;
        }
        bodies += 1;
        large.expect_problem(413, "payload_too_large");
        assert!(
            [400, 422].contains(&deep.status.as_u16()),
            "{method} {path}: {} {}",
            deep.status,
            deep.body
        );
    }
    assert!(bodies > 15, "{bodies}");
    assert_eq!(
        server.get("/healthz", "").await.expect(200),
        Value::String("ok".to_owned())
    );
    server.stop().await;
}

/// Whoever claims a place and insists on the smallest distance learns of a stranger's place no more
/// than 10 km.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_cannot_be_made_a_ruler() {
    let server = TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    let at = async |alias: &str, lat: f64| {
        let person = Person::new(&server, alias).await;
        let place = json!({"location": {"lat": lat, "lon": 29.0}});
        server
            .call(Method::PATCH, "/v1/me", &person.user.access, &place)
            .await
            .expect(200);
        person
    };
    let near = json!({"type": "match.find", "mode": "text", "max_distance_km": 1});
    let (mut spy, mut far, mut close) = (
        at("casus", 41.0).await,
        at("uzak", 41.2).await,
        at("yakin", 41.08).await,
    );
    far.find().await;
    assert_eq!(spy.ask(near).await["type"], "match.searching");
    nobody_is_matched(&server, &mut [&mut spy, &mut far]).await;
    assert_eq!(
        far.ask(json!({"type": "match.cancel"})).await["type"],
        "match.cancelled"
    );
    // Nine kilometres away.
    close.find().await;
    assert_eq!(spy.found().await, close.found().await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_reads_files_or_memory() {
    let mut server = ServerProcess::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(&server.data_dir()), 0o700);
    for name in [
        "tebdil.db",
        "tebdil.db-wal",
        "tebdil.db-shm",
        "secrets.toml",
    ] {
        assert_eq!(mode(&server.data_dir().join(name)), 0o600, "{name}");
    }
    let limits = server.limits();
    let core = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max core file size"))
        .expect("the limit");
    assert_eq!(
        core.split_whitespace().take(2).collect::<Vec<_>>(),
        ["0", "0"],
        "a crash would write the keys to the disk"
    );
    assert_eq!(server.terminate().await, Some(0));
}
