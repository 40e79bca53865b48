//! Bans, from the moderator who makes one to the other who lifts it.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tebdil::cluster::revocations;
use tebdil_client::{
    raw::RawSocket,
    rest::{Api, ApiError},
};
use tebdil_core::{
    id::UserId,
    protocol::{CloseCode, LoginRequest},
    store::{Banning, NewBan},
};

use crate::{
    ads::staff,
    harness::{PASSWORD, TestServer, TestUser},
    sockets::{Person, eventually, pair},
};

scenarios! {
    @with &[("TEBDIL_WORKERS__ENABLED", "false")];
    a_banned_user_is_out_everywhere_until_another_moderator_lifts_it,
    an_appeal_token_can_do_nothing_else,
    a_temporary_ban_ends_by_itself,
    what_a_ban_leaves_undone_its_job_does,
    provisional_bans_wait_for_a_moderator,
    what_may_not_be_is_refused_and_changes_nothing,
}

/// How long a banned user's socket may live on. The promise is a second; the rest is for a machine
/// that tests other things meanwhile.
const OUT: Duration = Duration::from_secs(2);

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

async fn a_ban_closes_every_socket(
    server: &TestServer,
    first: &TestUser,
    a: &mut Person,
    devices: &mut [Person],
) -> Value {
    let began = Instant::now();
    let made = ban(server, first, &a.user.id, json!({"reason": "spam"})).await;
    for socket in devices
        .iter_mut()
        .map(|device| &mut device.socket)
        .chain([&mut a.socket])
    {
        assert_eq!(closed(socket).await, Some(CloseCode::Banned));
    }
    let took = began.elapsed();
    eprintln!(
        "{} sockets at {} nodes were closed {took:?} after the ban was asked for",
        devices.len() + 1,
        server.node_count()
    );
    assert!(took < OUT, "{took:?}");
    made
}

/// What was issued before says so, and opens nothing.
async fn what_was_issued_before_opens_nothing(server: &TestServer, user: &TestUser) {
    server
        .get("/v1/me", &user.access)
        .await
        .expect_problem(403, "banned");
    let refresh = json!({"refresh_token": user.refresh});
    server
        .post("/v1/auth/refresh", "", &refresh)
        .await
        .expect_problem(401, "refresh_invalid");
    for node in 0..server.node_count() {
        let mut socket = RawSocket::open(server.node_url(node))
            .await
            .expect("a socket");
        socket
            .send_json(&json!({"type": "hello", "token": user.access}))
            .await
            .expect("sent");
        assert_eq!(closed(&mut socket).await, Some(CloseCode::Banned));
    }
    sign_in(server, &user.phone, "another password")
        .await
        .expect_problem(401, "invalid_credentials");
    let again = server
        .post(
            "/v1/auth/register",
            "",
            &TestServer::registration(&user.phone, "yeni"),
        )
        .await;
    let again = again.expect_problem(403, "banned");
    assert_eq!(
        (&again["ban"], &again["appeal_token"]),
        (&Value::Null, &Value::Null),
        "anybody can type a number"
    );
}

async fn an_appeal_is_made_once(
    server: &TestServer,
    user: &TestUser,
    peer: &TestUser,
    token: &str,
    text: &Value,
) -> Value {
    server
        .post("/v1/appeals", &user.access, text)
        .await
        .expect_problem(401, "unauthorized");
    server
        .post("/v1/appeals", &peer.access, text)
        .await
        .expect_problem(401, "unauthorized");
    assert_eq!(
        server.get("/v1/appeals", token).await.expect(200)["items"],
        json!([])
    );
    let appeal = server.post("/v1/appeals", token, text).await.expect(201);
    assert_eq!(appeal["status"], "open");
    server
        .post("/v1/appeals", token, text)
        .await
        .expect_problem(409, "already_appealed");
    assert_eq!(
        server.get("/v1/appeals", token).await.expect(200)["items"],
        json!([appeal])
    );
    appeal
}

async fn another_moderator_lifts_it(
    server: &TestServer,
    [first, second]: [&TestUser; 2],
    user: &TestUser,
    peer: &TestUser,
    made: &Value,
    appeal: &Value,
    text: &Value,
) {
    let listed = server
        .get("/v1/admin/appeals?status=open", &first.access)
        .await
        .expect(200);
    let item = &listed["items"][0];
    assert_eq!(
        (&item["id"], &item["text"], &item["user_id"]),
        (&appeal["id"], &text["text"], &json!(user.id))
    );
    assert_eq!(
        (&item["ban"]["id"], &item["ban"]["banned_by_me"]),
        (&made["id"], &json!(true))
    );
    let shown = server
        .get("/v1/admin/appeals", &second.access)
        .await
        .expect(200);
    assert_eq!(shown["items"][0]["ban"]["banned_by_me"], false);
    let path = format!(
        "/v1/admin/appeals/{}/decide",
        appeal["id"].as_str().expect("an id")
    );
    let lift = json!({"decision": "lift", "note": "no sign of it"});
    server
        .post(&path, &first.access, &lift)
        .await
        .expect_problem(403, "forbidden");
    server
        .post(&path, &peer.access, &lift)
        .await
        .expect_problem(403, "forbidden");
    told_banned(server, &user.phone).await;
    server.post(&path, &second.access, &lift).await.expect(204);
    server
        .post(&path, &second.access, &lift)
        .await
        .expect_problem(409, "already_decided");
}

async fn the_ban_stays_in_what_is_told(server: &TestServer, back: &TestUser, id: &str) {
    let told = server
        .get("/v1/notifications", &back.access)
        .await
        .expect(200);
    let codes: Vec<&str> = told["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|item| item["data"]["code"].as_str())
        .collect();
    assert_eq!(
        codes[..2],
        ["ban_lifted", "banned"],
        "and, before, new devices"
    );
    let refused = server
        .post("/v1/claims", &back.access, &json!({"match_id": id}))
        .await
        .expect_problem(422, "not_eligible");
    assert_eq!(refused["reason"], "left_early");
}

async fn a_banned_user_is_out_everywhere_until_another_moderator_lifts_it(server: TestServer) {
    let (first, second) = (
        staff(&server, "selin", "moderator").await,
        staff(&server, "deniz", "moderator").await,
    );
    let (mut a, mut b, id) = pair(&server).await;
    let mut devices = Vec::new();
    for node in 0..server.node_count() {
        devices.push(Person::again_at(&server, node, &a).await);
    }
    a.find().await;

    let made = a_ban_closes_every_socket(&server, &first, &mut a, &mut devices).await;
    let ended = b.until("match.ended").await;
    assert_eq!(
        (&ended["match_id"], &ended["reason"], &ended["by"]),
        (&json!(id), &json!("banned"), &json!("peer"))
    );
    eventually("the ticket goes", async || server.nobody_searches().await).await;
    assert_eq!(
        (&made["active"], &made["provisional"], &made["created_by"]),
        (&json!(true), &json!(false), &json!(first.id))
    );

    what_was_issued_before_opens_nothing(&server, &a.user).await;
    let (notice, token) = told_banned(&server, &a.user.phone).await;
    assert_eq!(
        notice,
        json!({"reason": "spam", "until": null, "appealable": true})
    );

    // Once, and only with that token.
    let text = json!({"text": "Bu ben değildim."});
    let appeal = an_appeal_is_made_once(&server, &a.user, &b.user, &token, &text).await;
    let (notice, token) = told_banned(&server, &a.user.phone).await;
    assert_eq!(notice["appealable"], false);

    another_moderator_lifts_it(
        &server,
        [&first, &second],
        &a.user,
        &b.user,
        &made,
        &appeal,
        &text,
    )
    .await;

    // Back: as before, but for what the ban has ended.
    assert_eq!(
        server.get("/v1/appeals", &token).await.expect(200)["items"][0]["status"],
        "lifted"
    );
    let mut back = Person::again(&server, &a).await;
    server
        .get("/v1/me", &a.user.access)
        .await
        .expect_problem(401, "unauthorized");
    the_ban_stays_in_what_is_told(&server, &back.user, &id).await;
    let mut c = Person::new(&server, "cem").await;
    back.find().await;
    c.find().await;
    assert_eq!(back.found().await, c.found().await);

    for (action, about, actor) in [
        ("banned", &a.user, &first),
        ("appealed", &a.user, &a.user),
        ("appeal_decided", &a.user, &second),
        ("ban_lifted", &a.user, &second),
    ] {
        assert_eq!(logged(&server, action, about, actor).await, 1, "{action}");
    }
    drop((a, b, c, back, devices));
    server.stop().await;
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
            .is_banned(user_id(&b))
            .await
            .expect("the store")
    );
    server.run_due_jobs().await;
    assert!(
        !server
            .app
            .store
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

fn ban_path(user: &TestUser) -> String {
    format!("/v1/admin/users/{}/ban", user.id)
}

async fn wrong_bans_are_refused(server: &TestServer, moderator: &TestUser, user: &TestUser) {
    let now = server.clock.now();
    for wrong in [
        json!({"reason": ""}),
        json!({"reason": "x".repeat(501)}),
        json!({"reason": "a\0"}),
        json!({"reason": "spam", "until": now}),
        json!({"reason": "spam", "until": now + Duration::from_hours(24 * 3700)}),
    ] {
        server
            .post(&ban_path(user), &moderator.access, &wrong)
            .await
            .expect_problem(422, "invalid_field");
    }
    server
        .post(
            &ban_path(user),
            &moderator.access,
            &json!({"reason": "spam", "x": 1}),
        )
        .await
        .expect_problem(422, "unknown_field");
}

async fn lists_and_decisions_are_of_moderators_and_real(
    server: &TestServer,
    moderator: &TestUser,
    stranger: &TestUser,
) {
    server
        .get("/v1/admin/bans?active=yes", &moderator.access)
        .await
        .expect_problem(422, "invalid_field");
    server
        .get("/v1/admin/appeals?status=x", &moderator.access)
        .await
        .expect_problem(422, "invalid_field");
    for list in ["/v1/admin/bans", "/v1/admin/appeals"] {
        server
            .get(list, &stranger.access)
            .await
            .expect_problem(403, "forbidden");
        server.get(list, &moderator.access).await.expect(200);
    }
    let decision = json!({"decision": "lift", "note": "no"});
    server
        .post("/v1/admin/appeals/1/decide", &moderator.access, &decision)
        .await
        .expect_problem(404, "not_found");
    server
        .post(
            "/v1/admin/bans/1/confirm",
            &moderator.access,
            &json!({"note": "no"}),
        )
        .await
        .expect_problem(404, "not_found");
}

async fn what_may_not_be_is_refused_and_changes_nothing(server: TestServer) {
    let (admin, moderator) = (
        staff(&server, "selin", "admin").await,
        staff(&server, "deniz", "moderator").await,
    );
    let other = staff(&server, "umut", "moderator").await;
    let (user, stranger) = (server.register("kedi").await, server.register("pars").await);
    let spam = json!({"reason": "spam"});
    for (who, target) in [
        (&moderator, &other),
        (&moderator, &admin),
        (&moderator, &moderator),
        (&admin, &admin),
        (&stranger, &user),
        (&stranger, &stranger),
    ] {
        server
            .post(&ban_path(target), &who.access, &spam)
            .await
            .expect_problem(403, "forbidden");
    }
    for unknown in ["1", "0", "x"] {
        let answer = server
            .post(
                &format!("/v1/admin/users/{unknown}/ban"),
                &moderator.access,
                &spam,
            )
            .await;
        answer.expect_problem(404, "not_found");
    }
    wrong_bans_are_refused(&server, &moderator, &user).await;
    let unban = format!("/v1/admin/users/{}/unban", user.id);
    server
        .post(&unban, &moderator.access, &json!({"note": "no"}))
        .await
        .expect_problem(409, "not_banned");
    lists_and_decisions_are_of_moderators_and_real(&server, &moderator, &stranger).await;
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM bans")
            .await,
        0
    );
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs")
            .await,
        0
    );

    ban(&server, &moderator, &user.id, spam.clone()).await;
    server
        .post(&ban_path(&user), &admin.access, &spam)
        .await
        .expect_problem(409, "already_banned");
    ban(&server, &admin, &other.id, spam).await;
    // One of the staff is the admin's to let in again.
    let unban_other = format!("/v1/admin/users/{}/unban", other.id);
    server
        .post(
            &unban_other,
            &moderator.access,
            &json!({"note": "a mistake"}),
        )
        .await
        .expect_problem(403, "forbidden");
    for path in [unban, unban_other] {
        server
            .post(&path, &admin.access, &json!({"note": "a mistake"}))
            .await
            .expect(204);
    }
    assert_eq!(logged(&server, "ban_lifted", &user, &admin).await, 1);
    server.login(&user.phone).await;
    server.run_due_jobs().await;
    server.stop().await;
}

impl TestServer {
    /// Has every node look for sessions that ended without its hearing of it, as it does while
    /// Redis is away.
    async fn close_dead(&self) {
        for app in self.apps() {
            revocations::close_dead(app).await.expect("the store");
        }
    }
}
