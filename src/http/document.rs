//! Answers that stay the same until the server ends.

use std::time::Duration;

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// A body with what lets clients keep it: how long it may be used without asking, and a tag by
/// which to ask whether it is still the same.
#[derive(Debug, Clone)]
pub struct Document {
    body: Bytes,
    headers: HeaderMap,
}

impl Document {
    pub(super) fn new(media_type: &'static str, body: impl Into<Bytes>, max_age: Duration) -> Self {
        let body = body.into();
        let digest = Sha256::digest(&body);
        let tag = URL_SAFE_NO_PAD.encode(&digest[..12]);
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        for (name, value) in [
            (header::ETAG, format!("\"{tag}\"")),
            (
                header::CACHE_CONTROL,
                format!("public, max-age={}", max_age.as_secs()),
            ),
        ] {
            let value = HeaderValue::try_from(value).expect("it is visible ASCII");
            headers.insert(name, value);
        }
        Self { body, headers }
    }

    /// The same with one more header.
    #[must_use]
    pub(super) fn with(mut self, name: header::HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// 304 to a client that has it already.
    pub(super) fn answer(&self, asked: &HeaderMap) -> Response {
        let mut headers = self.headers.clone();
        if knows(asked, headers[header::ETAG].as_bytes()) {
            headers.remove(header::CONTENT_TYPE);
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        (headers, self.body.clone()).into_response()
    }
}

/// Whether `If-None-Match` names the tag. A proxy that compresses makes tags weak, and weak ones are
/// as good here (RFC 9110 §13.1.2).
pub(super) fn knows(asked: &HeaderMap, tag: &[u8]) -> bool {
    asked
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .flat_map(|list| list.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .any(|known| known == b"*" || known.strip_prefix(b"W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_it_is_told_that_it_is_the_same() {
        let document = Document::new("text/plain", "one", Duration::from_mins(1));
        let tag = document.headers[header::ETAG].to_str().expect("ASCII");
        let other = Document::new("text/plain", "two", Duration::from_mins(1));
        let other = other.headers[header::ETAG].to_str().expect("ASCII");
        for (asked, status) in [
            (tag.to_owned(), 304),
            (format!("W/{tag}"), 304),
            (format!("{other} , {tag}"), 304),
            ("*".to_owned(), 304),
            (other.to_owned(), 200),
            (tag.trim_matches('"').to_owned(), 200),
            (String::new(), 200),
        ] {
            let value = HeaderValue::try_from(&asked).expect("a value");
            let asked_for = HeaderMap::from_iter([(header::IF_NONE_MATCH, value)]);
            assert_eq!(document.answer(&asked_for).status(), status, "{asked}");
        }
        let plain = document.answer(&HeaderMap::new());
        assert_eq!(plain.status(), 200);
        assert_eq!(plain.headers()[header::CACHE_CONTROL], "public, max-age=60");
    }
}
