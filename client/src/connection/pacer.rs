//! Keeps messages below the server's frame rate.

use std::time::Duration;

use tokio::time::Instant;

/// A token bucket; three quarters of the server's rate are for messages, the rest is for everything else.
#[derive(Debug)]
pub(super) struct Pacer {
    /// Messages per second; 0 for no limit.
    rate: f64,
    tokens: f64,
    at: Instant,
}

impl Pacer {
    pub fn new(frames_per_second: u32, now: Instant) -> Self {
        let rate = f64::from(frames_per_second) * 0.75;
        Self { rate, tokens: rate.max(1.0), at: now }
    }

    /// Takes the right to send one message, or says when there will be one.
    pub fn take(&mut self, now: Instant) -> Result<(), Instant> {
        if self.rate <= 0.0 {
            return Ok(());
        }
        self.tokens = (self.tokens + now.duration_since(self.at).as_secs_f64() * self.rate).min(self.rate.max(1.0));
        self.at = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(now + Duration::from_secs_f64((1.0 - self.tokens) / self.rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let start = Instant::now();
        let mut pacer = Pacer::new(8, start);
        assert_eq!((0..20).filter(|_| pacer.take(start).is_ok()).count(), 6);
        let next = pacer.take(start).expect_err("empty");
        assert!(pacer.take(next + Duration::from_millis(1)).is_ok());
        let mut unlimited = Pacer::new(0, start);
        assert!((0..1_000).all(|_| unlimited.take(start).is_ok()));
    }
}
