//! Protection of passwords: each wrong one makes the next try wait longer, by phone, by address and
//! by account.
//!
//! A try counts as wrong before the password is looked at, and is taken back when it was right:
//! many at once get no more than the rule. A phone nobody has is counted like any other. Who is
//! signed in is counted apart from logins, so whoever guesses at a phone does not lock its owner
//! out of the sessions that are there: they refresh their tokens and change the password.

use std::sync::Arc;

use serde_json::json;
use tebdil_core::{
    backoff::Try,
    crypto::PhoneIndex,
    realtime::Backoff,
    store::{StoreError, SystemLog},
};
use tebdil_protocol::{ErrorCode, id::UserId};

use super::{
    Api,
    problem::Failure,
    rate_limit::{Limiters, Who, counted, refusal},
};
use crate::{address::ClientAddress, auth::AccountError, config::Limit};

/// What `system_logs` calls it when there were too many wrong passwords.
const LOGGED_AS: &str = "login_attempts";

/// A try of a password that was let through. [`Tries::settle`] says what became of it.
#[must_use = "an unsettled try counts as a wrong password"]
#[derive(Debug)]
pub(super) struct Tries<'a>(Vec<Place<'a>>);

/// Where a try was counted.
#[derive(Debug)]
struct Place<'a> {
    backoff: &'a Backoff,
    who: Who,
    key: [u8; 32],
    taken: Try,
}

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Right,
    Wrong,
    /// Nothing was compared.
    Open,
}

impl Verdict {
    fn of<T>(outcome: &Result<T, AccountError>) -> Self {
        match outcome {
            // A ban is told only to who knows the password.
            Ok(_) | Err(AccountError::Banned { .. }) => Self::Right,
            Err(AccountError::InvalidCredentials | AccountError::TotpInvalid) => Self::Wrong,
            // A code that is missing too, though the password was right: it must not make up for
            // wrong codes, or who knows it could try as many as they like.
            Err(_) => Self::Open,
        }
    }
}

impl Limiters {
    /// Lets a password be tried that signs in; `phone` where the text is one.
    ///
    /// # Errors
    /// 429 with the time to wait; 503 while Redis does not answer.
    pub(super) async fn login(
        &self,
        from: ClientAddress,
        phone: Option<PhoneIndex>,
    ) -> Result<Tries<'_>, Failure> {
        self.check(Limit::LoginAddress, from).await?;
        let mut tries = Tries(Vec::new());
        self.begin(&mut tries, &self.addresses, from.into()).await?;
        if let Some(phone) = phone {
            self.begin(&mut tries, std::slice::from_ref(&self.phones), phone.into())
                .await?;
        }
        Ok(tries)
    }

    /// Lets somebody who is signed in try the current password.
    ///
    /// # Errors
    /// As [`Limiters::login`].
    pub(super) async fn password(&self, user: UserId) -> Result<Tries<'_>, Failure> {
        let mut tries = Tries(Vec::new());
        self.begin(
            &mut tries,
            std::slice::from_ref(&self.accounts),
            user.into(),
        )
        .await?;
        Ok(tries)
    }

    /// Counts a try in one more place, an address in each of its networks. Where one refuses, what
    /// was counted before is taken back: nothing is going to be compared.
    async fn begin<'a>(
        &self,
        tries: &mut Tries<'a>,
        backoffs: &'a [Backoff],
        who: Who,
    ) -> Result<(), Failure> {
        for (backoff, key) in backoffs.iter().zip(who.keys(&self.blind)) {
            match backoff.begin(&key).await {
                Ok(Some(taken)) => tries.0.push(Place {
                    backoff,
                    who,
                    key,
                    taken,
                }),
                Ok(None) => {}
                Err(denied) => {
                    counted(backoff.name(), denied);
                    tries.take_back().await;
                    return Err(refusal(ErrorCode::TooManyAttempts, denied));
                }
            }
        }
        Ok(())
    }
}

impl Tries<'_> {
    /// Counts what became of the try. A right password makes up for the wrong ones of its phone or
    /// account; an address would otherwise get as many tries as it likes with one account of its
    /// own.
    pub(super) async fn settle<T>(mut self, api: &Arc<Api>, outcome: &Result<T, AccountError>) {
        match Verdict::of(outcome) {
            Verdict::Wrong => self.log(api).await,
            Verdict::Open => self.take_back().await,
            Verdict::Right => {
                for Place {
                    backoff,
                    who,
                    key,
                    taken,
                } in self.0
                {
                    match who {
                        Who::Phone(_) | Who::Account(_) => backoff.clear(&key).await,
                        Who::Address(_) | Who::Ban(_) | Who::CodesOf(..) => {
                            backoff.take_back(&key, taken).await;
                        }
                    }
                }
            }
        }
    }

    async fn take_back(&mut self) {
        for Place {
            backoff,
            key,
            taken,
            ..
        } in self.0.drain(..)
        {
            backoff.take_back(&key, taken).await;
        }
    }

    /// Records who has used up the free tries, once a day each. Not awaited: the answer takes as
    /// long for a phone that somebody has.
    async fn log(self, api: &Arc<Api>) {
        for Place {
            backoff,
            who,
            key,
            taken,
        } in self.0
        {
            if taken.failures < backoff.free()
                || api
                    .limiters
                    .logged
                    .check(&[backoff.name().as_bytes(), &key].concat())
                    .await
                    .is_err()
            {
                continue;
            }
            let (name, of) = (backoff.name(), Arc::clone(api));
            api.tasks.spawn(async move {
                if let Err(error) = record(&of, name, who, taken.failures).await {
                    tracing::warn!(%error, "wrong passwords were not recorded");
                }
            });
        }
    }
}

async fn record(api: &Api, name: &str, who: Who, failures: u32) -> Result<(), StoreError> {
    let user = match who {
        Who::Account(user) => Some(user),
        Who::Phone(phone) => api
            .store
            .accounts()
            .user_by_phone(&phone)
            .await?
            .map(|user| user.id),
        Who::Address(_) | Who::Ban(_) | Who::CodesOf(..) => None,
    };
    let details = json!({ "limit": name, "failures": failures });
    api.store
        .jobs()
        .log_action(
            &SystemLog {
                action: LOGGED_AS,
                user,
                actor: None,
                details,
            },
            api.clock.now(),
        )
        .await
}
