//! Signed-in devices and their rotating refresh tokens.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use sqlx_macros::FromRow;

use super::{Accounts, sign_ins::count_act};
use crate::{db::Tx, store::StoreError};
use tebdil_protocol::{
    Device, Secret,
    domain::UserRole,
    id::{SessionId, UserId},
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
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SessionRow {
    pub id: SessionId,
    pub user_id: UserId,
    #[sqlx(flatten)]
    pub device: Device,
    pub refresh_expires_at: Timestamp,
    pub created_at: Timestamp,
    pub last_active: Timestamp,
}

/// A session that may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct AliveSession {
    pub user_id: UserId,
    pub role: UserRole,
    pub is_banned: bool,
    pub is_premium: bool,
    /// The version of the terms that its user accepted last.
    pub terms_version: i64,
    /// When the session was last touched, so that the caller can touch it seldom.
    pub last_active: Timestamp,
    /// When its user last showed password and second factor.
    pub confirmed_at: Timestamp,
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

/// A write that takes key packages away holds the user first: making a match reads them under the
/// same lock.
pub(crate) const LOCK_USER: &str = "SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE";
/// Forgets where the device of a session is reached while it is away.
pub(crate) const DROP_PUSH_TARGET: &str = "DELETE FROM push_targets WHERE session_id = $1";
const REVOKE: &str =
    "UPDATE sessions SET revoked_at = $1 WHERE id = $2 AND user_id = $3 AND revoked_at IS NULL";

/// Inserts a session in this transaction.
pub(crate) async fn insert_session(
    tx: &mut Tx,
    user: UserId,
    new: NewSession,
    now: Timestamp,
) -> Result<SessionRow, StoreError> {
    const SQL: &str = "INSERT INTO sessions (id, user_id, refresh_hash, refresh_expires_at, \
         device_name, device_platform, created_at, last_active, confirmed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7)";
    let id: SessionId = tx.id();
    let (hash, expiry) = (&new.refresh_hash[..], new.refresh_expires_at);
    let Device { name, platform } = &new.device;
    tx.execute(SQL, (id, user, hash, expiry, name, platform, now))
        .await?;
    Ok(SessionRow {
        id,
        user_id: user,
        device: new.device,
        refresh_expires_at: new.refresh_expires_at,
        created_at: now,
        last_active: now,
    })
}

/// Revokes all sessions of a user but one, in this transaction; gives their ids.
pub(crate) async fn revoke_others(
    tx: &mut Tx,
    user: UserId,
    keep: Option<SessionId>,
    now: Timestamp,
) -> Result<Vec<SessionId>, StoreError> {
    const REVOKE_OTHERS: &str = "UPDATE sessions SET revoked_at = $1 \
         WHERE user_id = $2 AND id <> $3 AND revoked_at IS NULL RETURNING id";
    const DROP_PACKAGES: &str = "DELETE FROM key_packages WHERE user_id = $1 AND session_id <> $2";
    const DROP_PUSH_TARGETS: &str =
        "DELETE FROM push_targets WHERE user_id = $1 AND session_id <> $2";
    // Id 0 is nobody's.
    let keep = keep.unwrap_or(SessionId(0));
    let revoked = tx.values(REVOKE_OTHERS, (now, user, keep)).await?;
    for sql in [DROP_PACKAGES, DROP_PUSH_TARGETS] {
        tx.execute(sql, (user, keep)).await?;
    }
    Ok(revoked)
}

/// Forgets what only a live session has, in this transaction: key packages and push target.
pub(super) async fn drop_belongings(tx: &mut Tx, session: SessionId) -> Result<(), StoreError> {
    const DROP_PACKAGES: &str = "DELETE FROM key_packages WHERE session_id = $1";
    for sql in [DROP_PACKAGES, DROP_PUSH_TARGET] {
        tx.execute(sql, (session,)).await?;
    }
    Ok(())
}

impl Accounts<'_> {
    /// Exchanges the refresh token. Of several calls with the same token exactly one gets
    /// [`Rotation::Rotated`]; a later one gets [`Rotation::Reused`], and the session ends. The new
    /// token is good until `new_expiry`, and no longer than a session may live after its sign-in.
    ///
    /// Only the good token's hash is kept, so *any* other token counts as reused: call this only
    /// with tokens known to be issued here.
    pub async fn rotate_refresh(
        self,
        session: SessionId,
        presented: [u8; 32],
        new_hash: [u8; 32],
        new_expiry: Timestamp,
        lifetime: Duration,
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        const ROTATE: &str = "UPDATE sessions \
             SET refresh_hash = $1, refresh_expires_at = $2, last_active = $3 \
             WHERE id = $4 AND refresh_hash = $5 AND revoked_at IS NULL \
             AND refresh_expires_at > $3 AND NOT EXISTS (SELECT 1 FROM users \
             WHERE users.id = sessions.user_id AND users.is_banned = TRUE) \
             RETURNING id, user_id, device_name, device_platform, refresh_expires_at, created_at, \
             last_active";
        const OWNER: &str = "SELECT user_id, created_at FROM sessions WHERE id = $1";
        // The good token gets here only when the user is banned.
        const REPLACED: &str = "SELECT user_id FROM sessions WHERE id = $1 \
             AND refresh_hash <> $2 AND revoked_at IS NULL AND refresh_expires_at > $3";
        let mut tx = self.begin().await?;
        let owner: Option<(UserId, Timestamp)> = tx.optional(OWNER, (session,)).await?;
        let Some((user_id, created_at)) = owner else {
            return Ok(Rotation::Invalid);
        };
        let end = created_at + lifetime;
        if end <= now {
            return Ok(Rotation::Invalid);
        }
        // The user before the session, as everywhere: an update that waited and then did not match
        // keeps the session locked all the same.
        tx.execute(LOCK_USER, (user_id,)).await?;
        let (new_hash, presented) = (&new_hash[..], &presented[..]);
        let rotate = (new_hash, new_expiry.min(end), now, session, presented);
        let rotation = if let Some(row) = tx.optional(ROTATE, rotate).await? {
            Rotation::Rotated(row)
        } else {
            let of = (session, presented, now);
            let replaced: Option<UserId> = tx.optional_value(REPLACED, of).await?;
            if replaced.is_none() {
                return Ok(Rotation::Invalid);
            }
            tx.execute(REVOKE, (now, session, user_id)).await?;
            drop_belongings(&mut tx, session).await?;
            count_act(&mut tx, "refresh_reused", user_id, None, Some(session), now).await?;
            Rotation::Reused { user_id }
        };
        tx.commit().await?;
        Ok(rotation)
    }

    /// The session, when it is neither revoked nor expired; also then when its user is banned, for
    /// a ban revokes it and shall be what the user is told. Asked at every request and `hello`: one
    /// look-up by primary key.
    pub async fn session_alive(
        self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Option<AliveSession>, StoreError> {
        const SQL: &str = "SELECT s.user_id, u.role, u.is_banned, u.is_premium, \
             u.terms_version, s.last_active, s.confirmed_at \
             FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1 \
             AND ((s.revoked_at IS NULL AND s.refresh_expires_at > $2) OR u.is_banned)";
        self.db.optional(SQL, (session, now)).await
    }

    /// Notes that the user has shown password and second factor again in this session. `false` when
    /// `verified`, the password hash that was compared, is no longer the user's, or the session has
    /// ended.
    pub async fn confirm_session(
        self,
        (user, session): (UserId, SessionId),
        verified: &Secret,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE sessions SET confirmed_at = $1 \
             WHERE id = $2 AND user_id = $3 AND revoked_at IS NULL AND refresh_expires_at > $1 \
             AND EXISTS (SELECT 1 FROM users WHERE id = $3 AND password_hash = $4)";
        let mut tx = self.begin().await?;
        tx.execute(LOCK_USER, (user,)).await?;
        let of = (now, session, user, verified.expose());
        let confirmed = tx.execute(SQL, of).await? > 0;
        if confirmed {
            count_act(
                &mut tx,
                "identity_confirmed",
                user,
                Some(user),
                Some(session),
                now,
            )
            .await?;
        }
        tx.commit().await?;
        Ok(confirmed)
    }

    /// Those of these sessions that are no longer alive, or whose user is banned, and which of the
    /// two it is.
    pub async fn dead_among(
        self,
        sessions: &[SessionId],
        now: Timestamp,
    ) -> Result<Vec<DeadSession>, StoreError> {
        const SQL: &str = "SELECT s.id, (s.revoked_at IS NULL AND s.refresh_expires_at > $1), \
             u.is_banned FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id IN ({list})";
        let query = self.read(SQL).list(sessions.iter().copied()).bind(now);
        let found: Vec<(SessionId, bool, bool)> = query.all().await?;
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

    /// Ends one session of the user and forgets its key packages and its push target. `false` when
    /// the user has no such live session.
    pub async fn revoke_session(
        self,
        user: UserId,
        session: SessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        tx.execute(LOCK_USER, (user,)).await?;
        let revoked = tx.execute(REVOKE, (now, session, user)).await? > 0;
        if revoked {
            drop_belongings(&mut tx, session).await?;
            let actor = Some(user);
            count_act(&mut tx, "session_ended", user, actor, Some(session), now).await?;
        }
        tx.commit().await?;
        Ok(revoked)
    }

    /// Ends all sessions of the user but `keep`, and forgets their key packages and push targets.
    /// Gives the ids of those that were alive.
    pub async fn revoke_all(
        self,
        user: UserId,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        let mut tx = self.begin().await?;
        tx.execute(LOCK_USER, (user,)).await?;
        let revoked = revoke_others(&mut tx, user, keep, now).await?;
        tx.commit().await?;
        Ok(revoked)
    }

    /// The user's live sessions, newest first; with `before`, only those with smaller ids.
    pub async fn sessions_of(
        self,
        user: UserId,
        before: Option<SessionId>,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<SessionRow>, StoreError> {
        const SQL: &str = "SELECT id, user_id, device_name, device_platform, refresh_expires_at, \
             created_at, last_active FROM sessions \
             WHERE user_id = $1 AND revoked_at IS NULL AND refresh_expires_at > $2 AND id < $3 \
             ORDER BY id DESC LIMIT $4";
        let before = before.unwrap_or(SessionId(i64::MAX));
        self.db.all(SQL, (user, now, before, limit)).await
    }

    /// [`Accounts::touch`] for many at once, where the last time is at least `apart` ago. Rows that
    /// somebody else writes are passed over: the next time will do.
    pub async fn touch_all(
        self,
        active: &[(UserId, SessionId)],
        apart: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const USERS: &str = "UPDATE users SET last_active = $1 WHERE id IN (SELECT id FROM users \
             WHERE erased_at IS NULL AND last_active <= $2 AND id IN ({list}) \
             ORDER BY id FOR UPDATE SKIP LOCKED)";
        const SESSIONS: &str = "UPDATE sessions SET last_active = $1 WHERE id IN \
             (SELECT id FROM sessions \
             WHERE revoked_at IS NULL AND last_active <= $2 AND id IN ({list}) \
             ORDER BY id FOR UPDATE SKIP LOCKED)";
        if active.is_empty() {
            return Ok(());
        }
        let users: BTreeSet<i64> = active.iter().map(|(user, _)| user.0).collect();
        let sessions: BTreeSet<i64> = active.iter().map(|(_, session)| session.0).collect();
        // A transaction each, in the order of ids.
        for (sql, ids) in [(USERS, users), (SESSIONS, sessions)] {
            let mut tx = self.begin().await?;
            let query = tx.query(sql).list(ids).bind(now).bind(now - apart);
            query.execute().await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Notes that session and user are in use. Never moves the time back.
    pub async fn touch(
        self,
        user: UserId,
        session: SessionId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const SESSION: &str = "UPDATE sessions SET last_active = $1 \
             WHERE id = $2 AND user_id = $3 AND last_active < $1";
        const USER: &str = "UPDATE users SET last_active = $1 \
             WHERE id = $2 AND last_active < $1 AND erased_at IS NULL";
        let mut tx = self.begin().await?;
        tx.execute(USER, (now, user)).await?;
        tx.execute(SESSION, (now, session, user)).await?;
        tx.commit().await?;
        Ok(())
    }
}
