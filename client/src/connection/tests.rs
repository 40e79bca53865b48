//! The connection against a small server that speaks the contract's frames by hand.

mod pace;
mod receipts;
mod server;
mod tokens;

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tebdil_protocol::{MatchFind, Secret, ServerFrame, domain::CancelReason};
use tokio_tungstenite::tungstenite::Message;

use self::server::{Server, quota, welcome};
use super::*;

const MATCH: MatchId = MatchId(7);

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

fn message(seq: u8) -> MessageSend {
    MessageSend {
        match_id: MATCH,
        seq: seq.into(),
        kind: MessageKind::Content,
        ciphertext: vec![seq],
        franking_tag: None,
    }
}

async fn send(handle: &Handle, seq: u8) -> Sending {
    handle.send(message(seq)).await.expect("open")
}

fn refused(event: &Event) -> Option<(i64, ErrorCode, Option<i64>)> {
    match event {
        Event::Refused {
            seq,
            code,
            expected_seq,
            ..
        } => Some((*seq, *code, *expected_seq)),
        _ => None,
    }
}

#[tokio::test]
async fn a_request_gets_the_answer_that_names_it() {
    let server = Server::start().await;
    let (handle, mut events) = Connection::open(server.options());
    let (mut peer, hello) = server.welcome().await;
    assert_eq!(hello["token"], "token-1");
    until(&mut events, connected).await;

    let find = MatchFind {
        mode: tebdil_protocol::domain::Mode::Text,
        interests: None,
        languages: None,
        max_distance_km: None,
        background: false,
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
    peer.accept_message(&first).await;
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
        assert_eq!(
            (&again["seq"], &again["ciphertext"]),
            (&json!(seq), &json!(byte))
        );
        if seq == 2 {
            assert_ne!(again["id"], second["id"], "each transmission has its own");
        }
        peer.accept_message(&again).await;
        peer.accept_message(&again).await;
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
async fn after_a_passing_refusal_the_rest_comes_again_in_order() {
    let server = Server::start().await;
    let (handle, _events) = Connection::open(server.options());
    let (mut peer, _) = server.welcome().await;
    let sendings = [
        send(&handle, 1).await,
        send(&handle, 2).await,
        send(&handle, 3).await,
    ];
    let mut came = vec![];
    for _ in 0..3 {
        came.push(peer.recv_type("message.send").await);
    }
    peer.send(&json!({"type":"error","re":came[0]["id"],"code":"unavailable","message":"…","retry_after_ms":5})).await;
    for late in [&came[1], &came[2], &came[0]] {
        peer.send(&json!({"type":"error","re":late["id"],"code":"out_of_order","message":"…","expected_seq":1})).await;
    }
    for (sending, came) in sendings.into_iter().zip(&came) {
        let again = peer.recv_type("message.send").await;
        assert_eq!(again["seq"], came["seq"]);
        assert_ne!(again["id"], came["id"]);
        peer.send(&json!({"type":"error","re":came["id"],"code":"match_ended","message":"late"}))
            .await;
        peer.accept_message(&again).await;
        assert_eq!(
            Some(sending.await.expect("accepted").seq),
            came["seq"].as_i64()
        );
    }
}

#[tokio::test]
async fn refused_messages_leave_the_outbox_with_what_is_behind_them() {
    let server = Server::start().await;
    let (handle, mut events) = Connection::open(server.options());
    let (mut peer, _) = server.welcome().await;
    let (first, second) = (send(&handle, 1).await, send(&handle, 2).await);
    let one = peer.recv_type("message.send").await;
    let refusal = |re: &serde_json::Value, code: &str| json!({"type":"error","re":re["id"],"code":code,"message":"…"});
    peer.send(&refusal(&one, "franking_tag_mismatch")).await;
    let refused_for = |code| Err(SendError::Refused(code));
    assert_eq!(first.await, refused_for(ErrorCode::FrankingTagMismatch));
    assert_eq!(second.await, refused_for(ErrorCode::OutOfOrder));
    for (seq, code) in [
        (1, ErrorCode::FrankingTagMismatch),
        (2, ErrorCode::OutOfOrder),
    ] {
        assert_eq!(until(&mut events, refused).await, (seq, code, Some(1)));
    }
    handle.flush().await;

    let _two = peer.recv_type("message.send").await;
    let third = send(&handle, 3).await;
    let three = peer.recv_type("message.send").await;
    let mut early = refusal(&three, "out_of_order");
    early["expected_seq"] = json!(1);
    peer.send(&early).await;
    assert_eq!(third.await, refused_for(ErrorCode::OutOfOrder));
    assert_eq!(
        until(&mut events, refused).await,
        (3, ErrorCode::OutOfOrder, Some(1))
    );

    let (first, second) = (send(&handle, 1).await, send(&handle, 2).await);
    peer.recv_type("message.send").await;
    let two = peer.recv_type("message.send").await;
    peer.send(&refusal(&two, "match_ended")).await;
    assert_eq!(first.await, Err(SendError::MatchEnded));
    assert_eq!(second.await, Err(SendError::MatchEnded));
    let third = send(&handle, 1).await;
    peer.recv_type("message.send").await;
    peer.send(&json!({"type":"match.ended","match_id":"7","status":"cancelled","reason":"left","by":"peer"})).await;
    assert_eq!(third.await, Err(SendError::MatchEnded));
}

#[tokio::test]
async fn a_request_waits_for_a_socket_and_fails_with_it() {
    let server = Server::start().await;
    let (handle, mut events) = Connection::open(server.options());
    let asked = tokio::join!(
        handle.request(tebdil_protocol::ClientFrame::MatchCancel),
        async {
            let (mut peer, _) = server.welcome().await;
            let asked = peer.recv_type("match.cancel").await;
            peer.send(&json!({"type":"match.cancelled","reason":"cancelled","re":asked["id"]}))
                .await;
            peer
        }
    );
    let cancelled = MatchCancelled {
        ticket_id: None,
        reason: CancelReason::Cancelled,
    };
    assert_eq!(asked.0, Ok(ServerFrame::MatchCancelled(cancelled)));
    let mut peer = asked.1;
    let (answer, ()) = tokio::join!(handle.leave(MATCH), async move {
        peer.recv_type("match.leave").await;
    });
    assert_eq!(answer, Err(RequestError::Disconnected));
    until(&mut events, disconnected).await;
}

#[tokio::test]
async fn an_application_that_takes_nothing_loses_nothing() {
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
async fn messages_of_an_earlier_process_go_first_under_their_numbers() {
    let server = Server::start().await;
    let mut options = server.options();
    options.outbox = vec![message(5), message(6)];
    let (handle, _events) = Connection::open(options);
    let _new = send(&handle, 7).await;
    let (mut peer, _) = server.welcome().await;
    for seq in [5, 6, 7] {
        assert_eq!(peer.recv_type("message.send").await["seq"], seq);
    }
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
