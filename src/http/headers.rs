//! The headers that every answer has.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

/// What browsers are told with every answer that says nothing else, in case one is made to show it.
/// Nothing lets another origin read it: there is no CORS header.
const PROTECTION: [(HeaderName, &str); 5] = [
    // An answer is what its media type says, whatever it looks like.
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // URLs contain ids.
    (header::REFERRER_POLICY, "no-referrer"),
    // JSON loads nothing, runs nothing and is not framed.
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
    // No page of another site may load it as an image or script, to measure or read it by a trick.
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The middleware, outside of all others, so that refusals and panics have them too.
pub(super) async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in PROTECTION {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    // Answers contain tokens and what only one user may see.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
