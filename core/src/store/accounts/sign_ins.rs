//! Signing in, and what it leaves behind: acts that an account can repeat, in `system_logs`, and a
//! word to its other devices.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Accounts, NewSession, SessionRow, record,
    sessions::{drop_belongings, insert_session},
};
use crate::{
    crypto::PhoneIndex,
    db::Tx,
    ids::IdGenerator,
    store::{Notified, StoreError, jobs::retention::ID_SLACK, notices::notifications::notify},
};
use tebdil_protocol::{
    Device, Secret,
    domain::UserRole,
    id::{SessionId, SystemLogId, UserId},
    notice::Notice,
    time::Timestamp,
};

/// Acts of one kind and account within this time share a row, which counts them.
const COUNTED_FOR: Duration = Duration::from_hours(1);

/// Most notices of sign-ins that an account is sent in [`COUNTED_FOR`].
const MAX_DEVICE_NOTICES: i64 = 20;

/// A device that has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    pub session: SessionRow,
    /// Older sessions that ended for it, because there were too many; their sockets must be closed.
    pub ended: Vec<SessionId>,
    /// What its account's other devices are told, where there are any; staff in any case.
    pub notified: Option<Notified>,
}

/// The details of an act that happens once more.
fn counted(before: Option<&str>, session: Option<SessionId>, now: Timestamp) -> Value {
    let before: Option<Value> = before.and_then(|details| serde_json::from_str(details).ok());
    let count = before.and_then(|details| details["count"].as_i64());
    json!({ "count": count.unwrap_or(0) + 1, "last_at": now, "session_id": session })
}

/// Records in this transaction, which holds `user`, an act that an account can repeat as often as
/// it likes: one row for an hour, which counts.
pub(crate) async fn count_act(
    tx: &mut Tx,
    action: &str,
    user: UserId,
    actor: Option<UserId>,
    session: Option<SessionId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    // The youngest row of `$2` about the user `$1` with an id from `$3` and a time after `$4`.
    const LAST: &str = "SELECT id, details FROM system_logs \
         WHERE user_id = $1 AND action = $2 AND id >= $3 AND created_at > $4 \
         ORDER BY id DESC LIMIT 1";
    const RECOUNT: &str = "UPDATE system_logs SET details = $1 WHERE id = $2";
    let since = now - COUNTED_FOR;
    let first = IdGenerator::first_id_at(since - ID_SLACK);
    let last: Option<(SystemLogId, String)> =
        tx.optional(LAST, (user, action, first, since)).await?;
    let (id, before) = last.unzip();
    let details = counted(before.as_deref(), session, now);
    if let Some(id) = id {
        tx.execute(RECOUNT, (details.to_string(), id)).await?;
        return Ok(());
    }
    record(tx, action, user, actor, details, now).await
}

/// What an account is told of a sign-in; `has_others`: devices that are signed in besides.
fn notice(role: UserRole, has_others: bool, device: &Device) -> Option<Notice> {
    let Device { name, platform } = device.clone();
    match role {
        UserRole::Moderator | UserRole::Admin => Some(Notice::StaffSignIn { name, platform }),
        UserRole::User => has_others.then_some(Notice::NewDevice { name, platform }),
    }
}

/// Records in this transaction, which holds the user, that `session` has signed in, and tells its
/// user's other devices.
pub(crate) async fn signed_in(
    tx: &mut Tx,
    session: SessionRow,
    ended: Vec<SessionId>,
    now: Timestamp,
) -> Result<SignedIn, StoreError> {
    const OTHER_SESSION: &str = "SELECT id FROM sessions WHERE user_id = $1 AND id <> $2 \
         AND revoked_at IS NULL AND refresh_expires_at > $3 LIMIT 1";
    const DEVICE_NOTICES: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM notifications \
         WHERE user_id = $1 AND code IN ('new_device', 'staff_sign_in') AND created_at > $2";
    const ROLE: &str = "SELECT role FROM users WHERE id = $1";
    let user = session.user_id;
    count_act(tx, "signed_in", user, Some(user), Some(session.id), now).await?;
    let of = (user, session.id, now);
    let other: Option<SessionId> = tx.optional_value(OTHER_SESSION, of).await?;
    let told: i64 = tx.value(DEVICE_NOTICES, (user, now - COUNTED_FOR)).await?;
    let role: UserRole = tx.value(ROLE, (user,)).await?;
    let notified = match notice(role, other.is_some(), &session.device) {
        Some(notice) if told < MAX_DEVICE_NOTICES => {
            notify(tx, user, &notice, session.id.to_string(), now).await?
        }
        _ => None,
    };
    Ok(SignedIn {
        session,
        ended,
        notified,
    })
}

impl Accounts<'_> {
    /// Signs a device in, and tells the user's other devices. Of too many live sessions those that
    /// signed in first end, as if they were revoked; of many sign-ins at once, on however many
    /// nodes, no more than `most` sessions are left. `verified` is the password hash the password
    /// was checked against: when it was changed meanwhile, or the user is gone or banned, there is
    /// no session (`None`).
    pub async fn create_session(
        self,
        user: UserId,
        verified: &Secret,
        new: NewSession,
        most: u32,
        now: Timestamp,
    ) -> Result<Option<SignedIn>, StoreError> {
        const ALLOWED: &str = "SELECT id FROM users \
             WHERE id = $1 AND password_hash = $2 AND is_banned = FALSE FOR NO KEY UPDATE";
        // SQLite takes no OFFSET alone.
        const TOO_MANY: &str = "UPDATE sessions SET revoked_at = $1 WHERE id IN \
             (SELECT id FROM sessions \
             WHERE user_id = $2 AND revoked_at IS NULL AND refresh_expires_at > $1 \
             ORDER BY created_at DESC, id DESC LIMIT $3 OFFSET $4) RETURNING id";
        let mut tx = self.begin().await?;
        let account = (user, verified.expose());
        let allowed: Option<UserId> = tx.optional_value(ALLOWED, account).await?;
        if allowed.is_none() {
            return Ok(None);
        }
        // Before the new one is there: a clock that was set back must not make it the oldest.
        let kept = i64::from(most.saturating_sub(1));
        let ended: Vec<SessionId> = tx.values(TOO_MANY, (now, user, i64::MAX, kept)).await?;
        for session in &ended {
            drop_belongings(&mut tx, *session).await?;
            count_act(&mut tx, "session_ended", user, None, Some(*session), now).await?;
        }
        let session = insert_session(&mut tx, user, new, now).await?;
        let signed_in = signed_in(&mut tx, session, ended, now).await?;
        tx.commit().await?;
        Ok(Some(signed_in))
    }

    /// Records that a wrong password was tried for the account of a phone, where it has one: one
    /// row an hour, which counts.
    pub async fn sign_in_failed(
        self,
        phone: &PhoneIndex,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const WHO: &str = "SELECT id FROM users \
             WHERE phone_index = $1 AND erased_at IS NULL FOR NO KEY UPDATE";
        let mut tx = self.begin().await?;
        let user: Option<UserId> = tx.optional_value(WHO, (phone.as_bytes(),)).await?;
        let Some(user) = user else { return Ok(()) };
        count_act(&mut tx, "sign_in_failed", user, None, None, now).await?;
        tx.commit().await?;
        Ok(())
    }
}
