//! The record of security and moderation relevant acts.

use sqlx_macros::FromRow;

use super::{Jobs, retention::ID_SLACK};
use crate::{db::Tx, ids::IdGenerator, store::StoreError};
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
    /// Only acts since then.
    pub from: Option<Timestamp>,
    /// Only acts before.
    pub until: Option<Timestamp>,
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
    user_handle: Option<String>,
    actor_id: Option<UserId>,
    actor_handle: Option<String>,
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
            user_handle: row.user_handle,
            actor_id: row.actor_id,
            actor_handle: row.actor_handle,
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
        const SQL: &str = "SELECT l.id, l.action, l.user_id, u.alias || '#' || u.tag AS user_handle, \
             l.actor_id, a.alias || '#' || a.tag AS actor_handle, l.details, l.created_at \
             FROM system_logs l \
             LEFT JOIN users u ON u.id = l.user_id AND u.erased_at IS NULL \
             LEFT JOIN users a ON a.id = l.actor_id AND a.erased_at IS NULL WHERE l.id < $1";
        // As in `privacy::tables::safety`: they would tell the reader of reports, and when.
        const NOT_ABOUT: &str = " AND (l.action NOT IN ('report_read', 'report_taken', \
             'report_released', 'report_resolved') OR l.user_id IS NULL OR l.user_id <> ";
        // Times by the ids too, which is how every index has the acts.
        let end = |until| SystemLogId(IdGenerator::first_id_at(until + ID_SLACK));
        let before = [filter.before, filter.until.map(end)].into_iter().flatten();
        let before = before.min().unwrap_or(SystemLogId(i64::MAX));
        let mut query = self.read(SQL).bind(before);
        if let Some(from) = filter.from {
            let first = IdGenerator::first_id_at(from - ID_SLACK);
            query = query.push(" AND l.id >= ").push_bind(first);
            query = query.push(" AND l.created_at >= ").push_bind(from);
        }
        if let Some(until) = filter.until {
            query = query.push(" AND l.created_at < ").push_bind(until);
        }
        // Few acts are about one user, and many by one of the staff or of one kind. SQLite cannot
        // know, and takes no other index so.
        let (mut action_is, mut actor_is) = (" AND l.action = ", " AND l.actor_id = ");
        if let Some(user) = filter.user {
            query = query.push(" AND l.user_id = ").push_bind(user);
            (action_is, actor_is) = (" AND l.action || '' = ", " AND l.actor_id + 0 = ");
        }
        if let Some(action) = filter.action {
            query = query.push(action_is).push_bind(action);
        }
        if let Some(actor) = filter.actor {
            query = query.push(actor_is).push_bind(actor);
        }
        if let Some(reader) = filter.reader {
            query = query.push(NOT_ABOUT).push_bind(reader).push(")");
        }
        query = query.push(" ORDER BY l.id DESC LIMIT ").push_bind(limit);
        let rows: Vec<LogRow> = query.all().await?;
        rows.into_iter().map(SystemLogEntry::try_from).collect()
    }
}
