//! Second factors of staff. A code is taken once: whoever takes it writes its step, and of several
//! one does.

use serde_json::json;

use super::{
    Accounts, record,
    sessions::{LOCK_USER, revoke_others},
};
use crate::{
    crypto::{PhoneIndex, RecoveryHash, Sealed},
    store::StoreError,
};
use tebdil_protocol::{
    domain::UserRole,
    id::{SessionId, UserId},
    time::Timestamp,
};

/// Binds the ciphertext of a secret to its column.
pub const TOTP_CONTEXT: &str = "totps.secret";

/// The second factor of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotpRow {
    pub secret: Sealed,
    /// Whether it is asked for.
    pub is_confirmed: bool,
}

/// What became of a wish to set a second factor up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TotpBegun {
    /// The secret waits for its first code. One that waited before is gone.
    Waits,
    /// There is one that is asked for.
    Enrolled,
    /// It is no account of staff, or not any more.
    NotStaff,
}

/// Who takes a second factor away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TotpRemover {
    /// Its user.
    User,
    /// Whoever runs the server.
    Operator,
}

/// Whose second factor an operator takes away.
#[derive(Debug, Clone, Copy)]
pub enum TotpOf<'a> {
    User(UserId),
    Phone(&'a PhoneIndex),
}

impl Accounts<'_> {
    /// Keeps a secret that waits for its first code.
    pub async fn begin_totp(
        self,
        user: UserId,
        secret: &Sealed,
        now: Timestamp,
    ) -> Result<TotpBegun, StoreError> {
        const ROLE: &str =
            "SELECT role FROM users WHERE id = $1 AND erased_at IS NULL FOR NO KEY UPDATE";
        const PUT: &str = "INSERT INTO totps \
             (user_id, secret_ciphertext, secret_key_id, recovery_hashes, created_at) \
             VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (user_id) DO UPDATE SET secret_ciphertext = excluded.secret_ciphertext, \
             secret_key_id = excluded.secret_key_id, created_at = excluded.created_at \
             WHERE totps.confirmed_at IS NULL";
        let mut tx = self.begin().await?;
        let role: Option<UserRole> = tx.optional_value(ROLE, (user,)).await?;
        if !matches!(role, Some(UserRole::Moderator | UserRole::Admin)) {
            return Ok(TotpBegun::NotStaff);
        }
        let Sealed { ciphertext, key_id } = secret;
        let row = (user, ciphertext, key_id, Vec::<u8>::new(), now);
        let put = tx.execute(PUT, row).await?;
        tx.commit().await?;
        Ok(if put > 0 {
            TotpBegun::Waits
        } else {
            TotpBegun::Enrolled
        })
    }

    /// The second factor of a user, also one that waits for its first code.
    pub async fn totp(self, user: UserId) -> Result<Option<TotpRow>, StoreError> {
        const SQL: &str = "SELECT secret_ciphertext, secret_key_id, \
             confirmed_at IS NOT NULL AS is_confirmed FROM totps WHERE user_id = $1";
        let row: Option<(Vec<u8>, String, bool)> = self.db.optional(SQL, (user,)).await?;
        Ok(row.map(|(ciphertext, key_id, is_confirmed)| TotpRow {
            secret: Sealed { ciphertext, key_id },
            is_confirmed,
        }))
    }

    /// Whether a user has a second factor that is asked for.
    pub async fn has_totp(self, user: UserId) -> Result<bool, StoreError> {
        const SQL: &str =
            "SELECT EXISTS (SELECT 1 FROM totps WHERE user_id = $1 AND confirmed_at IS NOT NULL)";
        self.db.value(SQL, (user,)).await
    }

    /// From now on the second factor is asked for, and sessions but `keep`, which have not shown
    /// it, end; gives them. `secret` is the one that the code of `step` was compared with: when
    /// another took its place meanwhile, or it was confirmed before, nothing changes (`None`).
    pub async fn confirm_totp(
        self,
        (user, keep): (UserId, SessionId),
        secret: &Sealed,
        step: i64,
        recovery: &[RecoveryHash],
        now: Timestamp,
    ) -> Result<Option<Vec<SessionId>>, StoreError> {
        const SQL: &str = "UPDATE totps SET confirmed_at = $1, last_step = $2, \
             recovery_hashes = $3 \
             WHERE user_id = $4 AND secret_ciphertext = $5 AND confirmed_at IS NULL";
        let hashes: Vec<u8> = recovery.iter().flat_map(|hash| hash.0).collect();
        let mut tx = self.begin().await?;
        tx.execute(LOCK_USER, (user,)).await?;
        let set = (now, step, hashes, user, &secret.ciphertext);
        if tx.execute(SQL, set).await? == 0 {
            return Ok(None);
        }
        let ended = revoke_others(&mut tx, user, Some(keep), now).await?;
        record(&mut tx, "totp_enrolled", user, Some(user), json!({}), now).await?;
        tx.commit().await?;
        Ok(Some(ended))
    }

    /// Takes a code of this step. `false` when one of it, or of a later one, was taken before.
    pub async fn take_totp_step(self, user: UserId, step: i64) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE totps SET last_step = $1 \
             WHERE user_id = $2 AND last_step < $1 AND confirmed_at IS NOT NULL";
        let mut tx = self.begin().await?;
        let taken = tx.execute(SQL, (step, user)).await?;
        tx.commit().await?;
        Ok(taken > 0)
    }

    /// Takes a recovery code, and says how many are left. `None` when it is none of them.
    pub async fn take_recovery_code(
        self,
        user: UserId,
        code: &RecoveryHash,
        now: Timestamp,
    ) -> Result<Option<usize>, StoreError> {
        const LEFT: &str = "SELECT recovery_hashes FROM totps \
             WHERE user_id = $1 AND confirmed_at IS NOT NULL FOR NO KEY UPDATE";
        const SET: &str = "UPDATE totps SET recovery_hashes = $1 WHERE user_id = $2";
        let mut tx = self.begin().await?;
        let hashes: Option<Vec<u8>> = tx.optional_value(LEFT, (user,)).await?;
        let mut hashes = RecoveryHash::split(&hashes.unwrap_or_default());
        let Some(at) = hashes.iter().position(|hash| hash == code) else {
            return Ok(None);
        };
        hashes.swap_remove(at);
        let kept: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
        tx.execute(SET, (kept, user)).await?;
        let (actor, details) = (Some(user), json!({ "left": hashes.len() }));
        record(&mut tx, "recovery_code_used", user, actor, details, now).await?;
        tx.commit().await?;
        Ok(Some(hashes.len()))
    }

    /// Takes the second factor of a user away, also one that waits. `false` when there is none.
    pub async fn remove_totp(
        self,
        of: TotpOf<'_>,
        by: TotpRemover,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM totps WHERE user_id = $1";
        const OF_PHONE: &str = "SELECT id FROM users WHERE phone_index = $1 FOR NO KEY UPDATE";
        let mut tx = self.begin().await?;
        let user: Option<UserId> = match of {
            TotpOf::User(user) => tx.optional_value(LOCK_USER, (user,)).await?,
            TotpOf::Phone(phone) => tx.optional_value(OF_PHONE, (phone.as_bytes(),)).await?,
        };
        let Some(user) = user else { return Ok(false) };
        if tx.execute(SQL, (user,)).await? == 0 {
            return Ok(false);
        }
        let (actor, details) = match by {
            TotpRemover::User => (Some(user), json!({})),
            TotpRemover::Operator => (None, json!({ "by": "command line" })),
        };
        record(&mut tx, "totp_removed", user, actor, details, now).await?;
        tx.commit().await?;
        Ok(true)
    }
}
