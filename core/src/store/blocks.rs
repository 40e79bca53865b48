//! Blocks of one user by another.

use std::collections::HashSet;

use sqlx::FromRow;

use super::{End, EndedMatch, Store, StoreError, matches::end_match_in};
use crate::{
    backend::{read, write_tx},
    domain::EndReason,
    id::{BlockId, MatchId, UserId},
    time::Timestamp,
};

/// A block.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct BlockRow {
    pub id: BlockId,
    pub blocked_id: UserId,
    /// The handle when it was blocked.
    #[sqlx(rename = "blocked_alias")]
    pub alias: String,
    #[sqlx(rename = "blocked_tag")]
    pub tag: String,
    pub created_at: Timestamp,
}

/// What became of a wish to block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocking {
    /// Blocked, by this call or (`new` is false) by one before it, perhaps in another match.
    Blocked {
        block: BlockRow,
        new: bool,
        /// The matches of the two that this call ended; their users are to be told.
        ended: Vec<EndedMatch>,
    },
    /// The user has no such match.
    NotFound,
}

impl Store {
    /// Blocks the peer of a match, whether it goes on or is over, and ends every match of the two: all of it or nothing, whoever dies meanwhile.
    pub async fn block(&self, match_id: MatchId, blocker: UserId, now: Timestamp) -> Result<Blocking, StoreError> {
        const INSERT: &str = "INSERT INTO blocks (id, blocker_id, blocked_id, match_id, blocked_alias, blocked_tag, created_at) \
             SELECT $1, s.user_id, s.peer_id, s.match_id, u.alias, u.tag, $2 FROM match_sides s JOIN users u ON u.id = s.peer_id \
             WHERE s.match_id = $3 AND s.user_id = $4 ON CONFLICT DO NOTHING \
             RETURNING id, blocked_id, blocked_alias, blocked_tag, created_at";
        const BEFORE: &str = "SELECT b.id, b.blocked_id, b.blocked_alias, b.blocked_tag, b.created_at \
             FROM match_sides s JOIN blocks b ON b.blocker_id = s.user_id AND b.blocked_id = s.peer_id \
             WHERE s.match_id = $1 AND s.user_id = $2";
        const BOTH: &str = "SELECT id FROM users WHERE id IN (SELECT user_id FROM match_sides WHERE match_id = $1) ORDER BY id";
        const OPEN: &str = "SELECT match_id FROM match_sides WHERE user_id = $1 AND peer_id = $2 AND open ORDER BY match_id";
        Ok(write_tx!(self, |tx| {
            // Pairing reads blocks under the same locks: no match of the two is made after this.
            sqlx::query(self.locking(BOTH)).bind(match_id).execute(&mut *tx).await?;
            let made: Option<BlockRow> = sqlx::query_as(INSERT)
                .bind(self.ids.next::<BlockId>())
                .bind(now)
                .bind(match_id)
                .bind(blocker)
                .fetch_optional(&mut *tx)
                .await?;
            let new = made.is_some();
            let block = match made {
                Some(block) => Some(block),
                None => sqlx::query_as(BEFORE).bind(match_id).bind(blocker).fetch_optional(&mut *tx).await?,
            };
            let Some(block) = block else { return Ok(Blocking::NotFound) };
            let open: Vec<MatchId> = sqlx::query_scalar(OPEN).bind(blocker).bind(block.blocked_id).fetch_all(&mut *tx).await?;
            let mut ended = Vec::new();
            for id in open {
                if let End::Now(now_over) = end_match_in!(self, tx, id, Some(blocker), EndReason::Blocked, now) {
                    ended.push(now_over);
                }
            }
            Blocking::Blocked { block, new, ended }
        }))
    }

    /// Blocks the user has made, newest first; with `before`, only those with smaller ids.
    pub async fn blocks_of(&self, user: UserId, before: Option<BlockId>, limit: i64) -> Result<Vec<BlockRow>, StoreError> {
        const SQL: &str = "SELECT id, blocked_id, blocked_alias, blocked_tag, created_at FROM blocks \
             WHERE blocker_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
        let before = before.unwrap_or(BlockId(i64::MAX));
        Ok(read!(self, |db| sqlx::query_as(SQL).bind(user).bind(before).bind(limit).fetch_all(db).await?))
    }

    /// Takes a block back; gives the user that was blocked. `None` when the user has made no such block.
    pub async fn unblock(&self, user: UserId, block: BlockId) -> Result<Option<UserId>, StoreError> {
        const SQL: &str = "DELETE FROM blocks WHERE id = $1 AND blocker_id = $2 RETURNING blocked_id";
        Ok(write_tx!(self, |tx| { sqlx::query_scalar(SQL).bind(block).bind(user).fetch_optional(&mut *tx).await? }))
    }

    /// Everybody the user has blocked or was blocked by.
    pub async fn blocked_either_way(&self, user: UserId) -> Result<HashSet<UserId>, StoreError> {
        const SQL: &str = "SELECT blocked_id FROM blocks WHERE blocker_id = $1 UNION SELECT blocker_id FROM blocks WHERE blocked_id = $1";
        let ids: Vec<UserId> = read!(self, |db| sqlx::query_scalar(SQL).bind(user).fetch_all(db).await?);
        Ok(ids.into_iter().collect())
    }
}
