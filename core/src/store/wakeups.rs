//! People who are away while messages wait for them: each is woken once per match, until it was
//! back.
//!
//! `match_sides.pushed_at` is the mark: set here, together with the [`PushOrder`], and taken off by
//! [`Store::write_chat`] when its user acknowledges messages of the match. Whoever asks, and
//! however often, orders nothing while it stands.

use std::collections::HashSet;

use sqlx::QueryBuilder;

use super::{Store, StoreError, notifications::push_orders_in};
use crate::{
    backend::{read, write_tx},
    id::{MatchId, MessageId, UserId},
    notice::PushOrder,
    time::Timestamp,
};

/// A side of a match: the match, and whose side it is.
pub type SideId = (MatchId, UserId);

/// A page of [`Store::sides_to_wake`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SidesToWake {
    /// Whether their users are away is not known here.
    pub sides: Vec<SideId>,
    /// Where to go on; `None` when there are no more messages.
    pub next: Option<MessageId>,
}

impl Store {
    /// Orders a wake-up for each of these sides where content waits that its user has not
    /// acknowledged, the match goes on, and none was ordered since it did. How many were.
    pub async fn order_wakeups(&self, sides: &[SideId], now: Timestamp) -> Result<u64, StoreError> {
        if sides.is_empty() {
            return Ok(0);
        }
        let asked: HashSet<SideId> = sides.iter().copied().collect();
        Ok(write_tx!(self, |tx| {
            // In primary key order: write_chat and end_match lock the same way. The other sides of
            // these matches may come along; locking them does no harm.
            let mut query = QueryBuilder::new(
                "SELECT s.match_id, s.user_id FROM match_sides s WHERE s.match_id IN (",
            );
            let mut list = query.separated(", ");
            for (match_id, _) in sides {
                list.push_bind(*match_id);
            }
            query.push(
                ") AND s.open AND s.pushed_at IS NULL AND EXISTS (SELECT 1 FROM messages m WHERE m.match_id = s.match_id \
                 AND m.sender_id = s.peer_id AND m.seq > s.delivered_seq AND m.kind = 'content') ORDER BY s.match_id, s.user_id",
            );
            query.push(self.db.for_update());
            let mut waiting: Vec<SideId> = query.build_query_as().fetch_all(&mut *tx).await?;
            waiting.retain(|side| asked.contains(side));
            if waiting.is_empty() {
                return Ok(0);
            }

            let mut query = QueryBuilder::new("UPDATE match_sides SET pushed_at = ");
            query.push_bind(now).push(" FROM (");
            query.push_values(&waiting, |mut row, (match_id, user_id)| {
                row.push_bind(*match_id).push_bind(*user_id);
            });
            query.push(
                ") AS v WHERE match_sides.match_id = v.column1 AND match_sides.user_id = v.column2",
            );
            query.build().execute(&mut *tx).await?;

            let orders: Vec<PushOrder> = waiting
                .iter()
                .map(|(match_id, user_id)| PushOrder::Message {
                    user_id: *user_id,
                    match_id: *match_id,
                })
                .collect();
            push_orders_in!(self, tx, &orders, now);
            waiting.len() as u64
        }))
    }

    /// Sides for whom content waits unacknowledged among the next `limit` messages after `after`,
    /// and for whom no wake-up was ordered.
    ///
    /// Reads so many rows of `messages` at most, by their ids.
    pub async fn sides_to_wake(
        &self,
        after: MessageId,
        limit: i64,
    ) -> Result<SidesToWake, StoreError> {
        const LAST: &str = "SELECT MAX(id) FROM (SELECT id FROM messages WHERE id > $1 ORDER BY id LIMIT $2) AS page";
        const SIDES: &str = "SELECT DISTINCT m.match_id, m.receiver_id FROM messages m \
             JOIN match_sides s ON s.match_id = m.match_id AND s.user_id = m.receiver_id \
             WHERE m.id > $1 AND m.id <= $2 AND m.kind = 'content' AND m.seq > s.delivered_seq AND s.open AND s.pushed_at IS NULL";
        let last: Option<MessageId> = read!(self, |db| sqlx::query_scalar(LAST)
            .bind(after)
            .bind(limit)
            .fetch_one(db)
            .await?);
        let Some(last) = last else {
            return Ok(SidesToWake {
                sides: Vec::new(),
                next: None,
            });
        };
        let sides = read!(self, |db| sqlx::query_as(SIDES)
            .bind(after)
            .bind(last)
            .fetch_all(db)
            .await?);
        Ok(SidesToWake {
            sides,
            next: Some(last),
        })
    }

    /// How far the job `name` has come with a table; 0 before it has begun.
    pub async fn position(&self, name: &str) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT position FROM positions WHERE name = $1";
        let position: Option<i64> = read!(self, |db| sqlx::query_scalar(SQL)
            .bind(name)
            .fetch_optional(db)
            .await?);
        Ok(position.unwrap_or(0))
    }

    /// Notes how far the job `name` has come. It never goes back.
    pub async fn set_position(&self, name: &str, position: i64) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO positions (name, position) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET position = excluded.position WHERE excluded.position > positions.position";
        write_tx!(self, |tx| {
            sqlx::query(SQL)
                .bind(name)
                .bind(position)
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }
}
