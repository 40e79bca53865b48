//! What is sent to a device.

use std::time::Duration;

use serde_json::{Value, json};
use tebdil_core::notice::PushOrder;
use tebdil_protocol::{Secret, time::Timestamp};

/// A wake-up that is useless after `until`.
#[derive(Debug, Clone, Copy)]
pub struct Push<'a> {
    pub order: &'a PushOrder,
    pub until: Timestamp,
}

impl Push<'_> {
    /// The request, made at `now`: data only, for all platforms, since FCM picks what applies to
    /// the token's device.
    pub(super) fn body(&self, token: &Secret, now: Timestamp) -> Value {
        let (collapse, data) = match self.order {
            PushOrder::Message { match_id, .. } => (
                "messages",
                json!({ "type": "message", "match_id": match_id }),
            ),
            PushOrder::Match { match_id, .. } => {
                ("matches", json!({ "type": "match", "match_id": match_id }))
            }
            PushOrder::Notification { id, of, .. } => (
                "notifications",
                json!({ "type": of, "notification_id": id }),
            ),
        };
        let ttl = self.until.since(now).max(Duration::from_secs(1)).as_secs();
        json!({ "message": {
            "token": token.expose(),
            "data": data,
            "android": { "priority": "HIGH", "ttl": format!("{ttl}s"), "collapse_key": collapse },
            "apns": {
                "headers": {
                    // Apple refuses a background push of a higher priority.
                    "apns-priority": "5",
                    "apns-push-type": "background",
                    "apns-collapse-id": collapse,
                    "apns-expiration": self.until.seconds().to_string(),
                },
                "payload": { "aps": { "content-available": 1 } },
            },
            "webpush": { "headers": { "TTL": ttl.to_string(), "Urgency": "high", "Topic": collapse } },
        } })
    }
}

#[cfg(test)]
mod tests {
    use tebdil_protocol::{
        domain::NotificationType,
        id::{MatchId, NotificationId, SessionId, UserId},
    };

    use super::*;

    #[test]
    fn a_push_names_what_to_fetch_and_nothing_else() {
        let now = Timestamp::from_millis(1_795_262_400_000);
        let token = Secret::from("device");
        let until = now + Duration::from_mins(30);
        let order = PushOrder::Message {
            user_id: UserId(77),
            match_id: MatchId(5),
            session_id: SessionId(6),
        };
        assert_eq!(
            Push {
                order: &order,
                until
            }
            .body(&token, now),
            json!({ "message": {
                "token": "device",
                "data": { "type": "message", "match_id": "5" },
                "android": { "priority": "HIGH", "ttl": "1800s", "collapse_key": "messages" },
                "apns": {
                    "headers": {
                        "apns-priority": "5", "apns-push-type": "background", "apns-collapse-id": "messages", "apns-expiration": "1795264200",
                    },
                    "payload": { "aps": { "content-available": 1 } },
                },
                "webpush": { "headers": { "TTL": "1800", "Urgency": "high", "Topic": "messages" } },
            } })
        );
        let order = PushOrder::Match {
            user_id: UserId(77),
            match_id: MatchId(5),
            session_id: SessionId(6),
        };
        let body = Push {
            order: &order,
            until,
        }
        .body(&token, now);
        assert_eq!(
            body["message"]["data"],
            json!({ "type": "match", "match_id": "5" })
        );
        let order = PushOrder::Notification {
            user_id: UserId(77),
            id: NotificationId(6),
            of: NotificationType::Claim,
        };
        let body = Push {
            order: &order,
            until: now,
        }
        .body(&token, now);
        assert_eq!(
            body["message"]["data"],
            json!({ "type": "claim", "notification_id": "6" })
        );
        assert_eq!(body["message"]["android"]["ttl"], "1s");
        assert!(!body.to_string().contains("77"), "no user id");
    }
}
