//! Where a connection gets its access token.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tebdil_protocol::{Secret, Tokens, time::Timestamp};

use crate::rest::{Account, ApiError};

/// An access token and its end.
#[derive(Debug, Clone)]
pub struct AccessToken {
    pub token: Secret,
    pub expires_at: Timestamp,
}

/// Why there is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the session is over")]
    SignedOut,
    #[error("no token can be had just now")]
    Unavailable,
}

/// Gives access tokens of one session.
pub trait TokenSource: Send + Sync + 'static {
    /// A token that lives for at least `margin`.
    fn token(&self, margin: Duration) -> BoxFuture<'_, Result<AccessToken, TokenError>>;

    /// Another token than `refused`, which the server did not take.
    fn renew<'a>(&'a self, refused: &'a Secret) -> BoxFuture<'a, Result<AccessToken, TokenError>>;
}

impl TokenSource for Account {
    fn token(&self, margin: Duration) -> BoxFuture<'_, Result<AccessToken, TokenError>> {
        Box::pin(async move {
            self.fresh_tokens(margin)
                .await
                .map(Into::into)
                .map_err(Into::into)
        })
    }

    fn renew<'a>(&'a self, refused: &'a Secret) -> BoxFuture<'a, Result<AccessToken, TokenError>> {
        Box::pin(async move {
            Account::renew(self, refused)
                .await
                .map(Into::into)
                .map_err(Into::into)
        })
    }
}

impl From<Tokens> for AccessToken {
    fn from(tokens: Tokens) -> Self {
        Self {
            token: tokens.access_token,
            expires_at: tokens.access_expires_at,
        }
    }
}

impl From<ApiError> for TokenError {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::SignedOut => Self::SignedOut,
            _ => Self::Unavailable,
        }
    }
}

/// A token that is never renewed, for tests and short-lived tools.
#[derive(Debug, Clone)]
pub struct FixedToken(pub Secret);

impl TokenSource for FixedToken {
    fn token(&self, _margin: Duration) -> BoxFuture<'_, Result<AccessToken, TokenError>> {
        let token = AccessToken {
            token: self.0.clone(),
            expires_at: Timestamp::from_millis(i64::MAX),
        };
        Box::pin(std::future::ready(Ok(token)))
    }

    fn renew<'a>(&'a self, _refused: &'a Secret) -> BoxFuture<'a, Result<AccessToken, TokenError>> {
        Box::pin(std::future::ready(Err(TokenError::SignedOut)))
    }
}
