//! Subscriptions, and what follows from them: `users.is_premium` says whether one is active, and
//! the day's balances move with it, all in the transaction that changes a subscription
//! ([`settle`]).

use serde_json::json;
use sqlx_macros::FromRow;

use super::{
    Economy,
    quota::{OpenedBalances, close_balances, open_balances},
};
use crate::{
    db::{Query, Tx},
    quota::{Overdraft, QuotaRules},
    store::{
        Notified, StoreError, SystemLog, jobs::system_logs::log, notices::notifications::notify,
    },
};
use tebdil_protocol::{
    Quota,
    id::{LedgerId, SubscriptionId, UserId},
    notice::Notice,
    time::Timestamp,
};

/// A subscription of a user.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SubscriptionRow {
    pub id: SubscriptionId,
    pub user_id: UserId,
    #[sqlx(rename = "plan_name")]
    pub plan: String,
    #[sqlx(rename = "start_date")]
    pub starts_at: Timestamp,
    /// When it was ended, if that was earlier than agreed.
    #[sqlx(rename = "end_date")]
    pub ends_at: Timestamp,
    /// Also after `ends_at`, until the job `subscriptions` has made sure of its end.
    pub is_active: bool,
    /// Whether the billing provider goes on with it unless it says otherwise.
    pub renews: bool,
    /// The billing provider's id; `None` for one that an admin granted.
    pub external_id: Option<String>,
    /// How often the provider was asked since `ends_at` and could not tell.
    pub checks: i64,
}

/// What a change of a subscription came to; to be told after the commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settled {
    /// Who has what now, where that changed.
    pub quota: Option<(UserId, Quota)>,
    pub notified: Option<Notified>,
}

/// The subscription that counts: an active one, the longest of them; else the last that ended.
const CURRENT: &str = "SELECT id, user_id, plan_name, start_date, end_date, is_active, renews, \
     external_id, checks FROM subscriptions WHERE user_id = $1 \
     ORDER BY is_active DESC, end_date DESC, id DESC LIMIT 1";

/// Only while the row is as it was read; otherwise somebody else was faster.
const UNCHANGED: &str = " WHERE id = $1 AND is_active AND end_date = $2 AND checks = $3 \
     AND renews = $4";

impl SubscriptionRow {
    /// A change of it, made only while it is [`UNCHANGED`]: what else is bound begins at `$5`.
    fn change<'t>(&self, tx: &'t mut Tx, sql: &'static str) -> Query<'t> {
        let query = tx.query(sql).push(UNCHANGED).bind(self.id);
        query.bind(self.ends_at).bind(self.checks).bind(self.renews)
    }
}

/// Brings `users.is_premium` and the day's balances of a user to what its subscriptions say, in
/// this transaction.
///
/// `opened` is what [`open_balances`] gave before the first of them was changed, which also locked
/// the user.
pub(crate) async fn settle(
    tx: &mut Tx,
    user: UserId,
    opened: OpenedBalances,
    rules: &QuotaRules,
    now: Timestamp,
) -> Result<Settled, StoreError> {
    const OVERDRAFT: &str =
        "SELECT overdraft_day, overdraft_text, overdraft_video FROM users WHERE id = $1";
    const SET_TIER: &str = "UPDATE users SET is_premium = $1, overdraft_day = $2, \
         overdraft_text = $3, overdraft_video = $4 WHERE id = $5";
    let (mut balances, was_premium, mut entries) = opened;
    let current: Option<SubscriptionRow> = tx.optional(CURRENT, (user,)).await?;
    let Some(current) = current.filter(|current| current.is_active != was_premium) else {
        return Ok(Settled::default());
    };
    let is_premium = current.is_active;
    let (day, text, video): (String, i64, i64) = tx.one(OVERDRAFT, (user,)).await?;
    let mut overdraft = Overdraft { day, text, video };
    let change = tx.id::<LedgerId>().to_string();
    let [from, to] = [was_premium, is_premium].map(|tier| rules.allowance(tier));
    entries.extend(balances.change_tier(from, to, &mut overdraft, &change));
    close_balances(tx, user, &balances, &entries, now).await?;
    let Overdraft { day, text, video } = overdraft;
    let params = (is_premium, day, text, video, user);
    tx.execute(SET_TIER, params).await?;
    let notice = if is_premium {
        Notice::PremiumStarted {
            plan: current.plan,
            until: current.ends_at,
        }
    } else {
        Notice::PremiumEnded { plan: current.plan }
    };
    let notified = notify(tx, user, &notice, change, now).await?;
    Ok(Settled {
        quota: Some((user, balances.quota(rules, is_premium, now))),
        notified,
    })
}

impl Economy<'_> {
    /// The user's active subscription that lasts longest, or the last that ended. `None` when there
    /// never was one.
    pub async fn subscription(self, user: UserId) -> Result<Option<SubscriptionRow>, StoreError> {
        self.db.optional(CURRENT, (user,)).await
    }

    /// Gives a user a subscription from `now` to `ends_at`, beside those that there are. `None`
    /// when there is no such user.
    pub async fn grant_subscription(
        self,
        user: UserId,
        plan: &str,
        ends_at: Timestamp,
        actor: UserId,
        rules: &QuotaRules,
        now: Timestamp,
    ) -> Result<Option<(SubscriptionRow, Settled)>, StoreError> {
        const INSERT: &str = "INSERT INTO subscriptions (id, user_id, plan_name, start_date, \
             end_date, is_active, renews, due_at, created_at) \
             VALUES ($1, $2, $3, $4, $5, TRUE, FALSE, $5, $4) \
             RETURNING id, user_id, plan_name, start_date, end_date, is_active, renews, \
             external_id, checks";
        let mut tx = self.begin().await?;
        let Some(opened) = open_balances(&mut tx, user, rules, now).await? else {
            return Ok(None);
        };
        let was_premium = opened.1;
        let id: SubscriptionId = tx.id();
        let row: SubscriptionRow = tx.one(INSERT, (id, user, plan, now, ends_at)).await?;
        let settled = settle(&mut tx, user, opened, rules, now).await?;
        let granted = SystemLog {
            action: "subscription_granted",
            user: Some(user),
            actor: Some(actor),
            details: json!({
                "subscription": row.id, "plan": plan, "until": ends_at,
                "before": { "is_premium": was_premium }, "after": { "is_premium": true },
            }),
        };
        log(&mut tx, &granted, now).await?;
        tx.commit().await?;
        Ok(Some((row, settled)))
    }

    /// Ends every active subscription of a user. `None` when there is no such user.
    ///
    /// A billing provider's next event about one of them counts again: what is paid is given.
    pub async fn end_subscriptions(
        self,
        user: UserId,
        actor: UserId,
        rules: &QuotaRules,
        now: Timestamp,
    ) -> Result<Option<Settled>, StoreError> {
        const END: &str = "UPDATE subscriptions SET is_active = FALSE, renews = FALSE, \
             due_at = NULL, end_date = CASE WHEN end_date > $1 THEN $1 ELSE end_date END \
             WHERE user_id = $2 AND is_active RETURNING id";
        let mut tx = self.begin().await?;
        let Some(opened) = open_balances(&mut tx, user, rules, now).await? else {
            return Ok(None);
        };
        let ended: Vec<SubscriptionId> = tx.values(END, (now, user)).await?;
        if ended.is_empty() {
            return Ok(Some(Settled::default()));
        }
        let settled = settle(&mut tx, user, opened, rules, now).await?;
        let record = SystemLog {
            action: "subscription_ended",
            user: Some(user),
            actor: Some(actor),
            details: json!({
                "subscriptions": ended,
                "before": { "is_premium": true }, "after": { "is_premium": false },
            }),
        };
        log(&mut tx, &record, now).await?;
        tx.commit().await?;
        Ok(Some(settled))
    }

    /// Up to `limit` active subscriptions that ran out by `now` and are due to be looked at, the
    /// longest due first; `renews` chooses between those whose provider may go on with them and the
    /// others.
    pub async fn due_subscriptions(
        self,
        renews: bool,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<SubscriptionRow>, StoreError> {
        const SQL: &str = "SELECT id, user_id, plan_name, start_date, end_date, is_active, renews, \
             external_id, checks FROM subscriptions \
             WHERE is_active AND due_at <= $1 AND renews = $2 ORDER BY due_at, id LIMIT $3";
        self.db.all(SQL, (now, renews, limit)).await
    }

    /// Ends a subscription that is still as `seen`; `None` when it changed meanwhile, and nothing
    /// was done.
    pub async fn expire_subscription(
        self,
        seen: &SubscriptionRow,
        rules: &QuotaRules,
        now: Timestamp,
    ) -> Result<Option<Settled>, StoreError> {
        const END: &str = "UPDATE subscriptions SET is_active = FALSE, due_at = NULL";
        let mut tx = self.begin().await?;
        // The user is locked before its subscription, as everywhere.
        let Some(opened) = open_balances(&mut tx, seen.user_id, rules, now).await? else {
            return Ok(None);
        };
        if seen.change(&mut tx, END).execute().await? == 0 {
            return Ok(None);
        }
        let settled = settle(&mut tx, seen.user_id, opened, rules, now).await?;
        tx.commit().await?;
        Ok(Some(settled))
    }

    /// The provider says that it goes on until `until`. `false` when it is not as `seen` any more,
    /// and nothing was done.
    pub async fn extend_subscription(
        self,
        seen: &SubscriptionRow,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.change_due(seen, until, until, 0).await
    }

    /// The provider cannot be asked, or cannot tell: it stays active and is looked at again at
    /// `due_at`. `false` as above.
    pub async fn defer_subscription(
        self,
        seen: &SubscriptionRow,
        due_at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.change_due(seen, seen.ends_at, due_at, seen.checks + 1)
            .await
    }

    async fn change_due(
        self,
        seen: &SubscriptionRow,
        ends_at: Timestamp,
        due_at: Timestamp,
        checks: i64,
    ) -> Result<bool, StoreError> {
        const SET: &str = "UPDATE subscriptions SET end_date = $5, due_at = $6, checks = $7";
        let mut tx = self.begin().await?;
        let query = seen.change(&mut tx, SET).bind(ends_at).bind(due_at);
        let changed = query.bind(checks).execute().await?;
        tx.commit().await?;
        Ok(changed == 1)
    }
}
