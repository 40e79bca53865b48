//! Bodies of `/v1/referrals`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Secret, bounds::PhoneText};
use crate::{
    domain::{ReferralStatus, ReferralVia},
    id::ReferralId,
    time::Timestamp,
};

/// `POST /v1/referrals`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReferralRequest {
    /// E.164, or a national number of the default region.
    #[schema(value_type = PhoneText)]
    pub phone: Secret,
}

/// An invitation as its inviter sees it. The invited number is not kept in a form that could be
/// shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Referral {
    pub id: ReferralId,
    pub via: ReferralVia,
    pub status: ReferralStatus,
    pub created_at: Timestamp,
    pub rewarded_at: Option<Timestamp>,
}

/// `GET /v1/referrals`: one page, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Referrals {
    /// To be given as `invite` at registration.
    pub invite_code: String,
    pub items: Vec<Referral>,
    pub next_cursor: Option<String>,
}
