//! Every documented route against everybody who may knock: the guard is there, asks for the role
//! that the document names, and comes first.

use axum::{
    Router,
    extract::Path,
    routing::{get, post},
};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tebdil::http::{
    admin::{Admin, Staff},
    auth::Signed,
};
use tebdil_core::{
    store::{Banning, NewBan},
    testing::Backend,
};
use tokio::net::TcpListener;

use crate::{
    ads::staff,
    harness::{Reply, TestServer, TestUser},
    routes::{Needs, Operation, operations},
};

/// What anybody may call. A new one is added here only on purpose.
const OPEN: &[&str] = &[
    "get /healthz",
    "get /readyz",
    "get /v1/meta",
    "post /v1/auth/login",
    "post /v1/auth/password-reset",
    "post /v1/auth/password-reset/confirm",
    "post /v1/auth/refresh",
    "post /v1/auth/register",
    "post /v1/auth/verify-phone",
    // Signed by whoever takes the money.
    "post /v1/billing/events",
];

/// How many operations are tried at once.
const AT_ONCE: usize = 8;

/// Who knocks.
struct Cast {
    user: TestUser,
    moderator: TestUser,
    admin: TestUser,
    /// Admins who may do nothing any more: by the token of a session that is over, and by a ban.
    signed_out: TestUser,
    banned: TestUser,
}

impl Cast {
    async fn new(server: &TestServer) -> Self {
        let cast = Self {
            user: server.register("kedi").await,
            moderator: staff(server, "deniz", "moderator").await,
            admin: staff(server, "selin", "admin").await,
            signed_out: staff(server, "emekli", "admin").await,
            banned: staff(server, "suresiz", "admin").await,
        };
        server
            .post("/v1/auth/logout", &cast.signed_out.access, &Value::Null)
            .await
            .expect(204);
        let ban = NewBan {
            reason: "spam".to_owned(),
            automatic: false,
            provisional: false,
            until: None,
            created_by: None,
        };
        let banned = server
            .app
            .store
            .safety()
            .ban(
                cast.banned.id.parse().expect("an id"),
                &ban,
                server.clock.now(),
            )
            .await
            .expect("the store");
        assert!(matches!(banned, Banning::Banned { .. }), "{banned:?}");
        cast
    }
}

/// The code of a refusal; empty for anything else.
fn code(reply: &Reply) -> &str {
    reply.body["code"].as_str().unwrap_or_default()
}

/// Who it is, the token, and the refusals that are right.
type Caller = (String, Option<String>, &'static [(u16, &'static str)]);

/// Whoever may not, whatever is wrong or right with the rest.
fn who_may_not(cast: &Cast, operation: &Operation) -> Vec<Caller> {
    let refused = |who: &str, token: Option<String>, expected: &'static [(u16, &'static str)]| {
        (who.to_owned(), token, expected)
    };
    let unknown: &[(u16, &str)] = &[(401, "unauthorized")];
    let mut callers = Vec::new();
    if operation.needs != Needs::Nothing {
        callers.push(refused("nobody", None, unknown));
        callers.push(refused(
            "a made-up token",
            Some("a.b.c".to_owned()),
            unknown,
        ));
        callers.push(refused(
            "a refresh token",
            Some(cast.admin.refresh.clone()),
            unknown,
        ));
        callers.push(refused(
            "a session that is over",
            Some(cast.signed_out.access.clone()),
            unknown,
        ));
        callers.push(refused(
            "a banned admin",
            Some(cast.banned.access.clone()),
            &[(403, "banned"), (401, "unauthorized")],
        ));
    }
    if operation.needs.is_staff() {
        callers.push(refused(
            "a user",
            Some(cast.user.access.clone()),
            &[(403, "forbidden")],
        ));
    }
    if matches!(operation.needs, Needs::Admin | Needs::ConfirmedAdmin) {
        callers.push(refused(
            "a moderator",
            Some(cast.moderator.access.clone()),
            &[(403, "forbidden")],
        ));
    }
    if let Needs::Other(_) = operation.needs {
        callers.push(refused(
            "an access token",
            Some(cast.admin.access.clone()),
            unknown,
        ));
    }
    callers
}

/// What is wrong with the guard of an operation at `base`.
async fn complaints(
    server: &TestServer,
    base: &str,
    cast: &Cast,
    operation: &Operation,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let name = operation.name();
    if operation.is_staff() && !operation.needs.is_staff() {
        wrong.push(format!("{name}: the document names no role"));
    }
    if !operation.is_staff() && operation.needs.is_staff() {
        wrong.push(format!("{name}: what staff does is under /v1/admin"));
    }
    if operation.needs == Needs::Nothing && !OPEN.contains(&name.as_str()) {
        wrong.push(format!("{name}: open to anybody"));
    }
    let ask = async |token: Option<&str>, id: &str, body: Option<&str>| {
        let query = if operation.query.is_empty() {
            ""
        } else {
            "?limit=0&cursor=x"
        };
        let request = server.request_to(
            base,
            operation.method.clone(),
            &format!("{}{query}", operation.filled(id)),
            token,
        );
        let request = match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(body.to_owned()),
            None => request,
        };
        server.send(request).await
    };
    let plausible = operation.body.as_ref().map(Value::to_string);

    let callers = who_may_not(cast, operation);
    for (who, token, expected) in callers {
        for (id, body) in [
            ("1", plausible.as_deref()),
            ("1", Some("{")),
            ("x", Some("{}")),
            ("x", None),
        ] {
            let reply = ask(token.as_deref(), id, body).await;
            if !expected.contains(&(reply.status.as_u16(), code(&reply))) {
                wrong.push(format!(
                    "{name}: {who} with id {id} and body {body:?} gets {} {}",
                    reply.status, reply.body
                ));
            }
        }
    }

    // Whoever may. Each with a device of its own: some calls end the session.
    let allowed: &[&TestUser] = match operation.needs {
        Needs::Nothing | Needs::Other(_) => &[],
        Needs::User => &[&cast.user, &cast.moderator, &cast.admin],
        Needs::Moderator => &[&cast.moderator, &cast.admin],
        Needs::Admin | Needs::ConfirmedAdmin => &[&cast.admin],
    };
    for user in allowed {
        let token = server.login(&user.phone).await.access;
        let reply = ask(Some(&token), "1", plausible.as_deref()).await;
        if ["unauthorized", "forbidden", "banned"].contains(&code(&reply))
            || reply.status.is_server_error()
        {
            wrong.push(format!(
                "{name}: {} is allowed and gets {} {}",
                user.phone, reply.status, reply.body
            ));
        }
    }
    if operation.needs == Needs::Nothing {
        let reply = ask(None, "1", plausible.as_deref()).await;
        if ["unauthorized", "forbidden"].contains(&code(&reply)) {
            wrong.push(format!("{name}: open, and gets {}", reply.body));
        }
    }
    wrong
}

async fn all_complaints(server: &TestServer, base: &str, document: &Value) -> Vec<String> {
    let cast = Cast::new(server).await;
    let tried = stream::iter(operations(document))
        .map(async |operation| complaints(server, base, &cast, &operation).await);
    tried.buffer_unordered(AT_ONCE).concat().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_asks_for_the_role_that_is_documented() {
    // Each operation is tried with a session of its own, and none is to push out those of the cast.
    let server = TestServer::start(Backend::Sqlite, &[("TEBDIL_AUTH__MAX_SESSIONS", "1000")])
        .await
        .expect("SQLite is always there");
    let document = server.get("/openapi.json", "").await.expect(200);
    let staff = operations(&document)
        .into_iter()
        .filter(Operation::is_staff)
        .count();
    assert!(staff >= 22, "the document was read: {staff}");
    let wrong = all_complaints(&server, &server.base, &document).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    server.stop().await;
}

fn each_fault_is_named(wrong: &[String]) {
    let of = |path: &str| {
        wrong
            .iter()
            .filter(|complaint| complaint.contains(path))
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(of("/v1/admin/good"), "");
    for who in [
        "nobody",
        "a made-up token",
        "a session that is over",
        "a banned admin",
        "a user",
    ] {
        assert!(
            of("/v1/admin/open").contains(&format!("{who} with")),
            "{}",
            of("/v1/admin/open")
        );
    }
    assert!(
        of("/v1/admin/signed").contains("a user with")
            && !of("/v1/admin/signed").contains("nobody with"),
        "{}",
        of("/v1/admin/signed")
    );
    assert!(
        of("/v1/admin/staff").contains("a moderator with")
            && !of("/v1/admin/staff").contains("a user with"),
        "{}",
        of("/v1/admin/staff")
    );
    assert!(
        of("/v1/admin/strict").contains("is allowed and gets 403"),
        "{}",
        of("/v1/admin/strict")
    );
    assert!(
        of("/v1/admin/late").contains("nobody with id x")
            && !of("/v1/admin/late").contains("with id 1"),
        "{}",
        of("/v1/admin/late")
    );
    assert!(
        of("/v1/admin/unnamed").contains("names no role"),
        "{}",
        of("/v1/admin/unnamed")
    );
    assert!(
        of("/v1/new").contains("open to anybody"),
        "{}",
        of("/v1/new")
    );
}

/// The test above would see it: routes as somebody could forget or misplace their guard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_without_its_guard_is_found() {
    let server = TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    let careless = Router::new()
        .route("/v1/admin/good", get(async |_: Admin| "for admins"))
        .route("/v1/admin/open", get(async || "for everybody"))
        .route("/v1/admin/signed", get(async |_: Signed| "for users"))
        .route("/v1/admin/staff", post(async |_: Staff| "for moderators"))
        .route("/v1/admin/strict", post(async |_: Admin| "for admins"))
        .route(
            "/v1/admin/late/{id}",
            get(async |_: Path<i64>, _: Admin| "the path first"),
        )
        .route("/v1/admin/unnamed", get(async |_: Admin| "for admins"))
        .route("/v1/new", get(async || "for everybody"))
        .with_state(std::sync::Arc::clone(&server.app));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("bound"));
    #[expect(clippy::disallowed_methods, reason = "it is ended below")]
    let serving = tokio::task::spawn(axum::serve(listener, careless).into_future());

    let role = |role: &str| json!({"security": [{"bearer": [role]}]});
    let document = json!({
        "security": [{"bearer": []}],
        "paths": {
            "/v1/admin/good": {"get": role("admin")},
            "/v1/admin/open": {"get": role("moderator")},
            "/v1/admin/signed": {"get": role("moderator")},
            "/v1/admin/staff": {"post": role("admin")},
            "/v1/admin/strict": {"post": role("moderator")},
            "/v1/admin/late/{id}": {"get": role("admin")},
            "/v1/admin/unnamed": {"get": {}},
            "/v1/new": {"get": {"security": [{}]}},
        }
    });
    let wrong = all_complaints(&server, &base, &document).await;
    each_fault_is_named(&wrong);
    serving.abort();
    server.stop().await;
}
