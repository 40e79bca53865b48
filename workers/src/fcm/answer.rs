//! What the answers of FCM mean:
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode>.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::StatusCode;
use serde_json::Value;
use tebdil_protocol::time::Timestamp;

/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// The wait after 429 without `Retry-After`, as FCM asks for.
const QUOTA_WAIT: Duration = Duration::from_mins(1);

/// The outcome of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// FCM accepted it.
    Sent,
    /// The token is dead: the app was removed, or got a new one.
    Unregistered,
    /// The token belongs to another project.
    SenderMismatch,
    /// FCM cannot read the message; with `token`, because of the token.
    Invalid { token: bool },
    /// It may work later, and not before `after` has passed.
    Retry {
        after: Option<Duration>,
        why: RetryReason,
    },
    /// This server may not push: its credentials, their rights or the project are wrong.
    Auth,
}

/// Temporary failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryReason {
    RateLimited,
    /// The server answered 5xx.
    Unavailable,
    Timeout,
    /// There was no connection, or it broke.
    Unreachable,
    /// An answer that is not FCM's.
    Malformed,
}

impl RetryReason {
    /// A word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Malformed => "malformed",
        }
    }
}

impl Outcome {
    /// A word for metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Unregistered => "unregistered",
            Self::SenderMismatch => "sender_mismatch",
            Self::Invalid { token: true } => "invalid_token",
            Self::Invalid { token: false } => "invalid",
            Self::Retry { why, .. } => why.as_str(),
            Self::Auth => "auth",
        }
    }
}

/// What the answer to a message means; `None` if the access token was rejected.
pub(super) fn of_message(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Option<Outcome> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let details = body["error"]["details"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let says = |code: &str| details.iter().any(|detail| detail["errorCode"] == code);
    let names_token = || {
        let violations = details
            .iter()
            .filter_map(|detail| detail["fieldViolations"].as_array());
        violations
            .flatten()
            .any(|violation| violation["field"] == "message.token")
    };
    let retry = |after, why| Outcome::Retry { after, why };
    Some(match status {
        StatusCode::OK if body["name"].is_string() => Outcome::Sent,
        StatusCode::OK => retry(retry_after, RetryReason::Malformed),
        StatusCode::NOT_FOUND if says("UNREGISTERED") => Outcome::Unregistered,
        StatusCode::FORBIDDEN if says("SENDER_ID_MISMATCH") => Outcome::SenderMismatch,
        // The project has no valid key for Apple or the web: another access token would not help.
        StatusCode::UNAUTHORIZED if says("THIRD_PARTY_AUTH_ERROR") => Outcome::Auth,
        StatusCode::UNAUTHORIZED => return None,
        StatusCode::TOO_MANY_REQUESTS => {
            retry(retry_after.or(Some(QUOTA_WAIT)), RetryReason::RateLimited)
        }
        StatusCode::REQUEST_TIMEOUT => retry(retry_after, RetryReason::Timeout),
        status if status.is_server_error() => retry(retry_after, RetryReason::Unavailable),
        StatusCode::BAD_REQUEST if !body["error"].is_object() => {
            retry(retry_after, RetryReason::Malformed)
        }
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => Outcome::Invalid {
            token: names_token(),
        },
        // Includes 404 for a wrong project, which is no reason to delete a token.
        _ => Outcome::Auth,
    })
}

/// How long a `Retry-After` asks to wait: seconds or a date, an hour at most.
pub(super) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let wait = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit mean a long time.
        Duration::from_secs(if text.is_empty() {
            return None;
        } else {
            text.parse().unwrap_or(u64::MAX)
        })
    } else {
        let at = httpdate::parse_http_date(text)
            .ok()?
            .duration_since(UNIX_EPOCH)
            .ok()?;
        Timestamp::from_millis(i64::try_from(at.as_millis()).ok()?).since(now)
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(status: u16, body: &str) -> Option<Outcome> {
        of_message(
            StatusCode::from_u16(status).expect("a status"),
            None,
            body.as_bytes(),
        )
    }

    /// As FCM words it.
    fn error(status: u16, word: &str, details: &Value) -> Option<Outcome> {
        said(status, &json!({ "error": { "code": status, "message": "…", "status": word, "details": details } }).to_string())
    }

    #[test]
    fn only_a_clear_word_costs_a_token() {
        let code = |code: &str| json!([{ "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code }]);
        assert_eq!(
            error(404, "NOT_FOUND", &code("UNREGISTERED")),
            Some(Outcome::Unregistered)
        );
        assert_eq!(
            error(403, "PERMISSION_DENIED", &code("SENDER_ID_MISMATCH")),
            Some(Outcome::SenderMismatch)
        );
        let field = |field: &str| json!([{ "errorCode": "INVALID_ARGUMENT" }, { "fieldViolations": [{ "field": field }] }]);
        assert_eq!(
            error(400, "INVALID_ARGUMENT", &field("message.token")),
            Some(Outcome::Invalid { token: true })
        );
        assert_eq!(
            error(400, "INVALID_ARGUMENT", &field("message.data")),
            Some(Outcome::Invalid { token: false })
        );
        assert_eq!(
            error(400, "INVALID_ARGUMENT", &code("INVALID_ARGUMENT")),
            Some(Outcome::Invalid { token: false })
        );
        for (status, body) in [
            (404, "<html>no such page"),
            (404, r#"{"error":{"status":"NOT_FOUND"}}"#),
            (403, ""),
            (302, ""),
            (418, "{}"),
        ] {
            assert_eq!(said(status, body), Some(Outcome::Auth), "{status} {body}");
        }
        assert_eq!(
            error(401, "UNAUTHENTICATED", &code("THIRD_PARTY_AUTH_ERROR")),
            Some(Outcome::Auth)
        );
        assert_eq!(error(401, "UNAUTHENTICATED", &json!([])), None);
        assert_eq!(said(401, "<html>"), None);
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        let retry = |after, why| Some(Outcome::Retry { after, why });
        assert_eq!(
            said(200, r#"{"name":"projects/p/messages/1"}"#),
            Some(Outcome::Sent)
        );
        for body in ["", "{", "[]", r#"{"name":7}"#, "<html>"] {
            assert_eq!(
                said(200, body),
                retry(None, RetryReason::Malformed),
                "{body}"
            );
        }
        assert_eq!(said(400, "<html>"), retry(None, RetryReason::Malformed));
        assert_eq!(
            said(429, "{}"),
            retry(Some(QUOTA_WAIT), RetryReason::RateLimited)
        );
        assert_eq!(said(503, "{}"), retry(None, RetryReason::Unavailable));
        assert_eq!(said(500, ""), retry(None, RetryReason::Unavailable));
        let asked = Some(Duration::from_secs(7));
        assert_eq!(
            of_message(StatusCode::SERVICE_UNAVAILABLE, asked, b""),
            retry(asked, RetryReason::Unavailable)
        );
        assert_eq!(
            of_message(StatusCode::TOO_MANY_REQUESTS, asked, b""),
            retry(asked, RetryReason::RateLimited)
        );
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_bounded() {
        let now = Timestamp::from_millis(784_111_777_000);
        for (text, seconds) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("99999999999999999999999", Some(3600)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:40:00 GMT", Some(0)),
            ("Sat, 06 Nov 2094 08:40:00 GMT", Some(3600)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(
                retry_after(text, now),
                seconds.map(Duration::from_secs),
                "{text}"
            );
        }
    }
}
