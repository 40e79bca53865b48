//! Balances and their ledger. Matches are paid where they are made, in `pairing.rs`; the arithmetic
//! is [`crate::quota`]'s.

use sqlx::FromRow;

use super::{Store, StoreError};
use crate::{
    backend::{read, write_tx},
    domain::{LedgerReason, QuotaBucket},
    id::UserId,
    protocol::Quota,
    quota::{Balances, QuotaRules},
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

#[derive(FromRow)]
pub(crate) struct BalanceRow {
    pub is_premium: bool,
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

pub(crate) const BALANCES: &str = "SELECT is_premium, daily_chat_balance, daily_video_balance, bonus_balance, quota_day FROM users WHERE id = $1 AND erased_at IS NULL";
pub(crate) const USED: &str = "SELECT id FROM quota_ledger WHERE user_id = $1 AND bucket = $2 AND reason = $3 AND reference = $4";
pub(crate) const LEDGER: &str = "INSERT INTO quota_ledger (id, user_id, bucket, delta, balance_after, reason, reference, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
pub(crate) const UPDATE: &str = "UPDATE users SET daily_chat_balance = $1, daily_video_balance = $2, bonus_balance = $3, quota_day = $4 \
     WHERE id = $5";

/// Loads the balances of `$user` in the open write transaction `$tx`, locks them, and applies the
/// reset that is due: `(balances, is_premium, entries)`. `None` when there is no such user. Where
/// several users are locked, lock them by id.
macro_rules! open_balances_in {
    ($store:expr, $tx:expr, $user:expr, $rules:expr, $now:expr) => {{
        let row: Option<$crate::store::quota::BalanceRow> =
            sqlx::query_as($store.locking($crate::store::quota::BALANCES))
                .bind($user)
                .fetch_optional(&mut *$tx)
                .await?;
        row.map(|row| {
            let is_premium = row.is_premium;
            let mut balances = $crate::quota::Balances::from(row);
            let entries = balances.reset(&$rules.day($now), $rules.allowance(is_premium));
            (balances, is_premium, entries)
        })
    }};
}

/// Writes balances and the ledger entries that explain them.
macro_rules! close_balances_in {
    ($store:expr, $tx:expr, $user:expr, $balances:expr, $entries:expr, $now:expr) => {{
        let balances: &$crate::quota::Balances = $balances;
        for entry in $entries {
            sqlx::query($crate::store::quota::LEDGER)
                .bind($store.ids.next::<$crate::id::LedgerId>())
                .bind($user)
                .bind(entry.bucket)
                .bind(entry.delta)
                .bind(entry.balance_after)
                .bind(entry.reason)
                .bind(&entry.reference)
                .bind($now)
                .execute(&mut *$tx)
                .await?;
        }
        sqlx::query($crate::store::quota::UPDATE)
            .bind(balances.text)
            .bind(balances.video)
            .bind(balances.bonus)
            .bind(&balances.day)
            .bind($user)
            .execute(&mut *$tx)
            .await?;
    }};
}

/// [`Store::grant`] in the open write transaction `$tx`.
macro_rules! grant_in {
    ($store:expr, $tx:expr, $user:expr, $grant:expr, $rules:expr, $now:expr) => {{
        let (user, grant): ($crate::id::UserId, &$crate::store::Grant) = ($user, $grant);
        let rules: &$crate::quota::QuotaRules = $rules;
        match $crate::store::quota::open_balances_in!($store, $tx, user, rules, $now) {
            None => None,
            Some((mut balances, is_premium, mut entries)) => {
                let spent: Option<$crate::id::LedgerId> =
                    sqlx::query_scalar($crate::store::quota::USED)
                        .bind(user)
                        .bind(grant.bucket)
                        .bind(grant.reason)
                        .bind(&grant.reference)
                        .fetch_optional(&mut *$tx)
                        .await?;
                let granted = match spent {
                    Some(_) => None,
                    None => {
                        balances.credit(grant.bucket, grant.amount, grant.reason, &grant.reference)
                    }
                };
                match granted {
                    None => None,
                    Some(granted) => {
                        entries.push(granted);
                        $crate::store::quota::close_balances_in!(
                            $store, $tx, user, &balances, entries, $now
                        );
                        Some(balances.quota(rules, is_premium, $now))
                    }
                }
            }
        }
    }};
}

pub(crate) use {close_balances_in, grant_in, open_balances_in};

impl Store {
    /// What the user has at `now`. A reset that is due is counted, not written: that happens with
    /// the next change.
    pub async fn quota(
        &self,
        user: UserId,
        rules: &QuotaRules,
        now: Timestamp,
    ) -> Result<Option<Quota>, StoreError> {
        let row: Option<BalanceRow> = read!(self, |db| sqlx::query_as(BALANCES)
            .bind(user)
            .fetch_optional(db)
            .await?);
        Ok(row.map(|row| {
            let is_premium = row.is_premium;
            Balances::from(row).quota(rules, is_premium, now)
        }))
    }

    /// Gives rights, after the reset that may be due; what the user has then. `None` when there is
    /// no such user, the reference was used, or nothing is left to take.
    pub async fn grant(
        &self,
        user: UserId,
        grant: &Grant,
        rules: &QuotaRules,
        now: Timestamp,
    ) -> Result<Option<Quota>, StoreError> {
        Ok(write_tx!(self, |tx| {
            grant_in!(self, tx, user, grant, rules, now)
        }))
    }

    /// The balances as the ledger has them; `day` is left empty. They equal the stored ones at all
    /// times.
    pub async fn ledger_sums(&self, user: UserId) -> Result<Balances, StoreError> {
        const SQL: &str = "SELECT bucket, CAST(SUM(delta) AS BIGINT) FROM quota_ledger WHERE user_id = $1 GROUP BY bucket";
        let rows: Vec<(QuotaBucket, i64)> = read!(self, |db| sqlx::query_as(SQL)
            .bind(user)
            .fetch_all(db)
            .await?);
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
