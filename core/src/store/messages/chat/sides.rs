//! The sides of a batch's matches, while it is applied to them in memory.

use std::collections::{BTreeSet, HashMap, HashSet, hash_map::Values};

use sqlx_macros::FromRow;

use super::{Append, ChatRules, MatchDevice, NewMessage, NewReceipt, Receipt};
use tebdil_protocol::{
    domain::Mode,
    id::{MatchId, SessionId, UserId},
    time::Timestamp,
};

/// The locked columns of a side.
#[derive(Debug, FromRow)]
pub(super) struct SideRow {
    pub(super) match_id: MatchId,
    pub(super) user_id: UserId,
    pub(super) peer_id: UserId,
    pub(super) session_id: SessionId,
    pub(super) read_seq: i64,
    /// Its user was woken.
    pub(super) pushed: bool,
    /// It has the peer's key package.
    pub(super) packaged: bool,
    pub(super) open: bool,
    pub(super) expired_at: Timestamp,
    pub(super) mode: Mode,
}

/// A side's state while a batch is applied to it, and between batches where nobody else writes.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) row: SideRow,
    /// Of the [senders](Sides::senders) of the batch.
    sent: Option<Sent>,
    pub(super) changed: bool,
}

/// How far a side's messages have come.
#[derive(Debug, FromRow)]
pub(super) struct Sent {
    match_id: MatchId,
    user_id: UserId,
    /// Highest `seq` that it has sent, and that the peer has acknowledged.
    last_seq: i64,
    delivered_seq: i64,
    /// The same before the batch.
    #[sqlx(rename = "delivered_seq")]
    delivered_before: i64,
    /// Running totals of the bytes it has sent: before the waiting messages, and in all.
    bytes_before: i64,
    total_bytes: i64,
}

impl Sent {
    fn waiting_bytes(&self) -> i64 {
        self.total_bytes - self.bytes_before
    }
}

pub(super) type SideKey = (MatchId, UserId);

/// Messages of a side that have arrived: those after `from` and up to `to`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) key: SideKey,
    pub(super) receiver: UserId,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) at: Timestamp,
}

impl Arrival {
    /// This and what arrived later of the same side.
    pub(super) fn join(self, later: Self) -> Self {
        Self {
            from: self.from.min(later.from),
            to: self.to.max(later.to),
            ..later
        }
    }
}

/// Those of several sides.
pub(super) type Arrivals = HashMap<SideKey, Arrival>;

/// A message that is gone: match, sender, its running total of bytes.
pub(super) type Gone = (MatchId, UserId, i64);

/// A new message, and what is stored with it.
pub(super) struct Fresh<'a> {
    pub(super) message: &'a NewMessage,
    pub(super) receiver_id: UserId,
    pub(super) sent_at: Timestamp,
    pub(super) total_bytes: i64,
    pub(super) mode: Mode,
}

/// Both sides of each match that nobody else has locked.
#[derive(Default)]
pub(super) struct Sides {
    sides: HashMap<SideKey, Side>,
    /// Matches that somebody else has locked.
    busy: HashSet<MatchId>,
}

impl Side {
    fn is_open(&self, now: Timestamp) -> bool {
        self.row.open && now < self.row.expired_at
    }

    fn peer(&self) -> SideKey {
        (self.row.match_id, self.row.peer_id)
    }

    fn device(&self) -> MatchDevice {
        (self.row.user_id, self.row.session_id)
    }

    /// The running total up to the last message that has arrived, which no longer waits.
    pub(super) fn make_room(&mut self, total_bytes: i64) {
        if let Some(sent) = &mut self.sent {
            sent.bytes_before = sent.bytes_before.max(total_bytes);
        }
    }

    pub(super) fn key(&self) -> SideKey {
        (self.row.match_id, self.row.user_id)
    }

    /// What the peer acknowledges with the batch.
    fn arrived(&self, at: Timestamp) -> Option<Arrival> {
        let sent = self.sent.as_ref()?;
        let (from, to) = (sent.delivered_before, sent.delivered_seq);
        (from < to).then_some(Arrival {
            key: self.key(),
            receiver: self.row.peer_id,
            from,
            to,
            at,
        })
    }
}

impl Sides {
    /// Adds those of `rows`; `busy` are locked by somebody else.
    pub(super) fn read(&mut self, rows: Vec<SideRow>, busy: Vec<MatchId>) {
        for row in rows {
            let (sent, changed) = (None, false);
            self.add(Side { row, sent, changed });
        }
        self.busy.extend(busy);
    }

    pub(super) fn add(&mut self, side: Side) {
        self.sides.insert(side.key(), side);
    }

    /// Both sides of each match, as a commit has left them, without those that are over.
    pub(super) fn into_pairs(self) -> HashMap<MatchId, [Side; 2]> {
        let mut first: HashMap<MatchId, Side> = HashMap::new();
        let mut pairs = HashMap::new();
        for mut side in self.sides.into_values() {
            let match_id = side.row.match_id;
            side.changed = false;
            match &mut side.sent {
                Some(sent) if side.row.open => sent.delivered_before = sent.delivered_seq,
                _ => continue,
            }
            match first.remove(&match_id) {
                Some(other) => drop(pairs.insert(match_id, [other, side])),
                None => drop(first.insert(match_id, side)),
            }
        }
        pairs
    }

    /// All sides.
    pub(super) fn keys(&self) -> BTreeSet<SideKey> {
        self.sides.keys().copied().collect()
    }

    /// The sides that send something, or whose messages arrived.
    pub(super) fn senders(
        &self,
        messages: &[NewMessage],
        receipts: &[NewReceipt],
    ) -> BTreeSet<SideKey> {
        let of_messages = messages
            .iter()
            .map(|message| (message.match_id, message.sender_id))
            .filter(|key| self.sides.contains_key(key));
        let of_receipts = receipts.iter().filter_map(|receipt| {
            let reader = self.sides.get(&(receipt.match_id, receipt.user_id))?;
            Some(reader.peer())
        });
        of_messages.chain(of_receipts).collect()
    }

    /// Notes how far the senders have come.
    ///
    /// `arrived` is still in the database, and counts as gone.
    pub(super) fn note_sent<'k>(
        &mut self,
        senders: Vec<Sent>,
        arrived: impl Fn(SideKey) -> Option<&'k Arrival>,
    ) {
        for mut sent in senders {
            let key = (sent.match_id, sent.user_id);
            if let Some(arrival) = arrived(key) {
                sent.delivered_seq = sent.delivered_seq.max(arrival.to);
                sent.delivered_before = sent.delivered_seq;
            }
            if let Some(side) = self.sides.get_mut(&key) {
                side.sent = Some(sent);
            }
        }
    }

    pub(super) fn iter(&self) -> Values<'_, SideKey, Side> {
        self.sides.values()
    }

    /// Whether a side is to be written for something else than its messages.
    pub(super) fn is_changed(&self) -> bool {
        self.sides.values().any(|side| side.changed)
    }

    /// What has arrived, by the receipts.
    pub(super) fn arrived(&self, at: Timestamp) -> impl Iterator<Item = Arrival> {
        self.sides.values().filter_map(move |side| side.arrived(at))
    }

    /// What has arrived of this side, by the receipts.
    pub(super) fn arrival(&self, key: SideKey, at: Timestamp) -> Option<Arrival> {
        self.sides.get(&key)?.arrived(at)
    }

    /// The sides for which these messages might not find room until what has arrived is taken out.
    pub(super) fn crowded(&self, messages: &[NewMessage], rules: &ChatRules) -> Vec<SideKey> {
        let bytes = messages.iter().map(|message| message.ciphertext.len());
        let bytes = i64::try_from(bytes.sum::<usize>()).unwrap_or(i64::MAX);
        let crowded = self.sides.values().filter(|side| {
            let sent = side.sent.as_ref();
            sent.is_some_and(|sent| sent.waiting_bytes() + bytes >= rules.undelivered_bytes)
        });
        crowded.map(Side::key).collect()
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
        let Some(side) = self.sides.get_mut(&key) else {
            return Receipt::NotFound;
        };
        if !side.is_open(now) {
            return Receipt::Ended;
        }
        if side.row.session_id != receipt.session_id {
            return Receipt::WrongDevice;
        }
        let (sender_key, read_before) = (side.peer(), side.row.read_seq);
        let Some(sender) = self.sides.get_mut(&sender_key) else {
            return Receipt::NotFound;
        };
        let told = sender.device();
        let Some(sent) = &mut sender.sent else {
            return Receipt::Busy;
        };
        if receipt.seq > sent.last_seq {
            return Receipt::Beyond;
        }
        let arrives = receipt.seq > sent.delivered_seq;
        sent.delivered_seq = sent.delivered_seq.max(receipt.seq);
        let reads = receipt.read && receipt.seq > read_before;
        if !arrives && !reads {
            return Receipt::Known;
        }
        if let Some(side) = self.sides.get_mut(&key) {
            if reads {
                side.row.read_seq = receipt.seq;
            }
            // A user who acknowledges is back, and may be woken again.
            side.changed |= reads || (arrives && side.row.pushed);
            side.row.pushed &= !arrives;
        }
        Receipt::Recorded { sender: told }
    }

    /// Notes what no longer waits.
    pub(super) fn make_room(&mut self, gone: &[Gone]) {
        for &(match_id, sender, total_bytes) in gone {
            if let Some(side) = self.sides.get_mut(&(match_id, sender)) {
                side.make_room(total_bytes);
            }
        }
    }

    /// Accepts the messages that are the next of their sender.
    pub(super) fn append<'a>(
        &mut self,
        messages: &'a [NewMessage],
        rules: &ChatRules,
        now: Timestamp,
    ) -> (Vec<Append>, Vec<Fresh<'a>>) {
        let mut fresh = Vec::with_capacity(messages.len());
        let outcomes = messages
            .iter()
            .map(|message| self.append_one(message, rules, now, &mut fresh));
        (outcomes.collect(), fresh)
    }

    fn append_one<'a>(
        &mut self,
        message: &'a NewMessage,
        rules: &ChatRules,
        now: Timestamp,
        fresh: &mut Vec<Fresh<'a>>,
    ) -> Append {
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
        if side.row.session_id != message.session_id {
            return Append::WrongDevice;
        }
        let Some(receiver) = self.sides.get(&side.peer()).map(Side::device) else {
            return Append::NotFound;
        };
        let Some(side) = self.sides.get_mut(&key) else {
            return Append::NotFound;
        };
        let Some(sent) = &mut side.sent else {
            return Append::Busy;
        };
        let expected = sent.last_seq + 1;
        if message.seq < expected {
            return Append::Repeated { receiver };
        }
        if message.seq > expected {
            return Append::OutOfOrder { expected };
        }
        // Whatever the size of this one, or a small message would overtake a large one.
        if sent.last_seq - sent.delivered_seq >= rules.undelivered
            || sent.waiting_bytes() >= rules.undelivered_bytes
        {
            return Append::Full;
        }
        sent.last_seq = expected;
        sent.total_bytes += i64::try_from(message.ciphertext.len()).unwrap_or(i64::MAX);
        let total_bytes = sent.total_bytes;
        // A sender has been told of the match.
        side.changed |= side.row.packaged;
        side.row.packaged = false;
        fresh.push(Fresh {
            message,
            receiver_id: receiver.0,
            sent_at: now,
            total_bytes,
            mode: side.row.mode,
        });
        Append::Accepted {
            sent_at: now,
            receiver,
        }
    }
}
