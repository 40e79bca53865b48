//! Codes that are guessed, and how long one is good.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::{CONFIRM, RESET, VERIFY, begin, confirm, registered, verify, wrong};
use crate::{
    harness::{PASSWORD, TestServer},
    sms::Gateway,
};

with_gateway! {
    of_a_hundred_guesses_at_once_five_are_compared: &[],
    guessing_is_refused_with_or_without_a_code: &[("TEBDIL_LIMITS__RULES__GUESS_PHONE__BURST", "4")],
    a_right_code_is_never_called_wrong_because_others_guessed: &[("TEBDIL_LIMITS__RULES__GUESS_PHONE__BURST", "5")],
    a_code_is_good_once_for_one_thing_one_phone_and_five_minutes: &[],
}

async fn of_a_hundred_guesses_at_once_five_are_compared(server: TestServer, gateway: Gateway) {
    let phone = server.phone();
    begin(&server, &phone, "kedi").await;
    let code = gateway.message(1).await.code;
    let guess = wrong(&code);
    let replies = join_all((0..100).map(|_| verify(&server, &phone, &guess))).await;
    let mut compared = 0;
    for reply in replies {
        if reply.status == 422 {
            reply.expect_problem(422, "code_invalid");
            compared += 1;
        } else {
            reply.expect_problem(429, "too_many_attempts");
        }
    }
    assert_eq!(compared, 5);
    assert_eq!(server.count("SELECT tries FROM one_time_codes").await, 5);
    let told = verify(&server, &phone, &code)
        .await
        .expect_problem(429, "too_many_attempts");
    assert_eq!(
        told["retry_after_ms"], 300_000,
        "as long as the code is good"
    );

    // Of a hundred who know it one succeeds.
    begin(&server, &phone, "kedi").await;
    let code = gateway.message(2).await.code;
    let replies = join_all((0..100).map(|_| verify(&server, &phone, &code))).await;
    assert_eq!(
        replies.iter().filter(|reply| reply.status == 201).count(),
        1
    );
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM users")
            .await,
        1
    );
    server.stop().await;
}

async fn guessing_is_refused_with_or_without_a_code(server: TestServer, gateway: Gateway) {
    let phone = server.phone();
    begin(&server, &phone, "kedi").await;
    let code = gateway.message(1).await.code;
    for phone in [phone.clone(), server.phone()] {
        for path in [VERIFY, CONFIRM] {
            let guess = async |code: &str| {
                let mut body = json!({"phone": phone, "code": code});
                if path == CONFIRM {
                    body["new_password"] = json!(PASSWORD);
                }
                server.post(path, "", &body).await
            };
            for _ in 0..4 {
                guess(&wrong(&code))
                    .await
                    .expect_problem(422, "code_invalid");
            }
            guess(&code).await.expect_problem(429, "too_many_attempts");
        }
    }
    server.stop().await;
}

async fn a_right_code_is_never_called_wrong_because_others_guessed(
    server: TestServer,
    gateway: Gateway,
) {
    let phone = server.phone();
    let guess = async |code: &str| verify(&server, &phone, code).await;
    // Somebody guesses before there is a code, and is stopped.
    for turn in 0..20 {
        let problem = if turn < 5 {
            (422, "code_invalid")
        } else {
            (429, "too_many_attempts")
        };
        guess("123456").await.expect_problem(problem.0, problem.1);
    }
    // The code that is sent now works all the same.
    begin(&server, &phone, "kedi").await;
    let first = gateway.message(1).await.code;
    // Others guess after it was sent: its owner is told to wait, not that it is wrong.
    for _ in 0..5 {
        guess(&wrong(&first))
            .await
            .expect_problem(422, "code_invalid");
    }
    let told = guess(&first).await.expect_problem(429, "too_many_attempts");
    assert!(
        told["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0),
        "{told}"
    );
    // And the next one works, also while the phone's first code is used up.
    begin(&server, &phone, "kedi").await;
    let second = gateway.message(2).await.code;
    if first != second {
        guess(&first).await.expect_problem(429, "too_many_attempts");
    }
    guess(&second).await.expect(201);

    // The same for a forgotten password.
    for _ in 0..6 {
        confirm(&server, &phone, "123456", "yepyeni parola").await;
    }
    server
        .post(RESET, "", &json!({"phone": phone}))
        .await
        .expect(202);
    let code = gateway.message(3).await.code;
    confirm(&server, &phone, &code, "yepyeni parola")
        .await
        .expect(204);
    server.stop().await;
}

async fn a_code_is_good_once_for_one_thing_one_phone_and_five_minutes(
    server: TestServer,
    gateway: Gateway,
) {
    let (phone, _) = registered(&server, &gateway, "kedi").await;
    server
        .post(RESET, "", &json!({"phone": phone}))
        .await
        .expect(202);
    let reset = gateway.message(2).await.code;
    let other = server.phone();
    begin(&server, &other, "ikinci").await;
    let registration = gateway.message(3).await.code;
    if reset != registration {
        verify(&server, &other, &reset)
            .await
            .expect_problem(422, "code_invalid");
        confirm(&server, &phone, &registration, "yeni parolam")
            .await
            .expect_problem(422, "code_invalid");
    }
    verify(&server, &phone, &reset)
        .await
        .expect_problem(422, "code_invalid");
    confirm(&server, &other, &registration, "yeni parolam")
        .await
        .expect_problem(422, "code_invalid");
    confirm(&server, &other, &reset, "yeni parolam")
        .await
        .expect_problem(422, "code_invalid");

    server.clock.advance(Duration::from_mins(5));
    verify(&server, &other, &registration)
        .await
        .expect_problem(422, "code_invalid");
    confirm(&server, &phone, &reset, "yeni parolam")
        .await
        .expect_problem(422, "code_invalid");
    server.login(&phone).await;

    server
        .post(RESET, "", &json!({"phone": phone}))
        .await
        .expect(202);
    let again = gateway.message(4).await.code;
    confirm(&server, &phone, &again, "yeni parolam")
        .await
        .expect(204);
    confirm(&server, &phone, &again, "daha yeni parolam")
        .await
        .expect_problem(422, "code_invalid");
    server
        .post(
            "/v1/auth/login",
            "",
            &json!({"phone": phone, "password": "yeni parolam"}),
        )
        .await
        .expect(200);

    // Nothing of it is kept.
    server.clock.advance(Duration::from_hours(1));
    server.run_due_jobs().await;
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM one_time_codes")
            .await,
        0
    );
    server.stop().await;
}
