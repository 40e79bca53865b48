//! Matches, history and blocks over REST.

use serde_json::{Value, json};

use crate::{
    harness::{TestServer, TestUser},
    sockets::pair,
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

async fn a_match_is_listed_read_and_left(server: TestServer) {
    let (a, mut b, id) = pair(&server).await;
    let stranger = server.register("yabanci").await;
    let (ayse, berk) = (&a.user, b.user.clone());
    let path = format!("/v1/matches/{id}");

    a_match_is_listed_and_read(&server, ayse, &berk, &stranger, &path).await;

    for number in 1..=3 {
        let frame = json!({"type": "message.send", "match_id": id, "kind": "content", "ciphertext": format!("AAA{number}"),
            "client_id": format!("00000000-0000-4000-8000-00000000000{number}")});
        b.send(frame).await;
        b.until("message.accepted").await;
    }
    let messages = server
        .get(&format!("{path}/messages?limit=2"), &ayse.access)
        .await
        .expect(200);
    let seen: Vec<_> = messages["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|message| (message["seq"].clone(), message["from"].clone()))
        .collect();
    assert_eq!(
        seen,
        [(json!(1), json!("peer")), (json!(2), json!("peer"))],
        "oldest first"
    );
    let cursor = messages["next_cursor"].as_str().expect("more");
    let rest = server
        .get(&format!("{path}/messages?cursor={cursor}"), &ayse.access)
        .await
        .expect(200);
    assert_eq!(
        (
            &rest["items"][0]["seq"],
            &rest["items"][0]["ciphertext"],
            &rest["next_cursor"]
        ),
        (&json!(3), &json!("AAA3"), &Value::Null)
    );
    let after = messages["items"][1]["message_id"].as_str().expect("id");
    assert_eq!(
        server
            .get(&format!("{path}/messages?after={after}"), &berk.access)
            .await
            .expect(200)["items"][0]["from"],
        "self"
    );

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
    for (number, kind) in kinds.iter().enumerate() {
        let client_id = format!("00000000-0000-4000-8000-00000000000{number}");
        b.send(json!({"type": "message.send", "match_id": id, "kind": kind, "ciphertext": "AAAA", "client_id": client_id})).await;
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
