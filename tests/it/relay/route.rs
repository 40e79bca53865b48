//! Who gets credentials for a relay, and for what.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tebdil_core::testing::Backend;

use super::{ask, video_pair};
use crate::{
    harness::TestServer,
    sockets::{Person, meet, pair},
};

scenarios! {
    both_sides_of_a_video_match_get_credentials_of_their_own,
    a_credential_is_for_the_device_that_searched,
    a_match_for_text_or_over_or_of_others_has_none,
    no_key_brings_an_old_credential_back,
}

mod limited {
    use super::super::route::*;

    scenarios! {
        @with &[("TEBDIL_LIMITS__ENABLED", "true"), ("TEBDIL_LIMITS__RULES__ICE_ACCOUNT__BURST", "3")];
        credentials_are_limited_by_account,
    }
}

mod elsewhere {
    use super::super::route::*;

    scenarios! {
        @with &[
            ("TEBDIL_RELAY__EMBEDDED", "false"), ("TEBDIL_RELAY__OTHERS", "192.0.2.1:49160-49400"),
            ("TEBDIL_RELAY__URLS", "turn:turn.example.org:3478?transport=udp, turns:turn.example.org:5349"),
            ("TEBDIL_SECRETS__RELAY_SECRET", "a secret of relays"),
        ];
        relays_elsewhere_are_named_instead,
    }
}

fn username(answer: &Value) -> (i64, String) {
    let (expiry, side) = answer["ice_servers"][0]["username"]
        .as_str()
        .expect("a name")
        .split_once(':')
        .expect("expiry:side");
    (expiry.parse().expect("seconds"), side.to_owned())
}

async fn both_sides_of_a_video_match_get_credentials_of_their_own(server: TestServer) {
    let (a, b, id) = video_pair(&server).await;
    let reply = ask(&server, &a, &id).await;
    assert_eq!(reply.headers["cache-control"], "no-store");
    let (of_a, of_b) = (reply.expect(200), ask(&server, &b, &id).await.expect(200));
    assert_eq!(
        (&of_a["ttl_s"], &of_a["transport_policy"]),
        (&json!(300), &json!("relay"))
    );
    let url = of_a["ice_servers"][0]["urls"][0]
        .as_str()
        .expect("an address");
    assert!(
        url.starts_with("turn:127.0.0.") && url.ends_with("?transport=udp"),
        "{url}"
    );

    let ((expiry, side_of_a), (_, side_of_b)) = (username(&of_a), username(&of_b));
    assert_eq!(expiry, server.clock.now().millis() / 1_000 + 300);
    assert_ne!(side_of_a, side_of_b);
    let text = of_a.to_string() + &of_b.to_string();
    assert!(
        ![&a.user.id, &b.user.id, &id]
            .iter()
            .any(|known| text.contains(*known)),
        "it names nobody: {text}"
    );

    // Later it is another credential for the same side, so that a relay counts both together.
    server.clock.advance(Duration::from_secs(10));
    let again = ask(&server, &a, &id).await.expect(200);
    assert_eq!(username(&again), (expiry + 10, side_of_a));
    assert_ne!(
        again["ice_servers"][0]["credential"],
        of_a["ice_servers"][0]["credential"]
    );
    server.stop().await;
}

async fn a_credential_is_for_the_device_that_searched(server: TestServer) {
    let (a, _b, id) = video_pair(&server).await;
    let other = Person::again(&server, &a).await;
    ask(&server, &other, &id)
        .await
        .expect_problem(409, "wrong_device");
    ask(&server, &a, &id).await.expect(200);
    server
        .post("/v1/auth/logout", &a.user.access, &Value::Null)
        .await
        .expect(204);
    ask(&server, &a, &id)
        .await
        .expect_problem(401, "unauthorized");
    server.stop().await;
}

async fn a_match_for_text_or_over_or_of_others_has_none(server: TestServer) {
    let (talker, mut other, text) = pair(&server).await;
    ask(&server, &talker, &text)
        .await
        .expect_problem(409, "not_a_video_match");
    let (mut a, mut b) = (
        Person::new(&server, "deniz").await,
        Person::new(&server, "ece").await,
    );
    let video = meet(&server, &mut a, &mut b, "video").await;
    let stranger = Person::new(&server, "cem").await;
    ask(&server, &stranger, &video)
        .await
        .expect_problem(404, "not_found");
    ask(&server, &a, "1").await.expect_problem(404, "not_found");
    server
        .post(
            &format!("/v1/matches/{video}/leave"),
            &b.user.access,
            &Value::Null,
        )
        .await
        .expect(200);
    for person in [&a, &b] {
        ask(&server, person, &video)
            .await
            .expect_problem(409, "match_ended");
    }
    // One that has run out, before the job came by.
    let last = meet(&server, &mut a, &mut other, "video").await;
    ask(&server, &a, &last).await.expect(200);
    server.clock.advance(Duration::from_hours(24));
    let user = server.login(&a.user.phone).await;
    server
        .post(
            "/v1/rtc/ice-servers",
            &user.access,
            &json!({"match_id": last}),
        )
        .await
        .expect_problem(409, "match_ended");
    server.stop().await;
}

async fn no_key_brings_an_old_credential_back(server: TestServer) {
    let (a, _b, id) = video_pair(&server).await;
    let body = json!({"match_id": id});
    let keyed = async || {
        let request = server
            .request(Method::POST, "/v1/rtc/ice-servers", Some(&a.user.access))
            .header("idempotency-key", "call");
        server.send(request.json(&body)).await
    };
    let first = keyed().await;
    assert!(!first.headers.contains_key("idempotency-replayed"));
    first.expect(200);
    assert_eq!(
        server
            .count("SELECT COUNT(*) FROM idempotency_keys WHERE key = 'call'")
            .await,
        0,
        "no credential is kept"
    );
    server
        .post(
            &format!("/v1/matches/{id}/leave"),
            &a.user.access,
            &Value::Null,
        )
        .await
        .expect(200);
    keyed().await.expect_problem(409, "match_ended");
    server.stop().await;
}

async fn credentials_are_limited_by_account(server: TestServer) {
    let (a, b, id) = video_pair(&server).await;
    for _ in 0..3 {
        ask(&server, &a, &id).await.expect(200);
    }
    ask(&server, &a, &id)
        .await
        .expect_problem(429, "rate_limited");
    ask(&server, &b, &id).await.expect(200);
    server.stop().await;
}

async fn relays_elsewhere_are_named_instead(server: TestServer) {
    let (a, _b, id) = video_pair(&server).await;
    let answer = ask(&server, &a, &id).await.expect(200);
    assert_eq!(
        answer["ice_servers"][0]["urls"],
        json!([
            "turn:turn.example.org:3478?transport=udp",
            "turns:turn.example.org:5349"
        ])
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_relay_there_is_no_video() {
    let settings = [("TEBDIL_RELAY__EMBEDDED", "false")];
    let server = TestServer::start(Backend::Sqlite, &settings)
        .await
        .expect("SQLite is always there");
    let mut person = Person::new(&server, "ayse").await;
    assert_eq!(
        person
            .refused(json!({"type": "match.find", "mode": "video"}))
            .await,
        "mode_unavailable"
    );
    server.stop().await;
}
