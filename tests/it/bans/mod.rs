//! Bans, from the moderator who makes one to the other who lifts it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tebdil::ws::revocations;
use tebdil_client::{
    raw::RawSocket,
    rest::{Api, ApiError},
};
use tebdil_core::store::{Banning, NewBan};
use tebdil_protocol::{CloseCode, LoginRequest, id::UserId};

use crate::{
    ads::staff,
    harness::{PASSWORD, TestServer, TestUser},
    sockets::{Person, pair},
};

mod everywhere;
mod refusals;

scenarios! {
    @with &[("TEBDIL_WORKERS__ENABLED", "false")];
    an_appeal_token_can_do_nothing_else,
    a_temporary_ban_ends_by_itself,
    what_a_ban_leaves_undone_its_job_does,
    provisional_bans_wait_for_a_moderator,
}

async fn closed(socket: &mut RawSocket) -> Option<CloseCode> {
    socket.recv_close_code().await.expect("a close in time")
}

async fn sign_in(server: &TestServer, phone: &str, password: &str) -> crate::harness::Reply {
    server
        .post(
            "/v1/auth/login",
            "",
            &json!({ "phone": phone, "password": password }),
        )
        .await
}

/// What a banned user is told who knows the password: the notice, and the appeal token.
async fn told_banned(server: &TestServer, phone: &str) -> (Value, String) {
    let problem = sign_in(server, phone, PASSWORD)
        .await
        .expect_problem(403, "banned");
    let token = problem["appeal_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    (problem["ban"].clone(), token)
}

async fn ban(server: &TestServer, who: &TestUser, user: &str, body: Value) -> Value {
    server
        .post(&format!("/v1/admin/users/{user}/ban"), &who.access, &body)
        .await
        .expect(201)
}

fn user_id(user: &TestUser) -> UserId {
    user.id.parse().expect("an id")
}

/// A ban as the job makes it, by somebody who dies right after the commit.
async fn banned_and_dead(server: &TestServer, user: &TestUser) {
    let new = NewBan {
        reason: "reports".to_owned(),
        automatic: true,
        provisional: true,
        until: None,
        created_by: None,
    };
    let outcome = server
        .app
        .store
        .safety()
        .ban(user_id(user), &new, server.clock.now())
        .await
        .expect("the store");
    assert!(matches!(outcome, Banning::Banned { .. }), "{outcome:?}");
}

async fn logged(server: &TestServer, action: &str, about: &TestUser, actor: &TestUser) -> i64 {
    let of = format!(
        "action = '{action}' AND user_id = {} AND actor_id = {}",
        about.id, actor.id
    );
    server
        .count(&format!(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE {of}"
        ))
        .await
}

async fn an_appeal_token_can_do_nothing_else(server: TestServer) {
    let admin = staff(&server, "selin", "admin").await;
    let user = server.register("kedi").await;
    ban(&server, &admin, &user.id, json!({"reason": "spam"})).await;
    let (_, token) = told_banned(&server, &user.phone).await;

    let document = server.get("/openapi.json", "").await.expect(200);
    let default = document["security"].clone();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let security = operation.get("security").unwrap_or(&default);
            let wants_session = security
                .as_array()
                .expect("a list")
                .iter()
                .any(|scheme| scheme.get("bearer").is_some());
            if !wants_session {
                continue;
            }
            asked += 1;
            let path = path.replace("{id}", "1").replace("{token}", "abc");
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let answer = server.call(method.clone(), &path, &token, &json!({})).await;
            assert_eq!(
                (answer.status.as_u16(), &answer.body["code"]),
                (401, &json!("unauthorized")),
                "{method} {path}"
            );
        }
    }
    assert!(asked > 30, "{asked}");
    let mut socket = RawSocket::open(&server.base).await.expect("a socket");
    socket
        .send_json(&json!({"type": "hello", "token": token}))
        .await
        .expect("sent");
    assert_eq!(closed(&mut socket).await, Some(CloseCode::Unauthorized));

    // An answer that is kept for a repeat is this appeal's only.
    let other = server.register("pars").await;
    ban(&server, &admin, &other.id, json!({"reason": "spam"})).await;
    let (_, others) = told_banned(&server, &other.phone).await;
    let appeal = async |token: &str| {
        let request = server
            .request(Method::POST, "/v1/appeals", Some(token))
            .header("idempotency-key", "k");
        server
            .send(request.json(&json!({"text": "no"})))
            .await
            .expect(201)
    };
    let first = appeal(&token).await;
    assert_eq!(appeal(&token).await, first);
    assert_ne!(appeal(&others).await["id"], first["id"]);

    for text in [
        String::new(),
        " ".repeat(9),
        "x".repeat(4001),
        "a\0b".to_owned(),
    ] {
        server
            .post("/v1/appeals", &token, &json!({ "text": text }))
            .await
            .expect_problem(422, "invalid_field");
    }
    server.clock.advance(Duration::from_hours(1));
    server
        .get("/v1/appeals", &token)
        .await
        .expect_problem(401, "unauthorized");
    server.stop().await;
}

async fn a_temporary_ban_ends_by_itself(server: TestServer) {
    let moderator = staff(&server, "selin", "moderator").await;
    let (a, b) = (server.register("kedi").await, server.register("pars").await);
    let until = server.clock.now() + Duration::from_hours(1);
    for user in [&a, &b] {
        let made = ban(
            &server,
            &moderator,
            &user.id,
            json!({"reason": "spam", "until": until}),
        )
        .await;
        assert_eq!(made["until"], json!(until));
    }
    let (notice, token) = told_banned(&server, &a.phone).await;
    assert_eq!(notice["until"], json!(until));
    // An appeal that waits does not keep it from ending.
    let api = Api::new(&server.base).expect("an address");
    let login = LoginRequest {
        phone: b.phone.as_str().into(),
        password: PASSWORD.into(),
        device: None,
        totp: None,
    };
    let Err(ApiError::Problem(problem)) = api.login(&login).await else {
        panic!("signed in")
    };
    let appeals = problem.appeal_token.as_ref().expect("a token");
    assert_eq!(api.appeals(appeals).await.expect("an answer"), None);
    let appeal = api.appeal(appeals, "no").await.expect("an answer");
    assert_eq!(api.appeals(appeals).await.expect("an answer"), Some(appeal));

    server.clock.advance(Duration::from_hours(1));
    // No job has run.
    let back = server.login(&a.phone).await;
    server.get("/v1/me", &back.access).await.expect(200);
    assert!(
        server
            .app
            .store
            .safety()
            .is_banned(user_id(&b))
            .await
            .expect("the store")
    );
    server.run_due_jobs().await;
    assert!(
        !server
            .app
            .store
            .safety()
            .is_banned(user_id(&b))
            .await
            .expect("the store")
    );
    let back = server.login(&b.phone).await;
    server.get("/v1/me", &back.access).await.expect(200);
    server
        .post("/v1/appeals", &token, &json!({"text": "no"}))
        .await
        .expect_problem(401, "unauthorized");
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE action = 'ban_ended'")
            .await,
        2
    );
    server.stop().await;
}

async fn what_a_ban_leaves_undone_its_job_does(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    banned_and_dead(&server, &a.user).await;
    // A hello that was on its way is told what it is.
    let mut late = RawSocket::open(&server.base).await.expect("a socket");
    late.send_json(&json!({"type": "hello", "token": a.user.access}))
        .await
        .expect("sent");
    assert_eq!(closed(&mut late).await, Some(CloseCode::Banned));
    assert!(
        server.has_open_connection(user_id(&a.user)),
        "nobody has told the sockets"
    );
    server.run_due_jobs().await;
    assert_eq!(closed(&mut a.socket).await, Some(CloseCode::Banned));
    let ended = b.until("match.ended").await;
    assert_eq!(
        (&ended["match_id"], &ended["reason"]),
        (&json!(id), &json!("banned"))
    );

    // The order is lost too: the sweep finds the match, and the node that is told nothing looks for
    // itself.
    let (mut c, mut d) = (
        Person::new(&server, "cem").await,
        Person::new(&server, "duru").await,
    );
    c.find().await;
    d.find().await;
    let id = c.found().await;
    assert_eq!(d.found().await, id);
    banned_and_dead(&server, &d.user).await;
    server
        .count("DELETE FROM job WHERE queue = 'ban' AND state <> 2 RETURNING CAST(1 AS BIGINT)")
        .await;
    server.close_dead().await;
    assert_eq!(closed(&mut d.socket).await, Some(CloseCode::Banned));
    server.clock.advance(Duration::from_mins(1));
    server.run_due_jobs().await;
    let ended = c.until("match.ended").await;
    assert_eq!(
        (&ended["match_id"], &ended["reason"], &ended["by"]),
        (&json!(id), &json!("banned"), &json!("peer"))
    );
    drop((a, b, c, d));
    server.stop().await;
}

async fn provisional_bans_wait_for_a_moderator(server: TestServer) {
    let moderator = staff(&server, "selin", "moderator").await;
    let (a, b) = (server.register("kedi").await, server.register("pars").await);
    for user in [&a, &b] {
        banned_and_dead(&server, user).await;
    }
    let queue = async || {
        let path = "/v1/admin/bans?active=true&provisional=true&automatic=true";
        server.get(path, &moderator.access).await.expect(200)["items"]
            .as_array()
            .expect("a list")
            .clone()
    };
    let waiting = queue().await;
    assert_eq!(
        waiting
            .iter()
            .map(|ban| ban["user_id"].clone())
            .collect::<Vec<_>>(),
        [json!(b.id), json!(a.id)]
    );
    let page = server
        .get("/v1/admin/bans?limit=1", &moderator.access)
        .await
        .expect(200);
    let next = page["next_cursor"].as_str().expect("a second page");
    let page = server
        .get(
            &format!("/v1/admin/bans?limit=1&cursor={next}"),
            &moderator.access,
        )
        .await
        .expect(200);
    assert_eq!(
        (&page["items"][0]["user_id"], &page["next_cursor"]),
        (&json!(a.id), &Value::Null)
    );

    let path = format!(
        "/v1/admin/bans/{}/confirm",
        waiting[0]["id"].as_str().expect("an id")
    );
    let until = server.clock.now() + Duration::from_hours(24);
    let note = json!({"note": "seen", "until": until});
    let confirmed = server
        .post(&path, &moderator.access, &note)
        .await
        .expect(200);
    assert_eq!(
        (&confirmed["provisional"], &confirmed["confirm_note"]),
        (&json!(false), &json!("seen"))
    );
    assert_eq!(
        (&confirmed["until"], &confirmed["confirmed_by"]),
        (&json!(until), &json!(moderator.id))
    );
    server
        .post(&path, &moderator.access, &note)
        .await
        .expect_problem(409, "already_decided");
    // Whoever bans over a provisional one says what it is from now on.
    let over = ban(&server, &moderator, &a.id, json!({"reason": "threats"})).await;
    assert_eq!(
        (&over["id"], &over["reason"], &over["provisional"]),
        (&waiting[1]["id"], &json!("threats"), &json!(false))
    );
    assert_eq!(told_banned(&server, &a.phone).await.0["reason"], "threats");
    assert_eq!(queue().await, Vec::<Value>::new());
    for user in [&a, &b] {
        assert_eq!(logged(&server, "ban_confirmed", user, &moderator).await, 1);
    }
    server.run_due_jobs().await;
    server.stop().await;
}

impl TestServer {
    /// Has every node look for sessions that ended without its hearing of it, as it does while
    /// Redis is away.
    async fn close_dead(&self) {
        for sockets in self.sockets() {
            revocations::close_dead(sockets).await.expect("the store");
        }
    }
}
