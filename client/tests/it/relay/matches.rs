//! What the stand-in answers about matches over REST.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use serde_json::{Value, json};

use super::{NOW, Relay, bearer, match_at, problem};

pub(super) async fn block(
    State(relay): State<Relay>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> axum::response::Response {
    let Some(id) = bearer(&relay, &headers) else {
        return problem(401, "unauthorized");
    };
    relay.change(|world| {
        let at = match_at(&body);
        world.end(at, id, "blocked");
        let [one, other] = world.matches[at].users;
        let alias = &world.users[if one == id { other } else { one }].alias;
        let peer = json!({"alias":alias,"tag":"0001","handle":format!("{alias}#0001")});
        let block = json!({"id":"1","peer":peer,"created_at":NOW});
        world.users[id].blocks.push(block.clone());
        (StatusCode::CREATED, Json(block)).into_response()
    })
}

pub(super) async fn blocks(
    State(relay): State<Relay>,
    headers: HeaderMap,
) -> axum::response::Response {
    match bearer(&relay, &headers) {
        Some(id) => Json(json!({"items":relay.change(|world| world.users[id].blocks.clone()),"next_cursor":null})).into_response(),
        None => problem(401, "unauthorized"),
    }
}

pub(super) async fn unblock(
    State(relay): State<Relay>,
    headers: HeaderMap,
    Path(block): Path<String>,
) -> axum::response::Response {
    let Some(id) = bearer(&relay, &headers) else {
        return problem(401, "unauthorized");
    };
    relay.change(|world| {
        world.users[id]
            .blocks
            .retain(|known| known["id"] != json!(block));
    });
    StatusCode::NO_CONTENT.into_response()
}

/// Whoever claims ended the match itself, if it is over.
pub(super) async fn claim(
    State(relay): State<Relay>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> axum::response::Response {
    if bearer(&relay, &headers).is_none() {
        return problem(401, "unauthorized");
    }
    let ended = relay.change(|world| world.matches[match_at(&body)].ended);
    let reason = if ended { "left_early" } else { "answered" };
    let body = json!({"type":"about:blank","title":"t","status":422,"detail":"d","code":"not_eligible","reason":reason});
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        [("content-type", "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}

/// One report a match.
pub(super) async fn report(
    State(relay): State<Relay>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> axum::response::Response {
    if bearer(&relay, &headers).is_none() {
        return problem(401, "unauthorized");
    }
    let (match_id, reason) = (body["match_id"].clone(), body["reason"].clone());
    let again = relay.change(|world| {
        let again = world
            .reports
            .iter()
            .any(|report| report["match_id"] == body["match_id"]);
        world.reports.push(body);
        again
    });
    if again {
        return problem(409, "already_reported");
    }
    (
        StatusCode::CREATED,
        Json(
            json!({"id":"1","match_id":match_id,"reason":reason,"status":"open","created_at":NOW}),
        ),
    )
        .into_response()
}

pub(super) async fn ice_servers(
    State(relay): State<Relay>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> axum::response::Response {
    if bearer(&relay, &headers).is_none() {
        return problem(401, "unauthorized");
    }
    let servers = json!([{"urls":["turn:192.0.2.1:3478?transport=udp"],"username":format!("900:{}", match_at(&body)),"credential":"password"}]);
    Json(json!({"ice_servers":servers,"ttl_s":300,"transport_policy":"relay"})).into_response()
}
