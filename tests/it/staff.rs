//! Staff finds accounts, reads what happened, and is given roles.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    ads::staff,
    harness::{PASSWORD, TestServer, TestUser},
    sockets::{Person, connect, pair},
};

scenarios! {
    accounts_are_found_without_their_phones,
    a_role_holds_from_the_next_request_on,
    staff_reads_matches_and_the_record,
}

/// Between two acts whose order is looked at: ids of several nodes are in the order of their time.
const SECOND: Duration = Duration::from_secs(1);

/// By phone it is the admin's, in a body, and recorded.
async fn admins_find_by_phone(
    server: &TestServer,
    admin: &TestUser,
    moderator: &TestUser,
    user: &TestUser,
    shown: &Value,
) -> Value {
    let find = "/v1/admin/users/find";
    let national = format!("0{}", &user.phone[3..]);
    for phone in [&user.phone, &national] {
        server.clock.advance(SECOND);
        assert_eq!(
            server
                .post(find, &admin.access, &json!({"phone": phone}))
                .await
                .expect(200),
            json!({"items": [shown]})
        );
    }
    server.clock.advance(SECOND);
    assert_eq!(
        server
            .post(find, &admin.access, &json!({"phone": server.phone()}))
            .await
            .expect(200),
        json!({"items": []})
    );
    server
        .post(find, &admin.access, &json!({"phone": "12"}))
        .await
        .expect_problem(422, "invalid_phone");
    server
        .post(
            find,
            &admin.access,
            &json!({"phone": user.phone, "more": 1}),
        )
        .await
        .expect_problem(422, "unknown_field");
    server
        .post(find, &moderator.access, &json!({"phone": user.phone}))
        .await
        .expect_problem(403, "forbidden");
    let logs = server
        .get(
            "/v1/admin/system-logs?action=phone_looked_up",
            &moderator.access,
        )
        .await
        .expect(200);
    let logs = logs["items"].as_array().expect("items");
    assert_eq!(
        logs.iter()
            .map(|act| &act["details"]["found"])
            .collect::<Vec<_>>(),
        [0, 1, 1]
    );
    assert!(
        logs.iter().all(|act| act["actor_id"] == json!(admin.id)),
        "{logs:?}"
    );
    the_log_is_read_between_times(server, moderator, &logs[2]).await;
    json!(logs)
}

async fn the_log_is_read_between_times(server: &TestServer, moderator: &TestUser, first: &Value) {
    let time = first["created_at"].as_str().expect("a time");
    let path = "/v1/admin/system-logs?action=phone_looked_up";
    let found = async |bounds: String| {
        let path = format!("{path}&{bounds}");
        let logs = server.get(&path, &moderator.access).await.expect(200);
        logs["items"].as_array().expect("items").len()
    };
    assert_eq!(found(format!("until={time}")).await, 0, "not its end");
    assert_eq!(found(format!("from={time}")).await, 3);
    assert_eq!(found(format!("from={time}&until={time}")).await, 0);
    for field in ["from", "until"] {
        let problem = server
            .get(&format!("{path}&{field}=yesterday"), &moderator.access)
            .await
            .expect_problem(422, "invalid_field");
        assert_eq!(problem["errors"][0]["field"], field);
    }
}

async fn an_account_is_shown_without_its_phone(
    server: &TestServer,
    admin: &TestUser,
    moderator: &TestUser,
    user: &TestUser,
    me: &Value,
    shown: &Value,
    logs: &Value,
) {
    server
        .call(
            Method::PATCH,
            "/v1/me",
            &user.access,
            &json!({"location": {"lat": 41.0, "lon": 29.0}}),
        )
        .await
        .expect(200);
    let path = format!("/v1/admin/users/{}", user.id);
    let detail = server.get(&path, &moderator.access).await.expect(200);
    let mut expected = shown.clone();
    expected["quota"] = me["quota"].clone();
    expected["unreliable"] = json!(false);
    expected["counts"] = json!({
        "reports_open": 0, "reports_decided": 0, "reporters_30d": 0, "reports_made": 0, "reports_made_dismissed": 0, "bans": 0,
        "matches": 0, "claims": 0, "sessions": 1,
    });
    assert_eq!(detail, expected);
    for nobody in ["1", "x", "0", "99999999999999999999"] {
        server
            .get(&format!("/v1/admin/users/{nobody}"), &moderator.access)
            .await
            .expect_problem(404, "not_found");
    }
    let viewed = format!(
        "/v1/admin/system-logs?action=user_viewed&user={}&actor={}",
        user.id, moderator.id
    );
    assert_eq!(
        server.get(&viewed, &admin.access).await.expect(200)["items"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    for text in [detail.to_string(), logs.to_string()] {
        assert!(
            !text.contains(&user.phone[3..]) && !text.contains("1990") && !text.contains("41.0"),
            "{text}"
        );
    }
}

async fn accounts_are_found_without_their_phones(server: TestServer) {
    let (admin, moderator) = (
        staff(&server, "selin", "admin").await,
        staff(&server, "deniz", "moderator").await,
    );
    let user = server.register("KediAdam").await;
    let me = server.get("/v1/me", &user.access).await.expect(200);
    let handle = me["handle"].as_str().expect("a handle");
    let shown = json!({
        "id": user.id, "handle": handle, "phone_masked": me["phone_masked"], "role": "user", "is_banned": false, "is_premium": false,
        "created_at": me["created_at"], "last_active": me["created_at"], "erased_at": null,
    });
    let found = async |query: &str| {
        server
            .get(&format!("/v1/admin/users?query={query}"), &moderator.access)
            .await
            .expect(200)
    };
    for query in [
        user.id.clone(),
        handle.replace('#', "%23"),
        "KED%C4%B0A".to_owned(),
        "kediadam".to_owned(),
    ] {
        assert_eq!(
            found(&query).await,
            json!({"items": [shown], "next_cursor": null}),
            "{query}"
        );
    }
    for nobody in [
        "kediadam%230x00",
        "%2B905301234567",
        "0530%20123%2045%2067",
        &user.phone[1..],
        "",
    ] {
        let problem = server
            .get(&format!("/v1/admin/users?query={nobody}"), &admin.access)
            .await
            .expect_problem(422, "invalid_field");
        assert_eq!(problem["errors"][0]["field"], "query");
        assert!(!problem.to_string().contains("530"), "{problem}");
    }
    let items = async |query: &str| {
        server
            .get(&format!("/v1/admin/users?{query}"), &moderator.access)
            .await
            .expect(200)["items"]
            .clone()
    };
    assert_eq!(
        items("role=user&banned=false&premium=false").await,
        json!([shown])
    );
    assert_eq!(items("role=user&banned=true").await, json!([]));
    assert_eq!(items("role=moderator").await[0]["id"], json!(moderator.id));
    for wrong in ["role=boss", "banned=1", "premium=maybe"] {
        server
            .get(&format!("/v1/admin/users?{wrong}"), &moderator.access)
            .await
            .expect_problem(422, "invalid_field");
    }

    let logs = admins_find_by_phone(&server, &admin, &moderator, &user, &shown).await;

    an_account_is_shown_without_its_phone(&server, &admin, &moderator, &user, &me, &shown, &logs)
        .await;
    server.stop().await;
}

async fn changes_of_role_are_recorded(server: &TestServer, admin: &TestUser, user: &TestUser) {
    let logs = server
        .get(
            &format!("/v1/admin/system-logs?action=role_changed&user={}", user.id),
            &admin.access,
        )
        .await
        .expect(200);
    let changes: Vec<_> = logs["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|act| {
            (
                &act["details"]["before"]["role"],
                &act["details"]["after"]["role"],
            )
        })
        .collect();
    assert_eq!(
        changes,
        [
            (&json!("admin"), &json!("user")),
            (&json!("moderator"), &json!("admin")),
            (&json!("user"), &json!("moderator"))
        ]
    );
}

async fn a_role_holds_from_the_next_request_on(server: TestServer) {
    let (admin, second) = (
        staff(&server, "selin", "admin").await,
        staff(&server, "deniz", "admin").await,
    );
    let user = server.register("kedi").await;
    let path = |id: &str| format!("/v1/admin/users/{id}/role");
    let give = async |id: &str, role: &str| {
        server.clock.advance(SECOND);
        server
            .post(&path(id), &admin.access, &json!({"role": role}))
            .await
    };
    server
        .get("/v1/admin/overview", &user.access)
        .await
        .expect_problem(403, "forbidden");
    assert_eq!(
        give(&user.id, "moderator").await.expect(200)["role"],
        "moderator"
    );
    server
        .get("/v1/admin/overview", &user.access)
        .await
        .expect(200);
    server
        .get("/v1/admin/ads", &user.access)
        .await
        .expect_problem(403, "forbidden");
    give(&user.id, "admin").await.expect(200);
    server.get("/v1/admin/ads", &user.access).await.expect(200);
    let mut socket = Person {
        socket: connect(&server, &user).await,
        user: user.clone(),
    };
    assert_eq!(
        server.get("/v1/me", &user.access).await.expect(200)["role"],
        "admin"
    );

    give(&user.id, "user").await.expect(200);
    give(&user.id, "user").await.expect(200);
    server
        .get("/v1/admin/overview", &user.access)
        .await
        .expect_problem(403, "forbidden");
    socket.reconnect(&server).await;
    drop(socket);
    // Nobody takes the last admin's role away.
    give(&admin.id, "user")
        .await
        .expect_problem(403, "forbidden");
    give(&admin.id, "admin")
        .await
        .expect_problem(403, "forbidden");
    give(&second.id, "user").await.expect(200);
    server
        .post(&path(&admin.id), &second.access, &json!({"role": "user"}))
        .await
        .expect_problem(403, "forbidden");
    give("1", "user").await.expect_problem(404, "not_found");
    give("x", "user").await.expect_problem(404, "not_found");
    give(&user.id, "boss")
        .await
        .expect_problem(422, "invalid_field");
    server
        .post(
            &path(&user.id),
            &admin.access,
            &json!({"role": "user", "why": 1}),
        )
        .await
        .expect_problem(422, "unknown_field");

    changes_of_role_are_recorded(&server, &admin, &user).await;
    server.stop().await;
}

async fn staff_reads_matches_and_the_record(server: TestServer) {
    let moderator = staff(&server, "deniz", "moderator").await;
    let (mut a, b, id) = pair(&server).await;
    a.say(&id, 1, "selam").await;
    let list = async |query: &str| {
        server
            .get(&format!("/v1/admin/matches?{query}"), &moderator.access)
            .await
            .expect(200)["items"]
            .clone()
    };
    let open = list(&format!("user={}&status=active&mode=text", b.user.id)).await;
    assert_eq!(
        (&open[0]["id"], &open[0]["status"], &open[0]["ended_by"]),
        (&json!(id), &json!("active"), &Value::Null)
    );
    let sides = open[0]["sides"].as_array().expect("sides");
    assert_eq!(
        sides.iter().map(|side| &side["role"]).collect::<Vec<_>>(),
        ["offerer", "answerer"]
    );
    let of = |user: &str| {
        sides
            .iter()
            .find(|side| side["user_id"] == user)
            .expect("a side")
    };
    assert_eq!(
        (&of(&a.user.id)["messages"], &of(&b.user.id)["messages"]),
        (&json!(1), &json!(0))
    );
    assert!(
        of(&a.user.id)["handle"]
            .as_str()
            .is_some_and(|handle| handle.starts_with("ayse#")),
        "{open}"
    );
    server
        .post(
            &format!("/v1/matches/{id}/leave"),
            &a.user.access,
            &Value::Null,
        )
        .await
        .expect(200);
    let over = list("status=cancelled").await;
    assert_eq!(
        (&over[0]["ended_reason"], &over[0]["ended_by"]),
        (&json!("left"), &json!(a.user.id))
    );
    assert_eq!(list("status=active").await, json!([]));
    assert_eq!(list(&format!("user={}", moderator.id)).await, json!([]));
    for wrong in ["user=x", "user=0", "status=gone", "mode=smell"] {
        server
            .get(&format!("/v1/admin/matches?{wrong}"), &moderator.access)
            .await
            .expect_problem(422, "invalid_field");
    }
    for wrong in ["user=x", "actor=0", "action=Role", "action=", "action=%00"] {
        server
            .get(&format!("/v1/admin/system-logs?{wrong}"), &moderator.access)
            .await
            .expect_problem(422, "invalid_field");
    }
    drop((a, b));
    server.stop().await;
}

impl TestServer {
    /// Appeals against the ban of a phone; the id of the appeal.
    pub async fn appeal(&self, phone: &str) -> String {
        let login = json!({ "phone": phone, "password": PASSWORD });
        let refused = self
            .post("/v1/auth/login", "", &login)
            .await
            .expect_problem(403, "banned");
        let token = refused["appeal_token"].as_str().expect("a token");
        let made = self
            .post("/v1/appeals", token, &json!({ "text": "Neden?" }))
            .await
            .expect(201);
        made["id"].as_str().expect("an id").to_owned()
    }
}
