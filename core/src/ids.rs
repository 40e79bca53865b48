//! Making ids.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use tebdil_protocol::time::{Clock, Timestamp};

/// Makes ids; one per process, owned by the [`Store`](crate::store::Store).
///
/// Layout (high to low): 41 bits of milliseconds since 2024-01-01, 10 bits sequence, 12 bits node.
/// The database lends the node part (`store/id_nodes.rs`), so no two processes have the same one at
/// a time; without a loan, nothing that may make an id begins.
///
/// Time and sequence count together, and never go back or wait: a burst borrows from the next
/// millisecond, and a clock that was set back does not change the order of ids. Published snowflake
/// generators block or spin in both cases.
#[derive(Debug)]
pub struct IdGenerator {
    clock: Clock,
    /// The node part.
    node: AtomicI64,
    /// Time and sequence of the last id.
    last: AtomicI64,
    /// Until when the node part is lent, in milliseconds after `started`. Not by [`Clock`], which
    /// may be wrong or stand still.
    lent_until: AtomicU64,
    started: Instant,
}

/// This process has no node part at the moment, and so makes no ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no node part for ids is lent to this process")]
pub struct NoNodePart;

const EPOCH_MS: i64 = 1_704_067_200_000;
const SEQUENCE_BITS: u32 = 10;
const NODE_BITS: u32 = 12;

/// How many node parts there are.
pub(crate) const NODE_PARTS: i64 = 1 << NODE_BITS;

impl IdGenerator {
    /// A generator that has no node part yet.
    pub(crate) fn new(clock: Clock) -> Self {
        let started = Instant::now();
        Self {
            clock,
            node: AtomicI64::new(0),
            last: AtomicI64::new(0),
            lent_until: AtomicU64::new(0),
            started,
        }
    }

    /// The node part of the ids.
    pub(crate) fn part(&self) -> i64 {
        self.node.load(Ordering::SeqCst)
    }

    /// Takes another node part, with which nobody has made an id greater than `last_id`.
    pub(crate) fn set_part(&self, part: i64, last_id: i64) {
        self.last.fetch_max(last_id >> NODE_BITS, Ordering::SeqCst);
        self.node.store(part, Ordering::SeqCst);
    }

    /// The part is lent to this process for `time` after `since`.
    pub(crate) fn lend(&self, since: Instant, time: Duration) {
        let until = (since + time)
            .saturating_duration_since(self.started)
            .as_millis();
        self.lent_until
            .store(u64::try_from(until).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Whether ids may be made. What is written soon after the answer is safe: minutes pass between
    /// the end of a loan and the next one.
    ///
    /// # Errors
    /// [`NoNodePart`], while the database could not be asked to extend the loan.
    pub(crate) fn check(&self) -> Result<(), NoNodePart> {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if now < self.lent_until.load(Ordering::SeqCst) {
            Ok(())
        } else {
            Err(NoNodePart)
        }
    }

    /// The last id that was made.
    pub(crate) fn last_id(&self) -> i64 {
        (self.last.load(Ordering::SeqCst) << NODE_BITS) | (NODE_PARTS - 1)
    }

    /// Greater than every id that is made within `time`, as long as the clock is not set forward.
    pub(crate) fn last_id_within(&self, time: Duration) -> i64 {
        let ahead = i64::try_from(time.as_millis())
            .unwrap_or(i64::MAX >> (SEQUENCE_BITS + NODE_BITS))
            << (SEQUENCE_BITS + NODE_BITS);
        self.last_id()
            .max(Self::first_id_at(self.clock.now()))
            .saturating_add(ahead)
    }

    /// The smallest id that a generator makes at `time`; earlier ids are smaller. Use it to bound a
    /// scan by primary key.
    ///
    /// Not exact in a burst, nor when the clock was set back: ids then run ahead of the time.
    pub const fn first_id_at(time: Timestamp) -> i64 {
        const BITS: u32 = SEQUENCE_BITS + NODE_BITS;
        let since = time.millis().saturating_sub(EPOCH_MS);
        if since < 0 {
            0
        } else if since > i64::MAX >> BITS {
            // No id is that late.
            i64::MAX
        } else {
            since << BITS
        }
    }

    /// The next id, greater than every id this generator made before.
    pub fn next<Id: From<i64>>(&self) -> Id {
        let now = (self.clock.now().millis() - EPOCH_MS).max(1) << SEQUENCE_BITS;
        let advance = |last: i64| now.max(last + 1);
        let before = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
                Some(advance(last))
            });
        let counter = advance(before.unwrap_or_else(|last| last));
        Id::from((counter << NODE_BITS) | self.part())
    }
}

#[cfg(test)]
mod tests {
    use tebdil_protocol::id::MatchId;

    use super::*;

    fn generator(clock: &Clock) -> IdGenerator {
        let ids = IdGenerator::new(clock.clone());
        ids.set_part(1_234, 0);
        ids
    }

    #[test]
    fn ids_are_made_for_as_long_as_a_part_is_lent() {
        let ids = generator(&Clock::manual(Timestamp::from_millis(EPOCH_MS)));
        assert_eq!(ids.check(), Err(NoNodePart), "not yet");
        ids.lend(Instant::now(), Duration::from_mins(1));
        assert_eq!(ids.check(), Ok(()));
        ids.lend(Instant::now(), Duration::ZERO);
        assert_eq!(ids.check(), Err(NoNodePart));
    }

    #[test]
    fn a_part_goes_on_after_the_last_id_of_its_former_holder() {
        let clock = Clock::manual(Timestamp::from_millis(EPOCH_MS + 5_000));
        let (ahead, next) = (generator(&clock), generator(&clock));
        for _ in 0..5_000 {
            ahead.next::<MatchId>();
        }
        next.set_part(1_234, ahead.last_id());
        assert!(
            next.next::<MatchId>().0 > ahead.last_id(),
            "a burst ran ahead of the time"
        );
        let last = ahead.last_id_within(Duration::from_secs(1));
        clock.advance(Duration::from_secs(1));
        assert!(ahead.next::<MatchId>().0 <= last);
    }

    #[test]
    fn ids_grow_through_bursts_and_a_clock_set_back() {
        let clock = Clock::manual(Timestamp::from_millis(EPOCH_MS + 5_000));
        let ids = generator(&clock);
        let mut last = 0;
        for i in 0..5_000 {
            if i == 2_500 {
                clock.set(Timestamp::from_millis(EPOCH_MS + 1_000));
            }
            let id = ids.next::<MatchId>().0;
            assert!(id > last);
            last = id;
        }
    }

    #[test]
    fn first_id_at_parts_ids_by_time() {
        let start = Timestamp::from_millis(EPOCH_MS + 5_000);
        let clock = Clock::manual(start);
        let ids = generator(&clock);
        let before = ids.next::<MatchId>().0;
        clock.advance(Duration::from_millis(1));
        let after = ids.next::<MatchId>().0;
        let bound = IdGenerator::first_id_at(clock.now());
        assert!(before < bound && bound <= after);
        assert!(IdGenerator::first_id_at(start) <= before);
        assert_eq!(IdGenerator::first_id_at(Timestamp::from_millis(0)), 0);
        let never = Timestamp::from_millis(i64::MAX);
        assert_eq!(IdGenerator::first_id_at(never), i64::MAX);
    }
}
