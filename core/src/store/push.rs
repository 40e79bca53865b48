//! Push tokens of devices, which pushes a user wants, and whom an order to push concerns.

use super::{Store, StoreError, sessions::LOCK_USER};
use crate::{
    backend::{read, write_tx},
    domain::{NotificationType, PushPlatform},
    id::{MatchId, NotificationId, SessionId, UserId},
    notice::PushOrder,
    protocol::Secret,
    time::Timestamp,
};

/// What became of a token that a device registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutPushToken {
    Stored,
    /// The session is not a live one of the user.
    NoSession,
}

/// Whom a [`PushOrder`] concerns now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushAudience {
    /// It was seen meanwhile, or is gone.
    Seen,
    /// The user wants no pushes of its type.
    Muted,
    /// The sessions with a token, also none. They live, and their user is not banned.
    Devices(Vec<SessionId>),
}

impl Store {
    /// Makes `token` the push token of a session, instead of the one it had.
    ///
    /// A token names a device: whoever had it before, of whichever account, has it no longer.
    pub async fn put_push_token(
        &self,
        user: UserId,
        session: SessionId,
        token: &Secret,
        platform: PushPlatform,
        now: Timestamp,
    ) -> Result<PutPushToken, StoreError> {
        const ALIVE: &str = "SELECT id FROM sessions WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND refresh_expires_at > $3";
        // Two devices may exchange their tokens: both rows are held, in primary key order, before
        // the first changes.
        const HOLD: &str =
            "SELECT token FROM push_tokens WHERE token = $1 OR session_id = $2 ORDER BY token";
        const DROP_OTHER: &str = "DELETE FROM push_tokens WHERE session_id = $1 AND token <> $2";
        const PUT: &str = "INSERT INTO push_tokens (token, user_id, session_id, platform, created_at, last_used) VALUES ($1, $2, $3, $4, $5, $5) \
             ON CONFLICT (token) DO UPDATE SET user_id = excluded.user_id, session_id = excluded.session_id, platform = excluded.platform, \
             last_used = excluded.last_used";
        Ok(write_tx!(self, |tx| {
            // Revocation takes the same lock: no token outlives its session.
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
                return Ok(PutPushToken::NoSession);
            }
            sqlx::query(self.locking(HOLD))
                .bind(token.expose())
                .bind(session)
                .fetch_all(&mut *tx)
                .await?;
            sqlx::query(DROP_OTHER)
                .bind(session)
                .bind(token.expose())
                .execute(&mut *tx)
                .await?;
            sqlx::query(PUT)
                .bind(token.expose())
                .bind(user)
                .bind(session)
                .bind(platform)
                .bind(now)
                .execute(&mut *tx)
                .await?;
            PutPushToken::Stored
        }))
    }

    /// Forgets the token of a session. `false` when it has another one by now, or none.
    pub async fn delete_push_token(
        &self,
        session: SessionId,
        token: &Secret,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM push_tokens WHERE session_id = $1 AND token = $2";
        Ok(write_tx!(self, |tx| {
            sqlx::query(SQL)
                .bind(session)
                .bind(token.expose())
                .execute(&mut *tx)
                .await?
                .rows_affected()
                > 0
        }))
    }

    /// The push token of a session of `user`, while the session lives and the user is not banned.
    pub async fn push_token(
        &self,
        user: UserId,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Option<Secret>, StoreError> {
        const SQL: &str = "SELECT t.token FROM push_tokens t JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = t.user_id \
             WHERE t.session_id = $1 AND t.user_id = $2 AND s.revoked_at IS NULL AND s.refresh_expires_at > $3 AND u.is_banned = FALSE";
        let token: Option<String> = read!(self, |db| sqlx::query_scalar(SQL)
            .bind(session)
            .bind(user)
            .bind(now)
            .fetch_optional(db)
            .await?);
        Ok(token.map(Secret::from))
    }

    /// The types a user wants no pushes for.
    pub async fn muted_pushes(&self, user: UserId) -> Result<Vec<NotificationType>, StoreError> {
        const SQL: &str = "SELECT type FROM push_muted WHERE user_id = $1 ORDER BY type";
        Ok(read!(self, |db| sqlx::query_scalar(SQL)
            .bind(user)
            .fetch_all(db)
            .await?))
    }

    /// Turns pushes of types on (`true`) or off, and gives those that are off then. `None`: no such
    /// user.
    pub async fn set_pushes(
        &self,
        user: UserId,
        changes: &[(NotificationType, bool)],
    ) -> Result<Option<Vec<NotificationType>>, StoreError> {
        const ON: &str = "DELETE FROM push_muted WHERE user_id = $1 AND type = $2";
        const OFF: &str =
            "INSERT INTO push_muted (user_id, type) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        const MUTED: &str = "SELECT type FROM push_muted WHERE user_id = $1 ORDER BY type";
        const WHO: &str = "SELECT id FROM users WHERE id = $1 AND erased_at IS NULL";
        Ok(write_tx!(self, |tx| {
            let known: Option<UserId> = sqlx::query_scalar(self.locking(WHO))
                .bind(user)
                .fetch_optional(&mut *tx)
                .await?;
            if known.is_none() {
                return Ok(None);
            }
            for (kind, on) in changes {
                sqlx::query(if *on { ON } else { OFF })
                    .bind(user)
                    .bind(*kind)
                    .execute(&mut *tx)
                    .await?;
            }
            Some(
                sqlx::query_scalar(MUTED)
                    .bind(user)
                    .fetch_all(&mut *tx)
                    .await?,
            )
        }))
    }

    /// Whom an order concerns now. Reads only.
    pub async fn push_audience(
        &self,
        order: &PushOrder,
        now: Timestamp,
    ) -> Result<PushAudience, StoreError> {
        const NOTIFICATION: &str =
            "SELECT id FROM notifications WHERE id = $1 AND user_id = $2 AND read = FALSE";
        const MESSAGE: &str = "SELECT m.match_id FROM match_sides m JOIN match_sides p ON p.match_id = m.match_id AND p.user_id = m.peer_id \
             WHERE m.match_id = $1 AND m.user_id = $2 AND m.open = TRUE AND p.last_seq > m.delivered_seq";
        const DEVICES: &str = "SELECT t.session_id FROM push_tokens t JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = t.user_id \
             WHERE t.user_id = $1 AND s.revoked_at IS NULL AND s.refresh_expires_at > $2 AND u.is_banned = FALSE ORDER BY t.session_id";
        let user = order.user_id();
        let waits = match order {
            PushOrder::Notification { id, .. } => {
                let unread: Option<NotificationId> =
                    read!(self, |db| sqlx::query_scalar(NOTIFICATION)
                        .bind(*id)
                        .bind(user)
                        .fetch_optional(db)
                        .await?);
                unread.is_some()
            }
            PushOrder::Message { match_id, .. } => {
                let undelivered: Option<MatchId> = read!(self, |db| sqlx::query_scalar(MESSAGE)
                    .bind(*match_id)
                    .bind(user)
                    .fetch_optional(db)
                    .await?);
                undelivered.is_some()
            }
        };
        if !waits {
            return Ok(PushAudience::Seen);
        }
        if self.muted_pushes(user).await?.contains(&order.kind()) {
            return Ok(PushAudience::Muted);
        }
        Ok(PushAudience::Devices(read!(self, |db| sqlx::query_scalar(
            DEVICES
        )
        .bind(user)
        .bind(now)
        .fetch_all(db)
        .await?)))
    }
}
