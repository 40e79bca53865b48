//! Key packages of a session; opaque here. A match takes one, in `pairing.rs`.

use std::{collections::HashSet, time::Duration};

use sha2::{Digest as _, Sha256};
use sqlx::QueryBuilder;

use super::{Store, StoreError, sessions::LOCK_USER};
use crate::{
    backend::{read, write_tx},
    id::{KeyPackageId, SessionId, UserId},
    time::Timestamp,
};

/// Most one-time packages of a session.
pub const MAX_KEY_PACKAGES: i64 = 100;
/// Most one-time packages of all sessions of an account together. Beyond it the oldest go, so that
/// a device that was set aside keeps no other from having some.
pub const MAX_ACCOUNT_KEY_PACKAGES: i64 = 500;

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

/// How long a key package is handed out. Clients refuse one whose lifetime of 28 days is over, and
/// a match made with it would be lost.
pub const KEY_PACKAGE_PERIOD: Duration = Duration::from_hours(27 * 24);

const COUNT: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM key_packages WHERE session_id = $1 AND last_resort = FALSE AND created_at > $2";

impl Store {
    /// Adds one-time packages to a session; a `last_resort` package replaces the one before. A
    /// package that the session has already is not stored again.
    pub async fn put_key_packages(
        &self,
        user: UserId,
        session: SessionId,
        packages: &[Vec<u8>],
        last_resort: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<PutKeys, StoreError> {
        const ALIVE: &str = "SELECT id FROM sessions WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND refresh_expires_at > $3";
        const DROP_STALE: &str =
            "DELETE FROM key_packages WHERE session_id = $1 AND created_at <= $2";
        const HAS: &str =
            "SELECT digest FROM key_packages WHERE session_id = $1 AND digest IS NOT NULL";
        // Also the same bytes as a one-time package: what stays must not be handed out as if it
        // were used once.
        const DROP_LAST_RESORT: &str = "DELETE FROM key_packages WHERE session_id = $1 AND (last_resort = TRUE OR digest = $2)";
        // SQLite takes no OFFSET alone.
        const DROP_OLDEST: &str = "DELETE FROM key_packages WHERE id IN (SELECT id FROM key_packages \
             WHERE user_id = $1 AND last_resort = FALSE ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3)";
        let last_resort = last_resort.map(|package| (package, digest(package)));
        Ok(write_tx!(self, |tx| {
            // Revocation takes the same lock: no package outlives its session.
            sqlx::query(self.locking(LOCK_USER))
                .bind(user)
                .execute(&mut *tx)
                .await?;
            let alive: Option<SessionId> = sqlx::query_scalar(ALIVE)
                .bind(session)
                .bind(user)
                .bind(now)
                .fetch_optional(&mut *tx)
                .await?;
            if alive.is_none() {
                return Ok(PutKeys::NoSession);
            }
            sqlx::query(DROP_STALE)
                .bind(session)
                .bind(now - KEY_PACKAGE_PERIOD)
                .execute(&mut *tx)
                .await?;
            let count = sqlx::query_scalar(COUNT)
                .bind(session)
                .bind(now - KEY_PACKAGE_PERIOD);
            let before: i64 = count.fetch_one(&mut *tx).await?;
            let mut known: HashSet<Vec<u8>> = sqlx::query_scalar(HAS)
                .bind(session)
                .fetch_all(&mut *tx)
                .await?
                .into_iter()
                .collect();
            known.extend(last_resort.iter().map(|(_, digest)| digest.to_vec()));
            let fresh = packages
                .iter()
                .map(|package| (package.as_slice(), digest(package)));
            let mut rows: Vec<_> = fresh
                .filter(|(_, digest)| known.insert(digest.to_vec()))
                .map(|(package, digest)| (package, digest, false))
                .collect();
            let remaining = before.saturating_add(i64::try_from(rows.len()).unwrap_or(i64::MAX));
            if remaining > MAX_KEY_PACKAGES {
                return Ok(PutKeys::TooMany { remaining: before });
            }
            if let Some((package, digest)) = last_resort {
                sqlx::query(DROP_LAST_RESORT)
                    .bind(session)
                    .bind(&digest[..])
                    .execute(&mut *tx)
                    .await?;
                rows.push((package, digest, true));
            }
            if !rows.is_empty() {
                let mut query = QueryBuilder::new(
                    "INSERT INTO key_packages (id, user_id, session_id, package, digest, last_resort, created_at) ",
                );
                query.push_values(rows, |mut row, (package, digest, last_resort)| {
                    row.push_bind(self.ids.next::<KeyPackageId>())
                        .push_bind(user)
                        .push_bind(session)
                        .push_bind(package)
                        .push_bind(digest.to_vec())
                        .push_bind(last_resort)
                        .push_bind(now);
                });
                query.build().execute(&mut *tx).await?;
                sqlx::query(DROP_OLDEST)
                    .bind(user)
                    .bind(i64::MAX)
                    .bind(MAX_ACCOUNT_KEY_PACKAGES)
                    .execute(&mut *tx)
                    .await?;
            }
            let count = sqlx::query_scalar(COUNT)
                .bind(session)
                .bind(now - KEY_PACKAGE_PERIOD);
            let remaining = count.fetch_one(&mut *tx).await?;
            PutKeys::Stored { remaining }
        }))
    }

    /// One-time packages of the session that can still be handed out.
    pub async fn key_packages_remaining(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        let since = now - KEY_PACKAGE_PERIOD;
        Ok(read!(self, |db| sqlx::query_scalar(COUNT)
            .bind(session)
            .bind(since)
            .fetch_one(db)
            .await?))
    }

    /// Whether a match could be made with this session: it has a one-time package or one of last
    /// resort.
    pub async fn has_key_package(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str =
            "SELECT id FROM key_packages WHERE session_id = $1 AND created_at > $2 LIMIT 1";
        let since = now - KEY_PACKAGE_PERIOD;
        let first: Option<KeyPackageId> = read!(self, |db| sqlx::query_scalar(SQL)
            .bind(session)
            .bind(since)
            .fetch_optional(db)
            .await?);
        Ok(first.is_some())
    }
}

fn digest(package: &[u8]) -> [u8; 32] {
    Sha256::digest(package).into()
}
