//! Balances and their ledger. Matches are paid where they are made, in `matches/pairing.rs`; the
//! arithmetic is [`crate::quota`]'s.

use sqlx_macros::FromRow;

use super::Economy;
use crate::{
    db::Tx,
    quota::{Balances, LedgerEntry, QuotaRules},
    store::StoreError,
};
use tebdil_protocol::{
    Quota,
    domain::{LedgerReason, QuotaBucket},
    id::{LedgerId, UserId},
    time::Timestamp,
};

/// Rights to give, or to take when `amount` is negative; a balance stops at 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub bucket: QuotaBucket,
    pub amount: i64,
    pub reason: LedgerReason,
    /// What it is given for; used at most once for a user, bucket and reason.
    pub reference: String,
}

/// What [`open_balances`] gives: balances, whether the user is premium, and the entries of the
/// reset that was due.
pub(crate) type OpenedBalances = (Balances, bool, Vec<LedgerEntry>);

#[derive(FromRow)]
struct BalanceRow {
    is_premium: bool,
    daily_chat_balance: i64,
    daily_video_balance: i64,
    bonus_balance: i64,
    quota_day: String,
}

impl From<BalanceRow> for Balances {
    fn from(row: BalanceRow) -> Self {
        Self {
            text: row.daily_chat_balance,
            video: row.daily_video_balance,
            bonus: row.bonus_balance,
            day: row.quota_day,
        }
    }
}

const BALANCES: &str = "SELECT is_premium, daily_chat_balance, daily_video_balance, bonus_balance, \
     quota_day FROM users WHERE id = $1 AND erased_at IS NULL";
/// The entry that used up a reference.
pub(crate) const USED: &str = "SELECT id FROM quota_ledger \
     WHERE user_id = $1 AND bucket = $2 AND reason = $3 AND reference = $4";

/// Loads the balances of a user in this transaction, locks them, and applies the reset that is due.
/// `None` when there is no such user. Where several users are locked, lock them by id.
pub(crate) async fn open_balances(
    tx: &mut Tx,
    user: UserId,
    rules: &QuotaRules,
    now: Timestamp,
) -> Result<Option<OpenedBalances>, StoreError> {
    let query = tx.query(BALANCES).push(" FOR NO KEY UPDATE").bind(user);
    let row: Option<BalanceRow> = query.optional().await?;
    Ok(row.map(|row| {
        let is_premium = row.is_premium;
        let mut balances = Balances::from(row);
        let entries = balances.reset(&rules.day(now), rules.allowance(is_premium));
        (balances, is_premium, entries)
    }))
}

/// Writes balances and the ledger entries that explain them.
pub(crate) async fn close_balances(
    tx: &mut Tx,
    user: UserId,
    balances: &Balances,
    entries: &[LedgerEntry],
    now: Timestamp,
) -> Result<(), StoreError> {
    const LEDGER: &str = "INSERT INTO quota_ledger \
         (id, user_id, bucket, delta, balance_after, reason, reference, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    const UPDATE: &str = "UPDATE users SET daily_chat_balance = $1, daily_video_balance = $2, \
         bonus_balance = $3, quota_day = $4 WHERE id = $5";
    for entry in entries {
        let id: LedgerId = tx.id();
        let (bucket, delta, after) = (entry.bucket, entry.delta, entry.balance_after);
        let (reason, reference) = (entry.reason, &entry.reference);
        let params = (id, user, bucket, delta, after, reason, reference, now);
        tx.execute(LEDGER, params).await?;
    }
    let (text, video, bonus) = (balances.text, balances.video, balances.bonus);
    let params = (text, video, bonus, &balances.day, user);
    tx.execute(UPDATE, params).await?;
    Ok(())
}

/// [`Economy::grant`] in this transaction.
pub(crate) async fn grant(
    tx: &mut Tx,
    user: UserId,
    rights: &Grant,
    rules: &QuotaRules,
    now: Timestamp,
) -> Result<Option<Quota>, StoreError> {
    let Some((mut balances, is_premium, mut entries)) = open_balances(tx, user, rules, now).await?
    else {
        return Ok(None);
    };
    let (bucket, reason, reference) = (rights.bucket, rights.reason, &rights.reference);
    let key = (user, bucket, reason, reference);
    let counted: Option<LedgerId> = tx.optional_value(USED, key).await?;
    if counted.is_some() {
        return Ok(None);
    }
    let Some(granted) = balances.credit(bucket, rights.amount, reason, reference) else {
        return Ok(None);
    };
    entries.push(granted);
    close_balances(tx, user, &balances, &entries, now).await?;
    Ok(Some(balances.quota(rules, is_premium, now)))
}

impl Economy<'_> {
    /// What the user has at `now`. A reset that is due is counted, not written: that happens with
    /// the next change.
    pub async fn quota(
        self,
        user: UserId,
        rules: &QuotaRules,
        now: Timestamp,
    ) -> Result<Option<Quota>, StoreError> {
        let row: Option<BalanceRow> = self.db.optional(BALANCES, (user,)).await?;
        Ok(row.map(|row| {
            let is_premium = row.is_premium;
            Balances::from(row).quota(rules, is_premium, now)
        }))
    }

    /// Gives rights, after the reset that may be due; what the user has then. `None` when there is
    /// no such user, the reference was used, or nothing is left to take.
    pub async fn grant(
        self,
        user: UserId,
        rights: &Grant,
        rules: &QuotaRules,
        now: Timestamp,
    ) -> Result<Option<Quota>, StoreError> {
        let mut tx = self.begin().await?;
        let quota = grant(&mut tx, user, rights, rules, now).await?;
        tx.commit().await?;
        Ok(quota)
    }

    /// The balances as the ledger has them; `day` is left empty. They equal the stored ones at all
    /// times.
    pub async fn ledger_sums(self, user: UserId) -> Result<Balances, StoreError> {
        const SQL: &str = "SELECT bucket, CAST(SUM(delta) AS BIGINT) FROM quota_ledger \
             WHERE user_id = $1 GROUP BY bucket";
        let rows: Vec<(QuotaBucket, i64)> = self.db.all(SQL, (user,)).await?;
        let mut sums = Balances::default();
        for (bucket, sum) in rows {
            match bucket {
                QuotaBucket::Text => sums.text = sum,
                QuotaBucket::Video => sums.video = sum,
                QuotaBucket::Bonus => sums.bonus = sum,
            }
        }
        Ok(sums)
    }
}
