//! The table of limits.

use std::time::Duration;

use serde::Deserialize;
use tebdil_core::{backoff::BackoffRule, settings::Checks};
use tebdil_protocol::ErrorCode;

/// Who counts a limit, and what happens while Redis does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// By all nodes together; without Redis by each node for itself.
    Together,
    /// By all nodes together or not at all: without Redis nothing is let through.
    Strictly,
    /// By each node for itself: what is limited is far cheaper than to ask others.
    Here,
}

macro_rules! limits {
    ($($(#[doc = $doc:literal])* $name:ident = $field:ident, $counted:ident, $code:ident;)*) => {
        /// What may be done how often. The end of the name says by what it is counted: an account,
        /// an address, a phone, a ban.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Limit { $($(#[doc = $doc])* $name),* }

        impl Limit {
            /// Every limit, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name in the settings and in metrics.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($field)),* }
            }

            /// Its full name in the settings.
            pub const fn setting(self) -> &'static str {
                match self { $(Self::$name => concat!("limits.rules.", stringify!($field))),* }
            }

            /// Who counts it.
            pub const fn counted(self) -> Counted {
                match self { $(Self::$name => Counted::$counted),* }
            }

            /// What who is over it is told.
            pub const fn code(self) -> ErrorCode {
                match self { $(Self::$name => ErrorCode::$code),* }
            }
        }

        /// A rule for each limit.
        #[derive(Debug, Clone, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Rules { $($field: Rule),* }

        impl Rules {
            /// The rule of a limit.
            pub const fn of(&self, limit: Limit) -> Rule {
                match limit { $(Limit::$name => self.$field),* }
            }
        }
    };
}

limits! {
    /// Requests, whatever they ask for.
    RestAddress = rest_address, Together, RateLimited;
    /// Requests with an access token.
    RestAccount = rest_account, Together, RateLimited;
    /// Requests with an `Idempotency-Key` and without an access token: each writes to the database.
    AnonymousKeyAddress = anonymous_key_address, Together, RateLimited;
    /// Requests with an `Idempotency-Key` and an access token: each answer is kept for a day.
    IdempotencyAccount = idempotency_account, Together, RateLimited;
    /// Passwords to sign in with, right and wrong ones.
    LoginAddress = login_address, Strictly, TooManyAttempts;
    /// New accounts.
    RegisterAddress = register_address, Strictly, TooManyAttempts;
    /// Changes of the password.
    PasswordAccount = password_account, Strictly, TooManyAttempts;
    /// Changes of the profile.
    ProfileAccount = profile_account, Together, RateLimited;
    /// Blocks.
    BlockAccount = block_account, Together, RateLimited;
    /// Reports.
    ReportAccount = report_account, Together, RateLimited;
    /// Calls about appeals.
    AppealAddress = appeal_address, Together, RateLimited;
    /// Calls about the appeal against a ban.
    AppealBan = appeal_ban, Together, RateLimited;
    /// Credentials for relays.
    IceAccount = ice_account, Together, RateLimited;
    /// Exports of all data of an account.
    ExportAccount = export_account, Together, RateLimited;
    /// Searches.
    FindAccount = find_account, Together, RateLimited;
    /// Messages.
    MessageAccount = message_account, Here, RateLimited;
    /// Words that somebody writes.
    TypingAccount = typing_account, Here, RateLimited;
    /// Signals of calls.
    SignalAccount = signal_account, Here, RateLimited;
    /// Codes that are asked for from an address.
    CodeAddress = code_address, Strictly, TooManyAttempts;
    /// Codes for a number, within minutes.
    CodePhone = code_phone, Strictly, TooManyAttempts;
    /// Codes for a number, within a day.
    CodePhoneDay = code_phone_day, Strictly, TooManyAttempts;
    /// Texts to all numbers that begin with the same six digits, by purpose.
    CodePrefix = code_prefix, Strictly, TooManyAttempts;
    /// Texts for registrations, of everybody.
    CodeRegisterDay = code_register_day, Strictly, TooManyAttempts;
    /// Texts for password resets, of everybody.
    CodeResetDay = code_reset_day, Strictly, TooManyAttempts;
    /// Guesses for a number and purpose since its last code was asked for. Not strictly: the store
    /// counts each code's guesses in any case.
    GuessPhone = guess_phone, Together, TooManyAttempts;
    /// Guesses from an address.
    GuessAddress = guess_address, Together, TooManyAttempts;
}

impl Limit {
    /// Whether `limits.enabled` does not turn it off: codes cost money.
    pub const fn is_always_on(self) -> bool {
        matches!(
            self,
            Self::CodeAddress
                | Self::CodePhone
                | Self::CodePhoneDay
                | Self::CodePrefix
                | Self::CodeRegisterDay
                | Self::CodeResetDay
                | Self::GuessPhone
                | Self::GuessAddress
        )
    }
}

/// `burst` at once, and again one by one so that `burst` fit into `per_s` seconds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub burst: u32,
    pub per_s: u32,
}

impl Rule {
    /// The period.
    pub const fn period(self) -> Duration {
        Duration::from_secs(self.per_s as u64)
    }

    /// The same rule for what may be taken back or forgotten: `burst` at once, and again one by
    /// one.
    pub fn evenly(self) -> BackoffRule {
        let step = (self.period() / self.burst.max(1)).max(Duration::from_micros(1));
        BackoffRule {
            free: self.burst,
            first: step,
            most: step,
            forget: step,
        }
    }
}

/// How often something may be done.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub enabled: bool,
    pub rules: Rules,
}

impl Limits {
    pub(super) fn check(&self, check: &mut Checks) {
        for limit in Limit::ALL {
            let Rule { burst, per_s } = self.rules.of(*limit);
            check.that(
                (1..=1_000_000).contains(&burst) && (1..=31 * 86_400).contains(&per_s),
                limit.setting(),
                "burst must be 1 to 1000000 and per_s 1 to 2678400; limits.enabled turns limits off",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn load(environment: &[(&str, &str)]) -> Result<Config, String> {
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(None, environment).map_err(|error| error.to_string())
    }

    #[test]
    fn limits_are_found_by_their_place() {
        for (place, limit) in Limit::ALL.iter().enumerate() {
            assert_eq!(*limit as usize, place);
            assert!(
                [
                    "address",
                    "account",
                    "ban",
                    "phone",
                    "phone_day",
                    "prefix",
                    "day"
                ]
                .iter()
                .any(|who| limit.as_str().ends_with(who)),
                "{limit:?}"
            );
        }
    }

    #[test]
    fn one_value_of_a_rule_can_be_set_and_unknown_rules_are_errors() {
        let config = load(&[
            ("TEBDIL_LIMITS__RULES__REPORT_ACCOUNT__BURST", "3"),
            ("TEBDIL_LOGIN__PHONE__FREE", "2"),
        ])
        .expect("good");
        let rule = config.limits.rules.of(Limit::ReportAccount);
        assert_eq!((rule.burst, rule.per_s), (3, 3_600));
        assert_eq!(
            (config.login.phone.free, config.login.phone.most),
            (2, Duration::from_mins(15))
        );
        for (name, value, field) in [
            (
                "TEBDIL_LIMITS__RULES__NOSUCH_ACCOUNT__BURST",
                "3",
                "nosuch_account",
            ),
            ("TEBDIL_LIMITS__LOGIN_PER_PHONE", "3", "login_per_phone"),
            (
                "TEBDIL_LIMITS__RULES__FIND_ACCOUNT__BURST",
                "0",
                "limits.rules.find_account",
            ),
            (
                "TEBDIL_LIMITS__RULES__CODE_RESET_DAY__BURST",
                "0",
                "limits.rules.code_reset_day",
            ),
            (
                "TEBDIL_LIMITS__RULES__FIND_ACCOUNT__PER_S",
                "0",
                "limits.rules.find_account",
            ),
            ("TEBDIL_LOGIN__ADDRESS__FREE", "0", "login.address"),
            ("TEBDIL_LOGIN__PHONE__FIRST_S", "901", "login.phone"),
            ("TEBDIL_LOGIN__ACCOUNT__FORGET_S", "0", "login.account"),
        ] {
            let error = load(&[(name, value)]).expect_err(name);
            assert!(error.contains(field), "{error}");
        }
    }
}
