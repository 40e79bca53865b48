//! What one node counts by itself.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Keys that one counter remembers at most: 13 MB of a limiter's.
const MOST_KEYS: usize = 200_000;

/// A value for each key, with the moment from which on the key is as good as new.
///
/// Beyond [`MOST_KEYS`] those are forgotten that are next to be as good as new, half of all: a
/// million addresses that ask once each make room for one that is at its limit.
#[derive(Debug)]
pub(super) struct Counts<V> {
    known: Mutex<HashMap<[u8; 32], (V, Instant)>>,
    most: usize,
}

impl<V: Copy> Counts<V> {
    pub fn new() -> Self {
        Self::of_at_most(MOST_KEYS)
    }

    fn of_at_most(most: usize) -> Self {
        Self {
            known: Mutex::default(),
            most,
        }
    }

    /// Replaces what is known of a key, as seen now, in one step. `None` is as good as new.
    pub fn change<R>(
        &self,
        key: &[u8; 32],
        change: impl FnOnce(Option<(V, Instant)>, Instant) -> (Option<(V, Instant)>, R),
    ) -> R {
        let now = Instant::now();
        let mut known = self.known.lock();
        let before = known.get(key).copied();
        let (after, outcome) = change(before.filter(|(_, end)| *end > now), now);
        if let Some(after) = after {
            if before.is_none() && known.len() >= self.most {
                forget(&mut known, now, self.most / 2);
            }
            known.insert(*key, after);
        } else {
            known.remove(key);
        }
        outcome
    }

    /// Forgets the key.
    pub fn clear(&self, key: &[u8; 32]) {
        self.known.lock().remove(key);
    }

    /// Forgets keys that are as good as new.
    pub fn forget_idle(&self) {
        let mut known = self.known.lock();
        forget(&mut known, Instant::now(), self.most);
        known.shrink_to_fit();
    }
}

/// Forgets keys that are as good as new, and of the others all but `most`.
fn forget<V>(known: &mut HashMap<[u8; 32], (V, Instant)>, now: Instant, most: usize) {
    known.retain(|_, (_, end)| *end > now);
    let mut surplus = known.len().saturating_sub(most);
    if surplus == 0 {
        return;
    }
    let mut ends: Vec<Instant> = known.values().map(|(_, end)| *end).collect();
    let (_, last, _) = ends.select_nth_unstable(surplus - 1);
    known.retain(|_, (_, end)| {
        let goes = surplus > 0 && *end <= *last;
        surplus -= usize::from(goes);
        !goes
    });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::realtime::Rate;

    fn key(number: u32) -> [u8; 32] {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&number.to_be_bytes());
        key
    }

    fn count(counts: &Counts<()>, rate: Rate, number: u32) -> Result<(), Duration> {
        rate.count_in(counts, &key(number))
    }

    #[test]
    fn of_a_million_keys_those_at_the_limit_are_remembered() {
        let (counts, rate) = (
            Counts::new(),
            Rate {
                burst: 3,
                per_s: 3_600,
            },
        );
        for _ in 0..1_000 {
            let _ = count(&counts, rate, 0);
        }
        assert_eq!(counts.known.lock().len(), 1);
        for number in 1..1_000_000 {
            assert_eq!(count(&counts, rate, number), Ok(()));
        }
        assert!(counts.known.lock().len() <= MOST_KEYS);
        assert!(count(&counts, rate, 0).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn those_next_to_be_as_good_as_new_go_first() {
        let (counts, rate) = (Counts::of_at_most(4), Rate { burst: 9, per_s: 9 });
        for number in 1..=4 {
            for _ in 0..number {
                assert_eq!(count(&counts, rate, number), Ok(()));
            }
        }
        assert_eq!(count(&counts, rate, 5), Ok(()));
        let mut left: Vec<_> = counts.known.lock().keys().copied().collect();
        left.sort_unstable();
        assert_eq!(left, [3, 4, 5].map(key));
        tokio::time::advance(Duration::from_secs(3)).await;
        counts.forget_idle();
        assert_eq!(counts.known.lock().len(), 1, "the fourth has a second left");
        tokio::time::advance(Duration::from_secs(1)).await;
        counts.forget_idle();
        assert_eq!(counts.known.lock().len(), 0);
    }

    #[test]
    fn of_keys_with_one_end_no_more_go_than_must() {
        let (counts, end) = (
            Counts::of_at_most(4),
            Instant::now() + Duration::from_hours(1),
        );
        for number in 0..5 {
            counts.change(&key(number), |_, _| (Some(((), end)), ()));
        }
        assert_eq!(
            counts.known.lock().len(),
            3,
            "two of four, and the newcomer"
        );
    }
}
