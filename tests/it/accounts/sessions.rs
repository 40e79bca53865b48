//! Sessions: how they are kept, listed and ended.

use std::time::Duration;

use serde_json::{Value, json};
use tebdil_client::raw::RawSocket;
use tebdil_protocol::{CloseCode, Secret};

use super::refresh;
use crate::harness::{PASSWORD, TestServer};

scenarios! {
    a_refresh_token_is_good_once,
    of_many_refreshes_at_once_one_succeeds_at_most,
    an_access_token_ends_with_its_time_and_its_session,
    sessions_are_listed_and_ended,
    a_new_password_ends_the_other_sessions_and_their_sockets,
}

async fn a_refresh_token_is_good_once(server: TestServer) {
    let user = server.register("KediAdam").await;
    let other = server.login(&user.phone).await;
    let body = refresh(&server, &user.refresh).await.expect(200);
    let (access, second) = (
        body["tokens"]["access_token"].as_str().expect("token"),
        body["tokens"]["refresh_token"].as_str().expect("token"),
    );
    assert_ne!(second, user.refresh);
    server.get("/v1/me", access).await.expect(200);

    // A made-up token for the session does no harm to it.
    let session = second.split('.').next().expect("session");
    for made_up in [
        format!("{session}.{}", "A".repeat(64)),
        format!("{session}."),
        String::new(),
        "1.2.3".to_owned(),
    ] {
        refresh(&server, &made_up)
            .await
            .expect_problem(401, "refresh_invalid");
    }
    let (mut socket, _) = RawSocket::hello(&server.base, &Secret::from(access))
        .await
        .expect("a socket");

    // The old one is in wrong hands: the session ends everywhere, at once.
    refresh(&server, &user.refresh)
        .await
        .expect_problem(401, "refresh_reused");
    assert_eq!(
        socket.recv_close_code().await.expect("a close"),
        Some(CloseCode::Unauthorized)
    );
    refresh(&server, second)
        .await
        .expect_problem(401, "refresh_invalid");
    server
        .get("/v1/me", access)
        .await
        .expect_problem(401, "unauthorized");
    server.get("/v1/me", &other.access).await.expect(200);
    drop(socket);
    server.stop().await;
}

async fn of_many_refreshes_at_once_one_succeeds_at_most(server: TestServer) {
    let user = server.register("KediAdam").await;
    let replies =
        futures_util::future::join_all((0..6).map(|_| refresh(&server, &user.refresh))).await;
    let codes: Vec<_> = replies
        .iter()
        .map(|reply| reply.body["code"].as_str().unwrap_or("good"))
        .collect();
    // None is good when the reuse was noticed before the winner's answer was made.
    assert!(
        codes.iter().filter(|code| **code == "good").count() <= 1,
        "{codes:?}"
    );
    assert!(codes.contains(&"refresh_reused"), "{codes:?}");
    assert!(
        codes
            .iter()
            .all(|code| ["good", "refresh_reused", "refresh_invalid"].contains(code)),
        "{codes:?}"
    );
    server
        .get("/v1/me", &user.access)
        .await
        .expect_problem(401, "unauthorized");
    server.stop().await;
}

async fn an_access_token_ends_with_its_time_and_its_session(server: TestServer) {
    let user = server.register("KediAdam").await;
    server
        .clock
        .advance(Duration::from_mins(15) - Duration::from_secs(1));
    server.get("/v1/me", &user.access).await.expect(200);
    server.clock.advance(Duration::from_secs(1));
    server
        .get("/v1/me", &user.access)
        .await
        .expect_problem(401, "unauthorized");
    let body = refresh(&server, &user.refresh).await.expect(200);
    server
        .get(
            "/v1/me",
            body["tokens"]["access_token"].as_str().expect("token"),
        )
        .await
        .expect(200);
    // Thirty days without a refresh end the session.
    server.clock.advance(Duration::from_hours(30 * 24));
    refresh(
        &server,
        body["tokens"]["refresh_token"].as_str().expect("token"),
    )
    .await
    .expect_problem(401, "refresh_invalid");
    server.stop().await;
}

async fn sessions_are_listed_and_ended(server: TestServer) {
    let user = server.register("KediAdam").await;
    let login = json!({"phone": user.phone, "password": PASSWORD, "device": {"name": "Tablet", "platform": "web"}});
    // Of one instant, two nodes draw ids in any order.
    server.clock.advance(Duration::from_millis(1));
    let tablet = server.post("/v1/auth/login", "", &login).await.expect(200);
    let tablet = tablet["tokens"]["access_token"].as_str().expect("token");
    let list = server
        .get("/v1/me/sessions", &user.access)
        .await
        .expect(200);
    let items = list["items"].as_array().expect("items");
    assert_eq!(items.len(), 2);
    assert_eq!(
        items[0]["device"],
        json!({"name": "Tablet", "platform": "web"}),
        "newest first"
    );
    assert_eq!(
        [&items[0]["current"], &items[1]["current"]],
        [&json!(false), &json!(true)]
    );

    let first = server
        .get("/v1/me/sessions?limit=1", &user.access)
        .await
        .expect(200);
    let cursor = first["next_cursor"].as_str().expect("a next page");
    let second = server
        .get(
            &format!("/v1/me/sessions?limit=1&cursor={cursor}"),
            &user.access,
        )
        .await
        .expect(200);
    assert_eq!(
        (
            &first["items"][0],
            &second["items"][0],
            &second["next_cursor"]
        ),
        (&items[0], &items[1], &Value::Null)
    );

    let stranger = server.register("yabanci").await;
    let path = format!("/v1/me/sessions/{}", items[0]["id"].as_str().expect("id"));
    server
        .delete(&path, &stranger.access)
        .await
        .expect_problem(404, "not_found");
    let (mut socket, _) = RawSocket::hello(&server.base, &Secret::from(tablet))
        .await
        .expect("a socket");
    server.delete(&path, &user.access).await.expect(204);
    assert_eq!(
        socket.recv_close_code().await.expect("a close"),
        Some(CloseCode::Unauthorized)
    );
    server
        .get("/v1/me", tablet)
        .await
        .expect_problem(401, "unauthorized");
    server
        .delete(&path, &user.access)
        .await
        .expect_problem(404, "not_found");
    drop(socket);
    server.stop().await;
}

async fn a_new_password_ends_the_other_sessions_and_their_sockets(server: TestServer) {
    let user = server.register("KediAdam").await;
    let other = server.login(&user.phone).await;
    let (mut socket, _) = RawSocket::hello(&server.base, &Secret::from(other.access.as_str()))
        .await
        .expect("a socket");
    let change = async |current: &str, new: &str| {
        server
            .post(
                "/v1/me/password",
                &user.access,
                &json!({"current_password": current, "new_password": new}),
            )
            .await
    };
    change("yanlis parola", "yeni parola 1")
        .await
        .expect_problem(401, "invalid_credentials");
    let problem = change(PASSWORD, "kediadam")
        .await
        .expect_problem(422, "weak_password");
    assert_eq!(problem["errors"][0]["field"], "new_password");
    change(PASSWORD, &user.phone)
        .await
        .expect_problem(422, "weak_password");
    server.get("/v1/me", &other.access).await.expect(200);

    change(PASSWORD, "yeni parola 1").await.expect(204);
    assert_eq!(
        socket.recv_close_code().await.expect("a close"),
        Some(CloseCode::Unauthorized)
    );
    server.get("/v1/me", &user.access).await.expect(200);
    server
        .get("/v1/me", &other.access)
        .await
        .expect_problem(401, "unauthorized");
    refresh(&server, &other.refresh)
        .await
        .expect_problem(401, "refresh_invalid");
    let login = async |password: &str| {
        server
            .post(
                "/v1/auth/login",
                "",
                &json!({"phone": user.phone, "password": password}),
            )
            .await
    };
    login(PASSWORD)
        .await
        .expect_problem(401, "invalid_credentials");
    login("yeni parola 1").await.expect(200);
    drop(socket);
    server.stop().await;
}
