//! Accounts as staff finds them.

use std::{fmt, time::Duration};

use sqlx_macros::FromRow;

use super::{Accounts, record};
use crate::{
    crypto::{PhoneIndex, Sealed},
    store::{StoreError, SystemLog, jobs::system_logs::log, safety::ban_admin::OF_USER},
};
use tebdil_protocol::{AdminUserCounts, domain::UserRole, id::UserId, time::Timestamp};

/// How far back different reporters are counted.
const REPORTERS: Duration = Duration::from_hours(30 * 24);

/// Most accounts that a phone is looked up for: one that has it, and erased ones that had it.
const MOST_OF_PHONE: i64 = 100;

/// An account without what is nobody's business but its user's. `Debug` shows the id only.
#[derive(Clone, PartialEq, FromRow)]
pub struct AccountRow {
    pub id: UserId,
    pub alias: String,
    pub tag: String,
    pub role: UserRole,
    pub is_banned: bool,
    pub is_premium: bool,
    /// Its reports count towards no automatic ban.
    pub unreliable: bool,
    /// Stands for nothing once the account is erased.
    pub phone_index: PhoneIndex,
    /// The same.
    #[sqlx(flatten)]
    pub phone: Sealed,
    pub created_at: Timestamp,
    pub last_active: Timestamp,
    pub erased_at: Option<Timestamp>,
}

impl fmt::Debug for AccountRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountRow")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Whom staff looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountSearch {
    /// The account with this id, also an erased one.
    Id(UserId),
    /// A whole handle; the alias folded as it is stored.
    Handle { alias_key: String, tag: String },
    /// What the folded alias begins with.
    Prefix(String),
}

/// Which accounts a list holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountFilter {
    pub search: Option<AccountSearch>,
    pub role: Option<UserRole>,
    pub banned: Option<bool>,
    pub premium: Option<bool>,
    /// Only accounts with smaller ids.
    pub before: Option<UserId>,
}

const COLUMNS: &str = "SELECT u.id, u.alias, u.tag, u.role, u.is_banned, u.is_premium, \
     u.unreliable, u.phone_index, u.phone_ciphertext, u.phone_key_id, u.created_at, u.last_active, u.erased_at \
     FROM users u WHERE ";

/// What an erased account is called is nobody's name.
const NOT_ERASED: &str = " AND u.erased_at IS NULL";

impl Accounts<'_> {
    /// Accounts, newest first.
    pub async fn list_accounts(
        self,
        filter: &AccountFilter,
        limit: i64,
    ) -> Result<Vec<AccountRow>, StoreError> {
        let before = filter.before.unwrap_or(UserId(i64::MAX));
        let mut query = self.read(COLUMNS).push("u.id < ").push_bind(before);
        query = match &filter.search {
            Some(AccountSearch::Id(id)) => query.push(" AND u.id = ").push_bind(*id),
            Some(AccountSearch::Handle { alias_key, tag }) => query
                .push(" AND u.alias_key = ")
                .push_bind(alias_key)
                .push(" AND u.tag = ")
                .push_bind(tag)
                .push(NOT_ERASED),
            Some(AccountSearch::Prefix(prefix)) => query
                .push(" AND u.alias_key LIKE ")
                .push_bind(beginning(prefix))
                .push(" ESCAPE '\\'")
                .push(NOT_ERASED),
            None => query,
        };
        // What is rare in the words of its index.
        if let Some(role) = filter.role {
            query = query.push(" AND u.role = ").push_bind(role);
            if role != UserRole::User {
                query = query.push(" AND u.role <> 'user'");
            }
        }
        query = query.push(match filter.banned {
            Some(true) => " AND u.is_banned",
            Some(false) => " AND NOT u.is_banned",
            None => "",
        });
        query = query.push(match filter.premium {
            Some(true) => " AND u.is_premium",
            Some(false) => " AND NOT u.is_premium",
            None => "",
        });
        query = query.push(" ORDER BY u.id DESC LIMIT ").push_bind(limit);
        Ok(query.all().await?)
    }

    /// The accounts that a phone belongs to, newest first: the one that has it, and erased ones
    /// whose tombstone still stands. That `actor` looked is recorded, without the phone, whether or
    /// not anybody was found.
    pub async fn accounts_of_phone(
        self,
        phone: &PhoneIndex,
        actor: UserId,
        now: Timestamp,
    ) -> Result<Vec<AccountRow>, StoreError> {
        const OF_PHONE: &str = "(u.phone_index = $1 OR u.id IN \
             (SELECT t.user_id FROM tombstones t WHERE t.phone_index = $1)) \
             ORDER BY u.id DESC LIMIT $2";
        let mut tx = self.begin().await?;
        let query = tx.query(COLUMNS).push(OF_PHONE).bind(phone.as_bytes());
        let rows: Vec<AccountRow> = query.bind(MOST_OF_PHONE).all().await?;
        let act = SystemLog {
            action: "phone_looked_up",
            user: rows.first().map(|row| row.id),
            actor: Some(actor),
            details: serde_json::json!({ "found": rows.len() }),
        };
        log(&mut tx, &act, now).await?;
        tx.commit().await?;
        Ok(rows)
    }

    /// One account, erased or not. That `actor` looked is recorded.
    pub async fn account_for(
        self,
        id: UserId,
        actor: UserId,
        now: Timestamp,
    ) -> Result<Option<AccountRow>, StoreError> {
        let mut tx = self.begin().await?;
        let query = tx.query(COLUMNS).push("u.id = $1").bind(id);
        let row: Option<AccountRow> = query.optional().await?;
        if row.is_some() {
            let details = serde_json::json!({});
            record(&mut tx, "user_viewed", id, Some(actor), details, now).await?;
            tx.commit().await?;
        }
        Ok(row)
    }

    /// What there is of an account at `now`; zeros when there is no such account. Reports about the
    /// `reader` are left out: a count that is larger than the list would tell who made them.
    pub async fn account_counts(
        self,
        id: UserId,
        reader: UserId,
        now: Timestamp,
    ) -> Result<AdminUserCounts, StoreError> {
        const SQL: &str = "SELECT \
             (SELECT COUNT(*) FROM reports WHERE reported_id = $1 AND reported_id <> $4 \
              AND status = 'open') AS reports_open, \
             (SELECT COUNT(*) FROM reports WHERE reported_id = $1 AND reported_id <> $4 \
              AND status <> 'open') AS reports_decided, \
             (SELECT COUNT(DISTINCT reporter_id) FROM reports WHERE reported_id = $1 \
              AND reported_id <> $4 AND created_at > $2) AS reporters_30d, \
             (SELECT COUNT(*) FROM reports WHERE reporter_id = $1 AND reported_id <> $4) \
              AS reports_made, \
             (SELECT COUNT(*) FROM reports WHERE reporter_id = $1 AND reported_id <> $4 \
              AND status = 'dismissed') AS reports_made_dismissed, \
             (SELECT COUNT(*) FROM match_sides WHERE user_id = $1) AS matches, \
             (SELECT COUNT(*) FROM claims WHERE user_id = $1) AS claims, \
             (SELECT COUNT(*) FROM sessions WHERE user_id = $1 AND revoked_at IS NULL \
              AND refresh_expires_at > $3) AS sessions, \
             (SELECT COUNT(*) FROM bans b WHERE ";
        let query = self.read(SQL).push(OF_USER).push(") AS bans");
        let query = query.bind(id).bind(now - REPORTERS).bind(now);
        Ok(query.bind(reader).one().await?)
    }
}

/// A pattern for what begins with `prefix`.
fn beginning(prefix: &str) -> String {
    let escaped = prefix.replace('\\', r"\\").replace('%', r"\%");
    format!("{}%", escaped.replace('_', r"\_"))
}
