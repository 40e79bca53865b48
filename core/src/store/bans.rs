//! Bans. They follow the phone's blind index, so that they outlive the account.

use serde::{Deserialize, Serialize};

use super::{Notified, Store, StoreError};
use crate::{
    backend::{read, write_tx},
    crypto::PhoneIndex,
    id::{BanId, UserId},
    time::Timestamp,
};

/// A ban that is in force.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct BanRow {
    pub id: BanId,
    pub reason: String,
    /// Made by the job that counts reports.
    pub automatic: bool,
    /// Waits for a moderator.
    pub provisional: bool,
    pub created_at: Timestamp,
    /// `None` for good.
    pub until: Option<Timestamp>,
}

/// A ban to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBan {
    /// What the banned user is told.
    pub reason: String,
    /// Made by the job that counts reports.
    pub automatic: bool,
    /// Waits for a moderator.
    pub provisional: bool,
    /// `None` for good.
    pub until: Option<Timestamp>,
    /// `None` for the system.
    pub created_by: Option<UserId>,
}

/// What became of a wish to ban.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Banning {
    /// It is in force. Its sockets and matches end when the [`BanOrder`] runs, or earlier where the caller sees to it.
    Banned {
        ban: BanRow,
        /// `None` where the account is erased.
        notified: Option<Notified>,
    },
    /// The phone was banned before; nothing changed.
    Already(BanRow),
    /// No such user.
    NotFound,
}

/// The queue of [`BanOrder`]s.
pub const BAN_QUEUE: &str = "ban";

/// Attempts of a [`BanOrder`]: about four minutes.
pub const BAN_ATTEMPTS: i64 = 10;

/// A wake-up to end what a banned user still has: connections and matches. Pushed in the transaction that bans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanOrder {
    pub user_id: UserId,
}

/// The phone of a user, also of one who erased the account: then its tombstone keeps it while bans can still come.
pub(crate) const PHONE_OF: &str =
    "SELECT COALESCE((SELECT t.phone_index FROM tombstones t WHERE t.user_id = u.id), u.phone_index) FROM users u WHERE u.id = $1";
pub(crate) const INSERT_BAN: &str = "INSERT INTO bans (id, phone_index, user_id, reason, automatic, provisional, created_at, until, created_by) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id, reason, automatic, provisional, created_at, until";
pub(crate) const FLAG: &str = "UPDATE users SET is_banned = TRUE WHERE id = $1";

/// Bans a user in the open write transaction `$tx`: the ban, its flag, the end of the sessions, the notice, the record, and the [`BanOrder`].
/// Of several at once one gets [`Banning::Banned`]: the user's row is locked.
macro_rules! ban_in {
    ($store:expr, $tx:expr, $user:expr, $ban:expr, $now:expr) => {{
        let (user, new, now): ($crate::id::UserId, &$crate::store::NewBan, $crate::time::Timestamp) = ($user, $ban, $now);
        sqlx::query($store.locking($crate::store::sessions::LOCK_USER)).bind(user).execute(&mut *$tx).await?;
        let phone: Option<Vec<u8>> = sqlx::query_scalar($crate::store::bans::PHONE_OF).bind(user).fetch_optional(&mut *$tx).await?;
        match phone {
            None => $crate::store::Banning::NotFound,
            Some(phone) => {
                let before: Option<$crate::store::BanRow> =
                    sqlx::query_as($crate::store::bans::ACTIVE_BAN).bind(&phone).bind(now).fetch_optional(&mut *$tx).await?;
                if let Some(before) = before {
                    $crate::store::Banning::Already(before)
                } else {
                    let ban: $crate::store::BanRow = sqlx::query_as($crate::store::bans::INSERT_BAN)
                        .bind($store.ids.next::<$crate::id::BanId>())
                        .bind(&phone)
                        .bind(user)
                        .bind(&new.reason)
                        .bind(new.automatic)
                        .bind(new.provisional)
                        .bind(now)
                        .bind(new.until)
                        .bind(new.created_by)
                        .fetch_one(&mut *$tx)
                        .await?;
                    sqlx::query($crate::store::bans::FLAG).bind(user).execute(&mut *$tx).await?;
                    let _ = $crate::store::sessions::revoke_others!($tx, user, None, now);
                    let notice = $crate::notice::Notice::Banned { until: ban.until };
                    let notified = $crate::store::notifications::notify_in!($store, $tx, user, &notice, ban.id.to_string(), now);
                    let details = serde_json::json!({
                        "ban_id": ban.id, "automatic": ban.automatic, "provisional": ban.provisional, "until": ban.until,
                        "before": { "banned": false }, "after": { "banned": true },
                    });
                    let log = $crate::store::SystemLog { action: "banned", user: Some(user), actor: new.created_by, details };
                    $crate::store::system_logs::log_in!($store, $tx, &log, now);
                    let payload = serde_json::to_vec(&$crate::store::BanOrder { user_id: user }).expect("an order is plain data");
                    let job = $crate::store::NewJob {
                        queue: $crate::store::BAN_QUEUE,
                        payload: &payload,
                        dedupe: None,
                        run_at: now,
                        max_attempts: $crate::store::BAN_ATTEMPTS,
                    };
                    // Without a key it is always new.
                    let _ = $crate::store::jobs::push_job_in!($store, $tx, job, now);
                    $crate::store::Banning::Banned { ban, notified }
                }
            }
        }
    }};
}

pub(crate) use ban_in;

/// The longest ban in force of a phone. `$1` index, `$2` now.
pub(super) const ACTIVE_BAN: &str = "SELECT id, reason, automatic, provisional, created_at, until FROM bans \
     WHERE phone_index = $1 AND lifted_at IS NULL AND (until IS NULL OR until > $2) \
     ORDER BY CASE WHEN until IS NULL THEN 0 ELSE 1 END, until DESC, id LIMIT 1";

impl Store {
    /// Bans a user, wherever it is and whatever it does. After the commit the caller tells and closes.
    pub async fn ban(&self, user: UserId, ban: &NewBan, now: Timestamp) -> Result<Banning, StoreError> {
        Ok(write_tx!(self, |tx| { ban_in!(self, tx, user, ban, now) }))
    }

    /// The ban of a phone that is in force at `now`; of several, the one that lasts longest.
    pub async fn active_ban(&self, phone: &PhoneIndex, now: Timestamp) -> Result<Option<BanRow>, StoreError> {
        Ok(read!(self, |db| sqlx::query_as(ACTIVE_BAN).bind(phone.as_bytes()).bind(now).fetch_optional(db).await?))
    }
}
