//! Waiting that grows with every failure, per key.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use tokio::time::Instant;

use crate::settings::{Checks, seconds};

/// `free` failures cost nothing. After the last of them, and after each one more, the next try has
/// to wait: `first`, then twice as long each time, `most` at most. One failure is forgotten every
/// `forget`. One of the section `[login]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackoffRule {
    /// At least 1.
    pub free: u32,
    #[serde(rename = "first_s", deserialize_with = "seconds")]
    pub first: Duration,
    #[serde(rename = "most_s", deserialize_with = "seconds")]
    pub most: Duration,
    #[serde(rename = "forget_s", deserialize_with = "seconds")]
    pub forget: Duration,
}

impl BackoffRule {
    /// What values of the rule with the name `field` must be.
    pub fn check(&self, field: &'static str, check: &mut Checks) {
        let [first, most, forget] = [self.first, self.most, self.forget].map(|time| time.as_secs());
        check.that(
            (1..=10_000).contains(&self.free),
            field,
            "free must be 1 to 10000",
        );
        check.that(
            first >= 1 && first <= most && most <= 86_400,
            field,
            "first_s must be at least 1, most_s at least first_s and at most 86400",
        );
        check.that(
            (1..=7 * 86_400).contains(&forget),
            field,
            "forget_s must be 1 to 604800",
        );
    }

    /// The rule of so many (at least 1) that fail independently of each other: as many times free,
    /// and forgotten as many times faster.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self {
            free: self.free.saturating_mul(times),
            forget: self.forget / times,
            ..self
        }
    }

    /// How often the wait doubles until it is the longest.
    fn doublings(&self) -> u32 {
        let mut doublings = 0;
        while doublings < 31 && self.first.saturating_mul(1 << doublings) < self.most {
            doublings += 1;
        }
        doublings
    }

    /// Failures that are counted; more change nothing, so that whoever guessed for a year need not
    /// be forgotten for as long.
    pub(crate) fn counted(&self) -> u32 {
        self.free.max(1).saturating_add(self.doublings())
    }
}

/// A try that was let through. It counts as a failure until it is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Try {
    /// Failures that are remembered, this one among them.
    pub failures: u32,
    /// What the next try waits for because of this one, as whoever counts says it; 0 for nothing.
    pub(crate) until: u64,
}

/// The variant of one node. Time is the machine's monotonic clock.
#[derive(Debug)]
pub(crate) struct KeyedBackoff<K> {
    rule: BackoffRule,
    /// What instants are told from.
    start: Instant,
    known: Mutex<HashMap<K, State>>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    failures: u32,
    /// When the last of them was forgotten, or the first came.
    since: Instant,
    /// When a try is let through again.
    open: Option<Instant>,
}

impl State {
    /// Forgets what is old enough; `None` when nothing is left that matters.
    fn at(self, now: Instant, rule: &BackoffRule) -> Option<Self> {
        let forget = rule.forget.max(Duration::from_micros(1));
        let gone = u32::try_from(now.duration_since(self.since).as_micros() / forget.as_micros())
            .unwrap_or(u32::MAX);
        let open = self.open.filter(|open| *open > now);
        if gone < self.failures {
            Some(Self {
                failures: self.failures - gone,
                since: self.since + forget * gone,
                open,
            })
        } else {
            open.map(|_| Self {
                failures: 0,
                since: now,
                open,
            })
        }
    }
}

impl<K: Hash + Eq> KeyedBackoff<K> {
    pub fn new(rule: BackoffRule) -> Self {
        Self {
            rule,
            start: Instant::now(),
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<K, State>> {
        // Nothing that is done under the lock can panic half way.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one try through, or says how long to wait.
    pub fn begin(&self, key: K) -> Result<Try, Duration> {
        let now = Instant::now();
        let mut known = self.known();
        let before = known.get(&key).and_then(|state| state.at(now, &self.rule));
        if let Some(open) = before.and_then(|state| state.open) {
            return Err(open.duration_since(now));
        }
        let State {
            failures, since, ..
        } = before.unwrap_or(State {
            failures: 0,
            since: now,
            open: None,
        });
        let failures = (failures + 1).min(self.rule.counted());
        let beyond = failures.checked_sub(self.rule.free.max(1));
        let open = beyond.map(|doubled| {
            now + self
                .rule
                .first
                .saturating_mul(1 << doubled)
                .min(self.rule.most)
        });
        known.insert(
            key,
            State {
                failures,
                since,
                open,
            },
        );
        Ok(Try {
            failures,
            until: self.stamp(open),
        })
    }

    /// The try was no failure.
    pub fn take_back(&self, key: &K, taken: Try) {
        let now = Instant::now();
        let mut known = self.known();
        let Some(state) = known.get(key).and_then(|state| state.at(now, &self.rule)) else {
            return;
        };
        let failures = state.failures.saturating_sub(1);
        // What a later one has to wait for stays.
        let open = state
            .open
            .filter(|open| self.stamp(Some(*open)) != taken.until);
        if let Some(state) = known.get_mut(key) {
            *state = State {
                failures,
                since: state.since,
                open,
            };
        }
    }

    /// Forgets every failure of the key.
    pub fn clear(&self, key: &K) {
        self.known().remove(key);
    }

    /// Forgets keys that are as good as new.
    pub fn forget_idle(&self) {
        let now = Instant::now();
        let mut known = self.known();
        known.retain(|_, state| state.at(now, &self.rule).is_some());
        known.shrink_to_fit();
    }

    fn stamp(&self, open: Option<Instant>) -> u64 {
        open.map_or(0, |open| {
            u64::try_from(open.duration_since(self.start).as_nanos()).unwrap_or(u64::MAX)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: BackoffRule = BackoffRule {
        free: 2,
        first: Duration::from_secs(1),
        most: Duration::from_secs(5),
        forget: Duration::from_mins(1),
    };

    #[tokio::test(start_paused = true)]
    async fn the_wait_doubles_up_to_the_longest() {
        let backoff = KeyedBackoff::new(RULE);
        backoff.begin("a").expect("the first is free");
        for wait in [1, 2, 4, 5, 5, 5].map(Duration::from_secs) {
            backoff.begin("a").expect("it waited");
            assert_eq!(backoff.begin("a"), Err(wait));
            tokio::time::advance(wait.saturating_sub(Duration::from_millis(1))).await;
            assert_eq!(backoff.begin("a"), Err(Duration::from_millis(1)));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(
            RULE.counted(),
            5,
            "what is beyond the longest wait is not counted"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_forgotten_one_by_one_and_idle_keys_altogether() {
        let backoff = KeyedBackoff::new(RULE);
        for failures in 1..=3 {
            assert_eq!(backoff.begin("a").map(|taken| taken.failures), Ok(failures));
            tokio::time::advance(Duration::from_secs(2)).await;
        }
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(
            backoff.begin("a").map(|taken| taken.failures),
            Ok(3),
            "one of three was forgotten"
        );
        tokio::time::advance(Duration::from_secs(150)).await;
        backoff.forget_idle();
        assert_eq!(backoff.known().len(), 1, "one is left");
        tokio::time::advance(Duration::from_mins(1)).await;
        backoff.forget_idle();
        assert_eq!(backoff.known().len(), 0);
    }
}
