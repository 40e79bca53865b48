//! Counts and logs every request.

use std::{any::Any, time::Instant};

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tebdil_protocol::ErrorCode;

use super::problem::Failure;

/// Counts and times a request by its route; the URL itself, which can contain ids, is not logged.
pub(super) async fn observe(request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().clone();
    let start = Instant::now();
    let response = next.run(request).await;

    let (took, status) = (start.elapsed(), response.status());
    let labels = [
        ("method", known(method.as_str()).to_owned()),
        ("route", route.clone()),
        ("status", status.as_u16().to_string()),
    ];
    metrics::counter!("tebdil_http_requests_total", &labels).increment(1);
    metrics::histogram!("tebdil_http_request_seconds", &labels).record(took.as_secs_f64());
    tracing::debug!(%method, route, status = status.as_u16(), took_ms = took.as_millis(), "request");

    response
}

/// Clients can invent methods; a label for each would fill the memory.
fn known(method: &str) -> &str {
    match method {
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method,
        _ => "other",
    }
}

/// The answer if a handler panicked. The hook has already logged the panic.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a request panicked");
    Failure::from(ErrorCode::Internal).into_response()
}
