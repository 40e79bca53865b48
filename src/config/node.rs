//! Sections about a node's foundations: its listeners, its databases, its clock.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;
use tebdil_core::{
    db,
    realtime::{self, RealtimeSettings},
    settings::{Checks, list, seconds},
    skew::ClockGuard,
};
use tebdil_protocol::{Secret, time::Clock};
use tebdil_workers::web_push::{PushServices, ServicesError};
use tracing_subscriber::filter::EnvFilter;

use super::{Config, Origins, TrustedProxies};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    pub listen: String,
    pub max_connections: usize,
    pub trusted_proxies: TrustedProxies,
    pub allowed_origins: Origins,
}

impl Http {
    pub(super) fn check(&self, check: &mut Checks) {
        check.that(
            !self.listen.is_empty(),
            "http.listen",
            "must be ADDRESS:PORT",
        );
        check.range("http.max_connections", self.max_connections, 1..);
    }
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

impl Database {
    pub(super) fn check(&self, check: &mut Checks) {
        check.range("database.max_connections", self.max_connections, 1..);
        let url = self.url.expose();
        check.that(
            url.is_empty() || db::is_database(url),
            "database.url",
            "must be empty, sqlite:PATH or postgres://…",
        );
        check.that(
            with_password(&self.url, &self.password).is_some(),
            "database.password",
            "needs a database.url of PostgreSQL without a password",
        );
    }
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

impl Redis {
    pub(super) fn check(&self, check: &mut Checks) {
        let url = self.url.expose();
        check.that(
            url.is_empty() || realtime::is_redis(url),
            "redis.url",
            "must be empty, redis://… or rediss://…",
        );
        check.that(
            with_password(&self.url, &self.password).is_some(),
            "redis.password",
            "needs a redis.url without a password",
        );
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.".contains(&byte);
        check.that(
            (1..=64).contains(&self.prefix.len()) && self.prefix.bytes().all(plain),
            "redis.prefix",
            "must be 1 to 64 letters, digits and : - _ .",
        );
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workers {
    /// Whether `serve` runs background jobs; `worker` always does.
    pub enabled: bool,
}

/// Where devices that are away are woken: apps by Firebase Cloud Messaging, browsers by Web Push.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// Empty: off.
    pub fcm_credentials: PathBuf,
    pub fcm_url: String,
    /// Empty: off.
    #[serde(deserialize_with = "list")]
    pub web_services: Vec<String>,
    /// Empty: none.
    pub web_contact: String,
    /// One more push service, for tests. Empty: none.
    pub web_extra_origin: String,
    #[serde(rename = "timeout_s", deserialize_with = "seconds")]
    pub timeout: Duration,
}

impl Push {
    pub(super) fn check(&self, check: &mut Checks) {
        let url = &self.fcm_url;
        let plain = (url.starts_with("https://") || url.starts_with("http://"))
            && url.bytes().all(|byte| byte.is_ascii_graphic());
        check.that(plain, "push.fcm_url", "must be https://…");
        match PushServices::new(&self.web_services, &self.web_extra_origin) {
            Ok(_) => {}
            Err(ServicesError::Host) => check.that(
                false,
                "push.web_services",
                "must be names of hosts in lower case, or *. and such a name",
            ),
            Err(ServicesError::Origin) => check.that(
                false,
                "push.web_extra_origin",
                "must be empty, or http://127.0.0.1:PORT",
            ),
        }
        let contact = &self.web_contact;
        check.that(
            contact.is_empty() || contact.starts_with("mailto:") || contact.starts_with("https://"),
            "push.web_contact",
            "must be empty, mailto:… or https://…",
        );
        check.range("push.timeout_s", self.timeout.as_secs(), 1..=60);
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shutdown {
    #[serde(rename = "ready_delay_s", deserialize_with = "seconds")]
    pub ready_delay: Duration,
    #[serde(rename = "grace_s", deserialize_with = "seconds")]
    pub grace: Duration,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockSettings {
    pub offset_s: i64,
    pub unsafe_allow_offset: bool,
    #[serde(rename = "max_skew_s", deserialize_with = "seconds")]
    pub max_skew: Duration,
}

impl ClockSettings {
    pub(super) fn check(&self, check: &mut Checks) {
        check.that(
            self.offset_s == 0 || self.unsafe_allow_offset,
            "clock.offset_s",
            "moves tokens, quotas and expiry; set clock.unsafe_allow_offset = true if this is a test",
        );
        check.that(
            self.max_skew <= Duration::from_mins(1),
            "clock.max_skew_s",
            "must be at most 60, or a node deletes too early what the others still show",
        );
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub format: LogFormat,
    pub filter: String,
}

impl Log {
    pub(super) fn check(&self, check: &mut Checks) {
        check.that(
            self.filter.parse::<EnvFilter>().is_ok(),
            "log.filter",
            "must be directives such as info,tebdil=debug",
        );
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
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
        db::is_shared(self.database.url.expose())
    }

    /// Where the realtime state is.
    pub fn realtime(&self) -> RealtimeSettings {
        let redis_url = with_password(&self.redis.url, &self.redis.password)
            .unwrap_or_else(|| self.redis.url.clone());
        RealtimeSettings {
            redis_url,
            prefix: self.redis.prefix.clone(),
        }
    }

    /// The clock that the server uses.
    pub fn clock(&self) -> Clock {
        Clock::system(self.clock.offset_s.saturating_mul(1000))
    }

    /// Says whether that clock is right.
    pub fn clock_guard(&self, clock: &Clock) -> ClockGuard {
        ClockGuard::new(clock.clone(), self.clock.max_skew)
    }
}

/// A URL with a separate password added; `None` if there is no place for it, as in one that already
/// has a password.
fn with_password(url: &Secret, password: &Secret) -> Option<Secret> {
    if password.expose().is_empty() {
        return Some(url.clone());
    }
    let mut url = reqwest::Url::parse(url.expose())
        .ok()
        .filter(|url| url.password().is_none())?;
    // It encodes what has a meaning in URLs, except percent signs.
    url.set_password(Some(&password.expose().replace('%', "%25")))
        .ok()?;
    Some(Secret::from(String::from(url)))
}
