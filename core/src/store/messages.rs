//! Messages: appended, acknowledged and read in batches; sent again after a reconnect.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::{
    backend::{read, write_tx},
    domain::MessageKind,
    franking::{FrankedMessage, ciphertext_sha256},
    id::{LogId, MatchId, MessageId, UserId},
    time::Timestamp,
};

/// A message to append.
#[derive(Debug, Clone)]
pub struct NewMessage {
    pub match_id: MatchId,
    pub sender_id: UserId,
    /// The sender's own id of the message: appended once per match and sender.
    pub client_id: Uuid,
    pub kind: MessageKind,
    pub ciphertext: Vec<u8>,
    pub franking_tag: Option<Vec<u8>>,
    /// For `message_logs`.
    pub device_info: Arc<str>,
    pub connection_type: Arc<str>,
}

/// What became of a [`NewMessage`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Append {
    /// It is stored.
    Accepted(Appended),
    /// The match is over.
    Ended,
    /// There is no such match of the sender.
    NotFound,
}

/// A stored message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    pub message_id: MessageId,
    /// Position among the sender's messages in the match: 1, 2, 3 … without a gap.
    pub seq: i64,
    pub sent_at: Timestamp,
    pub receiver_id: UserId,
    /// The client id was known: the values are those of the first time, and nothing was stored.
    pub repeated: bool,
    /// The receiver has acknowledged it.
    pub delivered: bool,
}

/// How far a user has come with the peer's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewReceipt {
    pub match_id: MatchId,
    pub user_id: UserId,
    /// Every message of the peer up to this one.
    pub seq: i64,
    /// Whether they were read; otherwise they were received.
    pub read: bool,
}

/// What became of a [`NewReceipt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It is recorded, and tells something new.
    Recorded {
        /// The sender of the messages.
        peer_id: UserId,
    },
    /// As much was recorded before.
    Known,
    /// The peer has not sent that many.
    Beyond,
    /// The match is over.
    Ended,
    /// There is no such match of the user.
    NotFound,
}

/// A message as it is sent again.
#[derive(Debug, Clone, FromRow)]
pub struct MessageRow {
    pub id: MessageId,
    pub match_id: MatchId,
    pub sender_id: UserId,
    pub receiver_id: UserId,
    pub seq: i64,
    pub kind: MessageKind,
    pub content: Vec<u8>,
    pub franking_tag: Option<Vec<u8>>,
    pub created_at: Timestamp,
}

impl MessageRow {
    /// What the server vouches for, where the message has a franking tag.
    pub fn franked(&self) -> Option<FrankedMessage> {
        Some(FrankedMessage {
            tag: self.franking_tag.as_deref()?.try_into().ok()?,
            match_id: self.match_id,
            sender_id: self.sender_id,
            recipient_id: self.receiver_id,
            message_id: self.id,
            sent_at: self.created_at,
            ciphertext_sha256: ciphertext_sha256(&self.content),
        })
    }
}

#[derive(FromRow)]
struct SideRow {
    match_id: MatchId,
    user_id: UserId,
    peer_id: UserId,
    last_seq: i64,
    delivered_seq: i64,
    read_seq: i64,
    first_content_at: Option<Timestamp>,
    last_message_id: MessageId,
    open: bool,
    expired_at: Timestamp,
}

#[derive(FromRow)]
struct KnownRow {
    id: MessageId,
    match_id: MatchId,
    sender_id: UserId,
    client_id: Vec<u8>,
    seq: i64,
    created_at: Timestamp,
}

/// A side's state while a batch is applied to it.
struct Side {
    row: SideRow,
    appended: bool,
    /// `delivered_seq` before the batch, when the batch raised it or `read_seq`.
    receipt_from: Option<i64>,
}

type SideKey = (MatchId, UserId);

impl Store {
    /// Appends messages and records receipts in one transaction; outcomes stand in the order of the input.
    ///
    /// Every accepted message has the next `seq` of its sender in its match, a `message_logs` row, and is durable when this returns. Batches of
    /// several nodes may run at once: both sides of a match are locked while its messages get their numbers.
    pub async fn write_chat(
        &self,
        messages: &[NewMessage],
        receipts: &[NewReceipt],
        now: Timestamp,
    ) -> Result<(Vec<Append>, Vec<Receipt>), StoreError> {
        let matches: BTreeSet<MatchId> = messages.iter().map(|m| m.match_id).chain(receipts.iter().map(|r| r.match_id)).collect();
        if matches.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let outcome = write_tx!(self, |tx| {
            // Both sides of a match in primary key order: end_match and the expiry job lock the same way.
            let mut query = QueryBuilder::new(
                "SELECT s.match_id, s.user_id, s.peer_id, s.last_seq, s.delivered_seq, s.read_seq, s.first_content_at, \
                 s.last_message_id, s.open, \
                 (SELECT m.expired_at FROM matches m WHERE m.id = s.match_id) AS expired_at FROM match_sides s WHERE s.match_id IN (",
            );
            let mut list = query.separated(", ");
            for id in &matches {
                list.push_bind(*id);
            }
            query.push(") ORDER BY s.match_id, s.user_id").push(self.db.for_update());
            let rows: Vec<SideRow> = query.build_query_as().fetch_all(&mut *tx).await?;
            let mut sides: HashMap<SideKey, Side> =
                rows.into_iter().map(|row| ((row.match_id, row.user_id), Side { row, appended: false, receipt_from: None })).collect();

            let known: Vec<KnownRow> = if messages.is_empty() {
                Vec::new()
            } else {
                // A join, not `IN (VALUES …)`: that scans the whole table on SQLite.
                let mut query = QueryBuilder::new("SELECT m.id, m.match_id, m.sender_id, m.client_id, m.seq, m.created_at FROM (");
                query.push_values(messages, |mut row, m| {
                    row.push_bind(m.match_id).push_bind(m.sender_id).push_bind(m.client_id.as_bytes().as_slice());
                });
                query.push(") AS v JOIN messages m ON m.match_id = v.column1 AND m.sender_id = v.column2 AND m.client_id = v.column3");
                query.build_query_as().fetch_all(&mut *tx).await?
            };
            let (appends, fresh) = self.number(messages, known, &mut sides, now);
            let receipts = record(receipts, &mut sides, now);

            if !fresh.is_empty() {
                let mut query = QueryBuilder::new(
                    "INSERT INTO messages (id, match_id, sender_id, receiver_id, seq, client_id, kind, content, franking_tag, created_at) ",
                );
                query.push_values(&fresh, |mut row, (m, appended)| {
                    row.push_bind(appended.message_id)
                        .push_bind(m.match_id)
                        .push_bind(m.sender_id)
                        .push_bind(appended.receiver_id)
                        .push_bind(appended.seq)
                        .push_bind(m.client_id.as_bytes().as_slice())
                        .push_bind(m.kind)
                        .push_bind(m.ciphertext.as_slice())
                        .push_bind(m.franking_tag.as_deref())
                        .push_bind(appended.sent_at);
                });
                query.build().execute(&mut *tx).await?;

                let mut query = QueryBuilder::new(
                    "INSERT INTO message_logs (id, sender_id, receiver_id, match_id, seq, kind, sent_at, device_info, connection_type) ",
                );
                query.push_values(&fresh, |mut row, (m, appended)| {
                    row.push_bind(self.ids.next::<LogId>())
                        .push_bind(m.sender_id)
                        .push_bind(appended.receiver_id)
                        .push_bind(m.match_id)
                        .push_bind(appended.seq)
                        .push_bind(m.kind)
                        .push_bind(appended.sent_at)
                        .push_bind(&*m.device_info)
                        .push_bind(&*m.connection_type);
                });
                query.build().execute(&mut *tx).await?;
            }

            let changed: Vec<&Side> = sides.values().filter(|side| side.appended || side.receipt_from.is_some()).collect();
            if !changed.is_empty() {
                let mut query = QueryBuilder::new(
                    "UPDATE match_sides SET last_seq = v.column3, delivered_seq = v.column4, read_seq = v.column5, first_content_at = v.column6, \
                     last_message_id = v.column7, peer_key_package = CASE WHEN v.column3 = 0 THEN peer_key_package END, \
                     pushed_at = CASE WHEN v.column4 = delivered_seq THEN pushed_at END FROM (",
                );
                query.push_values(&changed, |mut row, side| {
                    row.push_bind(side.row.match_id)
                        .push_bind(side.row.user_id)
                        .push_bind(side.row.last_seq)
                        .push_bind(side.row.delivered_seq)
                        .push_bind(side.row.read_seq)
                        .push_bind(side.row.first_content_at)
                        .push_bind(side.row.last_message_id);
                });
                query.push(") AS v WHERE match_sides.match_id = v.column1 AND match_sides.user_id = v.column2");
                query.build().execute(&mut *tx).await?;
            }

            let delivered: Vec<(&Side, i64)> = changed
                .iter()
                .filter_map(|side| side.receipt_from.filter(|from| *from < side.row.delivered_seq).map(|from| (*side, from)))
                .collect();
            if !delivered.is_empty() {
                let mut query = QueryBuilder::new("UPDATE message_logs SET delivered = TRUE, delivered_at = ");
                query.push_bind(now).push(" FROM (");
                query.push_values(delivered, |mut row, (side, from)| {
                    row.push_bind(side.row.match_id).push_bind(side.row.peer_id).push_bind(from).push_bind(side.row.delivered_seq);
                });
                query.push(
                    ") AS v WHERE message_logs.match_id = v.column1 AND message_logs.sender_id = v.column2 \
                     AND message_logs.seq > v.column3 AND message_logs.seq <= v.column4",
                );
                query.build().execute(&mut *tx).await?;
            }
            (appends, receipts)
        });
        Ok(outcome)
    }

    /// Gives every new message its id and number; repeats get those of the first time.
    fn number<'a>(
        &self,
        messages: &'a [NewMessage],
        known: Vec<KnownRow>,
        sides: &mut HashMap<SideKey, Side>,
        now: Timestamp,
    ) -> (Vec<Append>, Vec<(&'a NewMessage, Appended)>) {
        let mut seen: HashMap<(MatchId, UserId, Uuid), Appended> = HashMap::new();
        for row in known {
            let (Ok(client_id), Some(side)) = (Uuid::from_slice(&row.client_id), sides.get(&(row.match_id, row.sender_id))) else {
                continue;
            };
            let receiver_id = side.row.peer_id;
            let delivered = sides.get(&(row.match_id, receiver_id)).is_some_and(|peer| peer.row.delivered_seq >= row.seq);
            let appended = Appended { message_id: row.id, seq: row.seq, sent_at: row.created_at, receiver_id, repeated: true, delivered };
            seen.insert((row.match_id, row.sender_id, client_id), appended);
        }
        let mut fresh = Vec::with_capacity(messages.len());
        let outcomes = messages.iter().map(|message| {
            let Some(side) = sides.get(&(message.match_id, message.sender_id)) else { return Append::NotFound };
            if !side.is_open(now) {
                return Append::Ended;
            }
            let peers = sides.get(&(message.match_id, side.row.peer_id)).map_or(MessageId(0), |peer| peer.row.last_message_id);
            let key = (message.match_id, message.sender_id, message.client_id);
            if let Some(first) = seen.get(&key) {
                return Append::Accepted(first.clone());
            }
            let Some(side) = sides.get_mut(&(message.match_id, message.sender_id)) else { return Append::NotFound };
            // Both sides are locked: what another node wrote in this match is committed, and smaller.
            let message_id: MessageId = self.ids.next_after(side.row.last_message_id.max(peers).0);
            side.row.last_message_id = message_id;
            side.row.last_seq += 1;
            side.appended = true;
            if message.kind == MessageKind::Content {
                side.row.first_content_at.get_or_insert(now);
            }
            let appended = Appended {
                message_id,
                seq: side.row.last_seq,
                sent_at: now,
                receiver_id: side.row.peer_id,
                repeated: false,
                delivered: false,
            };
            seen.insert(key, Appended { repeated: true, ..appended.clone() });
            fresh.push((message, appended.clone()));
            Append::Accepted(appended)
        });
        (outcomes.collect(), fresh)
    }

    /// Messages of the peer of `user` in a match with `seq` above `after`, in order, `limit` at most.
    ///
    /// Empty as well where there is no such match of the user.
    pub async fn messages_from_peer(&self, match_id: MatchId, user: UserId, after: i64, limit: i64) -> Result<Vec<MessageRow>, StoreError> {
        const SQL: &str = "SELECT m.id, m.match_id, m.sender_id, m.receiver_id, m.seq, m.kind, m.content, m.franking_tag, m.created_at \
             FROM match_sides s JOIN messages m ON m.match_id = s.match_id AND m.sender_id = s.peer_id \
             WHERE s.match_id = $1 AND s.user_id = $2 AND s.open AND m.seq > $3 ORDER BY m.seq LIMIT $4";
        Ok(read!(self, |db| sqlx::query_as(SQL).bind(match_id).bind(user).bind(after).bind(limit).fetch_all(db).await?))
    }

    /// Messages of both sides of a match of `user` with ids above `after`, oldest first, `limit` at most. Ids grow in the order of the commits: what is
    /// written later comes after what was read.
    pub async fn message_history(
        &self,
        match_id: MatchId,
        user: UserId,
        after: Option<MessageId>,
        limit: i64,
    ) -> Result<Vec<MessageRow>, StoreError> {
        const SQL: &str = "SELECT m.id, m.match_id, m.sender_id, m.receiver_id, m.seq, m.kind, m.content, m.franking_tag, m.created_at \
             FROM match_sides s JOIN messages m ON m.match_id = s.match_id \
             WHERE s.match_id = $1 AND s.user_id = $2 AND s.open AND m.id > $3 ORDER BY m.id LIMIT $4";
        let after = after.unwrap_or(MessageId(0));
        Ok(read!(self, |db| sqlx::query_as(SQL).bind(match_id).bind(user).bind(after).bind(limit).fetch_all(db).await?))
    }
}

impl Side {
    fn is_open(&self, now: Timestamp) -> bool {
        self.row.open && now < self.row.expired_at
    }
}

/// Applies receipts to the sides in memory.
fn record(receipts: &[NewReceipt], sides: &mut HashMap<SideKey, Side>, now: Timestamp) -> Vec<Receipt> {
    let outcomes = receipts.iter().map(|receipt| {
        let Some(side) = sides.get(&(receipt.match_id, receipt.user_id)) else { return Receipt::NotFound };
        if !side.is_open(now) {
            return Receipt::Ended;
        }
        let peer_id = side.row.peer_id;
        if sides.get(&(receipt.match_id, peer_id)).is_none_or(|peer| receipt.seq > peer.row.last_seq) {
            return Receipt::Beyond;
        }
        let Some(side) = sides.get_mut(&(receipt.match_id, receipt.user_id)) else { return Receipt::NotFound };
        let before = (side.row.delivered_seq, side.row.read_seq);
        side.row.delivered_seq = side.row.delivered_seq.max(receipt.seq);
        if receipt.read {
            side.row.read_seq = side.row.read_seq.max(receipt.seq);
        }
        if before == (side.row.delivered_seq, side.row.read_seq) {
            return Receipt::Known;
        }
        side.receipt_from.get_or_insert(before.0);
        Receipt::Recorded { peer_id }
    });
    outcomes.collect()
}
