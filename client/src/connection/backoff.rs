//! How long to wait before the next attempt.

use std::time::Duration;

use rand::{Rng, RngExt};

/// Doubling delays with full jitter in their upper half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first delay.
    pub first: Duration,
    /// No delay is longer.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            max: Duration::from_secs(5),
        }
    }
}

impl Backoff {
    /// The delay after `failures` attempts in a row that failed: between half and the whole of
    /// `first · 2^failures`, at most `max`.
    pub fn delay(&self, failures: u32, rng: &mut impl Rng) -> Duration {
        let whole = self
            .first
            .saturating_mul(1 << failures.min(16))
            .min(self.max);
        whole.mul_f64(rng.random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_limit_and_differ() {
        let backoff = Backoff::default();
        let mut rng = rand::rng();
        for (failures, whole) in [(0, 100), (1, 200), (5, 3_200), (6, 5_000), (60, 5_000)] {
            for _ in 0..50 {
                let delay = backoff.delay(failures, &mut rng);
                assert!(
                    delay >= Duration::from_millis(whole / 2)
                        && delay <= Duration::from_millis(whole),
                    "{failures}: {delay:?}"
                );
            }
        }
        let distinct: std::collections::HashSet<_> =
            (0..20).map(|_| backoff.delay(6, &mut rng)).collect();
        assert!(distinct.len() > 1);
    }
}
