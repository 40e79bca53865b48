//! Registration: how an account comes into being.

use std::fmt;

use rand::{Rng, RngExt};

use super::{
    Accounts, Alias, NewSession, ProvenCode, SessionRow, UserRow,
    codes::use_code,
    sessions::insert_session,
    users::{COLUMNS, TAGS, draw_free, tag_text, taken_tags},
};
use crate::{
    crypto::{PhoneIndex, Sealed},
    db::Tx,
    store::{
        BanRow, StoreError,
        economy::referrals::{BY_CODE, Inviter, join},
        safety::{
            bans::{ACTIVE_BAN, lock_phone},
            blocks::pass_blocks,
        },
    },
};
use tebdil_protocol::{Secret, domain::Locale, id::UserId, time::Timestamp};

/// Tags drawn blindly before the taken ones are read; enough for any alias but the most common.
const BLIND_DRAWS: u32 = 4;
/// Invite codes: 10 letters and digits that are not mistaken for each other, 50 bits.
const INVITE_ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
const INVITE_CHARS: usize = 10;

/// An account to be made.
#[derive(Clone)]
pub struct NewUser {
    pub phone_index: PhoneIndex,
    /// The number, encrypted for this index.
    pub phone: Sealed,
    pub password_hash: Secret,
    pub alias: Alias,
    pub birth_year: i64,
    pub locale: Locale,
    /// Version of the terms that was accepted, now.
    pub terms_version: i64,
    /// The invite code that was given.
    pub invite: Option<String>,
}

/// What became of a registration.
#[derive(Debug, Clone, PartialEq)]
pub enum Registration {
    /// The account is there and its first device is signed in.
    Inserted(Box<UserRow>, SessionRow),
    PhoneTaken,
    PhoneBanned(BanRow),
    /// Nobody has the invite code.
    InviteUnknown,
    /// All tags of the alias are taken.
    AliasFull,
    /// The code that proved the phone is no longer good. Only [`Accounts::insert_verified_user`].
    CodeUsed,
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser").finish_non_exhaustive()
    }
}

/// Ends where [`COLUMNS`] go. DO NOTHING, whichever of phone, handle or invite code is taken: a
/// refused statement would abort the transaction on PostgreSQL.
const INSERT: &str = "INSERT INTO users \
     (id, phone_index, phone_ciphertext, phone_key_id, password_hash, alias, alias_key, tag, \
     birth_year, locale, terms_version, terms_accepted_at, invite_code, created_at, last_active, \
     alias_skeleton) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $12, $12, $14) \
     ON CONFLICT DO NOTHING RETURNING ";

impl Accounts<'_> {
    /// Makes an account and signs its first device in, in one transaction. The tag is drawn evenly
    /// among those that no alias of the same look has, and stays unique however many register at
    /// once. By whose invitation it came is settled here, and the reward is ordered.
    pub async fn insert_user(
        self,
        new: &NewUser,
        session: NewSession,
        rng: &mut (impl Rng + Send),
        now: Timestamp,
    ) -> Result<Registration, StoreError> {
        self.insert_proven(None, new, session, rng, now).await
    }

    /// The same for a phone that a code has proven. The code is used in the transaction that makes
    /// the account: of several calls with it one succeeds, and a refusal leaves it as it was.
    pub async fn insert_verified_user(
        self,
        code: &ProvenCode,
        new: &NewUser,
        session: NewSession,
        rng: &mut (impl Rng + Send),
        now: Timestamp,
    ) -> Result<Registration, StoreError> {
        self.insert_proven(Some(code), new, session, rng, now).await
    }

    async fn insert_proven(
        self,
        code: Option<&ProvenCode>,
        new: &NewUser,
        session: NewSession,
        rng: &mut (impl Rng + Send),
        now: Timestamp,
    ) -> Result<Registration, StoreError> {
        let mut tx = self.begin().await?;
        // Until the commit nobody bans it: a ban that comes after this finds the account.
        // Before the codes, as by whoever erases an account.
        let phone = new.phone_index.as_bytes();
        lock_phone(&mut tx, phone).await?;
        if let Some(code) = code
            && !use_code(&mut tx, code, now).await?
        {
            return Ok(Registration::CodeUsed);
        }
        if let Some(ban) = tx.optional(ACTIVE_BAN, (phone, now)).await? {
            return Ok(Registration::PhoneBanned(ban));
        }
        let inviter: Option<Inviter> = match &new.invite {
            Some(code) => tx.optional(BY_CODE, (code,)).await?,
            None => None,
        };
        if new.invite.is_some() && inviter.is_none() {
            return Ok(Registration::InviteUnknown);
        }
        let inserted = match insert_row(&mut tx, new, rng, now).await? {
            Ok(row) => row,
            Err(refused) => return Ok(refused),
        };
        pass_blocks(&mut tx, inserted.id, phone).await?;
        join(&mut tx, inserted.id, &new.phone_index, inviter, now).await?;
        let session = insert_session(&mut tx, inserted.id, session, now).await?;
        let inserted = Registration::Inserted(Box::new(inserted), session);
        tx.commit().await?;
        Ok(inserted)
    }
}

/// Inserts the row, with a tag that is free. `Err` is what stands against it.
async fn insert_row(
    tx: &mut Tx,
    new: &NewUser,
    rng: &mut (impl Rng + Send),
    now: Timestamp,
) -> Result<Result<UserRow, Registration>, StoreError> {
    const HAS_PHONE: &str = "SELECT id FROM users WHERE phone_index = $1";
    let phone = new.phone_index.as_bytes();
    let mut draws = 0;
    loop {
        draws += 1;
        let tag = if draws <= BLIND_DRAWS {
            rng.random_range(0..TAGS)
        } else {
            // Id 0 is nobody's.
            let taken = taken_tags(tx, &new.alias, UserId(0)).await?;
            match draw_free(&taken, rng) {
                Some(tag) => tag,
                None => return Ok(Err(Registration::AliasFull)),
            }
        };
        let id: UserId = tx.id();
        let row: Option<UserRow> = tx
            .query(INSERT)
            .push(COLUMNS)
            .bind(id)
            .bind(phone)
            .bind(&new.phone.ciphertext)
            .bind(&new.phone.key_id)
            .bind(new.password_hash.expose())
            .bind(&new.alias.text)
            .bind(&new.alias.key)
            .bind(tag_text(tag))
            .bind(new.birth_year)
            .bind(new.locale)
            .bind(new.terms_version)
            .bind(now)
            .bind(invite_code(rng))
            .bind(&new.alias.skeleton)
            .optional()
            .await?;
        if let Some(row) = row {
            return Ok(Ok(row));
        }
        let taken: Option<UserId> = tx.optional_value(HAS_PHONE, (phone,)).await?;
        if taken.is_some() {
            return Ok(Err(Registration::PhoneTaken));
        }
    }
}

fn invite_code(rng: &mut impl Rng) -> String {
    (0..INVITE_CHARS)
        .map(|_| char::from(INVITE_ALPHABET[rng.random_range(0..INVITE_ALPHABET.len())]))
        .collect()
}
