//! What the answers of FCM mean:
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode>.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use crate::push_service::{Outcome, QUOTA_WAIT, RetryReason};

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
}
