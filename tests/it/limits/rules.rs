//! The rules of the table, each by whom it counts.

use reqwest::Method;
use serde_json::{Value, json};

use super::from;
use crate::{
    ads::staff,
    harness::{PASSWORD, TestServer},
    sockets::{Person, connect_to, message, pair},
};

mod requests {
    use super::super::rules::*;

    scenarios! {
        @with &[
            ("TEBDIL_LIMITS__ENABLED", "true"), ("TEBDIL_HTTP__TRUSTED_PROXIES", "127.0.0.1"),
            ("TEBDIL_LIMITS__RULES__REST_ADDRESS__BURST", "10"), ("TEBDIL_LIMITS__RULES__REST_ACCOUNT__BURST", "4"),
        ];
        an_account_has_so_many_requests,
        an_address_has_so_many_requests,
    }
}

mod actions {
    use super::super::rules::*;

    scenarios! {
        @with &[
            ("TEBDIL_LIMITS__ENABLED", "true"), ("TEBDIL_LIMITS__RULES__PROFILE_ACCOUNT__BURST", "2"),
            ("TEBDIL_LIMITS__RULES__PASSWORD_ACCOUNT__BURST", "2"), ("TEBDIL_LIMITS__RULES__BLOCK_ACCOUNT__BURST", "2"),
            ("TEBDIL_LIMITS__RULES__IDEMPOTENCY_ACCOUNT__BURST", "3"),
        ];
        each_action_has_a_limit_of_its_own,
        an_account_has_so_many_idempotency_keys,
    }
}

mod frames {
    use super::super::rules::*;

    scenarios! {
        @with &[
            ("TEBDIL_LIMITS__ENABLED", "true"), ("TEBDIL_LIMITS__RULES__FIND_ACCOUNT__BURST", "3"),
            ("TEBDIL_LIMITS__RULES__FIND_ACCOUNT__PER_S", "3600"), ("TEBDIL_LIMITS__RULES__MESSAGE_ACCOUNT__BURST", "3"),
            ("TEBDIL_LIMITS__RULES__MESSAGE_ACCOUNT__PER_S", "3600"), ("TEBDIL_LIMITS__RULES__TYPING_ACCOUNT__BURST", "2"),
            ("TEBDIL_LIMITS__RULES__TYPING_ACCOUNT__PER_S", "3600"),
        ];
        searches_are_counted_by_all_nodes_together,
        messages_and_typing_are_counted_by_account,
    }
}

async fn an_account_has_so_many_requests(server: TestServer) {
    let (user, other) = (server.register("ayse").await, server.register("berk").await);
    let me = async |turn: usize, access: &str| {
        from(
            &server,
            turn,
            &format!("192.0.2.{turn}"),
            access,
            Method::GET,
            "/v1/me",
            &Value::Null,
        )
        .await
    };
    for turn in 0..4 {
        me(turn, &user.access).await.expect(200);
    }
    let problem = me(4, &user.access)
        .await
        .expect_problem(429, "rate_limited");
    assert!(
        problem["retry_after_ms"].as_u64() <= Some(15_000),
        "{problem}"
    );
    // Another device of the account is the same account.
    let device = super::login(&server, 5, "192.0.2.5", &user.phone, PASSWORD)
        .await
        .expect(200);
    me(
        6,
        device["tokens"]["access_token"].as_str().expect("a token"),
    )
    .await
    .expect_problem(429, "rate_limited");
    me(7, &other.access).await.expect(200);
    server.stop().await;
}

async fn an_address_has_so_many_requests(server: TestServer) {
    let ask = async |turn: usize, address: &str, path: &str| {
        from(&server, turn, address, "", Method::GET, path, &Value::Null).await
    };
    for turn in 0..10 {
        // One customer with many addresses, and also where nothing is.
        let path = if turn % 2 == 0 {
            "/v1/me"
        } else {
            "/v1/nosuch"
        };
        let status = ask(turn, &format!("2001:db8:1:2::{turn}"), path)
            .await
            .status;
        assert_ne!(status, 429, "{turn}");
    }
    ask(0, "2001:db8:1:2::ff", "/v1/me")
        .await
        .expect_problem(429, "rate_limited");
    ask(1, "2001:db8:1:2::ff", "/v1/nosuch")
        .await
        .expect_problem(429, "rate_limited");
    ask(0, "2001:db8:1:3::1", "/v1/me")
        .await
        .expect_problem(401, "unauthorized");
    // Whoever asks for health gets an answer.
    for turn in 0..20 {
        ask(turn, "2001:db8:1:2::ff", "/healthz").await.expect(200);
        ask(turn, "2001:db8:1:2::ff", "/readyz").await.expect(200);
    }
    server.stop().await;
}

async fn an_account_has_so_many_idempotency_keys(server: TestServer) {
    let (user, other) = (server.register("ayse").await, server.register("berk").await);
    let read = async |turn: usize, access: &str| {
        let node = server.node_url(turn % server.node_count());
        let request = server.request_to(node, Method::POST, "/v1/notifications/read", Some(access));
        server
            .send(
                request
                    .header("idempotency-key", format!("key-{turn}"))
                    .json(&json!({"all": true})),
            )
            .await
    };
    for turn in 0..8 {
        let reply = read(turn, &user.access).await;
        if turn < 3 {
            assert_ne!(reply.status, 429);
        } else {
            reply.expect_problem(429, "rate_limited");
        }
    }
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM idempotency_keys")
            .await,
        3,
        "nothing is kept beyond it"
    );
    assert_ne!(read(0, &other.access).await.status, 429);
    // What the token for an appeal is used for counts for its account as well.
    let moderator = staff(&server, "selin", "moderator").await;
    let reason = json!({ "reason": "spam" });
    server
        .post(
            &format!("/v1/admin/users/{}/ban", other.id),
            &moderator.access,
            &reason,
        )
        .await
        .expect(201);
    let login = json!({ "phone": other.phone, "password": PASSWORD });
    let told = server
        .post("/v1/auth/login", "", &login)
        .await
        .expect_problem(403, "banned");
    let token = told["appeal_token"].as_str().expect("a token");
    for (turn, status) in [201, 409, 429].into_iter().enumerate() {
        let request = server
            .request(Method::POST, "/v1/appeals", Some(token))
            .header("idempotency-key", format!("appeal-{turn}"));
        assert_eq!(
            server
                .send(request.json(&json!({ "text": "no" })))
                .await
                .status,
            status
        );
    }
    server.stop().await;
}

async fn each_action_has_a_limit_of_its_own(server: TestServer) {
    let user = server.register("ayse").await;
    let twice = async |method: Method, path: &str, body: Value, status: u16, refusal: &str| {
        for turn in 0..2 {
            let reply = from(
                &server,
                turn,
                "192.0.2.1",
                &user.access,
                method.clone(),
                path,
                &body,
            )
            .await;
            assert_eq!(reply.status.as_u16(), status, "{path}: {}", reply.body);
        }
        from(&server, 0, "192.0.2.1", &user.access, method, path, &body)
            .await
            .expect_problem(429, refusal);
    };
    let change = json!({ "current_password": PASSWORD, "new_password": PASSWORD });
    twice(
        Method::POST,
        "/v1/me/password",
        change,
        204,
        "too_many_attempts",
    )
    .await;
    twice(
        Method::PATCH,
        "/v1/me",
        json!({ "locale": "en" }),
        200,
        "rate_limited",
    )
    .await;
    twice(
        Method::POST,
        "/v1/blocks",
        json!({ "match_id": "1" }),
        404,
        "rate_limited",
    )
    .await;
    server.get("/v1/me", &user.access).await.expect(200);
    server.stop().await;
}

/// Checks that a frame is refused with the time to wait.
async fn is_limited(person: &mut Person, frame: Value) {
    let answer = person.ask(frame).await;
    assert_eq!(
        (&answer["type"], &answer["code"]),
        (&json!("error"), &json!("rate_limited")),
        "{answer}"
    );
    assert!(
        (1..=3_600_000).contains(&answer["retry_after_ms"].as_u64().expect("a time")),
        "{answer}"
    );
}

async fn searches_are_counted_by_all_nodes_together(server: TestServer) {
    let mut person = Person::new(&server, "ayse").await;
    for turn in 0..3 {
        person.socket = connect_to(server.node_url(turn % server.node_count()), &person.user).await;
        person.find().await;
        assert_eq!(
            person.ask(json!({"type": "match.cancel"})).await["type"],
            "match.cancelled"
        );
    }
    for node in 0..server.node_count() {
        person.socket = connect_to(server.node_url(node), &person.user).await;
        is_limited(&mut person, json!({"type": "match.find", "mode": "text"})).await;
    }
    Person::new(&server, "berk").await.find().await;
    server.stop().await;
}

async fn messages_and_typing_are_counted_by_account(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    for seq in 1..=3 {
        assert_eq!(a.say(&id, seq, "selam").await["type"], "message.accepted");
    }
    is_limited(&mut a, message(&id, 4, "too much")).await;
    for on in [true, false] {
        a.send(json!({"type": "typing", "match_id": id, "on": on}))
            .await;
    }
    is_limited(
        &mut a,
        json!({"type": "typing", "match_id": id, "on": true}),
    )
    .await;
    for seq in 1..=3 {
        assert_eq!(b.until("message.new").await["seq"], seq);
    }
    for on in [true, false] {
        assert_eq!(b.until("typing").await["on"], on);
    }
    // Nothing of what was refused arrives; the peer has limits of its own, and receipts have none.
    b.hears_no("message.new").await;
    assert_eq!(b.say(&id, 1, "selam").await["type"], "message.accepted");
    b.send(json!({"type": "message.ack", "match_id": id, "seq": 3}))
        .await;
    a.until("message.delivered").await;
    server.stop().await;
}
