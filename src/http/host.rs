//! The host a request is for.

use axum::{
    extract::Request,
    http::{HeaderMap, Version, header::HOST, uri::Authority},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tebdil_protocol::ErrorCode;

use super::problem::Failure;

/// The middleware: a request of HTTP/1.1 names its host exactly once (RFC 9112 §3.2). A proxy and
/// the server behind it may read two names, or an invalid one, differently.
pub(super) async fn once(request: Request, next: Next) -> Response {
    if is_named(request.version(), request.headers()) {
        next.run(request).await
    } else {
        Failure::new(
            ErrorCode::BadRequest,
            "Host must be there once, and be a host",
        )
        .into_response()
    }
}

fn is_named(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => version == Version::HTTP_10 || version == Version::HTTP_09,
        (Some(host), None) => host.to_str().is_ok_and(|host| {
            !host.contains('@') && host.trim().parse().is_ok_and(|host| ends_well(&host))
        }),
        (Some(_), Some(_)) => false,
    }
}

/// Whether what follows the host is a port, or nothing.
fn ends_well(authority: &Authority) -> bool {
    let rest = authority.as_str().trim_start_matches(authority.host());
    rest.is_empty() || rest == ":" || authority.port_u16().is_some()
}
