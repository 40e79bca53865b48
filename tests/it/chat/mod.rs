//! Two people talk: what each of them sees, and what is left when a line drops.

use std::time::{Duration, Instant};

use serde_json::json;
use tebdil_client::chat::{Chat, ChatEvent, ChatEvents, ChatOptions};
use tebdil_protocol::{ServerFrame, WhoEnded, domain::MatchStatus, id::MatchId, time::Clock};

use crate::{
    harness::{PASSWORD, TestServer},
    sockets::{Person, eventually, message, pair},
};

mod resume;

scenarios! {
    two_strangers_talk_encrypted_until_one_leaves,
    frames_of_a_conversation,
    a_repeat_is_answered_the_same_and_delivered_once,
    a_second_device_follows,
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

async fn only_ciphertext_is_stored(server: &TestServer, ayse: &Chat, match_id: MatchId) {
    let history = server
        .app
        .store
        .messages()
        .message_history(match_id, ayse.user().id, None, 100)
        .await
        .expect("history");
    assert_eq!(history.len(), 11, "a welcome and ten messages");
    for row in &history {
        for word in ["merhaba", "selam"] {
            assert!(
                !row.content
                    .windows(word.len())
                    .any(|bytes| bytes == word.as_bytes()),
                "only ciphertext is stored"
            );
        }
    }
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
    only_ciphertext_is_stored(&server, &ayse, match_id).await;
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
    assert!(
        server
            .app
            .store
            .messages()
            .message_history(match_id, ayse.user().id, None, 100)
            .await
            .expect("history")
            .is_empty()
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

    let accepted = a.say(&id, "hello").await;
    assert_eq!(
        (accepted["type"].as_str(), accepted["seq"].as_i64()),
        (Some("message.accepted"), Some(1))
    );
    let new = b.until("message.new").await;
    for (field, value) in [
        ("from", json!("peer")),
        ("seq", json!(1)),
        ("kind", json!("content")),
        ("ciphertext", json!("aGVsbG8=")),
        ("message_id", accepted["message_id"].clone()),
        ("sent_at", accepted["sent_at"].clone()),
    ] {
        assert_eq!(new[field], value, "{field}");
    }
    assert!(new.get("franking_tag").is_none());
    b.send(json!({"type": "message.ack", "match_id": id, "seq": 1}))
        .await;
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
        message(&id, "late"),
        json!({"type": "typing", "match_id": id, "on": true}),
        json!({"type": "message.ack", "match_id": id, "seq": 1}),
    ] {
        assert_eq!(b.refused(frame).await, "match_ended");
    }
    server.stop().await;
}

async fn a_repeat_is_answered_the_same_and_delivered_once(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let frame = message(&id, "once");
    let first = a.ask(frame.clone()).await;
    let new = b.until("message.new").await;
    // Before it is acknowledged it may have got lost: it comes again, as it is stored and not as it
    // is repeated.
    let mut other = frame.clone();
    other["ciphertext"] = json!("AAAA");
    assert_eq!(a.ask(other).await["message_id"], first["message_id"]);
    assert_eq!(b.until("message.new").await, new);
    b.send(json!({"type": "message.ack", "match_id": id, "seq": 1}))
        .await;
    a.until("message.delivered").await;
    let mut again = a.ask(frame.clone()).await;
    again["re"] = first["re"].clone();
    assert_eq!(again, first);
    b.hears_no("message.new").await;
    assert_eq!(a.say(&id, "next").await["seq"], 2);
    server.stop().await;
}

async fn a_second_device_follows(server: TestServer) {
    let mut a = Person::new(&server, "ayse").await;
    let mut tablet = Person::again(&server, &a).await;
    let mut b = Person::new(&server, "berk").await;
    a.find().await;
    assert_eq!(
        tablet
            .refused(json!({"type": "match.find", "mode": "text"}))
            .await,
        "already_searching"
    );
    server.clock.advance(Duration::from_millis(1));
    b.find().await;
    let found = a.until("match.found").await;
    assert!(found["peer_key_package"].is_string() && found["this_device"] == true);
    let found = tablet.until("match.found").await;
    assert!(
        found.get("peer_key_package").is_none()
            && found.get("keys_remaining").is_none()
            && found["this_device"] == false
    );
    let id = b.found().await;
    a.say(&id, "from the phone").await;
    let own = tablet.until("message.new").await;
    assert_eq!((&own["from"], &own["seq"]), (&json!("self"), &json!(1)));
    b.until("message.new").await;
    b.say(&id, "to both").await;
    for device in [&mut a, &mut tablet] {
        assert_eq!(device.until("message.new").await["from"], "peer");
    }
    a.hears_no("message.new").await;
    drop(tablet.socket);
    b.hears_no("peer.presence").await;
    server.stop().await;
}

async fn everything_is_over_after_a_day(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let match_id = id.parse().expect("an id");
    a.say(&id, "for a day").await;
    b.until("message.new").await;
    let user = a.user.id.parse().expect("an id");
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
        row.view(server.clock.now()).expect("view").status,
        MatchStatus::Expired
    );
    assert!(
        server
            .app
            .store
            .messages()
            .message_history(match_id, user, None, 10)
            .await
            .expect("history")
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
