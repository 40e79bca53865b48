//! A ban from its beginning to its end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tebdil_client::raw::RawSocket;
use tebdil_protocol::CloseCode;

use super::{ban, closed, logged, sign_in, told_banned};
use crate::{
    ads::staff,
    harness::{TestServer, TestUser},
    sockets::{Person, eventually, pair},
};

scenarios! {
    @with &[("TEBDIL_WORKERS__ENABLED", "false")];
    a_banned_user_is_out_everywhere_until_the_ban_is_lifted,
}

/// How long a banned user's socket may live on. The promise is a second; the rest is for a machine
/// that tests other things meanwhile.
const OUT: Duration = Duration::from_secs(2);

async fn a_ban_closes_every_socket(
    server: &TestServer,
    first: &TestUser,
    a: &mut Person,
    devices: &mut [Person],
) -> Value {
    let began = Instant::now();
    let made = ban(server, first, &a.user.id, json!({"reason": "spam"})).await;
    for socket in devices
        .iter_mut()
        .map(|device| &mut device.socket)
        .chain([&mut a.socket])
    {
        assert_eq!(closed(socket).await, Some(CloseCode::Banned));
    }
    let took = began.elapsed();
    eprintln!(
        "{} sockets at {} nodes were closed {took:?} after the ban was asked for",
        devices.len() + 1,
        server.node_count()
    );
    assert!(took < OUT, "{took:?}");
    made
}

/// What was issued before says so, and opens nothing.
async fn what_was_issued_before_opens_nothing(server: &TestServer, user: &TestUser) {
    server
        .get("/v1/me", &user.access)
        .await
        .expect_problem(403, "banned");
    let refresh = json!({"refresh_token": user.refresh});
    server
        .post("/v1/auth/refresh", "", &refresh)
        .await
        .expect_problem(401, "refresh_invalid");
    for node in 0..server.node_count() {
        let mut socket = RawSocket::open(server.node_url(node))
            .await
            .expect("a socket");
        socket
            .send_json(&json!({"type": "hello", "token": user.access}))
            .await
            .expect("sent");
        assert_eq!(closed(&mut socket).await, Some(CloseCode::Banned));
    }
    sign_in(server, &user.phone, "another password")
        .await
        .expect_problem(401, "invalid_credentials");
    let again = server
        .post(
            "/v1/auth/register",
            "",
            &TestServer::registration(&user.phone, "yeni"),
        )
        .await;
    let again = again.expect_problem(403, "banned");
    assert_eq!(
        (&again["ban"], &again["appeal_token"]),
        (&Value::Null, &Value::Null),
        "anybody can type a number"
    );
}

async fn an_appeal_is_made_once(
    server: &TestServer,
    user: &TestUser,
    peer: &TestUser,
    token: &str,
    text: &Value,
) -> Value {
    server
        .post("/v1/appeals", &user.access, text)
        .await
        .expect_problem(401, "unauthorized");
    server
        .post("/v1/appeals", &peer.access, text)
        .await
        .expect_problem(401, "unauthorized");
    assert_eq!(
        server.get("/v1/appeals", token).await.expect(200)["items"],
        json!([])
    );
    let appeal = server.post("/v1/appeals", token, text).await.expect(201);
    assert_eq!(appeal["status"], "open");
    server
        .post("/v1/appeals", token, text)
        .await
        .expect_problem(409, "already_appealed");
    assert_eq!(
        server.get("/v1/appeals", token).await.expect(200)["items"],
        json!([appeal])
    );
    appeal
}

async fn another_moderator_lifts_it(
    server: &TestServer,
    [first, second]: [&TestUser; 2],
    user: &TestUser,
    peer: &TestUser,
    made: &Value,
    appeal: &Value,
    text: &Value,
) {
    let listed = server
        .get("/v1/admin/appeals?status=open", &first.access)
        .await
        .expect(200);
    let item = &listed["items"][0];
    assert_eq!(
        (&item["id"], &item["text"], &item["user_id"]),
        (&appeal["id"], &text["text"], &json!(user.id))
    );
    assert_eq!(
        (&item["ban"]["id"], &item["ban"]["banned_by_me"]),
        (&made["id"], &json!(true))
    );
    let shown = server
        .get("/v1/admin/appeals", &second.access)
        .await
        .expect(200);
    assert_eq!(shown["items"][0]["ban"]["banned_by_me"], false);
    let path = format!(
        "/v1/admin/appeals/{}/decide",
        appeal["id"].as_str().expect("an id")
    );
    let lift = json!({"decision": "lift", "note": "no sign of it"});
    server
        .post(&path, &first.access, &lift)
        .await
        .expect_problem(403, "forbidden");
    server
        .post(&path, &peer.access, &lift)
        .await
        .expect_problem(403, "forbidden");
    told_banned(server, &user.phone).await;
    server.post(&path, &second.access, &lift).await.expect(204);
    server
        .post(&path, &second.access, &lift)
        .await
        .expect_problem(409, "already_decided");
}

async fn the_ban_stays_in_what_is_told(server: &TestServer, back: &TestUser, id: &str) {
    let told = server
        .get("/v1/notifications", &back.access)
        .await
        .expect(200);
    let codes: Vec<&str> = told["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|item| item["data"]["code"].as_str())
        .collect();
    assert_eq!(
        codes[..2],
        ["ban_lifted", "banned"],
        "and, before, new devices"
    );
    let refused = server
        .post("/v1/claims", &back.access, &json!({"match_id": id}))
        .await
        .expect_problem(422, "not_eligible");
    assert_eq!(refused["reason"], "left_early");
}

async fn a_banned_user_is_out_everywhere_until_the_ban_is_lifted(server: TestServer) {
    let (first, second) = (
        staff(&server, "selin", "moderator").await,
        staff(&server, "deniz", "moderator").await,
    );
    let (mut a, mut b, id) = pair(&server).await;
    let mut devices = Vec::new();
    for node in 0..server.node_count() {
        devices.push(Person::again_at(&server, node, &a).await);
    }
    a.find().await;

    let made = a_ban_closes_every_socket(&server, &first, &mut a, &mut devices).await;
    let ended = b.until("match.ended").await;
    assert_eq!(
        (&ended["match_id"], &ended["reason"], &ended["by"]),
        (&json!(id), &json!("banned"), &json!("peer"))
    );
    eventually("the ticket goes", async || server.nobody_searches().await).await;
    assert_eq!(
        (&made["active"], &made["provisional"], &made["created_by"]),
        (&json!(true), &json!(false), &json!(first.id))
    );

    what_was_issued_before_opens_nothing(&server, &a.user).await;
    let (notice, token) = told_banned(&server, &a.user.phone).await;
    assert_eq!(
        notice,
        json!({"reason": "spam", "until": null, "appealable": true})
    );

    // Once, and only with that token.
    let text = json!({"text": "Bu ben değildim."});
    let appeal = an_appeal_is_made_once(&server, &a.user, &b.user, &token, &text).await;
    let (notice, token) = told_banned(&server, &a.user.phone).await;
    assert_eq!(notice["appealable"], false);

    another_moderator_lifts_it(
        &server,
        [&first, &second],
        &a.user,
        &b.user,
        &made,
        &appeal,
        &text,
    )
    .await;

    // Back: as before, but for what the ban has ended.
    assert_eq!(
        server.get("/v1/appeals", &token).await.expect(200)["items"][0]["status"],
        "lifted"
    );
    let mut back = Person::again(&server, &a).await;
    server
        .get("/v1/me", &a.user.access)
        .await
        .expect_problem(401, "unauthorized");
    the_ban_stays_in_what_is_told(&server, &back.user, &id).await;
    let mut c = Person::new(&server, "cem").await;
    back.find().await;
    c.find().await;
    assert_eq!(back.found().await, c.found().await);

    for (action, about, actor) in [
        ("banned", &a.user, &first),
        ("appealed", &a.user, &a.user),
        ("appeal_decided", &a.user, &second),
        ("ban_lifted", &a.user, &second),
    ] {
        assert_eq!(logged(&server, action, about, actor).await, 1, "{action}");
    }
    drop((a, b, c, back, devices));
    server.stop().await;
}
