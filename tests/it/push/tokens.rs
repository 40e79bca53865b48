//! The tokens of devices.

use reqwest::Method;
use serde_json::{Value, json};

use super::{assert_counted, numbers, put_token, tell, told_of_devices};
use crate::{
    fcm::{FakeFcm, Reply},
    harness::{TestServer, TestUser},
};

pushed! {
    tokens_belong_to_devices,
    a_dead_token_is_forgotten,
}

async fn put(
    server: &TestServer,
    user: &TestUser,
    token: &str,
    body: Value,
) -> crate::harness::Reply {
    server
        .call(
            Method::PUT,
            &format!("/v1/me/push-tokens/{token}"),
            &user.access,
            &body,
        )
        .await
}

async fn wrong_tokens_are_refused(
    server: &TestServer,
    fake: &FakeFcm,
    ayse: &TestUser,
    android: &Value,
) {
    for bad in [
        "x".repeat(4097),
        "a%20b".to_owned(),
        "%01".to_owned(),
        "%C3%A7".to_owned(),
        "%FF".to_owned(),
    ] {
        put(server, ayse, &bad, android.clone())
            .await
            .expect_problem(422, "invalid_field");
        server
            .delete(&format!("/v1/me/push-tokens/{bad}"), &ayse.access)
            .await
            .expect_problem(422, "invalid_field");
    }
    for (body, code) in [
        (json!({ "platform": "symbian" }), "invalid_field"),
        (json!({}), "invalid_field"),
        (json!({ "platform": "web", "user": "1" }), "unknown_field"),
    ] {
        put(server, ayse, "other", body)
            .await
            .expect_problem(422, code);
    }
    server
        .call(Method::PUT, "/v1/me/push-tokens/x", "", android)
        .await
        .expect_problem(401, "unauthorized");
    assert_eq!(
        tell(server, fake, ayse, "4").await.len(),
        1,
        "what was refused changed nothing"
    );
}

async fn tokens_belong_to_devices(server: TestServer, fake: FakeFcm) {
    let (ayse, berk) = (server.register("ayse").await, server.register("berk").await);
    let android = json!({ "platform": "android" });
    put(&server, &ayse, "handset", android.clone())
        .await
        .expect(204);
    put(&server, &ayse, "handset", json!({ "platform": "web" }))
        .await
        .expect(204);
    put(&server, &berk, "handset", json!({ "platform": "ios" }))
        .await
        .expect(204);
    assert_eq!(
        tell(&server, &fake, &ayse, "1").await,
        [] as [Value; 0],
        "the phone changed hands"
    );
    assert_eq!(tell(&server, &fake, &berk, "1").await.len(), 1);

    // Every visible byte, and the longest there is.
    let odd = "a%3Ab%2Fc%25%7Bd%7D%3F%23%22";
    put(&server, &ayse, odd, android.clone()).await.expect(204);
    assert_eq!(
        tell(&server, &fake, &ayse, "2").await[0]["token"],
        "a:b/c%{d}?#\""
    );
    put(&server, &ayse, &"x".repeat(4096), android.clone())
        .await
        .expect(204);
    assert_eq!(
        tell(&server, &fake, &ayse, "3").await.len(),
        1,
        "it replaces the one before"
    );
    wrong_tokens_are_refused(&server, &fake, &ayse, &android).await;

    server
        .delete("/v1/me/push-tokens/handset", &ayse.access)
        .await
        .expect_problem(404, "not_found");
    server
        .delete("/v1/me/push-tokens/handset", &berk.access)
        .await
        .expect(204);
    server
        .delete("/v1/me/push-tokens/handset", &berk.access)
        .await
        .expect_problem(404, "not_found");
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
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM push_tokens")
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
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM push_tokens")
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
