//! The tokens of devices.

use reqwest::Method;
use serde_json::{Value, json};

use super::{assert_counted, numbers, put, put_token, tell, told_of_devices};
use crate::{
    fcm::{FakeFcm, Reply},
    harness::{TestServer, TestUser},
};

pushed! {
    tokens_belong_to_devices,
    a_dead_token_is_forgotten,
}

async fn wrong_tokens_are_refused(server: &TestServer, fake: &FakeFcm, ayse: &TestUser) {
    let keys = json!({ "p256dh": "a", "auth": "b" });
    for (body, code, field) in [
        (
            json!({ "platform": "android", "token": "x".repeat(2049) }),
            "invalid_field",
            "token",
        ),
        (
            json!({ "platform": "android", "token": "" }),
            "invalid_field",
            "token",
        ),
        (
            json!({ "platform": "ios", "token": "a b" }),
            "invalid_field",
            "token",
        ),
        (
            json!({ "platform": "ios", "token": "\u{1}" }),
            "invalid_field",
            "token",
        ),
        (
            json!({ "platform": "ios", "token": "ç" }),
            "invalid_field",
            "token",
        ),
        (
            json!({ "platform": "ios", "token": 7 }),
            "invalid_field",
            "token",
        ),
        (json!({ "platform": "android" }), "invalid_field", "token"),
        (json!({ "token": "x" }), "invalid_field", "platform"),
        (
            json!({ "platform": "symbian", "token": "x" }),
            "invalid_field",
            "platform",
        ),
        (
            json!({ "platform": "android", "token": "x", "keys": keys }),
            "invalid_field",
            "keys",
        ),
        (
            json!({ "platform": "android", "token": "x", "endpoint": "https://fcm.googleapis.com/x" }),
            "invalid_field",
            "endpoint",
        ),
        (
            json!({ "platform": "android", "token": "x", "user": "1" }),
            "unknown_field",
            "user",
        ),
    ] {
        let problem = put(server, ayse, &body).await.expect_problem(422, code);
        assert_eq!(problem["errors"][0]["field"], field, "{body}");
    }
    for method in [Method::PUT, Method::DELETE] {
        let target = json!({ "platform": "android", "token": "x" });
        server
            .call(method, "/v1/me/push", "", &target)
            .await
            .expect_problem(401, "unauthorized");
    }
    assert_eq!(
        tell(server, fake, ayse, "4").await.len(),
        1,
        "what was refused changed nothing"
    );
}

/// Visible characters without a pattern, which no database packs.
fn visible(n: u32) -> char {
    let mixed = n.wrapping_mul(2_654_435_761) >> 16;
    char::from_u32(u32::from(b'!') + mixed % 94).expect("ASCII")
}

async fn tokens_belong_to_devices(server: TestServer, fake: FakeFcm) {
    let (ayse, berk) = (server.register("ayse").await, server.register("berk").await);
    for (user, platform) in [(&ayse, "android"), (&ayse, "ios"), (&berk, "ios")] {
        let target = json!({ "platform": platform, "token": "handset" });
        put(&server, user, &target).await.expect(204);
    }
    assert_eq!(
        tell(&server, &fake, &ayse, "1").await,
        [] as [Value; 0],
        "the phone changed hands"
    );
    assert_eq!(tell(&server, &fake, &berk, "1").await.len(), 1);

    // Every visible byte, and the longest there is.
    put_token(&server, &ayse, "a:b/c%{d}?#\"").await;
    assert_eq!(
        tell(&server, &fake, &ayse, "2").await[0]["token"],
        "a:b/c%{d}?#\""
    );
    let longest: String = (0..2048_u32).map(visible).collect();
    put_token(&server, &ayse, &longest).await;
    assert_eq!(
        tell(&server, &fake, &ayse, "3").await.len(),
        1,
        "it replaces the one before"
    );
    wrong_tokens_are_refused(&server, &fake, &ayse).await;

    // Also when there is none any more.
    for _ in 0..2 {
        server.delete("/v1/me/push", &berk.access).await.expect(204);
    }
    assert_eq!(tell(&server, &fake, &berk, "2").await, [] as [Value; 0]);

    // A new password ends the other sessions, and what wakes them.
    let tablet = server.login(&ayse.phone).await;
    put_token(&server, &tablet, "tablet").await;
    told_of_devices(&server, &fake).await;
    let change =
        json!({ "current_password": crate::harness::PASSWORD, "new_password": "kar yağıyor yine" });
    server
        .post("/v1/me/password", &tablet.access, &change)
        .await
        .expect(204);
    let woken = tell(&server, &fake, &ayse, "5").await;
    assert_eq!(
        woken.iter().map(|push| &push["token"]).collect::<Vec<_>>(),
        ["tablet"]
    );
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM push_targets")
            .await,
        1
    );
    assert!(
        !numbers(&server).await.contains("handset"),
        "the numbers name the route and no token"
    );
    server.stop().await;
}

async fn a_dead_token_is_forgotten(server: TestServer, fake: FakeFcm) {
    let ayse = server.register("ayse").await;
    let tokens = async || {
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM push_targets")
            .await
    };
    for (n, dead) in [
        Reply::error(404, "UNREGISTERED"),
        Reply::error(403, "SENDER_ID_MISMATCH"),
        Reply::invalid("message.token"),
    ]
    .into_iter()
    .enumerate()
    {
        put_token(&server, &ayse, "dead").await;
        fake.answer([dead]);
        assert_eq!(
            tell(&server, &fake, &ayse, &n.to_string()).await,
            [] as [Value; 0]
        );
        assert_eq!((fake.unasked(), tokens().await), (0, 0), "{n}");
    }
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE state <> 2")
            .await,
        0,
        "nothing failed"
    );

    // The message is wrong, or the address: no fault of the token.
    put_token(&server, &ayse, "very-secret-token").await;
    fake.answer([Reply::invalid("message.data")]);
    tell(&server, &fake, &ayse, "data").await;
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE state = 3")
            .await,
        1,
        "a dead letter"
    );
    fake.answer([Reply::Say(404, "<html>no such page</html>".to_owned())]);
    tell(&server, &fake, &ayse, "page").await;
    assert_eq!((fake.unasked(), tokens().await), (0, 1));
    let told = "SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE state IN (0, 3) AND error LIKE '%FCM%' AND error NOT LIKE '%secret%'";
    assert_eq!(server.count(told).await, 2);
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE dedupe LIKE '%secret%'")
            .await,
        0
    );
    assert_counted(
        &numbers(&server).await,
        &[
            "unregistered",
            "sender_mismatch",
            "invalid_token",
            "invalid",
            "auth",
        ]
        .map(|of| format!("tebdil_push_total{{outcome=\"{of}\"}}"))
        .each_ref()
        .map(String::as_str),
    );
    server.stop().await;
}
