//! Evidence that is none.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use tebdil_protocol::MAX_SEQ;

use super::{SETTINGS, said, with};
use crate::{
    harness::TestServer,
    reports::{Said, handle, report},
    sockets::{Person, pair},
};

scenarios! {
    @with super::SETTINGS;
    what_was_not_said_is_refused_with_the_reason,
    what_is_malformed_is_refused,
}

/// `value` with one bit of the bytes at a path changed.
fn flipped(value: &Value, path: &str) -> Value {
    let mut changed = value.clone();
    let place = changed.pointer_mut(path).expect("there");
    let mut bytes = STANDARD
        .decode(place.as_str().expect("base64"))
        .expect("base64");
    bytes[1] ^= 1;
    *place = json!(STANDARD.encode(bytes));
    changed
}

async fn is_refused_with(
    server: &TestServer,
    a: &Person,
    b: &Person,
    id: &str,
    bs: &str,
    bad: Value,
    field: &str,
) {
    // The first one is good, and nothing of it is kept.
    let first = Said {
        seq: 6,
        ..said(server, id, [&a.user, &b.user], bs)
    }
    .text(server, "ilk");
    let problem = report(server, &a.user, id, &[first, bad])
        .await
        .expect_problem(422, "evidence_invalid");
    let error = &problem["errors"][0];
    assert_eq!(
        (&error["field"], &error["code"]),
        (
            &json!(format!("evidence[1].{field}")),
            &json!("evidence_invalid")
        )
    );
    assert!(!problem.to_string().contains("selam"), "{problem}");
}

async fn what_was_not_said_is_refused_with_the_reason(server: TestServer) {
    let (a, b, id) = pair(&server).await;
    let [aa, bs] = [
        handle(&server, &a.user).await,
        handle(&server, &b.user).await,
    ];
    let there = said(&server, &id, [&a.user, &b.user], &bs);
    let good = there.text(&server, "selam");
    let later = there.sent_at + Duration::from_millis(1);
    let own = Said {
        sender: &a.user,
        recipient: &b.user,
        handle: &aa,
        seq: 9,
        ..said(&server, &id, [&a.user, &b.user], &bs)
    };
    let other = Said {
        match_id: "5",
        ..said(&server, &id, [&a.user, &b.user], &bs)
    };
    for (bad, field) in [
        (flipped(&good, "/content"), "franking_tag"),
        (flipped(&good, "/salt"), "franking_tag"),
        (flipped(&good, "/franking_tag"), "franking_tag"),
        (
            with(&good, "/sender_handle", json!("baska#0001")),
            "franking_tag",
        ),
        (with(&good, "/match_id", json!("5")), "match_id"),
        (
            with(&other.text(&server, "selam"), "/match_id", json!(id)),
            "franking_tag",
        ),
        (flipped(&good, "/frank/mac"), "frank.mac"),
        (flipped(&good, "/ciphertext_sha256"), "frank.mac"),
        (with(&good, "/sent_at", json!(later)), "frank.mac"),
        (with(&good, "/seq", json!(8)), "frank.mac"),
        (with(&good, "/frank/kid", json!("lost")), "frank.kid"),
        (own.text(&server, "kendi sözüm"), "frank.mac"),
        (with(&good, "/salt", json!("AAAA")), "salt"),
        (with(&good, "/frank/mac", json!("")), "frank.mac"),
        (there.content(&server, &[0xff, 0xfe]), "content"),
        (
            there.content(
                &server,
                format!(
                    "{{\"type\":\"text\",\"text\":\"{}\"}}",
                    "x".repeat(16 * 1024)
                )
                .as_bytes(),
            ),
            "content",
        ),
    ] {
        is_refused_with(&server, &a, &b, &id, &bs, bad, field).await;
    }
    let twice = report(&server, &a.user, &id, &[good.clone(), good.clone()])
        .await
        .expect_problem(422, "evidence_invalid");
    assert_eq!(twice["errors"][0]["field"], "evidence[1].seq");
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM reports")
            .await,
        0
    );
    let largest = Said {
        seq: MAX_SEQ,
        ..there
    };
    // A client in JavaScript shows it, whatever other parsers say.
    let odd = Said {
        seq: 12,
        ..said(&server, &id, [&a.user, &b.user], &bs)
    };
    let odd = odd.content(&server, br#"{"type":"text","text":"selam \ud800"}"#);
    let evidence = [largest.text(&server, "elveda"), good, odd];
    report(&server, &a.user, &id, &evidence).await.expect(201);
    drop((a, b));
    server.stop().await;
}

/// Twenty of the longest messages fit, with and without a key; more than that is no report.
async fn twenty_of_the_longest_fit(
    server: &TestServer,
    a: &Person,
    b: &Person,
    id: &str,
    bs: &str,
) {
    let longest = format!("{{\"type\":\"text\",\"text\":\"{}\"}}", "x".repeat(15_800));
    let evidence: Vec<Value> = (0..20)
        .map(|before| Said {
            seq: before + 1,
            ..said(server, id, [&a.user, &b.user], bs)
        })
        .map(|said| said.content(server, longest.as_bytes()))
        .collect();
    let body =
        json!({"match_id": id, "reason": "spam", "note": "ş".repeat(1000), "evidence": evidence});
    let mut large = body.clone();
    large["note"] = json!("x".repeat(512 * 1024));
    server
        .post("/v1/reports", &a.user.access, &large)
        .await
        .expect_problem(413, "payload_too_large");
    let keyed = || {
        server
            .request(Method::POST, "/v1/reports", Some(&a.user.access))
            .header("idempotency-key", "bir")
            .json(&body)
    };
    let made = server.send(keyed()).await.expect(201);
    assert_eq!(
        server.send(keyed()).await.expect(201),
        made,
        "the first answer again"
    );
    server
        .post("/v1/reports", &a.user.access, &body)
        .await
        .expect_problem(409, "already_reported");
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM reports WHERE evidence_count = 20")
            .await,
        1
    );
}

/// The other message is good, and nothing of it is kept.
async fn no_message_has_such_a_number(server: &TestServer, a: &Person, id: &str, good: &Value) {
    for seq in [
        json!(0),
        json!(-1),
        json!(1.5),
        json!("1"),
        json!(MAX_SEQ + 1),
        Value::Null,
    ] {
        let evidence = [good.clone(), with(good, "/seq", seq)];
        let problem = report(server, &a.user, id, &evidence)
            .await
            .expect_problem(422, "invalid_field");
        assert_eq!(problem["errors"][0]["field"], "evidence[1].seq");
    }
}

async fn what_is_malformed_is_refused(server: TestServer) {
    let (a, b, id) = pair(&server).await;
    let bs = handle(&server, &b.user).await;
    let good = said(&server, &id, [&a.user, &b.user], &bs).text(&server, "selam");
    for (wrong, code, field) in [
        (json!({"match_id": id}), "invalid_field", "reason"),
        (
            json!({"match_id": id, "reason": "boring"}),
            "invalid_field",
            "reason",
        ),
        (
            json!({"match_id": 7, "reason": "spam"}),
            "invalid_field",
            "match_id",
        ),
        (
            json!({"match_id": id, "reason": "spam", "colour": "red"}),
            "unknown_field",
            "colour",
        ),
        (
            json!({"match_id": id, "reason": "spam", "note": ""}),
            "invalid_field",
            "note",
        ),
        (
            json!({"match_id": id, "reason": "spam", "note": "ş".repeat(1001)}),
            "invalid_field",
            "note",
        ),
        (
            json!({"match_id": id, "reason": "spam", "note": "a\u{7}b"}),
            "invalid_field",
            "note",
        ),
        (
            json!({"match_id": id, "reason": "spam", "evidence": vec![good.clone(); 21]}),
            "invalid_field",
            "evidence",
        ),
        (
            json!({"match_id": id, "reason": "spam", "evidence": [with(&good, "/salt", json!("?"))]}),
            "invalid_field",
            "evidence[0].salt",
        ),
    ] {
        let problem = server
            .post("/v1/reports", &a.user.access, &wrong)
            .await
            .expect_problem(422, code);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    no_message_has_such_a_number(&server, &a, &id, &good).await;
    twenty_of_the_longest_fit(&server, &a, &b, &id, &bs).await;
    drop((a, b));
    server.stop().await;
}
