//! Two people talk: what each of them sees, and what is left when a line drops.

use std::time::{Duration, Instant};

use serde_json::json;
use tebdil_client::chat::{Chat, ChatEvent, ChatEvents, ChatOptions};
use tebdil_protocol::{ServerFrame, WhoEnded, domain::MatchStatus, time::Clock};

use crate::{
    harness::{PASSWORD, TestServer},
    sockets::{Person, eventually, message, pair},
};

mod arrival;
mod devices;
mod numbers;
mod resume;

scenarios! {
    two_strangers_talk_encrypted_until_one_leaves,
    frames_of_a_conversation,
    everything_is_over_after_a_day,
}

async fn next<T>(events: &mut ChatEvents, wanted: impl Fn(&ChatEvent) -> Option<T>) -> T {
    let found = async {
        loop {
            let event = events.recv().await.expect("an event");
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), found)
        .await
        .expect("in time")
}

async fn chatter(server: &TestServer, alias: &str) -> (Chat, ChatEvents) {
    // The encryption checks lifetimes against the machine's clock.
    server.clock.set(Clock::system(0).now());
    let options = ChatOptions::new(server.base.clone());
    Chat::register_simple(&options, &server.phone(), PASSWORD, alias)
        .await
        .expect("registered")
}

/// What the devices have acknowledged is gone; that it was said stays in the log.
async fn what_arrived_is_gone(server: &TestServer) {
    eventually("everything that arrived is gone", async || {
        server.count("SELECT COUNT(*) FROM messages").await == 0
    })
    .await;
    let logged = "SELECT COUNT(*) FROM message_logs WHERE delivered_at IS NOT NULL";
    assert_eq!(server.count(logged).await, 11, "a welcome and ten messages");
}

/// The main job, with the client people use.
async fn two_strangers_talk_encrypted_until_one_leaves(server: TestServer) {
    let ((ayse, mut hers), (berk, mut his)) = (
        chatter(&server, "ayse").await,
        chatter(&server, "berk").await,
    );
    ayse.find(&["satranç"]).await.expect("searching");
    let searched = Instant::now();
    berk.find(&["satranç", "müzik"]).await.expect("searching");
    let secured = |event: &ChatEvent| match event {
        ChatEvent::Secured {
            match_id,
            safety_number,
        } => Some((*match_id, safety_number.clone())),
        _ => None,
    };
    let (match_id, number) = next(&mut hers, secured).await;
    assert_eq!(
        next(&mut his, secured).await,
        (match_id, number),
        "both see the same safety number"
    );
    // Not a timing of this machine: a search that waited for a widening step would take five
    // seconds.
    assert!(searched.elapsed() < Duration::from_secs(4));
    let conversations = ayse.conversations().await.expect("conversations");
    assert_eq!(
        (
            conversations[0].info.peer.alias.as_str(),
            &conversations[0].info.shared_interests
        ),
        ("berk", &vec!["satranç".to_owned()])
    );

    let text = |event: &ChatEvent| match event {
        ChatEvent::Text { text, .. } => Some(text.clone()),
        _ => None,
    };
    for round in 0..5 {
        ayse.send_and_wait(match_id, format!("merhaba {round}"))
            .await
            .expect("accepted");
        assert_eq!(next(&mut his, text).await, format!("merhaba {round}"));
        berk.send_and_wait(match_id, format!("selam {round}"))
            .await
            .expect("accepted");
        assert_eq!(next(&mut hers, text).await, format!("selam {round}"));
    }
    what_arrived_is_gone(&server).await;
    ayse.leave(match_id).await.expect("left");
    let ended = next(&mut his, |event| match event {
        ChatEvent::Ended { match_id, details } => Some((*match_id, details.expect("details"))),
        _ => None,
    });
    let (ended, details) = ended.await;
    assert_eq!(
        (ended, details.by, details.status),
        (match_id, WhoEnded::Peer, MatchStatus::Completed)
    );
    ayse.close().await;
    berk.close().await;
    server.stop().await;
}

async fn frames_of_a_conversation(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    a.send(json!({"type": "typing", "match_id": id, "on": true}))
        .await;
    assert_eq!(
        b.until("typing").await,
        json!({"type": "typing", "match_id": id, "on": true})
    );

    a.send(message(&id, 1, "hello")).await;
    let now = server.clock.now();
    assert_eq!(
        a.until("message.accepted").await,
        json!({"type": "message.accepted", "re": 1, "match_id": id, "seq": 1, "sent_at": now})
    );
    assert_eq!(
        b.until("message.new").await,
        json!({"type": "message.new", "match_id": id, "seq": 1, "kind": "content", "ciphertext": "aGVsbG8=", "sent_at": now})
    );
    b.acknowledge(&id, 1).await;
    assert_eq!(
        a.until("message.delivered").await,
        json!({"type": "message.delivered", "match_id": id, "seq": 1})
    );
    b.send(json!({"type": "message.read", "match_id": id, "seq": 1}))
        .await;
    assert_eq!(
        a.until("message.read").await,
        json!({"type": "message.read", "match_id": id, "seq": 1})
    );

    drop(b.socket);
    assert_eq!(
        a.until("peer.presence").await,
        json!({"type": "peer.presence", "match_id": id, "online": false})
    );
    let mut b = Person {
        socket: crate::sockets::connect(&server, &b.user).await,
        user: b.user,
    };
    assert_eq!(
        a.until("peer.presence").await,
        json!({"type": "peer.presence", "match_id": id, "online": true})
    );

    let ended = a.ask(json!({"type": "match.leave", "match_id": id})).await;
    assert_eq!(
        (&ended["status"], &ended["reason"], &ended["by"]),
        (&json!("cancelled"), &json!("left"), &json!("self"))
    );
    assert_eq!(b.until("match.ended").await["by"], "peer");
    let again = a.ask(json!({"type": "match.leave", "match_id": id})).await;
    assert_eq!(
        (&again["type"], &again["by"]),
        (&json!("match.ended"), &json!("self")),
        "leaving twice says the same"
    );
    for frame in [
        message(&id, 1, "late"),
        json!({"type": "typing", "match_id": id, "on": true}),
        json!({"type": "message.ack", "match_id": id, "seq": 1}),
    ] {
        assert_eq!(b.refused(frame).await, "match_ended");
    }
    server.stop().await;
}

async fn everything_is_over_after_a_day(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let match_id = id.parse().expect("an id");
    a.say(&id, 1, "for a day").await;
    b.until("message.new").await;
    let user = b.user.id.parse().expect("an id");
    server.clock.advance(Duration::from_hours(24));
    // Tokens have run out as well; the sockets of this test are still open and may listen.
    server.run_due_jobs().await;
    for person in [&mut a, &mut b] {
        let ended = tokio::time::timeout(
            Duration::from_secs(10),
            person.socket.recv_until(|message| match &message.frame {
                ServerFrame::MatchEnded(ended) => Some(ended.clone()),
                _ => None,
            }),
        );
        let ended = ended.await.expect("in time").expect("told");
        assert_eq!(
            (ended.match_id, ended.status, ended.by),
            (match_id, MatchStatus::Expired, WhoEnded::System)
        );
    }
    let row = server
        .app
        .store
        .matches()
        .match_of(match_id, user)
        .await
        .expect("match")
        .expect("is there");
    assert_eq!(
        row.view(row.session_id, server.clock.now()).status,
        MatchStatus::Expired
    );
    assert!(
        server
            .app
            .store
            .messages()
            .messages_from_peer(match_id, user, 0, 10)
            .await
            .expect("messages")
            .is_empty()
    );
    assert_eq!(server.count("SELECT COUNT(*) FROM messages").await, 0);
    assert_eq!(
        server.count("SELECT COUNT(*) FROM message_logs").await,
        1,
        "the log stays for 180 days"
    );
    server.clock.advance(Duration::from_hours(180 * 24));
    eventually("the log is gone after 180 days", async || {
        server.run_due_jobs().await;
        server.count("SELECT COUNT(*) FROM message_logs").await == 0
    })
    .await;
    server.stop().await;
}
