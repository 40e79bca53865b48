//! Protection of passwords: each wrong one makes the next try wait longer, by phone, by address and
//! by account.
//!
//! A try counts as wrong before the password is compared, and is taken back if it was right, so
//! that parallel tries get no more than the rule allows. A phone without an account is counted like
//! any other. Signed-in users are counted apart from logins, so that guessing at a phone does not
//! lock its owner out of existing sessions: they refresh their tokens and change the password.

use serde_json::json;
use tebdil_core::{
    crypto::PhoneIndex,
    realtime::{Backoff, Counted, Limiter, Rate, Realtime, Try},
    store::{Store, StoreError, SystemLog},
};
use tebdil_protocol::{ErrorCode, id::UserId, time::Clock};

use super::{Limit, LimitSettings, Limited, Limiters, Who};
use crate::{address::ClientAddress, lifecycle::Tasks};

/// The action in `system_logs` after too many wrong passwords.
const LOGGED_AS: &str = "login_attempts";

/// How often the same account, phone or address is recorded in `system_logs`: once a day.
const LOGGED: Rate = Rate {
    burst: 1,
    per_s: 86_400,
};

/// The counters of wrong passwords.
#[derive(Debug)]
pub(super) struct PasswordLimits {
    phones: Backoff,
    addresses: Backoff,
    accounts: Backoff,
    logged: Limiter,
    log: GuessLog,
}

/// Records in `system_logs` who guesses at passwords.
#[derive(Debug)]
pub struct GuessLog {
    pub store: Store,
    pub clock: Clock,
    pub tasks: Tasks,
}

/// The outcome of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryOutcome {
    Right,
    Wrong,
    /// Nothing was compared.
    Open,
}

/// A permitted try of a password. [`PasswordTry::settle`] reports its outcome.
#[must_use = "an unsettled try counts as a wrong password"]
#[derive(Debug)]
pub struct PasswordTry<'a> {
    limiters: &'a Limiters,
    counted: Vec<CountedTry<'a>>,
}

/// A try in one of the counters that counted it.
#[derive(Debug)]
struct CountedTry<'a> {
    by: &'a Backoff,
    who: Who,
    key: [u8; 32],
    taken: Try,
}

impl PasswordLimits {
    pub fn new(settings: &LimitSettings, realtime: &Realtime, log: GuessLog) -> Self {
        let rules = settings.passwords;
        let backoff = |name, rule| realtime.backoff(name, settings.enabled.then_some(rule));
        Self {
            phones: backoff("password_phone", rules.phone),
            addresses: backoff("password_address", rules.address),
            accounts: backoff("password_account", rules.account),
            logged: realtime.limiter("password_logged", Some(LOGGED), Counted::Together),
            log,
        }
    }

    pub fn forget_idle(&self) {
        [&self.phones, &self.addresses, &self.accounts]
            .into_iter()
            .for_each(Backoff::forget_idle);
        self.logged.forget_idle();
    }
}

impl GuessLog {
    /// Records that the free tries are used up. Not awaited, so that the time of the answer does
    /// not tell whether a phone has an account.
    fn record(&self, limit: &'static str, who: Who, failures: u32) {
        let (store, now) = (self.store.clone(), self.clock.now());
        self.tasks.spawn(async move {
            let details = json!({ "limit": limit, "failures": failures });
            let recorded: Result<(), StoreError> = async {
                let user = match who {
                    Who::Account(user) => Some(user),
                    Who::Phone(phone) => {
                        let user = store.accounts().user_by_phone(&phone).await?;
                        user.map(|user| user.id)
                    }
                    Who::Address(_) | Who::Ban(_) | Who::CodesOf(..) => None,
                };
                let log = SystemLog {
                    action: LOGGED_AS,
                    user,
                    actor: None,
                    details,
                };
                store.jobs().log_action(&log, now).await
            }
            .await;
            if let Err(error) = recorded {
                tracing::warn!(%error, "wrong passwords were not recorded");
            }
        });
    }
}

impl Limiters {
    /// Permits a try of a password at login; `phone` if the text is a phone number.
    ///
    /// # Errors
    /// [`Limited`]; then nothing was counted.
    pub async fn login(
        &self,
        from: ClientAddress,
        phone: Option<PhoneIndex>,
    ) -> Result<PasswordTry<'_>, Limited> {
        self.check(Limit::LoginAddress, from).await?;
        let begun = PasswordTry::new(self);
        let begun = begun.at(&self.passwords.addresses, from.into()).await?;
        match phone {
            Some(phone) => begun.at(&self.passwords.phones, Who::Phone(phone)).await,
            None => Ok(begun),
        }
    }

    /// Permits a signed-in user's try of the current password.
    ///
    /// # Errors
    /// As [`Limiters::login`].
    pub async fn password(&self, user: UserId) -> Result<PasswordTry<'_>, Limited> {
        let begun = PasswordTry::new(self);
        begun.at(&self.passwords.accounts, user.into()).await
    }
}

impl<'a> PasswordTry<'a> {
    const fn new(limiters: &'a Limiters) -> Self {
        Self {
            limiters,
            counted: Vec::new(),
        }
    }

    /// Counts the try in one more counter, an address in each of its networks. If one refuses, what
    /// was counted before is taken back, since nothing will be compared.
    async fn at(mut self, by: &'a Backoff, who: Who) -> Result<Self, Limited> {
        for (key, times) in who.keys(&self.limiters.blind) {
            match by.begin(&key, times).await {
                Ok(taken) => self.counted.push(CountedTry {
                    by,
                    who,
                    key,
                    taken,
                }),
                Err(denied) => {
                    self.settle(TryOutcome::Open).await;
                    return Err(Limited::by(by.name(), ErrorCode::TooManyAttempts, denied));
                }
            }
        }
        Ok(self)
    }

    /// Counts the outcome of the try. A right password makes up for wrong ones of its phone or
    /// account, but not of its address, which would otherwise get unlimited tries with one account
    /// of its own.
    pub async fn settle(self, outcome: impl Into<TryOutcome>) {
        let outcome = outcome.into();
        for CountedTry {
            by,
            who,
            key,
            taken,
        } in self.counted
        {
            match (outcome, who) {
                (TryOutcome::Right, Who::Phone(_) | Who::Account(_)) => by.clear(&key).await,
                (TryOutcome::Right | TryOutcome::Open, _) => by.take_back(&key, taken).await,
                (TryOutcome::Wrong, _) if taken.is_costly => {
                    let Limiters {
                        blind, passwords, ..
                    } = self.limiters;
                    let once = blind.limited(&[by.name().as_bytes(), &key].concat());
                    if passwords.logged.count(&once, 1).await.is_ok() {
                        passwords.log.record(by.name(), who, taken.failures);
                    }
                }
                (TryOutcome::Wrong, _) => {}
            }
        }
    }
}
