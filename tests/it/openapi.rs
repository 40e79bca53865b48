//! The documented API is the one of the contract.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
};

use serde_json::{Value, json};
use tebdil_core::testing::Backend;

use crate::{
    harness::TestServer,
    routes::{Needs, Operation, operations},
};

/// Method and path of every endpoint this build has, as in the contract.
const ENDPOINTS: &[&str] = &[
    "delete /v1/admin/ads/{id}",
    "delete /v1/admin/jobs/{id}",
    "delete /v1/admin/users/{id}/subscription",
    "delete /v1/blocks/{id}",
    "delete /v1/admin/users/{id}/sessions",
    "delete /v1/me",
    "delete /v1/me/push",
    "delete /v1/me/sessions/{id}",
    "get /healthz",
    "get /readyz",
    "get /v1/admin/overview",
    "get /v1/admin/reports",
    "get /v1/admin/reports/{id}",
    "get /v1/admin/ads",
    "get /v1/admin/ads/{id}",
    "get /v1/admin/ads/{id}/days",
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
    "post /v1/admin/ads/{id}/notify",
    "post /v1/admin/appeals/{id}/decide",
    "post /v1/admin/bans/{id}/confirm",
    "post /v1/admin/confirm",
    "post /v1/admin/users/{id}/ban",
    "post /v1/admin/users/{id}/unban",
    "post /v1/appeals",
    "post /v1/admin/jobs/{id}/retry",
    "post /v1/ads/{id}/events",
    "get /v1/meta",
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
    "post /v1/me/consent",
    "post /v1/me/password",
    "delete /v1/me/totp",
    "post /v1/me/totp",
    "post /v1/me/totp/confirm",
    "post /v1/referrals",
    "post /v1/reports",
    "post /v1/rtc/ice-servers",
    "post /v1/admin/reports/{id}/resolve",
    "get /v1/admin/reports/queue",
    "post /v1/admin/reports/{id}/take",
    "delete /v1/admin/reports/{id}/take",
    "post /v1/notifications/{id}/answer",
    "post /v1/admin/users/{id}/reliability",
    "post /v1/notifications/read",
    "put /v1/keys",
    "put /v1/me/push",
];

#[tokio::test]
async fn the_document_lists_every_endpoint() {
    let server = TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    let document = server.get("/openapi.json", "").await.expect(200);
    let paths = document["paths"].as_object().expect("paths");
    let listed: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .into_iter()
                .flat_map(move |item| item.keys().map(move |method| format!("{method} {path}")))
        })
        .collect();
    let expected: BTreeSet<String> = ENDPOINTS
        .iter()
        .map(|&endpoint| endpoint.to_owned())
        .collect();
    assert_eq!(listed, expected);
    assert_eq!(
        document["components"]["securitySchemes"]["bearer"]["scheme"],
        "bearer"
    );

    // Every reference leads somewhere.
    let text = document.to_string();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap_or_default();
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{name}"
        );
    }
    server.stop().await;
}

/// The document as it is served, its operations, and each operation's own part of it.
fn described() -> (Value, Vec<(Operation, Value)>) {
    let document = serde_json::to_value(tebdil::http::openapi()).expect("JSON");
    let all = operations(&document).into_iter().map(|operation| {
        let own =
            document["paths"][&operation.path][operation.method.as_str().to_lowercase()].clone();
        (operation, own)
    });
    (document.clone(), all.collect())
}

/// The schema, or the one that it refers to.
fn followed<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let name = schema["$ref"]
        .as_str()
        .and_then(|reference| reference.rsplit('/').next());
    name.map_or(schema, |name| &document["components"]["schemas"][name])
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let (_, all) = described();
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    for (operation, own) in &all {
        let name = own["operationId"].as_str().unwrap_or_default().to_owned();
        let words: Vec<&str> = name.split('_').collect();
        let plain = words.len() >= 2
            && words
                .iter()
                .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()));
        assert!(
            plain,
            "{}: operation_id is a verb and a noun: {name:?}",
            operation.name()
        );
        if let Some(other) = named.insert(name.clone(), operation.name()) {
            panic!("{name} is {} and {other}", operation.name());
        }
    }
    assert!(named.len() >= 78, "{}", named.len());
}

/// What a list answers has a schema of its own, so that generated types of lists do not share a
/// name.
#[test]
fn lists_answer_with_schemas_of_their_own() {
    let (document, all) = described();
    let mut items: BTreeMap<String, Value> = BTreeMap::new();
    for (operation, own) in all
        .iter()
        .filter(|(operation, _)| operation.query.contains(&"cursor".to_owned()))
    {
        let schema = &own["responses"]["200"]["content"]["application/json"]["schema"];
        let name = schema["$ref"]
            .as_str()
            .unwrap_or_else(|| panic!("{}: no named schema", operation.name()));
        let item = followed(&document, schema)["properties"]["items"]["items"].clone();
        assert!(item["$ref"].is_string(), "{}: {item}", operation.name());
        let first = items.entry(name.to_owned()).or_insert_with(|| item.clone());
        assert_eq!(*first, item, "{}", operation.name());
    }
    assert!(items.len() >= 15, "{items:?}");
}

#[test]
fn refusals_are_documented_as_they_come() {
    let (_, all) = described();
    for (operation, own) in &all {
        let (name, responses) = (
            operation.name(),
            own["responses"].as_object().expect("responses"),
        );
        for (status, response) in responses {
            let types: Vec<&String> = response["content"]
                .as_object()
                .into_iter()
                .flat_map(|content| content.keys())
                .collect();
            if status.starts_with(['4', '5']) && operation.path.starts_with("/v1/") {
                assert_eq!(types, ["application/problem+json"], "{name}: {status}");
                let description = response["description"].as_str().unwrap_or_default();
                assert!(
                    description.contains('`'),
                    "{name}: {status} says no code: {description:?}"
                );
            } else {
                assert!(
                    !types.iter().any(|kind| kind.contains("problem")),
                    "{name}: {status}"
                );
            }
        }
        let mut expected = BTreeSet::new();
        if operation.path.starts_with("/v1/") {
            expected.extend(["500", "503"]);
        }
        if operation.path.starts_with("/v1/") && operation.path != "/v1/billing/events" {
            expected.insert("429");
        }
        match operation.needs {
            Needs::Nothing => {}
            Needs::Other(_) => expected.extend(["401"]),
            Needs::User | Needs::Moderator | Needs::Admin | Needs::ConfirmedAdmin => {
                expected.extend(["401", "403"]);
            }
        }
        if operation.path.contains("{id}") {
            expected.insert("404");
        }
        if operation.body.is_some() {
            expected.extend(["400", "413", "422"]);
        }
        if operation.body.is_some() && operation.path != "/v1/billing/events" {
            expected.insert("415");
        }
        if !operation.query.is_empty() {
            expected.extend(["400", "422"]);
        }
        let takes_keys = own["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|parameter| parameter["name"] == "Idempotency-Key");
        let unkeyed = [
            "/v1/billing/events",
            "/v1/rtc/ice-servers",
            "/v1/me/totp",
            "/v1/me/totp/confirm",
            "/v1/admin/confirm",
        ];
        let is_keyed = operation.changes() && !unkeyed.contains(&operation.path.as_str());
        assert_eq!(takes_keys, is_keyed, "{name}");
        if is_keyed {
            expected.extend(["400", "409", "413", "422"]);
        }
        let missing: Vec<_> = expected
            .into_iter()
            .filter(|status| !responses.contains_key(*status))
            .collect();
        assert!(
            missing.is_empty(),
            "{name} does not say that it can answer {missing:?}"
        );
    }
}

#[test]
fn what_may_be_sent_is_bounded_in_the_document() {
    let (document, all) = described();
    let id = json!("^[1-9][0-9]{0,18}$");
    let mut waiting = Vec::new();
    for (operation, own) in &all {
        for parameter in own["parameters"].as_array().into_iter().flatten() {
            let (name, schema) = (
                parameter["name"].as_str().expect("a name"),
                followed(&document, &parameter["schema"]),
            );
            let place = format!("{}: {name}: {schema}", operation.name());
            match name {
                "limit" => assert_eq!(
                    (&schema["minimum"], &schema["maximum"], &schema["default"]),
                    (&json!(1), &json!(100), &json!(50)),
                    "{place}"
                ),
                "id" => assert_eq!(schema["pattern"], id, "{place}"),
                "after" => assert_eq!(
                    (&schema["minimum"], &schema["maximum"]),
                    (&json!(0), &json!(9_007_199_254_740_991_i64)),
                    "{place}"
                ),
                "from" | "until" => assert_eq!(schema["format"], "date-time", "{place}"),
                // Signed, and read as it is.
                "Tebdil-Signature" => {}
                _ if schema["type"] == "string" => {
                    let bounded = ["pattern", "enum", "minLength"]
                        .iter()
                        .any(|bound| !schema[bound].is_null());
                    assert!(bounded, "{place}");
                }
                _ => assert_eq!(schema["type"], "boolean", "{place}"),
            }
        }
        waiting.extend(
            own["requestBody"]["content"]["application/json"]
                .get("schema")
                .cloned(),
        );
    }
    // Whatever stands in a body names its fields, and takes no others.
    let mut seen = BTreeSet::new();
    while let Some(schema) = waiting.pop() {
        if let Some(reference) = schema["$ref"].as_str() {
            if seen.insert(reference.to_owned()) {
                waiting.push(followed(&document, &schema).clone());
            }
            continue;
        }
        for many in ["oneOf", "anyOf", "allOf"] {
            waiting.extend(schema[many].as_array().into_iter().flatten().cloned());
        }
        if let Some(properties) = schema["properties"].as_object() {
            assert_eq!(schema["additionalProperties"], json!(false), "{schema}");
            waiting.extend(properties.values().cloned());
        }
        if schema["items"].is_object() {
            assert!(
                schema["maxItems"].is_number(),
                "a list without an end: {schema}"
            );
            waiting.push(schema["items"].clone());
        }
    }
    assert!(seen.len() > 25, "{seen:?}");
}

/// Set to 1, the documents in `web/api` are written instead of compared.
const WRITE: &str = "TEBDIL_TEST_WRITE_API";

/// The types of the web client are generated from them, without a server.
#[test]
fn the_web_client_has_the_documents_of_the_server() {
    let openapi = serde_json::to_value(tebdil::http::openapi()).expect("JSON");
    for (name, document) in [
        ("openapi.json", openapi),
        ("asyncapi.json", tebdil::http::asyncapi()),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("web/api")
            .join(name);
        let served = format!("{document:#}\n");
        if env::var(WRITE).is_ok_and(|value| value == "1") {
            fs::create_dir_all(path.parent().expect("a folder")).expect("web/api");
            fs::write(&path, served).expect(name);
        } else {
            assert!(
                fs::read_to_string(&path).is_ok_and(|stored| stored == served),
                "web/api/{name} is stale: run this test with {WRITE}=1, then `npm run types` in web/",
            );
        }
    }
}
