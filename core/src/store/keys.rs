//! Key packages of a session; opaque here. A match takes one, in `pairing.rs`.

use std::time::Duration;

use sqlx::QueryBuilder;

use super::{Store, StoreError, sessions::LOCK_USER};
use crate::{
    backend::{read, write_tx},
    id::{KeyPackageId, SessionId, UserId},
    time::Timestamp,
};

/// Most one-time packages of a session.
pub const MAX_KEY_PACKAGES: i64 = 100;

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutKeys {
    /// One-time packages the session has now.
    Stored { remaining: i64 },
    /// The session would have more than [`MAX_KEY_PACKAGES`]; nothing was stored.
    TooMany { remaining: i64 },
    /// The session is not a live one of the user.
    NoSession,
}

/// How long a key package is handed out. Clients refuse one whose lifetime of 28 days is over, and a match made with it would be lost.
pub const KEY_PACKAGE_PERIOD: Duration = Duration::from_hours(27 * 24);

const COUNT: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM key_packages WHERE session_id = $1 AND last_resort = FALSE AND created_at > $2";

impl Store {
    /// Adds one-time packages to a session; a `last_resort` package replaces the one before.
    pub async fn put_key_packages(
        &self,
        user: UserId,
        session: SessionId,
        packages: &[Vec<u8>],
        last_resort: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<PutKeys, StoreError> {
        const ALIVE: &str = "SELECT id FROM sessions WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND refresh_expires_at > $3";
        const DROP_STALE: &str = "DELETE FROM key_packages WHERE session_id = $1 AND created_at <= $2";
        const DROP_LAST_RESORT: &str = "DELETE FROM key_packages WHERE session_id = $1 AND last_resort = TRUE";
        Ok(write_tx!(self, |tx| {
            // Revocation takes the same lock: no package outlives its session.
            sqlx::query(self.locking(LOCK_USER)).bind(user).execute(&mut *tx).await?;
            let alive: Option<SessionId> = sqlx::query_scalar(ALIVE).bind(session).bind(user).bind(now).fetch_optional(&mut *tx).await?;
            if alive.is_none() {
                return Ok(PutKeys::NoSession);
            }
            sqlx::query(DROP_STALE).bind(session).bind(now - KEY_PACKAGE_PERIOD).execute(&mut *tx).await?;
            let before: i64 = sqlx::query_scalar(COUNT).bind(session).bind(now - KEY_PACKAGE_PERIOD).fetch_one(&mut *tx).await?;
            let remaining = before.saturating_add(i64::try_from(packages.len()).unwrap_or(i64::MAX));
            if remaining > MAX_KEY_PACKAGES {
                return Ok(PutKeys::TooMany { remaining: before });
            }
            if last_resort.is_some() {
                sqlx::query(DROP_LAST_RESORT).bind(session).execute(&mut *tx).await?;
            }
            let rows: Vec<(&[u8], bool)> =
                packages.iter().map(|package| (package.as_slice(), false)).chain(last_resort.map(|package| (package, true))).collect();
            if !rows.is_empty() {
                let mut query = QueryBuilder::new("INSERT INTO key_packages (id, user_id, session_id, package, last_resort, created_at) ");
                query.push_values(rows, |mut row, (package, last_resort)| {
                    row.push_bind(self.ids.next::<KeyPackageId>())
                        .push_bind(user)
                        .push_bind(session)
                        .push_bind(package)
                        .push_bind(last_resort)
                        .push_bind(now);
                });
                query.build().execute(&mut *tx).await?;
            }
            PutKeys::Stored { remaining }
        }))
    }

    /// One-time packages of the session that can still be handed out.
    pub async fn key_packages_remaining(&self, session: SessionId, now: Timestamp) -> Result<i64, StoreError> {
        let since = now - KEY_PACKAGE_PERIOD;
        Ok(read!(self, |db| sqlx::query_scalar(COUNT).bind(session).bind(since).fetch_one(db).await?))
    }

    /// Whether a match could be made with this session: it has a one-time package or one of last resort.
    pub async fn has_key_package(&self, session: SessionId, now: Timestamp) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT id FROM key_packages WHERE session_id = $1 AND created_at > $2 LIMIT 1";
        let since = now - KEY_PACKAGE_PERIOD;
        let first: Option<KeyPackageId> = read!(self, |db| sqlx::query_scalar(SQL).bind(session).bind(since).fetch_optional(db).await?);
        Ok(first.is_some())
    }
}
