//! How often something may be done, and by how many at once.
//!
//! A limit is set in the section `[limits]` of the settings, which is [`LimitSettings`]. [`Limit`]
//! says what it limits, who counts it and which error it gives. How it is counted, here or in
//! Redis, is in `tebdil_core::realtime`: [`Limiter`], and
//! [`Backoff`](tebdil_core::realtime::Backoff) for passwords.
//!
//! To add a limit: a variant of [`Limit`], its line in `default.toml` and in `docs/operations.md`,
//! and a call of [`Limiters::check`]. The frames of one connection are counted by `ws/limits.rs`.

mod codes;
mod connections;
mod passwords;
mod settings;

use std::time::Duration;

use strum::VariantArray as _;
use tebdil_core::{
    crypto::{BlindIndex, PhoneIndex},
    realtime::{Denied, Limiter, Realtime},
};
use tebdil_protocol::{
    ErrorCode,
    domain::CodePurpose,
    id::{BanId, UserId},
};

use self::passwords::PasswordLimits;
pub use self::{
    codes::SpentText,
    connections::{ConnectionPermit, Connections},
    passwords::{GuessLog, PasswordTry, TryOutcome},
    settings::{Limit, LimitSettings, PasswordRules},
};
use crate::address::{ALLOWANCES, ClientAddress};

/// When to try again what cannot be counted now.
const UNKNOWN_WAIT: Duration = Duration::from_secs(1);

/// The counters of every limit. Addresses, phones and accounts are counted by a keyed hash: whoever
/// reads Redis learns none of them.
#[derive(Debug)]
pub struct Limiters {
    blind: BlindIndex,
    /// In the order of [`Limit`].
    each: Vec<Limiter>,
    passwords: PasswordLimits,
}

/// Something has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited {
    /// What the client is told. `unavailable` if nobody can count.
    pub code: ErrorCode,
    /// When to try again.
    pub wait: Duration,
}

impl Limited {
    /// By the limit of this name, which the metrics show.
    fn by(name: &'static str, code: ErrorCode, denied: Denied) -> Self {
        match denied {
            Denied::Wait(wait) => {
                metrics::counter!("tebdil_limited_total", "limit" => name).increment(1);
                Self { code, wait }
            }
            Denied::Unknown => Self {
                code: ErrorCode::Unavailable,
                wait: UNKNOWN_WAIT,
            },
        }
    }
}

/// Who is counted.
#[derive(Debug, Clone, Copy)]
pub enum Who {
    Account(UserId),
    Address(ClientAddress),
    Phone(PhoneIndex),
    Ban(BanId),
    /// A phone, as far as codes for one purpose are concerned.
    CodesOf(CodePurpose, PhoneIndex),
}

impl From<UserId> for Who {
    fn from(user: UserId) -> Self {
        Self::Account(user)
    }
}

impl From<ClientAddress> for Who {
    fn from(address: ClientAddress) -> Self {
        Self::Address(address)
    }
}

impl From<BanId> for Who {
    fn from(ban: BanId) -> Self {
        Self::Ban(ban)
    }
}

impl Who {
    /// The keys under which it is counted, each with its multiple of the allowance: one key, or for
    /// an address one for each of its networks, from narrow to wide. So a flood from one network
    /// does not use up what the networks around it share.
    fn keys(self, blind: &BlindIndex) -> Vec<([u8; 32], u32)> {
        let one = |bytes: &[u8]| vec![(blind.limited(bytes), 1)];
        match self {
            Self::Account(user) => one(&user.0.to_be_bytes()),
            Self::Address(address) => address
                .networks()
                .map(|network| blind.limited(&network.bytes()))
                .zip(ALLOWANCES)
                .collect(),
            Self::Phone(phone) => one(phone.as_bytes()),
            Self::Ban(ban) => one(&ban.0.to_be_bytes()),
            Self::CodesOf(purpose, phone) => {
                one(&[purpose.as_str().as_bytes(), phone.as_bytes()].concat())
            }
        }
    }
}

impl Limiters {
    /// As the settings say.
    pub fn new(
        settings: &LimitSettings,
        realtime: &Realtime,
        blind: BlindIndex,
        log: GuessLog,
    ) -> Self {
        let limiter = |limit: &Limit| {
            let is_on = settings.enabled || limit.is_always_on();
            let rate = is_on.then(|| settings.rate(*limit));
            let (name, counted) = (limit.into_str(), limit.counted());
            realtime.limiter(name, rate, counted)
        };
        Self {
            each: Limit::VARIANTS.iter().map(limiter).collect(),
            blind,
            passwords: PasswordLimits::new(settings, realtime, log),
        }
    }

    /// Counts one try, or refuses it.
    ///
    /// # Errors
    /// [`Limited`]
    pub async fn check(&self, limit: Limit, who: impl Into<Who>) -> Result<(), Limited> {
        for (key, times) in who.into().keys(&self.blind) {
            self.count(limit, &key, times).await?;
        }
        Ok(())
    }

    /// Counts one try of an account on this node, synchronously: for limits that each node counts
    /// for itself.
    ///
    /// # Errors
    /// [`Limited`]
    pub fn check_here(&self, limit: Limit, user: UserId) -> Result<(), Limited> {
        // Nobody else sees this key, so no hash is needed.
        let mut key = [0; 32];
        key[..8].copy_from_slice(&user.0.to_be_bytes());
        self.of(limit)
            .count_here(&key)
            .map_err(|wait| Limited::by(limit.into_str(), limit.code(), Denied::Wait(wait)))
    }

    async fn count(&self, limit: Limit, key: &[u8; 32], times: u32) -> Result<(), Limited> {
        let counted = self.of(limit).count(key, times).await;
        counted.map_err(|denied| Limited::by(limit.into_str(), limit.code(), denied))
    }

    fn of(&self, limit: Limit) -> &Limiter {
        &self.each[limit as usize]
    }

    /// Drops counters that are full again.
    pub fn forget_idle(&self) {
        self.each.iter().for_each(Limiter::forget_idle);
        self.passwords.forget_idle();
    }
}

#[cfg(test)]
impl Limiters {
    /// Those of a node that is alone, by default but for these bursts.
    pub(crate) async fn alone(
        t: &tebdil_core::testing::TestStore,
        bursts: &[(Limit, u32)],
    ) -> Self {
        let mut settings = LimitSettings::defaults();
        for (limit, burst) in bursts {
            settings
                .rules
                .entry(*limit)
                .and_modify(|rate| rate.burst = *burst);
        }
        let alone = tebdil_core::realtime::RealtimeSettings {
            redis_url: "".into(),
            prefix: String::new(),
        };
        let (realtime, _) = Realtime::connect(&alone, &mut rand::rng())
            .await
            .expect("it needs nobody");
        let log = GuessLog {
            store: t.store.clone(),
            clock: t.clock.clone(),
            tasks: crate::lifecycle::Tasks::new(&crate::lifecycle::Shutdown::default()),
        };
        Self::new(&settings, &realtime, t.index.clone(), log)
    }
}
