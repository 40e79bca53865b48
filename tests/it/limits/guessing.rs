//! Guessing at passwords is slowed down, and locks nobody out who is signed in.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use reqwest::Method;
use serde_json::{Value, json};

use super::{from, login};
use crate::{
    harness::{PASSWORD, TestServer, TestUser},
    sockets::{connect, eventually},
};

const WRONG: &str = "yanlis parola";

/// The first wait of these tests.
const FIRST: Duration = Duration::from_secs(1);

mod phone {
    use super::super::guessing::*;

    scenarios! {
        @with &[
            ("TEBDIL_LIMITS__ENABLED", "true"),
            ("TEBDIL_HTTP__TRUSTED_PROXIES", "127.0.0.1"),
            ("TEBDIL_LIMITS__PASSWORDS__PHONE__FREE", "5"),
            ("TEBDIL_LIMITS__RULES__LOGIN_ADDRESS__BURST", "1000"),
        ];
        a_thousand_tries_on_one_phone_from_fifty_addresses,
        a_phone_that_nobody_has_is_counted_alike,
    }
}

mod waited {
    use super::super::guessing::*;

    // Six tries are to be made before a wait is over, however slow the machine is.
    scenarios! {
        @with &[
            ("TEBDIL_LIMITS__ENABLED", "true"),
            ("TEBDIL_HTTP__TRUSTED_PROXIES", "127.0.0.1"),
            ("TEBDIL_LIMITS__PASSWORDS__PHONE__FREE", "5"),
            ("TEBDIL_LIMITS__PASSWORDS__PHONE__FIRST_S", "5"),
        ];
        the_right_password_sets_the_phone_back,
    }
}

mod address {
    use super::super::guessing::*;

    scenarios! {
        @with &[
            ("TEBDIL_LIMITS__ENABLED", "true"),
            ("TEBDIL_HTTP__TRUSTED_PROXIES", "127.0.0.1"),
            ("TEBDIL_LIMITS__PASSWORDS__ADDRESS__FREE", "10"),
            ("TEBDIL_LIMITS__PASSWORDS__ADDRESS__FIRST_S", "900"),
            ("TEBDIL_LIMITS__PASSWORDS__ADDRESS__FORGET_S", "3600"),
            ("TEBDIL_LIMITS__RULES__LOGIN_ADDRESS__BURST", "5000"),
        ];
        one_address_over_a_thousand_phones,
        right_passwords_do_not_make_up_for_wrong_ones_of_an_address,
    }
}

mod slow {
    use super::super::guessing::*;

    scenarios! {
        @with &[
            ("TEBDIL_LIMITS__ENABLED", "true"),
            ("TEBDIL_HTTP__TRUSTED_PROXIES", "127.0.0.1"),
            ("TEBDIL_LIMITS__PASSWORDS__PHONE__FREE", "4"),
            ("TEBDIL_LIMITS__PASSWORDS__PHONE__FIRST_S", "900"),
            ("TEBDIL_LIMITS__PASSWORDS__ACCOUNT__FREE", "3"),
            ("TEBDIL_LIMITS__PASSWORDS__ACCOUNT__FIRST_S", "900"),
        ];
        a_hundred_at_once_are_no_way_around,
        what_cannot_be_compared_costs_no_try,
        who_is_signed_in_cannot_guess_for_ever_either,
    }
}

/// How many passwords the rule lets through in this time: the free ones, and one after each wait.
fn allowed(free: usize, took: Duration) -> usize {
    let waits = (0..31)
        .take_while(|waits| FIRST * (2_u32.pow(*waits + 1) - 1) <= took)
        .count();
    free + waits
}

/// Tries a wrong password for each phone from the address beside it, twenty at a time; how many
/// were compared with anything. All others were refused.
async fn guess(server: &TestServer, tries: impl Iterator<Item = (String, String)>) -> usize {
    let one = async |(turn, (phone, address)): (usize, (String, String))| {
        let reply = login(server, turn, &address, &phone, WRONG).await;
        let compared = reply.status == 401;
        if compared {
            reply.expect_problem(401, "invalid_credentials");
        } else {
            reply.expect_problem(429, "too_many_attempts");
        }
        compared
    };
    stream::iter(tries.enumerate())
        .map(one)
        .buffer_unordered(20)
        .filter(|compared| std::future::ready(*compared))
        .count()
        .await
}

fn addresses(count: usize) -> impl Iterator<Item = String> {
    (0..).map(move |number| format!("192.0.2.{}", number % count))
}

/// How often somebody is in the log for wrong passwords; nothing there names a phone or an address.
async fn logged(server: &TestServer, whose: &str) -> i64 {
    let open = "SELECT COUNT(*) FROM system_logs WHERE action = 'login_attempts' AND (CAST(details AS TEXT) LIKE '%192.0%' OR CAST(details AS TEXT) LIKE '%530%')";
    assert_eq!(server.count(open).await, 0);
    server
        .count(&format!(
            "SELECT COUNT(*) FROM system_logs WHERE action = 'login_attempts' AND user_id {whose}"
        ))
        .await
}

async fn a_thousand_tries_on_one_phone_from_fifty_addresses(server: TestServer) {
    let user = server.register("KediAdam").await;
    let _open = connect(&server, &user).await;
    let start = Instant::now();
    let compared = guess(
        &server,
        addresses(50)
            .map(|address| (user.phone.clone(), address))
            .take(1_000),
    )
    .await;
    let most = allowed(5, start.elapsed());
    assert!(
        (5..=most).contains(&compared),
        "{compared} of 1000 were compared, {most} may be"
    );

    a_wait_begins(&server, &user.phone).await;
    let problem = login(&server, 0, "198.51.100.1", &user.phone, PASSWORD)
        .await
        .expect_problem(429, "too_many_attempts");
    assert!(
        problem["retry_after_ms"].as_u64() <= Some(900_000),
        "{problem}"
    );
    // Nor written in another way.
    login(
        &server,
        1,
        "198.51.100.1",
        &user.phone.replace("+90", "0"),
        PASSWORD,
    )
    .await
    .expect_problem(429, "too_many_attempts");
    owner_gets_in(&server, &user).await;
    // Somebody else is not concerned.
    let other = server.register("KediAdam").await;
    login(&server, 0, "192.0.2.1", &other.phone, PASSWORD)
        .await
        .expect(200);

    eventually("it is in the log", async || {
        logged(&server, &format!("= {}", user.id)).await == 1
    })
    .await;
    assert_eq!(
        logged(&server, "IS NULL").await,
        0,
        "no address had wrong passwords enough"
    );
    server.stop().await;
}

/// Guesses once more as soon as that may be done: the wait after it is twice as long as the one
/// before, and has just begun.
async fn a_wait_begins(server: &TestServer, phone: &str) {
    loop {
        let reply = login(server, 0, "198.51.100.1", phone, WRONG).await;
        if reply.status == 401 {
            return;
        }
        let problem = reply.expect_problem(429, "too_many_attempts");
        tokio::time::sleep(Duration::from_millis(
            problem["retry_after_ms"].as_u64().expect("a time"),
        ))
        .await;
    }
}

/// From a session that is there: the tokens are refreshed, the socket opens, and the password can
/// be changed.
async fn owner_gets_in(server: &TestServer, user: &TestUser) {
    let refresh = json!({ "refresh_token": user.refresh });
    let refreshed = from(
        server,
        0,
        "192.0.2.1",
        "",
        Method::POST,
        "/v1/auth/refresh",
        &refresh,
    )
    .await
    .expect(200);
    let access = refreshed["tokens"]["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    from(
        server,
        1,
        "192.0.2.1",
        &access,
        Method::GET,
        "/v1/me",
        &Value::Null,
    )
    .await
    .expect(200);
    drop(
        connect(
            server,
            &TestUser {
                access: access.clone(),
                ..user.clone()
            },
        )
        .await,
    );
    let change = json!({ "current_password": PASSWORD, "new_password": "kar yağıyor kar" });
    from(
        server,
        0,
        "192.0.2.1",
        &access,
        Method::POST,
        "/v1/me/password",
        &change,
    )
    .await
    .expect(204);
}

async fn a_phone_that_nobody_has_is_counted_alike(server: TestServer) {
    let phone = server.phone();
    let start = Instant::now();
    let compared = guess(
        &server,
        addresses(50)
            .map(|address| (phone.clone(), address))
            .take(200),
    )
    .await;
    let most = allowed(5, start.elapsed());
    assert!(
        (5..=most).contains(&compared),
        "{compared} of 200 were compared, {most} may be"
    );
    eventually("it is in the log", async || {
        logged(&server, "IS NULL").await == 1
    })
    .await;
    server.stop().await;
}

async fn the_right_password_sets_the_phone_back(server: TestServer) {
    let user = server.register("KediAdam").await;
    for turn in 0..5 {
        login(&server, turn, "192.0.2.1", &user.phone, WRONG)
            .await
            .expect_problem(401, "invalid_credentials");
    }
    let problem = login(&server, 0, "192.0.2.1", &user.phone, PASSWORD)
        .await
        .expect_problem(429, "too_many_attempts");
    let wait = Duration::from_millis(problem["retry_after_ms"].as_u64().expect("a time"));
    assert!(wait <= Duration::from_secs(5), "{wait:?}");
    tokio::time::sleep(wait + Duration::from_millis(2)).await;
    // After the wait one more is let through, and this one is right.
    login(&server, 1, "192.0.2.1", &user.phone, PASSWORD)
        .await
        .expect(200);
    for turn in 0..5 {
        login(&server, turn, "192.0.2.1", &user.phone, WRONG)
            .await
            .expect_problem(401, "invalid_credentials");
    }
    login(&server, 0, "192.0.2.1", &user.phone, WRONG)
        .await
        .expect_problem(429, "too_many_attempts");
    eventually("it is in the log", async || {
        logged(&server, &format!("= {}", user.id)).await == 1
    })
    .await;
    server.stop().await;
}

async fn one_address_over_a_thousand_phones(server: TestServer) {
    let user = server.register("KediAdam").await;
    let phones: Vec<String> = (0..1_000).map(|_| server.phone()).collect();
    let tries = phones
        .into_iter()
        .map(|phone| (phone, "192.0.2.1".to_owned()));
    // The first wait is longer than this test.
    assert_eq!(guess(&server, tries).await, 10, "compared");

    // An owner comes from elsewhere, or with a session.
    login(&server, 0, "192.0.2.1", &user.phone, PASSWORD)
        .await
        .expect_problem(429, "too_many_attempts");
    login(&server, 1, "192.0.2.2", &user.phone, PASSWORD)
        .await
        .expect(200);
    owner_gets_in(&server, &user).await;
    eventually("it is in the log", async || {
        logged(&server, "IS NULL").await == 1
    })
    .await;
    server.stop().await;
}

async fn right_passwords_do_not_make_up_for_wrong_ones_of_an_address(server: TestServer) {
    let user = server.register("KediAdam").await;
    for turn in 0..20 {
        login(&server, turn, "192.0.2.1", &user.phone, PASSWORD)
            .await
            .expect(200);
    }
    for turn in 0..10 {
        login(&server, turn, "192.0.2.1", &server.phone(), WRONG)
            .await
            .expect_problem(401, "invalid_credentials");
        if turn < 9 {
            login(&server, turn, "192.0.2.1", &user.phone, PASSWORD)
                .await
                .expect(200);
        }
    }
    login(&server, 0, "192.0.2.1", &user.phone, PASSWORD)
        .await
        .expect_problem(429, "too_many_attempts");
    server.stop().await;
}

async fn a_hundred_at_once_are_no_way_around(server: TestServer) {
    let user = server.register("KediAdam").await;
    let tries = addresses(50).take(100).enumerate();
    let replies = futures_util::future::join_all(tries.map(|(turn, address)| {
        let (server, phone) = (&server, &user.phone);
        async move {
            login(server, turn, &address, phone, WRONG)
                .await
                .status
                .as_u16()
        }
    }));
    let replies = replies.await;
    let with = |status: u16| replies.iter().filter(|reply| **reply == status).count();
    assert_eq!((with(401), with(429)), (4, 96));
    server.stop().await;
}

async fn what_cannot_be_compared_costs_no_try(server: TestServer) {
    let user = server.register("KediAdam").await;
    let weak = json!({ "current_password": WRONG, "new_password": "12345678" });
    for turn in 0..6 {
        from(
            &server,
            turn,
            "192.0.2.1",
            &user.access,
            Method::POST,
            "/v1/me/password",
            &weak,
        )
        .await
        .expect_problem(422, "weak_password");
    }
    // A device whose name is too long is refused before the password is looked at.
    let body =
        json!({ "phone": user.phone, "password": WRONG, "device": { "name": "x".repeat(65) } });
    for turn in 0..6 {
        from(
            &server,
            turn,
            "192.0.2.1",
            "",
            Method::POST,
            "/v1/auth/login",
            &body,
        )
        .await
        .expect_problem(422, "invalid_field");
    }
    login(&server, 0, "192.0.2.1", &user.phone, PASSWORD)
        .await
        .expect(200);
    server.stop().await;
}

async fn who_is_signed_in_cannot_guess_for_ever_either(server: TestServer) {
    let user = server.register("KediAdam").await;
    let change = async |turn: usize, current: &str| {
        let body = json!({ "current_password": current, "new_password": "kar yağıyor kar" });
        from(
            &server,
            turn,
            "192.0.2.1",
            &user.access,
            Method::POST,
            "/v1/me/password",
            &body,
        )
        .await
    };
    for turn in 0..3 {
        change(turn, WRONG)
            .await
            .expect_problem(401, "invalid_credentials");
    }
    change(0, PASSWORD)
        .await
        .expect_problem(429, "too_many_attempts");
    // Who stole a session locks the owner out of nothing but this.
    login(&server, 1, "192.0.2.1", &user.phone, PASSWORD)
        .await
        .expect(200);
    eventually("it is in the log", async || {
        logged(&server, &format!("= {}", user.id)).await == 1
    })
    .await;
    server.stop().await;
}
