//! The access token: fetched once for all, and kept until shortly before it expires.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use reqwest::{StatusCode, header};
use serde::Deserialize;
use tebdil_protocol::{
    Secret,
    time::{Clock, Timestamp},
};
use tokio::sync::Mutex;

use super::{Credentials, FcmResponse, RetryReason, retry_reason};

/// A token is not used in its last minutes, or in the second half of a short life.
const MARGIN: Duration = Duration::from_mins(5);
/// The longest life a token is assumed to have.
const LONGEST: Duration = Duration::from_hours(1);
/// If a token this young is refused, a newer one would be, too.
const YOUNG: Duration = Duration::from_secs(10);

/// Why there is no access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AccessError {
    /// The credentials are bad, or a new token was refused.
    Refused,
    /// It may work later.
    Unavailable {
        after: Option<Duration>,
        why: RetryReason,
    },
}

/// A token to send with.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub secret: Secret,
    /// Names it, for [`Access::token`].
    pub generation: u64,
    fetched_at: Timestamp,
    good_until: Timestamp,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// The error of the last try, if it failed.
    failure: Option<AccessError>,
}

pub(super) struct Access {
    http: reqwest::Client,
    credentials: Credentials,
    clock: Clock,
    /// Held while a token is fetched: others wait for it.
    state: Mutex<State>,
    /// Finished tries.
    tries: AtomicU64,
}

#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    /// Seconds.
    expires_in: u64,
}

impl Access {
    pub fn new(http: reqwest::Client, credentials: Credentials, clock: Clock) -> Self {
        Self {
            http,
            credentials,
            clock,
            state: Mutex::default(),
            tries: AtomicU64::new(0),
        }
    }

    /// A token that should be good; `refused` is the generation of one that was not.
    ///
    /// However many ask at once, one request is made; if it fails, it fails for all who waited for
    /// it.
    pub async fn token(&self, refused: Option<u64>) -> Result<Token, AccessError> {
        let before = self.tries.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        if let Some(token) = &state.token
            && now < token.good_until
        {
            if refused != Some(token.generation) {
                return Ok(token.clone());
            }
            // Not if the clock was set back since.
            if (token.fetched_at..token.fetched_at + YOUNG).contains(&now) {
                return Err(AccessError::Refused);
            }
        }
        let tries = self.tries.load(Ordering::Acquire);
        if let Some(failure) = state.failure
            && tries != before
        {
            return Err(failure);
        }
        // Counted when it ends: whoever came before that has waited for this try. If it is dropped
        // half-way it does not count, and the next one tries.
        let fetched = self.fetch(tries + 1, now).await;
        self.tries.fetch_add(1, Ordering::Release);
        let outcome = match fetched {
            Ok(_) => "fetched",
            Err(AccessError::Refused) => "refused",
            Err(AccessError::Unavailable { why, .. }) => why.as_str(),
        };
        metrics::counter!("tebdil_push_access_tokens_total", "outcome" => outcome).increment(1);
        state.failure = fetched.as_ref().err().copied();
        if let Ok(token) = &fetched {
            state.token = Some(token.clone());
        }
        fetched
    }

    async fn fetch(&self, generation: u64, now: Timestamp) -> Result<Token, AccessError> {
        let unavailable = |why| AccessError::Unavailable { after: None, why };
        // Nothing in the assertion needs escaping.
        let body = format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={}",
            self.credentials.assertion(now)
        );
        let request = self.http.post(self.credentials.token_uri()).body(body);
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = request
            .send()
            .await
            .map_err(|error| unavailable(retry_reason(&error)))?;
        let answer = FcmResponse::read(response, now)
            .await
            .map_err(unavailable)?;
        match answer.status {
            StatusCode::OK => {
                let granted: Granted = serde_json::from_slice(&answer.body)
                    .map_err(|_| unavailable(RetryReason::Malformed))?;
                let life = Duration::from_secs(granted.expires_in).min(LONGEST);
                Ok(Token {
                    secret: granted.access_token,
                    generation,
                    fetched_at: now,
                    good_until: now + life.saturating_sub(MARGIN).max(life / 2),
                })
            }
            StatusCode::TOO_MANY_REQUESTS => Err(AccessError::Unavailable {
                after: answer.retry_after,
                why: RetryReason::RateLimited,
            }),
            status if status.is_server_error() => Err(AccessError::Unavailable {
                after: answer.retry_after,
                why: RetryReason::Unavailable,
            }),
            _ => Err(AccessError::Refused),
        }
    }
}
