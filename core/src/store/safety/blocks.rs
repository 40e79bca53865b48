//! Blocks of one user by another.
//!
//! A block outlives the accounts of both: with the erasure of a side it keeps the hash of its
//! phone, and passes to the account that is made with that phone.

use std::collections::HashSet;

use sqlx_macros::FromRow;

use super::{Safety, bans::lock_phone};
use crate::{
    db::Tx,
    store::{ERASED_ALIAS, EndOutcome, EndedMatch, StoreError, matches::lifecycle::end_match},
};
use tebdil_protocol::{
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

/// Has the blocks by and of `user`, which is being erased in this transaction, wait for who comes
/// back with its phone.
pub(crate) async fn keep_blocks(tx: &mut Tx, user: UserId, phone: &[u8]) -> Result<(), StoreError> {
    // In the order of ids, as whoever changes several.
    const HOLD: &str = "SELECT id FROM blocks WHERE blocker_id = $1 OR blocked_id = $1 \
         ORDER BY id FOR NO KEY UPDATE";
    const KEEP: [&str; 2] = [
        "UPDATE blocks SET blocker_phone = $2, blocked_alias = $3, blocked_tag = '0000' \
         WHERE blocker_id = $1",
        "UPDATE blocks SET blocked_phone = $2, blocked_alias = $3, blocked_tag = '0000' \
         WHERE blocked_id = $1",
    ];
    tx.execute(HOLD, (user,)).await?;
    for keep in KEEP {
        tx.execute(keep, (user, phone, ERASED_ALIAS)).await?;
    }
    Ok(())
}

/// Gives `user`, who has just registered with `phone` in this transaction, the blocks that wait for
/// it.
pub(crate) async fn pass_blocks(tx: &mut Tx, user: UserId, phone: &[u8]) -> Result<(), StoreError> {
    // In the order of ids, as whoever changes several.
    const HOLD: &str = "SELECT id FROM blocks WHERE blocker_phone = $1 OR blocked_phone = $1 \
         ORDER BY id FOR NO KEY UPDATE";
    /// Of two blocks of one phone by the same user, made in matches of two of its accounts, one is
    /// left.
    const DROP_DOUBLES: &str = "DELETE FROM blocks WHERE blocked_phone = $1 AND EXISTS ( \
         SELECT 1 FROM blocks o WHERE o.blocked_phone = $1 \
         AND o.blocker_id = blocks.blocker_id AND o.id < blocks.id)";
    const PASS: [&str; 2] = [
        "UPDATE blocks SET blocker_id = $1, blocker_phone = NULL WHERE blocker_phone = $2",
        "UPDATE blocks SET blocked_id = $1, blocked_phone = NULL WHERE blocked_phone = $2",
    ];
    tx.execute(HOLD, (phone,)).await?;
    tx.execute(DROP_DOUBLES, (phone,)).await?;
    for pass in PASS {
        tx.execute(pass, (user, phone)).await?;
    }
    Ok(())
}

impl Safety<'_> {
    /// Blocks the peer of a match, whether it goes on or is over, and ends every match of the two:
    /// all of it or nothing, whoever dies meanwhile.
    pub async fn block(
        self,
        match_id: MatchId,
        blocker: UserId,
        now: Timestamp,
    ) -> Result<Blocking, StoreError> {
        const PEER_PHONE: &str = "SELECT t.phone_index FROM match_sides s \
             JOIN tombstones t ON t.user_id = s.peer_id WHERE s.match_id = $1 AND s.user_id = $2";
        const BOTH: &str = "SELECT id FROM users WHERE id IN ( \
             SELECT user_id FROM match_sides WHERE match_id = $1) ORDER BY id FOR NO KEY UPDATE";
        // Whom it concerns: the peer, or who has the phone of one that was erased. Until somebody
        // has it, the phone is kept.
        const PEER: &str = "SELECT s.peer_id, t.phone_index, \
             (SELECT n.id FROM users n WHERE n.phone_index = t.phone_index) AS holder \
             FROM match_sides s JOIN users me ON me.id = s.user_id AND me.erased_at IS NULL \
             LEFT JOIN tombstones t ON t.user_id = s.peer_id \
             WHERE s.match_id = $1 AND s.user_id = $2";
        const INSERT: &str = "INSERT INTO blocks (id, blocker_id, blocked_id, match_id, \
             blocked_alias, blocked_tag, created_at, blocked_phone) \
             SELECT $1, $4, $5, $3, u.alias, u.tag, $2, $6 FROM users u WHERE u.id = $7 \
             ON CONFLICT DO NOTHING \
             RETURNING id, blocked_id, blocked_alias, blocked_tag, created_at";
        const BEFORE: &str = "SELECT id, blocked_id, blocked_alias, blocked_tag, created_at \
             FROM blocks WHERE blocker_id = $1 AND blocked_id = $2";
        const OPEN: &str = "SELECT match_id FROM match_sides \
             WHERE user_id = $1 AND peer_id IN ($2, $3) AND open ORDER BY match_id";
        let mut tx = self.begin().await?;
        let phone: Option<Vec<u8>> = tx.optional_value(PEER_PHONE, (match_id, blocker)).await?;
        if let Some(phone) = &phone {
            // Nobody registers with it meanwhile.
            lock_phone(&mut tx, phone).await?;
        }
        // Pairing reads blocks under the same locks: no match of the two is made after this.
        tx.execute(BOTH, (match_id,)).await?;
        let Some(peer): Option<PeerRow> = tx.optional(PEER, (match_id, blocker)).await? else {
            return Ok(Blocking::NotFound);
        };
        let other = peer.holder.unwrap_or(peer.peer_id);
        let id = tx.id::<BlockId>();
        let phone = peer.phone_index.filter(|_| peer.holder.is_none());
        let row = (id, now, match_id, blocker, other, phone, peer.peer_id);
        let made: Option<BlockRow> = tx.optional(INSERT, row).await?;
        let new = made.is_some();
        let block = match made {
            Some(block) => block,
            None => tx.one(BEFORE, (blocker, other)).await?,
        };
        let open: Vec<MatchId> = tx.values(OPEN, (blocker, other, peer.peer_id)).await?;
        let mut ended = Vec::new();
        for id in open {
            let end = end_match(&mut tx, id, Some(blocker), EndReason::Blocked, now).await?;
            if let EndOutcome::Now(now_over) = end {
                ended.push(now_over);
            }
        }
        tx.commit().await?;
        Ok(Blocking::Blocked { block, new, ended })
    }

    /// Blocks the user has made, newest first; with `before`, only those with smaller ids.
    pub async fn blocks_of(
        self,
        user: UserId,
        before: Option<BlockId>,
        limit: i64,
    ) -> Result<Vec<BlockRow>, StoreError> {
        const SQL: &str = "SELECT id, blocked_id, blocked_alias, blocked_tag, created_at \
             FROM blocks WHERE blocker_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
        let before = before.unwrap_or(BlockId(i64::MAX));
        self.db.all(SQL, (user, before, limit)).await
    }

    /// Takes a block back; gives the user that was blocked. `None` when the user has made no such
    /// block.
    pub async fn unblock(self, user: UserId, block: BlockId) -> Result<Option<UserId>, StoreError> {
        const SQL: &str =
            "DELETE FROM blocks WHERE id = $1 AND blocker_id = $2 RETURNING blocked_id";
        let mut tx = self.begin().await?;
        let blocked = tx.optional_value(SQL, (block, user)).await?;
        tx.commit().await?;
        Ok(blocked)
    }

    /// Everybody the user has blocked or was blocked by.
    pub async fn blocked_either_way(self, user: UserId) -> Result<HashSet<UserId>, StoreError> {
        const SQL: &str = "SELECT blocked_id FROM blocks WHERE blocker_id = $1 \
             UNION SELECT blocker_id FROM blocks WHERE blocked_id = $1";
        let ids: Vec<UserId> = self.db.values(SQL, (user,)).await?;
        Ok(ids.into_iter().collect())
    }
}
