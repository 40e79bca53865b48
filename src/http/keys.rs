//! `/v1/keys`: key packages of the session that puts them.

use std::sync::Arc;

use axum::{Json, extract::State};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tebdil_core::store::PutKeys;
use tebdil_protocol::{
    ErrorCode, KeyUpload, KeysRemaining, MAX_KEY_PACKAGE_BYTES, MAX_KEY_PACKAGES,
};

use super::{
    Api,
    auth::Signed,
    body::{MAX_KEYS_BODY, StrictJson},
    problem::{Answer, Failure},
};

/// Add one-time packages; a last-resort package replaces the one before.
#[utoipa::path(
    put, operation_id = "put_keys", path = "/v1/keys", tag = "keys", request_body = KeyUpload,
    responses((status = 200, body = KeysRemaining))
)]
pub(super) async fn put(
    State(api): State<Arc<Api>>,
    who: Signed,
    StrictJson(upload): StrictJson<KeyUpload, MAX_KEYS_BODY>,
) -> Answer<Json<KeysRemaining>> {
    if upload.packages.len() > MAX_KEY_PACKAGES {
        return Err(too_many());
    }
    let packages = upload
        .packages
        .iter()
        .enumerate()
        .map(|(index, text)| package(text, || format!("packages[{index}]")));
    let packages: Vec<Vec<u8>> = packages.collect::<Result<_, _>>()?;
    let last_resort = upload
        .last_resort
        .as_deref()
        .map(|text| package(text, || "last_resort".to_owned()))
        .transpose()?;
    let stored = api
        .store
        .accounts()
        .put_key_packages(
            who.user_id,
            who.session_id,
            &packages,
            last_resort.as_deref(),
            api.clock.now(),
        )
        .await?;
    match stored {
        PutKeys::Stored { remaining } => Ok(Json(KeysRemaining { remaining })),
        PutKeys::TooMany { .. } => Err(too_many()),
        PutKeys::NoSession => Err(ErrorCode::Unauthorized.into()),
    }
}

/// How many one-time packages the session has.
#[utoipa::path(get, operation_id = "get_keys", path = "/v1/keys", tag = "keys", responses((status = 200, body = KeysRemaining)))]
pub(super) async fn get(State(api): State<Arc<Api>>, who: Signed) -> Answer<Json<KeysRemaining>> {
    Ok(Json(KeysRemaining {
        remaining: api
            .store
            .accounts()
            .key_packages_remaining(who.session_id, api.clock.now())
            .await?,
    }))
}

fn package(text: &str, field: impl Fn() -> String) -> Result<Vec<u8>, Failure> {
    let refused = |detail| Failure::field(ErrorCode::InvalidField, field(), detail);
    let bytes = STANDARD
        .decode(text)
        .map_err(|_| refused("must be standard base64"))?;
    if bytes.is_empty() || bytes.len() > MAX_KEY_PACKAGE_BYTES {
        return Err(refused("must be 1 to 4096 bytes"));
    }
    Ok(bytes)
}

fn too_many() -> Failure {
    Failure::field(
        ErrorCode::InvalidField,
        "packages",
        "a session has at most 100",
    )
}
