//! What is bought holds at once, once, and whatever the order in which one hears of it.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Method, header::HeaderValue};
use serde_json::{Value, json};
use sha2::Sha256;
use tebdil_protocol::{Secret, domain::UserRole, time::Timestamp};
use tokio::task::JoinSet;

use crate::{
    harness::{Reply, TestServer, TestUser},
    sockets::Person,
};

mod admin;
mod signatures;

const SECRET: &str = "whsec_0123456789abcdef";

scenarios! {
    @with &[("TEBDIL_BILLING__WEBHOOK_SECRETS", "whsec_0123456789abcdef, whsec_of_the_last_year")];
    a_purchase_lets_one_search_at_once,
    a_hundred_deliveries_are_one_event,
    a_refund_that_comes_before_its_purchase_wins,
    what_cannot_be_placed_is_refused_and_recorded,
    a_purchase_runs_out_with_its_grace,
}

mod closed {
    use super::super::billing::without_secrets_there_are_no_events;
    scenarios! { without_secrets_there_are_no_events }
}

const DAY: Duration = Duration::from_hours(24);

fn signature(secret: &str, seconds: i64, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .expect("any length")
        .chain_update(format!("{seconds}.{body}"));
    mac.finalize()
        .into_bytes()
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

async fn deliver_as(server: &TestServer, header: &str, body: &str) -> Reply {
    // The same key for all: it must neither answer for a signature nor mix events up.
    let request = server
        .request(Method::POST, "/v1/billing/events", None)
        .header("Idempotency-Key", "delivery");
    let header = HeaderValue::from_str(header).expect("a header");
    server
        .send(
            request
                .header("Tebdil-Signature", header)
                .header("Content-Type", "application/json")
                .body(body.to_owned()),
        )
        .await
}

async fn deliver_text(server: &TestServer, body: &str) -> Reply {
    let seconds = server.clock.now().seconds();
    deliver_as(
        server,
        &format!("t={seconds},v1={}", signature(SECRET, seconds, body)),
        body,
    )
    .await
}

async fn deliver(server: &TestServer, event: &Value) -> Reply {
    deliver_text(server, &event.to_string()).await
}

async fn status(server: &TestServer, user: &TestUser) -> Value {
    server
        .get("/v1/subscription", &user.access)
        .await
        .expect(200)
}

async fn token(server: &TestServer, user: &TestUser) -> String {
    status(server, user).await["account_token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

fn event(id: &str, kind: &str, at: Timestamp, token: &str, ends_at: Timestamp) -> Value {
    json!({
        "id": id, "type": kind, "occurred_at": at,
        "subscription": {
            "id": format!("sub-of-{token}"), "plan": "monthly", "account_token": token, "starts_at": at - DAY, "ends_at": ends_at,
        },
    })
}

async fn quota(server: &TestServer, user: &TestUser) -> Value {
    server.get("/v1/me/quota", &user.access).await.expect(200)
}

/// A user who is an admin.
async fn admin(server: &TestServer) -> TestUser {
    let user = server.register("ayten").await;
    let phone = server
        .app
        .accounts
        .phone_index(&Secret::from(user.phone.as_str()))
        .expect("a phone number");
    server
        .app
        .store
        .accounts()
        .set_role_of_phone(&phone, UserRole::Admin, server.clock.now())
        .await
        .expect("a role")
        .expect("an account");
    user
}

async fn a_purchase_lets_one_search_at_once(server: TestServer) {
    let (admin, mut a) = (admin(&server).await, Person::new(&server, "ayse").await);
    let take = json!({"bucket": "text", "amount": -10, "reference": "empty"});
    server
        .post(
            &format!("/v1/admin/users/{}/quota", a.user.id),
            &admin.access,
            &take,
        )
        .await
        .expect(200);
    assert_eq!(a.until("quota").await["quota"]["text"], 0);
    assert_eq!(
        a.refused(json!({"type": "match.find", "mode": "text"}))
            .await,
        "quota_exhausted"
    );

    let (now, token) = (server.clock.now(), token(&server, &a.user).await);
    let receipt = deliver(
        &server,
        &event("e1", "purchased", now, &token, now + 30 * DAY),
    )
    .await
    .expect(200);
    assert_eq!(receipt, json!({"outcome": "applied", "repeated": false}));
    let heard = a.until("quota").await;
    assert_eq!(
        (&heard["quota"]["text"], &heard["quota"]["daily_text"]),
        (&json!(90), &json!(100)),
        "{heard}"
    );
    let told = a.until("notification").await;
    assert_eq!(
        (
            &told["notification"]["data"]["code"],
            &told["notification"]["data"]["plan"]
        ),
        (&json!("premium_started"), &json!("monthly"))
    );
    let mut b = Person::new(&server, "berk").await;
    a.find().await;
    b.find().await;
    a.found().await;
    assert_eq!(quota(&server, &a.user).await["text"], 89);
    assert_eq!(
        server.get("/v1/me", &a.user.access).await.expect(200)["is_premium"],
        true
    );
    let shown = status(&server, &a.user).await;
    assert_eq!(
        (&shown["plan"], &shown["active"], &shown["in_grace"]),
        (&json!("monthly"), &json!(true), &json!(false))
    );
    assert_eq!(
        (&shown["renews"], &shown["is_premium"], &shown["end"]),
        (&json!(true), &json!(true), &json!(now + 30 * DAY))
    );
    server.stop().await;
}

async fn a_hundred_deliveries_are_one_event(server: TestServer) {
    let mut person = Person::new(&server, "ayse").await;
    let (now, token) = (server.clock.now(), token(&server, &person.user).await);
    let body = event("e1", "purchased", now, &token, now + DAY).to_string();
    let header = format!(
        "t={},v1={}",
        now.seconds(),
        signature(SECRET, now.seconds(), &body)
    );
    let mut set = JoinSet::new();
    for _ in 0..100 {
        let request = server
            .request(Method::POST, "/v1/billing/events", None)
            .header("Tebdil-Signature", &header)
            .body(body.clone());
        set.spawn(async move {
            let answer = request.send().await.expect("an answer");
            (
                answer.status().as_u16(),
                answer.json::<Value>().await.expect("JSON"),
            )
        });
    }
    let answers = set.join_all().await;
    assert!(
        answers
            .iter()
            .all(|(status, body)| *status == 200 && body["outcome"] == "applied"),
        "{answers:?}"
    );
    assert_eq!(
        answers
            .iter()
            .filter(|(_, body)| body["repeated"] == false)
            .count(),
        1
    );
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM subscriptions")
            .await,
        1
    );
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM notifications")
            .await,
        1
    );
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM quota_ledger WHERE reason = 'premium'")
            .await,
        2
    );
    assert_eq!(quota(&server, &person.user).await["text"], 100);
    person.until("notification").await;
    person.hears_no("notification").await;

    // The same in other words is the same; something else under its id is not.
    let mut reordered = serde_json::from_str::<Value>(&body).expect("JSON");
    assert_eq!(
        deliver_text(&server, &format!("{reordered:#}"))
            .await
            .expect(200),
        json!({"outcome": "applied", "repeated": true})
    );
    reordered["subscription"]["ends_at"] = json!(now + 300 * DAY);
    deliver(&server, &reordered)
        .await
        .expect_problem(409, "event_conflict");
    assert_eq!(status(&server, &person.user).await["end"], json!(now + DAY));
    assert_eq!(server.count("SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE action = 'billing_event_conflict'").await, 1);
    server.stop().await;
}

async fn a_refund_that_comes_before_its_purchase_wins(server: TestServer) {
    let (ayse, berk) = (server.register("ayse").await, server.register("berk").await);
    let (now, mine) = (server.clock.now(), token(&server, &ayse).await);
    let ends_at = now + 30 * DAY;
    let minute = |minutes| now - Duration::from_mins(minutes);
    assert_eq!(
        deliver(&server, &event("r", "refunded", minute(1), &mine, ends_at))
            .await
            .expect(200)["outcome"],
        "applied"
    );
    assert_eq!(
        deliver(&server, &event("p", "purchased", minute(2), &mine, ends_at))
            .await
            .expect(200)["outcome"],
        "stale"
    );
    let shown = status(&server, &ayse).await;
    assert_eq!(
        (&shown["active"], &shown["is_premium"], &shown["end"]),
        (&json!(false), &json!(false), &json!(minute(1)))
    );

    // A cancellation leaves what is paid, and a renewal older than the newest known takes nothing
    // back.
    let theirs = token(&server, &berk).await;
    deliver(
        &server,
        &event("c", "cancelled", minute(1), &theirs, ends_at),
    )
    .await
    .expect(200);
    for (id, kind, at, end) in [
        ("b", "purchased", minute(9), now + DAY),
        ("n", "renewed", minute(2), now + 2 * DAY),
    ] {
        assert_eq!(
            deliver(&server, &event(id, kind, at, &theirs, end))
                .await
                .expect(200)["outcome"],
            "stale"
        );
    }
    let shown = status(&server, &berk).await;
    assert_eq!(
        (&shown["active"], &shown["renews"], &shown["end"]),
        (&json!(true), &json!(false), &json!(ends_at))
    );
    server.stop().await;
}

async fn what_cannot_be_placed_is_refused_and_recorded(server: TestServer) {
    let user = server.register("ayse").await;
    let (now, token) = (server.clock.now(), token(&server, &user).await);
    let mut unknown = event("e1", "purchased", now, &token, now + DAY);
    unknown["subscription"]["plan"] = json!("lifetime");
    for _ in 0..2 {
        deliver(&server, &unknown)
            .await
            .expect_problem(422, "unknown_plan");
        deliver(
            &server,
            &event("e2", "purchased", now, "nobody's token", now + DAY),
        )
        .await
        .expect_problem(422, "unknown_account");
    }
    for action in ["billing_unknown_plan", "billing_unknown_account"] {
        let sql =
            format!("SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE action = '{action}'");
        assert_eq!(server.count(&sql).await, 1, "{action}");
    }
    server.run_due_jobs().await;
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM subscriptions")
            .await,
        0
    );
    assert_eq!(status(&server, &user).await["plan"], Value::Null);
    assert_eq!(
        server
            .count(
                "SELECT CAST(COUNT(*) AS BIGINT) FROM billing_events WHERE outcome = 'unknown_plan'"
            )
            .await,
        1
    );
    server.stop().await;
}

async fn a_purchase_runs_out_with_its_grace(server: TestServer) {
    let mut person = Person::new(&server, "ayse").await;
    let (now, token) = (server.clock.now(), token(&server, &person.user).await);
    let ends_at = now + Duration::from_mins(5);
    deliver(&server, &event("e1", "purchased", now, &token, ends_at))
        .await
        .expect(200);
    person.until("notification").await;
    server.clock.set(ends_at);
    server.run_due_jobs().await;
    let shown = status(&server, &person.user).await;
    assert_eq!(
        (&shown["active"], &shown["in_grace"], &shown["is_premium"]),
        (&json!(true), &json!(true), &json!(true))
    );

    // It listens before the end: the nodes' own workers may be the ones that see it.
    server.clock.set(ends_at + Duration::from_mins(59));
    let again = server.login(&person.user.phone).await;
    person = Person {
        socket: crate::sockets::connect(&server, &again).await,
        user: again,
    };
    server.clock.set(ends_at + Duration::from_mins(61));
    server.run_due_jobs().await;
    assert_eq!(
        person.until("notification").await["notification"]["data"],
        json!({"code": "premium_ended", "plan": "monthly"})
    );
    let shown = status(&server, &person.user).await;
    assert_eq!(
        (&shown["active"], &shown["in_grace"], &shown["is_premium"]),
        (&json!(false), &json!(false), &json!(false))
    );
    assert_eq!(shown["account_token"], token.as_str());
    assert_eq!(quota(&server, &person.user).await["daily_text"], 10);
    server.stop().await;
}

async fn without_secrets_there_are_no_events(server: TestServer) {
    let user = server.register("ayse").await;
    let (now, token) = (server.clock.now(), token(&server, &user).await);
    deliver(&server, &event("e1", "purchased", now, &token, now + DAY))
        .await
        .expect_problem(404, "not_found");
    let body = "{}";
    deliver_as(
        &server,
        &format!(
            "t={},v1={}",
            now.seconds(),
            signature("", now.seconds(), body)
        ),
        body,
    )
    .await
    .expect_problem(404, "not_found");
    server.stop().await;
}
