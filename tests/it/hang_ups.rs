//! Clients that hang up before they have their answer.

use serde_json::json;
use sqlx::Connection as _;
use tebdil_core::testing::Backend;
use tebdil_protocol::CloseCode;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    harness::{PASSWORD, TestServer},
    sockets::connect,
};

/// SQLite, because its one writer can be held up from outside: the request is in the middle of its
/// work when the client goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_request_began_is_finished_after_its_client_hung_up() {
    let server = TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    let file = server.database_files().remove(0);
    let body = json!({"current_password": PASSWORD, "new_password": "yeni parola 1"}).to_string();
    for key in ["", "Idempotency-Key: once\r\n"] {
        let user = server.register("KediAdam").await;
        let other = server.login(&user.phone).await;
        let mut socket = connect(&server, &other).await;

        let mut writer = sqlx::SqliteConnection::connect(&format!("sqlite:{}", file.display()))
            .await
            .expect("a connection");
        let lock = writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .expect("the write lock");
        let mut client = TcpStream::connect(server.base.trim_start_matches("http://"))
            .await
            .expect("a connection");
        let head = format!(
            "POST /v1/me/password HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nExpect: 100-continue\r\n{key}\r\n",
            user.access,
            body.len(),
        );
        client.write_all(head.as_bytes()).await.expect("sent");
        // The request runs: somebody asks for the body.
        let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        client.read_exact(&mut go_on).await.expect("an answer");
        assert_eq!(
            String::from_utf8_lossy(&go_on),
            "HTTP/1.1 100 Continue\r\n\r\n"
        );
        client.write_all(body.as_bytes()).await.expect("sent");
        client.shutdown().await.expect("no more to say");
        let mut answer = Vec::new();
        client
            .read_to_end(&mut answer)
            .await
            .expect("the server hangs up as well");
        assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
        lock.rollback().await.expect("the lock is free");

        assert_eq!(
            socket.recv_close_code().await.expect("a close"),
            Some(CloseCode::Unauthorized),
            "{key}"
        );
    }
    server.stop().await;
}
