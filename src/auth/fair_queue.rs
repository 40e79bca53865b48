//! The queue for the threads that hash.
//!
//! Neighbours (a /48, or a /24 of IPv4) share a line, and the lines take turns. When all places are
//! taken, the longest line gives one up to a newcomer in a shorter one. So a network that floods
//! the queue waits for itself; somebody from elsewhere waits for at most one of each other line.

use std::collections::{HashMap, VecDeque};

use parking_lot::{Condvar, Mutex};

use crate::address::Network;

/// A bounded queue, fair between networks.
#[derive(Debug)]
pub(super) struct FairQueue<T> {
    /// How many may wait.
    places: usize,
    waiting: Mutex<Waiting<T>>,
    /// Wakes a thread.
    came: Condvar,
}

#[derive(Debug)]
struct Waiting<T> {
    lines: HashMap<Network, VecDeque<T>>,
    /// Whose turn is next; each line once.
    turns: VecDeque<Network>,
    count: usize,
    closed: bool,
}

impl<T> FairQueue<T> {
    pub fn new(places: usize) -> Self {
        let waiting = Waiting {
            lines: HashMap::new(),
            turns: VecDeque::new(),
            count: 0,
            closed: false,
        };
        Self {
            places,
            waiting: Mutex::new(waiting),
            came: Condvar::new(),
        }
    }

    /// Joins a line. The error is the one that has to go: the newcomer, or the last of a longer
    /// line.
    pub fn join(&self, from: Network, newcomer: T) -> Result<(), T> {
        let mut waiting = self.waiting.lock();
        let full = waiting.count >= self.places;
        let evicted = if full { waiting.make_room(from) } else { None };
        if full && evicted.is_none() {
            return Err(newcomer);
        }
        waiting.add(from, newcomer);
        drop(waiting);
        self.came.notify_one();
        evicted.map_or(Ok(()), Err)
    }

    /// Waits for the next one; `None` when the queue was closed.
    pub fn next(&self) -> Option<T> {
        let mut waiting = self.waiting.lock();
        loop {
            if let Some(next) = waiting.take() {
                return Some(next);
            }
            if waiting.closed {
                return None;
            }
            self.came.wait(&mut waiting);
        }
    }

    /// Closes it; those waiting are still served.
    pub fn close(&self) {
        self.waiting.lock().closed = true;
        self.came.notify_all();
    }
}

impl<T> Waiting<T> {
    fn add(&mut self, from: Network, newcomer: T) {
        let line = self.lines.entry(from).or_default();
        if line.is_empty() {
            self.turns.push_back(from);
        }
        line.push_back(newcomer);
        self.count += 1;
    }

    fn take(&mut self) -> Option<T> {
        let whose = self.turns.pop_front()?;
        let line = self.lines.get_mut(&whose)?;
        let next = line.pop_front()?;
        if line.is_empty() {
            self.lines.remove(&whose);
        } else {
            self.turns.push_back(whose);
        }
        self.count -= 1;
        Some(next)
    }

    /// Removes the last of the longest line, if that line stays at least as long as the newcomer's
    /// will be.
    fn make_room(&mut self, from: Network) -> Option<T> {
        let own = self.lines.get(&from).map_or(0, VecDeque::len);
        let longest = self
            .lines
            .values_mut()
            .max_by_key(|line| line.len())
            .filter(|line| line.len() > own + 1)?;
        self.count -= 1;
        longest.pop_back()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::address::ClientAddress;

    fn network(text: &str) -> Network {
        ClientAddress::from(text.parse::<IpAddr>().expect("an address")).neighbourhood()
    }

    #[test]
    fn a_flood_waits_for_itself() {
        let line = FairQueue::new(8);
        let (flood, other) = (network("2001:db8::"), network("192.0.2.1"));
        for number in 0..8 {
            assert_eq!(line.join(flood, number), Ok(()));
        }
        assert_eq!(line.join(flood, 8), Err(8), "the line is full");
        assert_eq!(
            line.join(other, 100),
            Err(7),
            "the flood's last gives up its place"
        );
        assert_eq!(
            [line.next(), line.next(), line.next()],
            [Some(0), Some(100), Some(1)]
        );
    }

    #[test]
    fn places_are_shared_until_nobody_has_more_than_another() {
        let line = FairQueue::new(4);
        let networks = [
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "2001:db8::",
            "2001:db8:1::",
        ]
        .map(network);
        for number in 0..4 {
            assert_eq!(line.join(networks[0], number), Ok(()));
        }
        assert_eq!(line.join(networks[1], 10), Err(3));
        assert_eq!(line.join(networks[1], 11), Err(2));
        assert_eq!(line.join(networks[1], 12), Err(12), "both have two");
        assert!([0, 1, 10, 11].contains(&line.join(networks[2], 20).expect_err("one of two goes")));
        assert!([0, 1, 10, 11].contains(&line.join(networks[3], 30).expect_err("one of two goes")));
        assert_eq!(line.join(networks[4], 40), Err(40), "each has one");
        line.close();
        let mut served: Vec<_> = std::iter::from_fn(|| line.next()).collect();
        served.sort_unstable();
        assert_eq!(served, [0, 10, 20, 30]);
        assert!(line.waiting.lock().lines.is_empty() && line.waiting.lock().turns.is_empty());
    }
}
