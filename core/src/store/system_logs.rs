//! The record of security and moderation relevant acts.

use sqlx::{FromRow, QueryBuilder};

use super::{Store, StoreError};
use crate::{
    backend::{read, write_tx},
    id::{SystemLogId, UserId},
    protocol::SystemLogEntry,
    time::Timestamp,
};

/// An act to record.
#[derive(Debug, Clone, PartialEq)]
pub struct SystemLog<'a> {
    /// What was done, e.g. `refresh_reused`.
    pub action: &'a str,
    /// Whom it is about.
    pub user: Option<UserId>,
    /// Who did it; `None` for the system.
    pub actor: Option<UserId>,
    /// A JSON object; never a phone, address, message or secret.
    pub details: serde_json::Value,
}

/// Which acts a list holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogFilter<'a> {
    pub action: Option<&'a str>,
    /// Whom they are about.
    pub user: Option<UserId>,
    /// Who did them.
    pub actor: Option<UserId>,
    /// Who reads: what was done with reports about this one is left out, as the reports are. The
    /// time in their ids would tell who made them.
    pub reader: Option<UserId>,
    /// Only acts with smaller ids.
    pub before: Option<SystemLogId>,
}

#[derive(FromRow)]
struct LogRow {
    id: SystemLogId,
    action: String,
    user_id: Option<UserId>,
    actor_id: Option<UserId>,
    details: String,
    created_at: Timestamp,
}

impl TryFrom<LogRow> for SystemLogEntry {
    type Error = StoreError;

    fn try_from(row: LogRow) -> Result<Self, StoreError> {
        let details = serde_json::from_str(&row.details).map_err(|_| StoreError::Corrupt {
            what: "system_logs.details",
        })?;
        let LogRow {
            id,
            action,
            user_id,
            actor_id,
            created_at,
            ..
        } = row;
        Ok(Self {
            id,
            action,
            user_id,
            actor_id,
            details,
            created_at,
        })
    }
}

pub(crate) const INSERT: &str = "INSERT INTO system_logs (id, action, user_id, actor_id, details, created_at) VALUES ($1, $2, $3, $4, $5, $6)";

/// [`Store::log_action`] in the open write transaction `$tx`: what is recorded happened, and what
/// happened is recorded.
macro_rules! log_in {
    ($store:expr, $tx:expr, $log:expr, $now:expr) => {{
        let log: &$crate::store::SystemLog<'_> = $log;
        sqlx::query($crate::store::system_logs::INSERT)
            .bind($store.ids.next::<$crate::id::SystemLogId>())
            .bind(log.action)
            .bind(log.user)
            .bind(log.actor)
            .bind(log.details.to_string())
            .bind($now)
            .execute(&mut *$tx)
            .await?;
    }};
}

pub(crate) use log_in;

impl Store {
    /// Records an act.
    pub async fn log_action(&self, log: &SystemLog<'_>, now: Timestamp) -> Result<(), StoreError> {
        write_tx!(self, |tx| { log_in!(self, tx, log, now) });
        Ok(())
    }

    /// Recorded acts, newest first.
    pub async fn system_logs(
        &self,
        filter: LogFilter<'_>,
        limit: i64,
    ) -> Result<Vec<SystemLogEntry>, StoreError> {
        let rows: Vec<LogRow> = read!(self, |db| {
            let mut query = QueryBuilder::new(
                "SELECT id, action, user_id, actor_id, details, created_at FROM system_logs WHERE id < ",
            );
            query.push_bind(filter.before.unwrap_or(SystemLogId(i64::MAX)));
            if let Some(action) = filter.action {
                query.push(" AND action = ").push_bind(action);
            }
            if let Some(user) = filter.user {
                query.push(" AND user_id = ").push_bind(user);
            }
            if let Some(actor) = filter.actor {
                query.push(" AND actor_id = ").push_bind(actor);
            }
            if let Some(reader) = filter.reader {
                query
                    .push(" AND (action NOT IN ('report_read', 'report_resolved') OR user_id IS NULL OR user_id <> ")
                    .push_bind(reader)
                    .push(")");
            }
            query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
            query.build_query_as().fetch_all(db).await?
        });
        rows.into_iter().map(SystemLogEntry::try_from).collect()
    }
}
