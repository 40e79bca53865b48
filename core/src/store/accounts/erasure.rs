//! Erasing an account: one transaction takes the person out of the database, its [`EraseOrder`]s
//! see to the rest.

use std::time::Duration;

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::{Accounts, codes, record};
use crate::{
    db::Tx,
    privacy::{Erasure, TABLES},
    store::{
        NewJob, StoreError,
        jobs::queue::push_job,
        safety::{
            bans::{PHONE_OF, lock_phone},
            blocks::keep_blocks,
        },
    },
};
use tebdil_protocol::{
    Secret,
    domain::UserRole,
    id::{CodeId, MatchId, UserId},
    time::Timestamp,
};

/// The queue of [`EraseOrder`]s.
pub const ERASE_QUEUE: &str = "erase";

/// Attempts of an [`EraseOrder`]: about five hours.
pub const ERASE_ATTEMPTS: i64 = 18;

/// When an erased account is gone over once more. What was under way when it was erased has ended
/// by then, and its last access token is not good any more.
const AGAIN_AFTER: Duration = Duration::from_mins(20);

/// What an erased account is called.
pub const ERASED_ALIAS: &str = "deleted";

/// Who erases an account.
#[derive(Debug, Clone, Copy)]
pub enum ErasedBy<'a> {
    /// Its user, whose password was checked against this hash.
    User { verified: &'a Secret },
    /// An admin, at the wish of its user.
    Admin { id: UserId, note: &'a str },
}

/// What became of a wish to erase an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erased {
    /// Now. Its sockets and matches end when the [`EraseOrder`] runs, or earlier where the caller
    /// sees to it.
    Now,
    /// No such account, or not any more; or its password is no longer the one that was verified.
    NotFound,
    /// An admin's account is its own to erase.
    Forbidden,
}

/// A wake-up to end what an erased account still has, and to forget what others' rows still say of
/// it. Pushed in the transaction that erases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseOrder {
    pub user_id: UserId,
}

impl Accounts<'_> {
    /// Erases an account: what is only its own is deleted, and its row becomes one without a
    /// person, to which matches and reports still refer. Its phone can register anew at once,
    /// unless it is banned, and gets the blocks by and of it then. A tombstone keeps the phone's
    /// index while reports and bans can still concern it.
    ///
    /// Of several calls one gets [`Erased::Now`]. After it no match, session or grant of the
    /// account is made: those who make them look under the same lock.
    pub async fn erase_user(
        self,
        user: UserId,
        by: ErasedBy<'_>,
        rng: &mut (impl Rng + Send),
        now: Timestamp,
    ) -> Result<Erased, StoreError> {
        const PHONE: &str = "SELECT phone_index FROM users WHERE id = $1 AND erased_at IS NULL";
        const ACCOUNT: &str = "SELECT password_hash, role FROM users \
             WHERE id = $1 AND erased_at IS NULL FOR NO KEY UPDATE";
        let mut tx = self.begin().await?;
        // Held before the user, as by whoever bans or decides an appeal. It never changes while
        // there is an account.
        let phone: Option<Vec<u8>> = tx.optional_value(PHONE, (user,)).await?;
        let Some(phone) = phone else {
            return Ok(Erased::NotFound);
        };
        lock_phone(&mut tx, &phone).await?;
        let account: Option<(String, UserRole)> = tx.optional(ACCOUNT, (user,)).await?;
        let Some((password_hash, role)) = account else {
            return Ok(Erased::NotFound);
        };
        let (actor, note) = match by {
            ErasedBy::User { verified } if verified.expose() != password_hash => {
                return Ok(Erased::NotFound);
            }
            ErasedBy::Admin { .. } if role == UserRole::Admin => return Ok(Erased::Forbidden),
            ErasedBy::User { .. } => (user, None),
            ErasedBy::Admin { id, note } => (id, Some(note)),
        };
        delete_rows(&mut tx, user, &phone).await?;
        keep_blocks(&mut tx, user, &phone).await?;
        take_person_out(&mut tx, user, &phone, rng, now).await?;
        let details = serde_json::json!({
            "note": note, "before": { "role": role }, "after": { "erased": true },
        });
        record(&mut tx, "account_erased", user, Some(actor), details, now).await?;
        let payload =
            serde_json::to_vec(&EraseOrder { user_id: user }).expect("an order is plain data");
        for run_at in [now, now + AGAIN_AFTER] {
            let job = NewJob {
                queue: ERASE_QUEUE,
                payload: &payload,
                dedupe: None,
                run_at,
                max_attempts: ERASE_ATTEMPTS,
            };
            // Without a key it is always new.
            let _ = push_job(&mut tx, job, now).await?;
        }
        tx.commit().await?;
        Ok(Erased::Now)
    }

    /// Whether this account was erased; it stays so.
    pub async fn is_erased(self, user: UserId) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT erased_at IS NOT NULL FROM users WHERE id = $1";
        let erased: Option<bool> = self.db.optional_value(SQL, (user,)).await?;
        Ok(erased.unwrap_or(false))
    }

    /// Deletes what requests that were under way wrote for an erased account after all. Touches
    /// nothing of one that is not erased.
    pub async fn sweep_erased(self, user: UserId) -> Result<(), StoreError> {
        const ERASED: &str = "SELECT phone_index FROM users \
             WHERE id = $1 AND erased_at IS NOT NULL FOR NO KEY UPDATE";
        let mut tx = self.begin().await?;
        let phone: Option<Vec<u8>> = tx.optional_value(PHONE_OF, (user,)).await?;
        let Some(phone) = phone else { return Ok(()) };
        lock_phone(&mut tx, &phone).await?;
        // Not that phone: it may have a new account by now.
        let nobodys: Option<Vec<u8>> = tx.optional_value(ERASED, (user,)).await?;
        let Some(nobodys) = nobodys else {
            return Ok(());
        };
        delete_rows(&mut tx, user, &nobodys).await?;
        Ok(tx.commit().await?)
    }

    /// The matches of `user` that nobody has ended, also those that have run out.
    pub async fn unended_matches(self, user: UserId) -> Result<Vec<MatchId>, StoreError> {
        const SQL: &str =
            "SELECT match_id FROM match_sides WHERE user_id = $1 AND open ORDER BY match_id";
        self.db.values(SQL, (user,)).await
    }

    /// Forgets what up to `limit` matches of an erased account, those with ids above `after`, still
    /// say of it: interests, device. Gives where to go on; `None` when there are no more.
    pub async fn forget_in_matches(
        self,
        user: UserId,
        after: MatchId,
        limit: i64,
    ) -> Result<Option<MatchId>, StoreError> {
        const PAGE: &str = "SELECT id FROM matches WHERE id IN (SELECT match_id FROM match_sides \
             WHERE user_id = $1 AND match_id > $2 ORDER BY match_id LIMIT $3) \
             ORDER BY id FOR NO KEY UPDATE";
        const INTERESTS: &str =
            "UPDATE matches SET shared_interests = '[]' WHERE id = $1 AND shared_interests <> '[]'";
        const LOGS: &str = "UPDATE message_logs SET device_info = '' \
             WHERE match_id = $1 AND sender_id = $2 AND device_info <> ''";
        let mut tx = self.begin().await?;
        let page: Vec<MatchId> = tx.values(PAGE, (user, after, limit)).await?;
        for id in &page {
            tx.execute(INTERESTS, (*id,)).await?;
            tx.execute(LOGS, (*id, user)).await?;
        }
        tx.commit().await?;
        Ok(page.last().copied())
    }
}

/// Deletes in this transaction every row that goes with the account of `user`, which is locked;
/// `phone` is its index.
async fn delete_rows(tx: &mut Tx, user: UserId, phone: &[u8]) -> Result<(), StoreError> {
    // In the order in which whoever tries codes locks them.
    const HOLD_CODES: &str = "SELECT id FROM one_time_codes \
         WHERE user_id = $1 OR phone_index = $2 ORDER BY id FOR NO KEY UPDATE";
    const DROP_ANSWERS: &str =
        "DELETE FROM idempotency_keys WHERE scope = $1 AND status IS NOT NULL";
    const UNLINK_BILLING: &str = "UPDATE billing_events SET user_id = NULL WHERE user_id = $1";
    let held: Vec<CodeId> = tx.values(HOLD_CODES, (user, phone)).await?;
    for code in held {
        tx.execute(codes::DELETE, (code,)).await?;
    }
    for table in TABLES {
        if let Erasure::Deleted(whose) = table.erasure {
            let query = tx.query("DELETE FROM ").push(table.name);
            let query = query.push(" AS t WHERE ").push(whose).bind(user);
            query.execute().await?;
        }
    }
    // Not the request that runs now: it frees its key itself.
    tx.execute(DROP_ANSWERS, (format!("user:{user}"),)).await?;
    tx.execute(UNLINK_BILLING, (user,)).await?;
    Ok(())
}

/// Makes the row of `user`, which is locked, in this transaction one without a person; takes its
/// `phone` out of referrals, and keeps it in a tombstone.
async fn take_person_out(
    tx: &mut Tx,
    user: UserId,
    phone: &[u8],
    rng: &mut (impl Rng + Send),
    now: Timestamp,
) -> Result<(), StoreError> {
    // Referrals of `$1` as the invited, whose phone becomes `$2`; and invitations of its phone `$1`
    // that nobody followed.
    const UNNAME_INVITED: &str =
        "UPDATE referrals SET invited_phone = $2 WHERE invited_user_id = $1";
    const DROP_INVITATIONS: &str = "DELETE FROM referrals WHERE invited_phone = $1";
    const TOMBSTONE: &str =
        "INSERT INTO tombstones (user_id, phone_index, erased_at) VALUES ($1, $2, $3)";
    const STUB: &str = "UPDATE users SET phone_index = $2, phone_ciphertext = $3, \
         phone_key_id = '', password_hash = '', alias = $4, alias_key = $5, alias_skeleton = $5, \
         refused_skeleton = NULL, tag = '0000', birth_year = 0, locale = 'tr', role = 'user', interests = '[]', \
         languages = '[]', location_lat = NULL, location_lon = NULL, is_premium = FALSE, \
         daily_chat_balance = 0, daily_video_balance = 0, bonus_balance = 0, quota_day = '', \
         terms_version = 0, terms_accepted_at = created_at, invite_code = $5, last_active = $6, \
         overdraft_day = '', overdraft_text = 0, overdraft_video = 0, erased_at = $6 WHERE id = $1";
    let index = random_index(rng);
    tx.execute(UNNAME_INVITED, (user, index)).await?;
    tx.execute(DROP_INVITATIONS, (phone,)).await?;
    tx.execute(TOMBSTONE, (user, phone, now)).await?;
    let (index, no_phone) = (random_index(rng), Vec::<u8>::new());
    // No alias and no invite code has a colon.
    let key = format!("erased:{user}");
    tx.execute(STUB, (user, index, no_phone, ERASED_ALIAS, key, now))
        .await?;
    Ok(())
}

/// What stands where a phone's index was: like one, and of no phone.
fn random_index(rng: &mut impl Rng) -> Vec<u8> {
    rng.random::<[u8; 32]>().to_vec()
}
