//! Push targets of devices, which pushes a user wants, and whom an order to push concerns.

use std::collections::HashSet;

use super::Notices;
use crate::{
    notice::PushOrder,
    store::{
        StoreError,
        accounts::sessions::{DROP_PUSH_TARGET, LOCK_USER},
    },
};
use tebdil_protocol::{
    PushKeys, Secret,
    domain::{NotificationType, PushPlatform},
    id::{MatchId, NotificationId, SessionId, UserId},
    time::Timestamp,
};

/// Where a device is reached while it is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushTarget {
    pub platform: PushPlatform,
    /// A token of Firebase Cloud Messaging, or the endpoint of a browser's subscription.
    pub address: Secret,
    /// What pushes to a browser are encrypted with; other platforms have none.
    pub keys: Option<PushKeys>,
}

/// What became of a target that a device registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutPushTarget {
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
    /// The sessions with a target, also none. They live, and their user is not banned.
    Devices(Vec<SessionId>),
}

/// The types that the user `$1` wants no pushes for.
const MUTED: &str = "SELECT type FROM push_muted WHERE user_id = $1 ORDER BY type";

impl Notices<'_> {
    /// Makes `target` the push target of a session, instead of the one it had.
    ///
    /// An address names a device: whoever had it before, of whichever account, has it no longer.
    pub async fn put_push_target(
        self,
        user: UserId,
        session: SessionId,
        target: &PushTarget,
        now: Timestamp,
    ) -> Result<PutPushTarget, StoreError> {
        const ALIVE: &str = "SELECT id FROM sessions WHERE id = $1 AND user_id = $2 \
             AND revoked_at IS NULL AND refresh_expires_at > $3";
        // Two devices may exchange their addresses: both rows are held, in primary key order,
        // before the first changes.
        const HOLD: &str = "SELECT address FROM push_targets WHERE address = $1 \
             OR session_id = $2 ORDER BY address FOR NO KEY UPDATE";
        const DROP_OTHER: &str = "DELETE FROM push_targets WHERE session_id = $1 AND address <> $2";
        const PUT: &str = "INSERT INTO push_targets \
             (address, user_id, session_id, platform, p256dh, auth, created_at, last_used) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7) \
             ON CONFLICT (address) DO UPDATE SET user_id = excluded.user_id, \
             session_id = excluded.session_id, platform = excluded.platform, \
             p256dh = excluded.p256dh, auth = excluded.auth, last_used = excluded.last_used";
        let mut tx = self.begin().await?;
        // Revocation takes the same lock: no target outlives its session.
        tx.execute(LOCK_USER, (user,)).await?;
        let alive: Option<SessionId> = tx.optional_value(ALIVE, (session, user, now)).await?;
        if alive.is_none() {
            return Ok(PutPushTarget::NoSession);
        }
        let address = target.address.expose();
        let p256dh = target.keys.as_ref().map(|keys| keys.p256dh.expose());
        let auth = target.keys.as_ref().map(|keys| keys.auth.expose());
        tx.execute(HOLD, (address, session)).await?;
        tx.execute(DROP_OTHER, (session, address)).await?;
        let row = (address, user, session, target.platform, p256dh, auth, now);
        tx.execute(PUT, row).await?;
        tx.commit().await?;
        Ok(PutPushTarget::Stored)
    }

    /// Forgets the push target of a session, if it has one.
    pub async fn delete_push_target(self, session: SessionId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.execute(DROP_PUSH_TARGET, (session,)).await?;
        Ok(tx.commit().await?)
    }

    /// Forgets a target that is dead, unless the session has put another address meanwhile.
    pub async fn forget_push_target(
        self,
        session: SessionId,
        address: &Secret,
    ) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM push_targets WHERE session_id = $1 AND address = $2";
        let mut tx = self.begin().await?;
        tx.execute(SQL, (session, address.expose())).await?;
        Ok(tx.commit().await?)
    }

    /// The push target of a session of `user`, while the session lives and the user is not banned.
    pub async fn push_target(
        self,
        user: UserId,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Option<PushTarget>, StoreError> {
        const SQL: &str = "SELECT t.platform, t.address, t.p256dh, t.auth FROM push_targets t \
             JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = t.user_id \
             WHERE t.session_id = $1 AND t.user_id = $2 AND s.revoked_at IS NULL \
             AND s.refresh_expires_at > $3 AND u.is_banned = FALSE";
        type Row = (PushPlatform, Secret, Option<Secret>, Option<Secret>);
        let query = self.read(SQL).bind(session).bind(user).bind(now);
        let row: Option<Row> = query.optional().await?;
        Ok(row.map(|(platform, address, p256dh, auth)| PushTarget {
            platform,
            address,
            keys: p256dh
                .zip(auth)
                .map(|(p256dh, auth)| PushKeys { p256dh, auth }),
        }))
    }

    /// The types a user wants no pushes for.
    pub async fn muted_pushes(self, user: UserId) -> Result<Vec<NotificationType>, StoreError> {
        self.db.values(MUTED, (user,)).await
    }

    /// Turns pushes of types on (`true`) or off, and gives those that are off then. `None`: no such
    /// user.
    pub async fn set_pushes(
        self,
        user: UserId,
        changes: &[(NotificationType, bool)],
    ) -> Result<Option<Vec<NotificationType>>, StoreError> {
        const ON: &str = "DELETE FROM push_muted WHERE user_id = $1 AND type = $2";
        const OFF: &str =
            "INSERT INTO push_muted (user_id, type) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        const WHO: &str =
            "SELECT id FROM users WHERE id = $1 AND erased_at IS NULL FOR NO KEY UPDATE";
        let mut tx = self.begin().await?;
        let known: Option<UserId> = tx.optional_value(WHO, (user,)).await?;
        if known.is_none() {
            return Ok(None);
        }
        for (kind, on) in changes {
            let sql = if *on { ON } else { OFF };
            tx.execute(sql, (user, *kind)).await?;
        }
        let muted = tx.values(MUTED, (user,)).await?;
        tx.commit().await?;
        Ok(Some(muted))
    }

    /// Whom an order concerns now.
    pub async fn push_audience(
        self,
        order: &PushOrder,
        now: Timestamp,
    ) -> Result<PushAudience, StoreError> {
        const NOTIFICATION: &str =
            "SELECT id FROM notifications WHERE id = $1 AND user_id = $2 AND read = FALSE";
        const MESSAGE: &str = "SELECT s.match_id FROM match_sides s \
             WHERE s.match_id = $1 AND s.user_id = $2 AND s.open AND EXISTS (SELECT 1 \
             FROM messages m WHERE m.match_id = s.match_id AND m.sender_id = s.peer_id \
             AND m.kind = 'content')";
        const MATCH: &str =
            "SELECT match_id FROM match_sides WHERE match_id = $1 AND user_id = $2 AND open";
        const DEVICES: &str = "SELECT t.session_id FROM push_targets t \
             JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = t.user_id \
             WHERE t.user_id = $1 AND s.revoked_at IS NULL AND s.refresh_expires_at > $2 \
             AND u.is_banned = FALSE ORDER BY t.session_id";
        let (db, user) = (&self.db, order.user_id());
        let waits = match order {
            PushOrder::Notification { id, .. } => {
                let unread = db.read(NOTIFICATION).bind(*id).bind(user);
                let unread: Option<NotificationId> = unread.optional_value().await?;
                unread.is_some()
            }
            PushOrder::Message { match_id, .. } => {
                let here = HashSet::from([*match_id]);
                self.messages().settle_matches(&here).await?;
                let undelivered = db.read(MESSAGE).bind(*match_id).bind(user);
                let undelivered: Option<MatchId> = undelivered.optional_value().await?;
                undelivered.is_some()
            }
            PushOrder::Match { match_id, .. } => {
                let open = db.read(MATCH).bind(*match_id).bind(user);
                let open: Option<MatchId> = open.optional_value().await?;
                open.is_some()
            }
        };
        if !waits {
            return Ok(PushAudience::Seen);
        }
        if self.muted_pushes(user).await?.contains(&order.kind()) {
            return Ok(PushAudience::Muted);
        }
        let mut devices: Vec<SessionId> = db.values(DEVICES, (user, now)).await?;
        if let Some(only) = order.device() {
            devices.retain(|device| *device == only);
        }
        Ok(PushAudience::Devices(devices))
    }
}
