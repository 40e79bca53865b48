//! How a connection keeps to the server's frame rate.

use super::*;

#[tokio::test]
async fn after_a_skipped_frame_everything_unanswered_is_sent_again() {
    let server = Server::start().await;
    let (handle, _events) = Connection::open(server.options());
    let (mut peer, _) = server.welcome().await;
    let _sent = (send(&handle, 1).await, send(&handle, 2).await);
    let came = [
        peer.recv_type("message.send").await,
        peer.recv_type("message.send").await,
    ];
    peer.send(&json!({"type":"error","code":"rate_limited","message":"…","retry_after_ms":5}))
        .await;
    for came in came {
        let again = peer.recv_type("message.send").await;
        assert_eq!(again["seq"], came["seq"]);
    }
}

/// A peer that writes faster than acknowledgements may leave must not keep us from answering.
#[tokio::test]
async fn a_talkative_peer_does_not_take_our_turn() {
    const OURS: u8 = 40;
    let server = Server::start().await;
    let (handle, mut events) = Connection::open(server.options());
    let mut peer = server.accept().await;
    peer.recv_type("hello").await;
    let mut welcome = welcome(60, &[MATCH]);
    welcome["limits"]["frames_per_second"] = json!(20);
    peer.send(&welcome).await;
    let mut taken = tokio::task::JoinSet::new();
    taken.spawn(async move { while events.recv().await.is_some() {} });

    let started = tokio::time::Instant::now();
    let (mut sent, mut acks, mut seq) = (Vec::new(), 0_u32, 0);
    for seq in 1..=OURS {
        sent.push(send(&handle, seq).await);
    }
    let mut came = 0;
    while came < OURS {
        seq += 1;
        assert!(seq < 1_000, "only {came} of our messages went out");
        peer.message(seq).await;
        // The peer's pace, which is the subject: as long as it writes, ours must go out, too.
        let pause = tokio::time::sleep(Duration::from_millis(20));
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => break,
                frame = peer.recv() => match frame["type"].as_str() {
                    Some("message.send") => {
                        came += 1;
                        peer.accept_message(&frame).await;
                    }
                    Some("message.ack") => acks += 1,
                    other => panic!("{other:?}"),
                },
            }
        }
    }
    assert!(acks > 0);
    assert!(
        f64::from(acks) <= 5.0 + 4.0 * started.elapsed().as_secs_f64(),
        "{acks} acknowledgements"
    );
    handle.close().await;
    taken
        .join_next()
        .await
        .expect("one task")
        .expect("events end");
}
