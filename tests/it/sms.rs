//! A gateway for text messages, over real HTTP, that keeps what it is given.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use crate::sockets::eventually;

/// What the gateway does with a request, after it has kept it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Takes,
    Fails,
    Redirects,
    /// What it answers is not HTTP.
    Babbles,
    /// It never answers.
    Hangs,
}

/// A message that arrived.
#[derive(Debug, Clone)]
pub struct Sms {
    pub phone: String,
    pub code: String,
    pub text: String,
    /// Everything before the body.
    pub head: String,
}

/// A gateway on a port of its own. It ends when it is dropped.
pub struct Gateway {
    url: String,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

struct State {
    inbox: Mutex<Vec<Sms>>,
    manner: Mutex<Manner>,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Gateway {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!(
            "http://{}/send?key=sesame",
            listener.local_addr().expect("bound")
        );
        let state = Arc::new(State {
            inbox: Mutex::default(),
            manner: Mutex::new(Manner::Takes),
        });
        let kept = Arc::clone(&state);
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends with the gateway, which aborts it"
        )]
        let serving = tokio::task::spawn(async move {
            let mut calls = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let state = Arc::clone(&kept);
                calls.spawn(async move { answer(stream, &state).await });
            }
        });
        Self {
            url,
            state,
            serving,
        }
    }

    /// What has a server send its codes here, and verify phones.
    pub fn settings(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("TEBDIL_VERIFICATION__PHONE", "true"),
            ("TEBDIL_VERIFICATION__SENDER", "gateway"),
            ("TEBDIL_VERIFICATION__GATEWAY__URL", &self.url),
            (
                "TEBDIL_VERIFICATION__GATEWAY__BODY",
                r#"{"to":"{phone}","code":"{code}","text":"{text}"}"#,
            ),
            ("TEBDIL_VERIFICATION__GATEWAY__HEADERS__X_API_KEY", "sesame"),
            ("TEBDIL_VERIFICATION__GATEWAY__TIMEOUT_MS", "500"),
        ]
    }

    pub fn behave(&self, manner: Manner) {
        *self.state.manner.lock() = manner;
    }

    /// Every message so far, oldest first.
    pub fn inbox(&self) -> Vec<Sms> {
        self.state.inbox.lock().clone()
    }

    /// Waits for the `number`-th message.
    pub async fn message(&self, number: usize) -> Sms {
        eventually("a message", async || self.inbox().len() >= number).await;
        self.inbox()[number - 1].clone()
    }
}

async fn answer(mut stream: TcpStream, state: &State) {
    let mut request = Vec::new();
    let (head, body) = loop {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(&chunk[..read]),
        }
        let text = String::from_utf8_lossy(&request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .to_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if body.len() >= length.expect("a length") {
            break (head.to_owned(), body.to_owned());
        }
    };
    let body: Value = serde_json::from_str(&body).expect("JSON");
    let field = |name: &str| body[name].as_str().expect("text").to_owned();
    let sms = Sms {
        phone: field("to"),
        code: field("code"),
        text: field("text"),
        head,
    };
    state.inbox.lock().push(sms);
    let manner = *state.manner.lock();
    let text = match manner {
        Manner::Takes => "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        Manner::Fails => "HTTP/1.1 500 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        Manner::Redirects => {
            "HTTP/1.1 307 There\r\nlocation: /other\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        }
        Manner::Babbles => "blah blah\r\n\r\n",
        Manner::Hangs => return tokio::time::sleep(Duration::from_mins(1)).await,
    };
    let _ = stream.write_all(text.as_bytes()).await;
}
