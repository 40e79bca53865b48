//! The REST API: [`Api`] for calls without an account, [`Account`] for those of a signed-in
//! session.

mod account;
mod api;
mod privacy;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tebdil_protocol::{ErrorCode, Problem};

pub use account::{Account, MatchFilter, new_refresh_seed};
pub use api::Api;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The server refused; the code says why.
    #[error("{} ({})", .0.title, .0.code.as_str())]
    Problem(Box<Problem>),
    /// Not reachable, cut off, or too slow. Whether the call had an effect is unknown.
    #[error("the server cannot be reached: {0}")]
    Transport(#[source] reqwest::Error),
    /// An answer that is not of the contract, with its HTTP status.
    #[error("the server answered with something unexpected (HTTP status {0})")]
    Unexpected(u16),
    /// Registration goes on with a code sent to the phone.
    #[error("the phone number has to be verified first")]
    VerificationRequired,
    #[error("the session is over; sign in again")]
    SignedOut,
    #[error("the server's address is not valid")]
    Address,
}

impl ApiError {
    /// The code of the contract, where the server gave one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            _ => None,
        }
    }

    /// How long the server asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Problem(problem) => problem.retry_after_ms.map(Duration::from_millis),
            _ => None,
        }
    }

    /// Whether the same call may succeed later without a change.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transport(_) => true,
            Self::Problem(problem) => problem.status == 429 || problem.status >= 500,
            Self::Unexpected(status) => *status >= 500,
            _ => false,
        }
    }
}
