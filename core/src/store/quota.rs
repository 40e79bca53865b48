//! Balances and their ledger. Matches are paid where they are made, in `pairing.rs`; the arithmetic is [`crate::quota`]'s.

use sqlx::FromRow;

use super::{Store, StoreError};
use crate::{
    backend::{read, write_tx},
    domain::{LedgerReason, QuotaBucket},
    id::{LedgerId, UserId},
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
struct BalanceRow {
    is_premium: bool,
    daily_chat_balance: i64,
    daily_video_balance: i64,
    bonus_balance: i64,
    quota_day: String,
}

impl From<BalanceRow> for Balances {
    fn from(row: BalanceRow) -> Self {
        Self { text: row.daily_chat_balance, video: row.daily_video_balance, bonus: row.bonus_balance, day: row.quota_day }
    }
}

const BALANCES: &str = "SELECT is_premium, daily_chat_balance, daily_video_balance, bonus_balance, quota_day FROM users WHERE id = $1";

impl Store {
    /// What the user has at `now`. A reset that is due is counted, not written: that happens with the next change.
    pub async fn quota(&self, user: UserId, rules: &QuotaRules, now: Timestamp) -> Result<Option<Quota>, StoreError> {
        let row: Option<BalanceRow> = read!(self, |db| sqlx::query_as(BALANCES).bind(user).fetch_optional(db).await?);
        Ok(row.map(|row| {
            let is_premium = row.is_premium;
            Balances::from(row).quota(rules, is_premium, now)
        }))
    }

    /// Gives rights, after the reset that may be due. `false` when there is no such user, the reference was used, or nothing is left to take.
    pub async fn grant(&self, user: UserId, grant: &Grant, rules: &QuotaRules, now: Timestamp) -> Result<bool, StoreError> {
        const USED: &str = "SELECT id FROM quota_ledger WHERE user_id = $1 AND bucket = $2 AND reason = $3 AND reference = $4";
        const LEDGER: &str = "INSERT INTO quota_ledger (id, user_id, bucket, delta, balance_after, reason, reference, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        const UPDATE: &str = "UPDATE users SET daily_chat_balance = $1, daily_video_balance = $2, bonus_balance = $3, quota_day = $4 \
             WHERE id = $5";
        write_tx!(self, |tx| {
            let row: Option<BalanceRow> = sqlx::query_as(self.locking(BALANCES)).bind(user).fetch_optional(&mut *tx).await?;
            let Some(row) = row else { return Ok(false) };
            let spent: Option<LedgerId> = sqlx::query_scalar(USED)
                .bind(user)
                .bind(grant.bucket)
                .bind(grant.reason)
                .bind(&grant.reference)
                .fetch_optional(&mut *tx)
                .await?;
            if spent.is_some() {
                return Ok(false);
            }
            let allowance = rules.allowance(row.is_premium);
            let mut balances = Balances::from(row);
            let mut entries = balances.reset(&rules.day(now), allowance);
            let Some(granted) = balances.credit(grant.bucket, grant.amount, grant.reason, &grant.reference) else { return Ok(false) };
            entries.push(granted);
            for entry in entries {
                sqlx::query(LEDGER)
                    .bind(self.ids.next::<LedgerId>())
                    .bind(user)
                    .bind(entry.bucket)
                    .bind(entry.delta)
                    .bind(entry.balance_after)
                    .bind(entry.reason)
                    .bind(&entry.reference)
                    .bind(now)
                    .execute(&mut *tx)
                    .await?;
            }
            sqlx::query(UPDATE)
                .bind(balances.text)
                .bind(balances.video)
                .bind(balances.bonus)
                .bind(&balances.day)
                .bind(user)
                .execute(&mut *tx)
                .await?;
        });
        Ok(true)
    }

    /// The balances as the ledger has them; `day` is left empty. They equal the stored ones at all times.
    pub async fn ledger_sums(&self, user: UserId) -> Result<Balances, StoreError> {
        const SQL: &str = "SELECT bucket, CAST(SUM(delta) AS BIGINT) FROM quota_ledger WHERE user_id = $1 GROUP BY bucket";
        let rows: Vec<(QuotaBucket, i64)> = read!(self, |db| sqlx::query_as(SQL).bind(user).fetch_all(db).await?);
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
