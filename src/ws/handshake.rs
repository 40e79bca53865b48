//! The opening handshake: RFC 6455 §4.2, for requests that follow RFC 9112.

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version,
        header::{
            CONNECTION, CONTENT_LENGTH, HOST, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
            SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
        },
        request::Parts,
    },
    response::IntoResponse as _,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tebdil_protocol::{ErrorCode, SUBPROTOCOL};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::{config::Origins, http::problem::Failure};

/// The one version there is.
const VERSION: HeaderValue = HeaderValue::from_static("13");

/// Answers a request for a socket: `Ok` with 101 if it may have one, `Err` if not, with the version
/// that would be understood.
#[expect(clippy::result_large_err, reason = "either is an answer")]
pub(super) fn answer(parts: &Parts, allowed: &Origins) -> Result<Response<Body>, Response<Body>> {
    let accept = check(parts, allowed).map_err(|refused| {
        let mut response = refused.into_response();
        response
            .headers_mut()
            .insert(SEC_WEBSOCKET_VERSION, VERSION);
        response
    })?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    headers.insert(
        SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(SUBPROTOCOL),
    );
    Ok(response)
}

/// The value of `Sec-WebSocket-Accept`.
fn check(parts: &Parts, allowed: &Origins) -> Result<HeaderValue, Failure> {
    let headers = &parts.headers;
    let bad = |detail: &str| Failure::new(ErrorCode::BadRequest, detail);
    let ensure = |fine: bool, detail: &str| if fine { Ok(()) } else { Err(bad(detail)) };
    ensure(
        parts.method == Method::GET && parts.version == Version::HTTP_11,
        "a WebSocket begins with GET over HTTP/1.1",
    )?;
    ensure(
        has_token(headers, &CONNECTION, "upgrade"),
        "Connection must name upgrade",
    )?;
    ensure(
        has_token(headers, &UPGRADE, "websocket"),
        "Upgrade must name websocket",
    )?;
    ensure(
        only(headers, &SEC_WEBSOCKET_VERSION) == Some("13"),
        "Sec-WebSocket-Version must be 13",
    )?;
    let without_body = !headers.contains_key(TRANSFER_ENCODING)
        && headers
            .get_all(CONTENT_LENGTH)
            .iter()
            .all(|length| length == "0");
    ensure(without_body, "a WebSocket begins without a body")?;
    let key = only(headers, &SEC_WEBSOCKET_KEY)
        .filter(|key| STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16));
    let key = key.ok_or_else(|| bad("Sec-WebSocket-Key must be there once: 16 bytes in base64"))?;
    // Subprotocols are case-sensitive.
    let offered = tokens(headers, &SEC_WEBSOCKET_PROTOCOL).any(|token| token == SUBPROTOCOL);
    ensure(offered, &format!("the subprotocol must be {SUBPROTOCOL}"))?;
    if headers.contains_key(ORIGIN) {
        let own = only(headers, &ORIGIN)
            .is_some_and(|origin| allowed.contains(origin) || is_own(origin, only(headers, &HOST)));
        if !own {
            return Err(Failure::new(
                ErrorCode::Forbidden,
                "pages of this origin may not open a socket here",
            ));
        }
    }
    HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
        .map_err(|_| bad("Sec-WebSocket-Key must be base64"))
}

/// The value of a header that is present exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() {
        None
    } else {
        first.to_str().ok().map(str::trim)
    }
}

/// Several fields of one name are one list.
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim)
}

fn has_token(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    tokens(headers, name).any(|token| token.eq_ignore_ascii_case(wanted))
}

/// Whether a page of this origin comes from the host that the request went to. Only a proxy knows
/// the scheme, so the default port of either scheme counts.
fn is_own(origin: &str, host: Option<&str>) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let usual = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return false,
    };
    let without_port = |authority: &str| {
        authority
            .strip_suffix(usual)
            .unwrap_or(authority)
            .to_ascii_lowercase()
    };
    !authority.is_empty() && host.is_some_and(|host| without_port(host) == without_port(authority))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_the_same_host_and_port_is_our_own() {
        for (origin, host) in [
            ("https://chat.example", "chat.example"),
            ("https://chat.example", "Chat.Example:443"),
            ("http://chat.example:80", "chat.example"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("https://[::1]:8443", "[::1]:8443"),
        ] {
            assert!(is_own(origin, Some(host)), "{origin} at {host}");
        }
        for (origin, host) in [
            ("null", "null"),
            ("", ""),
            ("https://", ""),
            ("https://evil.example", "chat.example"),
            ("https://chat.example.evil.example", "chat.example"),
            ("https://chat.example:8443", "chat.example"),
            ("http://chat.example", "chat.example:443"),
            ("ftp://chat.example", "chat.example"),
            ("https://user@chat.example", "chat.example"),
            ("https://chat.example/", "chat.example"),
        ] {
            assert!(!is_own(origin, Some(host)), "{origin} at {host}");
        }
        assert!(!is_own("https://chat.example", None));
    }
}
