//! One-time codes: sent to a phone, tried a few times, used once.
//!
//! A try counts before anybody compares, in a transaction of its own: however many guess at once,
//! on however many nodes, a code is compared with [`CODE_TRIES`] guesses at most. Its rows stay for
//! [`CODE_MEMORY`] so that a new code does not bring new tries without end. Whoever cannot be
//! compared any more because others guessed is told to wait, never that the code is wrong.

use std::time::Duration;

use sqlx_macros::FromRow;

use super::{
    Accounts, record,
    sessions::{LOCK_USER, revoke_others},
};
use crate::{
    crypto::{CodeHash, PhoneIndex, Sealed},
    db::Tx,
    store::{Notified, StoreError, notices::notifications::notify},
};
use tebdil_protocol::{
    Secret,
    domain::CodePurpose,
    id::{CodeId, SessionId, UserId},
    notice::Notice,
    time::Timestamp,
};

/// How long a code is good.
pub const CODE_LIFETIME: Duration = Duration::from_mins(5);
/// Guesses a code is compared with.
pub const CODE_TRIES: i64 = 5;
/// How long tries of a phone add up.
pub const CODE_MEMORY: Duration = Duration::from_hours(1);
/// Guesses that all codes of one purpose and phone are compared with in that time. More than the
/// codes that may be asked for in it bring (ten, by the limits before them): it holds where those
/// were widened or forgotten, and is in nobody's way otherwise.
const TRIES_PER_PHONE: i64 = 60;
/// How far a code's end may be away: a clock that was set back must not make it live longer, and
/// clocks of nodes differ a little.
const FARTHEST_END: Duration = Duration::from_mins(6);

/// A code that is about to be sent.
#[derive(Debug, Clone, Copy)]
pub struct NewCode<'a> {
    pub id: CodeId,
    pub purpose: CodePurpose,
    pub phone: PhoneIndex,
    /// Whose password it sets; `None` for a registration, and where nobody is sent anything.
    pub user: Option<UserId>,
    pub hash: CodeHash,
    /// What it registers, encrypted for this row.
    pub registration: Option<&'a Sealed>,
}

/// A code that a guess may be compared with. The try is counted already.
#[derive(Debug, Clone)]
pub struct TriedCode {
    pub id: CodeId,
    pub user: Option<UserId>,
    pub hash: CodeHash,
    pub registration: Option<Sealed>,
}

/// What a guess is compared with.
#[derive(Debug, Clone)]
pub struct Guess {
    pub codes: Vec<TriedCode>,
    /// How long to wait where a code is good and not among them, because it was tried too often.
    /// `None` where all are.
    pub wait: Option<Duration>,
}

/// A code that somebody knew, which proves the phone until it is used.
#[derive(Debug, Clone, Copy)]
pub struct ProvenCode {
    pub id: CodeId,
    pub purpose: CodePurpose,
    pub phone: PhoneIndex,
}

/// A password that was set by a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordReset {
    /// Sessions that ended; their sockets must be closed.
    pub ended: Vec<SessionId>,
    pub notified: Option<Notified>,
}

#[derive(FromRow)]
struct CodeRow {
    id: CodeId,
    user_id: Option<UserId>,
    code_hash: Vec<u8>,
    registration: Option<Vec<u8>>,
    registration_key_id: Option<String>,
    tries: i64,
    created_at: Timestamp,
    expires_at: Timestamp,
}

/// Rows of one phone and purpose, oldest first. `$1` index, `$2` purpose, `$3` made after.
const OF_PHONE: &str = "SELECT id, user_id, code_hash, registration, registration_key_id, tries, \
     created_at, expires_at FROM one_time_codes \
     WHERE phone_index = $1 AND purpose = $2 AND created_at > $3 ORDER BY id FOR NO KEY UPDATE";

/// The ids of the same rows with their ends, whenever they were made.
const ENDS_OF_PHONE: &str = "SELECT id, expires_at FROM one_time_codes \
     WHERE phone_index = $1 AND purpose = $2 ORDER BY id FOR NO KEY UPDATE";

pub(super) const DELETE: &str = "DELETE FROM one_time_codes WHERE id = $1";

fn is_good(expires_at: Timestamp, now: Timestamp) -> bool {
    expires_at > now && expires_at <= now + FARTHEST_END
}

/// Uses a [`ProvenCode`] in this transaction, which deletes every code of its phone and purpose.
/// `false` when it is no longer good.
pub(crate) async fn use_code(
    tx: &mut Tx,
    code: &ProvenCode,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let of = (code.phone.as_bytes(), code.purpose);
    let rows: Vec<(CodeId, Timestamp)> = tx.all(ENDS_OF_PHONE, of).await?;
    let good = rows
        .iter()
        .any(|(id, expires_at)| *id == code.id && is_good(*expires_at, now));
    if good {
        for (id, _) in rows {
            tx.execute(DELETE, (id,)).await?;
        }
    }
    Ok(good)
}

impl Accounts<'_> {
    /// Keeps the hash of a code that is about to be sent.
    pub async fn insert_code(self, new: NewCode<'_>, now: Timestamp) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO one_time_codes \
             (id, purpose, phone_index, user_id, code_hash, registration, registration_key_id, \
             created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let NewCode { id, purpose, .. } = new;
        let (phone, hash) = (new.phone.as_bytes(), &new.hash.0[..]);
        let sealed = new.registration.map(|sealed| &sealed.ciphertext[..]);
        let key_id = new.registration.map(|sealed| sealed.key_id.as_str());
        let end = now + CODE_LIFETIME;
        let row = (id, purpose, phone, new.user, hash, sealed, key_id, now, end);
        let mut tx = self.begin().await?;
        tx.execute(SQL, row).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Counts one guess against every code that is good for the phone and has tries left, and gives
    /// them to be compared.
    pub async fn try_code(
        self,
        purpose: CodePurpose,
        phone: &PhoneIndex,
        now: Timestamp,
    ) -> Result<Guess, StoreError> {
        const COUNT: &str = "UPDATE one_time_codes SET tries = tries + 1 WHERE id IN ({list})";
        let of = (phone.as_bytes(), purpose, now - CODE_MEMORY);
        let mut tx = self.begin().await?;
        let mut rows: Vec<CodeRow> = tx.all(OF_PHONE, of).await?;
        let spent: i64 = rows.iter().map(|row| row.tries).sum();
        let oldest = rows
            .iter()
            .filter(|row| row.tries > 0)
            .map(|row| row.created_at)
            .min();
        rows.retain(|row| is_good(row.expires_at, now));
        if spent >= TRIES_PER_PHONE {
            let wait = oldest
                .filter(|_| !rows.is_empty())
                .map(|oldest| (oldest + CODE_MEMORY).since(now));
            return Ok(Guess {
                codes: Vec::new(),
                wait,
            });
        }
        let used_up = rows
            .iter()
            .filter(|row| row.tries >= CODE_TRIES)
            .map(|row| row.expires_at)
            .max();
        let wait = used_up.map(|end| end.since(now));
        rows.retain(|row| row.tries < CODE_TRIES);
        if !rows.is_empty() {
            let ids = rows.iter().map(|row| row.id);
            tx.query(COUNT).list(ids).execute().await?;
            tx.commit().await?;
        }
        let codes: Result<_, _> = rows.into_iter().map(TriedCode::try_from).collect();
        codes.map(|codes| Guess { codes, wait })
    }

    /// Sets the password of the user whose phone a code has proven, signs every session out, tells
    /// the user and records it. `None` when the code is no longer good, or the user is gone;
    /// nothing changes then.
    pub async fn reset_password(
        self,
        code: &ProvenCode,
        user: UserId,
        hash: &Secret,
        now: Timestamp,
    ) -> Result<Option<PasswordReset>, StoreError> {
        const SQL: &str = "UPDATE users SET password_hash = $1 WHERE id = $2";
        let mut tx = self.begin().await?;
        tx.execute(LOCK_USER, (user,)).await?;
        if !use_code(&mut tx, code, now).await? {
            return Ok(None);
        }
        if tx.execute(SQL, (hash.expose(), user)).await? == 0 {
            return Ok(None);
        }
        let ended = revoke_others(&mut tx, user, None, now).await?;
        let notice = Notice::PasswordReset {};
        let notified = notify(&mut tx, user, &notice, code.id.to_string(), now).await?;
        let details = serde_json::json!({});
        record(&mut tx, "password_reset", user, None, details, now).await?;
        tx.commit().await?;
        Ok(Some(PasswordReset { ended, notified }))
    }
}

impl TryFrom<CodeRow> for TriedCode {
    type Error = StoreError;

    fn try_from(row: CodeRow) -> Result<Self, StoreError> {
        let hash = row
            .code_hash
            .try_into()
            .map_err(|_| StoreError::Corrupt { what: "code_hash" })?;
        let registration = row
            .registration
            .zip(row.registration_key_id)
            .map(|(ciphertext, key_id)| Sealed { ciphertext, key_id });
        Ok(Self {
            id: row.id,
            user: row.user_id,
            hash: CodeHash(hash),
            registration,
        })
    }
}
