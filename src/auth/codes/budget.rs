//! What texts may cost: so many for all numbers that begin with the same digits, and so many a day
//! for everybody.
//!
//! Only a text that is sent counts, or one of which nobody knows whether it was: what is spent
//! before is given back when none was. So requests that bring no text use up nobody's budget.
//! Registrations and password resets have a budget each, so that a flood of one does not end the
//! other. Both hold on all nodes together or not at all: while Redis does not answer, no text is
//! sent.

use tebdil_core::{
    backoff::Try,
    crypto::BlindIndex,
    realtime::{Backoff, Denied, Realtime},
};
use tebdil_protocol::domain::CodePurpose;

use super::CodePhone;
use crate::config::{Limit, Limits};

/// What was spent on a text that is about to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    purpose: CodePurpose,
    prefix: ([u8; 32], Option<Try>),
    day: Option<Try>,
}

/// The budgets.
#[derive(Debug)]
pub struct Budget {
    blind: BlindIndex,
    prefixes: Backoff,
    registrations: Backoff,
    resets: Backoff,
}

impl Budget {
    /// As the settings say. `limits.enabled` does not turn it off: texts cost money.
    pub fn new(limits: &Limits, realtime: &Realtime, blind: BlindIndex) -> Self {
        let of =
            |limit: Limit| realtime.backoff(limit.as_str(), limits.rules.of(limit).evenly(), true);
        Self {
            blind,
            prefixes: of(Limit::CodePrefix),
            registrations: of(Limit::CodeRegisterDay),
            resets: of(Limit::CodeResetDay),
        }
    }

    /// Spends one text for this phone.
    ///
    /// # Errors
    /// Nothing was spent: the time to wait, or nobody can say.
    pub async fn spend(&self, purpose: CodePurpose, phone: &CodePhone) -> Result<Spent, Denied> {
        let key = self
            .blind
            .limited(&[purpose.as_str().as_bytes(), b"\n", phone.prefix()].concat());
        let prefix = self
            .prefixes
            .begin(&key)
            .await
            .inspect_err(|denied| show(Limit::CodePrefix, *denied))?;
        let spent = Spent {
            purpose,
            prefix: (key, prefix),
            day: None,
        };
        let (day, limit) = self.day(purpose);
        match day.begin(&self.everybody()).await {
            Ok(day) => Ok(Spent { day, ..spent }),
            Err(denied) => {
                show(limit, denied);
                self.refund(spent).await;
                Err(denied)
            }
        }
    }

    /// Gives back what was spent on a text that was not sent. While Redis does not answer it stays
    /// spent.
    pub async fn refund(&self, spent: Spent) {
        let Spent {
            purpose,
            prefix: (key, prefix),
            day,
        } = spent;
        if let Some(taken) = prefix {
            self.prefixes.take_back(&key, taken).await;
        }
        if let Some(taken) = day {
            self.day(purpose)
                .0
                .take_back(&self.everybody(), taken)
                .await;
        }
    }

    /// Forgets prefixes that are as good as new.
    pub fn forget_idle(&self) {
        [&self.prefixes, &self.registrations, &self.resets]
            .into_iter()
            .for_each(Backoff::forget_idle);
    }

    const fn day(&self, purpose: CodePurpose) -> (&Backoff, Limit) {
        match purpose {
            CodePurpose::Registration => (&self.registrations, Limit::CodeRegisterDay),
            CodePurpose::PasswordReset => (&self.resets, Limit::CodeResetDay),
        }
    }

    fn everybody(&self) -> [u8; 32] {
        self.blind.limited(b"everybody")
    }
}

fn show(limit: Limit, denied: Denied) {
    if let Denied::Wait(_) = denied {
        metrics::counter!("tebdil_limited_total", "limit" => limit.as_str()).increment(1);
    }
}

#[cfg(test)]
mod tests {
    use tebdil_core::{crypto::Key, realtime::RealtimeSettings};

    use super::*;
    use crate::config::Config;

    async fn budget(settings: &[(&str, &str)]) -> (Budget, BlindIndex) {
        let environment = settings
            .iter()
            .map(|(name, value)| (format!("TEBDIL_LIMITS__RULES__{name}"), (*value).to_owned()));
        let config = Config::load(None, environment).expect("settings");
        let alone = RealtimeSettings {
            redis_url: "".into(),
            prefix: String::new(),
        };
        let (realtime, _events) = Realtime::connect(&alone, &mut rand::rng())
            .await
            .expect("it needs nobody");
        let blind = BlindIndex::new(Key::from([1; 32]));
        (Budget::new(&config.limits, &realtime, blind.clone()), blind)
    }

    #[tokio::test]
    async fn what_is_given_back_can_be_spent_again_and_purposes_are_apart() {
        let (budget, blind) = budget(&[
            ("CODE_PREFIX__BURST", "3"),
            ("CODE_REGISTER_DAY__BURST", "4"),
        ])
        .await;
        let phone = |e164: &str| CodePhone {
            e164: e164.into(),
            index: blind.phone(e164),
        };
        let (here, there) = (phone("+905301234567"), phone("+905421234567"));
        let take = async |purpose, phone| budget.spend(purpose, phone).await;
        for _ in 0..10 {
            let spent = take(CodePurpose::Registration, &here)
                .await
                .expect("it was given back");
            budget.refund(spent).await;
        }
        for _ in 0..3 {
            take(CodePurpose::Registration, &here)
                .await
                .expect("three for a prefix");
        }
        assert!(matches!(
            take(CodePurpose::Registration, &here).await,
            Err(Denied::Wait(_))
        ));
        take(CodePurpose::PasswordReset, &here)
            .await
            .expect("resets have their own");
        take(CodePurpose::Registration, &there)
            .await
            .expect("another prefix, the fourth of the day");
        for _ in 0..5 {
            assert!(
                matches!(
                    take(CodePurpose::Registration, &there).await,
                    Err(Denied::Wait(_))
                ),
                "the day is over"
            );
        }
        // What the day refused was not taken from the prefix.
        for _ in 0..2 {
            let left = budget
                .prefixes
                .begin(&blind.limited(b"registration\n905421"))
                .await;
            left.expect("two of three are left");
        }
    }
}
