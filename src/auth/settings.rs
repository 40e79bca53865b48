//! The settings of accounts: signing up and signing in.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use tebdil_core::settings::{Checks, seconds};
use tebdil_protocol::Secret;

use super::{codes::CodeSender, countries::Countries};

/// The section `[auth]`: passwords, tokens and sessions.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    pub bcrypt_cost: u32,
    pub hash_threads: usize,
    pub hash_queue: usize,
    /// How long an access token is good.
    #[serde(rename = "access_ttl_s", deserialize_with = "seconds")]
    pub access_ttl: Duration,
    /// How long a refresh token is good; each refresh starts the time again.
    #[serde(rename = "refresh_ttl_s", deserialize_with = "seconds")]
    pub refresh_ttl: Duration,
    /// How long a session lives after its sign-in, however often it is refreshed.
    #[serde(rename = "session_lifetime_s", deserialize_with = "seconds")]
    pub session_lifetime: Duration,
    /// How long after showing password and second factor staff may do what destroys.
    #[serde(rename = "confirm_for_s", deserialize_with = "seconds")]
    pub confirm_for: Duration,
    pub max_sessions: u32,
    pub default_region: String,
    pub min_age: u8,
    pub staff_totp: StaffTotp,
}

impl Auth {
    pub(crate) fn check(&self, check: &mut Checks) {
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
        check.range("auth.confirm_for_s", self.confirm_for.as_secs(), 1..=86_400);
        check.range("auth.max_sessions", self.max_sessions, 1..=1_000);
        let region = self.default_region.parse::<phonenumber::country::Id>();
        check.that(
            region.is_ok(),
            "auth.default_region",
            "must be a region code such as TR",
        );
        check.range("auth.min_age", self.min_age, ..=99);
    }
}

/// Whether staff need a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StaffTotp {
    Optional,
    Required,
}

/// The section `[verification]`: codes.
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
    pub(crate) fn check(&self, check: &mut Checks) {
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
        if let Err(problem) = CodeSender::new(self) {
            check.problems.push(problem);
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

/// Read as a table. serde's message about anything else would show it, and with it the key in a
/// header.
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
