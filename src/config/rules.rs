//! The settings as the rest of the server takes them: addresses, rules, durations.

use std::time::Duration;

use tebdil_core::{billing::BillingRules, protocol::Secret};
use tebdil_workers::{Verifier, VerifierError};

use super::{
    Ads, Auth, Billing, Claims, Config, Matching, Messages, Quota, Referrals, Reports, WebSocket,
};

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
        tebdil_core::db::is_shared(self.database.url.expose())
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
