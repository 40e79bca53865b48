//! Sections on accounts: how one signs up and in, and what is paid for.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use serde::Deserialize;
use tebdil_core::{
    billing::{BillingRules, Plan},
    settings::{Checks, seconds},
};
use tebdil_protocol::Secret;
use tebdil_workers::{Verifier, VerifierError};

use super::Countries;
use crate::auth::codes::CodeSender;

/// Passwords, tokens and sessions.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    pub bcrypt_cost: u32,
    pub hash_threads: usize,
    pub hash_queue: usize,
    /// How long an access token is good.
    #[serde(rename = "access_ttl_s", deserialize_with = "seconds")]
    pub access_ttl: Duration,
    /// How long a refresh token is good; each refresh starts anew.
    #[serde(rename = "refresh_ttl_s", deserialize_with = "seconds")]
    pub refresh_ttl: Duration,
    /// How long a session lives after its sign-in, however often it is refreshed.
    #[serde(rename = "session_lifetime_s", deserialize_with = "seconds")]
    pub session_lifetime: Duration,
    pub max_sessions: u32,
    pub default_region: String,
    pub min_age: u8,
    pub terms_version: String,
    pub staff_totp: StaffTotp,
}

impl Auth {
    pub(super) fn check(&self, check: &mut Checks) {
        check.range("auth.bcrypt_cost", self.bcrypt_cost, 4..=31);
        check.range("auth.hash_threads", self.hash_threads, 1..=64);
        check.range("auth.hash_queue", self.hash_queue, 1..);
        check.range("auth.access_ttl_s", self.access_ttl.as_secs(), 1..);
        check.that(
            self.refresh_ttl > self.access_ttl,
            "auth.refresh_ttl_s",
            "must be longer than auth.access_ttl_s",
        );
        let year = Duration::from_hours(366 * 24);
        check.that(
            (self.refresh_ttl..=year).contains(&self.session_lifetime),
            "auth.session_lifetime_s",
            "must be auth.refresh_ttl_s to 31622400: a year",
        );
        check.range("auth.max_sessions", self.max_sessions, 1..=1_000);
        let region = self.default_region.parse::<phonenumber::country::Id>();
        check.that(
            region.is_ok(),
            "auth.default_region",
            "must be a region code such as TR",
        );
        check.range("auth.min_age", self.min_age, ..=99);
        check.that(
            (1..=32).contains(&self.terms_version.len()),
            "auth.terms_version",
            "must be 1 to 32 bytes",
        );
    }
}

/// Whether staff needs a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StaffTotp {
    Optional,
    Required,
}

/// Codes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    pub phone: bool,
    pub sender: Sender,
    pub unsafe_allow_log: bool,
    pub countries: Countries,
    pub gateway: Gateway,
}

impl Verification {
    pub(super) fn check(&self, check: &mut Checks) {
        check.that(
            !self.phone || self.sender != Sender::Off,
            "verification.phone",
            "needs somebody who sends codes: set verification.sender",
        );
        check.that(
            self.sender != Sender::Log || self.unsafe_allow_log,
            "verification.sender",
            "\"log\" writes codes to the log; set verification.unsafe_allow_log = true if this is a developer's machine",
        );
        if let Err((field, detail)) = CodeSender::new(self) {
            check.that(false, field, detail);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    Off,
    Log,
    Gateway,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// May hold a key, so it is a secret.
    pub url: Secret,
    pub method: String,
    pub content_type: ContentType,
    #[serde(deserialize_with = "headers")]
    pub headers: BTreeMap<String, Secret>,
    /// May hold a password of the gateway, so it is a secret.
    pub body: Secret,
    pub timeout_ms: u64,
}

/// As a table. What serde says of anything else would show it, and with it the key that a header
/// holds.
fn headers<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Secret>, D::Error> {
    BTreeMap::deserialize(deserializer)
        .map_err(|_| serde::de::Error::custom("must be names and values of HTTP headers"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentType {
    Json,
    Form,
}

/// Plans and the provider of payments.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Billing {
    pub plans: Vec<Plan>,
    /// Secrets, separated by commas; use [`Self::secrets`].
    pub webhook_secrets: Secret,
    /// How far the time of a signature may be from ours.
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
    /// What the store and the jobs go by.
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
