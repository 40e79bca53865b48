//! Who says that somebody has paid.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    DAY, SECRET, deliver, deliver_as, deliver_text, event, quota, signature, status, token,
};
use crate::harness::TestServer;

scenarios! {
    @with &[("TEBDIL_BILLING__WEBHOOK_SECRETS", "whsec_0123456789abcdef, whsec_of_the_last_year")];
    only_what_is_signed_now_and_by_the_provider_counts,
    what_is_signed_but_wrong_changes_nothing,
}

const OLD_SECRET: &str = "whsec_of_the_last_year";

async fn unsigned_and_signed_twice_is_refused(server: &TestServer, body: &str, signature: &str) {
    let unsigned = server
        .request(Method::POST, "/v1/billing/events", None)
        .body(body.to_owned());
    server
        .send(unsigned)
        .await
        .expect_problem(401, "signature_invalid");
    let twice = server
        .request(Method::POST, "/v1/billing/events", None)
        .header("Tebdil-Signature", signature);
    let twice = twice
        .header("Tebdil-Signature", signature)
        .body(body.to_owned());
    server
        .send(twice)
        .await
        .expect_problem(401, "signature_invalid");
}

async fn only_what_is_signed_now_and_by_the_provider_counts(server: TestServer) {
    let user = server.register("ayse").await;
    let (now, token) = (server.clock.now(), token(&server, &user).await);
    let body = event("e1", "purchased", now, &token, now + DAY).to_string();
    let seconds = now.seconds();
    let good = signature(SECRET, seconds, &body);
    let wrong = [
        String::new(),
        "garbage".to_owned(),
        format!("t={seconds}"),
        format!("v1={good}"),
        format!("t={seconds},v1={}", "0".repeat(64)),
        format!(
            "t={seconds},v1={}",
            signature("somebody else's secret", seconds, &body)
        ),
        format!("t={},v1={good}", seconds + 1),
        format!(
            "t={seconds},v1={}",
            signature(SECRET, seconds, &format!("{body} "))
        ),
        format!(
            "t={},v1={}",
            seconds - 301,
            signature(SECRET, seconds - 301, &body)
        ),
        format!(
            "t={},v1={}",
            seconds + 301,
            signature(SECRET, seconds + 301, &body)
        ),
    ];
    for header in wrong {
        deliver_as(&server, &header, &body)
            .await
            .expect_problem(401, "signature_invalid");
    }
    unsigned_and_signed_twice_is_refused(&server, &body, &format!("t={seconds},v1={good}")).await;
    let large = "x".repeat(70_000);
    deliver_text(&server, &large)
        .await
        .expect_problem(413, "payload_too_large");
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM billing_events")
            .await,
        0
    );
    assert_eq!(status(&server, &user).await["active"], false);

    // A secret that is being replaced, at the edge of the tolerance, among signatures of other
    // versions.
    let at = seconds - 300;
    let header = format!(
        "t={at},v0=x,v1={},v1={}",
        "0".repeat(64),
        signature(OLD_SECRET, at, &body)
    );
    assert_eq!(
        deliver_as(&server, &header, &body).await.expect(200)["outcome"],
        "applied"
    );
    // What was caught on the way and is sent again after a while.
    server.clock.advance(Duration::from_mins(5));
    deliver_as(&server, &header, &body)
        .await
        .expect_problem(401, "signature_invalid");
    server.stop().await;
}

async fn what_is_signed_but_wrong_changes_nothing(server: TestServer) {
    let user = server.register("ayse").await;
    let (now, token) = (server.clock.now(), token(&server, &user).await);
    let good = event("e1", "purchased", now, &token, now + DAY);
    for text in [
        "",
        "{",
        "[]",
        "null",
        "\"x\"",
        "[\"e1\",\"purchased\"]",
        "{} {}",
    ] {
        deliver_text(&server, text)
            .await
            .expect_problem(422, "invalid_field");
    }
    let with = |path: &str, value: Value| {
        let mut event = good.clone();
        *event.pointer_mut(path).expect("there") = value;
        event
    };
    for (path, value) in [
        ("/id", json!("")),
        ("/id", json!("x".repeat(129))),
        ("/id", json!(7)),
        ("/type", json!("stolen")),
        ("/occurred_at", json!("yesterday")),
        ("/occurred_at", json!(now + Duration::from_secs(301))),
        ("/occurred_at", json!("0001-01-01T00:00:00Z")),
        ("/subscription/id", json!("a\u{0}b")),
        ("/subscription/plan", json!("")),
        ("/subscription/account_token", json!("a\u{0}b")),
        ("/subscription/starts_at", json!("-009999-01-02T00:00:00Z")),
        ("/subscription/ends_at", json!("9999-01-01T00:00:00Z")),
        ("/subscription/ends_at", json!(now - 2 * DAY)),
    ] {
        deliver(&server, &with(path, value))
            .await
            .expect_problem(422, "invalid_field");
    }
    let mut more = good.clone();
    more["subscription"]["colour"] = json!("red");
    deliver(&server, &more)
        .await
        .expect_problem(422, "unknown_field");
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM billing_events")
            .await,
        0
    );
    assert_eq!(quota(&server, &user).await["text"], 10);
    deliver(&server, &good).await.expect(200);
    server.stop().await;
}
