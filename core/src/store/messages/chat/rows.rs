//! What a batch of messages and receipts reads and writes, each in one statement.

use std::collections::{BTreeSet, HashSet};

use super::sides::{Arrival, Arrivals, Fresh, Gone, SideKey, SideRow, Sides};
use crate::{db::Tx, store::StoreError};
use tebdil_protocol::id::{MatchId, UserId};

impl Sides {
    /// Reads both sides of these matches, and locks them until the end of the transaction. How far
    /// they have come is read of those whom `speaks` names.
    pub(super) async fn lock<'k>(
        &mut self,
        tx: &mut Tx,
        matches: &BTreeSet<MatchId>,
        speaks: impl Fn(&Self) -> BTreeSet<SideKey>,
        arrived: impl Fn(SideKey) -> Option<&'k Arrival>,
    ) -> Result<(), StoreError> {
        const LOCK: &str = "SELECT s.match_id, s.user_id, s.peer_id, s.session_id, s.read_seq, \
             s.pushed_at IS NOT NULL AS pushed, s.peer_key_package IS NOT NULL AS packaged, \
             s.open, \
             (SELECT m.expired_at FROM matches m WHERE m.id = s.match_id) AS expired_at, \
             (SELECT m.type FROM matches m WHERE m.id = s.match_id) AS mode \
             FROM match_sides s WHERE s.match_id IN ({list}) \
             ORDER BY s.match_id, s.user_id FOR UPDATE SKIP LOCKED";
        const THERE: &str = "SELECT DISTINCT match_id FROM match_sides WHERE match_id IN ({list})";
        // Read after locking: what another node wrote in these matches is committed, and this
        // statement sees it.
        const SENT: &str = "SELECT v.column1 AS match_id, v.column2 AS user_id, \
             COALESCE((SELECT MAX(l.seq) FROM message_logs l \
             WHERE l.match_id = v.column1 AND l.sender_id = v.column2), 0) AS last_seq, \
             COALESCE((SELECT MIN(m.seq) - 1 FROM messages m \
             WHERE m.match_id = v.column1 AND m.sender_id = v.column2), \
             (SELECT MAX(l.seq) FROM message_logs l \
             WHERE l.match_id = v.column1 AND l.sender_id = v.column2), 0) AS delivered_seq, \
             COALESCE((SELECT m.total_bytes - LENGTH(m.content) FROM messages m \
             WHERE m.match_id = v.column1 AND m.sender_id = v.column2 \
             ORDER BY m.seq LIMIT 1), 0) AS bytes_before, \
             COALESCE((SELECT m.total_bytes FROM messages m \
             WHERE m.match_id = v.column1 AND m.sender_id = v.column2 \
             ORDER BY m.seq DESC LIMIT 1), 0) AS total_bytes \
             FROM ({rows}) AS v WHERE v.column1 IS NOT NULL";
        if matches.is_empty() {
            return Ok(());
        }
        let mut rows: Vec<SideRow> = tx.query(LOCK).list(matches.iter().copied()).all().await?;

        // Both sides or none. A side left out is either locked by somebody or does not exist.
        let locked: HashSet<(MatchId, UserId)> =
            rows.iter().map(|row| (row.match_id, row.user_id)).collect();
        rows.retain(|row| locked.contains(&(row.match_id, row.peer_id)));
        let whole: BTreeSet<MatchId> = rows.iter().map(|row| row.match_id).collect();
        let left_out = matches.difference(&whole).copied();
        let busy: Vec<MatchId> = tx.query(THERE).list(left_out).values().await?;
        self.read(rows, busy);
        let query = tx.query(SENT).rows(speaks(self), |row, (match_id, user)| {
            row.bind(*match_id).bind(*user);
        });
        self.note_sent(query.all().await?, arrived);
        Ok(())
    }
}

/// Deletes what has arrived, and notes in the log when. The running totals of what is gone.
pub(super) async fn take_arrived(tx: &mut Tx, arrived: &Arrivals) -> Result<Vec<Gone>, StoreError> {
    // A join, not `IN (VALUES …)`: that scans the whole table on SQLite.
    const DELETE: &str = "DELETE FROM messages WHERE (match_id, sender_id, seq) IN ( \
         SELECT m.match_id, m.sender_id, m.seq FROM ({rows}) AS v JOIN messages m \
         ON m.match_id = v.column1 AND m.sender_id = v.column2 AND m.seq <= v.column3) \
         RETURNING match_id, sender_id, total_bytes";
    const LOGS: &str = "UPDATE message_logs SET delivered_at = v.column5 \
         FROM ({rows}) AS v WHERE message_logs.match_id = v.column1 \
         AND message_logs.sender_id = v.column2 \
         AND message_logs.seq > v.column3 AND message_logs.seq <= v.column4";
    let gone = tx.query(DELETE).rows(arrived.values(), |row, one| {
        row.bind(one.key.0).bind(one.key.1).bind(one.to);
    });
    let gone = gone.all().await?;
    let logs = tx.query(LOGS).rows(arrived.values(), |row, one| {
        row.bind(one.key.0)
            .bind(one.key.1)
            .bind(one.from)
            .bind(one.to)
            .bind(one.at);
    });
    logs.execute().await?;
    Ok(gone)
}

/// The messages, and a row in the log for each.
pub(super) async fn write_messages(tx: &mut Tx, fresh: &[Fresh<'_>]) -> Result<(), StoreError> {
    const MESSAGES: &str = "INSERT INTO messages \
         (match_id, sender_id, seq, kind, content, franking_tag, sent_at, total_bytes) \
         SELECT * FROM ({rows}) AS v WHERE column1 IS NOT NULL";
    const LOGS: &str = "INSERT INTO message_logs \
         (match_id, sender_id, seq, receiver_id, kind, sent_at, device_info, connection_type) \
         SELECT * FROM ({rows}) AS v WHERE column1 IS NOT NULL";
    let messages = tx.query(MESSAGES).rows(fresh, |row, one| {
        row.bind(one.message.match_id)
            .bind(one.message.sender_id)
            .bind(one.message.seq)
            .bind(one.message.kind)
            .bind(one.message.ciphertext.as_slice())
            .bind(one.message.franking_tag.as_deref())
            .bind(one.sent_at)
            .bind(one.total_bytes);
    });
    messages.execute().await?;
    let logs = tx.query(LOGS).rows(fresh, |row, one| {
        row.bind(one.message.match_id)
            .bind(one.message.sender_id)
            .bind(one.message.seq)
            .bind(one.receiver_id)
            .bind(one.message.kind)
            .bind(one.sent_at)
            .bind(&*one.message.device_info)
            .bind(one.mode);
    });
    logs.execute().await?;
    Ok(())
}

/// The changed sides. Sending and acknowledging alone do not change them.
pub(super) async fn write_sides(tx: &mut Tx, sides: &Sides) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE match_sides SET read_seq = v.column3, \
         pushed_at = CASE WHEN v.column4 THEN pushed_at END, \
         peer_key_package = CASE WHEN v.column5 THEN peer_key_package END \
         FROM ({rows}) AS v \
         WHERE match_sides.match_id = v.column1 AND match_sides.user_id = v.column2";
    let changed = sides.iter().filter(|side| side.changed);
    let query = tx.query(SQL).rows(changed, |row, side| {
        row.bind(side.row.match_id)
            .bind(side.row.user_id)
            .bind(side.row.read_seq)
            .bind(side.row.pushed)
            .bind(side.row.packaged);
    });
    query.execute().await?;
    Ok(())
}
