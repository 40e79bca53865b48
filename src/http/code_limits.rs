//! How many one-time codes may be asked for and guessed.
//!
//! A code costs money and rings at somebody's pocket, so these limits hold on all nodes together or not at all: while Redis does not answer, no code is
//! sent (503). `limits.enabled` does not turn them off. Guesses are counted by the store in any case, each code with five; the limits here come before it.

use std::time::Duration;

use tebdil_core::{
    crypto::BlindIndex,
    protocol::ErrorCode,
    realtime::{Denied, Limiter, Realtime},
};

use super::{client_ip::ClientAddress, problem::Failure};
use crate::{auth::CodePhone, config::Verification};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// The limits, by keyed hashes of addresses, phones and prefixes.
#[derive(Debug)]
pub struct CodeLimits {
    blind: BlindIndex,
    address: Limiter,
    phone: Limiter,
    phone_day: Limiter,
    prefix: Limiter,
    day: Limiter,
    tries_phone: Limiter,
    tries_address: Limiter,
}

impl CodeLimits {
    /// As the settings say.
    pub fn new(settings: &Verification, realtime: &Realtime, blind: BlindIndex) -> Self {
        Self {
            blind,
            address: realtime.limiter("code_address", settings.codes_per_address, HOUR),
            phone: realtime.limiter("code_phone", settings.codes_per_phone, Duration::from_mins(15)),
            phone_day: realtime.limiter("code_phone_day", settings.codes_per_phone_day, DAY),
            prefix: realtime.limiter("code_prefix", settings.codes_per_prefix, HOUR),
            day: realtime.limiter("code_day", settings.codes_per_day, DAY),
            tries_phone: realtime.limiter("code_tries_phone", settings.tries_per_phone, HOUR),
            tries_address: realtime.limiter("code_tries_address", settings.tries_per_address, HOUR),
        }
    }

    /// Counts a code that is asked for from an address.
    pub(super) async fn code_from(&self, address: ClientAddress) -> Result<(), Failure> {
        self.strictly(&self.address, &address.bytes()).await
    }

    /// Counts a code that is asked for a phone. From narrow to wide: what floods one number does not use up what everybody shares.
    pub(super) async fn code_to(&self, phone: &CodePhone) -> Result<(), Failure> {
        self.strictly(&self.phone, phone.index.as_bytes()).await?;
        self.strictly(&self.phone_day, phone.index.as_bytes()).await?;
        self.strictly(&self.prefix, phone.prefix()).await?;
        self.strictly(&self.day, b"everybody").await
    }

    /// Counts a guess, for phones that have a code as for those that have none. `phone` is the blind index, where the text is a phone.
    pub(super) async fn guess(&self, address: ClientAddress, phone: Option<[u8; 32]>) -> Result<(), Failure> {
        self.loosely(&self.tries_address, &address.bytes()).await?;
        match phone {
            Some(phone) => self.loosely(&self.tries_phone, &phone).await,
            None => Ok(()),
        }
    }

    async fn strictly(&self, limiter: &Limiter, who: &[u8]) -> Result<(), Failure> {
        limiter.check_strictly(&self.blind.limited(who)).await.map_err(|denied| match denied {
            Denied::Wait(wait) => refused(limiter, wait),
            Denied::Unknown => Failure::from(ErrorCode::Unavailable),
        })
    }

    async fn loosely(&self, limiter: &Limiter, who: &[u8]) -> Result<(), Failure> {
        limiter.check(&self.blind.limited(who)).await.map_err(|wait| refused(limiter, wait))
    }

    /// Forgets who has been quiet long enough.
    pub fn forget_idle(&self) {
        let Self { blind: _, address, phone, phone_day, prefix, day, tries_phone, tries_address } = self;
        for limiter in [address, phone, phone_day, prefix, day, tries_phone, tries_address] {
            limiter.forget_idle();
        }
    }
}

fn refused(limiter: &Limiter, wait: Duration) -> Failure {
    metrics::counter!("tebdil_limited_total", "limit" => limiter.name()).increment(1);
    Failure::retry_after(ErrorCode::TooManyAttempts, wait)
}
