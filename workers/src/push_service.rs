//! What push services have in common: a push, and what came of it.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::header::{self, HeaderMap};
use serde_json::{Value, json};
use tebdil_core::notice::PushOrder;
use tebdil_protocol::time::Timestamp;

/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// The wait after 429 without `Retry-After`, as FCM asks for.
pub(crate) const QUOTA_WAIT: Duration = Duration::from_mins(1);

/// A wake-up that is useless after `until`.
#[derive(Debug, Clone, Copy)]
pub struct Push<'a> {
    pub order: &'a PushOrder,
    pub until: Timestamp,
}

impl Push<'_> {
    /// What the app reads: it names what to fetch, and nothing else.
    pub(crate) fn data(&self) -> Value {
        match self.order {
            PushOrder::Message { match_id, .. } => {
                json!({ "type": "message", "match_id": match_id })
            }
            PushOrder::Match { match_id, .. } => json!({ "type": "match", "match_id": match_id }),
            PushOrder::Notification { id, of, .. } => json!({ "type": of, "notification_id": id }),
        }
    }

    /// A later push of the same kind takes the place of one that was not delivered yet.
    pub(crate) const fn collapse_key(&self) -> &'static str {
        match self.order {
            PushOrder::Message { .. } => "messages",
            PushOrder::Match { .. } => "matches",
            PushOrder::Notification { .. } => "notifications",
        }
    }

    /// For how many seconds it is of use.
    pub(crate) fn ttl(&self, now: Timestamp) -> u64 {
        self.until.since(now).max(Duration::from_secs(1)).as_secs()
    }
}

/// The outcome of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The push service accepted it.
    Sent,
    /// The address is dead: the app was removed, or got a new one.
    Unregistered,
    /// The token belongs to another project.
    SenderMismatch,
    /// It is no address of a push service that this server knows.
    NotAllowed,
    /// The push service cannot read the message; with `token`, because of the address.
    Invalid { token: bool },
    /// It may work later, and not before `after` has passed.
    Retry {
        after: Option<Duration>,
        why: RetryReason,
    },
    /// This server may not push: its credentials or their rights are wrong.
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
    /// An answer that no push service gives.
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
            Self::NotAllowed => "not_allowed",
            Self::Invalid { token: true } => "invalid_token",
            Self::Invalid { token: false } => "invalid",
            Self::Retry { why, .. } => why.as_str(),
            Self::Auth => "auth",
        }
    }
}

/// Why there was no answer.
pub(crate) fn retry_reason(error: &reqwest::Error) -> RetryReason {
    if error.is_timeout() {
        RetryReason::Timeout
    } else {
        RetryReason::Unreachable
    }
}

/// How long a `Retry-After` asks to wait: seconds or a date, an hour at most.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
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
    use super::*;

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
            let text = text.parse().expect("a header");
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, text)]);
            assert_eq!(
                retry_after(&headers, now),
                seconds.map(Duration::from_secs),
                "{headers:?}"
            );
        }
    }
}
