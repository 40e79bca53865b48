//! Signed-in devices and their rotating refresh tokens.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use sqlx::QueryBuilder;

use super::{
    SignedIn, Store, StoreError,
    sign_ins::{count_act_in, signed_in_in},
};
use crate::{
    backend::{read, write_tx},
    domain::UserRole,
    id::{SessionId, UserId},
    protocol::{Device, Secret},
    time::Timestamp,
};

/// A device that signs in.
#[derive(Debug, Clone)]
pub struct NewSession {
    pub device: Device,
    /// [`crate::crypto::hash_token`] of the refresh token's secret part.
    pub refresh_hash: [u8; 32],
    pub refresh_expires_at: Timestamp,
}

/// A signed-in device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    pub id: SessionId,
    pub user_id: UserId,
    pub device: Device,
    pub refresh_expires_at: Timestamp,
    pub created_at: Timestamp,
    pub last_active: Timestamp,
}

#[derive(sqlx::FromRow)]
pub(super) struct RawSession {
    id: SessionId,
    user_id: UserId,
    device_name: String,
    device_platform: String,
    refresh_expires_at: Timestamp,
    created_at: Timestamp,
    last_active: Timestamp,
}

impl From<RawSession> for SessionRow {
    fn from(row: RawSession) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            device: Device {
                name: row.device_name,
                platform: row.device_platform,
            },
            refresh_expires_at: row.refresh_expires_at,
            created_at: row.created_at,
            last_active: row.last_active,
        }
    }
}

/// A session that may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct AliveSession {
    pub user_id: UserId,
    pub role: UserRole,
    pub is_banned: bool,
    pub is_premium: bool,
    /// When the session was last touched, so that the caller can touch it seldom.
    pub last_active: Timestamp,
}

/// A session that may not act any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadSession {
    pub id: SessionId,
    /// Its user is banned.
    pub is_banned: bool,
}

/// What became of a refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// The presented token was the good one; the new one is now.
    Rotated(SessionRow),
    /// The presented token had been replaced: it, or its successor, is in wrong hands. The session
    /// is revoked now.
    Reused { user_id: UserId },
    /// Unknown, expired or revoked session, or its user is banned. Nothing changed.
    Invalid,
}

/// Fields of an [`insert`](super::users), in the order of the binds `$1` to `$8`.
pub(super) const INSERT_SESSION: &str = "INSERT INTO sessions \
     (id, user_id, refresh_hash, refresh_expires_at, device_name, device_platform, created_at, last_active) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// Inserts a session inside a write.
macro_rules! insert_session {
    ($store:expr, $tx:ident, $user:expr, $new:expr, $now:expr) => {{
        let (id, user_id, now): (
            $crate::id::SessionId,
            $crate::id::UserId,
            $crate::time::Timestamp,
        ) = ($store.ids.next(), $user, $now);
        let new: $crate::store::NewSession = $new;
        sqlx::query($crate::store::sessions::INSERT_SESSION)
            .bind(id)
            .bind(user_id)
            .bind(&new.refresh_hash[..])
            .bind(new.refresh_expires_at)
            .bind(&new.device.name)
            .bind(&new.device.platform)
            .bind(now)
            .bind(now)
            .execute(&mut *$tx)
            .await?;
        $crate::store::SessionRow {
            id,
            user_id,
            device: new.device,
            refresh_expires_at: new.refresh_expires_at,
            created_at: now,
            last_active: now,
        }
    }};
}
pub(super) use insert_session;

/// A write that takes key packages away holds the user first: making a match reads them under the
/// same lock.
pub(super) const LOCK_USER: &str = "SELECT id FROM users WHERE id = $1";
const REVOKE: &str =
    "UPDATE sessions SET revoked_at = $1 WHERE id = $2 AND user_id = $3 AND revoked_at IS NULL";
const DROP_PACKAGES: &str = "DELETE FROM key_packages WHERE session_id = $1";
const DROP_PUSH_TOKEN: &str = "DELETE FROM push_tokens WHERE session_id = $1";

/// Revokes all sessions of a user but one, inside a write; gives their ids.
macro_rules! revoke_others {
    ($tx:expr, $user:expr, $keep:expr, $now:expr) => {{
        // Id 0 is nobody's.
        let keep: $crate::id::SessionId = $keep.unwrap_or($crate::id::SessionId(0));
        let revoked: Vec<$crate::id::SessionId> =
            sqlx::query_scalar($crate::store::sessions::REVOKE_OTHERS)
                .bind($now)
                .bind($user)
                .bind(keep)
                .fetch_all(&mut *$tx)
                .await?;
        sqlx::query($crate::store::sessions::DROP_OTHER_PACKAGES)
            .bind($user)
            .bind(keep)
            .execute(&mut *$tx)
            .await?;
        sqlx::query($crate::store::sessions::DROP_OTHER_PUSH_TOKENS)
            .bind($user)
            .bind(keep)
            .execute(&mut *$tx)
            .await?;
        revoked
    }};
}
pub(super) use revoke_others;

pub(super) const REVOKE_OTHERS: &str = "UPDATE sessions SET revoked_at = $1 WHERE user_id = $2 AND id <> $3 AND revoked_at IS NULL RETURNING id";
pub(super) const DROP_OTHER_PACKAGES: &str =
    "DELETE FROM key_packages WHERE user_id = $1 AND session_id <> $2";
pub(super) const DROP_OTHER_PUSH_TOKENS: &str =
    "DELETE FROM push_tokens WHERE user_id = $1 AND session_id <> $2";

impl Store {
    /// Signs a device in, and tells the user's other devices. Of too many live sessions those that
    /// signed in first end, as if they were revoked; of many sign-ins at once, on however many
    /// nodes, no more than `most` sessions are left. `verified` is the password hash the password
    /// was checked against: when it was changed meanwhile, or the user is gone or banned, there is
    /// no session (`None`).
    pub async fn create_session(
        &self,
        user: UserId,
        verified: &Secret,
        new: NewSession,
        most: u32,
        now: Timestamp,
    ) -> Result<Option<SignedIn>, StoreError> {
        const SQL: &str =
            "SELECT id FROM users WHERE id = $1 AND password_hash = $2 AND is_banned = FALSE";
        // SQLite takes no OFFSET alone.
        const TOO_MANY: &str = "UPDATE sessions SET revoked_at = $1 WHERE id IN (SELECT id FROM sessions \
             WHERE user_id = $2 AND revoked_at IS NULL AND refresh_expires_at > $1 ORDER BY created_at DESC, id DESC LIMIT $3 OFFSET $4) RETURNING id";
        let sql = self.locking(SQL);
        let signed_in = write_tx!(self, |tx| {
            let allowed: Option<UserId> = sqlx::query_scalar(sql)
                .bind(user)
                .bind(verified.expose())
                .fetch_optional(&mut *tx)
                .await?;
            if allowed.is_none() {
                return Ok(None);
            }
            // Before the new one is there: a clock that was set back must not make it the oldest.
            let ended: Vec<SessionId> = sqlx::query_scalar(TOO_MANY)
                .bind(now)
                .bind(user)
                .bind(i64::MAX)
                .bind(i64::from(most.saturating_sub(1)))
                .fetch_all(&mut *tx)
                .await?;
            for session in &ended {
                sqlx::query(DROP_PACKAGES)
                    .bind(session)
                    .execute(&mut *tx)
                    .await?;
                sqlx::query(DROP_PUSH_TOKEN)
                    .bind(session)
                    .execute(&mut *tx)
                    .await?;
                count_act_in!(self, tx, "session_ended", user, None, Some(*session), now);
            }
            let session = insert_session!(self, tx, user, new, now);
            signed_in_in!(self, tx, session, ended, now)
        });
        Ok(Some(signed_in))
    }

    /// Exchanges the refresh token. Of several calls with the same token exactly one gets
    /// [`Rotation::Rotated`]; a later one gets [`Rotation::Reused`], and the session ends. The new
    /// token is good until `new_expiry`, and no longer than a session may live after its sign-in.
    ///
    /// Only the good token's hash is kept, so *any* other token counts as reused: call this only
    /// with tokens known to be issued here.
    pub async fn rotate_refresh(
        &self,
        session: SessionId,
        presented: [u8; 32],
        new_hash: [u8; 32],
        new_expiry: Timestamp,
        lifetime: Duration,
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        const ROTATE: &str = "UPDATE sessions SET refresh_hash = $1, refresh_expires_at = $2, last_active = $3 \
             WHERE id = $4 AND refresh_hash = $5 AND revoked_at IS NULL AND refresh_expires_at > $3 \
             AND NOT EXISTS (SELECT 1 FROM users WHERE users.id = sessions.user_id AND users.is_banned = TRUE) \
             RETURNING id, user_id, device_name, device_platform, refresh_expires_at, created_at, last_active";
        const OWNER: &str = "SELECT user_id, created_at FROM sessions WHERE id = $1";
        // The good token gets here only when the user is banned.
        const REPLACED: &str = "SELECT user_id FROM sessions \
             WHERE id = $1 AND refresh_hash <> $2 AND revoked_at IS NULL AND refresh_expires_at > $3";
        Ok(write_tx!(self, |tx| {
            let owner: Option<(UserId, Timestamp)> = sqlx::query_as(OWNER)
                .bind(session)
                .fetch_optional(&mut *tx)
                .await?;
            let Some((user_id, created_at)) = owner else {
                return Ok(Rotation::Invalid);
            };
            let end = created_at + lifetime;
            if end <= now {
                return Ok(Rotation::Invalid);
            }
            // The user before the session, as everywhere: an update that waited and then did not
            // match keeps the session locked all the same.
            sqlx::query(self.locking(LOCK_USER))
                .bind(user_id)
                .execute(&mut *tx)
                .await?;
            let rotated: Option<RawSession> = sqlx::query_as(ROTATE)
                .bind(&new_hash[..])
                .bind(new_expiry.min(end))
                .bind(now)
                .bind(session)
                .bind(&presented[..])
                .fetch_optional(&mut *tx)
                .await?;
            if let Some(row) = rotated {
                Rotation::Rotated(row.into())
            } else {
                let replaced: Option<UserId> = sqlx::query_scalar(REPLACED)
                    .bind(session)
                    .bind(&presented[..])
                    .bind(now)
                    .fetch_optional(&mut *tx)
                    .await?;
                if replaced.is_none() {
                    return Ok(Rotation::Invalid);
                }
                sqlx::query(REVOKE)
                    .bind(now)
                    .bind(session)
                    .bind(user_id)
                    .execute(&mut *tx)
                    .await?;
                sqlx::query(DROP_PACKAGES)
                    .bind(session)
                    .execute(&mut *tx)
                    .await?;
                sqlx::query(DROP_PUSH_TOKEN)
                    .bind(session)
                    .execute(&mut *tx)
                    .await?;
                count_act_in!(
                    self,
                    tx,
                    "refresh_reused",
                    user_id,
                    None,
                    Some(session),
                    now
                );
                Rotation::Reused { user_id }
            }
        }))
    }

    /// The session, when it is neither revoked nor expired; also then when its user is banned, for
    /// a ban revokes it and shall be what the user is told. Asked at every request and `hello`: one
    /// look-up by primary key.
    pub async fn session_alive(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Option<AliveSession>, StoreError> {
        const SQL: &str = "SELECT s.user_id, u.role, u.is_banned, u.is_premium, s.last_active \
             FROM sessions s JOIN users u ON u.id = s.user_id \
             WHERE s.id = $1 AND ((s.revoked_at IS NULL AND s.refresh_expires_at > $2) OR u.is_banned)";
        Ok(read!(self, |db| sqlx::query_as(SQL)
            .bind(session)
            .bind(now)
            .fetch_optional(db)
            .await?))
    }

    /// Those of these sessions that are no longer alive, or whose user is banned, and which of the
    /// two it is.
    pub async fn dead_among(
        &self,
        sessions: &[SessionId],
        now: Timestamp,
    ) -> Result<Vec<DeadSession>, StoreError> {
        if sessions.is_empty() {
            return Ok(Vec::new());
        }
        let found: Vec<(SessionId, bool, bool)> = read!(self, |db| {
            let mut query =
                QueryBuilder::new("SELECT s.id, (s.revoked_at IS NULL AND s.refresh_expires_at > ");
            query.push_bind(now).push(
                "), u.is_banned FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id IN (",
            );
            let mut list = query.separated(", ");
            for session in sessions {
                list.push_bind(*session);
            }
            query.push(")");
            query
                .build_query_as()
                .persistent(false)
                .fetch_all(db)
                .await?
        });
        let found: HashMap<SessionId, (bool, bool)> = found
            .into_iter()
            .map(|(session, lives, is_banned)| (session, (lives, is_banned)))
            .collect();
        let dead = |session: &SessionId| {
            let (lives, is_banned) = found.get(session).copied().unwrap_or((false, false));
            (!lives || is_banned).then_some(DeadSession {
                id: *session,
                is_banned,
            })
        };
        Ok(sessions.iter().filter_map(dead).collect())
    }

    /// Ends one session of the user and forgets its key packages and its push token. `false` when
    /// the user has no such live session.
    pub async fn revoke_session(
        &self,
        user: UserId,
        session: SessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(write_tx!(self, |tx| {
            sqlx::query(self.locking(LOCK_USER))
                .bind(user)
                .execute(&mut *tx)
                .await?;
            let revoked = sqlx::query(REVOKE)
                .bind(now)
                .bind(session)
                .bind(user)
                .execute(&mut *tx)
                .await?
                .rows_affected()
                > 0;
            if revoked {
                sqlx::query(DROP_PACKAGES)
                    .bind(session)
                    .execute(&mut *tx)
                    .await?;
                sqlx::query(DROP_PUSH_TOKEN)
                    .bind(session)
                    .execute(&mut *tx)
                    .await?;
                count_act_in!(
                    self,
                    tx,
                    "session_ended",
                    user,
                    Some(user),
                    Some(session),
                    now
                );
            }
            revoked
        }))
    }

    /// Ends all sessions of the user but `keep`, and forgets their key packages and push tokens.
    /// Gives the ids of those that were alive.
    pub async fn revoke_all(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        Ok(write_tx!(self, |tx| {
            sqlx::query(self.locking(LOCK_USER))
                .bind(user)
                .execute(&mut *tx)
                .await?;
            revoke_others!(tx, user, keep, now)
        }))
    }

    /// The user's live sessions, newest first; with `before`, only those with smaller ids.
    pub async fn sessions_of(
        &self,
        user: UserId,
        before: Option<SessionId>,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<SessionRow>, StoreError> {
        const SQL: &str = "SELECT id, user_id, device_name, device_platform, refresh_expires_at, created_at, last_active FROM sessions \
             WHERE user_id = $1 AND revoked_at IS NULL AND refresh_expires_at > $2 AND id < $3 ORDER BY id DESC LIMIT $4";
        let before = before.unwrap_or(SessionId(i64::MAX));
        let rows: Vec<RawSession> = read!(self, |db| sqlx::query_as(SQL)
            .bind(user)
            .bind(now)
            .bind(before)
            .bind(limit)
            .fetch_all(db)
            .await?);
        Ok(rows.into_iter().map(SessionRow::from).collect())
    }

    /// [`Store::touch`] for many at once, where the last time is at least `apart` ago. Rows that
    /// somebody else writes are passed over: the next time will do.
    pub async fn touch_all(
        &self,
        active: &[(UserId, SessionId)],
        apart: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if active.is_empty() {
            return Ok(());
        }
        let users = active.iter().map(|(user, _)| user.0).collect();
        let sessions = active.iter().map(|(_, session)| session.0).collect();
        let tables: [(&str, &str, BTreeSet<i64>); 2] = [
            ("users", "erased_at IS NULL", users),
            ("sessions", "revoked_at IS NULL", sessions),
        ];
        // A transaction each, in the order of ids.
        for (table, alive, ids) in tables {
            write_tx!(self, |tx| {
                let mut query = QueryBuilder::new("UPDATE ");
                query
                    .push(table)
                    .push(" SET last_active = ")
                    .push_bind(now)
                    .push(" WHERE id IN (SELECT id FROM ")
                    .push(table);
                query
                    .push(" WHERE ")
                    .push(alive)
                    .push(" AND last_active <= ")
                    .push_bind(now - apart)
                    .push(" AND id IN (");
                let mut list = query.separated(", ");
                for id in &ids {
                    list.push_bind(*id);
                }
                query
                    .push(") ORDER BY id")
                    .push(self.db.for_update_skip_locked())
                    .push(")");
                query.build().persistent(false).execute(&mut *tx).await?;
            });
        }
        Ok(())
    }

    /// Notes that session and user are in use. Never moves the time back.
    pub async fn touch(
        &self,
        user: UserId,
        session: SessionId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const SESSION: &str = "UPDATE sessions SET last_active = $1 WHERE id = $2 AND user_id = $3 AND last_active < $1";
        const USER: &str = "UPDATE users SET last_active = $1 WHERE id = $2 AND last_active < $1 AND erased_at IS NULL";
        write_tx!(self, |tx| {
            sqlx::query(USER)
                .bind(now)
                .bind(user)
                .execute(&mut *tx)
                .await?;
            sqlx::query(SESSION)
                .bind(now)
                .bind(session)
                .bind(user)
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }
}
