//! Accounts: profile, password.

use std::{collections::HashSet, fmt};

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx_macros::FromRow;

use super::{Accounts, record, sessions::revoke_others, sign_ins::count_act};
use crate::{
    crypto::{PhoneIndex, Sealed},
    db::Tx,
    quota::Balances,
    store::{StoreError, TextList, to_json_list},
};
use tebdil_protocol::{
    Location, Secret,
    domain::{Locale, UserRole},
    id::{SessionId, UserId},
    time::Timestamp,
};

/// Tags of the aliases that look the same: `0000` to `9999`.
pub(super) const TAGS: u16 = 10_000;
/// Attempts to change an alias while others take the same tags.
const ALIAS_ATTEMPTS: u32 = 16;

/// An alias in its three forms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// As it is shown.
    pub text: String,
    /// Folded, as it is searched for.
    pub key: String,
    /// What it looks like: two whose skeletons are the same cannot be told apart, and never have
    /// the same tag.
    pub skeleton: String,
}

/// An account. `Debug` shows the id only.
#[derive(Clone, PartialEq, FromRow)]
pub struct UserRow {
    pub id: UserId,
    pub phone_index: PhoneIndex,
    #[sqlx(flatten)]
    pub phone: Sealed,
    pub password_hash: Secret,
    pub alias: String,
    pub alias_key: String,
    pub tag: String,
    pub birth_year: i64,
    pub locale: Locale,
    pub role: UserRole,
    pub interests: TextList,
    pub languages: TextList,
    location_lat: Option<f64>,
    location_lon: Option<f64>,
    pub is_banned: bool,
    pub is_premium: bool,
    /// As stored; [`Balances::quota`] counts a reset that is due.
    #[sqlx(flatten)]
    pub balances: Balances,
    /// The version of the terms that was accepted last.
    pub terms_version: i64,
    pub terms_accepted_at: Timestamp,
    pub invite_code: String,
    pub created_at: Timestamp,
    pub last_active: Timestamp,
}

impl fmt::Debug for UserRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserRow")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// What changes in a profile; `None` leaves a part as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProfileUpdate {
    pub alias: Option<Alias>,
    pub locale: Option<Locale>,
    pub interests: Option<Vec<String>>,
    pub languages: Option<Vec<String>>,
    /// `Some(None)` forgets the place. Snapped to the grid by the caller.
    pub location: Option<Option<Location>>,
}

/// What became of a profile change.
#[derive(Debug, Clone, PartialEq)]
pub enum ProfileChange {
    Updated(Box<UserRow>),
    /// All tags of the new alias are taken; nothing changed.
    AliasFull,
    /// A moderator took this alias away from the user; nothing changed.
    AliasRefused,
    /// No such user.
    NotFound,
}

/// What [`UserRow`] reads.
pub(super) const COLUMNS: &str = "id, phone_index, phone_ciphertext, phone_key_id, password_hash, \
     alias, alias_key, tag, birth_year, locale, role, interests, languages, location_lat, \
     location_lon, is_banned, is_premium, daily_chat_balance, daily_video_balance, bonus_balance, \
     quota_day, terms_version, terms_accepted_at, invite_code, created_at, last_active";
const BY_ID: &str = " FROM users WHERE id = $1 AND erased_at IS NULL";
const BY_PHONE: &str = " FROM users WHERE phone_index = $1 AND erased_at IS NULL";

impl UserRow {
    /// Where the account says it is.
    pub fn location(&self) -> Option<Location> {
        let (lat, lon) = self.location_lat.zip(self.location_lon)?;
        Some(Location { lat, lon })
    }
}

impl Accounts<'_> {
    /// The account with this id.
    pub async fn user(self, id: UserId) -> Result<Option<UserRow>, StoreError> {
        let query = self.read("SELECT ").push(COLUMNS).push(BY_ID).bind(id);
        Ok(query.optional().await?)
    }

    /// The account of a phone.
    pub async fn user_by_phone(self, phone: &PhoneIndex) -> Result<Option<UserRow>, StoreError> {
        let query = self.read("SELECT ").push(COLUMNS).push(BY_PHONE);
        Ok(query.bind(phone.as_bytes()).optional().await?)
    }

    /// Changes parts of a profile. A new alias keeps the tag when it is free there, and draws
    /// another otherwise.
    pub async fn update_profile(
        self,
        id: UserId,
        update: &ProfileUpdate,
        rng: &mut (impl Rng + Send),
    ) -> Result<ProfileChange, StoreError> {
        let mut attempts = 1;
        loop {
            match self.try_update_profile(id, update, rng).await {
                // Someone took the tag between our look and our write.
                Err(StoreError::Database(sqlx::Error::Database(refused)))
                    if refused.is_unique_violation() && attempts < ALIAS_ATTEMPTS =>
                {
                    attempts += 1;
                }
                done => return done,
            }
        }
    }

    async fn try_update_profile(
        self,
        id: UserId,
        update: &ProfileUpdate,
        rng: &mut (impl Rng + Send),
    ) -> Result<ProfileChange, StoreError> {
        const UPDATE: &str = "UPDATE users SET alias = $1, alias_key = $2, tag = $3, locale = $4, \
             interests = $5, languages = $6, location_lat = $7, location_lon = $8, \
             alias_skeleton = COALESCE($9, alias_skeleton) WHERE id = $10";
        const REFUSED: &str = "SELECT refused_skeleton FROM users WHERE id = $1";
        let mut tx = self.begin().await?;
        let query = tx.query("SELECT ").push(COLUMNS).push(BY_ID);
        let row: Option<UserRow> = query.push(" FOR NO KEY UPDATE").bind(id).optional().await?;
        let Some(mut user) = row else {
            return Ok(ProfileChange::NotFound);
        };
        if let Some(alias) = &update.alias {
            let refused: Option<String> = tx.value(REFUSED, (id,)).await?;
            if refused.as_ref() == Some(&alias.skeleton) {
                return Ok(ProfileChange::AliasRefused);
            }
            let taken = taken_tags(&mut tx, alias, id).await?;
            if taken.contains(&user.tag) {
                let Some(tag) = draw_free(&taken, rng) else {
                    return Ok(ProfileChange::AliasFull);
                };
                user.tag = tag_text(tag);
            }
            user.alias.clone_from(&alias.text);
            user.alias_key.clone_from(&alias.key);
        }
        user.locale = update.locale.unwrap_or(user.locale);
        if let Some(interests) = &update.interests {
            user.interests = TextList(interests.clone());
        }
        if let Some(languages) = &update.languages {
            user.languages = TextList(languages.clone());
        }
        if let Some(location) = update.location {
            user.location_lat = location.map(|place| place.lat);
            user.location_lon = location.map(|place| place.lon);
        }
        tx.query(UPDATE)
            .bind(&user.alias)
            .bind(&user.alias_key)
            .bind(&user.tag)
            .bind(user.locale)
            .bind(to_json_list(&user.interests.0))
            .bind(to_json_list(&user.languages.0))
            .bind(user.location_lat)
            .bind(user.location_lon)
            .bind(update.alias.as_ref().map(|alias| &alias.skeleton))
            .bind(id)
            .execute()
            .await?;
        tx.commit().await?;
        Ok(ProfileChange::Updated(Box::new(user)))
    }

    /// Notes that the user accepts this version of the terms, unless it or a later one was accepted
    /// before.
    pub async fn accept_terms(
        self,
        id: UserId,
        version: i64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE users SET terms_version = $2, terms_accepted_at = $3 \
             WHERE id = $1 AND erased_at IS NULL AND terms_version < $2";
        let mut tx = self.begin().await?;
        if tx.execute(SQL, (id, version, now)).await? > 0 {
            let details = json!({ "version": version });
            record(&mut tx, "terms_accepted", id, Some(id), details, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Stores the same password by another scheme, unless what is stored is no longer `old`. No
    /// session ends.
    pub async fn replace_password_hash(
        self,
        id: UserId,
        old: &Secret,
        new: &Secret,
    ) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE users SET password_hash = $1 WHERE id = $2 AND password_hash = $3";
        let mut tx = self.begin().await?;
        tx.execute(SQL, (new.expose(), id, old.expose())).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Sets the password and signs out every other session; gives those that were alive. `None`
    /// when there is no such user, or its password is no longer `verified` (pass `None` when
    /// nothing was verified, as at a reset).
    pub async fn set_password(
        self,
        id: UserId,
        verified: Option<&Secret>,
        hash: &Secret,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Option<Vec<SessionId>>, StoreError> {
        const SQL: &str = "UPDATE users SET password_hash = $1 \
             WHERE id = $2 AND erased_at IS NULL AND ($3 IS NULL OR password_hash = $3)";
        let mut tx = self.begin().await?;
        let verified = verified.map(Secret::expose);
        if tx.execute(SQL, (hash.expose(), id, verified)).await? == 0 {
            return Ok(None);
        }
        count_act(&mut tx, "password_changed", id, Some(id), keep, now).await?;
        let revoked = revoke_others(&mut tx, id, keep, now).await?;
        tx.commit().await?;
        Ok(Some(revoked))
    }
}

/// The tags that an alias cannot have, whoever has it but `but`.
pub(super) async fn taken_tags(
    tx: &mut Tx,
    alias: &Alias,
    but: UserId,
) -> Result<Vec<String>, StoreError> {
    // Also those of the same letters: both are unique with the tag.
    const SQL: &str =
        "SELECT tag FROM users WHERE (alias_skeleton = $1 OR alias_key = $2) AND id <> $3";
    tx.values(SQL, (&alias.skeleton, &alias.key, but)).await
}

pub(super) fn tag_text(tag: u16) -> String {
    format!("{tag:04}")
}

/// A tag that is not taken, each with the same chance.
pub(super) fn draw_free(taken: &[String], rng: &mut impl Rng) -> Option<u16> {
    let taken: HashSet<&str> = taken.iter().map(String::as_str).collect();
    let free: Vec<u16> = (0..TAGS)
        .filter(|tag| !taken.contains(tag_text(*tag).as_str()))
        .collect();
    (!free.is_empty()).then(|| free[rng.random_range(0..free.len())])
}

/// What became of an alias that is taken away.
pub(crate) enum Renaming {
    Done,
    /// All tags of the new one are given away.
    Full,
    /// The account was erased.
    Gone,
}

/// Gives the account another alias, with a tag that is free there; it does not get the one back that
/// it had. The account is held. Somebody who takes the tag at the same time makes the transaction
/// fail.
pub(crate) async fn rename(
    tx: &mut Tx,
    id: UserId,
    alias: &Alias,
    rng: &mut (impl Rng + Send),
) -> Result<Renaming, StoreError> {
    const SQL: &str = "UPDATE users SET alias = $1, alias_key = $2, alias_skeleton = $3, tag = $4, \
         refused_skeleton = alias_skeleton WHERE id = $5 AND erased_at IS NULL";
    let taken = taken_tags(tx, alias, id).await?;
    let Some(tag) = draw_free(&taken, rng) else {
        return Ok(Renaming::Full);
    };
    let Alias {
        text,
        key,
        skeleton,
    } = alias;
    let params = (text, key, skeleton, tag_text(tag), id);
    Ok(match tx.execute(SQL, params).await? {
        0 => Renaming::Gone,
        _ => Renaming::Done,
    })
}
