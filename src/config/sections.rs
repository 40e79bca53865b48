//! All sections of the settings. `default.toml` explains each value and has its default.

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use tebdil_protocol::{REPORTABLE, Secret};

use serde::Deserialize;
use tebdil_core::{
    claim::ClaimRules,
    quota::QuotaRules,
    report::ReportRules,
    settings::{Checks, SettingProblem},
    store::{ChatRules, ReferralRules},
};
use tebdil_workers::Periods;

use super::{
    Ads, Billing, ClockSettings, Database, Http, Legal, Log, Matching, Metrics, Push, Redis, Relay,
    Service, Shutdown, WebSocket, Workers,
};
use crate::{
    auth::settings::{Auth, Verification},
    limits::LimitSettings,
};

/// All settings. `Debug` shows no secret.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub data_dir: PathBuf,
    pub http: Http,
    pub metrics: Metrics,
    pub database: Database,
    pub redis: Redis,
    pub auth: Auth,
    pub service: Service,
    pub legal: Legal,
    pub verification: Verification,
    pub quota: QuotaRules,
    pub referrals: ReferralRules,
    pub billing: Billing,
    pub matching: Matching,
    pub messages: ChatRules,
    pub claims: ClaimRules,
    pub reports: ReportRules,
    pub ads: Ads,
    pub ws: WebSocket,
    pub relay: Relay,
    pub limits: LimitSettings,
    pub retention: Periods,
    pub workers: Workers,
    pub push: Push,
    pub shutdown: Shutdown,
    pub clock: ClockSettings,
    pub log: Log,
    pub secrets: SecretSettings,
}

/// Keys as text; [`super::Secrets`] reads them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretSettings {
    pub phone_index_key: Secret,
    pub field_keys: Secret,
    pub jwt_keys: Secret,
    #[serde(default)]
    pub franking_keys: Secret,
    #[serde(default)]
    pub relay_secret: Secret,
    #[serde(default)]
    pub vapid_key: Secret,
}

impl Config {
    /// Every reason why these settings cannot be used.
    pub(super) fn problems(&self) -> Vec<SettingProblem> {
        let mut found = Checks::default();
        let check = &mut found;
        self.http.check(check);
        self.database.check(check);
        self.redis.check(check);
        self.auth.check(check);
        self.service.check(check);
        self.legal.check(check);
        self.verification.check(check);
        self.quota.check(check);
        self.billing.check(check);
        self.matching.check(check);
        self.messages.check(check);
        self.claims.check(check);
        self.reports.check(check);
        self.ads.check(check);
        self.ws.check(check);
        self.relay.check(check);
        self.limits.check(check);
        self.retention.check(check);
        self.referrals.check(check);
        self.push.check(check);
        self.clock.check(check);
        self.log.check(check);
        self.check_together(check);
        found.problems
    }

    /// Checks across sections.
    fn check_together(&self, check: &mut Checks) {
        check.that(
            !self.data_dir.as_os_str().is_empty(),
            "data_dir",
            "must not be empty",
        );
        check.that(
            self.metrics.listen != self.http.listen || self.http.listen.ends_with(":0"),
            "metrics.listen",
            "must differ from http.listen",
        );
        check.that(
            self.redis.url.expose().is_empty() || self.is_shared(),
            "redis.url",
            "several nodes need a database that they share: set database.url to postgres://…",
        );
        check.that(
            self.retention.reports >= self.reports.window,
            "retention.reports_days",
            "must be at least reports.window_days: bans count what is kept",
        );
        let evidence = self.matching.match_ttl.saturating_add(self.claims.window);
        check.that(
            self.retention.message_logs > evidence,
            "retention.message_logs_days",
            "must be longer than matching.match_ttl_s and claims.window_s together: claims are decided by the logs",
        );
        check.that(
            self.retention.tombstones >= self.reports.window.saturating_add(REPORTABLE),
            "retention.tombstones_days",
            "must be at least reports.window_days and the 7 days in which a match can be reported",
        );
    }
}
