//! What only several nodes can get wrong: people, devices, searches and requests that are at
//! different ones.
//!
//! How the nodes stand failures is in `outages.rs`; here everything works.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tebdil_protocol::CloseCode;

use crate::{
    harness::{PASSWORD, TestServer},
    sockets::{Person, eventually, message, nobody_is_matched},
};

scenarios! {
    @cluster &[("TEBDIL_MATCHING__MATCH_TTL_S", "600")];
    people_at_two_nodes_meet_and_talk,
    what_both_say_at_once_arrives_in_order,
    a_session_that_ends_at_one_node_closes_at_the_other,
    devices_at_two_nodes_are_one_user,
    one_account_searches_once_at_all_nodes,
    a_block_ends_the_match_at_both_nodes,
    an_expiry_is_told_once,
    a_device_a_forgotten_node_did_not_hear_of_misses_nothing,
    a_session_that_ends_while_its_node_is_forgotten_is_closed,
    who_left_while_nobody_could_be_told_is_announced_later,
    people_of_the_first_node_go_on_at_the_other,
    people_of_the_second_node_go_on_at_the_other,
}

mod limited {
    use super::super::cluster::tries_at_all_nodes_count_together;
    scenarios! {
        @cluster &[
            ("TEBDIL_LIMITS__ENABLED", "true"),
            ("TEBDIL_LIMITS__PASSWORDS__PHONE__FREE", "4"),
            ("TEBDIL_LIMITS__PASSWORDS__PHONE__FIRST_S", "900"),
        ];
        tries_at_all_nodes_count_together,
    }
}

/// Two new users in a match, at two nodes.
async fn pair_apart(server: &TestServer) -> (Person, Person, String) {
    let (mut a, mut b) = (
        Person::at(server, 0, "ayse").await,
        Person::at(server, 1, "berk").await,
    );
    a.find().await;
    b.find().await;
    let id = a.found().await;
    assert_eq!(b.found().await, id);
    (a, b, id)
}

async fn closed(person: &mut Person) -> Option<CloseCode> {
    person
        .socket
        .recv_close_code()
        .await
        .expect("a close in time")
}

async fn people_at_two_nodes_meet_and_talk(server: TestServer) {
    let (mut a, mut b, id) = pair_apart(&server).await;
    for seq in [1, 1] {
        a.send(json!({"type": "typing", "match_id": id, "on": true}))
            .await;
        assert_eq!(
            b.until("typing").await,
            json!({"type": "typing", "match_id": id, "on": true})
        );
        assert_eq!(a.say(&id, seq, "hello").await["seq"], seq);
        let new = b.until("message.new").await;
        assert_eq!(
            (&new["seq"], &new["ciphertext"]),
            (&json!(seq), &json!("aGVsbG8="))
        );
        b.send(json!({"type": "message.ack", "match_id": id, "seq": seq}))
            .await;
        assert_eq!(
            a.until("message.delivered").await,
            json!({"type": "message.delivered", "match_id": id, "seq": seq})
        );
        b.send(json!({"type": "message.read", "match_id": id, "seq": seq}))
            .await;
        assert_eq!(
            a.until("message.read").await,
            json!({"type": "message.read", "match_id": id, "seq": seq})
        );
        // And the other way round.
        std::mem::swap(&mut a, &mut b);
    }

    let Person { user, socket } = b;
    drop(socket);
    assert_eq!(
        a.until("peer.presence").await,
        json!({"type": "peer.presence", "match_id": id, "online": false})
    );
    let mut b = Person {
        socket: crate::sockets::connect(&server, &user).await,
        user,
    };
    assert_eq!(
        a.until("peer.presence").await,
        json!({"type": "peer.presence", "match_id": id, "online": true})
    );

    let ended = a.ask(json!({"type": "match.leave", "match_id": id})).await;
    assert_eq!(
        (&ended["reason"], &ended["by"]),
        (&json!("left"), &json!("self"))
    );
    assert_eq!(b.until("match.ended").await["by"], "peer");
    for person in [&mut a, &mut b] {
        assert_eq!(person.refused(message(&id, 1, "late")).await, "match_ended");
    }
    server.stop().await;
}

async fn what_both_say_at_once_arrives_in_order(server: TestServer) {
    const EACH: i64 = 200;
    async fn speak(mut person: Person, id: &str) -> (Vec<i64>, Vec<i64>) {
        for seq in 1..=EACH {
            person.send(message(id, seq, &seq.to_string())).await;
        }
        let (mut own, mut heard) = (Vec::new(), Vec::new());
        let all = |seqs: &[i64]| seqs.last() == Some(&EACH);
        while !all(&own) || !all(&heard) {
            let frame = person.socket.recv_json().await.expect("a frame");
            match frame["type"].as_str() {
                Some("message.accepted") => own.push(frame["seq"].as_i64().expect("seq")),
                Some("message.new") => heard.push(frame["seq"].as_i64().expect("seq")),
                _ => {}
            }
        }
        person.hears_no("message.new").await;
        (own, heard)
    }
    let (a, b, id) = pair_apart(&server).await;
    let ((of_a, at_a), (of_b, at_b)) = tokio::join!(speak(a, &id), speak(b, &id));
    let all: Vec<i64> = (1..=EACH).collect();
    for seqs in [of_a, at_b, of_b, at_a] {
        assert_eq!(seqs, all, "everything once and in order");
    }
    server.stop().await;
}

async fn a_session_that_ends_at_one_node_closes_at_the_other(server: TestServer) {
    let phone = Person::at(&server, 0, "ayse").await;
    let call = async |method: Method, path: &str, body: &Value| {
        let request = server
            .request_to(server.node_url(0), method, path, Some(&phone.user.access))
            .json(body);
        server.send(request).await.expect(204);
    };
    let ended_in_time = async |device: &mut Person, began: Instant| {
        assert_eq!(closed(device).await, Some(CloseCode::Unauthorized));
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "{:?}",
            began.elapsed()
        );
    };

    let mut tablet = Person::again_at(&server, 1, &phone).await;
    let sessions = server
        .get("/v1/me/sessions", &tablet.user.access)
        .await
        .expect(200);
    let current = sessions["items"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|session| session["current"] == true)
        .expect("this one");
    let path = format!("/v1/me/sessions/{}", current["id"].as_str().expect("an id"));
    let began = Instant::now();
    call(Method::DELETE, &path, &Value::Null).await;
    ended_in_time(&mut tablet, began).await;

    let mut tablet = Person::again_at(&server, 1, &phone).await;
    let change = json!({"current_password": PASSWORD, "new_password": "yeni parola 1"});
    let began = Instant::now();
    call(Method::POST, "/v1/me/password", &change).await;
    ended_in_time(&mut tablet, began).await;

    // The own session, signed out at a node where its socket is not.
    let Person { user, socket } = phone;
    drop(socket);
    let mut phone = Person {
        socket: crate::sockets::connect_to(server.node_url(1), &user).await,
        user,
    };
    let logout = server.request_to(
        server.node_url(0),
        Method::POST,
        "/v1/auth/logout",
        Some(&phone.user.access),
    );
    let began = Instant::now();
    server.send(logout).await.expect(204);
    ended_in_time(&mut phone, began).await;
    server.stop().await;
}

async fn devices_at_two_nodes_are_one_user(server: TestServer) {
    let (mut a, mut b, id) = pair_apart(&server).await;
    let mut tablet = Person::again_at(&server, 1, &a).await;
    b.say(&id, 1, "to the phone").await;
    assert_eq!(a.until("message.new").await["seq"], 1);
    tablet.hears_no("message.new").await;
    assert_eq!(
        tablet.refused(message(&id, 1, "hello")).await,
        "wrong_device"
    );

    // One of two devices goes: the user is still there.
    drop(std::mem::replace(
        &mut tablet,
        Person::again_at(&server, 1, &a).await,
    ));
    b.hears_no("peer.presence").await;

    // The same device comes back elsewhere, as when the proxy takes another node.
    let mut old = std::mem::replace(
        &mut tablet.socket,
        crate::sockets::connect_to(server.node_url(0), &tablet.user).await,
    );
    assert_eq!(
        old.recv_close_code().await.expect("a close"),
        Some(CloseCode::Replaced)
    );
    b.hears_no("peer.presence").await;

    // Five devices are the most there may be, wherever they are: the oldest goes.
    let mut more = Vec::new();
    for node in [1, 0, 1, 0] {
        more.push(Person::again_at(&server, node, &a).await);
    }
    assert_eq!(closed(&mut a).await, Some(CloseCode::Replaced));
    for device in more.iter_mut().chain([&mut tablet]) {
        device.hears_no("error_of_any_kind").await;
    }
    server.expect_connections(6).await;
    drop((more, tablet));
    assert_eq!(b.until("peer.presence").await["online"], false);
    server.stop().await;
}

async fn a_device_a_forgotten_node_did_not_hear_of_misses_nothing(server: TestServer) {
    let (mut a, mut peer) = (
        Person::at(&server, 0, "ayse").await,
        Person::at(&server, 0, "berk").await,
    );
    let _tablet = Person::again_at(&server, 0, &a).await;
    a.find().await;
    peer.find().await;
    let id = a.found().await;
    peer.found().await;
    // As other nodes do with one that was silent for long. It believes that its users have all
    // their devices with it.
    let presence = server.app.realtime.presence.as_ref();
    let presence = presence.expect("there are other nodes");
    presence.reset().await.expect("taken out");
    a.reconnect_at(&server, 1).await;
    let said = peer.say(&id, 1, "hello").await;
    assert_eq!(said["type"], "message.accepted");
    // Now it hears that it was taken for dead, and joins again.
    server.forget_node(0);
    assert_eq!(a.until("message.new").await["seq"], 1);
    server.stop().await;
}

async fn a_session_that_ends_while_its_node_is_forgotten_is_closed(server: TestServer) {
    let mut a = Person::at(&server, 0, "ayse").await;
    let presence = server.app.realtime.presence.as_ref();
    let presence = presence.expect("there are other nodes");
    presence.reset().await.expect("taken out");
    // The other node finds nobody to tell.
    let logout = server.request_to(
        server.node_url(1),
        Method::POST,
        "/v1/auth/logout",
        Some(&a.user.access),
    );
    server.send(logout).await.expect(204);
    server.forget_node(0);
    assert_eq!(closed(&mut a).await, Some(CloseCode::Unauthorized));
    server.stop().await;
}

async fn who_left_while_nobody_could_be_told_is_announced_later(server: TestServer) {
    let (a, mut b, _) = pair_apart(&server).await;
    server.redis().spoil_user(&b.user.id);
    drop(a.socket);
    server.expect_connections(1).await;
    // Who is brought up to date meanwhile, as after any loss, hears how things are. That is read
    // here and does not count: it is told all the same.
    b.ask(json!({"type": "message.sync", "match_id": "1", "peer_seq": 0}))
        .await;
    server.redis().mend_user(&b.user.id);
    assert_eq!(b.until("peer.presence").await["online"], false);
    server.stop().await;
}

async fn one_account_searches_once_at_all_nodes(server: TestServer) {
    let mut phone = Person::at(&server, 0, "ayse").await;
    let mut tablet = Person::again_at(&server, 1, &phone).await;
    for _ in 0..2 {
        let first = phone.search(&server).await;
        let second = tablet.search(&server).await;
        phone.hears_of_end(&first, "replaced").await;
        assert_eq!(
            phone.cancel().await.get("ticket_id"),
            None,
            "from any device"
        );
        tablet.hears_of_end(&second, "cancelled").await;
        tablet.cancel().await;
        std::mem::swap(&mut phone, &mut tablet);
    }

    // Both at once: one of them searches.
    tokio::join!(phone.find(), tablet.find());
    eventually("one of them searches", async || {
        let searches = server.searches().await;
        (searches.own, searches.waiting) == (1, 1)
    })
    .await;
    server.clock.advance(Duration::from_mins(5));
    nobody_is_matched(&server, &mut [&mut phone, &mut tablet]).await;

    // A search goes with its socket, also when the device comes back at the other node.
    tablet.search(&server).await;
    tablet.reconnect_at(&server, 0).await;
    tablet.reconnect_at(&server, 1).await;
    eventually("the search is over", async || {
        server.nobody_searches().await
    })
    .await;
    tablet.find().await;
    let mut b = Person::at(&server, 0, "berk").await;
    b.find().await;
    assert_eq!(tablet.found().await, b.found().await);
    server.stop().await;
}

async fn a_block_ends_the_match_at_both_nodes(server: TestServer) {
    let (mut a, mut b, id) = pair_apart(&server).await;
    // Over REST, at the node where the blocked one is.
    let block = server
        .request_to(
            server.node_url(0),
            Method::POST,
            "/v1/blocks",
            Some(&b.user.access),
        )
        .json(&json!({"match_id": id}));
    server.send(block).await.expect(201);
    for (person, by) in [(&mut a, "peer"), (&mut b, "self")] {
        let ended = person.until("match.ended").await;
        assert_eq!(
            (&ended["match_id"], &ended["reason"], &ended["by"]),
            (&json!(id), &json!("blocked"), &json!(by))
        );
    }
    a.find().await;
    b.find().await;
    server.clock.advance(Duration::from_mins(2));
    nobody_is_matched(&server, &mut [&mut a, &mut b]).await;
    server.stop().await;
}

async fn an_expiry_is_told_once(server: TestServer) {
    let mut pairs = Vec::new();
    for _ in 0..3 {
        pairs.push(pair_apart(&server).await);
    }
    server.clock.advance(Duration::from_mins(10));
    // Each node looks for work at the same time.
    server.run_due_jobs().await;
    for (a, b, id) in &mut pairs {
        for person in [a, b] {
            let ended = person.until("match.ended").await;
            assert_eq!(
                (&ended["match_id"], &ended["status"], &ended["by"]),
                (&json!(id), &json!("expired"), &json!("system"))
            );
            person.hears_no("match.ended").await;
        }
    }
    server.run_due_jobs().await;
    for (a, b, _) in &mut pairs {
        a.hears_no("match.ended").await;
        b.hears_no("match.ended").await;
    }
    server.stop().await;
}

async fn people_of_the_first_node_go_on_at_the_other(server: TestServer) {
    people_go_on_without(server, 0).await;
}

async fn people_of_the_second_node_go_on_at_the_other(server: TestServer) {
    people_go_on_without(server, 1).await;
}

/// One of the two nodes ends in good order; whichever it is, and whether or not it led the
/// matchmaking, nobody loses more than a connection.
async fn people_go_on_without(mut server: TestServer, leaving: usize) {
    let (a, b, id) = pair_apart(&server).await;
    let (mut goes, mut stays) = if leaving == 0 { (a, b) } else { (b, a) };
    let mut searcher = Person::at(&server, 1 - leaving, "cem").await;
    searcher.find().await;

    server.stop_node(leaving).await;
    assert!(goes.until("draining").await["retry_after_ms"].is_u64());
    assert_eq!(closed(&mut goes).await, Some(CloseCode::Draining));
    // Who may have missed something, because a node is gone, is told again how things are.
    while stays.until("peer.presence").await["online"] != false {}
    goes.reconnect(&server).await;
    while stays.until("peer.presence").await["online"] != true {}
    stays.say(&id, 1, "still here").await;
    assert_eq!(goes.until("message.new").await["seq"], 1);

    // The search that was open is still open.
    goes.find().await;
    assert_eq!(goes.found().await, searcher.found().await);
    server.stop().await;
}

pub async fn tries_at_all_nodes_count_together(server: TestServer) {
    let user = server.register("ayse").await;
    let login = async |node: usize, password: &str| {
        let body = json!({"phone": user.phone, "password": password});
        server
            .send(
                server
                    .request_to(server.node_url(node), Method::POST, "/v1/auth/login", None)
                    .json(&body),
            )
            .await
    };
    for node in [0, 1, 0, 1] {
        login(node, "yanlis parola")
            .await
            .expect_problem(401, "invalid_credentials");
    }
    for node in [0, 1] {
        login(node, PASSWORD)
            .await
            .expect_problem(429, "too_many_attempts");
    }
    server.stop().await;
}
