//! The messages of matches that are over: nobody can read them, and they are deleted a few at a
//! time.
//!
//! Ending a match only closes its sides, however much was said in it; that leaves it among those
//! [`Messages::matches_to_forget`] finds.

use super::Messages;
use crate::store::StoreError;
use tebdil_protocol::id::{MatchId, UserId};

impl Messages<'_> {
    /// Up to `limit` matches with ids above `after` that are over and may still have messages, by
    /// id.
    pub async fn matches_to_forget(
        self,
        after: MatchId,
        limit: i64,
    ) -> Result<Vec<MatchId>, StoreError> {
        const SQL: &str = "SELECT id FROM matches \
             WHERE status <> 'active' AND NOT forgotten AND id > $1 ORDER BY id LIMIT $2";
        let query = self.read(SQL).bind(after).bind(limit);
        Ok(query.values().await?)
    }

    /// The same of one user, all of them.
    pub async fn matches_to_forget_of(self, user: UserId) -> Result<Vec<MatchId>, StoreError> {
        const SQL: &str = "SELECT m.id FROM match_sides s JOIN matches m ON m.id = s.match_id \
             WHERE s.user_id = $1 AND m.status <> 'active' AND NOT m.forgotten ORDER BY m.id";
        self.db.values(SQL, (user,)).await
    }

    /// Deletes up to `limit` messages of this match, if it is over, and returns how many. With the
    /// last of them the match is finished.
    ///
    /// One match, in the order of an index: the database finds what is left without reading all
    /// that the match ever had.
    pub async fn forget_messages(self, id: MatchId, limit: u32) -> Result<u64, StoreError> {
        // Deleters that skip each other's rows never wait, so they cannot deadlock.
        const DELETE: &str = "DELETE FROM messages WHERE (match_id, sender_id, seq) IN \
             (SELECT match_id, sender_id, seq FROM messages WHERE match_id = $1 \
             AND EXISTS (SELECT 1 FROM matches WHERE status <> 'active' AND id = $1) \
             ORDER BY sender_id, seq LIMIT $2 FOR UPDATE SKIP LOCKED)";
        const DONE: &str = "UPDATE matches SET forgotten = TRUE \
             WHERE id = $1 AND status <> 'active' AND NOT forgotten \
             AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.match_id = matches.id)";
        let mut tx = self.begin().await?;
        tx.plan_anew().await?;
        let deleted = tx.query(DELETE).bind(id).bind(i64::from(limit));
        let deleted = deleted.execute().await?;
        if deleted < limit.into() {
            // Rows that another is deleting are still visible to us: if that fails, the match is
            // found again.
            tx.execute(DONE, (id,)).await?;
        }
        tx.commit().await?;
        Ok(deleted)
    }
}
