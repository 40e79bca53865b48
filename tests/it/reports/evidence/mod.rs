//! What was said is proven, or refused.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Said, handle, moderator, report, resolve, told};
use crate::{
    harness::{TestServer, TestUser},
    sockets::{Person, pair},
};

mod refusals;

/// Tokens outlive the days that go by, and jobs run when the scenario says so.
const SETTINGS: &[(&str, &str)] = &[
    ("TEBDIL_AUTH__ACCESS_TTL_S", "1728000"),
    ("TEBDIL_WORKERS__ENABLED", "false"),
];

scenarios! {
    @with super::SETTINGS;
    a_moderator_reads_what_was_said_and_warns,
    a_report_is_possible_for_a_week_whatever_the_peer_does,
}

/// What `a` was told by `b` in their match.
fn said<'a>(
    server: &TestServer,
    id: &'a str,
    [a, b]: [&'a TestUser; 2],
    handle: &'a str,
) -> Said<'a> {
    Said {
        match_id: id,
        sender: b,
        recipient: a,
        handle,
        seq: 7,
        sent_at: server.clock.now(),
    }
}

fn nothing_lies_in_clear(server: &TestServer) {
    for file in server.database_files() {
        let bytes = std::fs::read(&file).expect("the file");
        for secret in ["gizlikelime", "çok kaba", &STANDARD.encode("gizlikelime")] {
            assert!(
                !bytes
                    .windows(secret.len())
                    .any(|window| window == secret.as_bytes()),
                "{secret} lies in {}",
                file.display()
            );
        }
    }
}

async fn it_waits_in_the_queue(
    server: &TestServer,
    moderator: &TestUser,
    a: &Person,
    b: &Person,
    bs: &str,
    list: &str,
) {
    let queue = server
        .get(
            &format!("{list}?status=open&reported={}", b.user.id),
            &moderator.access,
        )
        .await
        .expect(200);
    let item = &queue["items"][0];
    assert_eq!(queue["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        item["reported"],
        json!({"user_id": b.user.id, "handle": bs, "is_banned": false})
    );
    let reporter = json!({"user_id": a.user.id, "handle": handle(server, &a.user).await,
        "decided": 0, "dismissed": 0, "unreliable": false, "counts": true});
    assert_eq!(item["reporter"], reporter);
    assert_eq!(
        (&item["note"], &item["evidence_count"], &item["reporters"]),
        (&json!("çok kaba"), &json!(3), &json!(1))
    );
    assert_eq!(
        (
            item.get("evidence"),
            item.get("resolution"),
            &item["provisional_ban"]
        ),
        (None, None, &Value::Null)
    );
    for query in [
        "status=lost",
        "reason=x",
        "reported=x",
        "reporter=0",
        "limit=0",
    ] {
        server
            .get(&format!("{list}?{query}"), &moderator.access)
            .await
            .expect_problem(422, "invalid_field");
    }
    for query in ["status=warned", "reason=spam", "reporter=1"] {
        assert_eq!(
            server
                .get(&format!("{list}?{query}"), &moderator.access)
                .await
                .expect(200)["items"],
            json!([])
        );
    }
}

async fn reading_is_recorded(
    server: &TestServer,
    moderator: &TestUser,
    b: &Person,
    list: &str,
    made: &Value,
    evidence: &[Value],
) {
    let one = format!("{list}/{}", made["id"].as_str().expect("an id"));
    server
        .get(&one, &b.user.access)
        .await
        .expect_problem(403, "forbidden");
    server
        .get(&format!("{list}/1"), &moderator.access)
        .await
        .expect_problem(404, "not_found");
    let read = server.get(&one, &moderator.access).await.expect(200);
    let texts: Vec<&str> = read["evidence"]
        .as_array()
        .expect("messages")
        .iter()
        .filter_map(|one| one["text"].as_str())
        .collect();
    assert_eq!(
        texts,
        ["gizlikelime üç", "gizlikelime iki", "gizlikelime bir"],
        "as they were sent"
    );
    let kid = evidence[0]["frank"]["kid"].clone();
    let newest = json!({"seq": 6, "text": "gizlikelime bir", "sent_at": server.clock.now(), "verified": true, "kid": kid});
    assert_eq!(read["evidence"][2], newest);
    assert_eq!(read["note"], "çok kaba");
    let logged = "SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE action = 'report_read'";
    assert_eq!(
        server
            .count(&format!(
                "{logged} AND actor_id = {} AND user_id = {}",
                moderator.id, b.user.id
            ))
            .await,
        1
    );
    assert_eq!(
        server
            .count(&format!("{logged} AND details LIKE '%gizlikelime%'"))
            .await,
        0
    );
}

async fn wrong_decisions_are_refused(server: &TestServer, moderator: &TestUser, made: &Value) {
    for (wrong, field) in [
        (json!({"decision": "warn", "note": " "}), "note"),
        (
            json!({"decision": "warn", "note": "n".repeat(1001)}),
            "note",
        ),
        (
            json!({"decision": "warn", "note": "n", "until": "2030-01-01T00:00:00.000Z"}),
            "until",
        ),
        (
            json!({"decision": "ban", "note": "n", "until": server.clock.now()}),
            "until",
        ),
        (json!({"decision": "forgive", "note": "n"}), "decision"),
    ] {
        let problem = resolve(server, moderator, made, &wrong)
            .await
            .expect_problem(422, "invalid_field");
        assert_eq!(problem["errors"][0]["field"], field);
    }
}

async fn it_is_counted(server: &TestServer) {
    let numbers = server
        .send(server.request_to(&server.metrics, Method::GET, "/metrics", None))
        .await
        .body
        .to_string();
    if server.node_count() == 1 {
        assert!(
            numbers.contains("tebdil_reports_total{reason=\\\"harassment\\\"}"),
            "{numbers}"
        );
    }
}

async fn a_moderator_reads_what_was_said_and_warns(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let moderator = moderator(&server, "denetci").await;
    let bs = handle(&server, &b.user).await;
    let mut said = said(&server, &id, [&a.user, &b.user], &bs);
    let mut evidence = Vec::new();
    for (number, text) in ["gizlikelime bir", "gizlikelime iki", "gizlikelime üç"]
        .into_iter()
        .enumerate()
    {
        said.seq -= 1;
        said.sent_at = server.clock.now() - Duration::from_secs(number as u64);
        evidence.push(said.text(&server, text));
    }
    let list = "/v1/admin/reports";
    server
        .get(list, &a.user.access)
        .await
        .expect_problem(403, "forbidden");
    let made = report(&server, &a.user, &id, &evidence).await.expect(201);
    let expected = json!({"id": made["id"], "match_id": id, "reason": "harassment", "status": "open", "created_at": server.clock.now()});
    assert_eq!(made, expected);
    report(&server, &a.user, &id, &evidence)
        .await
        .expect_problem(409, "already_reported");
    assert_eq!(
        server.get("/v1/reports", &a.user.access).await.expect(200),
        json!({"items": [made], "next_cursor": null})
    );
    assert_eq!(
        server.get("/v1/reports", &b.user.access).await.expect(200)["items"],
        json!([])
    );
    nothing_lies_in_clear(&server);

    it_waits_in_the_queue(&server, &moderator, &a, &b, &bs, list).await;

    reading_is_recorded(&server, &moderator, &b, list, &made, &evidence).await;

    wrong_decisions_are_refused(&server, &moderator, &made).await;
    let word = json!({"decision": "warn", "note": "ilk uyarı"});
    resolve(&server, &a.user, &made, &word)
        .await
        .expect_problem(403, "forbidden");
    let decided = resolve(&server, &moderator, &made, &word).await.expect(200);
    assert_eq!(
        (&decided["status"], &decided["reporter"]["decided"]),
        (&json!("warned"), &json!(1))
    );
    assert_eq!(
        decided["resolution"],
        json!({"by": moderator.id, "at": server.clock.now(), "note": "ilk uyarı"})
    );
    assert_eq!(
        told(&mut b).await,
        json!({"code": "warned", "reason": "harassment"})
    );
    assert_eq!(
        told(&mut a).await,
        json!({"code": "report_resolved", "acted": true})
    );
    resolve(&server, &moderator, &made, &word)
        .await
        .expect_problem(409, "already_decided");
    resolve(&server, &moderator, &json!({"id": "1"}), &word)
        .await
        .expect_problem(404, "not_found");
    assert_eq!(
        server.get("/v1/reports", &a.user.access).await.expect(200)["items"][0]["status"],
        "warned"
    );
    it_is_counted(&server).await;
    drop((a, b));
    server.stop().await;
}

/// `value` with something else at a path.
fn with(value: &Value, path: &str, other: Value) -> Value {
    let mut changed = value.clone();
    *changed.pointer_mut(path).expect("there") = other;
    changed
}

async fn a_week_later_it_is_too_late(server: &TestServer, moderator: &TestUser) {
    let (c, d, id) = pair(server).await;
    let ds = handle(server, &d.user).await;
    let evidence = [said(server, &id, [&c.user, &d.user], &ds).text(server, "selam")];
    let ended = server.clock.now();
    server
        .post(
            &format!("/v1/matches/{id}/leave"),
            &d.user.access,
            &Value::Null,
        )
        .await
        .expect(200);
    server
        .call(
            Method::PATCH,
            "/v1/me",
            &d.user.access,
            &json!({"alias": "bambaska"}),
        )
        .await
        .expect(200);
    server
        .post("/v1/blocks", &c.user.access, &json!({"match_id": id}))
        .await
        .expect(201);
    let week = Duration::from_hours(7 * 24);
    server.clock.set(ended + week);
    report(server, &c.user, &id, &evidence)
        .await
        .expect_problem(422, "not_reportable");
    server.clock.set(ended + week - Duration::from_millis(1));
    let made = report(server, &c.user, &id, &evidence).await.expect(201);
    let read = server
        .get(
            &format!("/v1/admin/reports/{}", made["id"].as_str().expect("an id")),
            &moderator.access,
        )
        .await
        .expect(200);
    assert_eq!(
        (&read["evidence"][0]["text"], &read["reported"]["user_id"]),
        (&json!("selam"), &json!(d.user.id))
    );
    drop((c, d));
}

async fn a_report_is_possible_for_a_week_whatever_the_peer_does(server: TestServer) {
    let (a, b, id) = pair(&server).await;
    let stranger = server.register("yabanci").await;
    let bs = handle(&server, &b.user).await;
    let evidence = [said(&server, &id, [&a.user, &b.user], &bs).text(&server, "selam")];
    // It leaves, is blocked, takes another name and is banned.
    server
        .post(
            &format!("/v1/matches/{id}/leave"),
            &b.user.access,
            &Value::Null,
        )
        .await
        .expect(200);
    server
        .post("/v1/blocks", &a.user.access, &json!({"match_id": id}))
        .await
        .expect(201);
    server
        .call(
            Method::PATCH,
            "/v1/me",
            &b.user.access,
            &json!({"alias": "yepyeni"}),
        )
        .await
        .expect(200);
    let moderator = moderator(&server, "denetci").await;
    let back = report(&server, &b.user, &id, &[]).await.expect(201);
    let word = json!({"decision": "ban", "note": "n", "until": server.clock.now() + Duration::from_hours(24)});
    resolve(&server, &moderator, &back, &word).await.expect(200);
    report(&server, &a.user, &id, &evidence)
        .await
        .expect_problem(403, "banned");

    report(&server, &stranger, &id, &[])
        .await
        .expect_problem(404, "not_found");
    report(&server, &b.user, "5", &[])
        .await
        .expect_problem(404, "not_found");
    server
        .post(
            "/v1/reports",
            "",
            &json!({"match_id": id, "reason": "spam"}),
        )
        .await
        .expect_problem(401, "unauthorized");
    drop((a, b));

    a_week_later_it_is_too_late(&server, &moderator).await;
    server.stop().await;
}
