//! What the proxy refuses itself.

use reqwest::StatusCode;
use tebdil_client::raw::{RawError, RawSocket};
use tebdil_core::testing::Backend;
use tebdil_protocol::ErrorCode;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{address, behind, nobody};
use crate::{
    harness::TestServer,
    nginx::{Nginx, Options},
    sockets::eventually,
};

/// What comes back for a request line.
async fn raw(url: &str, line: &str) -> String {
    let mut stream = TcpStream::connect(address(url)).await.expect("the proxy");
    stream
        .write_all(format!("{line}\r\nHost: tebdil\r\nConnection: close\r\n\r\n").as_bytes())
        .await
        .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_requests_of_one_address_are_refused_as_documented() {
    let options = Options {
        requests_per_second: 1,
        burst: 2,
        balancers: vec!["127.0.0.1"],
        ..Options::default()
    };
    let Some((server, proxy)) = behind(options, &[]).await else {
        return;
    };
    let http = crate::http::client();
    let ask = async |from: &str| {
        server
            .send(
                http.get(format!("{}/healthz", proxy.url()))
                    .header("x-forwarded-for", from),
            )
            .await
    };
    // All in one go: the rate gives one more a second.
    let mut refused = Vec::new();
    for host in 0..10 {
        let reply = ask(&format!("2001:db8:1:2::{host:x}")).await;
        if reply.status != StatusCode::OK {
            refused.push(reply);
        }
    }
    assert!(
        (1..=7).contains(&refused.len()),
        "{} of 10 were refused",
        refused.len()
    );
    let problem = refused.remove(0).expect_problem(429, "rate_limited");
    assert_eq!(problem["title"], ErrorCode::RateLimited.title());
    assert_eq!(
        ask("2001:db8:1:3::1").await.status,
        StatusCode::OK,
        "another /64 is another customer"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_so_many_sockets_at_once() {
    let Some((server, proxy)) = behind(
        Options {
            connections: 2,
            ..Options::default()
        },
        &[],
    )
    .await
    else {
        return;
    };
    let first = RawSocket::open(&proxy.url()).await.expect("a socket");
    let second = RawSocket::open(&proxy.url()).await.expect("a second");
    assert!(matches!(
        RawSocket::open(&proxy.url()).await,
        Err(RawError::Refused(429))
    ));
    drop(first);
    eventually("there is room again", async || {
        RawSocket::open(&proxy.url()).await.is_ok()
    })
    .await;
    drop(second);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_proxy_refuses_itself_has_the_form_of_the_contract() {
    let Some(proxy) = Nginx::start(&[nobody(), nobody()], Options::default()).await else {
        return;
    };
    let server = TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    let http = crate::http::client();
    let at = |path: &str| format!("{}{path}", proxy.url());

    for request in [
        http.get(at("/v1/me")),
        http.post(at("/v1/auth/login")).body("{}"),
        http.get(at("/v1/ws")),
    ] {
        let problem = server
            .send(request)
            .await
            .expect_problem(503, "unavailable");
        assert_eq!(problem["title"], ErrorCode::Unavailable.title());
    }
    let problem = server
        .send(http.put(at("/v1/keys")).body(vec![b'x'; 1_100_000]))
        .await
        .expect_problem(413, "payload_too_large");
    assert_eq!(problem["title"], ErrorCode::PayloadTooLarge.title());
    let problem = server
        .send(http.get(at("/v1/me")).header("host", "a/b"))
        .await
        .expect_problem(400, "bad_request");
    assert_eq!(problem["title"], ErrorCode::BadRequest.title());
    // Such addresses no client of HTTP sends; each is answered all the same.
    for line in [
        "GET /v1/matches/a%00b HTTP/1.1",
        "GET /v1/../../x HTTP/1.1",
        "GET /%zz HTTP/1.1",
        "nonsense",
    ] {
        let answer = raw(&proxy.url(), line).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.contains("application/problem+json"),
            "{line}: {answer}"
        );
        assert!(
            answer.contains(ErrorCode::BadRequest.title()) && answer.contains("\"bad_request\""),
            "{line}: {answer}"
        );
    }
    let problem = server
        .send(http.get(at("/metrics")))
        .await
        .expect_problem(404, "not_found");
    assert_eq!(problem["title"], ErrorCode::NotFound.title());
    server.stop().await;
}
