//! What the server is told to have arrived, and where it goes on from.

use super::*;

/// What is not acknowledged is not deleted, so a refused acknowledgement must not wait for the next
/// message or socket.
#[tokio::test]
async fn a_refused_acknowledgement_is_sent_again() {
    const PAUSE: Duration = Duration::from_millis(200);
    for code in ["unavailable", "draining", "rate_limited"] {
        let server = Server::start().await;
        let (_handle, mut events) = Connection::open(server.options());
        let (mut peer, _) = server.welcome().await;
        peer.message(1).await;
        assert_eq!(until(&mut events, message_seq).await, 1);
        let ack = peer.recv_type("message.ack").await;
        let refused = tokio::time::Instant::now();
        peer.send(&json!({"type":"error","code":code,"message":"…","retry_after_ms":200}))
            .await;
        let again = tokio::time::timeout(Duration::from_secs(10), peer.recv_type("message.ack"));
        assert_eq!(again.await.expect("in time"), ack, "{code}");
        assert!(refused.elapsed() >= PAUSE, "{code}: before its time");
    }
}

#[tokio::test]
async fn what_an_earlier_process_acknowledged_is_not_waited_for() {
    let server = Server::start().await;
    let (_handle, mut events) = Connection::open(server.options());
    let (mut peer, _) = server.welcome().await;
    for seq in [5, 6] {
        peer.message(seq).await;
    }
    for seq in [5, 6] {
        assert_eq!(until(&mut events, message_seq).await, seq);
    }
    peer.message(8).await;
    assert_eq!(
        peer.recv_type("message.sync").await["peer_seq"],
        6,
        "a gap behind the first message is one"
    );
    peer.message(7).await;
    for seq in [7, 8] {
        assert_eq!(until(&mut events, message_seq).await, seq);
    }
}
