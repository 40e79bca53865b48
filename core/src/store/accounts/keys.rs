//! Key packages of a session; opaque here. A match takes one, in `matches/pairing.rs`.

use std::{collections::HashSet, time::Duration};

use sha2::{Digest as _, Sha256};

use super::{Accounts, sessions::LOCK_USER};
use crate::{db::Tx, store::StoreError};
use tebdil_protocol::{
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

const COUNT: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM key_packages \
     WHERE session_id = $1 AND last_resort = FALSE AND created_at > $2";

/// A package to store: its bytes, their digest, whether it is of last resort.
type NewPackage<'a> = (&'a [u8], [u8; 32], bool);

impl Accounts<'_> {
    /// Adds one-time packages to a session; a `last_resort` package replaces the one before. A
    /// package that the session has already is not stored again.
    pub async fn put_key_packages(
        self,
        user: UserId,
        session: SessionId,
        packages: &[Vec<u8>],
        last_resort: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<PutKeys, StoreError> {
        const ALIVE: &str = "SELECT id FROM sessions \
             WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND refresh_expires_at > $3";
        const DROP_STALE: &str =
            "DELETE FROM key_packages WHERE session_id = $1 AND created_at <= $2";
        const HAS: &str =
            "SELECT digest FROM key_packages WHERE session_id = $1 AND digest IS NOT NULL";
        // Also the same bytes as a one-time package: what stays must not be handed out as if it
        // were used once.
        const DROP_LAST_RESORT: &str = "DELETE FROM key_packages \
             WHERE session_id = $1 AND (last_resort = TRUE OR digest = $2)";
        let last_resort = last_resort.map(|package| (package, digest(package)));
        let since = now - KEY_PACKAGE_PERIOD;
        let mut tx = self.begin().await?;
        // Revocation takes the same lock: no package outlives its session.
        tx.execute(LOCK_USER, (user,)).await?;
        let alive: Option<SessionId> = tx.optional_value(ALIVE, (session, user, now)).await?;
        if alive.is_none() {
            return Ok(PutKeys::NoSession);
        }
        tx.execute(DROP_STALE, (session, since)).await?;
        let before: i64 = tx.value(COUNT, (session, since)).await?;
        let known: Vec<Vec<u8>> = tx.values(HAS, (session,)).await?;
        let mut known: HashSet<Vec<u8>> = known.into_iter().collect();
        known.extend(last_resort.iter().map(|(_, digest)| digest.to_vec()));
        let mut rows: Vec<NewPackage<'_>> = packages
            .iter()
            .map(|package| (package.as_slice(), digest(package), false))
            .filter(|(_, digest, _)| known.insert(digest.to_vec()))
            .collect();
        let remaining = before.saturating_add(i64::try_from(rows.len()).unwrap_or(i64::MAX));
        if remaining > MAX_KEY_PACKAGES {
            return Ok(PutKeys::TooMany { remaining: before });
        }
        if let Some((package, digest)) = last_resort {
            tx.execute(DROP_LAST_RESORT, (session, &digest[..])).await?;
            rows.push((package, digest, true));
        }
        if !rows.is_empty() {
            insert_packages(&mut tx, user, session, rows, now).await?;
        }
        let remaining = tx.value(COUNT, (session, since)).await?;
        tx.commit().await?;
        Ok(PutKeys::Stored { remaining })
    }

    /// One-time packages of the session that can still be handed out.
    pub async fn key_packages_remaining(
        self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        let since = now - KEY_PACKAGE_PERIOD;
        self.db.value(COUNT, (session, since)).await
    }

    /// Whether a match could be made with this session: it has a one-time package or one of last
    /// resort.
    pub async fn has_key_package(
        self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str =
            "SELECT id FROM key_packages WHERE session_id = $1 AND created_at > $2 LIMIT 1";
        let since = now - KEY_PACKAGE_PERIOD;
        let first: Option<KeyPackageId> = self.db.optional_value(SQL, (session, since)).await?;
        Ok(first.is_some())
    }
}

/// Stores packages of a session in this transaction, and drops the account's oldest beyond
/// [`MAX_ACCOUNT_KEY_PACKAGES`].
async fn insert_packages(
    tx: &mut Tx,
    user: UserId,
    session: SessionId,
    packages: Vec<NewPackage<'_>>,
    now: Timestamp,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO key_packages \
         (id, user_id, session_id, package, digest, last_resort, created_at) \
         SELECT column1, $1, $2, column2, column3, column4, $3 FROM ({rows}) AS v \
         WHERE column1 IS NOT NULL";
    // SQLite takes no OFFSET alone.
    const DROP_OLDEST: &str = "DELETE FROM key_packages WHERE id IN (SELECT id FROM key_packages \
         WHERE user_id = $1 AND last_resort = FALSE \
         ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3)";
    let packages: Vec<(KeyPackageId, NewPackage<'_>)> = packages
        .into_iter()
        .map(|package| (tx.id(), package))
        .collect();
    tx.query(INSERT)
        .rows(packages, |row, (id, (package, digest, last_resort))| {
            row.bind(*id)
                .bind(*package)
                .bind(&digest[..])
                .bind(*last_resort);
        })
        .bind(user)
        .bind(session)
        .bind(now)
        .execute()
        .await?;
    tx.execute(DROP_OLDEST, (user, i64::MAX, MAX_ACCOUNT_KEY_PACKAGES))
        .await?;
    Ok(())
}

fn digest(package: &[u8]) -> [u8; 32] {
    Sha256::digest(package).into()
}
