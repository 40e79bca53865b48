//! Sides of calls: what each holds, what it may still use, and which were cut.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tebdil_protocol::time::Timestamp;

use super::{
    allocation::Allocation,
    limit::{Bucket, Rate, Ticks},
    meters::RefusalReason,
};
use crate::credentials::RelaySideId;

/// No credential lives longer (the settings allow an hour at most); one that claims to is not ours.
/// Ten minutes allow for clocks that differ.
pub(super) const LONGEST_CREDENTIAL: Duration = Duration::from_mins(70);

/// Most cut sides that are remembered. Beyond that the oldest is forgotten: 25 MB, the ends of 31
/// calls a second.
const MOST_CUT: usize = 1 << 18;

/// Requests of one side. A client with 12 allocations and 12 candidates on the other side makes 300
/// while it connects, then 1 a second.
const REQUESTS: Rate = Rate::new(50, 400);

/// The least a datagram counts, bytes: it costs headers and the reader's time however little it
/// carries. Frames of speech are as large.
const LEAST: usize = 100;

/// One side of a call. It outlives its allocations until its buckets are full again, so that nobody
/// gets more by allocating anew.
#[derive(Debug)]
pub(super) struct Side {
    pub id: RelaySideId,
    cut: AtomicBool,
    bytes: Bucket,
    requests: Bucket,
}

impl Side {
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// Whether it may send a datagram of so many bytes now.
    pub fn may_send(&self, bytes: usize, rate: Rate, now: Ticks) -> bool {
        self.bytes.take(
            rate,
            u64::try_from(bytes.max(LEAST)).unwrap_or(u64::MAX),
            now,
        )
    }

    /// Whether it may make a request now.
    pub fn may_ask(&self, now: Ticks) -> bool {
        self.requests.take(REQUESTS, 1, now)
    }
}

#[derive(Default)]
struct Table {
    known: HashMap<RelaySideId, Known>,
    cut: HashMap<RelaySideId, Timestamp>,
    /// In the order in which they were cut.
    cuts: VecDeque<(RelaySideId, Timestamp)>,
}

struct Known {
    side: Arc<Side>,
    allocations: Vec<Arc<Allocation>>,
}

/// All sides this relay knows.
pub(super) struct Sides {
    table: Mutex<Table>,
    /// Allocations one may hold.
    most: usize,
}

impl Sides {
    pub fn new(most: usize) -> Self {
        Self {
            table: Mutex::default(),
            most,
        }
    }

    /// The side that a valid credential is for. `None` if it was cut.
    pub fn get(&self, id: RelaySideId) -> Option<Arc<Side>> {
        let mut table = self.table.lock();
        if table.cut.contains_key(&id) {
            return None;
        }
        let new = || Known {
            side: Arc::new(Side {
                id,
                cut: AtomicBool::new(false),
                bytes: Bucket::default(),
                requests: Bucket::default(),
            }),
            allocations: Vec::new(),
        };
        Some(Arc::clone(&table.known.entry(id).or_insert_with(new).side))
    }

    /// Adds the allocation that `make` makes, unless the side was cut or holds as many as it may.
    ///
    /// [`Self::cut`] comes wholly before or after, so no allocation escapes it.
    pub fn hold<T>(
        &self,
        side: &Arc<Side>,
        make: impl FnOnce() -> Result<(Arc<Allocation>, T), RefusalReason>,
    ) -> Result<(Arc<Allocation>, T), RefusalReason> {
        let mut table = self.table.lock();
        if side.is_cut() || table.cut.contains_key(&side.id) {
            return Err(RefusalReason::Cut);
        }
        let known = table.known.entry(side.id).or_insert_with(|| Known {
            side: Arc::clone(side),
            allocations: Vec::new(),
        });
        if known.allocations.len() >= self.most {
            return Err(RefusalReason::Quota);
        }
        let held = make()?;
        known.allocations.push(Arc::clone(&held.0));
        Ok(held)
    }

    /// Removes an allocation. Whether it was there.
    pub fn release(&self, allocation: &Arc<Allocation>) -> bool {
        let mut table = self.table.lock();
        let Some(known) = table.known.get_mut(&allocation.side.id) else {
            return false;
        };
        let before = known.allocations.len();
        known
            .allocations
            .retain(|each| !Arc::ptr_eq(each, allocation));
        known.allocations.len() < before
    }

    /// From now on the side sends, receives and allocates nothing. Returns what it held.
    pub fn cut(&self, id: RelaySideId, now: Timestamp) -> Vec<Arc<Allocation>> {
        let mut table = self.table.lock();
        if table.cut.insert(id, now).is_none() {
            table.cuts.push_back((id, now));
        }
        if table.cuts.len() > MOST_CUT
            && let Some((oldest, _)) = table.cuts.pop_front()
        {
            table.cut.remove(&oldest);
        }
        let Some(known) = table.known.get(&id) else {
            return Vec::new();
        };
        known.side.cut.store(true, Ordering::Release);
        known.allocations.clone()
    }

    /// Who holds something.
    pub fn holding(&self) -> Vec<RelaySideId> {
        self.table
            .lock()
            .known
            .iter()
            .filter(|(_, known)| !known.allocations.is_empty())
            .map(|(id, _)| *id)
            .collect()
    }

    /// Forgets sides that hold nothing and have full buckets, and cuts that no credential can
    /// outlive.
    pub fn tidy(&self, now: Timestamp, ticks: Ticks) {
        let mut table = self.table.lock();
        let idle = |known: &Known| {
            known.allocations.is_empty()
                && known.side.bytes.is_full(ticks)
                && known.side.requests.is_full(ticks)
        };
        table.known.retain(|_, known| !idle(known));
        let old = |at: Timestamp| now.since(at) > LONGEST_CREDENTIAL;
        while let Some((id, _)) = table.cuts.pop_front_if(|(_, at)| old(*at)) {
            match table.cut.get(&id).copied() {
                // Cut again since then.
                Some(last) if !old(last) => table.cuts.push_back((id, last)),
                _ => drop(table.cut.remove(&id)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn ids(count: usize) -> Vec<RelaySideId> {
        (0..count)
            .map(|number| RelaySideId::of_username(&format!("1:{number:032x}")).expect("an id"))
            .collect()
    }

    #[test]
    fn a_cut_counts_at_once_and_as_long_as_credentials_last() {
        let (sides, ids) = (Sides::new(12), ids(2));
        let ticks = Ticks::since(Instant::now());
        let [one, other] = [0, 1].map(|index| sides.get(ids[index]).expect("not cut"));
        sides.cut(ids[0], NOW);
        assert!(one.is_cut() && !other.is_cut() && sides.get(ids[0]).is_none());
        assert_eq!(
            sides
                .hold(&one, || -> Result<(Arc<Allocation>, ()), _> {
                    Err(RefusalReason::Ports)
                })
                .err(),
            Some(RefusalReason::Cut)
        );
        sides.tidy(NOW + LONGEST_CREDENTIAL, ticks);
        assert!(sides.get(ids[0]).is_none());
        // A clock that was set back forgets nothing.
        sides.tidy(Timestamp::from_millis(0), ticks);
        // Cut again meanwhile: remembered as long from there.
        let later = NOW + LONGEST_CREDENTIAL / 2;
        sides.cut(ids[0], later);
        sides.tidy(NOW + LONGEST_CREDENTIAL + Duration::from_secs(1), ticks);
        assert!(sides.get(ids[0]).is_none());
        sides.tidy(later + LONGEST_CREDENTIAL + Duration::from_secs(1), ticks);
        assert!(sides.get(ids[0]).is_some());
        assert!(sides.table.lock().cuts.is_empty() && sides.table.lock().cut.is_empty());
    }

    #[test]
    fn what_was_sent_counts_until_it_is_made_good() {
        let (sides, id, rate) = (Sides::new(12), ids(1)[0], Rate::new(1_000, 1_000));
        let start = Ticks::since(Instant::now());
        assert!(sides.get(id).expect("not cut").may_send(1_000, rate, start));
        sides.tidy(NOW, start);
        assert!(
            !sides.get(id).expect("not cut").may_send(1, rate, start),
            "nobody forgot"
        );
        sides.tidy(NOW, start.after(Duration::from_secs(2)));
        assert!(sides.table.lock().known.is_empty());
    }

    #[test]
    fn datagrams_that_carry_nothing_count_too() {
        let (sides, id, rate) = (Sides::new(12), ids(1)[0], Rate::new(1_000, 1_000));
        let (side, now) = (
            sides.get(id).expect("not cut"),
            Ticks::since(Instant::now()),
        );
        assert_eq!(
            (0..1_000).filter(|_| side.may_send(0, rate, now)).count(),
            10
        );
    }

    #[test]
    fn memory_of_cuts_is_bounded() {
        let (sides, ids) = (Sides::new(12), ids(MOST_CUT + 2));
        for id in &ids {
            sides.cut(*id, NOW);
        }
        assert!(
            sides.get(ids[0]).is_some() && sides.get(ids[1]).is_some(),
            "the oldest went"
        );
        assert!(sides.get(ids[2]).is_none());
        assert_eq!(sides.table.lock().cut.len(), MOST_CUT);
    }
}
