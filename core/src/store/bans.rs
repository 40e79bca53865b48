//! Bans. They follow the phone's blind index, so that they outlive the account.

use serde::{Deserialize, Serialize};
use sqlx::QueryBuilder;

use super::{Notified, Store, StoreError, SystemLog, system_logs::log_in};
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

/// How a moderator makes a provisional ban a decided one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// What the banned user is told from now on; `None` leaves it.
    pub reason: Option<String>,
    /// `Some(None)` for good; `None` leaves the end.
    pub until: Option<Option<Timestamp>>,
    pub by: UserId,
    /// For moderators.
    pub note: Option<String>,
}

/// What became of a wish to ban.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Banning {
    /// It is in force. Its sockets and matches end when the [`BanOrder`] runs, or earlier where the
    /// caller sees to it.
    Banned {
        ban: BanRow,
        /// The phone's account today, told of it; it may be another than the one that was meant,
        /// when that is erased. `None` where there is none.
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

/// A wake-up to end what a banned user still has: connections and matches. Pushed in the
/// transaction that bans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanOrder {
    pub user_id: UserId,
}

/// The phone of a user, also of one who erased the account: then its tombstone keeps it while bans
/// can still come.
pub(crate) const PHONE_OF: &str = "SELECT COALESCE((SELECT t.phone_index FROM tombstones t WHERE t.user_id = u.id), u.phone_index) FROM users u WHERE u.id = $1";
/// `$1` and whoever has the phone `$2` now.
pub(crate) const ACCOUNTS: &str =
    "SELECT id FROM users WHERE id = $1 OR phone_index = $2 ORDER BY id";
pub(crate) const HOLDER: &str = "SELECT id FROM users WHERE phone_index = $1";
pub(crate) const INSERT_BAN: &str = "INSERT INTO bans (id, phone_index, user_id, reason, automatic, provisional, created_at, until, created_by) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id, reason, automatic, provisional, created_at, until";
pub(crate) const FLAG: &str = "UPDATE users SET is_banned = TRUE WHERE id = $1";
pub(crate) const PROVISIONAL: &str =
    "SELECT user_id, until FROM bans WHERE id = $1 AND provisional AND lifted_at IS NULL";
pub(crate) const CONFIRM: &str = "UPDATE bans SET provisional = FALSE, reason = COALESCE($2, reason), until = $3, confirmed_at = $4, \
     confirmed_by = $5, confirm_note = $6 WHERE id = $1 RETURNING id, reason, automatic, provisional, created_at, until";
pub(crate) const LIFT: &str = "UPDATE bans SET lifted_at = $1, lifted_by = $2, lift_note = $3 \
     WHERE phone_index = $4 AND lifted_at IS NULL AND (until IS NULL OR until > $1) AND ($5 IS NULL OR id = $5) RETURNING id, user_id, provisional";
pub(crate) const LIFT_APPEAL: &str = "UPDATE appeals SET status = 'lifted', decided_at = $1, decided_by = $2 WHERE ban_id = $3 AND status = 'open'";
/// Every account of a phone, erased ones too.
pub(crate) const FLAGGED: &str = "SELECT id FROM users WHERE phone_index = $1 OR id IN (SELECT user_id FROM tombstones WHERE phone_index = $1) ORDER BY id";
pub(crate) const UNFLAG: &str = "UPDATE users SET is_banned = FALSE \
     WHERE phone_index = $1 OR id IN (SELECT user_id FROM tombstones WHERE phone_index = $1)";

/// Holds a phone in the open write transaction `$tx`: until it ends nobody else bans it, lifts a
/// ban of it, or registers with it. Take it before rows of users.
macro_rules! lock_phone_in {
    ($store:expr, $tx:expr, $phone:expr) => {{
        let phone: &[u8] = $phone;
        // Phones that share a key only wait for each other.
        let key = phone.first_chunk().copied().map_or(0, i64::from_be_bytes);
        sqlx::query($store.db.lock_key())
            .bind(key)
            .execute(&mut *$tx)
            .await?;
    }};
}
pub(crate) use lock_phone_in;

/// Bans a user in the open write transaction `$tx`, and whoever has its phone now: the ban, its
/// flag, the end of the sessions, the notice, the record, and the [`BanOrder`]s. Of several at once
/// one gets [`Banning::Banned`]: the phone is held.
macro_rules! ban_in {
    ($store:expr, $tx:expr, $user:expr, $ban:expr, $now:expr) => {{
        let (user, new, now): ($crate::id::UserId, &$crate::store::NewBan, $crate::time::Timestamp) = ($user, $ban, $now);
        let phone: Option<Vec<u8>> = sqlx::query_scalar($crate::store::bans::PHONE_OF).bind(user).fetch_optional(&mut *$tx).await?;
        match phone {
            None => $crate::store::Banning::NotFound,
            Some(phone) => {
                $crate::store::bans::lock_phone_in!($store, $tx, &phone);
                let accounts: Vec<$crate::id::UserId> = sqlx::query_scalar($store.locking($crate::store::bans::ACCOUNTS))
                    .bind(user)
                    .bind(&phone)
                    .fetch_all(&mut *$tx)
                    .await?;
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
                    for account in accounts {
                        sqlx::query($crate::store::bans::FLAG).bind(account).execute(&mut *$tx).await?;
                        let _ = $crate::store::sessions::revoke_others!($tx, account, None, now);
                        let order = $crate::store::BanOrder { user_id: account };
                        let payload = serde_json::to_vec(&order).expect("an order is plain data");
                        let job = $crate::store::NewJob {
                            queue: $crate::store::BAN_QUEUE,
                            payload: &payload,
                            dedupe: None,
                            run_at: now,
                            max_attempts: $crate::store::BAN_ATTEMPTS,
                        };
                        // Without a key it is always new.
                        let _ = $crate::store::jobs::push_job_in!($store, $tx, job, now);
                    }
                    let holder: Option<$crate::id::UserId> =
                        sqlx::query_scalar($crate::store::bans::HOLDER).bind(&phone).fetch_optional(&mut *$tx).await?;
                    let notified = match holder {
                        Some(holder) => {
                            let notice = $crate::notice::Notice::Banned { until: ban.until };
                            $crate::store::notifications::notify_in!($store, $tx, holder, &notice, ban.id.to_string(), now)
                        }
                        None => None,
                    };
                    let details = serde_json::json!({
                        "ban_id": ban.id, "automatic": ban.automatic, "provisional": ban.provisional, "until": ban.until,
                        "before": { "banned": false }, "after": { "banned": true },
                    });
                    let log = $crate::store::SystemLog { action: "banned", user: Some(user), actor: new.created_by, details };
                    $crate::store::system_logs::log_in!($store, $tx, &log, now);
                    $crate::store::Banning::Banned { ban, notified }
                }
            }
        }
    }};
}
pub(crate) use ban_in;

/// Makes a provisional ban a decided one in the open write transaction `$tx`, with its record; the
/// ban as it is now. `None` when it is not provisional, or not in force, any more. Of several at
/// once one succeeds: the ban's row is locked.
macro_rules! confirm_in {
    ($store:expr, $tx:expr, $ban:expr, $how:expr, $now:expr) => {{
        let (id, how, now): ($crate::id::BanId, &$crate::store::Confirmation, $crate::time::Timestamp) = ($ban, $how, $now);
        let before: Option<(Option<$crate::id::UserId>, Option<$crate::time::Timestamp>)> =
            sqlx::query_as($store.locking($crate::store::bans::PROVISIONAL)).bind(id).fetch_optional(&mut *$tx).await?;
        match before.filter(|(_, until)| until.is_none_or(|until| until > now)) {
            None => None,
            Some((user, until)) => {
                let ban: $crate::store::BanRow = sqlx::query_as($crate::store::bans::CONFIRM)
                    .bind(id)
                    .bind(how.reason.as_deref())
                    .bind(how.until.unwrap_or(until))
                    .bind(now)
                    .bind(how.by)
                    .bind(how.note.as_deref())
                    .fetch_one(&mut *$tx)
                    .await?;
                let details = serde_json::json!({
                    "ban_id": id,
                    "before": { "provisional": true, "until": until },
                    "after": { "provisional": false, "until": ban.until },
                });
                let log = $crate::store::SystemLog { action: "ban_confirmed", user, actor: Some(how.by), details };
                $crate::store::system_logs::log_in!($store, $tx, &log, now);
                Some(ban)
            }
        }
    }};
}
pub(crate) use confirm_in;

/// Lifts bans of a phone that are in force, all or only `$ban`, in the open write transaction
/// `$tx`, which holds the phone: those bans, with the notice of it where none is left. Appeals of
/// them that wait are settled with them.
macro_rules! lift_in {
    ($store:expr, $tx:expr, $phone:expr, $ban:expr, $by:expr, $note:expr, $now:expr) => {{
        let (phone, only, by, note, now): (&[u8], Option<$crate::id::BanId>, $crate::id::UserId, &str, $crate::time::Timestamp) =
            ($phone, $ban, $by, $note, $now);
        let lifted: Vec<($crate::id::BanId, Option<$crate::id::UserId>, bool)> = sqlx::query_as($crate::store::bans::LIFT)
            .bind(now)
            .bind(by)
            .bind(note)
            .bind(phone)
            .bind(only)
            .fetch_all(&mut *$tx)
            .await?;
        let still: Option<$crate::store::BanRow> =
            sqlx::query_as($crate::store::bans::ACTIVE_BAN).bind(phone).bind(now).fetch_optional(&mut *$tx).await?;
        let mut notified = None;
        if !lifted.is_empty() && still.is_none() {
            // The update alone would lock them in an order of its own.
            sqlx::query($store.locking($crate::store::bans::FLAGGED)).bind(phone).execute(&mut *$tx).await?;
            let holder: Option<$crate::id::UserId> =
                sqlx::query_scalar($crate::store::bans::HOLDER).bind(phone).fetch_optional(&mut *$tx).await?;
            sqlx::query($crate::store::bans::UNFLAG).bind(phone).execute(&mut *$tx).await?;
            if let Some(holder) = holder {
                let reference = lifted[0].0.to_string();
                notified =
                    $crate::store::notifications::notify_in!($store, $tx, holder, &$crate::notice::Notice::BanLifted {}, reference, now);
            }
        }
        for (ban, user, provisional) in &lifted {
            sqlx::query($crate::store::bans::LIFT_APPEAL).bind(now).bind(by).bind(ban).execute(&mut *$tx).await?;
            let details = serde_json::json!({
                "ban_id": ban,
                "before": { "banned": true, "provisional": provisional },
                "after": { "banned": still.is_some() },
            });
            let log = $crate::store::SystemLog { action: "ban_lifted", user: *user, actor: Some(by), details };
            $crate::store::system_logs::log_in!($store, $tx, &log, now);
        }
        (lifted.len(), notified)
    }};
}
pub(crate) use lift_in;

/// The longest ban in force of a phone. `$1` index, `$2` now.
pub(super) const ACTIVE_BAN: &str = "SELECT id, reason, automatic, provisional, created_at, until FROM bans \
     WHERE phone_index = $1 AND lifted_at IS NULL AND (until IS NULL OR until > $2) \
     ORDER BY CASE WHEN until IS NULL THEN 0 ELSE 1 END, until DESC, id LIMIT 1";

/// Users whose flag outlived their bans, lowest ids first. `$1` now, `$2` how many.
const FREED: &str = "SELECT u.id FROM users u WHERE u.is_banned AND NOT EXISTS ( \
     SELECT 1 FROM bans b WHERE b.lifted_at IS NULL AND (b.until IS NULL OR b.until > $1) \
     AND b.phone_index = COALESCE((SELECT t.phone_index FROM tombstones t WHERE t.user_id = u.id), u.phone_index)) \
     ORDER BY u.id LIMIT $2";

impl Store {
    /// Bans a user, wherever it is and whatever it does. After the commit the caller tells and
    /// closes.
    pub async fn ban(
        &self,
        user: UserId,
        ban: &NewBan,
        now: Timestamp,
    ) -> Result<Banning, StoreError> {
        Ok(write_tx!(self, |tx| { ban_in!(self, tx, user, ban, now) }))
    }

    /// The ban of a phone that is in force at `now`; of several, the one that lasts longest.
    pub async fn active_ban(
        &self,
        phone: &PhoneIndex,
        now: Timestamp,
    ) -> Result<Option<BanRow>, StoreError> {
        Ok(read!(self, |db| sqlx::query_as(ACTIVE_BAN)
            .bind(phone.as_bytes())
            .bind(now)
            .fetch_optional(db)
            .await?))
    }

    /// Whether the user is marked as banned; `false` when there is no such user.
    pub async fn is_banned(&self, user: UserId) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT is_banned FROM users WHERE id = $1";
        let banned: Option<bool> = read!(self, |db| sqlx::query_scalar(SQL)
            .bind(user)
            .fetch_optional(db)
            .await?);
        Ok(banned.unwrap_or(false))
    }

    /// Up to `limit` users that are marked as banned and have no ban in force at `now`: it ran out.
    pub async fn freed_users(&self, now: Timestamp, limit: i64) -> Result<Vec<UserId>, StoreError> {
        Ok(read!(self, |db| sqlx::query_scalar(FREED)
            .bind(now)
            .bind(limit)
            .fetch_all(db)
            .await?))
    }

    /// Lets a user whose bans have run out in again. `false` when one is in force at `now`, or the
    /// user is not marked as banned; nothing changed then.
    pub async fn end_ban(&self, user: UserId, now: Timestamp) -> Result<bool, StoreError> {
        const CLEAR: &str = "UPDATE users SET is_banned = FALSE WHERE id = $1 AND is_banned";
        Ok(write_tx!(self, |tx| {
            let phone: Option<Vec<u8>> = sqlx::query_scalar(PHONE_OF)
                .bind(user)
                .fetch_optional(&mut *tx)
                .await?;
            let Some(phone) = phone else { return Ok(false) };
            lock_phone_in!(self, tx, &phone);
            let ban: Option<BanRow> = sqlx::query_as(ACTIVE_BAN)
                .bind(&phone)
                .bind(now)
                .fetch_optional(&mut *tx)
                .await?;
            if ban.is_some()
                || sqlx::query(CLEAR)
                    .bind(user)
                    .execute(&mut *tx)
                    .await?
                    .rows_affected()
                    == 0
            {
                return Ok(false);
            }
            let details =
                serde_json::json!({ "before": { "banned": true }, "after": { "banned": false } });
            log_in!(
                self,
                tx,
                &SystemLog {
                    action: "ban_ended",
                    user: Some(user),
                    actor: None,
                    details
                },
                now
            );
            true
        }))
    }

    /// Up to `limit` banned users with ids above `after` that are in a match which goes on at
    /// `now`.
    pub async fn banned_in_matches(
        &self,
        after: UserId,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<UserId>, StoreError> {
        const SQL: &str = "SELECT u.id FROM users u WHERE u.is_banned AND u.id > $1 AND EXISTS (SELECT 1 FROM match_sides s \
             JOIN matches m ON m.id = s.match_id WHERE s.user_id = u.id AND s.open AND m.expired_at > $2) ORDER BY u.id LIMIT $3";
        Ok(read!(self, |db| sqlx::query_scalar(SQL)
            .bind(after)
            .bind(now)
            .bind(limit)
            .fetch_all(db)
            .await?))
    }

    /// Deletes up to `limit` bans that ended or were lifted at `cutoff` or before, with their
    /// appeals, and says how many.
    pub async fn delete_old_bans(&self, cutoff: Timestamp, limit: i64) -> Result<u64, StoreError> {
        Ok(write_tx!(self, |tx| {
            let mut query = QueryBuilder::new(
                "DELETE FROM bans WHERE id IN (SELECT id FROM bans WHERE lifted_at <= ",
            );
            query
                .push_bind(cutoff)
                .push(" OR until <= ")
                .push_bind(cutoff);
            query
                .push(" ORDER BY id LIMIT ")
                .push_bind(limit)
                .push(self.db.for_update_skip_locked())
                .push(")");
            query.build().execute(&mut *tx).await?.rows_affected()
        }))
    }
}
