//! Every list of the document: what it refuses, and that its pages follow each other while
//! something is added.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{PASSWORD, TestServer, TestUser},
    routes::{Needs, Operation, operations},
    sockets::{Person, meet},
};

scenarios! {
    // Each step signs the reader in once more: the list of sessions grows, too.
    @with &[("TEBDIL_WORKERS__ENABLED", "false"), ("TEBDIL_AUTH__MAX_SESSIONS", "1000")];
    every_list_has_stable_pages,
}

/// Answers with `items` that need no pages.
const BOUNDED: &[&str] = &[
    // None or one.
    "get /v1/ads",
    // The one of a ban.
    "get /v1/appeals",
    // One for each of 90 days.
    "get /v1/admin/ads/{id}/days",
    // The kinds of jobs.
    "get /v1/admin/jobs/queues",
    // Its head only: whoever has decided that asks again.
    "get /v1/admin/reports/queue",
];

/// Lists that [`filled`] puts nothing into.
const NOT_FILLED: &[&str] = &[];

const THREE: usize = 3;

/// An admin who has three of everything that comes in lists, and the id of a match with three
/// messages for this device.
async fn filled(server: &TestServer) -> (TestUser, String) {
    let mut admin = Person::new(server, "selin").await;
    server.make_admin(&admin.user).await;
    let mut matches = Vec::new();
    for number in 0..THREE {
        let mut peer = Person::new(server, &format!("kedi{number}")).await;
        matches.push(meet(server, &mut admin, &mut peer, "text").await);
    }
    let mut talks = Person::new(server, "papagan").await;
    let newest = meet(server, &mut admin, &mut talks, "text").await;
    for seq in (1..).take(THREE) {
        talks.say(&newest, seq, "selam").await;
    }
    server.clock.advance(Duration::from_hours(2));
    let admin = server.renewed(admin.user).await;
    for id in &matches {
        server
            .post("/v1/claims", &admin.access, &json!({"match_id": id}))
            .await
            .expect(201);
        server
            .post(
                "/v1/reports",
                &admin.access,
                &json!({"match_id": id, "reason": "spam"}),
            )
            .await
            .expect(201);
        let banned = server.register("kopek").await;
        let path = format!("/v1/admin/users/{}/ban", banned.id);
        server
            .post(&path, &admin.access, &json!({"reason": "spam"}))
            .await
            .expect(201);
        server.appeal(&banned.phone).await;
        add(server, &admin, true).await;
    }
    server.run_due_jobs().await;
    for id in &matches {
        server
            .post("/v1/blocks", &admin.access, &json!({"match_id": id}))
            .await
            .expect(201);
    }
    (admin, newest)
}

/// One more of what is added easily, later than what is there: ids of several nodes are in the
/// order of their time. A day has room for few invitations.
async fn add(server: &TestServer, admin: &TestUser, invite: bool) {
    server.clock.advance(Duration::from_secs(1));
    let post =
        async |path: &str, body: Value| server.post(path, &admin.access, &body).await.expect(201);
    server.register("yeni").await;
    server.login(&admin.phone).await;
    post(
        "/v1/admin/ads",
        json!({"title": "Çay", "content": "Sıcak çay"}),
    )
    .await;
    // Signed in hours ago.
    server
        .post(
            "/v1/admin/confirm",
            &admin.access,
            &json!({ "password": PASSWORD }),
        )
        .await
        .expect(204);
    post(
        "/v1/admin/announcements",
        json!({"tr": "Selam", "en": "Hello"}),
    )
    .await;
    if invite {
        post("/v1/referrals", json!({"phone": server.phone()})).await;
    }
}

async fn every_list_has_stable_pages(server: TestServer) {
    let document = server.get("/openapi.json", "").await.expect(200);
    let (admin, newest) = filled(&server).await;
    let has = |names: &[String], name: &str| names.iter().any(|known| known == name);
    let mut lists = 0;
    for operation in operations(&document)
        .iter()
        .filter(|operation| operation.method == Method::GET)
    {
        let (name, answer) = (operation.name(), &operation.answer);
        if !has(&operation.query, "limit") {
            assert!(
                !has(answer, "items") || BOUNDED.contains(&name.as_str()),
                "{name}: a list without pages"
            );
            continue;
        }
        assert!(
            has(&operation.query, "cursor") && has(answer, "items") && has(answer, "next_cursor"),
            "{name}: not in the form of a list"
        );
        if let Needs::Other(_) = operation.needs {
            continue;
        }
        lists += 1;
        check(&server, &admin, operation, &newest).await;
    }
    assert!(lists >= 14, "the document was read: {lists}");
    server.stop().await;
}

async fn check(server: &TestServer, admin: &TestUser, operation: &Operation, newest: &str) {
    let (name, path) = (operation.name(), operation.filled(newest));
    for wrong in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=x",
        "limit=",
        "cursor=x",
        "cursor=",
        "cursor=LTE",
        "cursor=MA",
        "cursor=%00",
    ] {
        let problem = server
            .get(&format!("{path}?{wrong}"), &admin.access)
            .await
            .expect_problem(422, "invalid_field");
        assert_eq!(
            problem["errors"][0]["field"],
            wrong.split('=').next().expect("a name"),
            "{name}?{wrong}"
        );
    }
    let page = async |limit: usize, cursor: &Value| {
        let cursor = cursor
            .as_str()
            .map(|cursor| format!("&cursor={cursor}"))
            .unwrap_or_default();
        let page = server
            .get(&format!("{path}?limit={limit}{cursor}"), &admin.access)
            .await
            .expect(200);
        (ids(&page, &name), page["next_cursor"].clone())
    };
    let (whole, end) = page(100, &Value::Null).await;
    assert_eq!(end, Value::Null, "{name}");
    assert!(
        whole.len() >= THREE || NOT_FILLED.contains(&name.as_str()),
        "{name}: put something into it above: {whole:?}"
    );
    let mut walked = Vec::new();
    let mut cursor = Value::Null;
    for number in 0.. {
        let (mut items, next) = page(1, &cursor).await;
        assert!(items.len() <= 1 && number <= whole.len(), "{name}");
        walked.append(&mut items);
        cursor = next;
        if cursor.is_null() {
            break;
        }
        if number == 0 {
            add(server, admin, name.ends_with("/referrals")).await;
        }
    }
    assert_eq!(walked, whole, "{name}");
}

/// What the items of a page are known by.
fn ids(page: &Value, name: &str) -> Vec<String> {
    let items = page["items"].as_array().expect("items").iter();
    let id = |item: &Value| {
        item["id"]
            .as_str()
            .map(str::to_owned)
            .or_else(|| Some(item["seq"].as_i64()?.to_string()))
            .unwrap_or_else(|| panic!("{name}: {item}"))
    };
    items.map(id).collect()
}
