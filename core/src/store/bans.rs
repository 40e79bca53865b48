//! Bans. They follow the phone's blind index, so that they outlive the account.

use super::{Store, StoreError};
use crate::{backend::read, crypto::PhoneIndex, time::Timestamp};

/// A ban that is in force.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct BanRow {
    pub id: i64,
    pub reason: String,
    /// Made by the job that counts reports.
    pub automatic: bool,
    /// Waits for a moderator.
    pub provisional: bool,
    pub created_at: Timestamp,
    /// `None` for good.
    pub until: Option<Timestamp>,
}

/// The longest ban in force of a phone. `$1` index, `$2` now.
pub(super) const ACTIVE_BAN: &str = "SELECT id, reason, automatic, provisional, created_at, until FROM bans \
     WHERE phone_index = $1 AND lifted_at IS NULL AND (until IS NULL OR until > $2) \
     ORDER BY CASE WHEN until IS NULL THEN 0 ELSE 1 END, until DESC, id LIMIT 1";

impl Store {
    /// The ban of a phone that is in force at `now`; of several, the one that lasts longest.
    pub async fn active_ban(&self, phone: &PhoneIndex, now: Timestamp) -> Result<Option<BanRow>, StoreError> {
        Ok(read!(self, |db| sqlx::query_as(ACTIVE_BAN).bind(phone.as_bytes()).bind(now).fetch_optional(db).await?))
    }
}
