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
    id::{MatchId, SessionId, UserId},
    time::Timestamp,
};

/// A side of a match: the match, its user, and the device that the match belongs to there.
pub type SideDevice = (MatchId, UserId, SessionId);

/// Where [`Notices::sides_to_wake`] goes on.
pub type SidePosition = (UserId, MatchId);

/// A page of [`Notices::sides_to_wake`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SidesToWake {
    /// Whether their devices are away is not known here.
    pub sides: Vec<SideDevice>,
    /// Where to go on; `None` when there are no more.
    pub next: Option<SidePosition>,
}

impl Notices<'_> {
    /// Orders a wake-up for each of these sides where content waits that its device has not
    /// acknowledged, the match goes on, and none was ordered since it did. How many were.
    pub async fn order_wakeups(
        self,
        sides: &[SideDevice],
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        // In primary key order: write_chat and end_match lock the same way. The other sides of
        // these matches may come along; locking them does no harm.
        const WAITING: &str = "SELECT s.match_id, s.user_id, s.session_id FROM match_sides s \
             WHERE s.match_id IN ({list}) AND s.open AND s.pushed_at IS NULL \
             AND EXISTS (SELECT 1 FROM messages m WHERE m.match_id = s.match_id \
             AND m.sender_id = s.peer_id AND m.kind = 'content') \
             ORDER BY s.match_id, s.user_id FOR NO KEY UPDATE";
        // Asked again now that the sides are locked: who acknowledged everything meanwhile, without
        // a write to its side, would keep a mark that nothing takes off.
        const MARK: &str = "UPDATE match_sides SET pushed_at = $1 FROM ({rows}) AS v \
             WHERE match_sides.match_id = v.column1 AND match_sides.user_id = v.column2 \
             AND EXISTS (SELECT 1 FROM messages m WHERE m.match_id = match_sides.match_id \
             AND m.sender_id = match_sides.peer_id AND m.kind = 'content') \
             RETURNING match_sides.match_id, match_sides.user_id, match_sides.session_id";
        if sides.is_empty() {
            return Ok(0);
        }
        let asked: HashSet<SideDevice> = sides.iter().copied().collect();
        let matches = sides.iter().map(|(match_id, ..)| *match_id).collect();
        self.messages().settle_matches(&matches).await?;
        let mut tx = self.begin().await?;
        let mut waiting: Vec<SideDevice> = tx.query(WAITING).list(&matches).all().await?;
        waiting.retain(|side| asked.contains(side));
        if waiting.is_empty() {
            return Ok(0);
        }
        let marked: Vec<SideDevice> = tx
            .query(MARK)
            .rows(&waiting, |row, (match_id, user_id, _)| {
                row.bind(*match_id).bind(*user_id);
            })
            .bind(now)
            .all()
            .await?;
        let orders: Vec<PushOrder> = marked
            .iter()
            .map(|&(match_id, user_id, session_id)| PushOrder::Message {
                user_id,
                match_id,
                session_id,
            })
            .collect();
        for (match_id, ..) in &marked {
            tx.changes_sides(*match_id);
        }
        push_orders(&mut tx, &orders, now).await?;
        tx.commit().await?;
        Ok(marked.len() as u64)
    }

    /// Of the next `limit` sides of matches that go on, after `after`: those for whom content waits
    /// unacknowledged, and for whom no wake-up was ordered.
    ///
    /// What waits is known for each by the key of `messages`.
    pub async fn sides_to_wake(
        self,
        after: SidePosition,
        limit: i64,
    ) -> Result<SidesToWake, StoreError> {
        const SQL: &str = "SELECT s.match_id, s.user_id, s.session_id, \
             s.pushed_at IS NULL AND EXISTS (SELECT 1 FROM messages m \
             WHERE m.match_id = s.match_id AND m.sender_id = s.peer_id AND m.kind = 'content') \
             FROM match_sides s WHERE s.open AND (s.user_id, s.match_id) > ($1, $2) \
             ORDER BY s.user_id, s.match_id LIMIT $3";
        let page: Vec<(MatchId, UserId, SessionId, bool)> =
            self.db.all(SQL, (after.0, after.1, limit)).await?;
        let next = page.last().map(|(match_id, user, ..)| (*user, *match_id));
        let waiting = page.into_iter().filter(|(.., waits)| *waits);
        Ok(SidesToWake {
            sides: waiting
                .map(|(match_id, user, session, _)| (match_id, user, session))
                .collect(),
            next,
        })
    }
}
