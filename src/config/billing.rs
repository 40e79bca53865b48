//! The section about subscriptions.

use std::{collections::HashSet, time::Duration};

use serde::Deserialize;
use tebdil_core::{
    billing::{BillingRules, Plan},
    settings::{Checks, seconds},
};
use tebdil_protocol::Secret;
use tebdil_workers::{Verifier, VerifierError};

/// What clients are told that users have without a plan.
pub const FREE_PLAN: &str = "free";

/// Plans and the provider of payments.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Billing {
    pub plans: Vec<Plan>,
    /// Secrets, separated by commas; use [`Self::secrets`].
    pub webhook_secrets: Secret,
    /// How far the time of a signature may be from the server's.
    #[serde(rename = "tolerance_s", deserialize_with = "seconds")]
    pub tolerance: Duration,
    #[serde(rename = "grace_s", deserialize_with = "seconds")]
    pub grace: Duration,
    /// Empty: nobody is asked. May hold a key, so it is a secret.
    pub verifier_url: Secret,
    pub verifier_token: Secret,
    #[serde(rename = "verifier_timeout_s", deserialize_with = "seconds")]
    pub verifier_timeout: Duration,
    #[serde(rename = "verifier_grace_s", deserialize_with = "seconds")]
    pub verifier_grace: Duration,
}

impl Billing {
    /// The rules for the store and the jobs.
    pub fn rules(&self) -> BillingRules {
        let grace = if self.verifier_url.expose().is_empty() {
            self.grace
        } else {
            self.verifier_grace
        };
        BillingRules {
            plans: self.plans.clone(),
            grace,
        }
    }

    /// The secrets with which events may be signed; none: there are no events.
    pub fn secrets(&self) -> impl Iterator<Item = &[u8]> {
        self.webhook_secrets
            .expose()
            .split(',')
            .map(str::trim)
            .filter(|secret| !secret.is_empty())
            .map(str::as_bytes)
    }

    /// Who is asked whether a subscription goes on.
    ///
    /// # Errors
    /// When the system's certificates cannot be read.
    pub fn verifier(&self) -> Result<Option<Verifier>, VerifierError> {
        if self.verifier_url.expose().is_empty() {
            return Ok(None);
        }
        Verifier::new(
            self.verifier_url.expose(),
            self.verifier_token.clone(),
            self.verifier_timeout,
        )
        .map(Some)
    }

    pub(super) fn check(&self, check: &mut Checks) {
        let usable =
            |plan: &Plan| (1..=64).contains(&plan.name.len()) && (1..=3650).contains(&plan.days);
        check.that(
            self.plans.iter().all(usable),
            "billing.plans",
            "a plan needs a name of 1 to 64 bytes and 1 to 3650 days",
        );
        let mut known = HashSet::new();
        check.that(
            self.rules()
                .names()
                .into_iter()
                .all(|name| known.insert(name)),
            "billing.plans",
            "a name or product is there twice",
        );
        check.that(
            self.rules().plan(FREE_PLAN).is_none(),
            "billing.plans",
            "`free` is what users have without a plan",
        );
        check.that(
            self.secrets().all(|secret| secret.len() >= 16),
            "billing.webhook_secrets",
            "each must have at least 16 bytes",
        );
        check.range("billing.tolerance_s", self.tolerance.as_secs(), 1..=86_400);
        for (grace, field) in [
            (self.grace, "billing.grace_s"),
            (self.verifier_grace, "billing.verifier_grace_s"),
        ] {
            let year = Duration::from_hours(365 * 24);
            check.that(grace <= year, field, "must be at most a year");
        }
        let asks = self.verifier_url.expose();
        let usable = asks.is_empty()
            || (asks.contains("{id}")
                && (asks.starts_with("https://") || asks.starts_with("http://")));
        check.that(
            usable,
            "billing.verifier_url",
            "must be empty, or https://… with {id} for the subscription",
        );
        let timeout = self.verifier_timeout.as_secs();
        check.range("billing.verifier_timeout_s", timeout, 1..=60);
    }
}
