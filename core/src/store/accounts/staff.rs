//! What admins do to accounts. Each act is recorded in the transaction that does it.

use serde_json::json;

use super::{Accounts, record, sessions::revoke_others};
use crate::{
    crypto::PhoneIndex,
    quota::QuotaRules,
    store::{
        Grant, StoreError,
        economy::quota::{self, USED, open_balances},
    },
};
use tebdil_protocol::{
    Quota,
    domain::{QuotaBucket, UserRole},
    id::{LedgerId, SessionId, UserId},
    time::Timestamp,
};

const SET_ROLE: &str = "UPDATE users SET role = $1 WHERE id = $2";

/// What became of an admin's correction of a balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Correction {
    /// What the user has now. Where nothing was left to take, nothing changed, and the reference is
    /// still free.
    Done(Quota),
    /// The reference was used for this user and bucket before; nothing changed.
    Repeated,
    /// No such user.
    NotFound,
}

/// What became of a wish to give a user another role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleChange {
    /// The user has the role. It holds from the next request on.
    Done,
    /// `actor` is no admin any more, or it is the role of `actor`: nobody takes the last admin's
    /// role away.
    Forbidden,
    /// No such user, or one whose account is erased.
    NotFound,
}

impl Accounts<'_> {
    /// Gives rights to a user, or takes them, as an admin: like
    /// [`Economy::grant`](crate::store::Economy::grant), and recorded.
    pub async fn correct_quota(
        self,
        user: UserId,
        grant: &Grant,
        actor: UserId,
        rules: &QuotaRules,
        now: Timestamp,
    ) -> Result<Correction, StoreError> {
        let (bucket, reference) = (grant.bucket, &grant.reference);
        let mut tx = self.begin().await?;
        let Some((balances, is_premium, _)) = open_balances(&mut tx, user, rules, now).await?
        else {
            return Ok(Correction::NotFound);
        };
        let before = balances.quota(rules, is_premium, now);
        let key = (user, bucket, grant.reason, reference);
        let first: Option<LedgerId> = tx.optional_value(USED, key).await?;
        if first.is_some() {
            return Ok(Correction::Repeated);
        }
        let Some(after) = quota::grant(&mut tx, user, grant, rules, now).await? else {
            return Ok(Correction::Done(before));
        };
        let of = |quota: &Quota| match bucket {
            QuotaBucket::Text => quota.text,
            QuotaBucket::Video => quota.video,
            QuotaBucket::Bonus => quota.bonus,
        };
        let details = json!({
            "bucket": bucket, "amount": grant.amount, "reference": reference,
            "before": { "balance": of(&before) }, "after": { "balance": of(&after) },
        });
        record(&mut tx, "quota_corrected", user, Some(actor), details, now).await?;
        tx.commit().await?;
        Ok(Correction::Done(after))
    }

    /// Sets the role of a user for the admin `actor`. Of two admins who take each other's role at
    /// once, one succeeds: there is always an admin left.
    pub async fn set_role(
        self,
        user: UserId,
        role: UserRole,
        actor: UserId,
        now: Timestamp,
    ) -> Result<RoleChange, StoreError> {
        const ROLES: &str = "SELECT id, role, erased_at IS NOT NULL AS erased FROM users \
             WHERE id IN ($1, $2) ORDER BY id FOR NO KEY UPDATE";
        let mut tx = self.begin().await?;
        let rows: Vec<(UserId, UserRole, bool)> = tx.all(ROLES, (user, actor)).await?;
        if user == actor
            || !rows
                .iter()
                .any(|(id, role, _)| *id == actor && *role == UserRole::Admin)
        {
            return Ok(RoleChange::Forbidden);
        }
        let Some((_, before, false)) = rows.into_iter().find(|(id, ..)| *id == user) else {
            return Ok(RoleChange::NotFound);
        };
        if before != role {
            tx.execute(SET_ROLE, (role, user)).await?;
            let details = json!({ "before": { "role": before }, "after": { "role": role } });
            record(&mut tx, "role_changed", user, Some(actor), details, now).await?;
        }
        tx.commit().await?;
        Ok(RoleChange::Done)
    }

    /// Ends every session of a user, as an admin; gives those that were alive. `None` when there is
    /// no such user, or one whose account is erased.
    pub async fn end_sessions(
        self,
        user: UserId,
        actor: UserId,
        now: Timestamp,
    ) -> Result<Option<Vec<SessionId>>, StoreError> {
        const WHO: &str =
            "SELECT id FROM users WHERE id = $1 AND erased_at IS NULL FOR NO KEY UPDATE";
        let mut tx = self.begin().await?;
        let found: Option<UserId> = tx.optional_value(WHO, (user,)).await?;
        if found.is_none() {
            return Ok(None);
        }
        let ended = revoke_others(&mut tx, user, None, now).await?;
        let details = json!({ "before": { "sessions": ended.len() }, "after": { "sessions": 0 } });
        record(&mut tx, "sessions_ended", user, Some(actor), details, now).await?;
        tx.commit().await?;
        Ok(Some(ended))
    }

    /// Sets the role of the account of a phone, by the operator's own hand; the role before. `None`
    /// when there is no such account.
    pub async fn set_role_of_phone(
        self,
        phone: &PhoneIndex,
        role: UserRole,
        now: Timestamp,
    ) -> Result<Option<UserRole>, StoreError> {
        const WHO: &str = "SELECT id, role FROM users WHERE phone_index = $1 FOR NO KEY UPDATE";
        let mut tx = self.begin().await?;
        let found: Option<(UserId, UserRole)> = tx.optional(WHO, (phone.as_bytes(),)).await?;
        let Some((user, before)) = found else {
            return Ok(None);
        };
        if before != role {
            tx.execute(SET_ROLE, (role, user)).await?;
            let details = json!({
                "by": "command line", "before": { "role": before }, "after": { "role": role },
            });
            record(&mut tx, "role_changed", user, None, details, now).await?;
        }
        tx.commit().await?;
        Ok(Some(before))
    }
}
