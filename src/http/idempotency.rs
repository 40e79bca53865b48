//! `Idempotency-Key`: a repeat of a mutating request within 24 hours gets the first answer.
//!
//! Keys belong to whoever asks (the user of the access token, or everybody without one) and to one
//! request: method, URL and body. Answers are kept encrypted, since they can contain tokens.
//! Answers that a repeat may change are not kept: our own failures, waiting times, a missing
//! sign-in or confirmation.
//!
//! A kept answer is only for those who may still ask: session, ban, consent and role are checked first, as
//! by the route's own guard, and an answer that signs a device in is given as long as that device's
//! session lives. The role is the one that the API document names for the route; tests check the
//! guards against it.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use rand::rngs::StdRng;
use serde::Deserialize;
use tebdil_core::store::{FirstAnswer, Idempotent};
use tebdil_protocol::{ErrorCode, Tokens, time::Timestamp};
use utoipa::openapi::{RefOr, Schema};

use super::{
    Api,
    auth::{self, Admitted},
    body::{self, MAX_BODY, MAX_KEYS_BODY, MAX_REPORT_BODY},
    client_ip,
    openapi::{Roles, text_schema},
    problem::{Answer, Failure},
};
use crate::limits::Limit;

const HEADER: &str = "idempotency-key";
/// Tells a client that the answer is a repeated one.
const REPLAYED: &str = "idempotency-replayed";
const MAX_KEY: usize = 255;
/// Routes that ignore keys. An event has an id, and its signature must be checked before any
/// answer. A credential is for those who may call now, and asking again costs nothing. A second
/// factor and its recovery codes are shown once, and stored nowhere else. Who confirms again is
/// asked again.
pub(super) const UNKEYED: [&str; 5] = [
    "/v1/billing/events",
    "/v1/rtc/ice-servers",
    "/v1/me/totp",
    "/v1/me/totp/confirm",
    "/v1/admin/confirm",
];
/// Largest answer that is kept, bytes; ours are far smaller.
const MAX_ANSWER: usize = 256 * 1024;
/// Binds kept answers to their column.
const CONTEXT: &str = "idempotency_keys.response";

/// Identifies a claimed key.
struct ClaimedKey {
    scope: String,
    key: String,
    begun: Timestamp,
}

impl ClaimedKey {
    fn identity(&self) -> Vec<u8> {
        format!("{}\n{}", self.scope, self.key).into_bytes()
    }
}

/// The middleware. It also runs every mutating request in a task of its own: when the client hangs
/// up, its connection's future is dropped, and what follows a commit, such as closing the sockets
/// of an ended session or keeping the answer, would be lost with it.
pub(super) async fn replay(
    State((api, roles)): State<(Arc<Api>, Arc<Roles>)>,
    request: Request,
    next: Next,
) -> Response {
    let mutating =
        [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(request.method());
    // Without a route nothing happens that must happen once; keeping such answers would only fill
    // the table.
    let Some(path) = request
        .extensions()
        .get::<MatchedPath>()
        .filter(|_| mutating)
    else {
        return next.run(request).await;
    };
    let keyed = !UNKEYED.contains(&path.as_str()) && request.headers().contains_key(HEADER);
    let tasks = api.tasks.clone();
    let run = tasks.spawn(async move {
        if keyed {
            once(&api, &roles, request, next)
                .await
                .unwrap_or_else(IntoResponse::into_response)
        } else {
            next.run(request).await
        }
    });
    // The answer to a handler's panic is made further in.
    run.await
        .unwrap_or_else(|_| Failure::from(ErrorCode::Internal).into_response())
}

async fn once(api: &Api, roles: &Roles, request: Request, next: Next) -> Answer<Response> {
    let key = key_of(&request)?;
    let (parts, body) = request.into_parts();
    let mut admitted = None;
    let scope = if let Ok(access) = auth::bearer(&parts.headers, api) {
        api.limiters
            .check(Limit::IdempotencyAccount, access.user_id)
            .await?;
        admitted = roles
            .of(&parts)
            .map(|needs| Admitted::new(access, needs, &parts));
        if let Some(admitted) = admitted {
            admitted.check(api).await?;
        }
        format!("user:{}", access.user_id)
    } else if let Ok(appellant) = auth::appellant(&parts.headers, api) {
        api.limiters
            .check(Limit::IdempotencyAccount, appellant.user_id)
            .await?;
        format!("ban:{}", appellant.ban_id)
    } else {
        // Before the body is read, so that a flood gets neither memory nor the database's writer.
        let address = client_ip::client(&parts, &api.config.http.trusted_proxies);
        api.limiters
            .check(Limit::AnonymousKeyAddress, address)
            .await?;
        "anon".to_owned()
    };
    // As the handlers read them.
    let most = match (
        parts.method.as_str(),
        parts
            .extensions
            .get::<MatchedPath>()
            .map(MatchedPath::as_str),
    ) {
        ("PUT", Some("/v1/keys")) => MAX_KEYS_BODY,
        ("POST", Some("/v1/reports")) => MAX_REPORT_BODY,
        _ => MAX_BODY,
    };
    let body = body::read(body, most).await?;
    if let Some(admitted) = admitted {
        admitted.check(api).await?;
    }
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", axum::http::uri::PathAndQuery::as_str);
    let hash = api.blind.request(parts.method.as_str(), target, &body);
    let claim = ClaimedKey {
        scope,
        key,
        begun: api.clock.now(),
    };

    let first = api
        .store
        .jobs()
        .begin_idempotent(&claim.scope, &claim.key, &hash, claim.begun)
        .await?;
    let request = Request::from_parts(parts, Body::from(body));
    match first {
        Idempotent::Fresh => {}
        Idempotent::Replay(first) => {
            let answer = opened(api, &claim, &first)?;
            // Tokens of a session that is over are useless; the request runs again.
            return if still_holds(api, &answer).await? {
                replayed(&first, answer)
            } else {
                Ok(next.run(request).await)
            };
        }
        Idempotent::InProgress => return Err(ErrorCode::RequestInProgress.into()),
        Idempotent::Mismatch => return Err(ErrorCode::IdempotencyKeyReused.into()),
    }
    Ok(keep(api, claim, next.run(request).await).await)
}

/// What a key looks like, for the API document.
pub(super) fn key_schema() -> RefOr<Schema> {
    text_schema("^[!-~]{1,255}$")
}

fn key_of(request: &Request) -> Answer<String> {
    let wrong = || {
        Failure::new(
            ErrorCode::BadRequest,
            "Idempotency-Key: one header of 1 to 255 visible ASCII characters",
        )
    };
    let mut values = request.headers().get_all(HEADER).iter();
    let (Some(key), None) = (values.next(), values.next()) else {
        return Err(wrong());
    };
    let key = key.to_str().map_err(|_| wrong())?;
    let allowed =
        (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if allowed {
        Ok(key.to_owned())
    } else {
        Err(wrong())
    }
}

/// Keeps an answer, or frees the key.
async fn keep(api: &Api, claim: ClaimedKey, response: Response) -> Response {
    let status = response.status();
    let passing = status.is_server_error()
        || status == StatusCode::UNAUTHORIZED
        || status == StatusCode::TOO_MANY_REQUESTS
        || response.extensions().get() == Some(&ErrorCode::ConfirmationRequired);
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, MAX_ANSWER).await else {
        abandon(api, &claim).await;
        return Failure::from(ErrorCode::Internal).into_response();
    };
    if passing {
        abandon(api, &claim).await;
    } else {
        let mut rng: StdRng = rand::make_rng();
        let answer = FirstAnswer {
            status: status.as_u16(),
            body: api.cipher.seal(CONTEXT, &claim.identity(), &body, &mut rng),
        };
        match api
            .store
            .jobs()
            .finish_idempotent(&claim.scope, &claim.key, claim.begun, &answer)
            .await
        {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!("a request took so long that its idempotency key was claimed anew");
            }
            // The work is done. For a minute a repeat finds the key claimed, then it runs again.
            Err(error) => tracing::error!(%error, "the answer for an idempotency key was not kept"),
        }
    }
    Response::from_parts(parts, Body::from(body))
}

async fn abandon(api: &Api, claim: &ClaimedKey) {
    if let Err(error) = api
        .store
        .jobs()
        .abandon_idempotent(&claim.scope, &claim.key, claim.begun)
        .await
    {
        tracing::warn!(%error, "an idempotency key was not freed");
    }
}

/// The body of a kept answer.
fn opened(api: &Api, claim: &ClaimedKey, first: &FirstAnswer) -> Answer<Vec<u8>> {
    let body = api
        .cipher
        .open(
            CONTEXT,
            &claim.identity(),
            &first.body.key_id,
            &first.body.ciphertext,
        )
        .map_err(|error| {
            tracing::error!(%error, "a kept answer could not be read");
            Failure::from(ErrorCode::Internal)
        })?;
    Ok(body.to_vec())
}

/// Whether an answer may be given again. One that signs a device in may be, as long as the session
/// lives and its user is not banned.
async fn still_holds(api: &Api, answer: &[u8]) -> Answer<bool> {
    #[derive(Deserialize)]
    struct SigningIn {
        tokens: Tokens,
    }
    let Ok(SigningIn { tokens }) = serde_json::from_slice(answer) else {
        return Ok(true);
    };
    let Some(access) = api.tokens.issued(tokens.access_token.expose()) else {
        return Ok(true);
    };
    match Admitted::alive(access).check(api).await {
        Ok(_) => Ok(true),
        Err(refused) if [ErrorCode::Unauthorized, ErrorCode::Banned].contains(&refused.code()) => {
            Ok(false)
        }
        Err(failed) => Err(failed),
    }
}

fn replayed(first: &FirstAnswer, body: Vec<u8>) -> Answer<Response> {
    let status =
        StatusCode::from_u16(first.status).map_err(|_| Failure::from(ErrorCode::Internal))?;
    let is_empty = body.is_empty();
    let mut response = (status, Body::from(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    if !is_empty {
        let media_type = if status.is_client_error() {
            "application/problem+json"
        } else {
            "application/json"
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    Ok(response)
}
