//! The sections of the settings. What each value means and its default stand in `default.toml`.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::Deserialize;
use tebdil_core::{
    billing::{BillingRules, Plan},
    protocol::Secret,
};
use tebdil_workers::{Verifier, VerifierError};

use super::{Countries, Limits, Login, Origins, Relay, TrustedProxies};
use crate::matching::engine::Widening;

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
    pub verification: Verification,
    pub quota: Quota,
    pub referrals: Referrals,
    pub billing: Billing,
    pub matching: Matching,
    pub messages: Messages,
    pub claims: Claims,
    pub reports: Reports,
    pub ads: Ads,
    pub ws: WebSocket,
    pub relay: Relay,
    pub login: Login,
    pub limits: Limits,
    pub retention: Retention,
    pub workers: Workers,
    pub push: Push,
    pub shutdown: Shutdown,
    pub clock: ClockSettings,
    pub log: Log,
    pub secrets: SecretSettings,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    pub listen: String,
    pub max_connections: usize,
    pub connections_per_address: u32,
    pub unfinished_per_address: u32,
    pub trusted_proxies: TrustedProxies,
    pub allowed_origins: Origins,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Empty: off.
    pub listen: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// May hold a password, so it is a secret. Use [`Config::database_url`].
    pub url: Secret,
    /// Empty: that of `url`, if any.
    pub password: Secret,
    pub max_connections: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// May hold a password, so it is a secret. Use [`Config::realtime`].
    pub url: Secret,
    /// Empty: that of `url`, if any.
    pub password: Secret,
    pub prefix: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    pub bcrypt_cost: u32,
    pub hash_threads: usize,
    pub hash_queue: usize,
    pub access_ttl_s: u64,
    pub refresh_ttl_s: u64,
    pub session_lifetime_s: u64,
    pub max_sessions: u32,
    pub default_region: String,
    pub min_age: u8,
    pub terms_version: String,
    pub staff_totp: StaffTotp,
}

/// Whether staff needs a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StaffTotp {
    Optional,
    Required,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    pub phone: bool,
    pub sender: Sender,
    pub unsafe_allow_log: bool,
    pub countries: Countries,
    pub gateway: Gateway,
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

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    pub free_text: u32,
    pub free_video: u32,
    pub premium_text: u32,
    pub premium_video: u32,
    pub time_zone: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Referrals {
    pub invited_reward: u32,
    pub inviter_reward: u32,
    pub invitations_per_day: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Billing {
    pub plans: Vec<Plan>,
    /// Secrets, separated by commas; use [`Self::secrets`].
    pub webhook_secrets: Secret,
    pub tolerance_s: u64,
    pub grace_s: u64,
    /// Empty: nobody is asked. May hold a key, so it is a secret.
    pub verifier_url: Secret,
    pub verifier_token: Secret,
    pub verifier_timeout_s: u64,
    pub verifier_grace_s: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matching {
    pub max_active_text: u32,
    pub match_ttl_s: u64,
    pub call_absence_s: u64,
    pub widening: Widening,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    pub undelivered: u32,
    pub undelivered_bytes: u32,
    pub history: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    pub wait_s: u64,
    pub video_wait_s: u64,
    pub window_s: u64,
    pub daily_cap: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reports {
    pub window_days: u32,
    pub per_day: u32,
    pub auto_ban_reporters: u32,
    pub min_decided: u32,
    pub max_dismissed_share: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ads {
    pub min_interval_s: u64,
    pub premium: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebSocket {
    pub heartbeat_s: u64,
    pub hello_timeout_s: u64,
    pub max_devices: usize,
    pub frames_per_second: u32,
    pub frame_burst: u32,
    pub outbound_frames: usize,
    pub outbound_bytes: usize,
    pub send_timeout_s: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    pub bans_days: u32,
    pub billing_events_days: u32,
    pub message_logs_days: u32,
    pub sessions_days: u32,
    pub invitations_days: u32,
    pub notifications_days: u32,
    pub reports_days: u32,
    pub system_logs_days: u32,
    pub tombstones_days: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workers {
    /// Whether `serve` runs background jobs; `worker` always does.
    pub enabled: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// Empty: off.
    pub fcm_credentials: PathBuf,
    pub fcm_url: String,
    pub timeout_s: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shutdown {
    pub ready_delay_s: u64,
    pub grace_s: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockSettings {
    pub offset_s: i64,
    pub unsafe_allow_offset: bool,
    pub max_skew_s: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub format: LogFormat,
    pub filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
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
}

impl Config {
    /// The database to open: `database.url`, or SQLite in `data_dir`.
    pub fn database_url(&self) -> Secret {
        if self.database.url.expose().is_empty() {
            Secret::from(format!(
                "sqlite:{}",
                self.data_dir.join("tebdil.db").display()
            ))
        } else {
            // The check of the settings refused a password that has no place.
            with_password(&self.database.url, &self.database.password)
                .unwrap_or_else(|| self.database.url.clone())
        }
    }

    /// Whether the database can be shared with other nodes.
    pub fn is_shared(&self) -> bool {
        tebdil_core::backend::is_shared(self.database.url.expose())
    }

    /// Where the realtime state lives.
    pub fn realtime(&self) -> tebdil_core::realtime::RealtimeSettings {
        let redis_url = with_password(&self.redis.url, &self.redis.password)
            .unwrap_or_else(|| self.redis.url.clone());
        tebdil_core::realtime::RealtimeSettings {
            redis_url,
            prefix: self.redis.prefix.clone(),
        }
    }

    /// The clock the server runs by.
    pub fn clock(&self) -> tebdil_core::time::Clock {
        tebdil_core::time::Clock::system(self.clock.offset_s.saturating_mul(1000))
    }

    /// Says whether that clock is right.
    pub fn clock_guard(&self, clock: &tebdil_core::time::Clock) -> tebdil_core::skew::ClockGuard {
        tebdil_core::skew::ClockGuard::new(
            clock.clone(),
            Duration::from_secs(self.clock.max_skew_s),
        )
    }
}

/// An address with a password that stands apart; `None` when there is no place for it, as in one
/// that has a password of its own.
pub(super) fn with_password(url: &Secret, password: &Secret) -> Option<Secret> {
    if password.expose().is_empty() {
        return Some(url.clone());
    }
    let mut url = reqwest::Url::parse(url.expose())
        .ok()
        .filter(|url| url.password().is_none())?;
    // It encodes what has a meaning in addresses, but takes a percent sign for one of its own.
    url.set_password(Some(&password.expose().replace('%', "%25")))
        .ok()?;
    Some(Secret::from(String::from(url)))
}

impl Quota {
    /// The rules of the daily allowance.
    pub fn rules(&self) -> tebdil_core::quota::QuotaRules {
        tebdil_core::quota::QuotaRules {
            free_text: self.free_text,
            free_video: self.free_video,
            premium_text: self.premium_text,
            premium_video: self.premium_video,
            // The check of the settings refused unknown zones.
            zone: jiff::tz::TimeZone::get(&self.time_zone).unwrap_or(jiff::tz::TimeZone::UTC),
        }
    }
}

impl Referrals {
    /// What an invitation brings.
    pub const fn rewards(&self) -> tebdil_core::store::ReferralRewards {
        tebdil_core::store::ReferralRewards {
            invited: self.invited_reward,
            inviter: self.inviter_reward,
        }
    }
}

impl Billing {
    /// What the store and the jobs go by.
    pub fn rules(&self) -> BillingRules {
        let grace = if self.verifier_url.expose().is_empty() {
            self.grace_s
        } else {
            self.verifier_grace_s
        };
        BillingRules {
            plans: self.plans.clone(),
            grace: Duration::from_secs(grace),
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

    /// How far the time of a signature may be from ours.
    pub const fn tolerance(&self) -> Duration {
        Duration::from_secs(self.tolerance_s)
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
            Duration::from_secs(self.verifier_timeout_s),
        )
        .map(Some)
    }
}

impl Auth {
    /// How long an access token is good.
    pub const fn access_ttl(&self) -> Duration {
        Duration::from_secs(self.access_ttl_s)
    }

    /// How long a refresh token is good; each refresh starts anew.
    pub const fn refresh_ttl(&self) -> Duration {
        Duration::from_secs(self.refresh_ttl_s)
    }

    /// How long a session lives after its sign-in, however often it is refreshed.
    pub const fn session_lifetime(&self) -> Duration {
        Duration::from_secs(self.session_lifetime_s)
    }
}

impl Matching {
    /// How long a match lasts.
    pub const fn match_ttl(&self) -> Duration {
        Duration::from_secs(self.match_ttl_s)
    }

    /// How long a device of a call may be without a connection.
    pub const fn call_absence(&self) -> Duration {
        Duration::from_secs(self.call_absence_s)
    }
}

impl Messages {
    /// How much of what is said is kept.
    pub fn rules(&self) -> tebdil_core::store::ChatRules {
        tebdil_core::store::ChatRules {
            undelivered: self.undelivered.into(),
            undelivered_bytes: self.undelivered_bytes.into(),
            history: self.history.into(),
        }
    }
}

impl Claims {
    /// When claims are possible.
    pub const fn rules(&self) -> tebdil_core::claim::ClaimRules {
        tebdil_core::claim::ClaimRules {
            wait: Duration::from_secs(self.wait_s),
            video_wait: Duration::from_secs(self.video_wait_s),
            window: Duration::from_secs(self.window_s),
            daily_cap: self.daily_cap,
        }
    }
}

impl Reports {
    /// Whose reports count, and for how long.
    pub fn rules(&self) -> tebdil_core::report::ReportRules {
        tebdil_core::report::ReportRules {
            window: Duration::from_hours(24 * u64::from(self.window_days)),
            per_day: self.per_day,
            auto_ban_reporters: self.auto_ban_reporters,
            min_decided: self.min_decided,
            max_dismissed_share: self.max_dismissed_share,
        }
    }
}

impl Ads {
    /// How often ads are shown; their days are those of the allowance.
    pub fn rules(&self, quota: &Quota) -> tebdil_core::ads::AdRules {
        tebdil_core::ads::AdRules {
            min_interval: Duration::from_secs(self.min_interval_s),
            premium: self.premium,
            zone: quota.rules().zone,
        }
    }
}

impl WebSocket {
    /// How often a connection is checked for life.
    pub const fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat_s)
    }

    /// How long a client may take to read one frame.
    pub const fn send_timeout(&self) -> Duration {
        Duration::from_secs(self.send_timeout_s)
    }

    /// How long the first frame may take.
    pub const fn hello_timeout(&self) -> Duration {
        Duration::from_secs(self.hello_timeout_s)
    }
}
