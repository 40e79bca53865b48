//! Keeps a connection below the server's frame rate. Messages wait, and so do acknowledgements;
//! everything else goes out and makes messages wait longer.
//!
//! The two have shares of their own: a peer that writes as fast as it may would otherwise leave no
//! place for an answer. Acknowledgements are cumulative, so few do.

use std::time::Duration;

use tokio::time::Instant;

/// What messages may use of the server's rate.
const MESSAGES: f64 = 0.75;

/// What acknowledgements may.
const ACKS: f64 = 0.2;

/// A token bucket with a share of the server's rate.
#[derive(Debug)]
pub(super) struct Pacer {
    /// Frames per second; 0 for no limit.
    rate: f64,
    tokens: f64,
    at: Instant,
}

impl Pacer {
    pub fn of_messages(frames_per_second: u32, now: Instant) -> Self {
        Self::new(f64::from(frames_per_second) * MESSAGES, now)
    }

    pub fn of_acks(frames_per_second: u32, now: Instant) -> Self {
        Self::new(f64::from(frames_per_second) * ACKS, now)
    }

    fn new(rate: f64, now: Instant) -> Self {
        Self {
            rate,
            tokens: rate.max(1.0),
            at: now,
        }
    }

    /// Takes the right to send one frame, or says when there will be one.
    pub fn take(&mut self, now: Instant) -> Result<(), Instant> {
        if self.rate <= 0.0 {
            return Ok(());
        }
        self.refill(now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(now + Duration::from_secs_f64((1.0 - self.tokens) / self.rate))
    }

    /// Counts a frame that does not wait. At most a second's worth is owed.
    pub fn spend(&mut self, now: Instant) {
        self.refill(now);
        self.tokens = (self.tokens - 1.0).max(-self.rate);
    }

    fn refill(&mut self, now: Instant) {
        self.tokens = (self.tokens + now.duration_since(self.at).as_secs_f64() * self.rate)
            .min(self.rate.max(1.0));
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let start = Instant::now();
        let mut pacer = Pacer::of_messages(8, start);
        assert_eq!((0..20).filter(|_| pacer.take(start).is_ok()).count(), 6);
        let next = pacer.take(start).expect_err("empty");
        assert!(pacer.take(next + Duration::from_millis(1)).is_ok());
        let later = next + Duration::from_mins(1);
        (0..6).for_each(|_| pacer.spend(later));
        assert_eq!(
            pacer
                .take(later)
                .expect_err("what does not wait counts too")
                - later,
            Duration::from_secs_f64(1.0 / 6.0)
        );
        let mut acks = Pacer::of_acks(20, start);
        assert_eq!((0..20).filter(|_| acks.take(start).is_ok()).count(), 4);
        let mut unlimited = Pacer::of_messages(0, start);
        assert!((0..1_000).all(|_| unlimited.take(start).is_ok()));
    }
}
