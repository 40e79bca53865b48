//! What signing in leaves behind: acts that an account can repeat, in `system_logs`, and a word to
//! its other devices.

use serde_json::json;
use sqlx::FromRow;

use super::{Notified, SessionRow, Store, StoreError};
use crate::{
    backend::write_tx,
    crypto::PhoneIndex,
    domain::UserRole,
    id::{SessionId, SystemLogId, UserId},
    notice::Notice,
    protocol::Device,
    time::Timestamp,
};

/// Acts of one kind and account within this time share a row, which counts them.
pub(super) const COUNTED_FOR: std::time::Duration = std::time::Duration::from_hours(1);

/// Most notices of sign-ins that an account is sent in [`COUNTED_FOR`].
pub(super) const MAX_DEVICE_NOTICES: i64 = 20;

/// A device that has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    pub session: SessionRow,
    /// Older sessions that ended for it, because there were too many; their sockets must be closed.
    pub ended: Vec<SessionId>,
    /// What its account's other devices are told, where there are any; staff in any case.
    pub notified: Option<Notified>,
}

/// The row that counts an act.
#[derive(FromRow)]
pub(super) struct CountedRow {
    pub id: SystemLogId,
    details: String,
}

/// The youngest row of `$2` about the user `$1` with an id from `$3` and a time after `$4`.
pub(super) const LAST: &str = "SELECT id, details FROM system_logs \
     WHERE user_id = $1 AND action = $2 AND id >= $3 AND created_at > $4 ORDER BY id DESC LIMIT 1";
pub(super) const RECOUNT: &str = "UPDATE system_logs SET details = $1 WHERE id = $2";
pub(super) const OTHER_SESSION: &str = "SELECT id FROM sessions WHERE user_id = $1 AND id <> $2 AND revoked_at IS NULL AND refresh_expires_at > $3 LIMIT 1";
pub(super) const DEVICE_NOTICES: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM notifications WHERE user_id = $1 AND code IN ('new_device', 'staff_sign_in') AND created_at > $2";
pub(super) const ROLE: &str = "SELECT role FROM users WHERE id = $1";

/// The details of an act that happens once more.
pub(super) fn counted(
    before: Option<&CountedRow>,
    session: Option<SessionId>,
    now: Timestamp,
) -> serde_json::Value {
    let before =
        before.and_then(|row| serde_json::from_str::<serde_json::Value>(&row.details).ok());
    let count = before
        .and_then(|details| details["count"].as_i64())
        .unwrap_or(0)
        + 1;
    json!({ "count": count, "last_at": now, "session_id": session })
}

/// Records in the open write transaction `$tx`, which holds `$user`, an act that an account can
/// repeat as often as it likes: one row for an hour, which counts.
macro_rules! count_act_in {
    ($store:expr, $tx:expr, $action:expr, $user:expr, $actor:expr, $session:expr, $now:expr) => {{
        use $crate::store::sign_ins as s;
        let (action, user, now): (&str, $crate::id::UserId, $crate::time::Timestamp) =
            ($action, $user, $now);
        let session: Option<$crate::id::SessionId> = $session;
        let since = now - s::COUNTED_FOR;
        let last: Option<s::CountedRow> = sqlx::query_as(s::LAST)
            .bind(user)
            .bind(action)
            .bind($crate::id::IdGenerator::first_id_at(
                since - $crate::store::retention::ID_SLACK,
            ))
            .bind(since)
            .fetch_optional(&mut *$tx)
            .await?;
        let details = s::counted(last.as_ref(), session, now);
        match last {
            Some(row) => {
                sqlx::query(s::RECOUNT)
                    .bind(details.to_string())
                    .bind(row.id)
                    .execute(&mut *$tx)
                    .await?;
            }
            None => {
                let log = $crate::store::SystemLog {
                    action,
                    user: Some(user),
                    actor: $actor,
                    details,
                };
                $crate::store::system_logs::log_in!($store, $tx, &log, now);
            }
        }
    }};
}
pub(super) use count_act_in;

/// What an account is told of a sign-in; `has_others`: devices that are signed in besides.
pub(super) fn notice(role: UserRole, has_others: bool, device: &Device) -> Option<Notice> {
    let Device { name, platform } = device.clone();
    match role {
        UserRole::Moderator | UserRole::Admin => Some(Notice::StaffSignIn { name, platform }),
        UserRole::User => has_others.then_some(Notice::NewDevice { name, platform }),
    }
}

/// Records in the open write transaction `$tx`, which holds the user, that `$session` has signed
/// in, and tells its user's other devices: gives a [`SignedIn`].
macro_rules! signed_in_in {
    ($store:expr, $tx:expr, $session:expr, $ended:expr, $now:expr) => {{
        use $crate::store::sign_ins as s;
        let (session, now): ($crate::store::SessionRow, $crate::time::Timestamp) = ($session, $now);
        let user = session.user_id;
        s::count_act_in!(
            $store,
            $tx,
            "signed_in",
            user,
            Some(user),
            Some(session.id),
            now
        );
        let other: Option<$crate::id::SessionId> = sqlx::query_scalar(s::OTHER_SESSION)
            .bind(user)
            .bind(session.id)
            .bind(now)
            .fetch_optional(&mut *$tx)
            .await?;
        let told: i64 = sqlx::query_scalar(s::DEVICE_NOTICES)
            .bind(user)
            .bind(now - s::COUNTED_FOR)
            .fetch_one(&mut *$tx)
            .await?;
        let role: $crate::domain::UserRole = sqlx::query_scalar(s::ROLE)
            .bind(user)
            .fetch_one(&mut *$tx)
            .await?;
        let notified = match s::notice(role, other.is_some(), &session.device) {
            Some(notice) if told < s::MAX_DEVICE_NOTICES => {
                $crate::store::notifications::notify_in!(
                    $store,
                    $tx,
                    user,
                    &notice,
                    session.id.to_string(),
                    now
                )
            }
            _ => None,
        };
        s::SignedIn {
            session,
            ended: $ended,
            notified,
        }
    }};
}
pub(super) use signed_in_in;

impl Store {
    /// Records that a wrong password was tried for the account of a phone, where it has one: one
    /// row an hour, which counts.
    pub async fn sign_in_failed(
        &self,
        phone: &PhoneIndex,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const WHO: &str = "SELECT id FROM users WHERE phone_index = $1 AND erased_at IS NULL";
        write_tx!(self, |tx| {
            let user: Option<UserId> = sqlx::query_scalar(self.locking(WHO))
                .bind(phone.as_bytes())
                .fetch_optional(&mut *tx)
                .await?;
            let Some(user) = user else { return Ok(()) };
            count_act_in!(self, tx, "sign_in_failed", user, None, None, now);
        });
        Ok(())
    }
}
