//! Leaving for good, and what one may take along.

use std::time::Duration;

use rand::{SeedableRng as _, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use tebdil_client::rest::{Account, Api, ApiError};
use tebdil_core::store::{Erased, ErasedBy};
use tebdil_protocol::{CloseCode, ErrorCode, RegisterRequest, Secret, id::UserId};

use crate::{
    harness::{PASSWORD, TestServer, TestUser},
    sockets::{Person, eventually, pair},
};

scenarios! {
    an_account_is_erased_and_the_phone_is_free,
    the_client_takes_everything_along_and_leaves,
    an_erasure_whose_maker_died_is_finished_by_its_job,
    a_banned_user_is_erased_by_an_admin_and_stays_banned,
    the_export_is_one_document_of_everything,
}

fn id(user: &TestUser) -> UserId {
    user.id.parse().expect("an id")
}

async fn closed(person: &mut Person) -> Option<CloseCode> {
    person.socket.recv_close_code().await.expect("a close")
}

async fn erase(server: &TestServer, user: &TestUser, password: &str) -> crate::harness::Reply {
    server
        .call(
            Method::DELETE,
            "/v1/me",
            &user.access,
            &json!({ "password": password }),
        )
        .await
}

async fn wrong_erasures_are_refused(server: &TestServer, user: &TestUser, path: &str) {
    erase(server, user, "yanlis parola")
        .await
        .expect_problem(401, "invalid_credentials");
    server
        .delete(path, &user.access)
        .await
        .expect_problem(415, "unsupported_media_type");
    server
        .call(Method::DELETE, path, &user.access, &json!({}))
        .await
        .expect_problem(422, "invalid_field");
    server
        .call(Method::DELETE, path, "", &json!({ "password": PASSWORD }))
        .await
        .expect_problem(401, "unauthorized");
    server.get(path, &user.access).await.expect(200);
}

async fn nothing_of_the_erased_is_good(
    server: &TestServer,
    user: &TestUser,
    tablet: &TestUser,
    path: &str,
) {
    // A repeat whose first answer was lost: the session is looked at before the key.
    let request = server
        .request(Method::DELETE, path, Some(&user.access))
        .header("Idempotency-Key", "the-end");
    server
        .send(request.json(&json!({ "password": PASSWORD })))
        .await
        .expect_problem(401, "unauthorized");
    erase(server, user, PASSWORD)
        .await
        .expect_problem(401, "unauthorized");
    server
        .get(path, &user.access)
        .await
        .expect_problem(401, "unauthorized");
    server
        .get(path, &tablet.access)
        .await
        .expect_problem(401, "unauthorized");
    let refresh = json!({ "refresh_token": user.refresh });
    server
        .post("/v1/auth/refresh", "", &refresh)
        .await
        .expect_problem(401, "refresh_invalid");
    let login = json!({ "phone": user.phone, "password": PASSWORD });
    server
        .post("/v1/auth/login", "", &login)
        .await
        .expect_problem(401, "invalid_credentials");
}

/// The peer keeps its history, with nobody.
async fn the_peer_keeps_its_history_with_nobody(
    server: &TestServer,
    user: &TestUser,
    match_id: &str,
) {
    let one = server
        .get(&format!("/v1/matches/{match_id}"), &user.access)
        .await
        .expect(200);
    assert_eq!(
        (&one["peer"]["handle"], &one["ended_reason"]),
        (&json!("deleted#0000"), &json!("erased"))
    );
    assert_eq!(
        server
            .get(&format!("/v1/matches/{match_id}/messages"), &user.access)
            .await
            .expect(200)["items"],
        json!([])
    );
    server
        .post("/v1/blocks", &user.access, &json!({ "match_id": match_id }))
        .await
        .expect(201);
    let alias = TestServer::registration(&server.phone(), "deleted");
    server
        .post("/v1/auth/register", "", &alias)
        .await
        .expect_problem(422, "alias_invalid");
}

async fn an_account_is_erased_and_the_phone_is_free(server: TestServer) {
    let (mut a, mut b, match_id) = pair(&server).await;
    let mut tablet = Person::again_at(&server, server.node_count() - 1, &a).await;
    a.say(&match_id, 1, "bir").await;
    b.until("message.new").await;
    tablet.find().await;

    let path = "/v1/me";
    wrong_erasures_are_refused(&server, &a.user, path).await;

    let request = server
        .request(Method::DELETE, path, Some(&a.user.access))
        .header("Idempotency-Key", "the-end");
    let reply = server
        .send(request.json(&json!({ "password": PASSWORD })))
        .await;
    assert_eq!(reply.expect(204), Value::Null);
    for device in [&mut a, &mut tablet] {
        assert_eq!(closed(device).await, Some(CloseCode::Unauthorized));
    }
    let ended = b.until("match.ended").await;
    assert_eq!(
        (&ended["match_id"], &ended["reason"], &ended["by"]),
        (&json!(match_id), &json!("erased"), &json!("peer"))
    );
    eventually("its ticket is gone", async || {
        server.nobody_searches().await
    })
    .await;

    nothing_of_the_erased_is_good(&server, &a.user, &tablet.user, path).await;

    the_peer_keeps_its_history_with_nobody(&server, &b.user, &match_id).await;

    // The phone is free, and whoever comes with it is somebody else.
    let registration = TestServer::registration(&a.user.phone, "ayse");
    let anew = server
        .post("/v1/auth/register", "", &registration)
        .await
        .expect(201);
    assert_ne!(anew["user"]["id"], json!(a.user.id));
    assert_eq!(
        server
            .get(
                "/v1/matches",
                anew["tokens"]["access_token"].as_str().expect("text")
            )
            .await
            .expect(200)["items"],
        json!([])
    );

    server.run_due_jobs().await;
    assert_eq!(
        server
            .count("SELECT COUNT(*) FROM message_logs WHERE device_info <> ''")
            .await,
        0
    );
    assert_eq!(
        server
            .count("SELECT COUNT(*) FROM job WHERE queue = 'erase'")
            .await,
        1,
        "it looks once more, later"
    );
    server.clock.advance(Duration::from_mins(21));
    server.run_due_jobs().await;
    let left = "SELECT COUNT(*) FROM job WHERE queue = 'erase'";
    assert_eq!(server.count(left).await, 0);
    drop((a, b, tablet));
    server.stop().await;
}

async fn the_client_takes_everything_along_and_leaves(server: TestServer) {
    let api = Api::new(&server.base).expect("a client");
    let registration = TestServer::registration(&server.phone(), "kedi");
    let registration: RegisterRequest =
        serde_json::from_value(registration).expect("a registration");
    let (account, user) = Account::register(&api, &registration, server.clock.clone())
        .await
        .expect("registered");
    let document = account.export().await.expect("the export");
    assert_eq!(document["account"]["id"], json!(user.id));
    let wrong = account
        .erase(&Secret::from("yanlis parola"))
        .await
        .expect_err("refused");
    assert_eq!(wrong.code(), Some(ErrorCode::InvalidCredentials));
    account.me().await.expect("still there");
    account
        .erase(&Secret::from(PASSWORD))
        .await
        .expect("erased");
    assert!(matches!(account.me().await, Err(ApiError::SignedOut)));
    server.stop().await;
}

async fn an_erasure_whose_maker_died_is_finished_by_its_job(server: TestServer) {
    let (mut a, mut b, match_id) = pair(&server).await;
    a.say(&match_id, 1, "bir").await;
    let user = server
        .app
        .store
        .accounts()
        .user(id(&a.user))
        .await
        .expect("read")
        .expect("an account");
    // What the route does before it could die.
    let by = ErasedBy::User {
        verified: &user.password_hash,
    };
    let erased = server
        .app
        .store
        .accounts()
        .erase_user(
            user.id,
            by,
            &mut StdRng::seed_from_u64(1),
            server.clock.now(),
        )
        .await;
    assert_eq!(erased.expect("erased"), Erased::Now);
    server.run_due_jobs().await;
    assert_eq!(closed(&mut a).await, Some(CloseCode::Unauthorized));
    assert_eq!(b.until("match.ended").await["reason"], "erased");
    assert_eq!(server.count("SELECT COUNT(*) FROM messages").await, 0);
    drop((a, b));
    server.stop().await;
}

async fn a_banned_user_is_erased_by_an_admin_and_stays_banned(server: TestServer) {
    let (user, admin, other) = (
        server.register("kedi").await,
        server.register("yonetenkisi").await,
        server.register("baska").await,
    );
    server.make_admin(&admin).await;
    server.ban(&user.phone).await;
    let path = format!("/v1/admin/users/{}/erase", user.id);
    let note = json!({ "note": "ticket 12" });
    server
        .post(&path, &other.access, &note)
        .await
        .expect_problem(403, "forbidden");
    for bad in ["", "  ", "a\nb", "x".repeat(501).as_str()] {
        server
            .post(&path, &admin.access, &json!({ "note": bad }))
            .await
            .expect_problem(422, "invalid_field");
    }
    let own = format!("/v1/admin/users/{}/erase", admin.id);
    server
        .post(&own, &admin.access, &note)
        .await
        .expect_problem(403, "forbidden");
    server
        .post("/v1/admin/users/1/erase", &admin.access, &note)
        .await
        .expect_problem(404, "not_found");
    assert_eq!(
        server.post(&path, &admin.access, &note).await.expect(204),
        Value::Null
    );
    server
        .post(&path, &admin.access, &note)
        .await
        .expect_problem(404, "not_found");

    let login = json!({ "phone": user.phone, "password": PASSWORD });
    server
        .post("/v1/auth/login", "", &login)
        .await
        .expect_problem(401, "invalid_credentials");
    let registration = TestServer::registration(&user.phone, "kedi");
    server
        .post("/v1/auth/register", "", &registration)
        .await
        .expect_problem(403, "banned");
    let recorded = format!(
        "SELECT COUNT(*) FROM system_logs WHERE action = 'account_erased' AND user_id = {} AND actor_id = {}",
        user.id, admin.id
    );
    assert_eq!(server.count(&recorded).await, 1);
    // An admin may erase the own account.
    assert_eq!(
        erase(&server, &admin, PASSWORD).await.expect(204),
        Value::Null
    );
    server.run_due_jobs().await;
    server.stop().await;
}

async fn the_export_is_one_document_of_everything(server: TestServer) {
    let (mut a, mut b, match_id) = pair(&server).await;
    let profile =
        json!({ "interests": ["satranç"], "location": { "lat": 41.012_345, "lon": 28.976_543 } });
    server
        .call(Method::PATCH, "/v1/me", &a.user.access, &profile)
        .await
        .expect(200);
    // More than a page.
    for seq in 1..=3 {
        a.say(&match_id, seq, &format!("m{seq}")).await;
    }
    b.say(&match_id, 1, "cevap").await;
    server
        .request(Method::GET, "/v1/me/export", None)
        .send()
        .await
        .expect("an answer")
        .error_for_status()
        .expect_err("unauthorized");

    let reply = server.get("/v1/me/export", &a.user.access).await;
    assert_eq!(reply.headers["cache-control"], "no-store");
    assert_eq!(reply.headers["content-type"], "application/json");
    assert_eq!(
        reply.headers["content-disposition"],
        "attachment; filename=\"tebdil-export.json\""
    );
    let document = reply.expect(200);
    assert_eq!(document["exported_at"], json!(server.clock.now()));
    let account = &document["account"];
    assert_eq!(
        (&account["phone"], &account["alias"]),
        (&json!(a.user.phone), &json!("ayse"))
    );
    assert_eq!(
        (&account["location_lat"], &account["interests"]),
        (&json!(41.01), &json!(["satranç"]))
    );
    assert_eq!(
        document["messages"].as_array().map(Vec::len),
        Some(4),
        "{document}"
    );
    assert_eq!(document["message_logs"].as_array().map(Vec::len), Some(4));
    assert_eq!(
        document["match_sides"][0]["peer"],
        server.get("/v1/me", &b.user.access).await.expect(200)["handle"]
    );
    assert_eq!(document["sessions"].as_array().map(Vec::len), Some(1));
    let text = document.to_string();
    for secret in [
        &b.user.id,
        &b.user.phone,
        "password_hash",
        "refresh_hash",
        "phone_index",
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert_eq!(
        erase(&server, &a.user, PASSWORD).await.expect(204),
        Value::Null
    );
    server
        .get("/v1/me/export", &a.user.access)
        .await
        .expect_problem(401, "unauthorized");
    drop((a, b));
    server.stop().await;
}

mod limited {
    use super::*;

    scenarios! {
        @with &[
            ("TEBDIL_LIMITS__ENABLED", "true"),
            ("TEBDIL_LIMITS__PASSWORDS__ACCOUNT__FREE", "3"),
            ("TEBDIL_LIMITS__PASSWORDS__ACCOUNT__FIRST_S", "900"),
        ];
        exports_and_passwords_are_limited,
    }

    async fn exports_and_passwords_are_limited(server: TestServer) {
        let user = server.register("kedi").await;
        for _ in 0..3 {
            server.get("/v1/me/export", &user.access).await.expect(200);
        }
        server
            .get("/v1/me/export", &user.access)
            .await
            .expect_problem(429, "rate_limited");
        for _ in 0..3 {
            erase(&server, &user, "yanlis parola")
                .await
                .expect_problem(401, "invalid_credentials");
        }
        erase(&server, &user, PASSWORD)
            .await
            .expect_problem(429, "too_many_attempts");
        server.get("/v1/me", &user.access).await.expect(200);
        server.stop().await;
    }
}
