//! What the proxy of `nginx/` promises, with real nodes behind a real nginx.

use std::{net::SocketAddr, sync::Arc};

use reqwest::StatusCode;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::json;
use tebdil_client::raw::RawSocket;
use tebdil_core::testing::Backend;
use tebdil_protocol::{SUBPROTOCOL, Secret};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    Connector,
    tungstenite::{client::IntoClientRequest as _, http::HeaderValue},
};

use crate::{
    harness::{PASSWORD, Reply, TestServer, TestUser},
    nginx::{Nginx, Options},
    sockets::{Person, eventually},
};

mod limits;
mod nodes;

/// An address where nobody answers. A free port of 127.0.0.1 would not do: a test beside this one
/// may get it.
fn nobody() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 2], 9))
}

fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://")
        .parse()
        .expect("a node's address")
}

/// A node with a proxy that it trusts in front; `None` without nginx.
async fn behind(options: Options, settings: &[(&str, &str)]) -> Option<(TestServer, Nginx)> {
    let settings: Vec<_> = settings
        .iter()
        .copied()
        .chain([("TEBDIL_HTTP__TRUSTED_PROXIES", "127.0.0.1")])
        .collect();
    let server = TestServer::start(Backend::Sqlite, &settings)
        .await
        .expect("SQLite is always there");
    let proxy = Nginx::start(&[address(&server.base)], options).await;
    if let Some(proxy) = proxy {
        return Some((server, proxy));
    }
    server.stop().await;
    None
}

/// A login with a wrong password, which counts against the address.
async fn wrong_login(server: &TestServer, url: &str, forwarded: &str) -> Reply {
    let body = json!({ "phone": "+905301234567", "password": "not the password" });
    let request = crate::http::client()
        .post(format!("{url}/v1/auth/login"))
        .header("x-forwarded-for", forwarded)
        .json(&body);
    server.send(request).await
}

/// The socket, with every byte through TLS.
async fn a_socket_passes_over_tls(proxy: &Nginx, user: &TestUser) {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(proxy.certificate.as_bytes()).expect("PEM"))
        .expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut request = format!("wss://localhost:{}/v1/ws", proxy.address.port())
        .into_client_request()
        .expect("a request");
    request.headers_mut().insert(
        "sec-websocket-protocol",
        HeaderValue::from_static(SUBPROTOCOL),
    );
    let stream = TcpStream::connect(proxy.address)
        .await
        .expect("a connection");
    let connector = Some(Connector::Rustls(Arc::new(tls)));
    let (stream, answer) =
        tokio_tungstenite::client_async_tls_with_config(request, stream, None, connector)
            .await
            .expect("the upgrade passes");
    assert_eq!(answer.status(), 101);
    let mut socket = RawSocket::from(stream);
    socket
        .send_json(&json!({ "type": "hello", "token": user.access }))
        .await
        .expect("sent");
    assert_eq!(
        socket.recv_json().await.expect("a frame")["type"],
        "welcome"
    );
    drop(socket);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_and_sockets_pass_over_tls() {
    let Some((server, proxy)) = behind(
        Options {
            tls: true,
            ..Options::default()
        },
        &[],
    )
    .await
    else {
        return;
    };
    let user = server.register("KediAdam").await;
    let trusted =
        reqwest::Certificate::from_pem(proxy.certificate.as_bytes()).expect("a certificate");
    let http = crate::http::builder()
        .tls_certs_only([trusted])
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");

    let profile = server
        .send(
            http.get(format!("{}/v1/me", proxy.url()))
                .bearer_auth(&user.access),
        )
        .await;
    assert_eq!(
        profile.headers["strict-transport-security"],
        "max-age=63072000; includeSubDomains"
    );
    assert_eq!(profile.headers["server"], "nginx", "no version");
    assert_eq!(profile.expect(200)["id"], json!(user.id));

    // A POST and the largest body there is.
    let password = "x".repeat(900 * 1024);
    let login = json!({ "phone": user.phone, "password": PASSWORD });
    server
        .send(
            http.post(format!("{}/v1/auth/login", proxy.url()))
                .json(&login),
        )
        .await
        .expect(200);
    let keys = json!({ "packages": [password] });
    let large = server
        .send(
            http.put(format!("{}/v1/keys", proxy.url()))
                .bearer_auth(&user.access)
                .json(&keys),
        )
        .await;
    large.expect_problem(413, "payload_too_large");

    let redirected = http
        .get(format!("http://{}/v1/me?x=1", proxy.redirect))
        .send()
        .await
        .expect("an answer");
    assert_eq!(redirected.status(), StatusCode::PERMANENT_REDIRECT);
    assert_eq!(
        redirected.headers()["location"],
        "https://localhost/v1/me?x=1"
    );

    a_socket_passes_over_tls(&proxy, &user).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acme_challenges_are_answered_in_clear_and_nothing_else_is() {
    let Some(proxy) = Nginx::start(
        &[nobody()],
        Options {
            tls: true,
            ..Options::default()
        },
    )
    .await
    else {
        return;
    };
    std::fs::write(proxy.challenges().join("token-1"), "token-1.thumbprint").expect("written");
    std::fs::write(proxy.challenges().join("../../private"), "not this").expect("written");
    std::os::unix::fs::symlink("../../private", proxy.challenges().join("link")).expect("made");
    let http = crate::http::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    let ask = async |path: &str| {
        http.get(format!("http://{}{path}", proxy.redirect))
            .send()
            .await
            .expect("an answer")
    };

    let answer = ask("/.well-known/acme-challenge/token-1").await;
    assert_eq!(
        (answer.status(), &answer.headers()["content-type"]),
        (StatusCode::OK, &HeaderValue::from_static("text/plain"))
    );
    assert_eq!(answer.text().await.expect("a body"), "token-1.thumbprint");
    for (path, status) in [
        ("token-2", 404),
        ("", 404),
        ("link", 404),
        ("..%2F..%2Fprivate", 308),
    ] {
        assert_eq!(
            ask(&format!("/.well-known/acme-challenge/{path}"))
                .await
                .status(),
            status,
            "{path}"
        );
    }
    for path in ["/", "/.well-known/other", "/private", "/v1/me"] {
        let answer = ask(path).await;
        assert_eq!(answer.status(), StatusCode::PERMANENT_REDIRECT, "{path}");
        assert_eq!(
            answer.headers()["location"],
            format!("https://localhost{path}")
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_header_gets_around_no_limit() {
    let settings = [
        ("TEBDIL_LIMITS__ENABLED", "true"),
        ("TEBDIL_LIMITS__RULES__LOGIN_ADDRESS__BURST", "2"),
    ];
    let Some((server, proxy)) = behind(Options::default(), &settings).await else {
        return;
    };
    let url = proxy.url();
    wrong_login(&server, &url, "198.51.100.1")
        .await
        .expect_problem(401, "invalid_credentials");
    wrong_login(&server, &url, "198.51.100.2, 127.0.0.1")
        .await
        .expect_problem(401, "invalid_credentials");
    wrong_login(&server, &url, "198.51.100.3")
        .await
        .expect_problem(429, "too_many_attempts");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_balancer_that_is_trusted_names_the_client() {
    let settings = [
        ("TEBDIL_LIMITS__ENABLED", "true"),
        ("TEBDIL_LIMITS__RULES__LOGIN_ADDRESS__BURST", "1"),
    ];
    let options = Options {
        balancers: vec!["127.0.0.1"],
        ..Options::default()
    };
    let Some((server, proxy)) = behind(options, &settings).await else {
        return;
    };
    let url = proxy.url();
    wrong_login(&server, &url, "198.51.100.1")
        .await
        .expect_problem(401, "invalid_credentials");
    wrong_login(&server, &url, "198.51.100.2")
        .await
        .expect_problem(401, "invalid_credentials");
    wrong_login(&server, &url, "198.51.100.1")
        .await
        .expect_problem(429, "too_many_attempts");
    // The client wrote the first, the balancer the second.
    wrong_login(&server, &url, "198.51.100.9, 198.51.100.2")
        .await
        .expect_problem(429, "too_many_attempts");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_holds_no_address_query_id_or_token() {
    let options = Options {
        balancers: vec!["127.0.0.1"],
        ..Options::default()
    };
    let Some((server, proxy)) = behind(options, &[]).await else {
        return;
    };
    let user = server.register("KediAdam").await;
    let http = crate::http::client();
    let ask = async |path: &str| {
        let request = http
            .get(format!("{}{path}", proxy.url()))
            .bearer_auth(&user.access)
            .header("x-forwarded-for", "198.51.100.77");
        request
            .header("user-agent", "agent-4711")
            .header("referer", "https://referer.example/")
            .send()
            .await
            .expect("an answer")
            .status()
    };
    assert_eq!(ask("/v1/me?access_token=hunter2").await, 200);
    assert_eq!(ask("/v1/matches/8675309").await, 404);
    assert_eq!(ask(&format!("/{}", user.access)).await, 404);
    let (socket, _) = RawSocket::hello(&proxy.url(), &Secret::from(user.access.as_str()))
        .await
        .expect("a socket");
    drop(socket);

    eventually("all four are logged", async || {
        proxy.access_log().lines().count() == 4
    })
    .await;
    let (log, errors) = (proxy.access_log(), proxy.error_log());
    for area in [
        "GET /v1/me 200",
        "GET /v1/matches 404",
        "GET - 404",
        "GET /v1/ws 101",
    ] {
        assert!(log.contains(area), "{area} in {log}");
    }
    let without_node = log.replace(&format!("node={}", address(&server.base)), "");
    for secret in [
        "198.51.100.77",
        "127.0.0.1",
        "hunter2",
        "access_token",
        "8675309",
        &user.access,
        "agent-4711",
        "referer",
        "?",
    ] {
        assert!(
            !without_node.contains(secret) && !errors.contains(secret),
            "{secret} in {log}{errors}"
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_chat_through_the_proxy() {
    let Some((mut server, proxy)) = behind(Options::default(), &[]).await else {
        return;
    };
    server.base = proxy.url();
    let (mut ayse, mut berk) = (
        Person::new(&server, "ayse").await,
        Person::new(&server, "berk").await,
    );
    ayse.find().await;
    berk.find().await;
    let id = ayse.found().await;
    berk.found().await;
    assert_eq!(ayse.say(&id, 1, "selam").await["type"], "message.accepted");
    assert_eq!(berk.until("message.new").await["match_id"], json!(id));
    server
        .post(
            &format!("/v1/matches/{id}/leave"),
            &ayse.user.access,
            &json!({}),
        )
        .await
        .expect(200);
    berk.until("match.ended").await;
    server.stop().await;
}
