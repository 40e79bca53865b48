//! Bans. They follow the phone's blind index, so that they outlive the account.

use serde::{Deserialize, Serialize};

use super::Safety;
use crate::{
    crypto::PhoneIndex,
    db::Tx,
    store::{
        Notified, StoreError, SystemLog,
        accounts::sessions::revoke_others,
        jobs::{queue::push_order, system_logs::log},
        notices::notifications::notify,
    },
};
use tebdil_protocol::{
    id::{BanId, UserId},
    notice::Notice,
    time::Timestamp,
};

/// A ban that is in force.
#[derive(Debug, Clone, PartialEq, Eq, sqlx_macros::FromRow)]
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

/// A wake-up to end what a banned user still has, and whoever has its phone: connections and
/// matches. Pushed in the transaction that bans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanOrder {
    pub user_id: UserId,
}

/// The phone of a user, also of one who erased the account: then its tombstone keeps it while bans
/// can still come.
pub(crate) const PHONE_OF: &str = "SELECT COALESCE( \
     (SELECT t.phone_index FROM tombstones t WHERE t.user_id = u.id), u.phone_index) \
     FROM users u WHERE u.id = $1";
/// The longest ban in force of a phone. `$1` index, `$2` now.
pub(crate) const ACTIVE_BAN: &str = "SELECT \
     id, reason, automatic, provisional, created_at, until FROM bans \
     WHERE phone_index = $1 AND lifted_at IS NULL AND (until IS NULL OR until > $2) \
     ORDER BY CASE WHEN until IS NULL THEN 0 ELSE 1 END, until DESC, id LIMIT 1";
/// Users whose flag outlived their bans, lowest ids first. `$1` now, `$2` how many.
const FREED: &str = "SELECT u.id FROM users u WHERE u.is_banned AND NOT EXISTS ( \
     SELECT 1 FROM bans b WHERE b.lifted_at IS NULL AND (b.until IS NULL OR b.until > $1) \
     AND b.phone_index = COALESCE( \
     (SELECT t.phone_index FROM tombstones t WHERE t.user_id = u.id), u.phone_index)) \
     ORDER BY u.id LIMIT $2";

/// Holds a phone in this transaction: until it ends nobody else bans it, lifts a ban of it, or
/// registers with it. Take it before rows of users.
pub(crate) async fn lock_phone(tx: &mut Tx, phone: &[u8]) -> Result<(), StoreError> {
    // Phones that share a key only wait for each other.
    let key = phone.first_chunk().copied().map_or(0, i64::from_be_bytes);
    Ok(tx.lock(key).await?)
}

/// Holds the phone of a user, as [`lock_phone`], and gives it. `None`: no such user.
pub(super) async fn lock_phone_of(
    tx: &mut Tx,
    user: UserId,
) -> Result<Option<Vec<u8>>, StoreError> {
    let phone: Option<Vec<u8>> = tx.optional_value(PHONE_OF, (user,)).await?;
    if let Some(phone) = &phone {
        lock_phone(tx, phone).await?;
    }
    Ok(phone)
}

/// Tells whoever has a phone now. `None` where nobody has it.
pub(super) async fn notify_holder(
    tx: &mut Tx,
    phone: &[u8],
    notice: &Notice,
    reference: String,
    now: Timestamp,
) -> Result<Option<Notified>, StoreError> {
    const HOLDER: &str = "SELECT id FROM users WHERE phone_index = $1";
    match tx.optional_value(HOLDER, (phone,)).await? {
        Some(holder) => notify(tx, holder, notice, reference, now).await,
        None => Ok(None),
    }
}

/// Bans a user in this transaction, and whoever has its phone now: the ban, its flag, the end of
/// the sessions, the notice, the record, and the [`BanOrder`]. Of several at once one gets
/// [`Banning::Banned`]: the phone is held.
pub(crate) async fn ban(
    tx: &mut Tx,
    user: UserId,
    new: &NewBan,
    now: Timestamp,
) -> Result<Banning, StoreError> {
    /// `$1` and whoever has the phone `$2` now.
    const ACCOUNTS: &str = "SELECT id FROM users WHERE id = $1 OR phone_index = $2 ORDER BY id \
         FOR NO KEY UPDATE";
    const INSERT: &str = "INSERT INTO bans \
         (id, phone_index, user_id, reason, automatic, provisional, created_at, until, created_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         RETURNING id, reason, automatic, provisional, created_at, until";
    const FLAG: &str = "UPDATE users SET is_banned = TRUE WHERE id = $1";
    let Some(phone) = lock_phone_of(tx, user).await? else {
        return Ok(Banning::NotFound);
    };
    let accounts: Vec<UserId> = tx.values(ACCOUNTS, (user, &phone)).await?;
    if let Some(before) = tx.optional(ACTIVE_BAN, (&phone, now)).await? {
        return Ok(Banning::Already(before));
    }
    let id = tx.id::<BanId>();
    let row = (
        id,
        &phone,
        user,
        &new.reason,
        new.automatic,
        new.provisional,
        now,
        new.until,
        new.created_by,
    );
    let ban: BanRow = tx.one(INSERT, row).await?;
    for account in accounts {
        tx.execute(FLAG, (account,)).await?;
        let _ = revoke_others(tx, account, None, now).await?;
    }
    let order = BanOrder { user_id: user };
    push_order(tx, BAN_QUEUE, &order, BAN_ATTEMPTS, now).await?;
    let notice = Notice::Banned { until: ban.until };
    let notified = notify_holder(tx, &phone, &notice, ban.id.to_string(), now).await?;
    let act = SystemLog {
        action: "banned",
        user: Some(user),
        actor: new.created_by,
        details: serde_json::json!({
            "ban_id": ban.id,
            "automatic": ban.automatic,
            "provisional": ban.provisional,
            "until": ban.until,
            "before": { "banned": false },
            "after": { "banned": true },
        }),
    };
    log(tx, &act, now).await?;
    Ok(Banning::Banned { ban, notified })
}

/// Makes a provisional ban a decided one in this transaction, with its record; the ban as it is
/// now. `None` when it is not provisional, or not in force, any more. Of several at once one
/// succeeds: the ban's row is locked.
pub(crate) async fn confirm(
    tx: &mut Tx,
    id: BanId,
    how: &Confirmation,
    now: Timestamp,
) -> Result<Option<BanRow>, StoreError> {
    const PROVISIONAL: &str = "SELECT user_id, until FROM bans \
         WHERE id = $1 AND provisional AND lifted_at IS NULL FOR NO KEY UPDATE";
    const CONFIRM: &str = "UPDATE bans SET provisional = FALSE, \
         reason = COALESCE($2, reason), until = $3, \
         confirmed_at = $4, confirmed_by = $5, confirm_note = $6 WHERE id = $1 \
         RETURNING id, reason, automatic, provisional, created_at, until";
    let before: Option<(Option<UserId>, Option<Timestamp>)> =
        tx.optional(PROVISIONAL, (id,)).await?;
    let in_force = before.filter(|(_, until)| until.is_none_or(|until| until > now));
    let Some((user, until)) = in_force else {
        return Ok(None);
    };
    let (reason, note) = (how.reason.as_deref(), how.note.as_deref());
    let end = how.until.unwrap_or(until);
    let params = (id, reason, end, now, how.by, note);
    let ban: BanRow = tx.one(CONFIRM, params).await?;
    let act = SystemLog {
        action: "ban_confirmed",
        user,
        actor: Some(how.by),
        details: serde_json::json!({
            "ban_id": id,
            "before": { "provisional": true, "until": until },
            "after": { "provisional": false, "until": ban.until },
        }),
    };
    log(tx, &act, now).await?;
    Ok(Some(ban))
}

/// Lifts bans of a phone that are in force, all or `only` one, in this transaction, which holds the
/// phone: how many, with the notice of it where none is left. Appeals of them that wait are settled
/// with them.
pub(crate) async fn lift(
    tx: &mut Tx,
    phone: &[u8],
    only: Option<BanId>,
    by: UserId,
    note: &str,
    now: Timestamp,
) -> Result<(usize, Option<Notified>), StoreError> {
    const LIFT: &str = "UPDATE bans SET lifted_at = $1, lifted_by = $2, lift_note = $3 \
         WHERE phone_index = $4 AND lifted_at IS NULL AND (until IS NULL OR until > $1) \
         AND ($5 IS NULL OR id = $5) RETURNING id, user_id, provisional";
    /// Every account of a phone, erased ones too.
    const FLAGGED: &str = "SELECT id FROM users WHERE phone_index = $1 \
         OR id IN (SELECT user_id FROM tombstones WHERE phone_index = $1) ORDER BY id \
         FOR NO KEY UPDATE";
    const UNFLAG: &str = "UPDATE users SET is_banned = FALSE WHERE phone_index = $1 \
         OR id IN (SELECT user_id FROM tombstones WHERE phone_index = $1)";
    const LIFT_APPEAL: &str = "UPDATE appeals \
         SET status = 'lifted', decided_at = $1, decided_by = $2 \
         WHERE ban_id = $3 AND status = 'open'";
    let lifted: Vec<(BanId, Option<UserId>, bool)> =
        tx.all(LIFT, (now, by, note, phone, only)).await?;
    let still: Option<BanRow> = tx.optional(ACTIVE_BAN, (phone, now)).await?;
    let mut notified = None;
    if !lifted.is_empty() && still.is_none() {
        // The update alone would lock them in an order of its own.
        tx.execute(FLAGGED, (phone,)).await?;
        tx.execute(UNFLAG, (phone,)).await?;
        let reference = lifted[0].0.to_string();
        notified = notify_holder(tx, phone, &Notice::BanLifted {}, reference, now).await?;
    }
    for (ban, user, provisional) in &lifted {
        tx.execute(LIFT_APPEAL, (now, by, ban)).await?;
        let act = SystemLog {
            action: "ban_lifted",
            user: *user,
            actor: Some(by),
            details: serde_json::json!({
                "ban_id": ban,
                "before": { "banned": true, "provisional": provisional },
                "after": { "banned": still.is_some() },
            }),
        };
        log(tx, &act, now).await?;
    }
    Ok((lifted.len(), notified))
}

impl Safety<'_> {
    /// Bans a user, wherever it is and whatever it does. After the commit the caller tells and
    /// closes.
    pub async fn ban(
        self,
        user: UserId,
        new: &NewBan,
        now: Timestamp,
    ) -> Result<Banning, StoreError> {
        let mut tx = self.begin().await?;
        let banning = ban(&mut tx, user, new, now).await?;
        tx.commit().await?;
        Ok(banning)
    }

    /// The ban of a phone that is in force at `now`; of several, the one that lasts longest.
    pub async fn active_ban(
        self,
        phone: &PhoneIndex,
        now: Timestamp,
    ) -> Result<Option<BanRow>, StoreError> {
        self.db.optional(ACTIVE_BAN, (phone.as_bytes(), now)).await
    }

    /// Whether the user is marked as banned; `false` when there is no such user.
    pub async fn is_banned(self, user: UserId) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT is_banned FROM users WHERE id = $1";
        let banned: Option<bool> = self.db.optional_value(SQL, (user,)).await?;
        Ok(banned.unwrap_or(false))
    }

    /// The accounts marked as banned that a ban of `user` is about: its own, and the one that has
    /// its phone now. Empty when the ban is over.
    pub async fn banned_accounts(self, user: UserId) -> Result<Vec<UserId>, StoreError> {
        const SQL: &str = "SELECT a.id FROM users a WHERE a.is_banned AND (a.id = $1 \
             OR a.phone_index = (SELECT COALESCE( \
             (SELECT t.phone_index FROM tombstones t WHERE t.user_id = u.id), u.phone_index) \
             FROM users u WHERE u.id = $1)) ORDER BY a.id";
        self.db.values(SQL, (user,)).await
    }

    /// Up to `limit` users that are marked as banned and have no ban in force at `now`: it ran out.
    pub async fn freed_users(self, now: Timestamp, limit: i64) -> Result<Vec<UserId>, StoreError> {
        self.db.values(FREED, (now, limit)).await
    }

    /// Lets a user whose bans have run out in again. `false` when one is in force at `now`, or the
    /// user is not marked as banned; nothing changed then.
    pub async fn end_ban(self, user: UserId, now: Timestamp) -> Result<bool, StoreError> {
        const CLEAR: &str = "UPDATE users SET is_banned = FALSE WHERE id = $1 AND is_banned";
        let mut tx = self.begin().await?;
        let Some(phone) = lock_phone_of(&mut tx, user).await? else {
            return Ok(false);
        };
        let ban: Option<BanRow> = tx.optional(ACTIVE_BAN, (&phone, now)).await?;
        if ban.is_some() || tx.execute(CLEAR, (user,)).await? == 0 {
            return Ok(false);
        }
        let act = SystemLog {
            action: "ban_ended",
            user: Some(user),
            actor: None,
            details: serde_json::json!({
                "before": { "banned": true }, "after": { "banned": false },
            }),
        };
        log(&mut tx, &act, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Up to `limit` banned users with ids above `after` that are in a match which goes on at
    /// `now`.
    pub async fn banned_in_matches(
        self,
        after: UserId,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<UserId>, StoreError> {
        const SQL: &str = "SELECT u.id FROM users u WHERE u.is_banned AND u.id > $1 AND EXISTS ( \
             SELECT 1 FROM match_sides s JOIN matches m ON m.id = s.match_id \
             WHERE s.user_id = u.id AND s.open AND m.expired_at > $2) ORDER BY u.id LIMIT $3";
        self.db.values(SQL, (after, now, limit)).await
    }
}
