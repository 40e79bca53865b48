//! Invitations, and what they bring: who invited whom is settled where the account is made, the
//! rewards follow by job.
//!
//! Of one phone one invitation at most is rewarded, once: that of the code given at registration,
//! else the oldest that named the phone. A phone that has or ever had an account brings nothing,
//! and who invites it is not told.

use serde::{Deserialize, Serialize};
use sqlx::{FromRow, QueryBuilder};

use super::{
    Grant, Notified, Store, StoreError, notifications::notify_in, quota::grant_in,
    retention::ID_SLACK,
};
use crate::{
    backend::{read, write_tx},
    crypto::PhoneIndex,
    domain::{LedgerReason, QuotaBucket, ReferralStatus, ReferralVia},
    id::{IdGenerator, ReferralId, UserId},
    notice::Notice,
    protocol::Quota,
    quota::QuotaRules,
    time::Timestamp,
};

/// The queue of [`RewardOrder`]s.
pub const REWARD_QUEUE: &str = "referral_reward";

/// Attempts of a [`RewardOrder`]: about four minutes. The sweep finds what they do not achieve.
pub const REWARD_ATTEMPTS: i64 = 10;

/// What an invited user's reward is booked under. One reward per account: the same word for all of
/// them.
const INVITED: &str = "invited";

/// A wake-up to give the rewards for a user who joined by an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewardOrder {
    pub user_id: UserId,
}

/// Bonus rights given for an invitation; 0 for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReferralRewards {
    /// To who joined.
    pub invited: u32,
    /// To who invited.
    pub inviter: u32,
}

/// An invitation as its inviter sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct ReferralRow {
    pub id: ReferralId,
    pub via: ReferralVia,
    joined: bool,
    pub created_at: Timestamp,
    pub rewarded_at: Option<Timestamp>,
}

impl ReferralRow {
    /// What became of it.
    pub const fn status(&self) -> ReferralStatus {
        match (self.joined, self.rewarded_at) {
            (false, _) => ReferralStatus::Pending,
            (true, None) => ReferralStatus::Joined,
            (true, Some(_)) => ReferralStatus::Rewarded,
        }
    }
}

/// What became of a wish to invite a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invitation {
    /// It is noted. Whether the phone has an account plays no part.
    Invited(ReferralRow),
    /// The user has invited this phone before.
    Already,
    /// It is the user's own.
    Own,
    /// The user has invited as many as a day allows.
    TooMany,
    /// No such user.
    NotFound,
}

/// What [`Store::reward_referral`] gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Rewarded {
    /// Who has other rights than before.
    pub quotas: Vec<(UserId, Quota)>,
    pub notified: Vec<Notified>,
}

/// Who shares an invite code.
#[derive(FromRow)]
pub(crate) struct Inviter {
    pub id: UserId,
    pub phone_index: Vec<u8>,
}

#[derive(FromRow)]
struct Due {
    id: ReferralId,
    inviter_id: UserId,
}

pub(crate) const BY_CODE: &str = "SELECT id, phone_index FROM users WHERE invite_code = $1";
pub(crate) const SEE: &str =
    "INSERT INTO phones_seen (phone_index, first_seen) VALUES ($1, $2) ON CONFLICT DO NOTHING";
pub(crate) const CAME_BY_CODE: &str = "INSERT INTO referrals (id, inviter_id, inviter_phone, invited_phone, via, invited_user_id, created_at) \
     VALUES ($1, $2, $3, $4, 'code', $5, $6)";
pub(crate) const CAME_BY_PHONE: &str = "UPDATE referrals SET invited_user_id = $1 WHERE id = \
     (SELECT id FROM referrals WHERE invited_phone = $2 AND via = 'phone' ORDER BY created_at, id LIMIT 1)";

/// Notes in the open write transaction `$tx`, which has just made the account of `$user`, that its
/// phone has one, and by whose invitation it came. A reward that is due is ordered with it.
macro_rules! join_in {
    ($store:expr, $tx:expr, $user:expr, $phone:expr, $inviter:expr, $now:expr) => {{
        let (user, phone): ($crate::id::UserId, &$crate::crypto::PhoneIndex) = ($user, $phone);
        let inviter: Option<$crate::store::referrals::Inviter> = $inviter;
        let seen = sqlx::query($crate::store::referrals::SEE)
            .bind(phone.as_bytes())
            .bind($now)
            .execute(&mut *$tx)
            .await?;
        if seen.rows_affected() == 1 {
            let came = match inviter {
                Some(inviter) => sqlx::query($crate::store::referrals::CAME_BY_CODE)
                    .bind($store.ids.next::<$crate::id::ReferralId>())
                    .bind(inviter.id)
                    .bind(inviter.phone_index)
                    .bind(phone.as_bytes())
                    .bind(user)
                    .bind($now)
                    .execute(&mut *$tx)
                    .await?
                    .rows_affected(),
                None => sqlx::query($crate::store::referrals::CAME_BY_PHONE)
                    .bind(user)
                    .bind(phone.as_bytes())
                    .execute(&mut *$tx)
                    .await?
                    .rows_affected(),
            };
            if came == 1 {
                let order = $crate::store::RewardOrder { user_id: user };
                let payload = serde_json::to_vec(&order).expect("an order is plain data");
                let job = $crate::store::NewJob {
                    queue: $crate::store::REWARD_QUEUE,
                    payload: &payload,
                    dedupe: None,
                    run_at: $now,
                    max_attempts: $crate::store::REWARD_ATTEMPTS,
                };
                // Without a key it is always new.
                let _ = $crate::store::jobs::push_job_in!($store, $tx, job, $now);
            }
        }
    }};
}

pub(crate) use join_in;

impl Store {
    /// Whether a user shares this invite code now.
    pub async fn is_invite_code(&self, code: &str) -> Result<bool, StoreError> {
        let inviter: Option<Inviter> = read!(self, |db| sqlx::query_as(BY_CODE)
            .bind(code)
            .fetch_optional(db)
            .await?);
        Ok(inviter.is_some())
    }

    /// Invites a phone, at most `per_day` since `since`, the start of the day; a clock that was set
    /// back counts what comes after it too.
    pub async fn invite(
        &self,
        inviter: UserId,
        phone: &PhoneIndex,
        per_day: u32,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Invitation, StoreError> {
        const WHO: &str = "SELECT id, phone_index FROM users WHERE id = $1 AND erased_at IS NULL";
        const BEFORE: &str = "SELECT id FROM referrals WHERE inviter_id = $1 AND invited_phone = $2 AND via = 'phone'";
        const TODAY: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM referrals WHERE inviter_id = $1 AND id >= $2 AND created_at >= $3 AND via = 'phone'";
        const INSERT: &str = "INSERT INTO referrals (id, inviter_id, inviter_phone, invited_phone, via, created_at) VALUES ($1, $2, $3, $4, 'phone', $5) \
             RETURNING id, via, invited_user_id IS NOT NULL AS joined, created_at, rewarded_at";
        Ok(write_tx!(self, |tx| {
            // Locked: of two at once the second counts the first.
            let who: Option<Inviter> = sqlx::query_as(self.locking(WHO))
                .bind(inviter)
                .fetch_optional(&mut *tx)
                .await?;
            let Some(who) = who else {
                return Ok(Invitation::NotFound);
            };
            if who.phone_index == phone.as_bytes() {
                return Ok(Invitation::Own);
            }
            let before: Option<ReferralId> = sqlx::query_scalar(BEFORE)
                .bind(inviter)
                .bind(phone.as_bytes())
                .fetch_optional(&mut *tx)
                .await?;
            if before.is_some() {
                return Ok(Invitation::Already);
            }
            let first = IdGenerator::first_id_at(since - ID_SLACK);
            let today: i64 = sqlx::query_scalar(TODAY)
                .bind(inviter)
                .bind(first)
                .bind(since)
                .fetch_one(&mut *tx)
                .await?;
            if today >= i64::from(per_day) {
                return Ok(Invitation::TooMany);
            }
            let row = sqlx::query_as(INSERT)
                .bind(self.ids.next::<ReferralId>())
                .bind(inviter)
                .bind(who.phone_index)
                .bind(phone.as_bytes())
                .bind(now)
                .fetch_one(&mut *tx)
                .await?;
            Invitation::Invited(row)
        }))
    }

    /// The user's invitations, by phone or by code, newest first; with `before`, only those with
    /// smaller ids.
    pub async fn referrals_of(
        &self,
        user: UserId,
        before: Option<ReferralId>,
        limit: i64,
    ) -> Result<Vec<ReferralRow>, StoreError> {
        const SQL: &str = "SELECT id, via, invited_user_id IS NOT NULL AS joined, created_at, rewarded_at FROM referrals \
             WHERE inviter_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
        let before = before.unwrap_or(ReferralId(i64::MAX));
        Ok(read!(self, |db| sqlx::query_as(SQL)
            .bind(user)
            .bind(before)
            .bind(limit)
            .fetch_all(db)
            .await?))
    }

    /// Gives the rewards for `joined`, with the notifications that go with them. `None` when it
    /// came by nobody's invitation, or they were given before.
    pub async fn reward_referral(
        &self,
        joined: UserId,
        rewards: ReferralRewards,
        rules: &QuotaRules,
        now: Timestamp,
    ) -> Result<Option<Rewarded>, StoreError> {
        const DUE: &str =
            "SELECT id, inviter_id FROM referrals WHERE invited_user_id = $1 AND NOT reward_given";
        const BOTH: &str = "SELECT id FROM users WHERE id IN ($1, $2) ORDER BY id";
        const TAKE: &str = "UPDATE referrals SET reward_given = TRUE, rewarded_at = $1 WHERE id = $2 AND NOT reward_given";
        Ok(write_tx!(self, |tx| {
            let due: Option<Due> = sqlx::query_as(DUE)
                .bind(joined)
                .fetch_optional(&mut *tx)
                .await?;
            let Some(due) = due else { return Ok(None) };
            // Users before the invitation, and by id, as everybody locks them.
            sqlx::query(self.locking(BOTH))
                .bind(joined)
                .bind(due.inviter_id)
                .execute(&mut *tx)
                .await?;
            let taken = sqlx::query(TAKE)
                .bind(now)
                .bind(due.id)
                .execute(&mut *tx)
                .await?;
            if taken.rows_affected() == 0 {
                return Ok(None);
            }
            let mut rewarded = Rewarded {
                quotas: Vec::new(),
                notified: Vec::new(),
            };
            let (welcome, thanks) = (i64::from(rewards.invited), i64::from(rewards.inviter));
            for (user, amount, reference, notice) in [
                (
                    joined,
                    welcome,
                    INVITED.to_owned(),
                    Notice::WelcomeBonus { rights: welcome },
                ),
                (
                    due.inviter_id,
                    thanks,
                    due.id.to_string(),
                    Notice::ReferralRewarded { rights: thanks },
                ),
            ] {
                let grant = Grant {
                    bucket: QuotaBucket::Bonus,
                    amount,
                    reason: LedgerReason::Referral,
                    reference,
                };
                if let Some(quota) = grant_in!(self, tx, user, &grant, rules, now) {
                    rewarded.quotas.push((user, quota));
                    rewarded.notified.extend(notify_in!(
                        self,
                        tx,
                        user,
                        &notice,
                        &due.id.to_string(),
                        now
                    ));
                }
            }
            Some(rewarded)
        }))
    }

    /// Up to `limit` users who joined by an invitation with an id above `after` and have not got
    /// their reward, with the ids of the invitations, in their order.
    pub async fn unrewarded(
        &self,
        after: ReferralId,
        limit: i64,
    ) -> Result<Vec<(ReferralId, UserId)>, StoreError> {
        const SQL: &str = "SELECT id, invited_user_id FROM referrals WHERE invited_user_id IS NOT NULL AND NOT reward_given AND id > $1 \
             ORDER BY id LIMIT $2";
        Ok(read!(self, |db| sqlx::query_as(SQL)
            .bind(after)
            .bind(limit)
            .fetch_all(db)
            .await?))
    }

    /// Deletes up to `limit` invitations of `cutoff` or before by which nobody came, oldest first,
    /// and says how many.
    pub async fn delete_old_invitations(
        &self,
        cutoff: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        Ok(write_tx!(self, |tx| {
            let mut query = QueryBuilder::new(
                "DELETE FROM referrals WHERE id IN (SELECT id FROM referrals WHERE invited_user_id IS NULL AND id < ",
            );
            query
                .push_bind(IdGenerator::first_id_at(cutoff + ID_SLACK))
                .push(" AND created_at <= ")
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
