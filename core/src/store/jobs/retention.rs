//! What ends when its time has come and is not just [`OldRows`](super::OldRows): matches and
//! sessions.
//!
//! Every method does one batch, small enough that nobody waits for it, and says what it did; the
//! jobs call until there is nothing left. `docs/data-retention.md` lists the periods.

use std::time::Duration;

use sqlx_macros::FromRow;

use super::Jobs;
use crate::store::{
    StoreError,
    matches::lifecycle::{CallOutcome, EndedMatch},
};
use tebdil_protocol::{
    domain::{EndReason, MatchStatus, Mode},
    id::{MatchId, SessionId, UserId},
    time::Timestamp,
};

/// Ids tell the time of a row well enough to bound a scan, not to the millisecond: a burst borrows
/// ids from the next one, and a row's time is taken before its id. Rows whose id is this much
/// younger than the cutoff are still looked at.
pub(crate) const ID_SLACK: Duration = Duration::from_mins(1);

#[derive(FromRow)]
struct RanOut {
    id: MatchId,
    #[sqlx(rename = "type")]
    mode: Mode,
    user1_id: UserId,
    user2_id: UserId,
    connected_at: Option<Timestamp>,
    call_failed_at: Option<Timestamp>,
}

impl From<RanOut> for EndedMatch {
    fn from(row: RanOut) -> Self {
        Self {
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
        }
    }
}

/// A batch of [`Jobs::delete_dead_sessions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionBatch {
    pub deleted: u64,
    /// Where to go on; `None` when there are no more.
    pub next: Option<SessionId>,
}

impl Jobs<'_> {
    /// Ends up to `limit` matches that have run out at `now`, each of them once whoever else ends
    /// it meanwhile, and returns those that this call ended.
    ///
    /// Both sides are closed; [`crate::store::Messages::forget_messages`] deletes their messages. A
    /// crash in between leaves matches that the next call ends.
    pub async fn expire_matches(
        self,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<EndedMatch>, StoreError> {
        const DUE: &str = "SELECT id FROM matches WHERE status = 'active' AND expired_at <= $1 \
             ORDER BY expired_at LIMIT $2";
        // Both sides in primary key order: write_chat and end_match lock the same way.
        const LOCK_SIDES: &str = "SELECT match_id FROM match_sides WHERE match_id IN ({list}) \
             ORDER BY match_id, user_id FOR NO KEY UPDATE";
        const END: &str = "UPDATE matches \
             SET status = $1, ended_at = expired_at, ended_reason = $2 \
             WHERE status = 'active' AND id IN ({list}) \
             RETURNING id, type, user1_id, user2_id, connected_at, call_failed_at";
        const CLOSE: &str = "UPDATE match_sides SET open = FALSE, peer_key_package = NULL \
             WHERE match_id IN ({list})";
        const FORGET: &str = "DELETE FROM messages WHERE match_id IN ({list})";
        let mut due: Vec<MatchId> = self.db.values(DUE, (now, limit)).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        due.sort_unstable();
        let mut tx = self.begin().await?;
        tx.query(LOCK_SIDES).list(&due).execute().await?;
        let ended: Vec<RanOut> = tx
            .query(END)
            .list(&due)
            .bind(MatchStatus::Expired)
            .bind(EndReason::Expired)
            .all()
            .await?;
        for statement in [CLOSE, FORGET] {
            tx.query(statement).list(&due).execute().await?;
        }
        for id in due {
            tx.changes_sides(id);
        }
        tx.commit().await?;
        Ok(ended.into_iter().map(EndedMatch::from).collect())
    }

    /// Deletes up to `limit` sessions with ids above `after` that expired or were revoked at
    /// `cutoff` or before, with their key packages and push targets.
    ///
    /// Few sessions are dead, and no index finds them: they are looked for outside the write, and
    /// `after` lets a whole sweep read the table once.
    pub async fn delete_dead_sessions(
        self,
        cutoff: Timestamp,
        after: SessionId,
        limit: i64,
    ) -> Result<SessionBatch, StoreError> {
        const DEAD: &str = "SELECT id FROM sessions \
             WHERE id > $1 AND (refresh_expires_at <= $2 OR revoked_at <= $2) \
             ORDER BY id LIMIT $3";
        // Asked again: the session may have been refreshed since.
        const DELETE: &str = "DELETE FROM sessions \
             WHERE (refresh_expires_at <= $1 OR revoked_at <= $1) AND id IN ({list})";
        let dead: Vec<SessionId> = self.db.values(DEAD, (after, cutoff, limit)).await?;
        let next = dead.last().copied();
        if next.is_none() {
            return Ok(SessionBatch::default());
        }
        let mut tx = self.begin().await?;
        let deleted = tx.query(DELETE).list(&dead).bind(cutoff).execute().await?;
        tx.commit().await?;
        Ok(SessionBatch { deleted, next })
    }
}
