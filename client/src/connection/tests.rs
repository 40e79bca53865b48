//! The connection against a small server that speaks the contract's frames by hand.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt, future::BoxFuture};
use serde_json::{Value, json};
use tebdil_core::protocol::{Secret, ServerFrame};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        protocol::CloseFrame,
    },
};

use super::*;
use tebdil_core::protocol::MatchFind;

mod pace;

const MATCH: MatchId = MatchId(7);

/// One scripted server; the test accepts its sockets one by one.
struct Server {
    listener: TcpListener,
}

struct Peer {
    socket: WebSocketStream<TcpStream>,
}

impl Server {
    async fn start() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.expect("bind"),
        }
    }

    fn options(&self) -> Options {
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

    async fn accept(&self) -> Peer {
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
    async fn welcome(&self) -> (Peer, Value) {
        self.welcome_with(60, &[MATCH]).await
    }

    async fn welcome_with(&self, heartbeat_s: u64, matches: &[MatchId]) -> (Peer, Value) {
        let mut peer = self.accept().await;
        let hello = peer.recv().await;
        assert_eq!(hello["type"], "hello");
        peer.send(&welcome(heartbeat_s, matches)).await;
        (peer, hello)
    }
}

impl Peer {
    async fn recv(&mut self) -> Value {
        self.try_recv().await.expect("the client still talks")
    }

    async fn try_recv(&mut self) -> Option<Value> {
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
    async fn recv_type(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.recv().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    async fn send(&mut self, frame: &Value) {
        self.socket
            .send(Message::text(frame.to_string()))
            .await
            .expect("send");
    }

    async fn message(&mut self, seq: i64) {
        self.send(&json!({"type":"message.new","match_id":MATCH,"from":"peer","seq":seq,"message_id":seq.to_string(),"kind":"content",
            "ciphertext":"AQ==","sent_at":"2026-11-21T00:00:00.000Z"}))
            .await;
    }

    async fn accept_message(&mut self, send: &Value, seq: i64) {
        self.send(&json!({"type":"message.accepted","re":send["id"],"match_id":send["match_id"],"client_id":send["client_id"],"seq":seq,
            "message_id":seq.to_string(),"sent_at":"2026-11-21T00:00:00.000Z"}))
            .await;
    }

    async fn close(mut self, code: u16) {
        let frame = CloseFrame {
            code: code.into(),
            reason: "".into(),
        };
        self.socket.close(Some(frame)).await.expect("close");
        while self.try_recv().await.is_some() {}
    }
}

fn quota() -> Value {
    json!({"text":10,"video":3,"bonus":0,"daily_text":10,"daily_video":3,"resets_at":"2026-11-22T00:00:00.000Z"})
}

fn welcome(heartbeat_s: u64, matches: &[MatchId]) -> Value {
    let matches: Vec<_> = matches
        .iter()
        .map(|id| {
            json!({"id":id,"mode":"text","status":"active","peer":{"alias":"a","tag":"0001","handle":"a#0001"},"role":"offerer",
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

async fn next(events: &mut mpsc::Receiver<Event>) -> Event {
    tokio::time::timeout(Duration::from_secs(10), events.recv())
        .await
        .expect("in time")
        .expect("an event")
}

async fn until<T>(
    events: &mut mpsc::Receiver<Event>,
    mut wanted: impl FnMut(&Event) -> Option<T>,
) -> T {
    loop {
        if let Some(found) = wanted(&next(events).await) {
            return found;
        }
    }
}

fn connected(event: &Event) -> Option<()> {
    matches!(event, Event::Connected(_)).then_some(())
}

fn disconnected(event: &Event) -> Option<DisconnectReason> {
    match event {
        Event::Disconnected { reason, .. } => Some(*reason),
        _ => None,
    }
}

fn message_seq(event: &Event) -> Option<i64> {
    match event {
        Event::Message(message) => Some(message.seq),
        _ => None,
    }
}

async fn send(handle: &Handle, byte: u8) -> Sending {
    handle
        .send_ciphertext(MATCH, MessageKind::Content, vec![byte], None)
        .await
        .expect("open")
        .1
}

#[tokio::test]
async fn a_request_gets_the_answer_that_names_it() {
    let server = Server::start().await;
    let (handle, mut events) = Connection::open(server.options());
    let (mut peer, hello) = server.welcome().await;
    assert_eq!(hello["token"], "token-1");
    until(&mut events, connected).await;

    let find = MatchFind {
        mode: tebdil_core::domain::Mode::Text,
        interests: None,
        languages: None,
        max_distance_km: None,
    };
    let (answer, ()) = tokio::join!(handle.find(find.clone()), async {
        let asked = peer.recv().await;
        assert_eq!(asked["type"], "match.find");
        peer.send(&json!({"type":"quota","quota":quota()})).await;
        peer.send(&json!({"type":"match.searching","ticket_id":"99","re":asked["id"]}))
            .await;
    });
    assert_eq!(answer, Ok(TicketId(99)));
    until(&mut events, |event| {
        matches!(event, Event::Searching { .. }).then_some(())
    })
    .await;

    let (answer, ()) = tokio::join!(handle.find(find), async {
        let asked = peer.recv().await;
        peer.send(&json!({"type":"error","code":"quota_exhausted","message":"…","resets_at":"2026-11-22T00:00:00.000Z","re":asked["id"]}))
            .await;
    });
    let Err(RequestError::Refused {
        code: ErrorCode::QuotaExhausted,
        resets_at: Some(_),
        ..
    }) = answer
    else {
        panic!("{answer:?}")
    };
    handle.close().await;
    assert_eq!(events.recv().await, None);
}

#[tokio::test]
async fn what_was_not_accepted_goes_out_again_first_and_in_order() {
    let server = Server::start().await;
    let (handle, mut events) = Connection::open(server.options());
    let (mut peer, _) = server.welcome().await;
    until(&mut events, connected).await;
    let sendings = [
        send(&handle, 1).await,
        send(&handle, 2).await,
        send(&handle, 3).await,
    ];
    let first = peer.recv_type("message.send").await;
    let second = peer.recv_type("message.send").await;
    peer.accept_message(&first, 1).await;
    until(&mut events, |event| {
        matches!(event, Event::Accepted(_)).then_some(())
    })
    .await;
    drop(peer);
    assert_eq!(
        until(&mut events, disconnected).await,
        DisconnectReason::Lost
    );
    let fourth = send(&handle, 4).await;

    let (mut peer, _) = server.welcome().await;
    for (seq, byte) in [(2, "Ag=="), (3, "Aw=="), (4, "BA==")] {
        let again = peer.recv_type("message.send").await;
        assert_eq!(again["ciphertext"], byte);
        if seq == 2 {
            assert_eq!(again["client_id"], second["client_id"]);
        }
        peer.accept_message(&again, seq).await;
        peer.accept_message(&again, seq).await;
    }
    let [one, two, three] = sendings;
    for (sending, seq) in [(one, 1), (two, 2), (three, 3), (fourth, 4)] {
        assert_eq!(sending.await.expect("accepted").seq, seq);
    }
    handle.flush().await;
    let mut accepted = 0;
    while accepted < 3 {
        until(&mut events, |event| {
            matches!(event, Event::Accepted(_)).then_some(())
        })
        .await;
        accepted += 1;
    }
}

#[tokio::test]
async fn messages_come_once_in_order_and_are_acknowledged() {
    let server = Server::start().await;
    let mut options = server.options();
    options.resume = vec![ResumePoint {
        match_id: MATCH,
        peer_seq: 4,
    }];
    let (_handle, mut events) = Connection::open(options);
    let (mut peer, hello) = server.welcome().await;
    assert_eq!(hello["resume"], json!([{"match_id":"7","peer_seq":4}]));
    for seq in [5, 4, 5, 8] {
        peer.message(seq).await;
    }
    assert_eq!(until(&mut events, message_seq).await, 5);
    assert_eq!(peer.recv_type("message.sync").await["peer_seq"], 5);
    for seq in [6, 7, 8] {
        peer.message(seq).await;
    }
    for seq in [6, 7, 8] {
        assert_eq!(until(&mut events, message_seq).await, seq);
    }
    while peer.recv_type("message.ack").await["seq"] != 8 {}
    drop(peer);
    let (mut peer, hello) = server.welcome().await;
    assert_eq!(hello["resume"], json!([{"match_id":"7","peer_seq":8}]));
    assert_eq!(
        peer.recv_type("message.ack").await["seq"],
        8,
        "the last one may have been lost with the socket"
    );
}

#[tokio::test]
async fn an_application_may_acknowledge_itself() {
    let server = Server::start().await;
    let mut options = server.options();
    options.acknowledge = Acknowledge::ByApplication;
    let (handle, mut events) = Connection::open(options);
    let (mut peer, _) = server.welcome().await;
    peer.message(1).await;
    peer.message(2).await;
    until(&mut events, |event| {
        (message_seq(event) == Some(2)).then_some(())
    })
    .await;
    handle.ack(MATCH, 1).await;
    assert_eq!(
        peer.recv().await,
        json!({"type":"message.ack","match_id":"7","seq":1})
    );
}

#[tokio::test]
async fn close_codes_decide_about_the_next_socket() {
    for code in CloseCode::ALL
        .iter()
        .copied()
        .filter(|code| *code != CloseCode::Unauthorized)
    {
        let server = Server::start().await;
        let (_handle, mut events) = Connection::open(server.options());
        let (peer, _) = server.welcome().await;
        until(&mut events, connected).await;
        peer.close(code.code()).await;
        if code.reconnect() {
            assert_eq!(
                until(&mut events, disconnected).await,
                DisconnectReason::Closed(code)
            );
            let _again = server.welcome().await;
            until(&mut events, connected).await;
        } else {
            assert_eq!(
                next(&mut events).await,
                Event::Closed(Ended::Closed(code)),
                "{code:?}"
            );
            assert_eq!(events.recv().await, None);
        }
    }
}

#[tokio::test]
async fn draining_says_when_to_come_back() {
    let server = Server::start().await;
    let (_handle, mut events) = Connection::open(server.options());
    let (mut peer, _) = server.welcome().await;
    peer.send(&json!({"type":"draining","retry_after_ms":37}))
        .await;
    peer.close(4012).await;
    let retry_in = until(&mut events, |event| match event {
        Event::Disconnected { retry_in, .. } => Some(*retry_in),
        _ => None,
    });
    assert_eq!(retry_in.await, Duration::from_millis(37));
    server.welcome().await;
}

/// Counts its renewals; tokens are `token-1`, `token-2` …
#[derive(Default)]
struct Counting {
    renewals: AtomicU32,
    expires_in: Option<Duration>,
    signed_out: bool,
}

impl Counting {
    fn current(&self) -> AccessToken {
        let number = self.renewals.load(Ordering::SeqCst) + 1;
        // The first one is about to end, later ones are not.
        let life =
            if number == 1 { self.expires_in } else { None }.unwrap_or(Duration::from_hours(24));
        AccessToken {
            token: Secret::from(format!("token-{number}")),
            expires_at: Clock::system(0).now() + life,
        }
    }
}

impl TokenSource for Counting {
    fn token(&self, margin: Duration) -> BoxFuture<'_, Result<AccessToken, TokenError>> {
        if margin > Duration::from_mins(1) && self.expires_in.is_some() {
            self.renewals.store(1, Ordering::SeqCst);
        }
        Box::pin(async { Ok(self.current()) })
    }
    fn renew<'a>(&'a self, _refused: &'a Secret) -> BoxFuture<'a, Result<AccessToken, TokenError>> {
        self.renewals.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {
            if self.signed_out {
                Err(TokenError::SignedOut)
            } else {
                Ok(self.current())
            }
        })
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_and_a_lost_session_ends() {
    let server = Server::start().await;
    let mut options = server.options();
    options.tokens = Arc::new(Counting::default());
    let (_handle, mut events) = Connection::open(options);
    let mut peer = server.accept().await;
    assert_eq!(peer.recv().await["token"], "token-1");
    peer.close(4001).await;
    let (peer, hello) = server.welcome().await;
    assert_eq!(hello["token"], "token-2");
    until(&mut events, connected).await;
    peer.close(4001).await;
    let (_peer, hello) = server.welcome().await;
    assert_eq!(hello["token"], "token-3");

    let server = Server::start().await;
    let mut options = server.options();
    options.tokens = Arc::new(Counting {
        signed_out: true,
        ..Counting::default()
    });
    let (_handle, mut events) = Connection::open(options);
    server.accept().await.close(4001).await;
    assert_eq!(
        until(&mut events, |event| matches!(event, Event::Closed(_))
            .then(|| event.clone()))
        .await,
        Event::Closed(Ended::SignedOut)
    );
}

#[tokio::test]
async fn tokens_that_never_please_end_the_connection() {
    let server = Server::start().await;
    let mut options = server.options();
    options.tokens = Arc::new(Counting::default());
    let (_handle, mut events) = Connection::open(options);
    for _ in 0..3 {
        server.accept().await.close(4001).await;
    }
    let wanted = Event::Closed(Ended::Closed(CloseCode::Unauthorized));
    until(&mut events, |event| (*event == wanted).then_some(())).await;
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end() {
    let server = Server::start().await;
    let mut options = server.options();
    options.tokens = Arc::new(Counting {
        expires_in: Some(Duration::from_mins(1)),
        ..Counting::default()
    });
    let (_handle, _events) = Connection::open(options);
    let (mut peer, hello) = server.welcome().await;
    assert_eq!(hello["token"], "token-1");
    assert_eq!(peer.recv_type("token.refresh").await["token"], "token-2");
}

#[tokio::test]
async fn silence_is_a_lost_connection_and_pings_are_a_sign_of_life() {
    let server = Server::start().await;
    let (_handle, mut events) = Connection::open(server.options());
    let (mut peer, _) = server.welcome_with(1, &[]).await;
    until(&mut events, connected).await;
    let silent_since = tokio::time::Instant::now();
    peer.socket
        .send(Message::Ping(vec![1].into()))
        .await
        .expect("ping");
    assert!(
        matches!(peer.socket.next().await, Some(Ok(Message::Pong(_)))),
        "pings are answered at once"
    );
    assert_eq!(
        until(&mut events, disconnected).await,
        DisconnectReason::Silent
    );
    assert!(silent_since.elapsed() >= Duration::from_secs(2));
    server.welcome().await;
}

#[tokio::test]
async fn refused_messages_leave_the_outbox_or_come_again() {
    let server = Server::start().await;
    let (handle, mut events) = Connection::open(server.options());
    let (mut peer, _) = server.welcome().await;
    let (first, second) = (send(&handle, 1).await, send(&handle, 2).await);
    let one = peer.recv_type("message.send").await;
    let two = peer.recv_type("message.send").await;
    peer.send(&json!({"type":"error","re":one["id"],"code":"rate_limited","message":"…","retry_after_ms":5})).await;
    peer.send(
        &json!({"type":"error","code":"match_ended","message":"…","client_id":two["client_id"]}),
    )
    .await;
    assert_eq!(second.await, Err(SendError::MatchEnded));
    let again = peer.recv_type("message.send").await;
    assert_eq!(again["client_id"], one["client_id"]);
    peer.accept_message(&again, 1).await;
    assert_eq!(first.await.expect("accepted").seq, 1);
    until(&mut events, |event| {
        matches!(
            event,
            Event::Refused {
                code: ErrorCode::MatchEnded,
                ..
            }
        )
        .then_some(())
    })
    .await;
    let third = send(&handle, 3).await;
    peer.recv_type("message.send").await;
    peer.send(&json!({"type":"match.ended","match_id":"7","status":"cancelled","reason":"left","by":"peer"})).await;
    assert_eq!(third.await, Err(SendError::MatchEnded));
}

#[tokio::test]
async fn a_request_waits_for_a_socket_and_fails_with_it() {
    let server = Server::start().await;
    let (handle, mut events) = Connection::open(server.options());
    let asked = tokio::join!(
        handle.request(tebdil_core::protocol::ClientFrame::MatchCancel),
        async {
            let (mut peer, _) = server.welcome().await;
            let asked = peer.recv_type("match.cancel").await;
            peer.send(&json!({"type":"match.cancelled","re":asked["id"]}))
                .await;
            peer
        }
    );
    assert_eq!(asked.0, Ok(ServerFrame::MatchCancelled));
    let mut peer = asked.1;
    let (answer, ()) = tokio::join!(handle.leave(MATCH), async move {
        peer.recv_type("match.leave").await;
    });
    assert_eq!(answer, Err(RequestError::Disconnected));
    until(&mut events, disconnected).await;
}

#[tokio::test]
async fn an_application_that_takes_nothing_stops_the_reading_and_loses_nothing() {
    let server = Server::start().await;
    let mut options = server.options();
    options.event_limit = 8;
    let (_handle, mut events) = Connection::open(options);
    let (mut peer, _) = server.welcome().await;
    for seq in 1..=500 {
        peer.message(seq).await;
    }
    for seq in 1..=500 {
        assert_eq!(until(&mut events, message_seq).await, seq);
    }
}

#[tokio::test]
async fn messages_of_an_earlier_process_go_first() {
    let server = Server::start().await;
    let mut options = server.options();
    let client_id = Uuid::from_u128(5);
    options.outbox = vec![MessageSend {
        match_id: MATCH,
        client_id,
        kind: MessageKind::Content,
        ciphertext: vec![9],
        franking_tag: None,
    }];
    let (handle, _events) = Connection::open(options);
    let _new = send(&handle, 1).await;
    let (mut peer, _) = server.welcome().await;
    let first = peer.recv_type("message.send").await;
    assert_eq!(first["client_id"], client_id.to_string());
    peer.accept_message(&first, 1).await;
    assert_eq!(peer.recv_type("message.send").await["ciphertext"], "AQ==");
}

#[tokio::test]
async fn dropping_the_handle_ends_it() {
    let server = Server::start().await;
    let (handle, mut events) = Connection::open(server.options());
    let (mut peer, _) = server.welcome().await;
    until(&mut events, connected).await;
    drop(handle);
    assert_eq!(events.recv().await, None);
    assert_eq!(peer.try_recv().await, None);
}
