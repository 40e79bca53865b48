//! The record of security and moderation relevant acts.

use sqlx_macros::FromRow;

use super::Jobs;
use crate::{db::Tx, store::StoreError};
use tebdil_protocol::{
    SystemLogEntry,
    id::{SystemLogId, UserId},
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
        Ok(Self {
            id: row.id,
            action: row.action,
            user_id: row.user_id,
            actor_id: row.actor_id,
            details,
            created_at: row.created_at,
        })
    }
}

/// [`Jobs::log_action`] in this transaction: what is recorded happened, and what happened is
/// recorded.
pub(crate) async fn log(
    tx: &mut Tx,
    log: &SystemLog<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO system_logs \
         (id, action, user_id, actor_id, details, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
    let (id, details) = (tx.id::<SystemLogId>(), log.details.to_string());
    let row = (id, log.action, log.user, log.actor, details, now);
    tx.execute(INSERT, row).await?;
    Ok(())
}

impl Jobs<'_> {
    /// Records an act.
    pub async fn log_action(self, act: &SystemLog<'_>, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        log(&mut tx, act, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Recorded acts, newest first.
    pub async fn system_logs(
        self,
        filter: LogFilter<'_>,
        limit: i64,
    ) -> Result<Vec<SystemLogEntry>, StoreError> {
        const SQL: &str = "SELECT id, action, user_id, actor_id, details, created_at \
             FROM system_logs WHERE id < $1";
        // As in `privacy::tables::safety`: they would tell the reader of reports, and when.
        const NOT_ABOUT: &str = " AND (action NOT IN ('report_read', 'report_taken', \
             'report_released', 'report_resolved') OR user_id IS NULL OR user_id <> ";
        let before = filter.before.unwrap_or(SystemLogId(i64::MAX));
        let mut query = self.read(SQL).bind(before);
        if let Some(action) = filter.action {
            query = query.push(" AND action = ").push_bind(action);
        }
        if let Some(user) = filter.user {
            query = query.push(" AND user_id = ").push_bind(user);
        }
        if let Some(actor) = filter.actor {
            query = query.push(" AND actor_id = ").push_bind(actor);
        }
        if let Some(reader) = filter.reader {
            query = query.push(NOT_ABOUT).push_bind(reader).push(")");
        }
        query = query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
        let rows: Vec<LogRow> = query.all().await?;
        rows.into_iter().map(SystemLogEntry::try_from).collect()
    }
}
