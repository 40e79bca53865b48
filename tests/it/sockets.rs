//! Signed-in sockets for scenarios that look at single frames.

use std::{ops::RangeInclusive, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use tebdil_client::raw::RawSocket;
use tebdil_protocol::Secret;

use crate::harness::{TestServer, TestUser};

/// A signed-in device with key packages.
pub struct Person {
    pub user: TestUser,
    pub socket: RawSocket,
}

impl Person {
    /// A new user.
    pub async fn new(server: &TestServer, alias: &str) -> Self {
        let user = server.register(alias).await;
        Self::signed_in(server, user).await
    }

    /// A new user with this phone.
    pub async fn of_phone(server: &TestServer, phone: &str, alias: &str) -> Self {
        let user = server.register_phone(phone.to_owned(), alias).await;
        Self::signed_in(server, user).await
    }

    /// A further device of a user.
    pub async fn again(server: &TestServer, other: &Self) -> Self {
        let user = server.login(&other.user.phone).await;
        Self::signed_in(server, user).await
    }

    async fn signed_in(server: &TestServer, user: TestUser) -> Self {
        Self::signed_in_to(server, &server.base, user).await
    }

    /// A new user whose socket is at this node.
    pub async fn at(server: &TestServer, node: usize, alias: &str) -> Self {
        let user = server.register(alias).await;
        Self::signed_in_to(server, server.node_url(node), user).await
    }

    /// A further device of a user, with its socket at this node.
    pub async fn again_at(server: &TestServer, node: usize, other: &Self) -> Self {
        let user = server.login(&other.user.phone).await;
        Self::signed_in_to(server, server.node_url(node), user).await
    }

    async fn signed_in_to(server: &TestServer, url: &str, user: TestUser) -> Self {
        let keys = json!({"packages": ["AAAA", "AAAB"], "last_resort": "AAAC"});
        server
            .call(Method::PUT, "/v1/keys", &user.access, &keys)
            .await
            .expect(200);
        let socket = connect_to(url, &user).await;
        Self { user, socket }
    }

    /// Connects the same device again at this node; the old socket is dropped.
    pub async fn reconnect_at(&mut self, server: &TestServer, node: usize) {
        self.socket = connect_to(server.node_url(node), &self.user).await;
    }

    /// Connects the same device again; the old socket is dropped.
    pub async fn reconnect(&mut self, server: &TestServer) {
        self.socket = connect(server, &self.user).await;
    }

    pub async fn send(&mut self, frame: Value) {
        self.socket.send_json(&frame).await.expect("sent");
    }

    /// The next frame of this type; others are passed over.
    pub async fn until(&mut self, kind: &str) -> Value {
        loop {
            let frame = self
                .socket
                .recv_json()
                .await
                .unwrap_or_else(|error| panic!("waiting for {kind}: {error}"));
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The next answer to a request with this id.
    pub async fn ask(&mut self, mut frame: Value) -> Value {
        let id = uuid::Uuid::new_v4().to_string();
        frame["id"] = json!(id);
        self.send(frame).await;
        loop {
            let answer = self.socket.recv_json().await.expect("an answer");
            if answer["re"] == json!(id) {
                return answer;
            }
        }
    }

    /// The code of the error that answers a request.
    pub async fn refused(&mut self, frame: Value) -> String {
        let answer = self.ask(frame).await;
        assert_eq!(answer["type"], "error", "{answer}");
        assert!(
            answer["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty())
        );
        answer["code"].as_str().expect("a code").to_owned()
    }

    /// Starts a search for a text match.
    pub async fn find(&mut self) {
        self.find_for("text").await;
    }

    /// The same, and the node that leads has it; its ticket.
    pub async fn search(&mut self, server: &TestServer) -> Value {
        let ticket = self.find_for("text").await;
        eventually("the leader has the search", async || {
            server.nobody_is_being_matched().await
        })
        .await;
        ticket
    }

    /// Starts a search for a match of this mode; its ticket.
    pub async fn find_for(&mut self, mode: &str) -> Value {
        let answer = self.ask(json!({"type": "match.find", "mode": mode})).await;
        assert_eq!(answer["type"], "match.searching", "{answer}");
        answer["ticket_id"].clone()
    }

    /// Ends all searches of the account; what is answered.
    pub async fn cancel(&mut self) -> Value {
        let answer = self.ask(json!({"type": "match.cancel"})).await;
        assert_eq!(answer["type"], "match.cancelled", "{answer}");
        answer
    }

    /// Whether this search is said to be over for this reason.
    pub async fn hears_of_end(&mut self, ticket: &Value, reason: &str) {
        let over = self.until("match.cancelled").await;
        assert_eq!(
            (&over["ticket_id"], &over["reason"]),
            (ticket, &json!(reason))
        );
    }

    /// The id of the match that is found.
    pub async fn found(&mut self) -> String {
        self.until("match.found").await["match"]["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    }

    /// Sends the message with this number; the answer.
    pub async fn say(&mut self, match_id: &str, seq: i64, text: &str) -> Value {
        self.ask(message(match_id, seq, text)).await
    }

    /// Sends messages with these numbers, each of which says its number, and waits until they are
    /// accepted.
    pub async fn count(&mut self, match_id: &str, seqs: RangeInclusive<i64>) {
        let last = *seqs.end();
        for seq in seqs {
            self.send(message(match_id, seq, &seq.to_string())).await;
        }
        while self.until("message.accepted").await["seq"] != last {}
    }

    /// Whether what [`Self::count`] sent at the other side arrives, once and in order, and no other
    /// message.
    pub async fn hears_count(&mut self, match_id: &str, seqs: RangeInclusive<i64>) {
        for seq in seqs {
            let new = self.until("message.new").await;
            let said = message(match_id, seq, &seq.to_string());
            assert_eq!(
                (&new["seq"], &new["ciphertext"]),
                (&said["seq"], &said["ciphertext"])
            );
        }
        self.hears_no("message.new").await;
    }

    /// Acknowledges the peer's messages up to this one.
    pub async fn acknowledge(&mut self, match_id: &str, seq: i64) {
        self.send(json!({"type": "message.ack", "match_id": match_id, "seq": seq}))
            .await;
    }

    /// Whether nothing of this type comes before the answer to a harmless request.
    pub async fn hears_no(&mut self, kind: &str) {
        self.send(json!({"type": "message.sync", "match_id": "1", "peer_seq": 0, "id": "silence"}))
            .await;
        loop {
            let frame = self.socket.recv_json().await.expect("a frame");
            assert_ne!(frame["type"], kind, "{frame}");
            if frame["re"] == "silence" {
                return;
            }
        }
    }
}

/// Whether none of the two or more has been matched by the time everything due is done.
pub async fn nobody_is_matched(server: &TestServer, people: &mut [&mut Person]) {
    eventually("the matchmaker is done", async || {
        server.nobody_is_being_matched().await
    })
    .await;
    for person in people {
        person.hears_no("match.found").await;
    }
}

/// A `message.send` whose ciphertext is the text. Each side numbers its messages in a match 1, 2,
/// 3 … The answer has the number as `re` unless the frame is given another `id`.
pub fn message(match_id: &str, seq: i64, text: &str) -> Value {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    json!({
        "type": "message.send", "id": seq, "match_id": match_id, "seq": seq, "kind": "content",
        "ciphertext": STANDARD.encode(text),
    })
}

/// A `message.send` with this franking tag, in the message and beside it. What it says is up to the
/// tag.
pub fn franked_message(match_id: &str, seq: i64, tag: [u8; 32]) -> Value {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let mut frame = message(match_id, seq, "");
    frame["ciphertext"] = json!(STANDARD.encode(tebdil_client::raw::framed(&tag, &[tag[0]; 256])));
    frame["franking_tag"] = json!(STANDARD.encode(tag));
    frame
}

/// Opens a signed-in socket and waits for its welcome.
pub async fn connect(server: &TestServer, user: &TestUser) -> RawSocket {
    connect_to(&server.base, user).await
}

/// The same at this address.
pub async fn connect_to(url: &str, user: &TestUser) -> RawSocket {
    let (socket, welcome) = RawSocket::hello(url, &Secret::from(user.access.as_str()))
        .await
        .expect("a socket");
    assert!(
        matches!(welcome.frame, tebdil_protocol::ServerFrame::Welcome(_)),
        "{welcome:?}"
    );
    socket
}

/// Two new users in a match.
pub async fn pair(server: &TestServer) -> (Person, Person, String) {
    let (mut a, mut b) = (
        Person::new(server, "ayse").await,
        Person::new(server, "berk").await,
    );
    let id = meet(server, &mut a, &mut b, "text").await;
    (a, b, id)
}

/// Has two find each other; the first is the offerer.
pub async fn meet(server: &TestServer, a: &mut Person, b: &mut Person, mode: &str) -> String {
    a.find_for(mode).await;
    // The one who waited longer is the offerer, at whichever nodes they are.
    server.clock.advance(Duration::from_millis(1));
    b.find_for(mode).await;
    let id = a.found().await;
    assert_eq!(b.found().await, id);
    id
}

/// Waits until a condition holds that nothing announces.
pub async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let held = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), held)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}
