//! What is sent to a device.

use serde_json::{Value, json};
use tebdil_protocol::{Secret, time::Timestamp};

use crate::push_service::Push;

/// The request, made at `now`: data only, for all platforms, since FCM picks what applies to the
/// token's device.
pub(super) fn body(token: &Secret, push: &Push<'_>, now: Timestamp) -> Value {
    let (collapse, ttl) = (push.collapse_key(), push.ttl(now));
    json!({ "message": {
        "token": token.expose(),
        "data": push.data(),
        "android": { "priority": "HIGH", "ttl": format!("{ttl}s"), "collapse_key": collapse },
        "apns": {
            "headers": {
                // Apple refuses a background push of a higher priority.
                "apns-priority": "5",
                "apns-push-type": "background",
                "apns-collapse-id": collapse,
                "apns-expiration": push.until.seconds().to_string(),
            },
            "payload": { "aps": { "content-available": 1 } },
        },
    } })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tebdil_core::notice::PushOrder;
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
            body(
                &token,
                &Push {
                    order: &order,
                    until
                },
                now
            ),
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
            } })
        );
        let order = PushOrder::Match {
            user_id: UserId(77),
            match_id: MatchId(5),
            session_id: SessionId(6),
        };
        let push = Push {
            order: &order,
            until,
        };
        assert_eq!(
            body(&token, &push, now)["message"]["data"],
            json!({ "type": "match", "match_id": "5" })
        );
        let order = PushOrder::Notification {
            user_id: UserId(77),
            id: NotificationId(6),
            of: NotificationType::Claim,
        };
        let push = Push {
            order: &order,
            until: now,
        };
        let body = body(&token, &push, now);
        assert_eq!(
            body["message"]["data"],
            json!({ "type": "claim", "notification_id": "6" })
        );
        assert_eq!(body["message"]["android"]["ttl"], "1s");
        assert!(!body.to_string().contains("77"), "no user id");
    }
}
