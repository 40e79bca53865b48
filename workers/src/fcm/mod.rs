//! Pushes by Firebase Cloud Messaging, HTTP v1.
//!
//! A push wakes an app and names what to fetch: it never contains a text, an alias or a phone.
//! [`Fcm::send`] returns its [`Outcome`], and never fails otherwise; the device's token is in no
//! log and no error. All pushes share one access token, which is fetched once for all.

mod access;
mod answer;
mod credentials;
mod message;

use std::{fmt, time::Duration};

use reqwest::{Response, StatusCode};
use tebdil_protocol::{
    Secret,
    time::{Clock, Timestamp},
};

use self::access::{Access, AccessError};
pub use self::credentials::{Credentials, CredentialsError};
use crate::{
    http_client,
    push_service::{Outcome, Push, RetryReason, retry_after, retry_reason},
};

/// Largest answer that is read, bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// A client of FCM.
pub struct Fcm {
    http: reqwest::Client,
    /// Where messages are posted.
    url: String,
    access: Access,
    clock: Clock,
}

impl fmt::Debug for Fcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fcm")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Fcm {
    /// A client for the project of `credentials` at `base` (`https://fcm.googleapis.com`). A
    /// request that takes longer than `timeout` is given up.
    ///
    /// # Errors
    /// When the system has no trusted root certificates.
    pub fn new(
        base: &str,
        credentials: Credentials,
        timeout: Duration,
        clock: Clock,
    ) -> Result<Self, reqwest::Error> {
        let http = http_client(base, timeout)?;
        let of_tokens = http_client(credentials.token_uri(), timeout)?;
        let url = format!(
            "{}/v1/projects/{}/messages:send",
            base.trim_end_matches('/'),
            credentials.project_id()
        );
        Ok(Self {
            access: Access::new(of_tokens, credentials, clock.clone()),
            http,
            url,
            clock,
        })
    }

    /// Sends one push to the device that `token` names.
    pub async fn send(&self, token: &Secret, push: &Push<'_>) -> Outcome {
        let body = message::body(token, push, self.clock.now());
        let mut refused = None;
        loop {
            let access = match self.access.token(refused).await {
                Ok(access) => access,
                Err(AccessError::Refused) => return Outcome::Auth,
                Err(AccessError::Unavailable { after, why }) => {
                    return Outcome::Retry { after, why };
                }
            };
            let sent = self
                .http
                .post(&self.url)
                .bearer_auth(access.secret.expose())
                .json(&body)
                .send()
                .await;
            let answer = match sent {
                Ok(response) => FcmResponse::read(response, self.clock.now()).await,
                Err(error) => Err(retry_reason(&error)),
            };
            let answer = match answer {
                Ok(answer) => answer,
                Err(why) => return Outcome::Retry { after: None, why },
            };
            match answer::of_message(answer.status, answer.retry_after, &answer.body) {
                // It may have been revoked. If a new one does not work, nothing will.
                Some(outcome) => return outcome,
                None if refused.is_some() => return Outcome::Auth,
                None => refused = Some(access.generation),
            }
        }
    }
}

/// What a server said.
struct FcmResponse {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

impl FcmResponse {
    async fn read(mut response: Response, now: Timestamp) -> Result<Self, RetryReason> {
        let status = response.status();
        let retry_after = retry_after(response.headers(), now);
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| retry_reason(&error))?
        {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(RetryReason::Malformed);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Self {
            status,
            retry_after,
            body,
        })
    }
}
