//! A server that says what a test wants.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::server::{Request, Response},
        protocol::CloseFrame,
    },
};

use super::*;

/// One scripted server; the test accepts its sockets one by one.
pub(super) struct Server {
    listener: TcpListener,
}

impl Server {
    pub(super) async fn start() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.expect("bind"),
        }
    }

    pub(super) fn options(&self) -> Options {
        let mut options = Options::new(
            format!("http://{}", self.listener.local_addr().expect("address")),
            FixedToken(Secret::from("token-1")),
        );
        options.backoff = Backoff {
            first: Duration::from_millis(1),
            max: Duration::from_millis(5),
        };
        options.ack_delay = Duration::from_millis(1);
        options
    }

    pub(super) async fn accept(&self) -> Peer {
        let (stream, _) = self.listener.accept().await.expect("accept");
        #[expect(clippy::result_large_err, reason = "the type is the library's")]
        let socket = tokio_tungstenite::accept_hdr_async(
            stream,
            |request: &Request, mut response: Response| {
                let protocol = request
                    .headers()
                    .get("sec-websocket-protocol")
                    .expect("subprotocol")
                    .clone();
                assert_eq!(protocol, "tebdil.v1");
                response
                    .headers_mut()
                    .insert("sec-websocket-protocol", protocol);
                Ok(response)
            },
        )
        .await
        .expect("handshake");
        Peer { socket }
    }

    /// Accepts a socket, reads its hello and welcomes it.
    pub(super) async fn welcome(&self) -> (Peer, Value) {
        self.welcome_with(60, &[MATCH]).await
    }

    pub(super) async fn welcome_with(
        &self,
        heartbeat_s: u64,
        matches: &[MatchId],
    ) -> (Peer, Value) {
        let mut peer = self.accept().await;
        let hello = peer.recv().await;
        assert_eq!(hello["type"], "hello");
        peer.send(&welcome(heartbeat_s, matches)).await;
        (peer, hello)
    }
}

pub(super) struct Peer {
    pub(super) socket: WebSocketStream<TcpStream>,
}

impl Peer {
    pub(super) async fn recv(&mut self) -> Value {
        self.try_recv().await.expect("the client still talks")
    }

    pub(super) async fn try_recv(&mut self) -> Option<Value> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Some(serde_json::from_str(&text).expect("json"));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    }

    /// The next frame of this type; others are passed over.
    pub(super) async fn recv_type(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.recv().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    pub(super) async fn send(&mut self, frame: &Value) {
        self.socket
            .send(Message::text(frame.to_string()))
            .await
            .expect("send");
    }

    pub(super) async fn message(&mut self, seq: i64) {
        self.send(
            &json!({"type":"message.new","match_id":MATCH,"seq":seq,"kind":"content",
            "ciphertext":"AQ==","sent_at":"2026-11-21T00:00:00.000Z"}),
        )
        .await;
    }

    pub(super) async fn accept_message(&mut self, send: &Value) {
        self.send(&json!({"type":"message.accepted","re":send["id"],"match_id":send["match_id"],"seq":send["seq"],
            "sent_at":"2026-11-21T00:00:00.000Z"}))
            .await;
    }

    pub(super) async fn close(mut self, code: u16) {
        let frame = CloseFrame {
            code: code.into(),
            reason: "".into(),
        };
        self.socket.close(Some(frame)).await.expect("close");
        while self.try_recv().await.is_some() {}
    }
}

pub(super) fn quota() -> Value {
    json!({"text":10,"video":3,"bonus":0,"daily_text":10,"daily_video":3,"resets_at":"2026-11-22T00:00:00.000Z"})
}

pub(super) fn welcome(heartbeat_s: u64, matches: &[MatchId]) -> Value {
    let matches: Vec<_> = matches
        .iter()
        .map(|id| {
            json!({"id":id,"this_device":true,"mode":"text","status":"active","peer":{"alias":"a","tag":"0001","handle":"a#0001"},"role":"offerer",
                "shared_interests":[],"created_at":"2026-11-21T00:00:00.000Z","expires_at":"2026-11-22T00:00:00.000Z","ended_at":null,
                "ended_reason":null,"unread":0})
        })
        .collect();
    json!({"type":"welcome","session_id":"1","quota":quota(),"matches":matches,"keys_remaining":5,
        "server_time":"2026-11-21T00:00:00.000Z","heartbeat_s":heartbeat_s,
        "limits":{"max_frame_bytes":65536,"max_ciphertext_bytes":16384,"max_devices":5,"frames_per_second":0},
        "user":{"id":"1","alias":"b","tag":"0002","handle":"b#0002","phone_masked":"+90…","is_premium":false,"locale":"tr","role":"user",
            "created_at":"2026-11-21T00:00:00.000Z","interests":[],"languages":[],"quota":quota()}})
}
