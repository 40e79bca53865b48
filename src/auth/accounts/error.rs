//! Why the account service says no.

use std::time::Duration;

use tebdil_core::{
    crypto::CryptoError,
    store::{BanRow, StoreError},
};
use tebdil_protocol::{
    BanNotice, Secret,
    id::{SessionId, UserId},
};

use crate::{
    auth::{codes::QueueFull, passwords::PasswordError},
    limits::{Limited, TryOutcome},
};

/// A field that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct FieldError {
    pub field: &'static str,
    /// What it must be; never the value.
    pub detail: String,
}

impl FieldError {
    pub(super) fn new(field: &'static str, detail: impl Into<String>) -> Self {
        Self {
            field,
            detail: detail.into(),
        }
    }
}

/// Why the account service says no.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("the phone number is not valid")]
    InvalidPhone,
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error("the alias is not allowed")]
    AliasInvalid,
    #[error("every tag of the alias is taken")]
    AliasFull,
    #[error("too young")]
    Underage,
    #[error("the terms were not accepted")]
    TermsNotAccepted,
    #[error("the phone number has an account")]
    PhoneTaken,
    #[error("phone or password is wrong")]
    InvalidCredentials,
    #[error("the account is banned")]
    Banned {
        /// Only for those who know the password or have proven the phone: anybody can type a
        /// number.
        notice: Option<BanNotice>,
        /// Only for those who know the password.
        appeal_token: Option<Secret>,
    },
    /// Wrong, expired, used, or none was sent.
    #[error("the code is not good")]
    CodeInvalid,
    /// Others guessed so often that the code is no longer compared.
    #[error("too many codes were tried")]
    TooManyGuesses {
        /// Until then.
        wait: Duration,
    },
    /// No text may be sent for now.
    #[error("no more texts are sent for now")]
    OverBudget(Limited),
    /// No code may be sent to this phone.
    #[error("no codes are sent to this phone number")]
    PhoneNotServed,
    /// This server sends no codes.
    #[error("no codes are sent here")]
    NoCodes,
    #[error(transparent)]
    CodesBusy(#[from] QueueFull),
    /// The password was right; a code of the second factor is missing.
    #[error("a code of the second factor is needed")]
    TotpRequired,
    #[error("the code of the second factor is wrong")]
    TotpInvalid,
    #[error("there is a second factor already")]
    TotpEnrolled,
    #[error("there is no second factor")]
    NoTotp,
    #[error("this is for staff")]
    NotStaff,
    #[error("the refresh token is not valid")]
    RefreshInvalid,
    /// The session is revoked now; its sockets must be closed.
    #[error("the refresh token was used before")]
    RefreshReused {
        user_id: UserId,
        session_id: SessionId,
    },
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The account was erased while the request ran.
    #[error("the account is gone")]
    Gone,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// What the outcome of a call says about the password that was tried.
impl<T> From<&Result<T, AccountError>> for TryOutcome {
    fn from(outcome: &Result<T, AccountError>) -> Self {
        match outcome {
            // Only somebody who knows the password is told of a ban.
            Ok(_) | Err(AccountError::Banned { .. }) => Self::Right,
            Err(AccountError::InvalidCredentials | AccountError::TotpInvalid) => Self::Wrong,
            // A missing code too, though the password was right: it must not make up for wrong
            // codes, or somebody with the password could try as many as they like.
            Err(_) => Self::Open,
        }
    }
}

pub(in crate::auth) fn unknown_invite() -> AccountError {
    FieldError::new("invite", "must be the invite code of a user").into()
}

/// What somebody without a session is told about a banned phone; `told` if a code has proven that
/// it is their own. Nobody who tries numbers should learn a kind of abuse for each.
pub(in crate::auth) fn banned(told: Option<BanRow>) -> AccountError {
    let notice = told.map(|ban| BanNotice {
        reason: ban.reason,
        until: ban.until,
        appealable: false,
    });
    AccountError::Banned {
        notice,
        appeal_token: None,
    }
}
