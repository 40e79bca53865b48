//! Bodies about subscriptions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Secret,
    bounds::{CorrectionAmount, ReferenceText},
};
use crate::{
    domain::{BillingEventType, BillingOutcome, QuotaBucket},
    id::SubscriptionId,
    time::Timestamp,
};

/// `GET /v1/subscription`
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own to a client"
)]
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SubscriptionStatus {
    /// Null when there never was a subscription.
    pub plan: Option<String>,
    pub start: Option<Timestamp>,
    /// Until when it is paid or granted; if it is over, when it ended.
    pub end: Option<Timestamp>,
    pub active: bool,
    /// Its end has passed, and the provider has not said yet whether it goes on; meanwhile it is
    /// active.
    pub in_grace: bool,
    /// Whether the provider renews it unless told otherwise.
    pub renews: bool,
    pub is_premium: bool,
    /// Goes with a purchase, so that the billing provider's events name this account. A UUID that
    /// means nothing to anybody else.
    pub account_token: Secret,
}

/// `POST /v1/billing/events`: what happened, and the subscription after it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BillingEvent {
    /// 1 to 128 bytes; the same for every delivery of the event.
    #[schema(min_length = 1, max_length = 128)]
    pub id: String,
    #[serde(rename = "type")]
    pub kind: BillingEventType,
    pub occurred_at: Timestamp,
    pub subscription: BilledSubscription,
}

/// A subscription as the billing provider knows it after an event.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BilledSubscription {
    /// 1 to 128 bytes.
    #[schema(min_length = 1, max_length = 128)]
    pub id: String,
    /// The name of a plan or one of its products; 1 to 128 bytes.
    #[schema(min_length = 1, max_length = 128)]
    pub plan: String,
    /// That of `GET /v1/subscription`.
    pub account_token: Secret,
    pub starts_at: Timestamp,
    /// The end of what is paid; not before `starts_at`.
    pub ends_at: Timestamp,
}

/// Answer to a billing event.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BillingReceipt {
    pub outcome: BillingOutcome,
    /// Whether the event had been handled before; then nothing changed.
    pub repeated: bool,
}

/// `POST /v1/admin/users/{id}/subscription`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SubscriptionGrantRequest {
    /// The name of a plan.
    pub plan: String,
    /// 1 to 3650; the plan's own when absent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::whole_number::read_optional"
    )]
    #[schema(minimum = 1, maximum = 3650)]
    pub days: Option<u32>,
}

/// A subscription that an admin granted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SubscriptionGrant {
    pub id: SubscriptionId,
    pub plan: String,
    pub start: Timestamp,
    pub end: Timestamp,
}

/// `POST /v1/admin/users/{id}/quota`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct QuotaCorrectionRequest {
    pub bucket: QuotaBucket,
    /// Rights to give, or to take if negative; not 0, and at most 1000000 either way. A balance
    /// stops at 0.
    #[serde(deserialize_with = "super::whole_number::read")]
    #[schema(value_type = CorrectionAmount)]
    pub amount: i64,
    /// What it is for, e.g. the number of a ticket: 1 to 64 visible ASCII characters. Counts once
    /// per user and bucket.
    #[schema(value_type = ReferenceText)]
    pub reference: String,
}
