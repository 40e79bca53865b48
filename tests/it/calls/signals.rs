//! The order of signals, who may send them, and that nothing of a client's network passes.

use serde_json::json;

use super::{agree, answer, candidate, ends::gone, offer, pair, state};
use crate::{
    harness::TestServer,
    sockets::{Person, connect_to},
};

scenarios! {
    a_call_is_signalled_and_nothing_tells_where_anybody_is,
    candidates_wait_for_their_description,
    only_the_offerer_offers_and_an_offer_is_answered_once,
    a_new_offer_starts_again_at_any_time,
    what_an_absent_device_missed_does_not_count_as_seen,
}

async fn a_call_is_signalled_and_nothing_tells_where_anybody_is(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    a.send(offer(&id)).await;
    let offered = b.until("rtc.description").await;
    assert_eq!(
        (&offered["match_id"], &offered["kind"]),
        (&json!(id), &json!("offer"))
    );
    let round = offered["round"].as_i64().expect("a round");
    let mut answered = answer(&id);
    answered["round"] = json!(round);
    b.send(answered).await;
    let answered = a.until("rtc.description").await;
    assert_eq!(
        (&answered["kind"], answered["round"].as_i64()),
        (&json!("answer"), Some(round))
    );
    for described in [&offered, &answered] {
        let text = described["sdp"].as_str().expect("text");
        assert!(
            text.contains("a=ice-ufrag:Vx5k") && text.contains("a=fingerprint:sha-256 7B"),
            "{text}"
        );
        for address in ["203.0.113.9", "192.168.1.7", "54400", "candidate"] {
            assert!(!text.contains(address), "{text}");
        }
    }

    a.send(candidate(&id, 49_200)).await;
    let expected =
        "candidate:1 1 udp 16777215 127.0.0.1 49200 typ relay raddr 0.0.0.0 rport 0 ufrag Vx5k";
    let heard = b.until("rtc.candidate").await;
    assert_eq!(
        (
            &heard["candidate"],
            &heard["sdp_mid"],
            &heard["sdp_m_line_index"]
        ),
        (&json!(expected), &json!("0"), &json!(0))
    );
    // What is no relay of ours is dropped, and the next comes.
    for dropped in [
        "candidate:1 1 udp 2122260223 192.168.1.7 54400 typ host",
        "candidate:1 1 udp 1 203.0.113.9 49200 typ relay",
    ] {
        b.send(json!({"type": "rtc.candidate", "match_id": id, "candidate": dropped}))
            .await;
    }
    b.send(json!({"type": "rtc.candidate", "match_id": id, "candidate": ""}))
        .await;
    let heard = a.until("rtc.candidate").await;
    assert_eq!(
        heard,
        json!({"type": "rtc.candidate", "match_id": id, "candidate": ""})
    );

    b.send(state(&id, "connected")).await;
    assert_eq!(a.until("rtc.state").await, state(&id, "connected"));
    a.send(state(&id, "failed")).await;
    assert_eq!(b.until("rtc.state").await, state(&id, "failed"));
    server.stop().await;
}

async fn candidates_wait_for_their_description(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    a.send(candidate(&id, 49_201)).await;
    a.send(candidate(&id, 49_202)).await;
    a.send(offer(&id)).await;
    a.send(candidate(&id, 49_203)).await;
    let mut heard = Vec::new();
    while heard.len() < 4 {
        let frame = b.socket.recv_json().await.expect("a frame");
        match frame["type"].as_str() {
            Some("rtc.description") => heard.push("offer".to_owned()),
            Some("rtc.candidate") => heard.push(
                frame["candidate"]
                    .as_str()
                    .expect("text")
                    .split(' ')
                    .nth(5)
                    .expect("a port")
                    .to_owned(),
            ),
            _ => {}
        }
    }
    assert_eq!(heard, ["offer", "49201", "49202", "49203"]);
    server.stop().await;
}

async fn only_the_offerer_offers_and_an_offer_is_answered_once(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    assert_eq!(b.refused(offer(&id)).await, "signal_refused");
    assert_eq!(
        b.refused(answer(&id)).await,
        "signal_refused",
        "nothing was offered"
    );
    assert_eq!(a.refused(answer(&id)).await, "signal_refused");
    agree(&mut a, &mut b, &id).await;
    assert_eq!(
        b.refused(answer(&id)).await,
        "signal_refused",
        "it was answered"
    );
    b.hears_no("rtc.description").await;
    a.hears_no("rtc.description").await;
    server.stop().await;
}

async fn a_new_offer_starts_again_at_any_time(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let mut rounds = Vec::new();
    for _ in 0..3 {
        a.send(offer(&id)).await;
        rounds.push(
            b.until("rtc.description").await["round"]
                .as_i64()
                .expect("a round"),
        );
    }
    assert!(rounds.is_sorted_by(|a, b| a < b), "{rounds:?}");
    let to = |round: i64| {
        let mut frame = answer(&id);
        frame["round"] = json!(round);
        frame
    };
    assert_eq!(
        b.refused(to(rounds[0])).await,
        "signal_refused",
        "a newer offer is there"
    );
    b.send(to(rounds[2])).await;
    assert_eq!(a.until("rtc.description").await["round"], json!(rounds[2]));
    // Restarting ICE, or adding a medium: the same once more.
    agree(&mut a, &mut b, &id).await;
    server.stop().await;
}

async fn what_an_absent_device_missed_does_not_count_as_seen(server: TestServer) {
    let (mut a, b, id) = pair(&server).await;
    let user = gone(&server, b).await;
    a.send(offer(&id)).await;
    // By the time this is answered, the offer has gone its way.
    a.hears_no("rtc.description").await;
    // To the node of the other.
    let mut b = Person {
        socket: connect_to(server.node_url(0), &user).await,
        user,
    };
    a.send(candidate(&id, 49_200)).await;
    a.hears_no("rtc.description").await;
    b.hears_no("rtc.candidate").await;
    assert_eq!(b.refused(answer(&id)).await, "signal_refused");
    agree(&mut a, &mut b, &id).await;
    a.send(candidate(&id, 49_200)).await;
    b.until("rtc.candidate").await;
    server.stop().await;
}
