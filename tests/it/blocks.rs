//! A block ends what the two have, at once and everywhere, and lasts until it is taken back.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tebdil_core::testing::Backend;

use crate::{
    harness::{PASSWORD, TestServer},
    process::ServerProcess,
    sockets::{Person, eventually, nobody_is_matched, pair},
};

scenarios! {
    a_block_is_told_to_every_device_of_both,
    a_block_outlasts_sign_ins_and_names_on_either_side,
    a_block_outlasts_an_erasure_on_either_side,
    a_block_that_is_taken_back_lets_the_two_meet,
    who_left_or_ran_out_can_still_be_blocked,
    a_block_holds_for_searches_that_wait,
}

/// A search finds nobody, past every widening step.
async fn do_not_meet(server: &TestServer, one: &mut Person, other: &mut Person) {
    one.find().await;
    other.find().await;
    server.clock.advance(Duration::from_mins(2));
    nobody_is_matched(server, &mut [one, other]).await;
}

async fn block(server: &TestServer, who: &Person, match_id: &str) -> Value {
    server
        .post(
            "/v1/blocks",
            &who.user.access,
            &json!({"match_id": match_id}),
        )
        .await
        .expect(201)
}

/// Where there are two nodes, both have a device of each.
async fn a_block_is_told_to_every_device_of_both(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let last = server.node_count() - 1;
    let (mut a0, mut a1) = (
        Person::again_at(&server, 0, &a).await,
        Person::again_at(&server, last, &a).await,
    );
    let (mut b0, mut b1) = (
        Person::again_at(&server, 0, &b).await,
        Person::again_at(&server, last, &b).await,
    );
    block(&server, &b, &id).await;
    for (person, by) in [
        (&mut a, "peer"),
        (&mut a0, "peer"),
        (&mut a1, "peer"),
        (&mut b, "self"),
        (&mut b0, "self"),
        (&mut b1, "self"),
    ] {
        let ended = person.until("match.ended").await;
        assert_eq!(
            (&ended["match_id"], &ended["reason"], &ended["by"]),
            (&json!(id), &json!("blocked"), &json!(by))
        );
        person.hears_no("match.ended").await;
    }
    assert_eq!(a.say(&id, 1, "why?").await["code"], "match_ended");
    server.clock.advance(Duration::from_secs(5));
    server.run_due_jobs().await;
    assert_eq!(
        server
            .count(&format!(
                "SELECT COUNT(*) FROM messages WHERE match_id = {id}"
            ))
            .await,
        0
    );
    server.stop().await;
}

async fn a_block_outlasts_sign_ins_and_names_on_either_side(server: TestServer) {
    let (a, b, id) = pair(&server).await;
    let made = block(&server, &b, &id).await;
    for (person, alias) in [(&a, "gunduz"), (&b, "gece")] {
        server
            .call(
                Method::PATCH,
                "/v1/me",
                &person.user.access,
                &json!({"alias": alias}),
            )
            .await
            .expect(200);
        server
            .post("/v1/auth/logout", &person.user.access, &Value::Null)
            .await
            .expect(204);
    }
    let (mut a, mut b) = (
        Person::again(&server, &a).await,
        Person::again(&server, &b).await,
    );
    do_not_meet(&server, &mut a, &mut b).await;
    let listed = server.get("/v1/blocks", &b.user.access).await.expect(200);
    assert_eq!(
        listed["items"],
        json!([made]),
        "with the handle it had when it was blocked"
    );
    let shown = listed.to_string();
    assert!(
        !shown.contains("gunduz") && !shown.contains(&a.user.id),
        "{shown}"
    );
    server.stop().await;
}

/// Erases the account, and registers its phone anew.
async fn anew(server: &TestServer, person: Person, alias: &str) -> Person {
    let password = json!({"password": PASSWORD});
    server
        .call(Method::DELETE, "/v1/me", &person.user.access, &password)
        .await
        .expect(204);
    Person::of_phone(server, &person.user.phone, alias).await
}

async fn a_block_outlasts_an_erasure_on_either_side(server: TestServer) {
    let (a, b, id) = pair(&server).await;
    block(&server, &b, &id).await;
    // Who was blocked comes back, then who blocked.
    let (mut a, mut b) = (anew(&server, a, "gunduz").await, b);
    do_not_meet(&server, &mut a, &mut b).await;
    let mut b = anew(&server, b, "gece").await;
    b.find().await;
    server.clock.advance(Duration::from_mins(2));
    nobody_is_matched(&server, &mut [&mut a, &mut b]).await;
    let listed = server.get("/v1/blocks", &b.user.access).await.expect(200);
    assert_eq!(listed["items"][0]["peer"]["handle"], "deleted#0000");
    assert!(!listed.to_string().contains("gunduz"), "{listed}");
    assert_eq!(
        server.get("/v1/blocks", &a.user.access).await.expect(200)["items"],
        json!([])
    );
    server.stop().await;
}

async fn a_block_that_is_taken_back_lets_the_two_meet(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    // Each has blocked the other: one block less is not none.
    let [first, second] = [block(&server, &a, &id).await, block(&server, &b, &id).await];
    let path = |made: &Value| format!("/v1/blocks/{}", made["id"].as_str().expect("an id"));
    server
        .delete(&path(&first), &a.user.access)
        .await
        .expect(204);
    do_not_meet(&server, &mut a, &mut b).await;
    server
        .delete(&path(&second), &b.user.access)
        .await
        .expect(204);
    for person in [&mut a, &mut b] {
        assert_eq!(
            person.ask(json!({"type": "match.cancel"})).await["type"],
            "match.cancelled"
        );
    }
    a.find().await;
    b.find().await;
    // They have met today.
    server.clock.advance(Duration::from_secs(31));
    let again = a.found().await;
    assert_ne!(again, id);
    assert_eq!(b.found().await, again);
    server.stop().await;
}

async fn who_left_or_ran_out_can_still_be_blocked(server: TestServer) {
    let (mut a, mut b, left) = pair(&server).await;
    assert_eq!(
        b.ask(json!({"type": "match.leave", "match_id": left}))
            .await["type"],
        "match.ended"
    );
    a.until("match.ended").await;
    block(&server, &a, &left).await;
    a.hears_no("match.ended").await;
    do_not_meet(&server, &mut a, &mut b).await;
    drop((a, b));
    eventually("their searches are over", async || {
        server.nobody_searches().await
    })
    .await;

    let (c, d, ran_out) = pair(&server).await;
    server.clock.advance(Duration::from_hours(25));
    let (mut c, mut d) = (
        Person::again(&server, &c).await,
        Person::again(&server, &d).await,
    );
    block(&server, &d, &ran_out).await;
    let over = server
        .get(&format!("/v1/matches/{ran_out}"), &c.user.access)
        .await
        .expect(200);
    assert_eq!(
        over["ended_reason"], "expired",
        "it did not end by the block"
    );
    do_not_meet(&server, &mut c, &mut d).await;
    server.stop().await;
}

/// Both have waited since before the block, each forbidden to the other only as a partner of today;
/// whoever leads has their tickets in memory.
async fn a_block_holds_for_searches_that_wait(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    assert_eq!(
        a.ask(json!({"type": "match.leave", "match_id": id})).await["type"],
        "match.ended"
    );
    a.find().await;
    b.find().await;
    nobody_is_matched(&server, &mut [&mut a, &mut b]).await;
    block(&server, &b, &id).await;
    server.clock.advance(Duration::from_mins(2));
    nobody_is_matched(&server, &mut [&mut a, &mut b]).await;
    // And not because they search no more.
    let (mut c, mut d) = (
        Person::new(&server, "cem").await,
        Person::new(&server, "deniz").await,
    );
    c.find().await;
    d.find().await;
    a.found().await;
    b.found().await;
    server.stop().await;
}

/// The block and the ends of the matches are one commit: a node that dies at whatever moment leaves
/// both or neither.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_while_it_blocks_does_all_of_it_or_nothing() {
    const BLOCKS: &str = "SELECT COUNT(*) FROM blocks";
    const OPEN: &str = "SELECT COUNT(*) FROM matches WHERE status = 'active'";
    let mut server = ServerProcess::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    let http = crate::http::client();
    let mut kills_in_time = 0;
    for round in 0..12_u64 {
        let mut tokens = Vec::new();
        for side in 0..2 {
            let phone = format!("+9053100{:05}", round * 2 + side);
            let body = TestServer::registration(&phone, "kedi");
            let answer = http
                .post(format!("{}/v1/auth/register", server.url))
                .json(&body)
                .send()
                .await
                .expect("an answer");
            let answer: Value = answer.json().await.expect("JSON");
            tokens.push(
                answer["tokens"]["access_token"]
                    .as_str()
                    .expect("a token")
                    .to_owned(),
            );
        }
        let match_id = meet(&http, &server.url, &tokens).await;
        let before = (server.count(BLOCKS).await, server.count(OPEN).await);
        let request = http
            .post(format!("{}/v1/blocks", server.url))
            .bearer_auth(&tokens[0])
            .json(&json!({"match_id": match_id}))
            .send();
        let answered = tokio::time::timeout(Duration::from_micros(500 * round), request)
            .await
            .is_ok();
        server.kill().await;
        server.restart().await;
        let after = (server.count(BLOCKS).await, server.count(OPEN).await);
        assert!(
            after == before || after == (before.0 + 1, before.1 - 1),
            "round {round}: {before:?} became {after:?}"
        );
        assert!(!answered || after != before, "what was answered is done");
        kills_in_time += u32::from(!answered);
    }
    assert!(kills_in_time > 0, "no request was cut off");
    assert_eq!(server.terminate().await, Some(0));
}

/// Two devices in a match.
async fn meet(http: &reqwest::Client, url: &str, tokens: &[String]) -> String {
    let mut sockets = Vec::new();
    for token in tokens {
        let keys = json!({"packages": ["AAAA"]});
        let put = http
            .put(format!("{url}/v1/keys"))
            .bearer_auth(token)
            .json(&keys)
            .send()
            .await
            .expect("an answer");
        assert!(put.status().is_success(), "{put:?}");
        let (mut socket, _) = tebdil_client::raw::RawSocket::hello(url, &token.as_str().into())
            .await
            .expect("a socket");
        socket
            .send_json(&json!({"type": "match.find", "mode": "text"}))
            .await
            .expect("sent");
        sockets.push(socket);
    }
    loop {
        let frame = sockets[0].recv_json().await.expect("a frame");
        if frame["type"] == "match.found" {
            return frame["match"]["id"].as_str().expect("an id").to_owned();
        }
    }
}
