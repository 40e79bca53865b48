//! The sides of the matches that a batch is about, while it is applied to them in memory.

use std::collections::{HashMap, HashSet, hash_map::Values};

use sqlx::FromRow;
use uuid::Uuid;

use super::{Append, Appended, ChatRules, NewMessage, NewReceipt, Receipt, rows::KnownRow};
use crate::db::Tx;
use tebdil_protocol::{
    domain::{MessageKind, Mode},
    id::{MatchId, MessageId, UserId},
    time::Timestamp,
};

#[derive(FromRow)]
pub(super) struct SideRow {
    pub(super) match_id: MatchId,
    pub(super) user_id: UserId,
    pub(super) peer_id: UserId,
    pub(super) last_seq: i64,
    pub(super) delivered_seq: i64,
    pub(super) read_seq: i64,
    pub(super) first_content_at: Option<Timestamp>,
    pub(super) last_message_id: MessageId,
    pub(super) undelivered_bytes: i64,
    pub(super) open: bool,
    pub(super) expired_at: Timestamp,
    pub(super) mode: Mode,
}

/// A side's state while a batch is applied to it.
pub(super) struct Side {
    pub(super) row: SideRow,
    pub(super) changed: bool,
    /// `delivered_seq` before the batch.
    delivered_before: i64,
}

pub(super) type SideKey = (MatchId, UserId);

/// Messages that have arrived: match, sender, after which `seq`, up to which.
pub(super) type Arrived = (MatchId, UserId, i64, i64);

/// Both sides of each match that nobody else holds.
pub(super) struct Sides {
    sides: HashMap<SideKey, Side>,
    /// Matches that somebody else holds.
    busy: HashSet<MatchId>,
}

impl Side {
    pub(super) fn new(row: SideRow) -> Self {
        Self {
            delivered_before: row.delivered_seq,
            row,
            changed: false,
        }
    }

    fn is_open(&self, now: Timestamp) -> bool {
        self.row.open && now < self.row.expired_at
    }

    pub(super) fn peer(&self) -> SideKey {
        (self.row.match_id, self.row.peer_id)
    }

    /// What this side acknowledges with the batch.
    fn arrived(&self) -> Option<Arrived> {
        let (from, to) = (self.delivered_before, self.row.delivered_seq);
        (from < to).then_some((self.row.match_id, self.row.peer_id, from, to))
    }
}

impl Sides {
    pub(super) fn new(mut sides: HashMap<SideKey, Side>, busy: HashSet<MatchId>) -> Self {
        sides.retain(|(match_id, _), _| !busy.contains(match_id));
        Self { sides, busy }
    }

    pub(super) fn get(&self, key: SideKey) -> Option<&Side> {
        self.sides.get(&key)
    }

    pub(super) fn iter(&self) -> Values<'_, SideKey, Side> {
        self.sides.values()
    }

    /// What the receipts say that has arrived.
    pub(super) fn arrived(&self) -> Vec<Arrived> {
        self.sides.values().filter_map(Side::arrived).collect()
    }

    /// Applies receipts.
    pub(super) fn record(&mut self, receipts: &[NewReceipt], now: Timestamp) -> Vec<Receipt> {
        receipts
            .iter()
            .map(|receipt| self.record_one(receipt, now))
            .collect()
    }

    fn record_one(&mut self, receipt: &NewReceipt, now: Timestamp) -> Receipt {
        if self.busy.contains(&receipt.match_id) {
            return Receipt::Busy;
        }
        let key = (receipt.match_id, receipt.user_id);
        let Some(side) = self.sides.get(&key) else {
            return Receipt::NotFound;
        };
        if !side.is_open(now) {
            return Receipt::Ended;
        }
        let peer_id = side.row.peer_id;
        let peer = self.sides.get(&side.peer());
        if peer.is_none_or(|peer| receipt.seq > peer.row.last_seq) {
            return Receipt::Beyond;
        }
        let Some(side) = self.sides.get_mut(&key) else {
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
    }

    /// Takes what has arrived off what waits: all of it where nothing is left, else these `bytes`
    /// of each sender.
    pub(super) fn make_room(&mut self, arrived: &[Arrived], bytes: &HashMap<SideKey, i64>) {
        for (match_id, sender, _, to) in arrived {
            let key = (*match_id, *sender);
            let Some(side) = self.sides.get_mut(&key) else {
                continue;
            };
            let bytes = bytes.get(&key).copied().unwrap_or(0);
            side.row.undelivered_bytes = if *to < side.row.last_seq {
                (side.row.undelivered_bytes - bytes).max(0)
            } else {
                0
            };
            side.changed = true;
        }
    }

    /// Gives every new message its id and number; repeats get those of the first time.
    pub(super) fn number<'a>(
        &mut self,
        tx: &Tx,
        messages: &'a [NewMessage],
        known: Vec<KnownRow>,
        rules: &ChatRules,
        now: Timestamp,
    ) -> (Vec<Append>, Vec<(&'a NewMessage, Appended)>) {
        let mut seen = self.seen(known);
        let mut fresh = Vec::with_capacity(messages.len());
        let outcomes = messages.iter().map(|message| {
            if self.busy.contains(&message.match_id) {
                return Append::Busy;
            }
            let key = (message.match_id, message.sender_id);
            let Some(side) = self.sides.get(&key) else {
                return Append::NotFound;
            };
            if !side.is_open(now) {
                return Append::Ended;
            }
            let said = (message.match_id, message.sender_id, message.client_id);
            if let Some(first) = seen.get(&said) {
                return Append::Accepted(first.clone());
            }
            let Some(appended) = self.append(tx, key, message, rules, now) else {
                return Append::Full;
            };
            let repeated = Appended {
                repeated: true,
                ..appended.clone()
            };
            seen.insert(said, repeated);
            fresh.push((message, appended.clone()));
            Append::Accepted(appended)
        });
        (outcomes.collect(), fresh)
    }

    /// What was appended before.
    fn seen(&self, known: Vec<KnownRow>) -> HashMap<(MatchId, UserId, Uuid), Appended> {
        let mut seen = HashMap::new();
        for row in known {
            let side = self.sides.get(&(row.match_id, row.sender_id));
            let (Ok(client_id), Some(side)) = (Uuid::from_slice(&row.client_id), side) else {
                continue;
            };
            let delivered = self
                .sides
                .get(&side.peer())
                .is_some_and(|peer| peer.row.delivered_seq >= row.seq);
            let appended = Appended {
                message_id: row.id,
                seq: row.seq,
                sent_at: row.created_at,
                receiver_id: side.row.peer_id,
                repeated: true,
                delivered,
            };
            seen.insert((row.match_id, row.sender_id, client_id), appended);
        }
        seen
    }

    /// The next message of a side; `None` when too much waits.
    fn append(
        &mut self,
        tx: &Tx,
        key: SideKey,
        message: &NewMessage,
        rules: &ChatRules,
        now: Timestamp,
    ) -> Option<Appended> {
        let side = self.sides.get(&key)?;
        let peer = self.sides.get(&side.peer());
        let (peers, delivered) = peer.map_or((MessageId(0), 0), |peer| {
            (peer.row.last_message_id, peer.row.delivered_seq)
        });
        let side = self.sides.get_mut(&key)?;
        // Whatever the size of this one: else a small message would overtake a large one.
        if side.row.last_seq - delivered >= rules.undelivered
            || side.row.undelivered_bytes >= rules.undelivered_bytes
        {
            return None;
        }
        // Both sides are locked: what another node wrote in this match is committed, and smaller.
        let message_id: MessageId = tx.id_after(side.row.last_message_id.max(peers).0);
        side.row.last_message_id = message_id;
        side.row.last_seq += 1;
        side.row.undelivered_bytes += i64::try_from(message.ciphertext.len()).unwrap_or(i64::MAX);
        side.changed = true;
        if message.kind == MessageKind::Content {
            side.row.first_content_at.get_or_insert(now);
        }
        Some(Appended {
            message_id,
            seq: side.row.last_seq,
            sent_at: now,
            receiver_id: side.row.peer_id,
            repeated: false,
            delivered: false,
        })
    }
}
