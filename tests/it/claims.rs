//! Rights back for matches that came to nothing.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tebdil_protocol::time::Timestamp;

use crate::{
    harness::{Reply, TestServer, TestUser},
    sockets::{Person, message, pair},
};

/// Tokens and sockets outlive the days that go by, and the job runs when the scenario says so.
const SETTINGS: &[(&str, &str)] = &[
    ("TEBDIL_AUTH__ACCESS_TTL_S", "864000"),
    ("TEBDIL_CLAIMS__DAILY_CAP", "3"),
    ("TEBDIL_WORKERS__ENABLED", "false"),
];

scenarios! {
    @with super::SETTINGS;
    an_unanswered_match_is_paid_back_at_the_next_tick,
    one_content_message_is_an_answer,
    who_leaves_early_pays_and_who_is_left_does_not,
    a_hundred_claims_at_once_are_one,
    the_daily_cap_holds_against_many_at_once,
    moderators_see_everybodys_claims,
}

async fn claim(server: &TestServer, user: &TestUser, id: &str) -> Reply {
    server
        .post("/v1/claims", &user.access, &json!({"match_id": id}))
        .await
}

#[track_caller]
fn refused(reply: Reply, reason: &str) -> Value {
    let problem = reply.expect_problem(422, "not_eligible");
    assert_eq!(problem["reason"], reason);
    problem
}

async fn created_at(server: &TestServer, user: &TestUser, id: &str) -> Timestamp {
    let found = server
        .get(&format!("/v1/matches/{id}"), &user.access)
        .await
        .expect(200);
    found["created_at"]
        .as_str()
        .expect("a time")
        .parse()
        .expect("a time")
}

async fn wrong_claims_are_refused(
    server: &TestServer,
    user: &TestUser,
    stranger: &TestUser,
    id: &str,
) {
    for wrong in [
        json!({}),
        json!({"match_id": 7}),
        json!({"match_id": id, "why": "x"}),
        json!([id]),
    ] {
        let status = server.post("/v1/claims", &user.access, &wrong).await.status;
        assert_eq!(status.as_u16(), 422, "{wrong}");
    }
    claim(server, stranger, id)
        .await
        .expect_problem(404, "not_found");
    server
        .post("/v1/claims", "", &json!({"match_id": id}))
        .await
        .expect_problem(401, "unauthorized");
}

async fn an_unanswered_match_is_paid_back_at_the_next_tick(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let stranger = server.register("yabanci").await;
    let due = created_at(&server, &a.user, &id).await + Duration::from_hours(2);
    a.say(&id, 1, "orada mısın?").await;
    // Encryption sets itself up; that is nobody's answer.
    let mut handshake = message(&id, 1, "…");
    handshake["kind"] = json!("handshake");
    assert_eq!(b.ask(handshake).await["type"], "message.accepted");

    server.clock.set(due - Duration::from_mins(1));
    let problem = refused(claim(&server, &a.user, &id).await, "too_early");
    assert_eq!(problem["eligible_at"], due.to_string());
    assert_eq!(
        server.get("/v1/claims", &a.user.access).await.expect(200),
        json!({"items": [], "next_cursor": null})
    );
    server.clock.set(due);
    wrong_claims_are_refused(&server, &a.user, &stranger, &id).await;

    let made = claim(&server, &a.user, &id).await.expect(201);
    assert_eq!(
        (&made["status"], &made["match_id"], made.get("reason")),
        (&json!("pending"), &json!(id), None)
    );
    claim(&server, &a.user, &id)
        .await
        .expect_problem(409, "already_claimed");
    server.run_due_jobs().await;

    let quota = a.until("quota").await;
    assert_eq!(quota["quota"]["text"], 10);
    let told = a.until("notification").await;
    assert_eq!(
        (&told["notification"]["type"], &told["notification"]["read"]),
        (&json!("claim"), &json!(false))
    );
    assert_eq!(
        told["notification"]["data"],
        json!({"code": "claim_approved", "match_id": id})
    );
    let mut expected = made;
    expected["status"] = json!("approved");
    expected["decided_at"] = json!(due.to_string());
    assert_eq!(
        server.get("/v1/claims", &a.user.access).await.expect(200)["items"],
        json!([expected])
    );
    assert_eq!(
        server
            .get(&format!("/v1/matches/{id}"), &a.user.access)
            .await
            .expect(200)["claim"],
        expected
    );
    assert_eq!(
        server.get("/v1/me/quota", &a.user.access).await.expect(200)["text"],
        10
    );
    let refunds = format!(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM quota_ledger WHERE user_id = {} AND reason = 'claim' AND delta = 1",
        a.user.id
    );
    assert_eq!(server.count(&refunds).await, 1);

    // The peer was written to, and hears of nothing.
    let peers = server
        .get(&format!("/v1/matches/{id}"), &b.user.access)
        .await
        .expect(200);
    assert_eq!(peers.get("claim"), None);
    refused(claim(&server, &b.user, &id).await, "answered");
    b.hears_no("notification").await;
    claim(&server, &a.user, &id)
        .await
        .expect_problem(409, "already_claimed");
    server.clock.advance(Duration::from_mins(1));
    server.run_due_jobs().await;
    a.hears_no("notification").await;
    assert_eq!(server.count(&refunds).await, 1);
    drop((a, b));
    server.stop().await;
}

async fn one_content_message_is_an_answer(server: TestServer) {
    let (a, mut b, id) = pair(&server).await;
    server.clock.advance(Duration::from_mins(119));
    assert_eq!(b.say(&id, 1, "selam").await["type"], "message.accepted");
    server.clock.advance(Duration::from_mins(1));
    let problem = refused(claim(&server, &a.user, &id).await, "answered");
    assert_eq!(problem.get("eligible_at"), None);
    // The one who was not answered may.
    claim(&server, &b.user, &id).await.expect(201);
    drop((a, b));
    server.stop().await;
}

async fn who_leaves_early_pays_and_who_is_left_does_not(server: TestServer) {
    let (mut a, b, id) = pair(&server).await;
    server
        .post(
            &format!("/v1/matches/{id}/leave"),
            &b.user.access,
            &Value::Null,
        )
        .await
        .expect(200);
    a.until("match.ended").await;
    refused(claim(&server, &b.user, &id).await, "left_early");
    claim(&server, &a.user, &id).await.expect(201);
    server.run_due_jobs().await;
    assert_eq!(
        a.until("notification").await["notification"]["data"]["code"],
        "claim_approved"
    );
    assert_eq!(
        server.get("/v1/me/quota", &a.user.access).await.expect(200)["text"],
        10
    );
    assert_eq!(
        server.get("/v1/me/quota", &b.user.access).await.expect(200)["text"],
        9
    );
    server.clock.advance(Duration::from_hours(24));
    refused(claim(&server, &b.user, &id).await, "left_early");
    drop((a, b));
    server.stop().await;
}

async fn a_hundred_claims_at_once_are_one(server: TestServer) {
    let (a, b, id) = pair(&server).await;
    server.clock.advance(Duration::from_hours(2));
    let replies = join_all((0..100).map(|_| claim(&server, &a.user, &id))).await;
    let made = replies.iter().filter(|reply| reply.status == 201).count();
    let before = replies
        .iter()
        .filter(|reply| reply.status == 409 && reply.body["code"] == "already_claimed")
        .count();
    assert_eq!((made, before), (1, 99));
    server.run_due_jobs().await;
    assert_eq!(
        server.get("/v1/me/quota", &a.user.access).await.expect(200)["text"],
        10
    );
    drop((a, b));
    server.stop().await;
}

async fn the_daily_cap_holds_against_many_at_once(server: TestServer) {
    let mut a = Person::new(&server, "ayse").await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let mut b = Person::new(&server, &format!("berk{number}")).await;
        a.find().await;
        b.find().await;
        ids.push(b.found().await);
        assert_eq!(a.found().await, ids[number]);
    }
    server.clock.advance(Duration::from_hours(2));
    let replies = join_all(ids.iter().map(|id| claim(&server, &a.user, id))).await;
    let mut capped = 0;
    for reply in replies.into_iter().filter(|reply| reply.status != 201) {
        // Midnight in Istanbul.
        assert_eq!(
            refused(reply, "daily_cap")["eligible_at"],
            "2026-11-21T21:00:00.000Z"
        );
        capped += 1;
    }
    assert_eq!(capped, 2);
    server.run_due_jobs().await;
    assert_eq!(
        server.get("/v1/me/quota", &a.user.access).await.expect(200)["text"],
        8,
        "five taken, three back"
    );

    server.clock.advance(Duration::from_hours(10));
    let mut made = 0;
    for id in &ids {
        made += usize::from(claim(&server, &a.user, id).await.status == 201);
    }
    assert_eq!(made, 2);
    server.run_due_jobs().await;
    let quota = server.get("/v1/me/quota", &a.user.access).await.expect(200);
    assert_eq!(
        (&quota["text"], &quota["bonus"]),
        (&json!(10), &json!(2)),
        "the rights of yesterday stay"
    );
    let page = server
        .get("/v1/claims?limit=4", &a.user.access)
        .await
        .expect(200);
    let cursor = page["next_cursor"].as_str().expect("one more");
    let rest = server
        .get(&format!("/v1/claims?cursor={cursor}"), &a.user.access)
        .await
        .expect(200);
    assert_eq!(
        (
            page["items"].as_array().map(Vec::len),
            rest["items"].as_array().map(Vec::len)
        ),
        (Some(4), Some(1))
    );
    drop(a);
    server.stop().await;
}

async fn moderators_see_everybodys_claims(server: TestServer) {
    let (a, b, id) = pair(&server).await;
    let moderator = server.register("denetci").await;
    let list = "/v1/admin/claims";
    server
        .get(list, &moderator.access)
        .await
        .expect_problem(403, "forbidden");
    server
        .get(list, "")
        .await
        .expect_problem(401, "unauthorized");
    let promote = format!(
        "UPDATE users SET role = 'moderator' WHERE id = {} RETURNING CAST(1 AS BIGINT)",
        moderator.id
    );
    assert_eq!(server.count(&promote).await, 1);
    server.clock.advance(Duration::from_hours(2));
    let made = claim(&server, &a.user, &id).await.expect(201);
    let shown = server
        .get(&format!("{list}?status=pending"), &moderator.access)
        .await
        .expect(200);
    let mut expected = made;
    expected["user_id"] = json!(a.user.id);
    assert_eq!(shown, json!({"items": [expected], "next_cursor": null}));
    assert_eq!(
        server
            .get(&format!("{list}?status=approved"), &moderator.access)
            .await
            .expect(200)["items"],
        json!([])
    );
    server
        .get(&format!("{list}?status=lost"), &moderator.access)
        .await
        .expect_problem(422, "invalid_field");
    server.run_due_jobs().await;
    assert_eq!(
        server.get(list, &moderator.access).await.expect(200)["items"][0]["status"],
        "approved"
    );
    drop((a, b));
    server.stop().await;
}
