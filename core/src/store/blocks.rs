//! Blocks of one user by another.
//!
//! A block outlives the accounts of both: with the erasure of a side it keeps the hash of its
//! phone, and passes to the account that is made with that phone.

use std::collections::HashSet;

use sqlx::{FromRow, QueryBuilder};

use super::{End, EndedMatch, Store, StoreError, bans::lock_phone_in, matches::end_match_in};
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

#[derive(FromRow)]
struct PeerRow {
    peer_id: UserId,
    phone_index: Option<Vec<u8>>,
    /// Who has that phone now.
    holder: Option<UserId>,
}

/// In the order of ids, as whoever changes several: those of the user `$1`, and those that wait for
/// the phone `$1`.
pub(super) const HOLD_OF_USER: &str =
    "SELECT id FROM blocks WHERE blocker_id = $1 OR blocked_id = $1 ORDER BY id";
pub(super) const HOLD_OF_PHONE: &str =
    "SELECT id FROM blocks WHERE blocker_phone = $1 OR blocked_phone = $1 ORDER BY id";
pub(super) const KEEP_BLOCKER: &str = "UPDATE blocks SET blocker_phone = $2, blocked_alias = $3, blocked_tag = '0000' WHERE blocker_id = $1";
pub(super) const KEEP_BLOCKED: &str = "UPDATE blocks SET blocked_phone = $2, blocked_alias = $3, blocked_tag = '0000' WHERE blocked_id = $1";
/// Of two blocks of one phone by the same user, made in matches of two of its accounts, one is
/// left.
pub(super) const DROP_DOUBLES: &str = "DELETE FROM blocks WHERE blocked_phone = $1 AND EXISTS \
     (SELECT 1 FROM blocks o WHERE o.blocked_phone = $1 AND o.blocker_id = blocks.blocker_id AND o.id < blocks.id)";
pub(super) const PASS_BLOCKER: &str =
    "UPDATE blocks SET blocker_id = $1, blocker_phone = NULL WHERE blocker_phone = $2";
pub(super) const PASS_BLOCKED: &str =
    "UPDATE blocks SET blocked_id = $1, blocked_phone = NULL WHERE blocked_phone = $2";

/// Has the blocks by and of `$user`, which is being erased in the open write transaction `$tx`,
/// wait for who comes back with its phone.
macro_rules! keep_blocks_in {
    ($store:expr, $tx:expr, $user:expr, $phone:expr) => {{
        use $crate::store::blocks as b;
        let (user, phone): ($crate::id::UserId, &[u8]) = ($user, $phone);
        sqlx::query($store.locking(b::HOLD_OF_USER))
            .bind(user)
            .fetch_all(&mut *$tx)
            .await?;
        for keep in [b::KEEP_BLOCKER, b::KEEP_BLOCKED] {
            sqlx::query(keep)
                .bind(user)
                .bind(phone)
                .bind($crate::store::ERASED_ALIAS)
                .execute(&mut *$tx)
                .await?;
        }
    }};
}
pub(super) use keep_blocks_in;

/// Gives `$user`, who has just registered with `$phone` in the open write transaction `$tx`, the
/// blocks that wait for it.
macro_rules! pass_blocks_in {
    ($store:expr, $tx:expr, $user:expr, $phone:expr) => {{
        use $crate::store::blocks as b;
        let (user, phone): ($crate::id::UserId, &[u8]) = ($user, $phone);
        sqlx::query($store.locking(b::HOLD_OF_PHONE))
            .bind(phone)
            .fetch_all(&mut *$tx)
            .await?;
        sqlx::query(b::DROP_DOUBLES)
            .bind(phone)
            .execute(&mut *$tx)
            .await?;
        for pass in [b::PASS_BLOCKER, b::PASS_BLOCKED] {
            sqlx::query(pass)
                .bind(user)
                .bind(phone)
                .execute(&mut *$tx)
                .await?;
        }
    }};
}
pub(super) use pass_blocks_in;

impl Store {
    /// Blocks the peer of a match, whether it goes on or is over, and ends every match of the two:
    /// all of it or nothing, whoever dies meanwhile.
    pub async fn block(
        &self,
        match_id: MatchId,
        blocker: UserId,
        now: Timestamp,
    ) -> Result<Blocking, StoreError> {
        const PEER_PHONE: &str = "SELECT t.phone_index FROM match_sides s JOIN tombstones t ON t.user_id = s.peer_id \
             WHERE s.match_id = $1 AND s.user_id = $2";
        // Whom it concerns: the peer, or who has the phone of one that was erased. Until somebody
        // has it, the phone is kept.
        const PEER: &str = "SELECT s.peer_id, t.phone_index, (SELECT n.id FROM users n WHERE n.phone_index = t.phone_index) AS holder \
             FROM match_sides s JOIN users me ON me.id = s.user_id AND me.erased_at IS NULL \
             LEFT JOIN tombstones t ON t.user_id = s.peer_id WHERE s.match_id = $1 AND s.user_id = $2";
        const INSERT: &str = "INSERT INTO blocks (id, blocker_id, blocked_id, match_id, blocked_alias, blocked_tag, created_at, blocked_phone) \
             SELECT $1, $4, $5, $3, u.alias, u.tag, $2, $6 FROM users u WHERE u.id = $7 ON CONFLICT DO NOTHING \
             RETURNING id, blocked_id, blocked_alias, blocked_tag, created_at";
        const BEFORE: &str = "SELECT id, blocked_id, blocked_alias, blocked_tag, created_at FROM blocks WHERE blocker_id = $1 AND blocked_id = $2";
        const BOTH: &str = "SELECT id FROM users WHERE id IN (SELECT user_id FROM match_sides WHERE match_id = $1) ORDER BY id";
        const OPEN: &str = "SELECT match_id FROM match_sides WHERE user_id = $1 AND peer_id IN ($2, $3) AND open ORDER BY match_id";
        Ok(write_tx!(self, |tx| {
            let phone: Option<Vec<u8>> = sqlx::query_scalar(PEER_PHONE)
                .bind(match_id)
                .bind(blocker)
                .fetch_optional(&mut *tx)
                .await?;
            if let Some(phone) = &phone {
                // Nobody registers with it meanwhile.
                lock_phone_in!(self, tx, phone);
            }
            // Pairing reads blocks under the same locks: no match of the two is made after this.
            sqlx::query(self.locking(BOTH))
                .bind(match_id)
                .execute(&mut *tx)
                .await?;
            let peer: Option<PeerRow> = sqlx::query_as(PEER)
                .bind(match_id)
                .bind(blocker)
                .fetch_optional(&mut *tx)
                .await?;
            let Some(peer) = peer else {
                return Ok(Blocking::NotFound);
            };
            let other = peer.holder.unwrap_or(peer.peer_id);
            let made: Option<BlockRow> = sqlx::query_as(INSERT)
                .bind(self.ids.next::<BlockId>())
                .bind(now)
                .bind(match_id)
                .bind(blocker)
                .bind(other)
                .bind(peer.phone_index.filter(|_| peer.holder.is_none()))
                .bind(peer.peer_id)
                .fetch_optional(&mut *tx)
                .await?;
            let new = made.is_some();
            let block = match made {
                Some(block) => block,
                None => {
                    sqlx::query_as(BEFORE)
                        .bind(blocker)
                        .bind(other)
                        .fetch_one(&mut *tx)
                        .await?
                }
            };
            let open: Vec<MatchId> = sqlx::query_scalar(OPEN)
                .bind(blocker)
                .bind(other)
                .bind(peer.peer_id)
                .fetch_all(&mut *tx)
                .await?;
            let mut ended = Vec::new();
            for id in open {
                if let End::Now(now_over) =
                    end_match_in!(self, tx, id, Some(blocker), EndReason::Blocked, now)
                {
                    ended.push(now_over);
                }
            }
            Blocking::Blocked { block, new, ended }
        }))
    }

    /// Blocks the user has made, newest first; with `before`, only those with smaller ids.
    pub async fn blocks_of(
        &self,
        user: UserId,
        before: Option<BlockId>,
        limit: i64,
    ) -> Result<Vec<BlockRow>, StoreError> {
        const SQL: &str = "SELECT id, blocked_id, blocked_alias, blocked_tag, created_at FROM blocks \
             WHERE blocker_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
        let before = before.unwrap_or(BlockId(i64::MAX));
        Ok(read!(self, |db| sqlx::query_as(SQL)
            .bind(user)
            .bind(before)
            .bind(limit)
            .fetch_all(db)
            .await?))
    }

    /// Takes a block back; gives the user that was blocked. `None` when the user has made no such
    /// block.
    pub async fn unblock(
        &self,
        user: UserId,
        block: BlockId,
    ) -> Result<Option<UserId>, StoreError> {
        const SQL: &str =
            "DELETE FROM blocks WHERE id = $1 AND blocker_id = $2 RETURNING blocked_id";
        Ok(write_tx!(self, |tx| {
            sqlx::query_scalar(SQL)
                .bind(block)
                .bind(user)
                .fetch_optional(&mut *tx)
                .await?
        }))
    }

    /// Everybody the user has blocked or was blocked by.
    pub async fn blocked_either_way(&self, user: UserId) -> Result<HashSet<UserId>, StoreError> {
        const SQL: &str = "SELECT blocked_id FROM blocks WHERE blocker_id = $1 UNION SELECT blocker_id FROM blocks WHERE blocked_id = $1";
        let ids: Vec<UserId> = read!(self, |db| sqlx::query_scalar(SQL)
            .bind(user)
            .fetch_all(db)
            .await?);
        Ok(ids.into_iter().collect())
    }

    /// Deletes up to `limit` blocks on each side whose account was erased at `cutoff` or before and
    /// whose phone has not come back, and says how many.
    pub async fn delete_old_blocks(
        &self,
        cutoff: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        Ok(write_tx!(self, |tx| {
            let mut deleted = 0;
            for (phone, side) in [
                ("blocker_phone", "blocker_id"),
                ("blocked_phone", "blocked_id"),
            ] {
                let mut query = QueryBuilder::new(
                    "DELETE FROM blocks WHERE id IN (SELECT b.id FROM blocks b WHERE b.",
                );
                query
                    .push(phone)
                    .push(" IS NOT NULL AND EXISTS (SELECT 1 FROM users u WHERE u.id = b.")
                    .push(side);
                query
                    .push(" AND u.erased_at <= ")
                    .push_bind(cutoff)
                    .push(") ORDER BY b.id LIMIT ")
                    .push_bind(limit);
                query.push(self.db.for_update_skip_locked()).push(")");
                deleted += query.build().execute(&mut *tx).await?.rows_affected();
            }
            deleted
        }))
    }
}
