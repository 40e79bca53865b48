//! How often something may be tried, per key.

use std::{hash::Hash, num::NonZeroU32, time::Duration};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};

/// A limit per key: `burst` at once, and again one by one so that `burst` fit into the period.
///
/// It counts on this node only, in memory. Time is the machine's monotonic clock.
#[derive(Debug)]
pub struct KeyedLimiter<K: Hash + Eq + Clone> {
    limiter: Option<DefaultKeyedRateLimiter<K>>,
}

impl<K: Hash + Eq + Clone> KeyedLimiter<K> {
    /// At most `burst` (at least 1) in `period`.
    pub fn new(burst: u32, period: Duration) -> Self {
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(period / burst.get()).map(|quota| quota.allow_burst(burst));
        Self {
            limiter: quota.map(RateLimiter::keyed),
        }
    }

    /// A limiter that lets everything through.
    pub const fn off() -> Self {
        Self { limiter: None }
    }

    /// Counts one try.
    ///
    /// # Errors
    /// How long to wait until the next one is allowed.
    pub fn check(&self, key: &K) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        limiter
            .check_key(key)
            .map_err(|refused| refused.wait_time_from(limiter.clock().now()))
    }

    /// Forgets keys that are as good as new. Call it now and then: memory is bounded by the keys of
    /// one period.
    pub fn forget_idle(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    /// Keys that are remembered.
    pub fn len(&self) -> usize {
        self.limiter.as_ref().map_or(0, RateLimiter::len)
    }

    /// Whether no key is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_refused_after_its_burst_and_others_are_not() {
        let limiter = KeyedLimiter::new(3, Duration::from_hours(1));
        for _ in 0..3 {
            assert_eq!(limiter.check(&"a"), Ok(()));
        }
        let wait = limiter.check(&"a").expect_err("the fourth");
        assert!(
            wait > Duration::from_secs(1_100) && wait <= Duration::from_mins(20),
            "{wait:?}"
        );
        assert_eq!(limiter.check(&"b"), Ok(()));
        limiter.forget_idle();
        assert_eq!(limiter.len(), 2, "both still count");
    }

    #[test]
    fn what_is_idle_is_forgotten() {
        let limiter = KeyedLimiter::new(1_000, Duration::from_millis(1));
        for key in 0..100 {
            assert_eq!(limiter.check(&key), Ok(()));
        }
        while !limiter.is_empty() {
            limiter.forget_idle();
        }
    }

    #[test]
    fn off_lets_everything_through() {
        let limiter = KeyedLimiter::off();
        assert!((0..1_000).all(|_| limiter.check(&0) == Ok(())));
    }
}
