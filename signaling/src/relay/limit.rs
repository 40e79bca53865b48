//! Limits that cost a fixed amount of memory.

use std::{
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// A token bucket (GCRA): stores the moment at which it is full again.
#[derive(Debug, Default)]
pub(super) struct Bucket(AtomicU64);

/// How fast a bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    per_second: u64,
    burst: u64,
}

impl Rate {
    /// `per_second` on average, `burst` at once.
    pub const fn new(per_second: u64, burst: u64) -> Self {
        Self { per_second, burst }
    }

    const fn nanos(self, units: u64) -> u64 {
        units.saturating_mul(1_000_000_000) / self.per_second
    }
}

impl Bucket {
    /// Takes so many units, or none if there are fewer.
    pub fn take(&self, rate: Rate, units: u64, now: Ticks) -> bool {
        let (cost, capacity) = (rate.nanos(units), rate.nanos(rate.burst));
        let taken = |full_at: u64| {
            Some(full_at.max(now.0) + cost).filter(|full_at| *full_at <= now.0 + capacity)
        };
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken)
            .is_ok()
    }

    /// Whether it is as if it had never been used.
    pub fn is_full(&self, now: Ticks) -> bool {
        self.0.load(Ordering::Relaxed) <= now.0
    }
}

/// Nanoseconds since the relay started, unaffected by changes of the machine's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticks(u64);

impl Ticks {
    /// Those since `start`.
    pub fn since(start: Instant) -> Self {
        Self(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX / 2))
    }

    /// Some time later.
    #[cfg(test)]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0 + u64::try_from(time.as_nanos()).expect("short"))
    }

    /// Whole seconds.
    pub const fn seconds(self) -> u64 {
        Duration::from_nanos(self.0).as_secs()
    }
}

/// Limits answers to addresses that may be forged.
///
/// A table of fixed size, however many addresses there are. Colliding addresses share a bucket,
/// which costs an honest client a retransmission while somebody floods; the key is random at each
/// start, so nobody can aim at another's bucket.
pub(super) struct Sources {
    buckets: Box<[Bucket]>,
    hasher: RandomState,
}

/// Many people may share an address, and each needs one or two answers per allocation. At 88 bytes
/// each, a forged sender's address gets 18 kB a second.
const ANSWERS: Rate = Rate::new(200, 400);
const BUCKETS: u64 = 1 << 15;

impl Sources {
    pub fn new() -> Self {
        Self {
            buckets: (0..BUCKETS).map(|_| Bucket::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Whether one more answer may go to this address. An IPv6 address counts as its /64.
    pub fn allow(&self, ip: IpAddr, now: Ticks) -> bool {
        let prefix = match ip.to_canonical() {
            IpAddr::V4(ip) => u64::from(ip.to_bits()),
            IpAddr::V6(ip) => u64::try_from(ip.to_bits() >> 64).unwrap_or(0),
        };
        let index = usize::try_from(self.hasher.hash_one(prefix) % BUCKETS).unwrap_or(0);
        self.buckets[index].take(ANSWERS, 1, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let (bucket, rate) = (Bucket::default(), Rate::new(100, 50));
        let start = Ticks(7 * SECOND);
        assert!(bucket.take(rate, 50, start) && !bucket.take(rate, 1, start));
        assert!(!bucket.is_full(start));
        let later = Ticks(start.0 + SECOND / 10);
        assert!(!bucket.take(rate, 11, later), "10 came back");
        assert!(bucket.take(rate, 10, later));
        let full = Ticks(start.0 + 10 * SECOND);
        assert!(
            bucket.is_full(full) && !bucket.take(rate, 51, full) && bucket.take(rate, 50, full),
            "never more than the burst"
        );
    }

    #[test]
    fn sources_are_limited_one_by_one_and_ipv6_by_network() {
        let (sources, now) = (Sources::new(), Ticks(0));
        let allowed = |ip: &str| {
            (0..1_000)
                .filter(|_| sources.allow(ip.parse().expect("ip"), now))
                .count()
        };
        assert_eq!(allowed("192.0.2.1"), 400);
        assert_eq!(allowed("::ffff:192.0.2.1"), 0);
        assert_eq!(allowed("2001:db8::1"), 400);
        assert_eq!(allowed("2001:db8::ffff:2"), 0);
        // One chance in 16,384 that either shares a bucket with the two above.
        assert_eq!(allowed("192.0.2.2") + allowed("2001:db8:0:1::1"), 800);
    }
}
