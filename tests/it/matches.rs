//! Matches, history and blocks over REST.

use serde_json::{Value, json};

use crate::{
    harness::{TestServer, TestUser},
    sockets::{Person, message, pair},
};

scenarios! {
    a_match_is_listed_read_and_left,
    a_block_ends_the_match_and_lasts,
    only_content_is_unread,
}

async fn a_match_is_listed_and_read(
    server: &TestServer,
    ayse: &TestUser,
    berk: &TestUser,
    stranger: &TestUser,
    path: &str,
) {
    let list = server
        .get("/v1/matches?status=active&mode=text", &ayse.access)
        .await
        .expect(200);
    assert_eq!(
        (list["items"].as_array().map(Vec::len), &list["next_cursor"]),
        (Some(1), &Value::Null)
    );
    let one = server.get(path, &ayse.access).await.expect(200);
    assert_eq!(list["items"][0], one);
    assert_eq!(
        (&one["status"], &one["peer"]["alias"], &one["unread"]),
        (&json!("active"), &json!("berk"), &json!(0))
    );
    assert!(
        !one.to_string().contains(&berk.id),
        "a peer's id is never told"
    );
    assert_eq!(
        server
            .get("/v1/matches?status=expired", &ayse.access)
            .await
            .expect(200)["items"],
        json!([])
    );
    for of in [path.to_owned(), format!("{path}/messages")] {
        server
            .get(&of, &stranger.access)
            .await
            .expect_problem(404, "not_found");
    }
    server
        .post(&format!("{path}/leave"), &stranger.access, &Value::Null)
        .await
        .expect_problem(404, "not_found");
}

/// What waits for a device is in its list, oldest first, and nothing else.
async fn what_waits_is_listed(server: &TestServer, a: &mut Person, b: &mut Person, id: &str) {
    let list = async |user: &TestUser, query: &str| {
        server
            .get(&format!("/v1/matches/{id}/messages{query}"), &user.access)
            .await
            .expect(200)
    };
    let mut frames = Vec::new();
    for seq in 1..=3 {
        b.say(id, seq, &format!("{seq}")).await;
        let mut frame = a.until("message.new").await;
        frame.as_object_mut().expect("a frame").remove("type");
        frames.push(frame);
    }
    let page = list(&a.user, "?limit=2").await;
    assert_eq!(page["items"], json!(frames[..2]), "oldest first");
    let cursor = page["next_cursor"].as_str().expect("more");
    let rest = list(&a.user, &format!("?cursor={cursor}")).await;
    assert_eq!(
        (&rest["items"], &rest["next_cursor"]),
        (&json!(frames[2..]), &Value::Null)
    );
    for after in [0, 2, 3] {
        let page = list(&a.user, &format!("?after={after}")).await;
        assert_eq!(page["items"], json!(frames[after..]), "after {after}");
    }
    for wrong in ["-1", "1.5", "x", "", "9007199254740992"] {
        let problem = server
            .get(
                &format!("/v1/matches/{id}/messages?after={wrong}"),
                &a.user.access,
            )
            .await
            .expect_problem(422, "invalid_field");
        assert_eq!(problem["errors"][0]["field"], "after", "{wrong}");
    }
    assert_eq!(
        list(&b.user, "").await["items"],
        json!([]),
        "own messages are not given back"
    );
    a.acknowledge(id, 2).await;
    b.until("message.delivered").await;
    assert_eq!(list(&a.user, "").await["items"], json!(frames[2..]));
}

async fn a_match_is_listed_read_and_left(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let stranger = server.register("yabanci").await;
    let (ayse, berk) = (a.user.clone(), b.user.clone());
    let path = format!("/v1/matches/{id}");

    a_match_is_listed_and_read(&server, &ayse, &berk, &stranger, &path).await;

    what_waits_is_listed(&server, &mut a, &mut b, &id).await;

    let left = server
        .post(&format!("{path}/leave"), &ayse.access, &Value::Null)
        .await
        .expect(200);
    assert_eq!(
        (&left["status"], &left["ended_reason"]),
        (&json!("cancelled"), &json!("left"))
    );
    let ended = b.until("match.ended").await;
    assert_eq!(
        (&ended["match_id"], &ended["by"]),
        (&json!(id), &json!("peer"))
    );
    let again = server
        .post(&format!("{path}/leave"), &berk.access, &Value::Null)
        .await
        .expect(200);
    assert_eq!(
        again["ended_at"], left["ended_at"],
        "leaving twice changes nothing"
    );
    assert_eq!(
        server
            .get(&format!("{path}/messages"), &berk.access)
            .await
            .expect(200)["items"],
        json!([])
    );
    drop((a, b));
    server.stop().await;
}

async fn a_block_ends_the_match_and_lasts(server: TestServer) {
    let (a, mut b, id) = pair(&server).await;
    let (ayse, berk) = (&a.user, b.user.clone());
    let block = async |user: &TestUser| {
        server
            .post("/v1/blocks", &user.access, &json!({"match_id": id}))
            .await
    };
    let made = block(ayse).await.expect(201);
    assert_eq!(made["peer"]["alias"], "berk");
    let ended = b.until("match.ended").await;
    assert_eq!(
        (&ended["reason"], &ended["by"]),
        (&json!("blocked"), &json!("peer"))
    );
    block(ayse).await.expect_problem(409, "already_blocked");

    assert_eq!(
        server.get("/v1/blocks", &ayse.access).await.expect(200)["items"],
        json!([made])
    );
    assert_eq!(
        server.get("/v1/blocks", &berk.access).await.expect(200)["items"],
        json!([]),
        "who is blocked does not learn it"
    );
    let path = format!("/v1/blocks/{}", made["id"].as_str().expect("id"));
    server
        .delete(&path, &berk.access)
        .await
        .expect_problem(404, "not_found");
    server.delete(&path, &ayse.access).await.expect(204);
    server
        .delete(&path, &ayse.access)
        .await
        .expect_problem(404, "not_found");
    drop((a, b));
    server.stop().await;
}

/// Setting up the encryption is nothing to read.
async fn only_content_is_unread(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let kinds = [
        "handshake",
        "content",
        "handshake",
        "content",
        "content",
        "handshake",
    ];
    for (kind, seq) in kinds.into_iter().zip(1..) {
        let mut frame = message(&id, seq, "…");
        frame["kind"] = json!(kind);
        b.send(frame).await;
        b.until("message.accepted").await;
    }
    let path = format!("/v1/matches/{id}");
    let unread =
        async |user: &TestUser| server.get(&path, &user.access).await.expect(200)["unread"].clone();
    assert_eq!(
        (unread(&a.user).await, unread(&b.user).await),
        (json!(3), json!(0))
    );
    assert_eq!(
        server.get("/v1/matches", &a.user.access).await.expect(200)["items"][0]["unread"],
        3
    );
    for (seq, left) in [(1, 3), (2, 2), (4, 1), (5, 0), (6, 0)] {
        a.send(json!({"type": "message.read", "match_id": id, "seq": seq}))
            .await;
        while b.until("message.read").await["seq"] != seq {}
        assert_eq!(unread(&a.user).await, json!(left), "after {seq}");
    }
    drop((a, b));
    server.stop().await;
}
