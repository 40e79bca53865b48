//! Asks the billing provider whether a subscription goes on.

use std::{fmt, time::Duration};

use reqwest::{Client, StatusCode};
use serde::Deserialize;
use tebdil_protocol::{Secret, time::Timestamp};

use crate::http_client;

/// Largest answer that is read, bytes.
const MAX_ANSWER: usize = 16 * 1024;

/// No client for HTTP could be made.
#[derive(Debug, thiserror::Error)]
#[error("billing.verifier_url: {0}")]
pub struct VerifierError(#[from] reqwest::Error);

/// The state of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is paid until this time, which is in the future.
    Until(Timestamp),
    Ended,
}

/// Why the state of a subscription is not known. Names neither it nor the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    #[error("the verifier cannot be reached")]
    Unreachable,
    #[error("the verifier answered {0}")]
    Status(StatusCode),
    #[error("the verifier's answer says nothing")]
    Malformed,
}

/// Asks about a subscription over HTTP: `GET` of its URL gives 200 and `{"active": true, "until":
/// TIME}` or `{"active": false}`. Anything else is trouble, and does not end it.
#[derive(Clone)]
pub struct Verifier {
    client: Client,
    /// With `{id}` where the id goes.
    url: String,
    token: Secret,
}

#[derive(Deserialize)]
struct Answer {
    active: bool,
    until: Option<Timestamp>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may contain a key.
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

impl Verifier {
    /// At `url`, in which `{id}` stands for the id of the subscription; `token` is sent unless it
    /// is empty. A question takes at most `timeout`.
    ///
    /// # Errors
    /// When the system's certificates cannot be read.
    pub fn new(url: &str, token: Secret, timeout: Duration) -> Result<Self, VerifierError> {
        Ok(Self {
            client: http_client(url, timeout)?,
            url: url.to_owned(),
            token,
        })
    }

    /// The state at `now` of the subscription with the provider's id `external_id`.
    ///
    /// # Errors
    /// [`Trouble`]
    pub async fn ask(&self, external_id: &str, now: Timestamp) -> Result<Standing, Trouble> {
        let mut request = self
            .client
            .get(self.url.replace("{id}", &escaped(external_id)));
        if !self.token.expose().is_empty() {
            request = request.bearer_auth(self.token.expose());
        }
        let mut response = request.send().await.map_err(|_| Trouble::Unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(Trouble::Status(response.status()));
        }
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|_| Trouble::Unreachable)? {
            body.extend_from_slice(&part);
            if body.len() > MAX_ANSWER {
                return Err(Trouble::Malformed);
            }
        }
        match serde_json::from_slice(&body) {
            Ok(Answer {
                active: true,
                until: Some(until),
            }) if until > now => Ok(Standing::Until(until)),
            Ok(Answer { active: false, .. }) => Ok(Standing::Ended),
            _ => Err(Trouble::Malformed),
        }
    }
}

/// An id as one segment of a path or one value of a query.
fn escaped(id: &str) -> String {
    use std::fmt::Write as _;
    id.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_in_its_place() {
        assert_eq!(escaped("sub_1.a-b~"), "sub_1.a-b~");
        assert_eq!(escaped("../x?y=ğ"), "..%2Fx%3Fy%3D%C4%9F");
    }
}
