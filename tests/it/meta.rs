//! `GET /v1/meta`: what clients are told before anybody signs in.

use reqwest::Method;
use serde_json::{Value, json};
use tebdil_core::testing::Backend;

use crate::harness::{Reply, TestServer};

scenarios! {
    meta_says_what_the_defaults_are,
    meta_is_kept_until_it_changes,
}

async fn meta(server: &TestServer, known: Option<&str>) -> Reply {
    let mut request = server.request(Method::GET, "/v1/meta", None);
    if let Some(tag) = known {
        request = request.header("if-none-match", tag);
    }
    server.send(request).await
}

async fn meta_says_what_the_defaults_are(server: TestServer) {
    let texts =
        |name: &str| json!({"tr": format!("/legal/tr/{name}"), "en": format!("/legal/en/{name}")});
    let expected = json!({
        "name": "Tebdil",
        "minimum_age": 18,
        "terms_version": 1,
        "texts": {
            "terms": texts("terms"),
            "privacy": texts("privacy"),
            "community": texts("community"),
            "delete_account": texts("delete-account"),
        },
        "phone_verification": false,
        "phone_region": "TR",
        "phone_countries": null,
        "password_reset": false,
        "modes": ["text", "video"],
        "time_zone": "Europe/Istanbul",
        "limits": {
            "match_ttl_s": 86400,
            "active_text_matches": 20,
            "background_search_s": 600,
            "call_absence_s": 30,
            "claim_after_s": 7200,
            "claim_video_after_s": 60,
            "claim_window_s": 86400,
            "claims_per_day": 10,
            "report_window_s": 604_800,
            "reports_per_day": 20,
            "report_messages": 20,
            "devices": 5,
            "code_s": 300,
        },
        "plans": [
            {"name": "free", "days": null, "daily_text": 10, "daily_video": 3},
            {"name": "monthly", "days": 30, "daily_text": 100, "daily_video": 30},
            {"name": "yearly", "days": 365, "daily_text": 100, "daily_video": 30},
        ],
        "invitations": {"invited_reward": 10, "inviter_reward": 0, "per_day": 20},
        "support_contact": null,
        "minimum_client_version": null,
        "vapid_public_key": null,
    });
    let reply = meta(&server, None).await;
    assert_eq!(reply.headers["content-type"], "application/json");
    assert_eq!(reply.expect(200), expected);
    for texts in expected["texts"].as_object().expect("texts").values() {
        for path in texts.as_object().expect("languages").values() {
            let page = server.request(Method::GET, path.as_str().expect("a path"), None);
            server.send(page).await.expect(200);
        }
    }
    server.stop().await;
}

async fn meta_is_kept_until_it_changes(server: TestServer) {
    let first = meta(&server, None).await;
    assert_eq!(first.headers["cache-control"], "public, max-age=60");
    let tag = first.headers["etag"].to_str().expect("ASCII").to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}")] {
        let same = meta(&server, Some(&known)).await;
        assert_eq!(same.headers["etag"], tag);
        assert_eq!(same.expect(304), Value::Null);
    }
    meta(&server, Some("\"x\"")).await.expect(200);
    server.stop().await;
}

/// What a server with these settings says.
async fn of(settings: &[(&str, &str)]) -> (String, Value) {
    let server = TestServer::start(Backend::Sqlite, settings)
        .await
        .expect("SQLite is always there");
    let reply = meta(&server, None).await;
    let tag = reply.headers["etag"].to_str().expect("ASCII").to_owned();
    server.stop().await;
    (tag, reply.expect(200))
}

/// A setting, and what is then said where.
const FOLLOWED: [(&str, &str, &str, &str); 14] = [
    ("SERVICE__NAME", "Gül <&>", "/name", r#""Gül <&>""#),
    ("AUTH__MIN_AGE", "21", "/minimum_age", "21"),
    ("LEGAL__TERMS_VERSION", "7", "/terms_version", "7"),
    ("AUTH__DEFAULT_REGION", "DE", "/phone_region", r#""DE""#),
    ("RELAY__EMBEDDED", "false", "/modes", r#"["text"]"#),
    (
        "QUOTA__TIME_ZONE",
        "Europe/Berlin",
        "/time_zone",
        r#""Europe/Berlin""#,
    ),
    (
        "MATCHING__MATCH_TTL_S",
        "3600",
        "/limits/match_ttl_s",
        "3600",
    ),
    ("CLAIMS__WAIT_S", "60", "/limits/claim_after_s", "60"),
    (
        "MATCHING__BACKGROUND_S",
        "60",
        "/limits/background_search_s",
        "60",
    ),
    ("QUOTA__FREE_VIDEO", "4", "/plans/0/daily_video", "4"),
    ("QUOTA__PREMIUM_TEXT", "5", "/plans/2/daily_text", "5"),
    (
        "REFERRALS__INVITER_REWARD",
        "6",
        "/invitations/inviter_reward",
        "6",
    ),
    (
        "SERVICE__SUPPORT_CONTACT",
        "a@b.example",
        "/support_contact",
        r#""a@b.example""#,
    ),
    (
        "SERVICE__MINIMUM_CLIENT_VERSION",
        "1.2",
        "/minimum_client_version",
        r#""1.2""#,
    ),
];

#[tokio::test]
async fn meta_follows_each_setting() {
    let (usual, _) = of(&[]).await;
    for (name, value, pointer, expected) in FOLLOWED {
        let (tag, said) = of(&[(&format!("TEBDIL_{name}"), value)]).await;
        let expected: Value = serde_json::from_str(expected).expect("JSON");
        assert_eq!(said.pointer(pointer), Some(&expected), "{name}");
        assert_ne!(tag, usual, "{name}");
    }
    let (_, codes) = of(&[
        ("TEBDIL_VERIFICATION__PHONE", "true"),
        ("TEBDIL_VERIFICATION__SENDER", "log"),
        ("TEBDIL_VERIFICATION__UNSAFE_ALLOW_LOG", "true"),
        ("TEBDIL_VERIFICATION__COUNTRIES", "TR,DE"),
    ])
    .await;
    let expected = json!({"phone_verification": true, "password_reset": true, "phone_countries": ["TR", "DE"]});
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&codes[name], value, "{name}");
    }
}
