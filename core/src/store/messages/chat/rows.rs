//! What a batch of messages and receipts reads and writes, each in one statement.

use std::collections::{BTreeSet, HashMap, HashSet};

use sqlx::FromRow;

use super::{
    Appended, ChatRules, NewMessage, NewReceipt,
    sides::{Arrived, Side, SideRow, Sides},
};
use crate::{
    db::{RowOf, Tx},
    store::StoreError,
};
use tebdil_protocol::{
    domain::Mode,
    id::{LogId, MatchId, MessageId, UserId},
    time::Timestamp,
};

/// A message that was appended before.
#[derive(FromRow)]
pub(super) struct KnownRow {
    pub(super) id: MessageId,
    pub(super) match_id: MatchId,
    pub(super) sender_id: UserId,
    pub(super) client_id: Vec<u8>,
    pub(super) seq: i64,
    pub(super) created_at: Timestamp,
}

impl Sides {
    /// Both sides of the matches of a batch, locked until its end.
    pub(super) async fn lock(
        tx: &mut Tx,
        messages: &[NewMessage],
        receipts: &[NewReceipt],
    ) -> Result<Self, StoreError> {
        const LOCK: &str = "SELECT s.match_id, s.user_id, s.peer_id, s.last_seq, s.delivered_seq, \
             s.read_seq, s.first_content_at, s.last_message_id, s.undelivered_bytes, s.open, \
             (SELECT m.expired_at FROM matches m WHERE m.id = s.match_id) AS expired_at, \
             (SELECT m.type FROM matches m WHERE m.id = s.match_id) AS mode \
             FROM match_sides s WHERE s.match_id IN ({list}) \
             ORDER BY s.match_id, s.user_id FOR UPDATE SKIP LOCKED";
        const THERE: &str = "SELECT DISTINCT match_id FROM match_sides WHERE match_id IN ({list})";
        let of_messages = messages.iter().map(|message| message.match_id);
        let of_receipts = receipts.iter().map(|receipt| receipt.match_id);
        let matches: BTreeSet<MatchId> = of_messages.chain(of_receipts).collect();
        let rows: Vec<SideRow> = tx.query(LOCK).list(matches.iter().copied()).all().await?;
        let sides: HashMap<_, _> = rows
            .into_iter()
            .map(|row| ((row.match_id, row.user_id), Side::new(row)))
            .collect();

        // Both sides or none. What was left out is there and held by somebody, or it is not there.
        let whole: HashSet<MatchId> = sides
            .values()
            .filter(|side| sides.contains_key(&side.peer()))
            .map(|side| side.row.match_id)
            .collect();
        let left_out = matches.iter().filter(|id| !whole.contains(*id)).copied();
        let busy: Vec<MatchId> = tx.query(THERE).list(left_out).values().await?;
        Ok(Self::new(sides, busy.into_iter().collect()))
    }
}

/// Writes what the receipts that `sides` took say of messages: they are delivered, no longer wait,
/// and make room.
pub(super) async fn write_arrivals(
    tx: &mut Tx,
    sides: &mut Sides,
    rules: &ChatRules,
    now: Timestamp,
) -> Result<(), StoreError> {
    const BYTES: &str = "SELECT m.match_id, m.sender_id, CAST(SUM(LENGTH(m.content)) AS BIGINT) \
         FROM ({rows}) AS v JOIN messages m ON m.match_id = v.column1 AND m.sender_id = v.column2 \
         AND m.seq > v.column3 AND m.seq <= v.column4 GROUP BY m.match_id, m.sender_id";
    const LOGS: &str = "UPDATE message_logs SET delivered = TRUE, delivered_at = $1 \
         FROM ({rows}) AS v WHERE message_logs.match_id = v.column1 \
         AND message_logs.sender_id = v.column2 \
         AND message_logs.seq > v.column3 AND message_logs.seq <= v.column4";
    // By the index of `seq`, from its beginning: older ones have gone before.
    const OUTLIVED: &str =
        "DELETE FROM messages WHERE match_id = $1 AND sender_id = $2 AND seq <= $3";
    let arrived = sides.arrived();
    // Nothing has to be read where nothing is left.
    let counted = arrived.iter().filter(|(match_id, sender, _, to)| {
        let side = sides.get((*match_id, *sender));
        side.is_some_and(|side| *to < side.row.last_seq)
    });
    let bytes: Vec<(MatchId, UserId, i64)> = tx
        .query(BYTES)
        .rows(counted, |row, arrived| bind(row, arrived))
        .all()
        .await?;
    let bytes = bytes
        .into_iter()
        .map(|(match_id, sender, bytes)| ((match_id, sender), bytes))
        .collect();
    sides.make_room(&arrived, &bytes);
    tx.query(LOGS)
        .rows(&arrived, |row, arrived| bind(row, arrived))
        .bind(now)
        .execute()
        .await?;
    for (match_id, sender, _, to) in arrived.iter().filter(|(.., to)| *to > rules.history) {
        tx.query(OUTLIVED)
            .bind(*match_id)
            .bind(*sender)
            .bind(to - rules.history)
            .execute()
            .await?;
    }
    Ok(())
}

fn bind(row: &mut RowOf<'_, '_>, (match_id, sender, from, to): &Arrived) {
    row.bind(*match_id).bind(*sender).bind(*from).bind(*to);
}

/// Those of `messages` that were appended before.
pub(super) async fn known(
    tx: &mut Tx,
    messages: &[NewMessage],
) -> Result<Vec<KnownRow>, StoreError> {
    // A join, not `IN (VALUES …)`: that scans the whole table on SQLite.
    const SQL: &str = "SELECT m.id, m.match_id, m.sender_id, m.client_id, m.seq, m.created_at \
         FROM ({rows}) AS v JOIN messages m ON m.match_id = v.column1 \
         AND m.sender_id = v.column2 AND m.client_id = v.column3";
    let query = tx.query(SQL).rows(messages, |row, message| {
        row.bind(message.match_id)
            .bind(message.sender_id)
            .bind(message.client_id.as_bytes().as_slice());
    });
    Ok(query.all().await?)
}

/// The messages, and a row in the log for each.
pub(super) async fn write_messages(
    tx: &mut Tx,
    fresh: &[(&NewMessage, Appended)],
    sides: &Sides,
) -> Result<(), StoreError> {
    const MESSAGES: &str = "INSERT INTO messages (id, match_id, sender_id, receiver_id, seq, \
         client_id, kind, content, franking_tag, created_at) \
         SELECT * FROM ({rows}) AS v WHERE column1 IS NOT NULL";
    const LOGS: &str = "INSERT INTO message_logs (id, sender_id, receiver_id, match_id, seq, kind, \
         sent_at, device_info, connection_type) \
         SELECT * FROM ({rows}) AS v WHERE column1 IS NOT NULL";
    let messages = tx.query(MESSAGES).rows(fresh, |row, (message, appended)| {
        row.bind(appended.message_id)
            .bind(message.match_id)
            .bind(message.sender_id)
            .bind(appended.receiver_id)
            .bind(appended.seq)
            .bind(message.client_id.as_bytes().as_slice())
            .bind(message.kind)
            .bind(message.ciphertext.as_slice())
            .bind(message.franking_tag.as_deref())
            .bind(appended.sent_at);
    });
    messages.execute().await?;
    let logged: Vec<_> = fresh.iter().map(|one| (tx.id::<LogId>(), one)).collect();
    let logs = tx
        .query(LOGS)
        .rows(logged, |row, (id, (message, appended))| {
            // There is a side: it has a number of it.
            let side = sides.get((message.match_id, message.sender_id));
            row.bind(*id)
                .bind(message.sender_id)
                .bind(appended.receiver_id)
                .bind(message.match_id)
                .bind(appended.seq)
                .bind(message.kind)
                .bind(appended.sent_at)
                .bind(&*message.device_info)
                .bind(side.map_or(Mode::Text, |side| side.row.mode));
        });
    logs.execute().await?;
    Ok(())
}

/// The sides that changed.
pub(super) async fn write_sides(tx: &mut Tx, sides: &Sides) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE match_sides SET last_seq = v.column3, delivered_seq = v.column4, \
         read_seq = v.column5, first_content_at = v.column6, last_message_id = v.column7, \
         undelivered_bytes = v.column8, \
         peer_key_package = CASE WHEN v.column3 = 0 THEN peer_key_package END, \
         pushed_at = CASE WHEN v.column4 = delivered_seq THEN pushed_at END \
         FROM ({rows}) AS v \
         WHERE match_sides.match_id = v.column1 AND match_sides.user_id = v.column2";
    let changed = sides.iter().filter(|side| side.changed);
    let query = tx.query(SQL).rows(changed, |row, side| {
        row.bind(side.row.match_id)
            .bind(side.row.user_id)
            .bind(side.row.last_seq)
            .bind(side.row.delivered_seq)
            .bind(side.row.read_seq)
            .bind(side.row.first_content_at)
            .bind(side.row.last_message_id)
            .bind(side.row.undelivered_bytes);
    });
    query.execute().await?;
    Ok(())
}
