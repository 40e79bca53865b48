//! People who are away while messages wait for them: each is woken once per match, until it was
//! back.
//!
//! `match_sides.pushed_at` is the mark: set here, together with the [`PushOrder`], and taken off by
//! [`Messages::write_chat`](crate::store::Messages::write_chat) when its user acknowledges messages
//! of the match. Whoever asks, and however often, orders nothing while it stands.

use std::collections::HashSet;

use super::{Notices, notifications::push_orders};
use crate::{notice::PushOrder, store::StoreError};
use tebdil_protocol::{
    id::{MatchId, MessageId, UserId},
    time::Timestamp,
};

/// A side of a match: the match, and whose side it is.
pub type SideId = (MatchId, UserId);

/// A page of [`Notices::sides_to_wake`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SidesToWake {
    /// Whether their users are away is not known here.
    pub sides: Vec<SideId>,
    /// Where to go on; `None` when there are no more messages.
    pub next: Option<MessageId>,
}

impl Notices<'_> {
    /// Orders a wake-up for each of these sides where content waits that its user has not
    /// acknowledged, the match goes on, and none was ordered since it did. How many were.
    pub async fn order_wakeups(self, sides: &[SideId], now: Timestamp) -> Result<u64, StoreError> {
        // In primary key order: write_chat and end_match lock the same way. The other sides of
        // these matches may come along; locking them does no harm.
        const WAITING: &str = "SELECT s.match_id, s.user_id FROM match_sides s \
             WHERE s.match_id IN ({list}) AND s.open AND s.pushed_at IS NULL \
             AND EXISTS (SELECT 1 FROM messages m WHERE m.match_id = s.match_id \
             AND m.sender_id = s.peer_id AND m.seq > s.delivered_seq AND m.kind = 'content') \
             ORDER BY s.match_id, s.user_id FOR NO KEY UPDATE";
        const MARK: &str = "UPDATE match_sides SET pushed_at = $1 FROM ({rows}) AS v \
             WHERE match_sides.match_id = v.column1 AND match_sides.user_id = v.column2";
        if sides.is_empty() {
            return Ok(0);
        }
        let asked: HashSet<SideId> = sides.iter().copied().collect();
        let mut tx = self.begin().await?;
        let mut waiting: Vec<SideId> = tx
            .query(WAITING)
            .list(sides.iter().map(|(match_id, _)| *match_id))
            .all()
            .await?;
        waiting.retain(|side| asked.contains(side));
        if waiting.is_empty() {
            return Ok(0);
        }
        tx.query(MARK)
            .rows(&waiting, |row, (match_id, user_id)| {
                row.bind(*match_id).bind(*user_id);
            })
            .bind(now)
            .execute()
            .await?;
        let orders: Vec<PushOrder> = waiting
            .iter()
            .map(|(match_id, user_id)| PushOrder::Message {
                user_id: *user_id,
                match_id: *match_id,
            })
            .collect();
        push_orders(&mut tx, &orders, now).await?;
        tx.commit().await?;
        Ok(waiting.len() as u64)
    }

    /// Sides for whom content waits unacknowledged among the next `limit` messages after `after`,
    /// and for whom no wake-up was ordered.
    ///
    /// Reads so many rows of `messages` at most, by their ids.
    pub async fn sides_to_wake(
        self,
        after: MessageId,
        limit: i64,
    ) -> Result<SidesToWake, StoreError> {
        const LAST: &str = "SELECT MAX(id) FROM \
             (SELECT id FROM messages WHERE id > $1 ORDER BY id LIMIT $2) AS page";
        const SIDES: &str = "SELECT DISTINCT m.match_id, m.receiver_id FROM messages m \
             JOIN match_sides s ON s.match_id = m.match_id AND s.user_id = m.receiver_id \
             WHERE m.id > $1 AND m.id <= $2 AND m.kind = 'content' AND m.seq > s.delivered_seq \
             AND s.open AND s.pushed_at IS NULL";
        let db = &self.db;
        let last: Option<MessageId> = db.read(LAST).bind(after).bind(limit).value().await?;
        let Some(last) = last else {
            return Ok(SidesToWake {
                sides: Vec::new(),
                next: None,
            });
        };
        let sides = db.read(SIDES).bind(after).bind(last).all().await?;
        Ok(SidesToWake {
            sides,
            next: Some(last),
        })
    }

    /// How far the job `name` has come with a table; 0 before it has begun.
    pub async fn position(self, name: &str) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT position FROM positions WHERE name = $1";
        let position: Option<i64> = self.read(SQL).bind(name).optional_value().await?;
        Ok(position.unwrap_or(0))
    }

    /// Notes how far the job `name` has come. It never goes back.
    pub async fn set_position(self, name: &str, position: i64) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO positions (name, position) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET position = excluded.position \
             WHERE excluded.position > positions.position";
        let mut tx = self.begin().await?;
        tx.query(SQL).bind(name).bind(position).execute().await?;
        tx.commit().await?;
        Ok(())
    }
}
