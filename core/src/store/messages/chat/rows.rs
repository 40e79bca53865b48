//! What a batch of messages and receipts reads and writes, each in one statement.

use std::collections::{BTreeSet, HashSet};

use super::{
    NewMessage, NewReceipt,
    sides::{Fresh, SideRow, Sides},
};
use crate::{db::Tx, store::StoreError};
use tebdil_protocol::{
    id::{MatchId, UserId},
    time::Timestamp,
};

impl Sides {
    /// Both sides of the matches of a batch, locked until its end.
    pub(super) async fn lock(
        tx: &mut Tx,
        messages: &[NewMessage],
        receipts: &[NewReceipt],
    ) -> Result<Self, StoreError> {
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
        let of_messages = messages.iter().map(|message| message.match_id);
        let of_receipts = receipts.iter().map(|receipt| receipt.match_id);
        let matches: BTreeSet<MatchId> = of_messages.chain(of_receipts).collect();
        let mut rows: Vec<SideRow> = tx.query(LOCK).list(matches.iter().copied()).all().await?;

        // Both sides or none. A side left out is either locked by somebody or does not exist.
        let locked: HashSet<(MatchId, UserId)> =
            rows.iter().map(|row| (row.match_id, row.user_id)).collect();
        rows.retain(|row| locked.contains(&(row.match_id, row.peer_id)));
        let whole: BTreeSet<MatchId> = rows.iter().map(|row| row.match_id).collect();
        let left_out = matches.difference(&whole).copied();
        let busy: Vec<MatchId> = tx.query(THERE).list(left_out).values().await?;
        let mut sides = Self::new(rows, busy.into_iter().collect());
        let senders = sides.senders(messages, receipts);
        let query = tx.query(SENT).rows(senders, |row, (match_id, user)| {
            row.bind(*match_id).bind(*user);
        });
        sides.note_sent(query.all().await?);
        Ok(sides)
    }
}

/// Deletes what has arrived by the receipts applied to `sides`, and notes in the log when.
pub(super) async fn take_arrived(
    tx: &mut Tx,
    sides: &mut Sides,
    now: Timestamp,
) -> Result<(), StoreError> {
    // A join, not `IN (VALUES …)`: that scans the whole table on SQLite.
    const DELETE: &str = "DELETE FROM messages WHERE (match_id, sender_id, seq) IN ( \
         SELECT m.match_id, m.sender_id, m.seq FROM ({rows}) AS v JOIN messages m \
         ON m.match_id = v.column1 AND m.sender_id = v.column2 AND m.seq <= v.column3) \
         RETURNING match_id, sender_id, total_bytes";
    const LOGS: &str = "UPDATE message_logs SET delivered_at = $1 \
         FROM ({rows}) AS v WHERE message_logs.match_id = v.column1 \
         AND message_logs.sender_id = v.column2 \
         AND message_logs.seq > v.column3 AND message_logs.seq <= v.column4";
    let arrived = sides.arrived();
    let gone: Vec<(MatchId, UserId, i64)> = tx
        .query(DELETE)
        .rows(&arrived, |row, (match_id, sender, _, to)| {
            row.bind(*match_id).bind(*sender).bind(*to);
        })
        .all()
        .await?;
    for (match_id, sender, total_bytes) in gone {
        sides.make_room((match_id, sender), total_bytes);
    }
    tx.query(LOGS)
        .rows(&arrived, |row, (match_id, sender, from, to)| {
            row.bind(*match_id).bind(*sender).bind(*from).bind(*to);
        })
        .bind(now)
        .execute()
        .await?;
    Ok(())
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
