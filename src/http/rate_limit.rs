//! What may be tried how often.

use std::time::Duration;

use tebdil_core::{limiter::KeyedLimiter, protocol::ErrorCode};

use super::{client_ip::ClientAddress, problem::Failure};
use crate::config::Limits;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// The limits of this node. Phones are counted by their blind index.
#[derive(Debug)]
pub struct Limiters {
    login_phone: KeyedLimiter<[u8; 32]>,
    login_address: KeyedLimiter<ClientAddress>,
    register_address: KeyedLimiter<ClientAddress>,
    anonymous_key_address: KeyedLimiter<ClientAddress>,
}

impl Limiters {
    /// As the settings say; all off when limits are.
    pub fn new(settings: &Limits) -> Self {
        if !settings.enabled {
            return Self {
                login_phone: KeyedLimiter::off(),
                login_address: KeyedLimiter::off(),
                register_address: KeyedLimiter::off(),
                anonymous_key_address: KeyedLimiter::off(),
            };
        }
        Self {
            login_phone: KeyedLimiter::new(settings.login_per_phone, 15 * MINUTE),
            login_address: KeyedLimiter::new(settings.login_per_address, MINUTE),
            register_address: KeyedLimiter::new(settings.register_per_address, HOUR),
            anonymous_key_address: KeyedLimiter::new(settings.anonymous_keys_per_address, MINUTE),
        }
    }

    /// Counts a password that is tried from an address.
    pub(super) fn login_from(&self, address: ClientAddress) -> Result<(), Failure> {
        allow("login_address", ErrorCode::TooManyAttempts, self.login_address.check(&address))
    }

    /// Counts a password that is tried for an account; `phone` is its blind index.
    pub(super) fn login_for(&self, phone: [u8; 32]) -> Result<(), Failure> {
        allow("login_phone", ErrorCode::TooManyAttempts, self.login_phone.check(&phone))
    }

    /// Counts an attempt to register.
    pub(super) fn register_from(&self, address: ClientAddress) -> Result<(), Failure> {
        allow("register_address", ErrorCode::TooManyAttempts, self.register_address.check(&address))
    }

    /// Counts a request of nobody in particular whose answer shall be kept.
    pub(super) fn anonymous_key_from(&self, address: ClientAddress) -> Result<(), Failure> {
        allow("anonymous_key_address", ErrorCode::RateLimited, self.anonymous_key_address.check(&address))
    }

    /// Forgets who has been quiet long enough.
    pub fn forget_idle(&self) {
        self.login_phone.forget_idle();
        self.login_address.forget_idle();
        self.register_address.forget_idle();
        self.anonymous_key_address.forget_idle();
    }
}

fn allow(limit: &'static str, code: ErrorCode, outcome: Result<(), Duration>) -> Result<(), Failure> {
    outcome.map_err(|wait| {
        metrics::counter!("tebdil_limited_total", "limit" => limit).increment(1);
        Failure::retry_after(code, wait)
    })
}
