//! Invitations, and what they bring: who invited whom is settled where the account is made, the
//! rewards follow by job.
//!
//! Of one phone one invitation at most is rewarded, once: that of the code given at registration,
//! else the oldest that named the phone. A phone that has or ever had an account brings nothing,
//! and who invites it is not told.

use serde::{Deserialize, Serialize};
use sqlx_macros::FromRow;

use super::{
    Economy,
    quota::{Grant, grant},
};
use crate::{
    crypto::PhoneIndex,
    db::Tx,
    ids::IdGenerator,
    quota::QuotaRules,
    settings::Checks,
    store::{
        Notified, StoreError,
        jobs::{queue::push_order, retention::ID_SLACK},
        notices::notifications::notify,
    },
};
use tebdil_protocol::{
    Quota,
    domain::{LedgerReason, QuotaBucket, ReferralStatus, ReferralVia},
    id::{ReferralId, UserId},
    notice::Notice,
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

/// What an invitation brings, and how many there may be: the section `[referrals]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferralRules {
    /// Bonus rights for who joined; 0 for none.
    #[serde(rename = "invited_reward")]
    pub invited: u32,
    /// Bonus rights for who invited; 0 for none.
    #[serde(rename = "inviter_reward")]
    pub inviter: u32,
    /// Phone numbers one user may invite a day.
    pub invitations_per_day: u32,
}

impl ReferralRules {
    /// What values must be.
    pub fn check(&self, check: &mut Checks) {
        check.range("referrals.invited_reward", self.invited, ..=1_000);
        check.range("referrals.inviter_reward", self.inviter, ..=1_000);
        let per_day = self.invitations_per_day;
        check.range("referrals.invitations_per_day", per_day, 1..);
    }
}

impl Default for ReferralRules {
    /// Those of the settings.
    fn default() -> Self {
        Self {
            invited: 10,
            inviter: 0,
            invitations_per_day: 20,
        }
    }
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

/// What [`Economy::reward_referral`] gave.
#[derive(Debug, Clone, Default, PartialEq)]
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

pub(crate) const BY_CODE: &str = "SELECT id, phone_index FROM users WHERE invite_code = $1";

/// Notes in this transaction, which has just made the account of `user`, that its phone has one,
/// and by whose invitation it came. A reward that is due is ordered with it.
pub(crate) async fn join(
    tx: &mut Tx,
    user: UserId,
    phone: &PhoneIndex,
    inviter: Option<Inviter>,
    now: Timestamp,
) -> Result<(), StoreError> {
    const SEE: &str =
        "INSERT INTO phones_seen (phone_index, first_seen) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    const CAME_BY_CODE: &str = "INSERT INTO referrals \
         (id, inviter_id, inviter_phone, invited_phone, via, invited_user_id, created_at) \
         VALUES ($1, $2, $3, $4, 'code', $5, $6)";
    const CAME_BY_PHONE: &str = "UPDATE referrals SET invited_user_id = $1 WHERE id = \
         (SELECT id FROM referrals WHERE invited_phone = $2 AND via = 'phone' \
         ORDER BY created_at, id LIMIT 1)";
    let phone = phone.as_bytes();
    if tx.execute(SEE, (phone, now)).await? == 0 {
        return Ok(());
    }
    let came = if let Some(inviter) = inviter {
        let id: ReferralId = tx.id();
        let params = (id, inviter.id, inviter.phone_index, phone, user, now);
        tx.execute(CAME_BY_CODE, params).await?
    } else {
        tx.execute(CAME_BY_PHONE, (user, phone)).await?
    };
    if came == 1 {
        let order = RewardOrder { user_id: user };
        push_order(tx, REWARD_QUEUE, &order, REWARD_ATTEMPTS, now).await?;
    }
    Ok(())
}

impl Economy<'_> {
    /// Whether a user shares this invite code now.
    pub async fn is_invite_code(self, code: &str) -> Result<bool, StoreError> {
        let inviter: Option<Inviter> = self.db.optional(BY_CODE, (code,)).await?;
        Ok(inviter.is_some())
    }

    /// Invites a phone, at most `per_day` since `since`, the start of the day; a clock that was set
    /// back counts what comes after it too.
    pub async fn invite(
        self,
        inviter: UserId,
        phone: &PhoneIndex,
        per_day: u32,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Invitation, StoreError> {
        // Locked: of two at once the second counts the first.
        const WHO: &str = "SELECT id, phone_index FROM users \
             WHERE id = $1 AND erased_at IS NULL FOR NO KEY UPDATE";
        const BEFORE: &str = "SELECT id FROM referrals \
             WHERE inviter_id = $1 AND invited_phone = $2 AND via = 'phone'";
        const TODAY: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM referrals \
             WHERE inviter_id = $1 AND id >= $2 AND created_at >= $3 AND via = 'phone'";
        const INSERT: &str = "INSERT INTO referrals \
             (id, inviter_id, inviter_phone, invited_phone, via, created_at) \
             VALUES ($1, $2, $3, $4, 'phone', $5) \
             RETURNING id, via, invited_user_id IS NOT NULL AS joined, created_at, rewarded_at";
        let phone = phone.as_bytes();
        let mut tx = self.begin().await?;
        let who: Option<Inviter> = tx.optional(WHO, (inviter,)).await?;
        let Some(who) = who else {
            return Ok(Invitation::NotFound);
        };
        if who.phone_index == phone {
            return Ok(Invitation::Own);
        }
        let before: Option<ReferralId> = tx.optional_value(BEFORE, (inviter, phone)).await?;
        if before.is_some() {
            return Ok(Invitation::Already);
        }
        let oldest = IdGenerator::first_id_at(since - ID_SLACK);
        let today: i64 = tx.value(TODAY, (inviter, oldest, since)).await?;
        if today >= i64::from(per_day) {
            return Ok(Invitation::TooMany);
        }
        let id: ReferralId = tx.id();
        let params = (id, inviter, who.phone_index, phone, now);
        let row: ReferralRow = tx.one(INSERT, params).await?;
        tx.commit().await?;
        Ok(Invitation::Invited(row))
    }

    /// The user's invitations, by phone or by code, newest first; with `before`, only those with
    /// smaller ids.
    pub async fn referrals_of(
        self,
        user: UserId,
        before: Option<ReferralId>,
        limit: i64,
    ) -> Result<Vec<ReferralRow>, StoreError> {
        const SQL: &str = "SELECT id, via, invited_user_id IS NOT NULL AS joined, created_at, \
             rewarded_at FROM referrals WHERE inviter_id = $1 AND id < $2 \
             ORDER BY id DESC LIMIT $3";
        let before = before.unwrap_or(ReferralId(i64::MAX));
        self.db.all(SQL, (user, before, limit)).await
    }

    /// Gives the rewards for `joined`, with the notifications that go with them. `None` when it
    /// came by nobody's invitation, or they were given before.
    pub async fn reward_referral(
        self,
        joined: UserId,
        rewards: ReferralRules,
        rules: &QuotaRules,
        now: Timestamp,
    ) -> Result<Option<Rewarded>, StoreError> {
        const DUE: &str =
            "SELECT id, inviter_id FROM referrals WHERE invited_user_id = $1 AND NOT reward_given";
        const BOTH: &str =
            "SELECT id FROM users WHERE id IN ($1, $2) ORDER BY id FOR NO KEY UPDATE";
        const TAKE: &str = "UPDATE referrals SET reward_given = TRUE, rewarded_at = $1 \
             WHERE id = $2 AND NOT reward_given";
        let mut tx = self.begin().await?;
        let due: Option<(ReferralId, UserId)> = tx.optional(DUE, (joined,)).await?;
        let Some((id, inviter)) = due else {
            return Ok(None);
        };
        // Users before the invitation, and by id, as everybody locks them.
        tx.execute(BOTH, (joined, inviter)).await?;
        if tx.execute(TAKE, (now, id)).await? == 0 {
            return Ok(None);
        }
        let mut rewarded = Rewarded::default();
        let [welcome, thanks] = [rewards.invited, rewards.inviter].map(i64::from);
        let welcome_notice = Notice::WelcomeBonus { rights: welcome };
        let thanks_notice = Notice::ReferralRewarded { rights: thanks };
        for (user, amount, reference, notice) in [
            (joined, welcome, INVITED.to_owned(), welcome_notice),
            (inviter, thanks, id.to_string(), thanks_notice),
        ] {
            let rights = Grant {
                bucket: QuotaBucket::Bonus,
                amount,
                reason: LedgerReason::Referral,
                reference,
            };
            if let Some(quota) = grant(&mut tx, user, &rights, rules, now).await? {
                rewarded.quotas.push((user, quota));
                let notified = notify(&mut tx, user, &notice, id.to_string(), now).await?;
                rewarded.notified.extend(notified);
            }
        }
        tx.commit().await?;
        Ok(Some(rewarded))
    }

    /// Up to `limit` users who joined by an invitation with an id above `after` and have not got
    /// their reward, with the ids of the invitations, in their order.
    pub async fn unrewarded(
        self,
        after: ReferralId,
        limit: i64,
    ) -> Result<Vec<(ReferralId, UserId)>, StoreError> {
        const SQL: &str = "SELECT id, invited_user_id FROM referrals \
             WHERE invited_user_id IS NOT NULL AND NOT reward_given AND id > $1 \
             ORDER BY id LIMIT $2";
        self.db.all(SQL, (after, limit)).await
    }
}
