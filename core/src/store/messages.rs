//! Messages: appended and acknowledged in batches.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::{
    backend::write_tx,
    domain::{MessageKind, Mode},
    id::{LogId, MatchId, MessageId, UserId},
    time::Timestamp,
};

/// How much of what one side of a match has sent is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatRules {
    /// Messages that the peer has not acknowledged; with so many nothing more is taken. At least 1.
    pub undelivered: i64,
    /// Bytes of such messages; with so many nothing more is taken, so the last message may go over
    /// it. At least 1.
    pub undelivered_bytes: i64,
    /// Messages that the peer has acknowledged; older ones are deleted. At least 1.
    pub history: i64,
}

impl Default for ChatRules {
    /// Those of the settings.
    fn default() -> Self {
        Self {
            undelivered: 1_000,
            undelivered_bytes: 4 * 1024 * 1024,
            history: 2_000,
        }
    }
}

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
    /// Too much of what the sender said before waits for the peer: see [`ChatRules`].
    Full,
    /// Somebody else writes in the match at this moment. Nothing was done; try again.
    Busy,
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
    /// Somebody else writes in the match at this moment. Nothing was done; try again.
    Busy,
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
    undelivered_bytes: i64,
    open: bool,
    expired_at: Timestamp,
    mode: Mode,
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
    changed: bool,
    /// `delivered_seq` before the batch.
    delivered_before: i64,
}

type SideKey = (MatchId, UserId);
type Sides = HashMap<SideKey, Side>;
/// Messages that have arrived: match, sender, after which `seq`, up to which.
type Arrived = (MatchId, UserId, i64, i64);

/// By the index of `seq`, from its beginning: older ones have gone before.
const OUTLIVED: &str = "DELETE FROM messages WHERE match_id = $1 AND sender_id = $2 AND seq <= $3";

/// Writes, in the open transaction `$tx`, what the receipts that `$sides` took say of messages:
/// they are delivered, no longer wait, and make room.
macro_rules! receive_in {
    ($tx:expr, $sides:expr, $rules:expr, $now:expr) => {{
        let arrived: Vec<Arrived> = $sides.values().filter_map(Side::arrived).collect();
        // Nothing has to be read where nothing is left.
        let counted: Vec<&Arrived> = arrived
            .iter()
            .filter(|(match_id, sender, _, to)| $sides.get(&(*match_id, *sender)).is_some_and(|side| *to < side.row.last_seq))
            .collect();
        let mut bytes: HashMap<SideKey, i64> = HashMap::new();
        if !counted.is_empty() {
            let mut query = QueryBuilder::new("SELECT m.match_id, m.sender_id, CAST(SUM(LENGTH(m.content)) AS BIGINT) FROM (");
            query.push_values(counted, |mut row, (match_id, sender, from, to)| {
                row.push_bind(*match_id).push_bind(*sender).push_bind(*from).push_bind(*to);
            });
            query.push(
                ") AS v JOIN messages m ON m.match_id = v.column1 AND m.sender_id = v.column2 AND m.seq > v.column3 AND m.seq <= v.column4 \
                 GROUP BY m.match_id, m.sender_id",
            );
            let rows: Vec<(MatchId, UserId, i64)> = query.build_query_as().fetch_all(&mut *$tx).await?;
            bytes.extend(rows.into_iter().map(|(match_id, sender, bytes)| ((match_id, sender), bytes)));
        }
        make_room(&mut $sides, &arrived, &bytes);
        if !arrived.is_empty() {
            let mut query = QueryBuilder::new("UPDATE message_logs SET delivered = TRUE, delivered_at = ");
            query.push_bind($now).push(" FROM (");
            query.push_values(&arrived, |mut row, (match_id, sender, from, to)| {
                row.push_bind(*match_id).push_bind(*sender).push_bind(*from).push_bind(*to);
            });
            query.push(
                ") AS v WHERE message_logs.match_id = v.column1 AND message_logs.sender_id = v.column2 \
                 AND message_logs.seq > v.column3 AND message_logs.seq <= v.column4",
            );
            query.build().execute(&mut *$tx).await?;
        }
        for (match_id, sender, _, to) in arrived.iter().filter(|(_, _, _, to)| *to > $rules.history) {
            sqlx::query(OUTLIVED).bind(*match_id).bind(*sender).bind(to - $rules.history).execute(&mut *$tx).await?;
        }
    }};
}

impl Store {
    /// Appends messages and records receipts in one transaction; outcomes stand in the order of the
    /// input. Receipts count first: they make room.
    ///
    /// Every accepted message has the next `seq` of its sender in its match, a `message_logs` row,
    /// and is durable when this returns. Batches of several nodes may run at once: both sides of a
    /// match are locked while its messages get their numbers. A match that another holds is not
    /// waited for: all that concerns it is [`Append::Busy`] or [`Receipt::Busy`], and the rest is
    /// written.
    pub async fn write_chat(
        &self,
        messages: &[NewMessage],
        receipts: &[NewReceipt],
        rules: &ChatRules,
        now: Timestamp,
    ) -> Result<(Vec<Append>, Vec<Receipt>), StoreError> {
        let matches: BTreeSet<MatchId> = messages
            .iter()
            .map(|m| m.match_id)
            .chain(receipts.iter().map(|r| r.match_id))
            .collect();
        if matches.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let outcome = write_tx!(self, |tx| {
            let mut query = QueryBuilder::new(
                "SELECT s.match_id, s.user_id, s.peer_id, s.last_seq, s.delivered_seq, s.read_seq, s.first_content_at, \
                 s.last_message_id, s.undelivered_bytes, s.open, \
                 (SELECT m.expired_at FROM matches m WHERE m.id = s.match_id) AS expired_at, \
                 (SELECT m.type FROM matches m WHERE m.id = s.match_id) AS mode FROM match_sides s WHERE s.match_id IN (",
            );
            let mut list = query.separated(", ");
            for id in &matches {
                list.push_bind(*id);
            }
            query
                .push(") ORDER BY s.match_id, s.user_id")
                .push(self.db.for_update_skip_locked());
            let rows: Vec<SideRow> = query.build_query_as().fetch_all(&mut *tx).await?;
            let mut sides: Sides = rows
                .into_iter()
                .map(|row| {
                    (
                        (row.match_id, row.user_id),
                        Side {
                            delivered_before: row.delivered_seq,
                            row,
                            changed: false,
                        },
                    )
                })
                .collect();

            // Both sides or none. What was left out is there and held by somebody, or it is not
            // there.
            let whole: HashSet<MatchId> = sides
                .values()
                .filter(|side| sides.contains_key(&side.peer()))
                .map(|side| side.row.match_id)
                .collect();
            let busy: HashSet<MatchId> = if whole.len() == matches.len() {
                HashSet::new()
            } else {
                let mut query = QueryBuilder::new(
                    "SELECT DISTINCT match_id FROM match_sides WHERE match_id IN (",
                );
                let mut list = query.separated(", ");
                for id in matches.iter().filter(|id| !whole.contains(*id)) {
                    list.push_bind(*id);
                }
                query.push(")");
                query
                    .build_query_scalar()
                    .fetch_all(&mut *tx)
                    .await?
                    .into_iter()
                    .collect()
            };
            sides.retain(|(match_id, _), _| !busy.contains(match_id));

            let receipts = record(receipts, &busy, &mut sides, now);
            receive_in!(tx, sides, rules, now);

            let known: Vec<KnownRow> = if messages.is_empty() {
                Vec::new()
            } else {
                // A join, not `IN (VALUES …)`: that scans the whole table on SQLite.
                let mut query = QueryBuilder::new(
                    "SELECT m.id, m.match_id, m.sender_id, m.client_id, m.seq, m.created_at FROM (",
                );
                query.push_values(messages, |mut row, m| {
                    row.push_bind(m.match_id)
                        .push_bind(m.sender_id)
                        .push_bind(m.client_id.as_bytes().as_slice());
                });
                query.push(") AS v JOIN messages m ON m.match_id = v.column1 AND m.sender_id = v.column2 AND m.client_id = v.column3");
                query.build_query_as().fetch_all(&mut *tx).await?
            };
            let (appends, fresh) = self.number(messages, known, &busy, &mut sides, rules, now);

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
                        // There is a side: it has a number of it.
                        .push_bind(
                            sides
                                .get(&(m.match_id, m.sender_id))
                                .map_or(Mode::Text, |side| side.row.mode),
                        );
                });
                query.build().execute(&mut *tx).await?;
            }

            let changed: Vec<&Side> = sides.values().filter(|side| side.changed).collect();
            if !changed.is_empty() {
                let mut query = QueryBuilder::new(
                    "UPDATE match_sides SET last_seq = v.column3, delivered_seq = v.column4, read_seq = v.column5, first_content_at = v.column6, \
                     last_message_id = v.column7, undelivered_bytes = v.column8, \
                     peer_key_package = CASE WHEN v.column3 = 0 THEN peer_key_package END, \
                     pushed_at = CASE WHEN v.column4 = delivered_seq THEN pushed_at END FROM (",
                );
                query.push_values(&changed, |mut row, side| {
                    row.push_bind(side.row.match_id)
                        .push_bind(side.row.user_id)
                        .push_bind(side.row.last_seq)
                        .push_bind(side.row.delivered_seq)
                        .push_bind(side.row.read_seq)
                        .push_bind(side.row.first_content_at)
                        .push_bind(side.row.last_message_id)
                        .push_bind(side.row.undelivered_bytes);
                });
                query.push(") AS v WHERE match_sides.match_id = v.column1 AND match_sides.user_id = v.column2");
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
        busy: &HashSet<MatchId>,
        sides: &mut Sides,
        rules: &ChatRules,
        now: Timestamp,
    ) -> (Vec<Append>, Vec<(&'a NewMessage, Appended)>) {
        let mut seen: HashMap<(MatchId, UserId, Uuid), Appended> = HashMap::new();
        for row in known {
            let (Ok(client_id), Some(side)) = (
                Uuid::from_slice(&row.client_id),
                sides.get(&(row.match_id, row.sender_id)),
            ) else {
                continue;
            };
            let receiver_id = side.row.peer_id;
            let delivered = sides
                .get(&(row.match_id, receiver_id))
                .is_some_and(|peer| peer.row.delivered_seq >= row.seq);
            let appended = Appended {
                message_id: row.id,
                seq: row.seq,
                sent_at: row.created_at,
                receiver_id,
                repeated: true,
                delivered,
            };
            seen.insert((row.match_id, row.sender_id, client_id), appended);
        }
        let mut fresh = Vec::with_capacity(messages.len());
        let outcomes = messages.iter().map(|message| {
            if busy.contains(&message.match_id) {
                return Append::Busy;
            }
            let Some(side) = sides.get(&(message.match_id, message.sender_id)) else {
                return Append::NotFound;
            };
            if !side.is_open(now) {
                return Append::Ended;
            }
            let peer = sides.get(&(message.match_id, side.row.peer_id));
            let (peers, delivered) = peer.map_or((MessageId(0), 0), |peer| {
                (peer.row.last_message_id, peer.row.delivered_seq)
            });
            let key = (message.match_id, message.sender_id, message.client_id);
            if let Some(first) = seen.get(&key) {
                return Append::Accepted(first.clone());
            }
            // Whatever the size of this one: else a small message would overtake a large one.
            if side.row.last_seq - delivered >= rules.undelivered
                || side.row.undelivered_bytes >= rules.undelivered_bytes
            {
                return Append::Full;
            }
            let Some(side) = sides.get_mut(&(message.match_id, message.sender_id)) else {
                return Append::NotFound;
            };
            // Both sides are locked: what another node wrote in this match is committed, and
            // smaller.
            let message_id: MessageId = self.ids.next_after(side.row.last_message_id.max(peers).0);
            side.row.last_message_id = message_id;
            side.row.last_seq += 1;
            side.row.undelivered_bytes +=
                i64::try_from(message.ciphertext.len()).unwrap_or(i64::MAX);
            side.changed = true;
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
            seen.insert(
                key,
                Appended {
                    repeated: true,
                    ..appended.clone()
                },
            );
            fresh.push((message, appended.clone()));
            Append::Accepted(appended)
        });
        (outcomes.collect(), fresh)
    }
}

impl Side {
    fn is_open(&self, now: Timestamp) -> bool {
        self.row.open && now < self.row.expired_at
    }

    fn peer(&self) -> SideKey {
        (self.row.match_id, self.row.peer_id)
    }

    /// What this side acknowledges with the batch.
    fn arrived(&self) -> Option<Arrived> {
        let (from, to) = (self.delivered_before, self.row.delivered_seq);
        (from < to).then_some((self.row.match_id, self.row.peer_id, from, to))
    }
}

/// Takes what has arrived off what waits: all of it where nothing is left, else these `bytes` of
/// each sender.
fn make_room(sides: &mut Sides, arrived: &[Arrived], bytes: &HashMap<SideKey, i64>) {
    for (match_id, sender, _, to) in arrived {
        let Some(side) = sides.get_mut(&(*match_id, *sender)) else {
            continue;
        };
        let bytes = bytes.get(&(*match_id, *sender)).copied().unwrap_or(0);
        side.row.undelivered_bytes = if *to < side.row.last_seq {
            (side.row.undelivered_bytes - bytes).max(0)
        } else {
            0
        };
        side.changed = true;
    }
}

/// Applies receipts to the sides in memory.
fn record(
    receipts: &[NewReceipt],
    busy: &HashSet<MatchId>,
    sides: &mut Sides,
    now: Timestamp,
) -> Vec<Receipt> {
    let outcomes = receipts.iter().map(|receipt| {
        if busy.contains(&receipt.match_id) {
            return Receipt::Busy;
        }
        let Some(side) = sides.get(&(receipt.match_id, receipt.user_id)) else {
            return Receipt::NotFound;
        };
        if !side.is_open(now) {
            return Receipt::Ended;
        }
        let peer_id = side.row.peer_id;
        if sides
            .get(&(receipt.match_id, peer_id))
            .is_none_or(|peer| receipt.seq > peer.row.last_seq)
        {
            return Receipt::Beyond;
        }
        let Some(side) = sides.get_mut(&(receipt.match_id, receipt.user_id)) else {
            return Receipt::NotFound;
        };
        let before = (side.row.delivered_seq, side.row.read_seq);
        side.row.delivered_seq = side.row.delivered_seq.max(receipt.seq);
        if receipt.read {
            side.row.read_seq = side.row.read_seq.max(receipt.seq);
        }
        if before == (side.row.delivered_seq, side.row.read_seq) {
            return Receipt::Known;
        }
        side.changed = true;
        Receipt::Recorded { peer_id }
    });
    outcomes.collect()
}
