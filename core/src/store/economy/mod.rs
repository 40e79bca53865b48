//! Quota, claims, referrals, premium and ads.

pub(crate) mod ads;
pub(crate) mod billing;
pub(crate) mod claims;
pub(crate) mod impressions;
pub(crate) mod quota;
pub(crate) mod referrals;
pub(crate) mod subscriptions;

pub use ads::{AdChange, AdRow};
pub use billing::{Billed, BillingFact, BillingTerms};
pub use claims::{ClaimBatch, ClaimRow, Claiming, DecidedClaim};
pub use impressions::AdSlot;
pub use quota::Grant;
pub use referrals::{
    Invitation, REWARD_ATTEMPTS, REWARD_QUEUE, ReferralRow, ReferralRules, RewardOrder, Rewarded,
};
pub use subscriptions::{Settled, SubscriptionRow};

use std::ops::Deref;

use super::Store;

/// Quota, claims, referrals, premium and ads.
#[derive(Debug, Clone, Copy)]
pub struct Economy<'s>(&'s Store);

impl Store {
    /// Quota, claims, referrals, premium and ads.
    pub const fn economy(&self) -> Economy<'_> {
        Economy(self)
    }
}

impl Deref for Economy<'_> {
    type Target = Store;

    fn deref(&self) -> &Store {
        self.0
    }
}
