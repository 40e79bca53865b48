//! Accounts, their tokens and their keys.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use serde_json::{Value, json};

use super::{Relay, User, World, bearer, problem, user_json};

pub fn tokens(world: &World, id: usize) -> Value {
    let renewals = world.users[id].renewals;
    json!({"access_token":format!("access-{id}-{renewals}"),"access_expires_at":"2999-01-01T00:00:00.000Z",
        "refresh_token":format!("refresh-{id}-{renewals}"),"refresh_expires_at":"2999-01-01T00:00:00.000Z","token_type":"Bearer"})
}

pub async fn register(
    State(relay): State<Relay>,
    Json(body): Json<Value>,
) -> axum::response::Response {
    relay.change(|world| {
        let alias = body["alias"].as_str().expect("alias").to_owned();
        if alias == "taken" {
            return problem(409, "phone_taken");
        }
        world.users.push(User {
            alias,
            ..User::default()
        });
        let id = world.users.len() - 1;
        (
            StatusCode::CREATED,
            Json(json!({"user":user_json(world, id),"tokens":tokens(world, id)})),
        )
            .into_response()
    })
}

/// The password is the number of the account.
pub async fn login(
    State(relay): State<Relay>,
    Json(body): Json<Value>,
) -> axum::response::Response {
    relay.change(|world| {
        match body["password"]
            .as_str()
            .and_then(|text| text.parse::<usize>().ok())
        {
            Some(id) if id < world.users.len() => {
                Json(json!({"user":user_json(world, id),"tokens":tokens(world, id)}))
                    .into_response()
            }
            _ => problem(401, "invalid_credentials"),
        }
    })
}

pub async fn refresh(
    State(relay): State<Relay>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> axum::response::Response {
    let key = headers
        .get("idempotency-key")
        .expect("a repeat must be recognisable")
        .to_str()
        .expect("ASCII")
        .to_owned();
    relay.change(|world| {
        world.refreshes += 1;
        if let Some(first) = world.refreshed.get(&key) {
            return Json(first.clone()).into_response();
        }
        let token = body["refresh_token"].as_str().expect("token").to_owned();
        let parts = token
            .strip_prefix("refresh-")
            .and_then(|rest| rest.split_once('-'));
        let Some((id, renewals)) = parts else {
            return problem(401, "refresh_invalid");
        };
        let id: usize = id.parse().expect("id");
        if world.users[id].renewals.to_string() != renewals {
            return problem(401, "refresh_reused");
        }
        world.users[id].renewals += 1;
        let answer = json!({"tokens":tokens(world, id)});
        world.refreshed.insert(key, answer.clone());
        if world.lose_refreshes > 0 {
            world.lose_refreshes -= 1;
            return StatusCode::BAD_GATEWAY.into_response();
        }
        Json(answer).into_response()
    })
}

pub async fn me(State(relay): State<Relay>, headers: HeaderMap) -> axum::response::Response {
    match bearer(&relay, &headers) {
        Some(id) => Json(relay.change(|world| user_json(world, id))).into_response(),
        None => problem(401, "unauthorized"),
    }
}

pub async fn meta() -> Json<Value> {
    let texts =
        |name: &str| json!({"tr":format!("/legal/tr/{name}"),"en":format!("/legal/en/{name}")});
    Json(json!({
        "name":"Tebdil","minimum_age":18,"terms_version":2,
        "texts":{"terms":texts("terms"),"privacy":texts("privacy"),"community":texts("community"),"delete_account":texts("delete-account")},
        "phone_verification":false,"phone_region":"TR","phone_countries":null,"password_reset":false,"modes":["text"],
        "time_zone":"Europe/Istanbul",
        "limits":{"match_ttl_s":86400,"active_text_matches":20,"background_search_s":600,"call_absence_s":30,"claim_after_s":7200,
            "claim_video_after_s":60,"claim_window_s":86400,"claims_per_day":10,"report_window_s":604_800,"reports_per_day":20,
            "report_messages":20,"devices":5,"code_s":300},
        "plans":[{"name":"free","days":null,"daily_text":10,"daily_video":3}],
        "invitations":{"invited_reward":10,"inviter_reward":0,"per_day":20},
        "support_contact":null,"minimum_client_version":null,"vapid_public_key":null
    }))
}

pub async fn consent(
    State(relay): State<Relay>,
    Json(body): Json<Value>,
) -> axum::response::Response {
    if body["terms_version"] != 2 {
        return problem(422, "invalid_field");
    }
    relay.change(|world| world.asks_consent = false);
    StatusCode::NO_CONTENT.into_response()
}

pub async fn keys(State(relay): State<Relay>, headers: HeaderMap) -> axum::response::Response {
    if relay.change(|world| world.asks_consent) {
        return problem(403, "consent_required");
    }
    match bearer(&relay, &headers) {
        Some(id) => Json(json!({"remaining":relay.change(|world| world.users[id].keys.len())}))
            .into_response(),
        None => problem(401, "unauthorized"),
    }
}

pub async fn put_keys(
    State(relay): State<Relay>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> axum::response::Response {
    let Some(id) = bearer(&relay, &headers) else {
        return problem(401, "unauthorized");
    };
    relay.change(|world| {
        let user = &mut world.users[id];
        user.keys.extend(
            body["packages"]
                .as_array()
                .expect("packages")
                .iter()
                .map(|key| key.as_str().expect("text").to_owned()),
        );
        if let Some(key) = body["last_resort"].as_str() {
            user.last_resort = Some(key.to_owned());
        }
        Json(json!({"remaining":user.keys.len()})).into_response()
    })
}
