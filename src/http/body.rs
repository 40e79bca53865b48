//! Request bodies.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use serde::de::DeserializeOwned;
use tebdil_protocol::{ErrorCode, strict_json};

use super::{Api, auth::Admitted, problem::Failure};

/// Largest body, bytes.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// Largest body of `PUT /v1/keys`: 101 packages of 4 KiB in base64, with some room.
pub(super) const MAX_KEYS_BODY: usize = 640 * 1024;

/// Largest body of `POST /v1/reports`: 20 messages of 16 KiB in base64 and the note, with some
/// room.
pub(super) const MAX_REPORT_BODY: usize = 512 * 1024;

/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// A JSON body that is read strictly. 415 for another media type, 413 if it is too large, 400 if it
/// is not JSON, 422 for bad fields.
///
/// Who asks is checked again once the body is there: meanwhile a session may have ended, or the
/// user been banned or lost the role.
#[derive(Debug)]
pub struct StrictJson<T, const MAX: usize = MAX_BODY>(pub T);

impl<T: DeserializeOwned, const MAX: usize> FromRequest<Arc<Api>> for StrictJson<T, MAX> {
    type Rejection = Failure;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Failure> {
        if !is_json(request.headers()) {
            return Err(ErrorCode::UnsupportedMediaType.into());
        }
        let admitted = request.extensions().get::<Admitted>().copied();
        let body = read(request.into_body(), MAX).await?;
        if let Some(admitted) = admitted {
            admitted.check(api).await?;
        }
        let text = std::str::from_utf8(&body)
            .map_err(|_| Failure::new(ErrorCode::BadRequest, "not UTF-8"))?;
        // serde would also accept a struct's fields in an array, by their order.
        if text.trim_start().starts_with('[') {
            return Err(Failure::new(
                ErrorCode::InvalidField,
                "the body must be a JSON object",
            ));
        }
        Ok(Self(strict_json::from_str(text, &[])?))
    }
}

/// Reads a body of at most `most` bytes.
pub(super) async fn read(body: Body, most: usize) -> Result<Bytes, Failure> {
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_large(&error) => Err(ErrorCode::PayloadTooLarge.into()),
        Ok(Err(_)) => Err(Failure::new(ErrorCode::BadRequest, "the body ended early")),
        Err(_) => Err(Failure::new(
            ErrorCode::BadRequest,
            "the body did not come in time",
        )),
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    media_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case("application/json")
}
