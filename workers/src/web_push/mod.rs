//! Pushes to browsers by Web Push (RFC 8030), encrypted for the browser (RFC 8291) and signed by
//! this server (VAPID, RFC 8292).
//!
//! The push service of a browser learns which browser is woken when, and nothing of why: bodies
//! are encrypted and of one length, and what collapses does so by a word that differs for each
//! browser. [`WebPush::send`] returns its [`Outcome`], and never fails otherwise.

mod encryption;
mod services;
mod vapid;

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{
    StatusCode,
    header::{self, HeaderMap},
};
use ring::{hmac, rand::SystemRandom};
use tebdil_protocol::{
    PushKeys, Secret,
    time::{Clock, Timestamp},
};

pub use self::{
    encryption::BrowserKeys,
    services::{PushServices, ServicesError},
    vapid::VapidKey,
};
use crate::{
    http_client,
    push_service::{Outcome, Push, QUOTA_WAIT, RetryReason, retry_after, retry_reason},
};

/// A client of push services.
#[derive(Debug)]
pub struct WebPush {
    http: reqwest::Client,
    services: PushServices,
    key: VapidKey,
    /// Whom a push service tells of trouble with this server: `mailto:…` or `https://…`.
    contact: Option<String>,
    clock: Clock,
    rng: SystemRandom,
}

impl WebPush {
    /// A client for `services`. A request that takes longer than `timeout` is given up.
    ///
    /// # Errors
    /// When the system has no trusted root certificates.
    pub fn new(
        services: PushServices,
        key: VapidKey,
        contact: Option<String>,
        timeout: Duration,
        clock: Clock,
    ) -> Result<Self, reqwest::Error> {
        let http = http_client(services.extra_origin().unwrap_or("https://"), timeout)?;
        Ok(Self {
            http,
            services,
            key,
            contact,
            clock,
            rng: SystemRandom::new(),
        })
    }

    /// The push services that browsers may name.
    pub const fn services(&self) -> &PushServices {
        &self.services
    }

    /// The key that browsers subscribe with (`applicationServerKey`), in base64url.
    pub fn public_key(&self) -> String {
        self.key.public()
    }

    /// Sends one push to the browser that `endpoint` names.
    pub async fn send(&self, endpoint: &Secret, keys: &PushKeys, push: &Push<'_>) -> Outcome {
        // Asked again: the settings may allow less than when it was registered.
        let Some(url) = self.services.endpoint(endpoint.expose()) else {
            return Outcome::NotAllowed;
        };
        let Ok(keys) = BrowserKeys::read(keys) else {
            return Outcome::Invalid { token: true };
        };
        let Ok(body) = keys.encrypt(push.data().to_string().as_bytes(), &self.rng) else {
            return Outcome::Invalid { token: true };
        };
        let now = self.clock.now();
        let origin = url.origin().ascii_serialization();
        let vapid = self
            .key
            .authorization(&origin, self.contact.as_deref(), now);
        let request = self
            .http
            .post(url)
            .header(header::AUTHORIZATION, vapid)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(header::CONTENT_ENCODING, "aes128gcm")
            .header("TTL", push.ttl(now))
            .header("Urgency", "high")
            .header("Topic", topic(&keys, push.collapse_key()))
            .body(body);
        match request.send().await {
            // Its body says nothing more, and is not read.
            Ok(answer) => of_status(answer.status(), answer.headers(), now),
            Err(error) => Outcome::Retry {
                after: None,
                why: retry_reason(&error),
            },
        }
    }
}

/// The topic under which a push takes the place of an earlier one: the same for the same browser
/// and kind of push, and meaningless to anybody else. A topic has at most 32 characters.
fn topic(keys: &BrowserKeys, collapse_key: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, keys.auth());
    let tag = hmac::sign(&key, format!("tebdil.topic {collapse_key}").as_bytes());
    URL_SAFE_NO_PAD.encode(&tag.as_ref()[..24])
}

fn of_status(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Outcome {
    let retry = |why| Outcome::Retry {
        after: retry_after(headers, now),
        why,
    };
    match status {
        status if status.is_success() => Outcome::Sent,
        StatusCode::NOT_FOUND | StatusCode::GONE => Outcome::Unregistered,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Outcome::Auth,
        StatusCode::TOO_MANY_REQUESTS => Outcome::Retry {
            after: retry_after(headers, now).or(Some(QUOTA_WAIT)),
            why: RetryReason::RateLimited,
        },
        StatusCode::REQUEST_TIMEOUT => retry(RetryReason::Timeout),
        status if status.is_server_error() => retry(RetryReason::Unavailable),
        status if status.is_client_error() => Outcome::Invalid { token: false },
        // A redirect, say, which is not followed: some proxy is in between.
        _ => retry(RetryReason::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn an_answer_of_a_push_service_is_its_status() {
        let now = Timestamp::from_millis(1_795_262_400_000);
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_static("7"))]);
        let after = Some(Duration::from_secs(7));
        let retry = |why| Outcome::Retry { after, why };
        for (status, outcome) in [
            (200, Outcome::Sent),
            (201, Outcome::Sent),
            (202, Outcome::Sent),
            (204, Outcome::Sent),
            (301, retry(RetryReason::Malformed)),
            (307, retry(RetryReason::Malformed)),
            (400, Outcome::Invalid { token: false }),
            (401, Outcome::Auth),
            (403, Outcome::Auth),
            (404, Outcome::Unregistered),
            (408, retry(RetryReason::Timeout)),
            (410, Outcome::Unregistered),
            (413, Outcome::Invalid { token: false }),
            (429, retry(RetryReason::RateLimited)),
            (500, retry(RetryReason::Unavailable)),
            (503, retry(RetryReason::Unavailable)),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(of_status(status, &headers, now), outcome, "{status}");
        }
        assert_eq!(
            of_status(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), now),
            Outcome::Retry {
                after: Some(QUOTA_WAIT),
                why: RetryReason::RateLimited
            }
        );
    }
}
