//! How many connections an address may have open, and how many of them unfinished.
//!
//! This is counted by each node for itself, with no question to anybody: whoever opens connections
//! as fast as it can must cost less than it spends. An address counts in each of its networks, as
//! for every limit.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    address::{ALLOWANCES, ClientAddress, Network},
    config::Config,
};

/// Most that one address may have; [`ALLOWANCES`] say how many times that its networks may.
#[derive(Debug, Clone, Copy)]
pub struct CrowdLimits {
    pub open: u32,
    /// Among the open ones, those that have not shown yet what they are for.
    pub unfinished: u32,
}

/// The connections of one kind. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Crowd(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// `None` lets everybody in.
    limits: Option<CrowdLimits>,
    here: Mutex<HashMap<Network, Count>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    open: u32,
    unfinished: u32,
}

/// One connection's place, until it is dropped.
#[derive(Debug)]
pub struct Seat {
    crowd: Crowd,
    address: ClientAddress,
    finished: AtomicBool,
}

impl Crowd {
    /// Nobody is there; as the settings say.
    pub fn of(config: &Config) -> Self {
        let limits = CrowdLimits {
            open: config.http.connections_per_address,
            unfinished: config.http.unfinished_per_address,
        };
        Self::new(config.limits.enabled.then_some(limits))
    }

    /// Nobody is there.
    pub fn new(limits: Option<CrowdLimits>) -> Self {
        Self(Arc::new(Inner {
            limits,
            here: Mutex::default(),
        }))
    }

    /// Takes a place, unfinished; `None` when the address has too many.
    pub fn enter(&self, address: ClientAddress) -> Option<Seat> {
        if let Some(limits) = self.0.limits {
            let mut here = self.lock();
            let fits = address.networks().zip(ALLOWANCES).all(|(network, times)| {
                let count = here.get(&network).copied().unwrap_or_default();
                count.open < limits.open.saturating_mul(times)
                    && count.unfinished < limits.unfinished.saturating_mul(times)
            });
            if !fits {
                return None;
            }
            for network in address.networks() {
                let count = here.entry(network).or_default();
                count.open += 1;
                count.unfinished += 1;
            }
        }
        Some(Seat {
            crowd: self.clone(),
            address,
            finished: AtomicBool::new(false),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Network, Count>> {
        // Nothing that is done under the lock can panic half way.
        self.0.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// It has shown what it is for.
    pub fn finish(&self) {
        if !self.finished.swap(true, Ordering::Relaxed) {
            self.change(|count| count.unfinished -= 1);
        }
    }

    fn change(&self, change: impl Fn(&mut Count)) {
        if self.crowd.0.limits.is_none() {
            return;
        }
        let mut here = self.crowd.lock();
        for network in self.address.networks() {
            if let Entry::Occupied(mut count) = here.entry(network) {
                change(count.get_mut());
                if count.get().open == 0 {
                    count.remove();
                }
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.finish();
        self.change(|count| count.open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn address(text: &str) -> ClientAddress {
        text.parse::<IpAddr>().expect("an address").into()
    }

    #[test]
    fn an_address_has_so_many_open_and_so_many_unfinished() {
        let crowd = Crowd::new(Some(CrowdLimits {
            open: 3,
            unfinished: 2,
        }));
        let one = address("192.0.2.1");
        let mut seats = vec![
            crowd.enter(one).expect("first"),
            crowd.enter(one).expect("second"),
        ];
        assert!(crowd.enter(one).is_none(), "two are unfinished");
        assert!(crowd.enter(address("192.0.2.2")).is_some(), "somebody else");
        seats[0].finish();
        seats[0].finish();
        seats.push(crowd.enter(one).expect("third"));
        seats[1].finish();
        assert!(crowd.enter(one).is_none(), "three are open");
        seats.pop();
        seats.push(crowd.enter(one).expect("one went"));
        drop(seats);
        assert!(crowd.lock().is_empty(), "nothing is kept of who is gone");
        let anybody = Crowd::new(None);
        assert!(
            (0..100)
                .map(|_| anybody.enter(one))
                .collect::<Vec<_>>()
                .iter()
                .all(Option::is_some)
        );
    }

    #[test]
    fn a_site_with_many_subnets_has_a_bound_of_its_own() {
        let crowd = Crowd::new(Some(CrowdLimits {
            open: 2,
            unfinished: 2,
        }));
        let mut seats = Vec::new();
        for subnet in 0..256 {
            seats.extend(crowd.enter(address(&format!("2001:db8:1:{subnet:x}00::1"))));
        }
        assert_eq!(seats.len(), 32, "a /48 has sixteen times as many as a /64");
        assert!(crowd.enter(address("2001:db8:2::1")).is_some());
        drop(seats);
        let seats: Vec<_> = (0..256)
            .filter_map(|subnet| crowd.enter(address(&format!("2001:db8:1:{subnet:x}::1"))))
            .collect();
        assert_eq!(seats.len(), 8, "a /56 four times");
    }
}
