//! Every limit by its name, and the section `[limits]` that sets them.

use std::collections::HashMap;

use serde::Deserialize;
use strum::VariantArray as _;
use tebdil_core::{
    realtime::{BackoffRule, Counted, Rate},
    settings::Checks,
};
use tebdil_protocol::ErrorCode;

/// What is limited. The end of the name says by what it is counted: an account, an address, a
/// phone, a ban, or everybody in a day. Settings and metrics use the same name in lower case:
/// `rest_address`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, strum::IntoStaticStr, strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Limit {
    /// Requests, whatever they ask for.
    RestAddress,
    /// Requests with an access token.
    RestAccount,
    /// Requests with an `Idempotency-Key` and without an access token: each writes to the database.
    AnonymousKeyAddress,
    /// Requests with an `Idempotency-Key` and an access token: each answer is kept for a day.
    IdempotencyAccount,
    /// Passwords to sign in with, right and wrong ones.
    LoginAddress,
    /// New accounts.
    RegisterAddress,
    /// Changes of the password.
    PasswordAccount,
    /// Changes of the profile.
    ProfileAccount,
    /// Blocks.
    BlockAccount,
    /// Reports.
    ReportAccount,
    /// Calls about appeals.
    AppealAddress,
    /// Calls about the appeal against a ban.
    AppealBan,
    /// Credentials for relays.
    IceAccount,
    /// Exports of all data of an account.
    ExportAccount,
    /// Searches.
    FindAccount,
    /// Messages.
    MessageAccount,
    /// `typing` frames.
    TypingAccount,
    /// Signals of calls.
    SignalAccount,
    /// Codes that are asked for from an address.
    CodeAddress,
    /// Codes for a number, within minutes.
    CodePhone,
    /// Codes for a number, within a day.
    CodePhoneDay,
    /// Texts to all numbers that begin with the same six digits, by purpose.
    CodePrefix,
    /// Texts for registrations, for everybody together.
    CodeRegisterDay,
    /// Texts for password resets, for everybody together.
    CodeResetDay,
    /// Guesses for a number and purpose since its last code was asked for. If nobody can count they
    /// are let through, since the store counts each code's guesses in any case.
    GuessPhone,
    /// Guesses from an address.
    GuessAddress,
}

impl Limit {
    /// Who counts it.
    pub const fn counted(self) -> Counted {
        match self {
            // What guessers want, and what costs money.
            Self::LoginAddress
            | Self::RegisterAddress
            | Self::PasswordAccount
            | Self::CodeAddress
            | Self::CodePhone
            | Self::CodePhoneDay
            | Self::CodePrefix
            | Self::CodeRegisterDay
            | Self::CodeResetDay
            | Self::GuessPhone => Counted::Strictly,
            Self::MessageAccount | Self::TypingAccount | Self::SignalAccount => Counted::Here,
            _ => Counted::Together,
        }
    }

    /// The error for those over the limit.
    pub const fn code(self) -> ErrorCode {
        if matches!(self.counted(), Counted::Strictly) || matches!(self, Self::GuessAddress) {
            ErrorCode::TooManyAttempts
        } else {
            ErrorCode::RateLimited
        }
    }

    /// Whether it stays on without `limits.enabled`, since codes cost money.
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

/// How often something may be done, and by how many connections at once.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    pub enabled: bool,
    pub connections_per_address: u32,
    pub unfinished_per_address: u32,
    /// Frames of one connection.
    pub frames_per_connection: Rate,
    pub passwords: PasswordRules,
    pub(super) rules: HashMap<Limit, Rate>,
}

/// What wrong passwords lead to.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordRules {
    pub phone: BackoffRule,
    pub address: BackoffRule,
    pub account: BackoffRule,
}

impl LimitSettings {
    /// How often it may be done.
    pub fn rate(&self, limit: Limit) -> Rate {
        self.rules[&limit]
    }

    /// What the values must be.
    pub fn check(&self, check: &mut Checks) {
        check.range(
            "limits.connections_per_address",
            self.connections_per_address,
            1..,
        );
        check.range(
            "limits.unfinished_per_address",
            self.unfinished_per_address,
            1..,
        );
        let frames = self.frames_per_connection;
        frames.check("limits.frames_per_connection", check);
        check.that(
            frames.burst >= frames.per_s,
            "limits.frames_per_connection",
            "must be at least one frame a second",
        );
        let PasswordRules {
            phone,
            address,
            account,
        } = self.passwords;
        phone.check("limits.passwords.phone", check);
        address.check("limits.passwords.address", check);
        account.check("limits.passwords.account", check);
        for limit in Limit::VARIANTS {
            let field = format!("limits.rules.{}", limit.into_str());
            match self.rules.get(limit) {
                Some(rate) => rate.check(field, check),
                None => check.that(false, field, "must be set"),
            }
        }
    }
}

#[cfg(test)]
impl LimitSettings {
    pub(super) fn defaults() -> Self {
        let text = include_str!("../config/default.toml");
        let mut sections: toml::Table = text.parse().expect("TOML");
        let limits = sections.remove("limits").expect("the section");
        limits.try_into().expect("limits")
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn limits_are_found_by_their_place_and_named_by_whom_they_count() {
        for (place, limit) in Limit::VARIANTS.iter().enumerate() {
            assert_eq!(*limit as usize, place);
            let counted_by = ["address", "account", "ban", "phone", "day", "prefix"];
            assert!(
                counted_by.iter().any(|who| limit.into_str().ends_with(who)),
                "{limit:?}"
            );
        }
        assert_eq!(Limit::CodePhoneDay.into_str(), "code_phone_day");
    }

    #[test]
    fn every_limit_is_asked_somewhere() {
        fn read(folder: &Path, text: &mut String) {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    read(&path, text);
                } else {
                    text.push_str(&fs::read_to_string(&path).expect("text"));
                }
            }
        }
        let mut sources = String::new();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        read(&folder, &mut sources);
        for limit in Limit::VARIANTS {
            let name = format!("Limit::{limit:?}");
            let is_asked = sources.match_indices(&name).any(|(at, _)| {
                let after = &sources[at + name.len()..];
                !after.starts_with(char::is_alphanumeric)
            });
            assert!(is_asked, "{name}");
        }
    }
}
