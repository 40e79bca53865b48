//! The documented API is the one of the contract.

use std::collections::BTreeSet;

use tebdil_core::testing::Backend;

use crate::harness::TestServer;

/// Method and path of every endpoint this build has, as in the contract.
const ENDPOINTS: &[&str] = &[
    "delete /v1/admin/ads/{id}",
    "delete /v1/admin/jobs/{id}",
    "delete /v1/admin/users/{id}/subscription",
    "delete /v1/blocks/{id}",
    "delete /v1/me",
    "delete /v1/me/push-tokens/{token}",
    "delete /v1/me/sessions/{id}",
    "get /healthz",
    "get /readyz",
    "get /v1/admin/overview",
    "get /v1/admin/reports",
    "get /v1/admin/reports/{id}",
    "get /v1/admin/ads",
    "get /v1/admin/ads/{id}",
    "get /v1/admin/appeals",
    "get /v1/admin/bans",
    "get /v1/admin/claims",
    "get /v1/admin/jobs",
    "get /v1/admin/jobs/queues",
    "get /v1/admin/matches",
    "get /v1/admin/system-logs",
    "get /v1/admin/users",
    "get /v1/admin/users/{id}",
    "post /v1/admin/users/find",
    "post /v1/admin/users/{id}/role",
    "get /v1/ads",
    "get /v1/admin/announcements",
    "get /v1/appeals",
    "get /v1/blocks",
    "get /v1/claims",
    "get /v1/keys",
    "get /v1/matches",
    "get /v1/matches/{id}",
    "get /v1/matches/{id}/messages",
    "get /v1/me",
    "get /v1/me/export",
    "get /v1/me/notification-preferences",
    "get /v1/me/quota",
    "get /v1/me/sessions",
    "get /v1/referrals",
    "get /v1/reports",
    "patch /v1/admin/ads/{id}",
    "patch /v1/me",
    "post /v1/admin/ads",
    "post /v1/admin/appeals/{id}/decide",
    "post /v1/admin/bans/{id}/confirm",
    "post /v1/admin/users/{id}/ban",
    "post /v1/admin/users/{id}/unban",
    "post /v1/appeals",
    "post /v1/admin/jobs/{id}/retry",
    "post /v1/ads/{id}/events",
    "get /v1/notifications",
    "patch /v1/me",
    "post /v1/admin/announcements",
    "patch /v1/me/notification-preferences",
    "get /v1/subscription",
    "patch /v1/me",
    "post /v1/admin/users/{id}/erase",
    "post /v1/admin/users/{id}/quota",
    "post /v1/admin/users/{id}/subscription",
    "post /v1/auth/login",
    "post /v1/auth/logout",
    "post /v1/auth/password-reset",
    "post /v1/auth/password-reset/confirm",
    "post /v1/auth/refresh",
    "post /v1/auth/register",
    "post /v1/auth/verify-phone",
    "post /v1/billing/events",
    "post /v1/blocks",
    "post /v1/claims",
    "post /v1/matches/{id}/leave",
    "post /v1/me/password",
    "post /v1/referrals",
    "post /v1/reports",
    "post /v1/rtc/ice-servers",
    "post /v1/admin/reports/{id}/resolve",
    "post /v1/admin/users/{id}/reliability",
    "post /v1/notifications/read",
    "put /v1/keys",
    "put /v1/me/push-tokens/{token}",
];

#[tokio::test]
async fn the_document_lists_every_endpoint() {
    let server = TestServer::start(Backend::Sqlite, &[]).await.expect("SQLite is always there");
    let document = server.get("/openapi.json", "").await.expect(200);
    let paths = document["paths"].as_object().expect("paths");
    let listed: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().into_iter().flat_map(move |item| item.keys().map(move |method| format!("{method} {path}")))
        })
        .collect();
    let expected: BTreeSet<String> = ENDPOINTS.iter().map(|&endpoint| endpoint.to_owned()).collect();
    assert_eq!(listed, expected);
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");

    // Every reference leads somewhere.
    let text = document.to_string();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap_or_default();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
    server.stop().await;
}
