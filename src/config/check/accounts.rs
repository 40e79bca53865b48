//! Accounts: how one signs up and in, what one may do, and what is paid for.

use crate::{
    auth::codes::CodeSender,
    config::{Config, Sender},
};

impl Config {
    /// Passwords, tokens and sessions.
    pub(super) fn check_auth(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
        let auth = &self.auth;
        check(
            (4..=31).contains(&auth.bcrypt_cost),
            "auth.bcrypt_cost",
            "must be 4 to 31",
        );
        check(
            (1..=64).contains(&auth.hash_threads),
            "auth.hash_threads",
            "must be 1 to 64",
        );
        check(auth.hash_queue > 0, "auth.hash_queue", "must be at least 1");
        check(
            auth.access_ttl_s >= 1,
            "auth.access_ttl_s",
            "must be at least 1",
        );
        check(
            auth.refresh_ttl_s > auth.access_ttl_s,
            "auth.refresh_ttl_s",
            "must be longer than auth.access_ttl_s",
        );
        let lifetime = (auth.refresh_ttl_s..=366 * 86_400).contains(&auth.session_lifetime_s);
        check(
            lifetime,
            "auth.session_lifetime_s",
            "must be auth.refresh_ttl_s to 31622400: a year",
        );
        check(
            (1..=1_000).contains(&auth.max_sessions),
            "auth.max_sessions",
            "must be 1 to 1000",
        );
        check(
            auth.default_region
                .parse::<phonenumber::country::Id>()
                .is_ok(),
            "auth.default_region",
            "must be a region code such as TR",
        );
        check(auth.min_age <= 99, "auth.min_age", "must be at most 99");
        check(
            (1..=32).contains(&auth.terms_version.len()),
            "auth.terms_version",
            "must be 1 to 32 bytes",
        );
    }

    /// Codes.
    pub(super) fn check_verification(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
        let verification = &self.verification;
        check(
            !verification.phone || verification.sender != Sender::Off,
            "verification.phone",
            "needs somebody who sends codes: set verification.sender",
        );
        check(
            verification.sender != Sender::Log || verification.unsafe_allow_log,
            "verification.sender",
            "\"log\" writes codes to the log; set verification.unsafe_allow_log = true if this is a developer's machine",
        );
        if let Err((field, detail)) = CodeSender::new(verification) {
            check(false, field, &detail);
        }
    }

    /// The daily allowance.
    pub(super) fn check_quota(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
        let quota = &self.quota;
        for (value, field) in [
            (quota.free_text, "quota.free_text"),
            (quota.free_video, "quota.free_video"),
            (quota.premium_text, "quota.premium_text"),
            (quota.premium_video, "quota.premium_video"),
        ] {
            check(value <= 1_000_000, field, "must be at most 1000000");
        }
        check(
            jiff::tz::TimeZone::get(&quota.time_zone).is_ok(),
            "quota.time_zone",
            "must be a time zone name such as Europe/Istanbul",
        );
    }

    /// Invitations.
    pub(super) fn check_referrals(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
        check(
            self.referrals.invited_reward <= 1000,
            "referrals.invited_reward",
            "must be at most 1000",
        );
        check(
            self.referrals.inviter_reward <= 1000,
            "referrals.inviter_reward",
            "must be at most 1000",
        );
        check(
            self.referrals.invitations_per_day > 0,
            "referrals.invitations_per_day",
            "must be at least 1",
        );
    }

    /// Plans and the provider of payments.
    pub(super) fn check_billing(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
        let billing = &self.billing;
        let usable = billing
            .plans
            .iter()
            .all(|plan| (1..=64).contains(&plan.name.len()) && (1..=3650).contains(&plan.days));
        check(
            usable,
            "billing.plans",
            "a plan needs a name of 1 to 64 bytes and 1 to 3650 days",
        );
        let rules = billing.rules();
        let names = rules.names();
        let distinct: std::collections::HashSet<&str> = names.iter().copied().collect();
        check(
            distinct.len() == names.len(),
            "billing.plans",
            "a name or product is there twice",
        );
        check(
            billing.secrets().all(|secret| secret.len() >= 16),
            "billing.webhook_secrets",
            "each must have at least 16 bytes",
        );
        check(
            (1..=86_400).contains(&billing.tolerance_s),
            "billing.tolerance_s",
            "must be 1 to 86400",
        );
        for (value, field) in [
            (billing.grace_s, "billing.grace_s"),
            (billing.verifier_grace_s, "billing.verifier_grace_s"),
        ] {
            check(value <= 31_536_000, field, "must be at most a year");
        }
        let asks = billing.verifier_url.expose();
        let usable = asks.is_empty()
            || (asks.contains("{id}")
                && (asks.starts_with("https://") || asks.starts_with("http://")));
        check(
            usable,
            "billing.verifier_url",
            "must be empty, or https://… with {id} for the subscription",
        );
        check(
            (1..=60).contains(&billing.verifier_timeout_s),
            "billing.verifier_timeout_s",
            "must be 1 to 60",
        );
    }
}
