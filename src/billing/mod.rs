//! Subscriptions, for users, admins and billing providers. `tebdil_core::store` decides what
//! follows from an event.

pub mod signature;

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tebdil_core::store::{BillingFact, Settled};
use tebdil_protocol::{BillingEvent, ErrorCode, time::Timestamp};

use crate::notifications::Notifier;

/// No event has times as far away as this; years of more than four digits cannot be stored.
const CENTURY: Duration = Duration::from_hours(100 * 365 * 24);

/// A field of an event with an impossible value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidEvent {
    pub code: ErrorCode,
    pub field: &'static str,
    pub detail: &'static str,
}

/// An event as it is stored.
///
/// # Errors
/// [`InvalidEvent`]. An event more than `tolerance` in the future would make all later ones look
/// old.
pub fn fact(
    event: &BillingEvent,
    now: Timestamp,
    tolerance: Duration,
) -> Result<BillingFact, InvalidEvent> {
    let subscription = &event.subscription;
    let named = |text: &str| (1..=128).contains(&text.len()) && !text.contains(char::is_control);
    let thinkable = |time: Timestamp| now - CENTURY < time && time < now + CENTURY;
    let checks = [
        (named(&event.id), "id", "must be 1 to 128 bytes"),
        (
            named(&subscription.id),
            "subscription.id",
            "must be 1 to 128 bytes",
        ),
        (
            named(&subscription.plan),
            "subscription.plan",
            "must be 1 to 128 bytes",
        ),
        (
            named(subscription.account_token.expose()),
            "subscription.account_token",
            "must be 1 to 128 bytes",
        ),
        (
            thinkable(event.occurred_at) && event.occurred_at <= now + tolerance,
            "occurred_at",
            "must not be in the future",
        ),
        (
            thinkable(subscription.starts_at),
            "subscription.starts_at",
            "must be a time within a hundred years",
        ),
        (
            thinkable(subscription.ends_at),
            "subscription.ends_at",
            "must be a time within a hundred years",
        ),
        (
            subscription.starts_at <= subscription.ends_at,
            "subscription.ends_at",
            "must not be before starts_at",
        ),
    ];
    if let Some((_, field, detail)) = checks.into_iter().find(|(good, ..)| !good) {
        return Err(InvalidEvent {
            code: ErrorCode::InvalidField,
            field,
            detail,
        });
    }
    // A hash of the content, not of the bytes: a provider may format the same event differently
    // when it delivers it again.
    let hash = Sha256::digest(serde_json::to_vec(event).expect("an event is plain data"));
    Ok(BillingFact {
        id: event.id.clone(),
        hash: hash.into(),
        kind: event.kind,
        occurred_at: event.occurred_at,
        external_id: subscription.id.clone(),
        plan: subscription.plan.clone(),
        starts_at: subscription.starts_at,
        ends_at: subscription.ends_at,
    })
}

impl Notifier {
    /// Tells users what a change of a subscription led to.
    pub fn settled(&self, settled: Settled) {
        if let Some((user, quota)) = settled.quota {
            self.quota(user, quota);
        }
        if let Some(notified) = settled.notified {
            self.tell(&notified);
        }
    }
}
