//! Two people talk: what each of them sees, and what is left when a line drops.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tebdil_client::chat::{Chat, ChatEvent, ChatEvents, ChatOptions};
use tebdil_core::{
    domain::MatchStatus,
    id::MatchId,
    protocol::{ServerFrame, WhoEnded},
    time::Clock,
};

use crate::{
    harness::{PASSWORD, TestServer},
    sockets::{Person, eventually, message, pair},
};

scenarios! {
    two_strangers_talk_encrypted_until_one_leaves,
    frames_of_a_conversation,
    a_repeat_is_answered_the_same_and_delivered_once,
    a_reconnect_brings_what_was_missed_and_nothing_twice,
    a_lost_match_found_is_told_again,
    a_long_backlog_arrives_in_order,
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

/// Says hello with what the device has, and reads up to the answer to a request that follows: all
/// that the server sent by itself.
async fn resumed(server: &TestServer, person: &mut Person, resume: Value) -> Vec<Value> {
    person.socket = tebdil_client::raw::RawSocket::open(&server.base)
        .await
        .expect("a socket");
    person
        .send(json!({"type": "hello", "token": person.user.access, "resume": resume}))
        .await;
    person
        .send(json!({"type": "match.cancel", "id": "end"}))
        .await;
    let mut frames = Vec::new();
    loop {
        let frame = person.socket.recv_json().await.expect("a frame");
        if frame["re"] == "end" {
            return frames;
        }
        frames.push(frame);
    }
}

fn seqs(frames: &[Value]) -> Vec<i64> {
    frames
        .iter()
        .filter(|frame| frame["type"] == "message.new")
        .map(|frame| frame["seq"].as_i64().expect("seq"))
        .collect()
}

async fn a_reconnect_brings_what_was_missed_and_nothing_twice(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    a.say(&id, "one").await;
    b.until("message.new").await;
    b.send(json!({"type": "message.ack", "match_id": id, "seq": 1}))
        .await;
    a.until("message.delivered").await;
    drop(std::mem::replace(
        &mut b.socket,
        tebdil_client::raw::RawSocket::open(&server.base)
            .await
            .expect("a socket"),
    ));
    a.until("peer.presence").await;
    for text in ["two", "three"] {
        a.say(&id, text).await;
    }
    let frames = resumed(&server, &mut b, json!([{"match_id": id, "peer_seq": 1}])).await;
    assert_eq!(frames[0]["type"], "welcome");
    assert_eq!(
        (
            &frames[0]["matches"][0]["id"],
            &frames[0]["matches"][0]["unread"]
        ),
        (&json!(id), &json!(3))
    );
    assert_eq!(seqs(&frames), [2, 3]);
    assert!(
        frames
            .iter()
            .any(|frame| frame["type"] == "peer.presence" && frame["online"] == true)
    );
    assert_eq!(
        seqs(&resumed(&server, &mut b, json!([{"match_id": id, "peer_seq": 0}])).await),
        [1, 2, 3],
        "as far back as it asks"
    );
    assert_eq!(
        seqs(&resumed(&server, &mut b, json!([])).await),
        [2, 3],
        "without a word, what it has acknowledged counts"
    );
    b.send(json!({"type": "message.read", "match_id": id, "seq": 3}))
        .await;
    a.until("message.read").await;
    b.send(json!({"type": "message.sync", "match_id": id, "peer_seq": 2}))
        .await;
    assert_eq!(b.until("message.new").await["seq"], 3);

    let frames = resumed(&server, &mut a, json!([])).await;
    for kind in ["message.delivered", "message.read"] {
        assert!(
            frames
                .iter()
                .any(|frame| frame["type"] == kind && frame["seq"] == 3),
            "{kind} was missed: {frames:?}"
        );
    }
    b.ask(json!({"type": "match.leave", "match_id": id})).await;
    let frames = resumed(
        &server,
        &mut a,
        json!([{"match_id": id, "peer_seq": 0}, {"match_id": "77", "peer_seq": 0}]),
    )
    .await;
    assert_eq!(frames[0]["matches"], json!([]));
    let ended: Vec<&Value> = frames
        .iter()
        .filter(|frame| frame["type"] == "match.ended")
        .collect();
    assert_eq!(
        (ended.len(), &ended[0]["by"], &ended[0]["match_id"]),
        (1, &json!("peer"), &json!(id)),
        "it ended meanwhile"
    );
    server.stop().await;
}

/// The process may end between the commit of a match and its announcement.
async fn a_lost_match_found_is_told_again(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let frames = resumed(&server, &mut a, json!([])).await;
    let found = frames
        .iter()
        .find(|frame| frame["type"] == "match.found")
        .expect("told again");
    assert_eq!(
        (
            &found["match"]["id"],
            &found["this_device"],
            &found["peer_key_package"]
        ),
        (&json!(id), &json!(true), &json!("AAAA"))
    );
    let frames = resumed(&server, &mut b, json!([])).await;
    let found = frames
        .iter()
        .find(|frame| frame["type"] == "match.found")
        .expect("told again");
    assert!(
        found.get("peer_key_package").is_none(),
        "the answerer waits for the offerer"
    );

    a.say(&id, "begun").await;
    let frames = resumed(&server, &mut a, json!([])).await;
    assert!(
        frames.iter().all(|frame| frame["type"] != "match.found"),
        "it has begun"
    );
    server.stop().await;
}

async fn a_long_backlog_arrives_in_order(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    drop(std::mem::replace(
        &mut b.socket,
        tebdil_client::raw::RawSocket::open(&server.base)
            .await
            .expect("a socket"),
    ));
    for number in 0..300 {
        a.send(message(&id, &format!("{number} {}", "x".repeat(8_000))))
            .await;
    }
    while a.until("message.accepted").await["seq"] != 300 {}
    // Far more than the outbound queue holds, while live messages come in between.
    b.socket = tebdil_client::raw::RawSocket::open(&server.base)
        .await
        .expect("a socket");
    b.send(json!({"type": "hello", "token": b.user.access}))
        .await;
    b.until("welcome").await;
    for number in 300..310 {
        a.send(message(&id, &format!("{number}"))).await;
    }
    for expected in 1..=310 {
        assert_eq!(b.until("message.new").await["seq"], expected);
    }
    b.hears_no("message.new").await;
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
