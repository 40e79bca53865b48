//! What the last batches left open matches at, where nobody else writes: on SQLite.
//!
//! A batch reads nothing of the matches it knows, and what has arrived is taken out of the database
//! a second later, for all messages of that second at once (ADR 46). Nothing is lost with the
//! process: what was not taken out waits still, and the device says again how far it has come.

use std::{
    collections::{BTreeSet, HashMap, VecDeque, hash_map::Entry},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tebdil_protocol::{id::MatchId, time::Timestamp};

use crate::{db::Tx, store::StoreError};

use super::{
    NewReceipt, Receipt, matches_of,
    sides::{Arrival, Arrivals, Gone, Side, SideKey, Sides},
};

/// How long what has arrived stays in the database.
const SETTLE_AFTER: Duration = Duration::from_secs(1);

/// Sides that are settled in one transaction.
const SETTLED_AT_ONCE: usize = 256;

/// Matches that are known at most, some 400 bytes each. One more, and all are read again.
const CAPACITY: usize = 100_000;

/// What is known of open matches, shared by all who write.
#[derive(Debug, Default)]
pub(crate) struct KnownSides {
    /// Held while a batch is written, so that batches follow each other.
    batches: tokio::sync::Mutex<Known>,
    /// Matches whose sides somebody else has changed since the last batch.
    changed: Mutex<Vec<MatchId>>,
    any_changed: AtomicBool,
}

impl KnownSides {
    /// The sides of this match are about to be changed by another transaction. Called before its
    /// commit: the next batch begins after it.
    pub(crate) fn change(&self, match_id: MatchId) {
        self.changed.lock().push(match_id);
        self.any_changed.store(true, Ordering::Release);
    }

    /// For one batch.
    pub(super) async fn lock(&self) -> tokio::sync::MutexGuard<'_, Known> {
        self.batches.lock().await
    }

    fn take_changed(&self) -> Vec<MatchId> {
        if self.any_changed.swap(false, Ordering::Acquire) {
            std::mem::take(&mut self.changed.lock())
        } else {
            Vec::new()
        }
    }
}

/// What the writer of batches knows.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The number of [`Tx::foreign_writes`] that it is true for.
    version: i64,
    pairs: HashMap<MatchId, [Side; 2]>,
    /// What has arrived and is still in the database.
    arrivals: HashMap<SideKey, Arrival>,
    /// Since when, oldest first. Some were settled meanwhile.
    order: VecDeque<(Instant, SideKey)>,
}

impl Known {
    /// Forgets what others have changed: all, if it was another process.
    pub(super) async fn refresh(&mut self, of: &KnownSides, tx: &mut Tx) -> Result<(), StoreError> {
        let version = tx.foreign_writes().await?;
        self.forget_changed(of);
        if self.version != version {
            self.pairs.clear();
            self.version = version;
        }
        Ok(())
    }

    fn forget_changed(&mut self, of: &KnownSides) {
        for match_id in of.take_changed() {
            self.pairs.remove(&match_id);
        }
    }

    /// Records receipts that write nothing but what is settled later; `None` where that is not all
    /// there is to do, and then nothing was recorded.
    pub(super) fn record(
        &mut self,
        of: &KnownSides,
        receipts: &[NewReceipt],
        now: Timestamp,
    ) -> Option<Vec<Receipt>> {
        self.forget_changed(of);
        let mut sides = Sides::default();
        let unknown = self.lend(matches_of(&[], receipts), &mut sides);
        // Lost with the sides, and then read again, if it is not enough.
        let recorded = unknown.is_empty().then(|| sides.record(receipts, now))?;
        let told = |one: &Receipt| matches!(one, Receipt::Recorded { .. } | Receipt::Known);
        let enough = recorded.iter().all(told) && !sides.is_changed();
        enough.then(|| self.keep(sides, &Arrivals::new(), now))?;
        Some(recorded)
    }

    /// Gives the sides of these matches away until [`Self::keep`]; what is lost between the two is
    /// read again. Those that are not known are returned.
    pub(super) fn lend(&mut self, matches: BTreeSet<MatchId>, to: &mut Sides) -> BTreeSet<MatchId> {
        let mut lent = |match_id: &MatchId| match self.pairs.remove(match_id) {
            Some(pair) => {
                for side in pair {
                    to.add(side);
                }
                true
            }
            None => false,
        };
        let mut unknown = matches;
        unknown.retain(|match_id| !lent(match_id));
        unknown
    }

    /// Takes the sides back, as a commit has left them. What has arrived by it, and was not
    /// `settled` with it, is settled later.
    pub(super) fn keep(&mut self, sides: Sides, settled: &Arrivals, now: Timestamp) {
        for arrival in sides.arrived(now) {
            if !settled.contains_key(&arrival.key) {
                self.note(arrival);
            }
        }
        if self.pairs.len() >= CAPACITY {
            self.pairs.clear();
        }
        self.pairs.extend(sides.into_pairs());
    }

    fn note(&mut self, arrival: Arrival) {
        match self.arrivals.entry(arrival.key) {
            Entry::Occupied(mut before) => {
                let joined = before.get().join(arrival);
                before.insert(joined);
            }
            Entry::Vacant(free) => {
                free.insert(arrival);
                self.order.push_back((Instant::now(), arrival.key));
            }
        }
    }

    /// What has arrived of this side and is still in the database.
    pub(super) fn arrival(&self, key: SideKey) -> Option<&Arrival> {
        self.arrivals.get(&key)
    }

    /// What is to be settled by now, the oldest where it is much.
    pub(super) fn due(&self) -> Arrivals {
        self.order
            .iter()
            .take_while(|(since, _)| since.elapsed() >= SETTLE_AFTER)
            .filter_map(|(_, key)| Some((*key, *self.arrivals.get(key)?)))
            .take(SETTLED_AT_ONCE)
            .collect()
    }

    /// The same and all of the `crowded`, with what arrives by the batch of `sides`.
    pub(super) fn due_with(
        &self,
        sides: &Sides,
        crowded: Vec<SideKey>,
        now: Timestamp,
    ) -> Arrivals {
        let arrival = |key: SideKey| {
            let waiting = self.arrivals.get(&key).copied();
            let all = waiting.into_iter().chain(sides.arrival(key, now));
            Some((key, all.reduce(Arrival::join)?))
        };
        let keys = self.due().into_keys().chain(crowded);
        keys.filter_map(arrival).collect()
    }

    /// What of that which has arrived is asked for, a part of it where it is much.
    pub(super) fn arrived(&self, asked: impl Fn(&Arrival) -> bool) -> Arrivals {
        let asked = self.arrivals.iter().filter(|(_, arrival)| asked(arrival));
        asked
            .take(SETTLED_AT_ONCE)
            .map(|(key, arrival)| (*key, *arrival))
            .collect()
    }

    /// What was due is settled, and these messages are gone.
    pub(super) fn settled(&mut self, settled: &Arrivals, gone: &[Gone]) {
        for key in settled.keys() {
            self.arrivals.remove(key);
        }
        for &(match_id, sender, total_bytes) in gone {
            let pair = self.pairs.get_mut(&match_id).into_iter().flatten();
            for side in pair.filter(|side| side.key().1 == sender) {
                side.make_room(total_bytes);
            }
        }
        while let Some((_, key)) = self.order.front()
            && !self.arrivals.contains_key(key)
        {
            self.order.pop_front();
        }
    }
}
