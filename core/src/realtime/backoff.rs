//! Waiting that grows with every failure.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::{Denied, Realtime, counts::Counts, link::Link, micros};
use crate::settings::{Checks, seconds};

/// `free` failures cost nothing. After the last of them, and after each one more, the next try has
/// to wait: `first`, then twice as long each time, `most` at most. One failure is forgotten every
/// `forget`.
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
    fn times(self, times: u32) -> Self {
        Self {
            free: self.free.max(1).saturating_mul(times),
            forget: (self.forget / times).max(Duration::from_micros(1)),
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
    pub(super) fn counted(&self) -> u32 {
        self.free.saturating_add(self.doublings())
    }
}

/// A try that was let through. It counts as a failure until it is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Try {
    /// Failures that are remembered, this one among them.
    pub failures: u32,
    /// No failure is free any more.
    pub is_costly: bool,
    times: u32,
    /// What the next try waits for because of this one, as whoever counts says it; 0 for nothing.
    pub(super) until: u64,
}

/// What this node knows of a key, as Redis does: times are microseconds, here since
/// [`Backoff::start`].
#[derive(Debug, Clone, Copy)]
struct State {
    failures: u32,
    /// When the last of them was forgotten, or the first came.
    since: u64,
    /// When the next try is let through; 0 for at once.
    open: u64,
}

/// What guessers run into: failures of a key make the next try of it wait, longer and longer
/// ([`BackoffRule`]). In this process where the node is alone, else in Redis.
///
/// A try counts as a failure from its beginning, so that many at once are no way around the rule;
/// who turns out to be right takes it back. All nodes count together or not at all: while Redis
/// does not answer within 800 ms no try is let through. A key can be read in Redis: it must be a
/// keyed hash where it would tell who somebody is.
#[derive(Debug)]
pub struct Backoff {
    link: Link,
    name: &'static str,
    /// `None` lets everything through.
    rule: Option<BackoffRule>,
    /// What this node's instants are told from.
    start: Instant,
    here: Counts<State>,
}

impl Realtime {
    /// Counts failures by this rule; without one everything is let through. What has one name on
    /// all nodes counts together, and must have the same rule.
    pub fn backoff(&self, name: &'static str, rule: Option<BackoffRule>) -> Backoff {
        Backoff {
            link: self.bus.0.clone(),
            name,
            rule,
            start: Instant::now(),
            here: Counts::new(),
        }
    }
}

impl Backoff {
    /// Lets one try through and counts it as a failure; the key stands for `times` (at least 1) as
    /// many as others.
    ///
    /// # Errors
    /// [`Denied`]; nothing was counted then.
    pub async fn begin(&self, key: &[u8; 32], times: u32) -> Result<Try, Denied> {
        let Some(rule) = self.rule else {
            return Ok(Try {
                failures: 0,
                is_costly: false,
                times,
                until: 0,
            });
        };
        let rule = rule.times(times);
        let (failures, until) = match self.link.shared() {
            Some(redis) => redis
                .try_once(self.name, key, &rule)
                .await
                .ok_or(Denied::Unknown)?,
            None => self.begin_here(key, &rule),
        }
        .map_err(Denied::Wait)?;
        Ok(Try {
            failures,
            is_costly: failures >= rule.free,
            times,
            until,
        })
    }

    fn begin_here(&self, key: &[u8; 32], rule: &BackoffRule) -> Result<(u32, u64), Duration> {
        self.here.change(key, |known, at| {
            let now = micros(at - self.start);
            let (mut failures, mut since) = (0, now);
            if let Some((state, _)) = known {
                if state.open > now {
                    return (known, Err(Duration::from_micros(state.open - now)));
                }
                let gone = now.saturating_sub(state.since) / micros(rule.forget);
                let left = u64::from(state.failures).saturating_sub(gone);
                if let Ok(left @ 1..) = u32::try_from(left) {
                    (failures, since) = (left, state.since + gone * micros(rule.forget));
                }
            }
            failures = (failures + 1).min(rule.counted());
            let doubled = failures.checked_sub(rule.free);
            let wait =
                doubled.map(|doubled| rule.first.saturating_mul(1 << doubled).min(rule.most));
            let state = State {
                failures,
                since,
                open: wait.map_or(0, |wait| now + micros(wait)),
            };
            (
                Some(self.until_forgotten(state, rule)),
                Ok((failures, state.open)),
            )
        })
    }

    /// With the moment from which on nothing is left of it.
    fn until_forgotten(&self, state: State, rule: &BackoffRule) -> (State, Instant) {
        let forgotten = state.since + u64::from(state.failures) * micros(rule.forget);
        let end = self.start + Duration::from_micros(forgotten.max(state.open));
        (state, end)
    }

    /// The try was no failure. Without Redis it stays one: nobody gets more tries than the rule
    /// gives.
    pub async fn take_back(&self, key: &[u8; 32], taken: Try) {
        let Some(rule) = self.rule else { return };
        match self.link.shared() {
            Some(redis) => redis.take_try_back(self.name, key, taken.until).await,
            None => self.take_back_here(key, taken, &rule.times(taken.times)),
        }
    }

    fn take_back_here(&self, key: &[u8; 32], taken: Try, rule: &BackoffRule) {
        self.here.change(key, |known, now| {
            let after = known.map(|(mut state, _)| {
                state.failures = state.failures.saturating_sub(1);
                // What a later one has to wait for stays.
                if state.open == taken.until {
                    state.open = 0;
                }
                self.until_forgotten(state, rule)
            });
            (after.filter(|(_, end)| *end > now), ())
        });
    }

    /// Forgets all failures of the key. Without Redis they stay.
    pub async fn clear(&self, key: &[u8; 32]) {
        if self.rule.is_none() {
            return;
        }
        match self.link.shared() {
            Some(redis) => redis.clear_tries(self.name, key).await,
            None => self.here.clear(key),
        }
    }

    /// What it was made with.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Forgets keys that are as good as new. Call it now and then.
    pub fn forget_idle(&self) {
        self.here.forget_idle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::RealtimeSettings;

    const RULE: BackoffRule = BackoffRule {
        free: 2,
        first: Duration::from_secs(1),
        most: Duration::from_secs(5),
        forget: Duration::from_mins(1),
    };
    const KEY: [u8; 32] = [7; 32];

    async fn alone() -> Backoff {
        let settings = RealtimeSettings {
            redis_url: "".into(),
            prefix: String::new(),
        };
        let realtime = Realtime::connect(&settings, &mut rand::rng()).await;
        let (realtime, _) = realtime.expect("it needs nobody");
        realtime.backoff("test", Some(RULE))
    }

    async fn failures(backoff: &Backoff) -> Result<u32, Denied> {
        backoff.begin(&KEY, 1).await.map(|taken| taken.failures)
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_doubles_up_to_the_longest() {
        let backoff = alone().await;
        assert_eq!(failures(&backoff).await, Ok(1), "the first is free");
        for wait in [1, 2, 4, 5, 5, 5].map(Duration::from_secs) {
            failures(&backoff).await.expect("it waited");
            assert_eq!(failures(&backoff).await, Err(Denied::Wait(wait)));
            let last = Duration::from_millis(1);
            tokio::time::advance(wait.saturating_sub(last)).await;
            assert_eq!(failures(&backoff).await, Err(Denied::Wait(last)));
            tokio::time::advance(last).await;
        }
        assert_eq!(
            RULE.counted(),
            5,
            "what is beyond the longest wait is not counted"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_forgotten_one_by_one() {
        let backoff = alone().await;
        for number in 1..=3 {
            assert_eq!(failures(&backoff).await, Ok(number));
            tokio::time::advance(Duration::from_secs(2)).await;
        }
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(
            failures(&backoff).await,
            Ok(3),
            "one of three was forgotten"
        );
        tokio::time::advance(Duration::from_secs(150)).await;
        assert_eq!(failures(&backoff).await, Ok(2), "one was left");
        tokio::time::advance(Duration::from_secs(84)).await;
        assert_eq!(failures(&backoff).await, Ok(1), "nothing was left");
    }
}
