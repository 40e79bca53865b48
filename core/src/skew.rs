//! Whether the clock of this machine may be trusted: compared with that of the database, which all
//! nodes share.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tebdil_protocol::time::{Clock, Timestamp};

use crate::store::{Store, StoreError};

/// Says whether a clock is right. Clones share what they know.
///
/// Between two comparisons it goes by elapsed time, so a clock that is set is noticed at once.
#[derive(Debug, Clone)]
pub struct ClockGuard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    /// Zero: every clock is right.
    tolerance: Duration,
    seen: Mutex<Option<Seen>>,
}

/// What the database's clock showed.
#[derive(Debug, Clone, Copy)]
struct Seen {
    time: Timestamp,
    /// The moment halfway through the question.
    at: Instant,
    /// How much earlier or later it may have been.
    uncertain: Duration,
}

impl ClockGuard {
    /// Nothing is known yet, so the clock is not right. With a `tolerance` of zero every clock is
    /// right.
    pub fn new(clock: Clock, tolerance: Duration) -> Self {
        Self(Arc::new(Inner {
            clock,
            tolerance,
            seen: Mutex::default(),
        }))
    }

    /// One that takes every clock for right.
    pub fn unchecked(clock: Clock) -> Self {
        Self::new(clock, Duration::ZERO)
    }

    /// The clock that is checked.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Asks the database for its time.
    ///
    /// # Errors
    /// [`StoreError`]; then the last result stays in force.
    pub async fn compare(&self, store: &Store) -> Result<(), StoreError> {
        let asked = Instant::now();
        let time = store.database_time().await?;
        self.saw(time, asked, asked.elapsed());
        Ok(())
    }

    fn saw(&self, time: Timestamp, asked: Instant, took: Duration) {
        let seen = Seen {
            time,
            at: asked + took / 2,
            uncertain: took / 2,
        };
        *self.0.seen.lock() = Some(seen);
    }

    fn seen(&self) -> Option<Seen> {
        *self.0.seen.lock()
    }

    /// How far the clock is ahead of the database's, milliseconds.
    fn ahead_ms(&self) -> Option<(i64, Duration)> {
        let seen = self.seen()?;
        let there = seen.time + seen.at.elapsed();
        Some((self.0.clock.now().millis() - there.millis(), seen.uncertain))
    }

    /// How far the clock is ahead of the database's, seconds; negative when it is behind. `None`
    /// before the first comparison.
    pub fn ahead_s(&self) -> Option<f64> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "for people, and no clock is apart by 2^52 ms"
        )]
        self.ahead_ms().map(|(ahead, _)| ahead as f64 / 1_000.0)
    }

    /// Whether the clock agrees with the database's, as far as that could be asked.
    pub fn is_right(&self) -> bool {
        let agrees = |(ahead, uncertain): (i64, Duration)| {
            Duration::from_millis(ahead.unsigned_abs()) <= self.0.tolerance + uncertain
        };
        self.0.tolerance.is_zero() || self.ahead_ms().is_some_and(agrees)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_795_251_600_000);

    fn guard(tolerance_s: u64) -> (ClockGuard, Clock) {
        let clock = Clock::manual(START);
        (
            ClockGuard::new(clock.clone(), Duration::from_secs(tolerance_s)),
            clock,
        )
    }

    #[test]
    fn a_clock_is_right_once_it_was_compared() {
        let (guard, clock) = guard(5);
        assert_eq!((guard.is_right(), guard.ahead_s()), (false, None));
        guard.saw(START, Instant::now(), Duration::ZERO);
        assert!(guard.is_right());
        for (set, right) in [(4, true), (7, false), (0, true), (86_400, false)] {
            clock.set(START + Duration::from_secs(set));
            assert_eq!(
                guard.is_right(),
                right,
                "{set} s ahead: noticed without asking again"
            );
        }
        clock.set(START - Duration::from_secs(7));
        assert!(!guard.is_right() && guard.ahead_s() < Some(-6.0));
        guard.saw(
            START - Duration::from_secs(7),
            Instant::now(),
            Duration::ZERO,
        );
        assert!(guard.is_right(), "it is the other one that was set");
    }

    #[test]
    fn a_slow_answer_accuses_nobody() {
        let (guard, _) = guard(5);
        // It came in the 8 s after the question, nobody knows when.
        guard.saw(
            START - Duration::from_secs(3),
            Instant::now(),
            Duration::from_secs(8),
        );
        assert!(guard.is_right());
    }

    #[test]
    fn whoever_tolerates_everything_asks_nobody() {
        assert!(ClockGuard::unchecked(Clock::manual(START)).is_right());
    }
}
