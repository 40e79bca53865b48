//! When somebody was last there, and on what: as sockets tell it.

use std::time::Duration;

use serde_json::json;
use tebdil_client::raw::RawSocket;
use tebdil_protocol::{id::UserId, time::Timestamp};

use crate::{
    harness::TestServer,
    sockets::{Person, eventually, message, pair},
};

scenarios! {
    a_socket_is_activity_and_a_frame_is_not,
    a_message_is_logged_with_its_kind_of_match_and_its_network,
}

/// When the user was last active, and its youngest session.
async fn last_active(server: &TestServer, user: UserId) -> [Timestamp; 2] {
    let sessions = server
        .app
        .store
        .accounts()
        .sessions_of(user, None, 1, server.clock.now())
        .await
        .expect("the store");
    let row = server
        .app
        .store
        .accounts()
        .user(user)
        .await
        .expect("the store")
        .expect("the user");
    [row.last_active, sessions[0].last_active]
}

/// Waits until both say now.
async fn is_noted(server: &TestServer, user: UserId, what: &str) {
    eventually(what, async || {
        last_active(server, user).await == [server.clock.now(); 2]
    })
    .await;
}

async fn a_socket_is_activity_and_a_frame_is_not(server: TestServer) {
    let mut person = Person::new(&server, "ayse").await;
    let user: UserId = person.user.id.parse().expect("an id");
    server.clock.advance(Duration::from_mins(6));
    is_noted(&server, user, "a connection that stays open").await;
    let noted = last_active(&server, user).await;
    server.clock.advance(Duration::from_mins(3));
    for _ in 0..20 {
        person.hears_no("notification").await;
    }
    assert_eq!(
        last_active(&server, user).await,
        noted,
        "frames write nothing"
    );
    person.reconnect(&server).await;
    is_noted(&server, user, "a new connection").await;
    server.clock.advance(Duration::from_mins(3));
    drop(person);
    is_noted(&server, user, "the end of a connection").await;
    // Not back.
    let noted = last_active(&server, user).await;
    server.clock.set(noted[0] - Duration::from_hours(1));
    assert_eq!(last_active(&server, user).await, noted);
    server.stop().await;
}

async fn a_message_is_logged_with_its_kind_of_match_and_its_network(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    a.socket = RawSocket::open(&server.base).await.expect("a socket");
    let device = json!({"name": "Pixel 8", "platform": "android", "connection": "wifi"});
    a.send(json!({"type": "hello", "token": a.user.access, "device": device}))
        .await;
    a.until("welcome").await;
    for (person, text) in [(&mut a, "bir"), (&mut b, "iki")] {
        assert_eq!(
            person.ask(message(&id, 1, text)).await["type"],
            "message.accepted"
        );
    }
    let rows = async |info: &str| {
        let of = format!("match_id = {id} AND connection_type = 'text' AND device_info = '{info}'");
        server
            .count(&format!("SELECT COUNT(*) FROM message_logs WHERE {of}"))
            .await
    };
    assert_eq!((rows("android/Pixel 8/wifi").await, rows("").await), (1, 1));
    drop((a, b));
    server.stop().await;
}
