//! The sections of the settings. What each value means and its default stand in `default.toml`.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;
use tebdil_core::{billing::Plan, protocol::Secret};

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
