//! First answers of requests that carried an `Idempotency-Key`.
//!
//! A request begins by claiming its key and ends with [`Jobs::finish_idempotent`] or
//! [`Jobs::abandon_idempotent`]; both name the time of the claim, so that a request whose claim
//! was taken over meanwhile leaves the newer one alone.

use std::time::Duration;

use sqlx_macros::FromRow;

use super::Jobs;
use crate::{crypto::Sealed, store::StoreError};
use tebdil_protocol::time::Timestamp;

/// How long a first answer is repeated.
pub const IDEMPOTENCY_WINDOW: Duration = Duration::from_hours(24);
/// After this a request without an answer is taken for lost, and a repeat runs.
pub const IDEMPOTENCY_PENDING: Duration = Duration::from_mins(1);

/// What to do with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Idempotent {
    /// Run it, then finish or abandon.
    Fresh,
    /// Answer this again.
    Replay(FirstAnswer),
    /// The first one still runs.
    InProgress,
    /// The key belongs to another request.
    Mismatch,
}

/// The answer of the first request, encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstAnswer {
    /// HTTP status.
    pub status: u16,
    pub body: Sealed,
}

#[derive(FromRow)]
struct Row {
    request_hash: Vec<u8>,
    status: Option<i64>,
    response: Option<Vec<u8>>,
    response_key_id: Option<String>,
}

impl Jobs<'_> {
    /// Claims `key` within `scope` (who asks) for the request with this hash. Of several at once
    /// exactly one is [`Idempotent::Fresh`].
    pub async fn begin_idempotent(
        self,
        scope: &str,
        key: &str,
        request_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Idempotent, StoreError> {
        // A claim replaces one that is too old to be repeated, or got no answer in time.
        const CLAIM: &str = "INSERT INTO idempotency_keys (scope, key, request_hash, created_at) \
             VALUES ($1, $2, $3, $4) \
             ON CONFLICT (scope, key) DO UPDATE SET request_hash = $3, status = NULL, \
             response = NULL, response_key_id = NULL, created_at = $4 \
             WHERE idempotency_keys.created_at <= $5 \
             OR (idempotency_keys.status IS NULL AND idempotency_keys.request_hash = $3 \
             AND idempotency_keys.created_at <= $6) \
             RETURNING key";
        const FIRST: &str = "SELECT request_hash, status, response, response_key_id \
             FROM idempotency_keys WHERE scope = $1 AND key = $2";
        let mut tx = self.begin().await?;
        let (old, lost) = (now - IDEMPOTENCY_WINDOW, now - IDEMPOTENCY_PENDING);
        let claim = (scope, key, &request_hash[..], now, old, lost);
        let claimed: Option<String> = tx.optional_value(CLAIM, claim).await?;
        let answer = if claimed.is_some() {
            Idempotent::Fresh
        } else {
            match tx.optional::<Row>(FIRST, (scope, key)).await? {
                Some(row) if row.request_hash != request_hash => Idempotent::Mismatch,
                Some(Row {
                    status: Some(status),
                    response: Some(ciphertext),
                    response_key_id: Some(key_id),
                    ..
                }) => {
                    let status = u16::try_from(status).map_err(|_| StoreError::Corrupt {
                        what: "idempotency_keys.status",
                    })?;
                    Idempotent::Replay(FirstAnswer {
                        status,
                        body: Sealed { ciphertext, key_id },
                    })
                }
                // None: it was given up between the two statements; the repeat will find it free.
                _ => Idempotent::InProgress,
            }
        };
        tx.commit().await?;
        Ok(answer)
    }

    /// Keeps the answer of the request that claimed the key at `begun`. `false` when the claim is
    /// no longer its own.
    pub async fn finish_idempotent(
        self,
        scope: &str,
        key: &str,
        begun: Timestamp,
        answer: &FirstAnswer,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE idempotency_keys \
             SET status = $1, response = $2, response_key_id = $3 \
             WHERE scope = $4 AND key = $5 AND created_at = $6 AND status IS NULL";
        let mut tx = self.begin().await?;
        let status = i64::from(answer.status);
        let Sealed { ciphertext, key_id } = &answer.body;
        let params = (status, ciphertext, key_id, scope, key, begun);
        let done = tx.execute(SQL, params).await?;
        tx.commit().await?;
        Ok(done > 0)
    }

    /// Frees the key that was claimed at `begun`, after a failure that a repeat may not meet again.
    pub async fn abandon_idempotent(
        self,
        scope: &str,
        key: &str,
        begun: Timestamp,
    ) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM idempotency_keys \
             WHERE scope = $1 AND key = $2 AND created_at = $3 AND status IS NULL";
        let mut tx = self.begin().await?;
        tx.execute(SQL, (scope, key, begun)).await?;
        tx.commit().await?;
        Ok(())
    }
}
