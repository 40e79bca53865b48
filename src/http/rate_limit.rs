//! What may be tried how often.

use std::time::Duration;

use tebdil_core::{
    crypto::BlindIndex,
    id::BanId,
    protocol::ErrorCode,
    realtime::{Limiter, Realtime},
};

use super::{client_ip::ClientAddress, problem::Failure};
use crate::config::Limits;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
/// Calls about appeals in an hour: one appeals once, and looks now and then what became of it.
const APPEALS: u32 = 30;

/// The limits, which all nodes count together. Addresses and accounts are counted by a keyed hash: whoever reads Redis learns neither.
#[derive(Debug)]
pub struct Limiters {
    blind: BlindIndex,
    login_phone: Limiter,
    login_address: Limiter,
    register_address: Limiter,
    anonymous_key_address: Limiter,
    appeal: Limiter,
}

impl Limiters {
    /// As the settings say; all off when limits are.
    pub fn new(settings: &Limits, realtime: &Realtime, blind: BlindIndex) -> Self {
        let limiter = |name, burst, period| {
            if settings.enabled { realtime.limiter(name, burst, period) } else { realtime.no_limiter() }
        };
        Self {
            blind,
            login_phone: limiter("login_phone", settings.login_per_phone, 15 * MINUTE),
            login_address: limiter("login_address", settings.login_per_address, MINUTE),
            register_address: limiter("register_address", settings.register_per_address, HOUR),
            anonymous_key_address: limiter("anonymous_key_address", settings.anonymous_keys_per_address, MINUTE),
            appeal: limiter("appeal", APPEALS, HOUR),
        }
    }

    /// Counts a password that is tried from an address.
    pub(super) async fn login_from(&self, address: ClientAddress) -> Result<(), Failure> {
        self.allow(&self.login_address, ErrorCode::TooManyAttempts, &address.bytes()).await
    }

    /// Counts a password that is tried for an account; `phone` is its blind index.
    pub(super) async fn login_for(&self, phone: [u8; 32]) -> Result<(), Failure> {
        self.allow(&self.login_phone, ErrorCode::TooManyAttempts, &phone).await
    }

    /// Counts an attempt to register.
    pub(super) async fn register_from(&self, address: ClientAddress) -> Result<(), Failure> {
        self.allow(&self.register_address, ErrorCode::TooManyAttempts, &address.bytes()).await
    }

    /// Counts a request of nobody in particular whose answer shall be kept.
    pub(super) async fn anonymous_key_from(&self, address: ClientAddress) -> Result<(), Failure> {
        self.allow(&self.anonymous_key_address, ErrorCode::RateLimited, &address.bytes()).await
    }

    /// Counts a call about an appeal, for its address and for its ban.
    pub(super) async fn appeal_from(&self, address: ClientAddress, ban: BanId) -> Result<(), Failure> {
        self.allow(&self.appeal, ErrorCode::RateLimited, &address.bytes()).await?;
        self.allow(&self.appeal, ErrorCode::RateLimited, &ban.0.to_be_bytes()).await
    }

    async fn allow(&self, limiter: &Limiter, code: ErrorCode, who: &[u8]) -> Result<(), Failure> {
        limiter.check(&self.blind.limited(who)).await.map_err(|wait| {
            metrics::counter!("tebdil_limited_total", "limit" => limiter.name()).increment(1);
            Failure::retry_after(code, wait)
        })
    }

    /// Forgets who has been quiet long enough.
    pub fn forget_idle(&self) {
        self.login_phone.forget_idle();
        self.login_address.forget_idle();
        self.register_address.forget_idle();
        self.anonymous_key_address.forget_idle();
        self.appeal.forget_idle();
    }
}
