//! The record of security and moderation relevant acts.

use super::{Store, StoreError};
use crate::{
    backend::write_tx,
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

impl Store {
    /// Records an act.
    pub async fn log_action(&self, log: &SystemLog<'_>, now: Timestamp) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO system_logs (id, action, user_id, actor_id, details, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
        write_tx!(self, |tx| {
            sqlx::query(SQL)
                .bind(self.ids.next::<SystemLogId>())
                .bind(log.action)
                .bind(log.user)
                .bind(log.actor)
                .bind(log.details.to_string())
                .bind(now)
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }
}
