//! A match belongs to one device on each side. The account's others see it, and no more.

use std::time::Duration;

use serde_json::{Value, json};
use tebdil_client::raw::RawSocket;

use crate::{
    harness::TestServer,
    sockets::{Person, message, pair},
};

scenarios! {
    a_match_belongs_to_the_device_that_searched,
    another_device_is_refused_and_hears_nothing,
    a_match_can_be_left_from_another_device,
}

/// Connects the device again; its welcome.
async fn welcomed(server: &TestServer, device: &mut Person) -> Value {
    device.socket = RawSocket::open(&server.base).await.expect("a socket");
    device
        .send(json!({"type": "hello", "token": device.user.access}))
        .await;
    device.until("welcome").await
}

async fn a_match_belongs_to_the_device_that_searched(server: TestServer) {
    let mut a = Person::new(&server, "ayse").await;
    let mut tablet = Person::again(&server, &a).await;
    let mut b = Person::new(&server, "berk").await;
    let replaced = tablet.search(&server).await;
    a.search(&server).await;
    tablet.hears_of_end(&replaced, "replaced").await;
    server.clock.advance(Duration::from_millis(1));
    b.find().await;
    let found = a.until("match.found").await;
    assert!(found["peer_key_package"].is_string() && found["match"]["this_device"] == true);
    let found = tablet.until("match.found").await;
    assert!(
        found.get("peer_key_package").is_none()
            && found.get("keys_remaining").is_none()
            && found["match"]["this_device"] == false
    );
    let id = b.found().await;
    drop(std::mem::replace(
        &mut tablet.socket,
        RawSocket::open(&server.base).await.expect("a socket"),
    ));
    b.hears_no("peer.presence").await;

    for (device, this_device) in [(&mut a, true), (&mut tablet, false)] {
        let token = device.user.access.clone();
        let list = server.get("/v1/matches", &token).await.expect(200);
        let one = server
            .get(&format!("/v1/matches/{id}"), &token)
            .await
            .expect(200);
        let welcome = welcomed(&server, device).await;
        for found in [&list["items"][0], &one, &welcome["matches"][0]] {
            assert_eq!(
                (&found["id"], &found["this_device"]),
                (&json!(id), &json!(this_device))
            );
        }
    }
    server.stop().await;
}

/// Whether nothing of what is said in a match came by now.
async fn heard_nothing(device: &mut Person) {
    device
        .send(json!({"type": "message.sync", "match_id": "1", "peer_seq": 0, "id": "end"}))
        .await;
    loop {
        let frame = device.socket.recv_json().await.expect("a frame");
        if frame["re"] == "end" {
            return;
        }
        let kind = frame["type"].as_str().expect("a type");
        assert!(!kind.starts_with("message.") && kind != "typing", "{frame}");
    }
}

async fn another_device_is_refused_and_hears_nothing(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let mut tablet = Person::again_at(&server, server.node_count() - 1, &a).await;
    b.say(&id, 1, "to the phone").await;
    assert_eq!(a.until("message.new").await["seq"], 1);
    for frame in [
        message(&id, 1, "from the tablet"),
        json!({"type": "message.ack", "match_id": id, "seq": 1}),
        json!({"type": "message.read", "match_id": id, "seq": 1}),
        json!({"type": "message.sync", "match_id": id, "peer_seq": 0}),
        json!({"type": "typing", "match_id": id, "on": true}),
    ] {
        assert_eq!(
            tablet.refused(frame.clone()).await,
            "wrong_device",
            "{frame}"
        );
    }
    let messages = format!("/v1/matches/{id}/messages");
    server
        .get(&messages, &tablet.user.access)
        .await
        .expect_problem(409, "wrong_device");
    heard_nothing(&mut b).await;
    let waiting = server.get(&messages, &a.user.access).await.expect(200);
    assert_eq!(waiting["items"][0]["seq"], 1, "it waits for the phone");

    // The phone goes on as if nothing had been.
    assert_eq!(a.say(&id, 1, "from the phone").await["seq"], 1);
    assert_eq!(
        b.until("message.new").await["ciphertext"],
        message(&id, 1, "from the phone")["ciphertext"]
    );
    a.acknowledge(&id, 1).await;
    assert_eq!(b.until("message.delivered").await["seq"], 1);
    b.send(json!({"type": "message.read", "match_id": id, "seq": 1}))
        .await;
    assert_eq!(a.until("message.read").await["seq"], 1);
    b.send(json!({"type": "typing", "match_id": id, "on": true}))
        .await;
    a.until("typing").await;
    heard_nothing(&mut tablet).await;
    server.stop().await;
}

async fn a_match_can_be_left_from_another_device(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let mut tablet = Person::again_at(&server, server.node_count() - 1, &a).await;
    let ended = tablet
        .ask(json!({"type": "match.leave", "match_id": id}))
        .await;
    assert_eq!(
        (&ended["type"], &ended["by"]),
        (&json!("match.ended"), &json!("self"))
    );
    for (device, by) in [(&mut a, "self"), (&mut b, "peer")] {
        let ended = device.until("match.ended").await;
        assert_eq!((&ended["match_id"], &ended["by"]), (&json!(id), &json!(by)));
    }
    server.stop().await;
}
