//! Devices of calls that have no connection: a call without one of its devices ends.

use std::time::Duration;

use sqlx_macros::FromRow;

use super::{
    Matches,
    lifecycle::{EndOutcome, EndedMatch, end_match},
};
use crate::{db::Tx, store::StoreError};
use tebdil_protocol::{
    domain::EndReason,
    id::{MatchId, SessionId, UserId},
    time::Timestamp,
};

/// A side of a match: the match, and whose side it is.
pub type SideId = (MatchId, UserId);

/// Locks both sides of these matches in primary key order, as every writer does.
async fn lock_sides(tx: &mut Tx, sides: &[SideId]) -> Result<(), StoreError> {
    const SQL: &str = "SELECT match_id FROM match_sides WHERE match_id IN ({list}) \
         ORDER BY match_id, user_id FOR NO KEY UPDATE";
    tx.query(SQL)
        .list(sides.iter().map(|(match_id, _)| *match_id))
        .execute()
        .await?;
    Ok(())
}

/// The device of one side of an open video match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct CallDevice {
    pub match_id: MatchId,
    pub user_id: UserId,
    pub session_id: SessionId,
    /// Since when it was seen without a connection.
    pub absent_since: Option<Timestamp>,
}

impl CallDevice {
    /// The side it is of.
    pub const fn side(&self) -> SideId {
        (self.match_id, self.user_id)
    }
}

impl Matches<'_> {
    /// Both devices of up to `limit` video matches after `after` that are open at `now`, by match.
    pub async fn call_devices(
        self,
        after: MatchId,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<CallDevice>, StoreError> {
        const SQL: &str = "SELECT s.match_id, s.user_id, s.session_id, s.absent_since \
             FROM match_sides s JOIN (SELECT id FROM matches \
             WHERE type = 'video' AND status = 'active' AND id > $1 AND expired_at > $2 \
             ORDER BY id LIMIT $3) AS m ON m.id = s.match_id \
             ORDER BY s.match_id, s.user_id";
        self.db.all(SQL, (after, now, limit)).await
    }

    /// Notes that the devices of these sides have no connection now. Returns since when, as far as
    /// that was checked without a gap longer than `gap`.
    pub async fn note_absent(
        self,
        sides: &[SideId],
        gap: Duration,
        now: Timestamp,
    ) -> Result<Vec<(SideId, Timestamp)>, StoreError> {
        // If nobody checked for a while, it may have been back. A clock that was set back makes no
        // absence either.
        const SQL: &str = "UPDATE match_sides SET absent_since = CASE \
             WHEN absent_since <= $1 AND absent_seen_at <= $1 AND absent_seen_at >= $2 \
             THEN absent_since ELSE $1 END, absent_seen_at = $1 \
             FROM ({rows}) AS v WHERE match_sides.match_id = v.column1 \
             AND match_sides.user_id = v.column2 AND match_sides.open \
             RETURNING match_id, user_id, absent_since";
        if sides.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        lock_sides(&mut tx, sides).await?;
        let rows: Vec<(MatchId, UserId, Timestamp)> = tx
            .query(SQL)
            .rows(sides, |row, (match_id, user)| {
                row.bind(*match_id).bind(*user);
            })
            .bind(now)
            .bind(now - gap)
            .all()
            .await?;
        tx.commit().await?;
        let since = rows
            .into_iter()
            .map(|(match_id, user, since)| ((match_id, user), since));
        Ok(since.collect())
    }

    /// Notes that the devices of these sides have a connection.
    pub async fn note_present(self, sides: &[SideId]) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE match_sides SET absent_since = NULL, absent_seen_at = NULL \
             FROM ({rows}) AS v WHERE match_sides.match_id = v.column1 \
             AND match_sides.user_id = v.column2 AND absent_seen_at IS NOT NULL";
        if sides.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        lock_sides(&mut tx, sides).await?;
        tx.query(SQL)
            .rows(sides, |row, (match_id, user)| {
                row.bind(*match_id).bind(*user);
            })
            .execute()
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends a match whose side `user` is noted as absent since `cutoff` or before, as if it had
    /// hung up. `None` if it came back, or the match was over.
    pub async fn end_abandoned(
        self,
        (match_id, user): SideId,
        cutoff: Timestamp,
        now: Timestamp,
    ) -> Result<Option<EndedMatch>, StoreError> {
        const ABSENT: &str = "SELECT EXISTS (SELECT 1 FROM match_sides \
             WHERE match_id = $1 AND user_id = $2 AND open AND absent_since <= $3)";
        let mut tx = self.begin().await?;
        lock_sides(&mut tx, &[(match_id, user)]).await?;
        let absent: bool = tx.value(ABSENT, (match_id, user, cutoff)).await?;
        if !absent {
            return Ok(None);
        }
        let end = end_match(&mut tx, match_id, Some(user), EndReason::HungUp, now).await?;
        tx.commit().await?;
        Ok(match end {
            EndOutcome::Now(ended) => Some(ended),
            EndOutcome::Before(_) | EndOutcome::NotFound => None,
        })
    }
}
