//! How many connections an address may have open, and how many of them unfinished.
//!
//! Each node counts for itself, without asking anybody: a flood of connections must cost the server
//! less than its sender. As for every limit, an address counts in each of its networks.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;

use super::LimitSettings;
use crate::address::{ALLOWANCES, ClientAddress, Network};

/// How many one address may have; [`ALLOWANCES`] says how many times as many its networks may.
#[derive(Debug, Clone, Copy)]
struct Most {
    open: u32,
    /// Of the open ones, those that have not yet shown what they are for.
    unfinished: u32,
}

/// The connections of one kind. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// `None` admits everybody.
    most: Option<Most>,
    here: Mutex<HashMap<Network, Count>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    open: u32,
    unfinished: u32,
}

/// Permits one connection until it is dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    connections: Connections,
    address: ClientAddress,
    finished: AtomicBool,
}

impl Connections {
    /// None so far; as many as the settings say.
    pub fn new(settings: &LimitSettings) -> Self {
        let most = Most {
            open: settings.connections_per_address,
            unfinished: settings.unfinished_per_address,
        };
        Self::of(settings.enabled.then_some(most))
    }

    /// Without a bound for an address.
    pub fn unbounded() -> Self {
        Self::of(None)
    }

    fn of(most: Option<Most>) -> Self {
        Self(Arc::new(Inner {
            most,
            here: Mutex::default(),
        }))
    }

    /// One more of this address, unfinished; `None` when it has too many.
    pub fn enter(&self, address: ClientAddress) -> Option<ConnectionPermit> {
        if let Some(most) = self.0.most {
            let mut here = self.0.here.lock();
            let fits = address.networks().zip(ALLOWANCES).all(|(network, times)| {
                let count = here.get(&network).copied().unwrap_or_default();
                count.open < most.open.saturating_mul(times)
                    && count.unfinished < most.unfinished.saturating_mul(times)
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
        Some(ConnectionPermit {
            connections: self.clone(),
            address,
            finished: AtomicBool::new(false),
        })
    }
}

impl ConnectionPermit {
    /// It has shown what it is for.
    pub fn finish(&self) {
        if !self.finished.swap(true, Ordering::Relaxed) {
            self.change(|count| count.unfinished -= 1);
        }
    }

    fn change(&self, change: impl Fn(&mut Count)) {
        let Inner { most, here } = &*self.connections.0;
        if most.is_none() {
            return;
        }
        let mut here = here.lock();
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

impl Drop for ConnectionPermit {
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
        let connections = Connections::of(Some(Most {
            open: 3,
            unfinished: 2,
        }));
        let one = address("192.0.2.1");
        let mut permits = vec![
            connections.enter(one).expect("first"),
            connections.enter(one).expect("second"),
        ];
        assert!(connections.enter(one).is_none(), "two are unfinished");
        assert!(
            connections.enter(address("192.0.2.2")).is_some(),
            "somebody else"
        );
        permits[0].finish();
        permits[0].finish();
        permits.push(connections.enter(one).expect("third"));
        permits[1].finish();
        assert!(connections.enter(one).is_none(), "three are open");
        permits.pop();
        permits.push(connections.enter(one).expect("one went"));
        drop(permits);
        assert!(
            connections.0.here.lock().is_empty(),
            "nothing is kept of who is gone"
        );
        let anybody = Connections::unbounded();
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
        let connections = Connections::of(Some(Most {
            open: 2,
            unfinished: 2,
        }));
        let mut permits = Vec::new();
        for subnet in 0..256 {
            permits.extend(connections.enter(address(&format!("2001:db8:1:{subnet:x}00::1"))));
        }
        assert_eq!(
            permits.len(),
            32,
            "a /48 has sixteen times as many as a /64"
        );
        assert!(connections.enter(address("2001:db8:2::1")).is_some());
        drop(permits);
        let permits: Vec<_> = (0..256)
            .filter_map(|subnet| connections.enter(address(&format!("2001:db8:1:{subnet:x}::1"))))
            .collect();
        assert_eq!(permits.len(), 8, "a /56 four times");
    }
}
