//! What is deleted when its time has come, in batches small enough that nobody waits for them.
//!
//! Every method does one batch and says what it did; the jobs call until there is nothing left.
//! `docs/data-retention.md` lists the periods.

use std::time::Duration;

use sqlx::{FromRow, QueryBuilder};

use super::{
    EndedMatch, Store, StoreError,
    call_state::{LOGGED_ENDED, log_call_in},
    matches::CallOutcome,
};
use crate::{
    backend::{read, write_tx},
    domain::{EndReason, MatchStatus, Mode},
    id::{IdGenerator, MatchId, SessionId, UserId},
    time::Timestamp,
};

/// Ids tell the time of a row well enough to bound a scan, not to the millisecond: a burst borrows
/// ids from the next one, and a row's time is taken before its id. Rows whose id is this much
/// younger than the cutoff are still looked at.
pub(super) const ID_SLACK: Duration = Duration::from_mins(1);

#[derive(FromRow)]
struct RanOut {
    id: MatchId,
    #[sqlx(rename = "type")]
    mode: Mode,
    user1_id: UserId,
    user2_id: UserId,
    expired_at: Timestamp,
    connected_at: Option<Timestamp>,
    call_failed_at: Option<Timestamp>,
}

/// A batch of [`Store::delete_dead_sessions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionBatch {
    pub deleted: u64,
    /// Where to go on; `None` when there are no more.
    pub next: Option<SessionId>,
}

impl Store {
    /// Ends up to `limit` matches that have run out at `now`, each of them once whoever else ends
    /// it meanwhile, and returns those that this call ended.
    ///
    /// Both sides are closed; [`Self::forget_messages`] deletes their messages. A crash in between
    /// leaves matches that the next call ends.
    pub async fn expire_matches(
        &self,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<EndedMatch>, StoreError> {
        const DUE: &str = "SELECT id FROM matches WHERE status = 'active' AND expired_at <= $1 ORDER BY expired_at LIMIT $2";
        let due: Vec<(MatchId,)> = read!(self, |db| sqlx::query_as(DUE)
            .bind(now)
            .bind(limit)
            .fetch_all(db)
            .await?);
        let mut due: Vec<MatchId> = due.into_iter().map(|(id,)| id).collect();
        if due.is_empty() {
            return Ok(Vec::new());
        }
        due.sort_unstable();
        let ended: Vec<RanOut> = write_tx!(self, |tx| {
            // Both sides in primary key order: write_chat and end_match lock the same way.
            let mut query =
                QueryBuilder::new("SELECT match_id FROM match_sides WHERE match_id IN (");
            let mut list = query.separated(", ");
            for id in &due {
                list.push_bind(*id);
            }
            query
                .push(") ORDER BY match_id, user_id")
                .push(self.db.for_update());
            query.build().fetch_all(&mut *tx).await?;

            let mut query = QueryBuilder::new("UPDATE matches SET status = ");
            query
                .push_bind(MatchStatus::Expired)
                .push(", ended_at = expired_at, ended_reason = ")
                .push_bind(EndReason::Expired);
            query.push(" WHERE status = 'active' AND id IN (");
            let mut list = query.separated(", ");
            for id in &due {
                list.push_bind(*id);
            }
            query.push(") RETURNING id, type, user1_id, user2_id, expired_at, connected_at, call_failed_at");
            let ended: Vec<RanOut> = query.build_query_as().fetch_all(&mut *tx).await?;
            for row in ended
                .iter()
                .filter(|row| row.mode == Mode::Video && row.connected_at.is_some())
            {
                log_call_in!(
                    self,
                    tx,
                    row.id,
                    [row.user1_id, row.user2_id],
                    LOGGED_ENDED,
                    row.expired_at
                );
            }

            for statement in [
                "UPDATE match_sides SET open = FALSE, peer_key_package = NULL WHERE match_id IN (",
                "DELETE FROM messages WHERE match_id IN (",
            ] {
                let mut query = QueryBuilder::new(statement);
                let mut list = query.separated(", ");
                for id in &due {
                    list.push_bind(*id);
                }
                query.push(")");
                query.build().execute(&mut *tx).await?;
            }
            ended
        });
        let ended = ended.into_iter().map(|row| EndedMatch {
            match_id: row.id,
            mode: row.mode,
            users: [
                row.user1_id.min(row.user2_id),
                row.user1_id.max(row.user2_id),
            ],
            status: MatchStatus::Expired,
            reason: EndReason::Expired,
            by: None,
            call: CallOutcome::of(row.mode, row.connected_at, row.call_failed_at),
        });
        Ok(ended.collect())
    }

    /// Deletes up to `limit` messages that were sent at `cutoff` or before, oldest first, and says
    /// how many.
    pub async fn delete_old_messages(
        &self,
        cutoff: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        Ok(write_tx!(self, |tx| {
            let mut query = QueryBuilder::new(
                "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE id < ",
            );
            query
                .push_bind(IdGenerator::first_id_at(cutoff + ID_SLACK))
                .push(" AND created_at <= ")
                .push_bind(cutoff);
            query
                .push(" ORDER BY id LIMIT ")
                .push_bind(limit)
                .push(self.db.for_update_skip_locked())
                .push(")");
            query.build().execute(&mut *tx).await?.rows_affected()
        }))
    }

    /// Deletes up to `limit` rows of `message_logs` of messages that were sent at `cutoff` or
    /// before, oldest first, and says how many.
    pub async fn delete_old_message_logs(
        &self,
        cutoff: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        Ok(write_tx!(self, |tx| {
            let mut query = QueryBuilder::new(
                "DELETE FROM message_logs WHERE id IN (SELECT id FROM message_logs WHERE id < ",
            );
            query
                .push_bind(IdGenerator::first_id_at(cutoff + ID_SLACK))
                .push(" AND sent_at <= ")
                .push_bind(cutoff);
            query
                .push(" ORDER BY id LIMIT ")
                .push_bind(limit)
                .push(self.db.for_update_skip_locked())
                .push(")");
            query.build().execute(&mut *tx).await?.rows_affected()
        }))
    }

    /// Deletes up to `limit` rows of `system_logs` of `cutoff` or before, oldest first, and says
    /// how many.
    pub async fn delete_old_system_logs(
        &self,
        cutoff: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        Ok(write_tx!(self, |tx| {
            let mut query = QueryBuilder::new(
                "DELETE FROM system_logs WHERE id IN (SELECT id FROM system_logs WHERE id < ",
            );
            query
                .push_bind(IdGenerator::first_id_at(cutoff + ID_SLACK))
                .push(" AND created_at <= ")
                .push_bind(cutoff);
            query
                .push(" ORDER BY id LIMIT ")
                .push_bind(limit)
                .push(self.db.for_update_skip_locked())
                .push(")");
            query.build().execute(&mut *tx).await?.rows_affected()
        }))
    }

    /// Deletes up to `limit` key packages that were stored at `cutoff` or before, and says how
    /// many.
    ///
    /// A cutoff well before the [`super::KEY_PACKAGE_PERIOD`]: pairing then never reads a package
    /// that is just being deleted.
    pub async fn delete_old_key_packages(
        &self,
        cutoff: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        Ok(write_tx!(self, |tx| {
            let mut query = QueryBuilder::new(
                "DELETE FROM key_packages WHERE id IN (SELECT id FROM key_packages WHERE id < ",
            );
            query
                .push_bind(IdGenerator::first_id_at(cutoff + ID_SLACK))
                .push(" AND created_at <= ")
                .push_bind(cutoff);
            query
                .push(" ORDER BY id LIMIT ")
                .push_bind(limit)
                .push(self.db.for_update_skip_locked())
                .push(")");
            query.build().execute(&mut *tx).await?.rows_affected()
        }))
    }

    /// Deletes up to `limit` idempotency keys that were first used at `cutoff` or before, and says
    /// how many.
    pub async fn delete_old_idempotency_keys(
        &self,
        cutoff: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        Ok(write_tx!(self, |tx| {
            let mut query = QueryBuilder::new(
                "DELETE FROM idempotency_keys WHERE (scope, key) IN (SELECT scope, key FROM idempotency_keys WHERE created_at <= ",
            );
            query
                .push_bind(cutoff)
                .push(" ORDER BY created_at LIMIT ")
                .push_bind(limit)
                .push(self.db.for_update_skip_locked())
                .push(")");
            query.build().execute(&mut *tx).await?.rows_affected()
        }))
    }

    /// Deletes up to `limit` sessions with ids above `after` that expired or were revoked at
    /// `cutoff` or before, with their key packages and push tokens.
    ///
    /// Few sessions are dead, and no index finds them: they are looked for outside the write, and
    /// `after` lets a whole sweep read the table once.
    pub async fn delete_dead_sessions(
        &self,
        cutoff: Timestamp,
        after: SessionId,
        limit: i64,
    ) -> Result<SessionBatch, StoreError> {
        const DEAD: &str = "SELECT id FROM sessions WHERE id > $1 AND (refresh_expires_at <= $2 OR revoked_at <= $2) ORDER BY id LIMIT $3";
        let dead: Vec<(SessionId,)> = read!(self, |db| sqlx::query_as(DEAD)
            .bind(after)
            .bind(cutoff)
            .bind(limit)
            .fetch_all(db)
            .await?);
        let Some(&(newest,)) = dead.last() else {
            return Ok(SessionBatch {
                deleted: 0,
                next: None,
            });
        };
        let deleted = write_tx!(self, |tx| {
            let mut query = QueryBuilder::new("DELETE FROM sessions WHERE id IN (");
            let mut list = query.separated(", ");
            for (id,) in &dead {
                list.push_bind(*id);
            }
            // Asked again: the session may have been refreshed since.
            query
                .push(") AND (refresh_expires_at <= ")
                .push_bind(cutoff)
                .push(" OR revoked_at <= ")
                .push_bind(cutoff)
                .push(")");
            query.build().execute(&mut *tx).await?.rows_affected()
        });
        Ok(SessionBatch {
            deleted,
            next: Some(newest),
        })
    }
}
