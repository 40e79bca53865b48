//! Devices of calls that have no connection: a call without one of its devices ends.

use std::time::Duration;

use sqlx::{FromRow, QueryBuilder};

use super::{End, EndedMatch, SideId, Store, StoreError, matches::end_match_in};
use crate::{
    backend::{read, write_tx},
    domain::EndReason,
    id::{MatchId, SessionId, UserId},
    time::Timestamp,
};

/// Locks both sides of these matches in primary key order, as every writer does.
macro_rules! lock_sides {
    ($store:expr, $tx:expr, $sides:expr) => {{
        let mut query = QueryBuilder::new("SELECT match_id FROM match_sides WHERE match_id IN (");
        let mut list = query.separated(", ");
        for (match_id, _) in $sides {
            list.push_bind(*match_id);
        }
        query
            .push(") ORDER BY match_id, user_id")
            .push($store.db.for_update());
        query.build().fetch_all(&mut *$tx).await?;
    }};
}

/// The device of one side of a video match that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct CallDevice {
    pub match_id: MatchId,
    pub user_id: UserId,
    pub session_id: SessionId,
    /// Since when it was seen to have no connection.
    pub absent_since: Option<Timestamp>,
}

impl CallDevice {
    /// The side it is of.
    pub const fn side(&self) -> SideId {
        (self.match_id, self.user_id)
    }
}

impl Store {
    /// Both devices of each of up to `limit` video matches after `after` that go on at `now`, by
    /// match.
    pub async fn call_devices(
        &self,
        after: MatchId,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<CallDevice>, StoreError> {
        const SQL: &str = "SELECT s.match_id, s.user_id, s.session_id, s.absent_since FROM match_sides s JOIN (SELECT id FROM matches \
             WHERE type = 'video' AND status = 'active' AND id > $1 AND expired_at > $2 ORDER BY id LIMIT $3) AS m ON m.id = s.match_id \
             ORDER BY s.match_id, s.user_id";
        Ok(read!(self, |db| sqlx::query_as(SQL)
            .bind(after)
            .bind(now)
            .bind(limit)
            .fetch_all(db)
            .await?))
    }

    /// Notes that the devices of these sides have no connection now. Since when each has none, as
    /// far as it was seen without a gap longer than `gap`.
    pub async fn note_absent(
        &self,
        sides: &[SideId],
        gap: Duration,
        now: Timestamp,
    ) -> Result<Vec<(SideId, Timestamp)>, StoreError> {
        if sides.is_empty() {
            return Ok(Vec::new());
        }
        Ok(write_tx!(self, |tx| {
            lock_sides!(self, tx, sides);
            // Where nobody looked for a while, it may have been back. Nor does a clock that was set
            // back make an absence.
            let mut query = QueryBuilder::new(
                "UPDATE match_sides SET absent_since = CASE WHEN absent_since <= ",
            );
            query
                .push_bind(now)
                .push(" AND absent_seen_at <= ")
                .push_bind(now)
                .push(" AND absent_seen_at >= ")
                .push_bind(now - gap);
            query
                .push(" THEN absent_since ELSE ")
                .push_bind(now)
                .push(" END, absent_seen_at = ")
                .push_bind(now)
                .push(" FROM (");
            query.push_values(sides, |mut row, (match_id, user_id)| {
                row.push_bind(*match_id).push_bind(*user_id);
            });
            query.push(") AS v WHERE match_sides.match_id = v.column1 AND match_sides.user_id = v.column2 AND match_sides.open ");
            query.push("RETURNING match_id, user_id, absent_since");
            let rows: Vec<(MatchId, UserId, Timestamp)> =
                query.build_query_as().fetch_all(&mut *tx).await?;
            rows.into_iter()
                .map(|(match_id, user, since)| ((match_id, user), since))
                .collect()
        }))
    }

    /// Notes that the devices of these sides have a connection.
    pub async fn note_present(&self, sides: &[SideId]) -> Result<(), StoreError> {
        if sides.is_empty() {
            return Ok(());
        }
        write_tx!(self, |tx| {
            lock_sides!(self, tx, sides);
            let mut query = QueryBuilder::new(
                "UPDATE match_sides SET absent_since = NULL, absent_seen_at = NULL FROM (",
            );
            query.push_values(sides, |mut row, (match_id, user_id)| {
                row.push_bind(*match_id).push_bind(*user_id);
            });
            query.push(") AS v WHERE match_sides.match_id = v.column1 AND match_sides.user_id = v.column2 AND absent_seen_at IS NOT NULL");
            query.build().execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// Ends a match whose side `user` is noted as absent since `cutoff` or before, as if it had
    /// hung up. `None` when it came back, or the match was over.
    pub async fn end_abandoned(
        &self,
        (match_id, user): SideId,
        cutoff: Timestamp,
        now: Timestamp,
    ) -> Result<Option<EndedMatch>, StoreError> {
        const ABSENT: &str = "SELECT EXISTS (SELECT 1 FROM match_sides WHERE match_id = $1 AND user_id = $2 AND open AND absent_since <= $3)";
        Ok(write_tx!(self, |tx| {
            lock_sides!(self, tx, &[(match_id, user)]);
            let absent: bool = sqlx::query_scalar(ABSENT)
                .bind(match_id)
                .bind(user)
                .bind(cutoff)
                .fetch_one(&mut *tx)
                .await?;
            if !absent {
                return Ok(None);
            }
            match end_match_in!(self, tx, match_id, Some(user), EndReason::HungUp, now) {
                End::Now(ended) => Some(ended),
                End::Before(_) | End::NotFound => None,
            }
        }))
    }
}
