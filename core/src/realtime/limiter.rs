//! How often something may be done.

use std::{borrow::Cow, time::Duration};

use serde::Deserialize;
use tokio::time::Instant;

use super::{Realtime, counts::Counts, link::Link};
use crate::settings::Checks;

/// `burst` at once, and again one by one so that `burst` fit into `per_s` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// At least 1.
    pub burst: u32,
    /// At least 1.
    pub per_s: u32,
}

impl Rate {
    /// What values of the rate with the name `field` must be.
    pub fn check(self, field: impl Into<Cow<'static, str>>, check: &mut Checks) {
        let Self { burst, per_s } = self;
        check.that(
            (1..=1_000_000).contains(&burst) && (1..=31 * 86_400).contains(&per_s),
            field,
            "burst must be 1 to 1000000 and per_s 1 to 2678400; limits.enabled turns limits off",
        );
    }

    /// The rate of so many (at least 1) that are counted as one.
    #[must_use]
    pub const fn times(self, times: u32) -> Self {
        Self {
            burst: self.burst.saturating_mul(times),
            ..self
        }
    }

    /// How many a second on average, rounded down.
    pub const fn per_second(self) -> u32 {
        self.burst / self.per_s
    }

    /// The time in which one comes back: whole microseconds, in which Redis counts.
    pub(super) fn step(self) -> Duration {
        let micros = u64::from(self.per_s) * 1_000_000 / u64::from(self.burst.max(1));
        Duration::from_micros(micros.max(1))
    }

    /// Counts one try (GCRA). `clear` is when whoever tries is as good as new, now or earlier for
    /// who is new; returned is when that will be after this try.
    ///
    /// # Errors
    /// How long to wait until the next one is allowed.
    pub fn count(self, clear: Instant, now: Instant) -> Result<Instant, Duration> {
        let next = clear.max(now) + self.step();
        let over = (next - now).saturating_sub(self.step() * self.burst.max(1));
        if over.is_zero() { Ok(next) } else { Err(over) }
    }

    pub(super) fn count_in(self, counts: &Counts<()>, key: &[u8; 32]) -> Result<(), Duration> {
        counts.change(key, |known, now| {
            match self.count(known.map_or(now, |((), clear)| clear), now) {
                Ok(clear) => (Some(((), clear)), Ok(())),
                Err(wait) => (known, Err(wait)),
            }
        })
    }
}

/// Who counts, and what happens while Redis does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// By all nodes together. Where Redis does not answer within 100 ms each node counts for
    /// itself: a limit per node is better than none, and than refusing everybody.
    Together,
    /// By all nodes together or not at all: where Redis does not answer within 800 ms nothing is
    /// let through. For what costs money, or is worth guessing.
    Strictly,
    /// By each node for itself: what is limited is far cheaper than to ask others.
    Here,
}

/// Why something is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// How long to wait until the next one is allowed.
    Wait(Duration),
    /// Nobody knows how many there were: Redis does not answer.
    Unknown,
}

/// A limit per key: in this process where the node is alone, else in Redis, as [`Counted`] says.
///
/// A key can be read in Redis: it must be a keyed hash where it would tell who somebody is.
#[derive(Debug)]
pub struct Limiter {
    link: Link,
    name: &'static str,
    counted: Counted,
    /// `None` lets everything through.
    rate: Option<Rate>,
    here: Counts<()>,
}

impl Realtime {
    /// A limit of so many for each key; without a rate everything is let through. Limiters of one
    /// name on all nodes count together, and must have the same rate.
    pub fn limiter(&self, name: &'static str, rate: Option<Rate>, counted: Counted) -> Limiter {
        Limiter {
            link: self.bus.0.clone(),
            name,
            counted,
            rate,
            here: Counts::new(),
        }
    }
}

impl Limiter {
    /// Counts one try of a key that stands for `times` (at least 1) as many as others.
    ///
    /// # Errors
    /// [`Denied`]; nothing was counted then.
    pub async fn count(&self, key: &[u8; 32], times: u32) -> Result<(), Denied> {
        let Some(rate) = self.rate else { return Ok(()) };
        let rate = rate.times(times);
        if let Some(redis) = self.link.shared()
            && self.counted != Counted::Here
        {
            let strictly = self.counted == Counted::Strictly;
            match redis.count(self.name, key, rate, strictly).await {
                Some(outcome) => return outcome.map_err(Denied::Wait),
                None if strictly => return Err(Denied::Unknown),
                None => {}
            }
        }
        rate.count_in(&self.here, key).map_err(Denied::Wait)
    }

    /// Counts one try on this node, at once: for what is counted [`Counted::Here`].
    ///
    /// # Errors
    /// How long to wait until the next one is allowed.
    pub fn count_here(&self, key: &[u8; 32]) -> Result<(), Duration> {
        self.rate
            .map_or(Ok(()), |rate| rate.count_in(&self.here, key))
    }

    /// Gives one try back that was counted and came to nothing. While Redis does not answer it
    /// stays counted.
    pub async fn give_back(&self, key: &[u8; 32]) {
        let Some(rate) = self.rate else { return };
        match self.link.shared() {
            Some(redis) => redis.give_back(self.name, key, rate).await,
            None => self.here.change(key, |known, now| {
                let clear = known.and_then(|((), clear)| clear.checked_sub(rate.step()));
                (
                    clear.filter(|clear| *clear > now).map(|clear| ((), clear)),
                    (),
                )
            }),
        }
    }

    /// Forgets all tries of the key. While Redis does not answer they stay.
    pub async fn clear(&self, key: &[u8; 32]) {
        if self.rate.is_none() {
            return;
        }
        match self.link.shared() {
            Some(redis) => redis.clear_limit(self.name, key).await,
            None => self.here.clear(key),
        }
    }

    /// Forgets keys that are as good as new. Call it now and then.
    pub fn forget_idle(&self) {
        self.here.forget_idle();
    }
}
