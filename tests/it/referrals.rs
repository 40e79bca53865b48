//! Inviting people, and the overview that counts them.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{TestServer, TestUser},
    sockets::{Person, connect, eventually, pair},
};

scenarios! {
    an_invitation_rewards_who_joins,
    an_invitation_does_not_tell_who_is_there,
    a_hundred_registrations_of_an_invited_phone_reward_once,
    the_overview_is_for_moderators_and_counts_the_day,
}

mod limited {
    use super::a_day_has_its_limit;

    scenarios! { @with &[("TEBDIL_REFERRALS__INVITATIONS_PER_DAY", "3"), ("TEBDIL_REFERRALS__INVITER_REWARD", "4")]; a_day_has_its_limit }
}

async fn invite(server: &TestServer, user: &TestUser, phone: &str) -> crate::harness::Reply {
    server
        .post("/v1/referrals", &user.access, &json!({ "phone": phone }))
        .await
}

async fn register_by(
    server: &TestServer,
    phone: &str,
    alias: &str,
    code: &Value,
) -> crate::harness::Reply {
    let mut body = TestServer::registration(phone, alias);
    body["invite"] = code.clone();
    server.post("/v1/auth/register", "", &body).await
}

async fn bonus(server: &TestServer, user: &TestUser) -> Value {
    server.get("/v1/me/quota", &user.access).await.expect(200)["bonus"].clone()
}

async fn both_are_listed_as_rewarded(server: &TestServer, ayse: &TestUser, invited: &Value) {
    let items = server
        .get("/v1/referrals?limit=1", &ayse.access)
        .await
        .expect(200);
    assert_eq!(
        (&items["items"][0]["via"], &items["items"][0]["status"]),
        (&json!("code"), &json!("rewarded"))
    );
    let cursor = items["next_cursor"].as_str().expect("more");
    let rest = server
        .get(&format!("/v1/referrals?cursor={cursor}"), &ayse.access)
        .await
        .expect(200);
    assert_eq!(
        (&rest["items"][0]["id"], &rest["items"][0]["status"]),
        (&invited["id"], &json!("rewarded"))
    );
    assert!(rest["items"][0]["rewarded_at"].is_string());
}

async fn an_invitation_rewards_who_joins(server: TestServer) {
    let ayse = server.register("ayse").await;
    let mine = server.get("/v1/referrals", &ayse.access).await.expect(200);
    assert_eq!(
        (&mine["items"], &mine["next_cursor"]),
        (&json!([]), &Value::Null)
    );
    let code = &mine["invite_code"];

    // By phone.
    let phone = server.phone();
    let invited = invite(&server, &ayse, &phone).await.expect(201);
    assert_eq!(
        (&invited["via"], &invited["status"], &invited["rewarded_at"]),
        (&json!("phone"), &json!("pending"), &Value::Null)
    );
    assert_eq!(
        invited.as_object().map(serde_json::Map::len),
        Some(5),
        "the phone is not told again: {invited}"
    );
    let body = server
        .post(
            "/v1/auth/register",
            "",
            &TestServer::registration(&phone, "berk"),
        )
        .await
        .expect(201);
    let berk = server.login(&phone).await;
    assert_eq!(body["user"]["id"], json!(berk.id));
    server.run_due_jobs().await;
    eventually("the reward is given", async || {
        bonus(&server, &berk).await == 10
    })
    .await;

    // By code, as a keyboard writes it.
    let phone = server.phone();
    let shouted = json!(format!(
        " {} ",
        code.as_str().expect("a code").to_uppercase()
    ));
    register_by(&server, &phone, "cem", &shouted)
        .await
        .expect(201);
    let cem = server.login(&phone).await;
    server.run_due_jobs().await;
    eventually("the reward is given", async || {
        bonus(&server, &cem).await == 10
    })
    .await;
    let told = server
        .count("SELECT COUNT(*) FROM notifications WHERE code = 'welcome_bonus'")
        .await;
    assert_eq!(told, 2);
    server.run_due_jobs().await;
    assert_eq!(
        (bonus(&server, &berk).await, bonus(&server, &cem).await),
        (json!(10), json!(10)),
        "once"
    );

    both_are_listed_as_rewarded(&server, &ayse, &invited).await;
    assert_eq!(
        bonus(&server, &ayse).await,
        0,
        "the inviter's reward is off by default"
    );
    assert_eq!(
        server.get("/v1/referrals", &berk.access).await.expect(200)["items"],
        json!([])
    );
    server.stop().await;
}

async fn an_invitation_does_not_tell_who_is_there(server: TestServer) {
    let (ayse, berk) = (server.register("ayse").await, server.register("berk").await);
    let there = invite(&server, &ayse, &berk.phone).await;
    let not = invite(&server, &ayse, &server.phone()).await;
    let shape = |reply: &crate::harness::Reply| {
        let mut body = reply.body.clone();
        body["id"] = Value::Null;
        (
            reply.status,
            body,
            reply
                .headers
                .keys()
                .map(|name| name.as_str().to_owned())
                .collect::<std::collections::BTreeSet<_>>(),
        )
    };
    assert_eq!(shape(&there), shape(&not));
    for phone in [&berk.phone, &berk.phone.replace("+90", "0")] {
        invite(&server, &ayse, phone)
            .await
            .expect_problem(409, "already_invited");
    }
    let listed = server.get("/v1/referrals", &ayse.access).await.expect(200);
    let statuses: Vec<&Value> = listed["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| &item["status"])
        .collect();
    assert_eq!(statuses, [&json!("pending"), &json!("pending")]);

    // What is wrong is said, and changes nothing.
    let own = invite(&server, &ayse, &ayse.phone)
        .await
        .expect_problem(422, "invalid_field");
    assert_eq!(own["errors"][0]["field"], "phone");
    invite(&server, &ayse, "12")
        .await
        .expect_problem(422, "invalid_phone");
    let body = json!({"phone": server.phone(), "note": "x"});
    server
        .post("/v1/referrals", &ayse.access, &body)
        .await
        .expect_problem(422, "unknown_field");
    server
        .post("/v1/referrals", "", &json!({"phone": server.phone()}))
        .await
        .expect_problem(401, "unauthorized");
    server
        .send(server.request(Method::GET, "/v1/referrals", None))
        .await
        .expect_problem(401, "unauthorized");
    let phone = server.phone();
    for code in ["nobodyhas1", "", "' OR 1=1 --", &"a".repeat(33)] {
        let refused = register_by(&server, &phone, "cem", &json!(code))
            .await
            .expect_problem(422, "invalid_field");
        assert_eq!(refused["errors"][0]["field"], "invite");
    }
    assert_eq!(server.count("SELECT COUNT(*) FROM users").await, 2);
    assert_eq!(server.count("SELECT COUNT(*) FROM referrals").await, 2);
    server.run_due_jobs().await;
    assert_eq!(server.count("SELECT COUNT(*) FROM quota_ledger").await, 0);
    server.stop().await;
}

async fn a_hundred_registrations_of_an_invited_phone_reward_once(server: TestServer) {
    let ayse = server.register("ayse").await;
    let code = server.get("/v1/referrals", &ayse.access).await.expect(200)["invite_code"].clone();
    let phone = server.phone();
    let invitations =
        futures_util::future::join_all((0..100).map(|_| invite(&server, &ayse, &phone))).await;
    assert_eq!(
        invitations
            .iter()
            .filter(|reply| reply.status == 201)
            .count(),
        1
    );
    assert_eq!(
        invitations
            .iter()
            .filter(|reply| reply.status == 409)
            .count(),
        99
    );
    let tries = (0..100).map(|number| {
        let (server, phone, code) = (
            &server,
            &phone,
            if number % 2 == 0 {
                code.clone()
            } else {
                Value::Null
            },
        );
        async move {
            register_by(server, phone, &format!("berk{number}"), &code)
                .await
                .status
                .as_u16()
        }
    });
    let statuses = futures_util::future::join_all(tries).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1);
    assert!(
        statuses.iter().all(|status| [201, 409].contains(status)),
        "{statuses:?}"
    );
    server.run_due_jobs().await;
    let berk = server.login(&phone).await;
    eventually("the reward is given", async || {
        bonus(&server, &berk).await == 10
    })
    .await;
    server.run_due_jobs().await;
    assert_eq!(
        server
            .count("SELECT CAST(SUM(delta) AS BIGINT) FROM quota_ledger WHERE reason = 'referral'")
            .await,
        10
    );
    assert_eq!(
        server
            .count("SELECT COUNT(*) FROM referrals WHERE reward_given")
            .await,
        1
    );
    server.stop().await;
}

async fn a_day_has_its_limit(server: TestServer) {
    let ayse = server.register("ayse").await;
    let phones: Vec<String> = (0..4).map(|_| server.phone()).collect();
    for phone in &phones[..3] {
        invite(&server, &ayse, phone).await.expect(201);
    }
    let refused = invite(&server, &ayse, &phones[3]).await;
    // Noon in Istanbul: twelve hours until the next day.
    assert_eq!(refused.headers["retry-after"], "43200");
    refused.expect_problem(429, "rate_limited");
    invite(&server, &ayse, &phones[0])
        .await
        .expect_problem(409, "already_invited");
    server.clock.advance(Duration::from_hours(12));
    let ayse = server.login(&ayse.phone).await;
    invite(&server, &ayse, &phones[3]).await.expect(201);

    // Both get theirs, and the inviter hears of it.
    let socket = connect(&server, &ayse).await;
    let mut ayse = Person { user: ayse, socket };
    server
        .post(
            "/v1/auth/register",
            "",
            &TestServer::registration(&phones[3], "berk"),
        )
        .await
        .expect(201);
    server.run_due_jobs().await;
    let quota = ayse.until("quota").await;
    assert_eq!(quota["quota"]["bonus"], 4);
    let told = ayse.until("notification").await;
    assert!(told.to_string().contains("referral_rewarded"), "{told}");
    drop(ayse);
    server.stop().await;
}

async fn the_overview_is_for_moderators_and_counts_the_day(server: TestServer) {
    let (mut a, b, id) = pair(&server).await;
    a.say(&id, 1, "selam").await;
    let moderator = server.register("bakan").await;
    server
        .get("/v1/admin/overview", &moderator.access)
        .await
        .expect_problem(403, "forbidden");
    server
        .get("/v1/admin/overview", "")
        .await
        .expect_problem(401, "unauthorized");
    server
        .count(&format!(
            "UPDATE users SET role = 'moderator' WHERE id = {} RETURNING id",
            moderator.id
        ))
        .await;
    // The next hour counts what happened in this one.
    server.clock.advance(Duration::from_hours(1));
    let moderator = server.login(&moderator.phone).await;
    server.run_due_jobs().await;
    let today = json!({"day": "2026-11-21", "registrations": 3, "text_matches": 1, "video_matches": 0, "messages": 1, "claims": 0,
        "claims_approved": 0, "reports": 0, "bans": 0, "active_users": 3, "complete": false});
    let counted = async || {
        server
            .get("/v1/admin/overview", &moderator.access)
            .await
            .expect(200)
    };
    eventually("the hour is counted", async || {
        counted().await["days"][0] == today
    })
    .await;
    let totals = json!({"users": 3, "premium_users": 0, "active_matches": 1, "pending_claims": 0, "open_reports": 0, "open_appeals": 0,
        "provisional_bans": 0, "dead_jobs": 0});
    assert_eq!(counted().await["totals"], totals);
    drop((a, b));
    server.stop().await;
}
