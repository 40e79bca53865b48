//! Which node gets a request.

use std::net::SocketAddr;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tebdil_client::raw::{RawError, RawSocket};
use tokio::{io::AsyncReadExt as _, net::TcpListener, sync::mpsc, task::JoinSet};

use super::{address, nobody};
use crate::{
    harness::PASSWORD,
    nginx::{Nginx, Options},
    process::{Process, tebdil},
    sockets::eventually,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_and_draining_nodes_are_passed_over() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a temporary directory"));
    let node = async |dir: &tempfile::TempDir| {
        let mut command = tebdil(dir.path());
        // Long enough to stay what it is for the whole test.
        command
            .env("TEBDIL_SHUTDOWN__READY_DELAY_S", "600")
            .env("TEBDIL_LIMITS__ENABLED", "false");
        Process::start(command).await
    };
    let (draining, healthy) = (node(&dirs[0]).await, node(&dirs[1]).await);
    let nodes = [nobody(), address(&draining.url), address(&healthy.url)];
    let Some(proxy) = Nginx::start(&nodes, Options::default()).await else {
        return;
    };
    let http = crate::http::client();
    let status = async |request: reqwest::RequestBuilder| {
        request.send().await.expect("an answer").status().as_u16()
    };

    draining.signal("-TERM").await;
    eventually("it drains", async || {
        status(http.get(format!("{}/readyz", draining.url))).await == 503
    })
    .await;
    assert!(matches!(
        RawSocket::open(&draining.url).await,
        Err(RawError::Refused(503))
    ));

    // More than there are nodes, so that each would have been met.
    for _ in 0..9 {
        RawSocket::open(&proxy.url())
            .await
            .expect("another node takes the socket");
        assert_eq!(
            status(http.get(format!("{}/readyz", proxy.url()))).await,
            200
        );
        // Nothing had been sent to the node that refused the connection, so even this may go on.
        let login = json!({ "phone": "+905301234567", "password": PASSWORD });
        let login = http
            .post(format!("{}/v1/auth/login", proxy.url()))
            .header("idempotency-key", "k1")
            .json(&login);
        assert_eq!(status(login).await, 401);
    }
    // It would go on draining for ten minutes. Both are killed when they are dropped.
    drop((draining, healthy));
}

/// A node that dies each time it has read a request; what it read are the sizes of the bodies.
async fn dies_after_reading() -> (SocketAddr, mpsc::UnboundedReceiver<usize>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let (seen, requests) = mpsc::unbounded_channel();
    let mut node = JoinSet::new();
    node.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            let (head, wanted) = loop {
                let text = String::from_utf8_lossy(&request);
                if let Some(head) = text.find("\r\n\r\n") {
                    let lower = text[..head].to_ascii_lowercase();
                    let length = lower
                        .lines()
                        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                    break (head + 4, length.unwrap_or(0));
                }
                assert!(
                    stream.read_buf(&mut request).await.expect("readable") > 0,
                    "it hung up early"
                );
            };
            while request.len() < head + wanted {
                assert!(
                    stream.read_buf(&mut request).await.expect("readable") > 0,
                    "it hung up early"
                );
            }
            let _ = seen.send(request.len() - head);
        }
    });
    (address, requests, node)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_may_have_done_is_not_done_by_another() {
    let ((first, mut at_first, _one), (second, mut at_second, _two)) =
        (dies_after_reading().await, dies_after_reading().await);
    let http = crate::http::client();
    for (method, path, times) in [
        (Method::GET, "/v1/me", 2),
        (Method::POST, "/v1/auth/login", 1),
        (Method::PATCH, "/v1/me", 1),
    ] {
        // A new one each time: it leaves nodes alone that have failed.
        let Some(proxy) = Nginx::start(&[first, second], Options::default()).await else {
            return;
        };
        let body = if method == Method::GET {
            Vec::new()
        } else {
            vec![b'x'; 100_000]
        };
        let answer = http
            .request(method.clone(), format!("{}{path}", proxy.url()))
            .body(body.clone())
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        let seen: Vec<usize> = [&mut at_first, &mut at_second]
            .into_iter()
            .filter_map(|node| node.try_recv().ok())
            .collect();
        assert_eq!(seen, vec![body.len(); times], "{method} {path}");
    }
}
