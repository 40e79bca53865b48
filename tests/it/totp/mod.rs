//! Second factors of staff: set up, asked for, used once, taken away.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

use crate::{
    ads::staff,
    harness::{PASSWORD, Reply, TestServer, TestUser},
};

mod confirm;
mod required;

scenarios! {
    a_second_factor_is_asked_for_once_it_is_confirmed,
    a_code_is_good_once_at_whichever_node,
    a_recovery_code_is_good_once,
    a_code_is_asked_for_once_while_the_password_is_stored_anew,
    a_second_factor_is_taken_away_with_password_and_code,
    an_erasure_takes_the_second_factor_along,
}

/// So long a code is good, and its neighbours.
const STEP: Duration = Duration::from_secs(30);

/// What the app of a member of staff has.
struct App {
    generator: Totp,
    recovery: Vec<String>,
}

impl App {
    /// Sets a second factor up for a member of staff who is signed in.
    async fn enrol(server: &TestServer, user: &TestUser) -> Self {
        let begun = server
            .post(
                "/v1/me/totp",
                &user.access,
                &json!({ "password": PASSWORD }),
            )
            .await
            .expect(200);
        let secret =
            Secret::try_from_base32(begun["secret"].as_str().expect("a secret")).expect("base32");
        let generator = Builder::new()
            .with_secret(secret)
            .build()
            .expect("what every app makes of it");
        let app = Self {
            generator,
            recovery: Vec::new(),
        };
        let confirmed = server
            .post(
                "/v1/me/totp/confirm",
                &user.access,
                &json!({ "code": app.code(server) }),
            )
            .await
            .expect(200);
        let codes = confirmed["recovery_codes"]
            .as_array()
            .expect("codes")
            .iter();
        let recovery: Vec<String> = codes
            .map(|code| code.as_str().expect("text").to_owned())
            .collect();
        assert_eq!(recovery.len(), 10);
        // The code that confirmed it was its step's.
        server.clock.advance(STEP);
        Self { recovery, ..app }
    }

    /// What it shows now.
    fn code(&self, server: &TestServer) -> String {
        self.code_at(server, 0)
    }

    /// What it shows so many steps later.
    fn code_at(&self, server: &TestServer, steps: i64) -> String {
        let seconds = server.clock.now().seconds() + 30 * steps;
        self.generator
            .generate(seconds.try_into().expect("after 1970"))
            .to_string()
    }
}

async fn login(server: &TestServer, user: &TestUser, totp: Option<&str>) -> Reply {
    let body = json!({ "phone": user.phone, "password": PASSWORD, "totp": totp });
    server.post("/v1/auth/login", "", &body).await
}

/// The details of each act of this kind about a user, newest first.
async fn recorded(server: &TestServer, user: &TestUser, action: &str) -> Vec<Value> {
    let admin = staff(server, "okuyan", "admin").await;
    let logs = server
        .get(
            &format!("/v1/admin/system-logs?action={action}&user={}", user.id),
            &admin.access,
        )
        .await
        .expect(200);
    logs["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|act| act["details"].clone())
        .collect()
}

async fn wrong_codes_are_refused(server: &TestServer, moderator: &TestUser, forgotten: &Totp) {
    let old = forgotten
        .generate(server.clock.now().seconds().try_into().expect("after 1970"))
        .to_string();
    for wrong in [
        old.as_str(),
        "000",
        "",
        "abcdef",
        "aaaa-bbbb-cccc-dddd",
        "１２３４５６",
    ] {
        login(server, moderator, Some(wrong))
            .await
            .expect_problem(401, "totp_invalid");
    }
}

/// Neither a lower role nor another password takes it away.
async fn neither_role_nor_password_takes_it_away(server: &TestServer, moderator: &TestUser) {
    server
        .count(&format!(
            "UPDATE users SET role = 'user' WHERE id = {} RETURNING id",
            moderator.id
        ))
        .await;
    let change = json!({ "current_password": PASSWORD, "new_password": "kar yağıyor bugün" });
    server
        .post("/v1/me/password", &moderator.access, &change)
        .await
        .expect(204);
    let body = json!({ "phone": moderator.phone, "password": "kar yağıyor bugün" });
    server
        .post("/v1/auth/login", "", &body)
        .await
        .expect_problem(401, "totp_required");
}

async fn a_second_factor_is_asked_for_once_it_is_confirmed(server: TestServer) {
    let moderator = staff(&server, "deniz", "moderator").await;
    let begin = async |user: &TestUser, password: &str| {
        server
            .post(
                "/v1/me/totp",
                &user.access,
                &json!({ "password": password }),
            )
            .await
    };
    begin(&moderator, "not the password")
        .await
        .expect_problem(401, "invalid_credentials");
    begin(&server.register("kedi").await, PASSWORD)
        .await
        .expect_problem(403, "forbidden");
    let confirm = async |code: &str| {
        server
            .post(
                "/v1/me/totp/confirm",
                &moderator.access,
                &json!({ "code": code }),
            )
            .await
    };
    confirm("123456").await.expect_problem(404, "not_found");

    // Begun, and begun again: the first secret is good for nothing, and nobody is asked for a code
    // yet.
    let first = begin(&moderator, PASSWORD).await.expect(200);
    let uri = first["uri"].as_str().expect("an address");
    assert!(
        uri.starts_with("otpauth://totp/Tebdil:deniz%23")
            && uri.contains(first["secret"].as_str().expect("text")),
        "{uri}"
    );
    let other = login(&server, &moderator, None).await.expect(200);
    let app = App::enrol(&server, &moderator).await;
    // Whoever signed in with the password alone has to show the factor, too.
    let other = other["tokens"]["access_token"].as_str().expect("text");
    server
        .get("/v1/me", other)
        .await
        .expect_problem(401, "unauthorized");
    server.get("/v1/me", &moderator.access).await.expect(200);
    let forgotten =
        Secret::try_from_base32(first["secret"].as_str().expect("text")).expect("base32");
    let forgotten = Builder::new()
        .with_secret(forgotten)
        .build()
        .expect("a generator");
    begin(&moderator, PASSWORD)
        .await
        .expect_problem(409, "totp_enrolled");
    confirm(&app.code(&server))
        .await
        .expect_problem(409, "totp_enrolled");

    login(&server, &moderator, None)
        .await
        .expect_problem(401, "totp_required");
    wrong_codes_are_refused(&server, &moderator, &forgotten).await;
    // Nothing of it is told to who does not know the password.
    let body = json!({ "phone": moderator.phone, "password": "not the password", "totp": app.code(&server) });
    server
        .post("/v1/auth/login", "", &body)
        .await
        .expect_problem(401, "invalid_credentials");
    login(&server, &moderator, Some(&app.code(&server)))
        .await
        .expect(200);
    assert_eq!(
        recorded(&server, &moderator, "totp_enrolled").await,
        [json!({})]
    );

    neither_role_nor_password_takes_it_away(&server, &moderator).await;
    server.stop().await;
}

async fn a_code_is_good_once_at_whichever_node(server: TestServer) {
    let admin = staff(&server, "selin", "admin").await;
    let app = App::enrol(&server, &admin).await;
    let code = app.code(&server);
    // At once, to all nodes in turn.
    let tries = (0..4).map(|node| {
        let body = json!({ "phone": admin.phone, "password": PASSWORD, "totp": code });
        let url = server.node_url(node % server.node_count());
        server.send(
            server
                .request_to(url, Method::POST, "/v1/auth/login", None)
                .json(&body),
        )
    });
    let statuses: Vec<u16> = futures_util::future::join_all(tries)
        .await
        .iter()
        .map(|reply| reply.status.as_u16())
        .collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 401).count(),
        3,
        "{statuses:?}"
    );

    // A step on either side is good, two are not, and none before the newest that was taken.
    login(&server, &admin, Some(&app.code_at(&server, -1)))
        .await
        .expect_problem(401, "totp_invalid");
    login(&server, &admin, Some(&app.code_at(&server, 2)))
        .await
        .expect_problem(401, "totp_invalid");
    let next = app.code_at(&server, 1);
    login(
        &server,
        &admin,
        Some(&format!(" {} {} ", &next[..3], &next[3..])),
    )
    .await
    .expect(200);
    server.clock.advance(STEP);
    login(&server, &admin, Some(&next))
        .await
        .expect_problem(401, "totp_invalid");
    server.clock.advance(STEP);
    login(&server, &admin, Some(&app.code_at(&server, 0)))
        .await
        .expect(200);
    server.stop().await;
}

async fn a_recovery_code_is_good_once(server: TestServer) {
    let admin = staff(&server, "selin", "admin").await;
    let app = App::enrol(&server, &admin).await;
    let [first, second, third, ..] = &app.recovery[..] else {
        panic!("ten codes")
    };
    let tries =
        futures_util::future::join_all((0..4).map(|_| login(&server, &admin, Some(first)))).await;
    assert_eq!(
        tries
            .iter()
            .filter(|reply| reply.status.as_u16() == 200)
            .count(),
        1,
        "of four at once"
    );
    // However it is typed.
    login(
        &server,
        &admin,
        Some(&second.replace('-', " ").to_uppercase()),
    )
    .await
    .expect(200);
    login(&server, &admin, Some(second))
        .await
        .expect_problem(401, "totp_invalid");
    let other = staff(&server, "deniz", "moderator").await;
    App::enrol(&server, &other).await;
    login(&server, &other, Some(third))
        .await
        .expect_problem(401, "totp_invalid");
    login(&server, &admin, Some(third)).await.expect(200);

    let left: Vec<Value> = recorded(&server, &admin, "recovery_code_used")
        .await
        .iter()
        .map(|details| details["left"].clone())
        .collect();
    assert_eq!(
        left.iter()
            .filter_map(Value::as_i64)
            .collect::<std::collections::BTreeSet<_>>(),
        [7, 8, 9].into()
    );
    // They are stored as hashes, and the export holds neither them nor the secret.
    let export = server.get("/v1/me/export", &admin.access).await.expect(200);
    let [row] = &export["totps"].as_array().expect("rows")[..] else {
        panic!("one row: {export}")
    };
    let names: Vec<&String> = row.as_object().expect("a row").keys().collect();
    assert_eq!(names, ["confirmed_at", "created_at", "last_step"]);
    assert_eq!(
        server
            .count("SELECT CAST(MAX(LENGTH(recovery_hashes)) AS BIGINT) FROM totps")
            .await,
        320
    );
    server.stop().await;
}

async fn a_code_is_asked_for_once_while_the_password_is_stored_anew(server: TestServer) {
    let admin = staff(&server, "selin", "admin").await;
    let app = App::enrol(&server, &admin).await;
    let id = admin.id.parse().expect("an id");
    for codes in app.recovery.chunks(5) {
        let today = server
            .app
            .store
            .accounts()
            .user(id)
            .await
            .expect("the store")
            .expect("there")
            .password_hash;
        let old = bcrypt::hash(PASSWORD, 4).expect("a hash");
        server
            .app
            .store
            .accounts()
            .replace_password_hash(id, &today, &old.as_str().into())
            .await
            .expect("replaced");
        // The first to get in has it stored anew, and the others compare once more.
        for reply in futures_util::future::join_all(
            codes.iter().map(|code| login(&server, &admin, Some(code))),
        )
        .await
        {
            reply.expect(200);
        }
    }
    server.stop().await;
}

async fn a_second_factor_is_taken_away_with_password_and_code(server: TestServer) {
    let admin = staff(&server, "selin", "admin").await;
    let remove = async |password: &str, code: &str| {
        server
            .call(
                Method::DELETE,
                "/v1/me/totp",
                &admin.access,
                &json!({ "password": password, "code": code }),
            )
            .await
    };
    remove(PASSWORD, "123456")
        .await
        .expect_problem(404, "not_found");
    let app = App::enrol(&server, &admin).await;
    remove("not the password", &app.code(&server))
        .await
        .expect_problem(401, "invalid_credentials");
    remove(PASSWORD, "000000000")
        .await
        .expect_problem(401, "totp_invalid");
    remove(PASSWORD, &app.code(&server)).await.expect(204);
    login(&server, &admin, None).await.expect(200);
    assert_eq!(recorded(&server, &admin, "totp_removed").await, [json!({})]);
    // And one can be set up anew.
    App::enrol(&server, &admin).await;
    login(&server, &admin, None)
        .await
        .expect_problem(401, "totp_required");
    server.stop().await;
}

async fn an_erasure_takes_the_second_factor_along(server: TestServer) {
    let moderator = staff(&server, "deniz", "moderator").await;
    App::enrol(&server, &moderator).await;
    server
        .call(
            Method::DELETE,
            "/v1/me",
            &moderator.access,
            &json!({ "password": PASSWORD }),
        )
        .await
        .expect(204);
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM totps")
            .await,
        0
    );
    server.stop().await;
}

mod guessing {
    use super::*;

    scenarios! {
        @with &[
            ("TEBDIL_LIMITS__ENABLED", "true"),
            ("TEBDIL_LIMITS__PASSWORDS__PHONE__FREE", "4"),
            ("TEBDIL_LIMITS__PASSWORDS__PHONE__FIRST_S", "900"),
        ];
        guesses_at_a_code_cost_time_and_a_password_forgives_none,
    }

    async fn guesses_at_a_code_cost_time_and_a_password_forgives_none(server: TestServer) {
        let admin = staff(&server, "selin", "admin").await;
        let app = App::enrol(&server, &admin).await;
        // Four are free, whatever is asked in between.
        for _ in 0..3 {
            login(&server, &admin, Some("aaaa-bbbb-cccc-dddd"))
                .await
                .expect_problem(401, "totp_invalid");
            login(&server, &admin, None)
                .await
                .expect_problem(401, "totp_required");
        }
        login(&server, &admin, Some("aaaa-bbbb-cccc-dddd"))
            .await
            .expect_problem(401, "totp_invalid");
        login(&server, &admin, Some(&app.recovery[0]))
            .await
            .expect_problem(429, "too_many_attempts");
        server.stop().await;
    }
}
