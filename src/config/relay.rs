//! Settings of the relay.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
};

use serde::Deserialize;
use tebdil_signaling::{NotARange, RelayRange};

/// The section `[relay]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relay {
    pub embedded: bool,
    pub listen: String,
    /// Empty: that of `listen`.
    pub public_ip: String,
    pub min_port: u16,
    pub max_port: u16,
    /// With commas; use [`Self::urls`].
    pub urls: String,
    /// With commas; use [`Self::ranges`].
    pub others: String,
    pub credential_ttl_s: u64,
    pub allocations: u32,
    pub kilobytes_per_second: u32,
}

impl Relay {
    /// Where it listens.
    pub fn listen_address(&self) -> SocketAddr {
        // The check of the settings refused what is none.
        self.listen.parse().unwrap_or(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0))
    }

    /// What it gives out.
    pub fn own_range(&self) -> RelayRange {
        RelayRange { ip: self.ip().unwrap_or(Ipv4Addr::LOCALHOST.into()), ports: self.ports() }
    }

    fn ip(&self) -> Option<IpAddr> {
        match self.public_ip.as_str() {
            "" => self.listen.parse::<SocketAddr>().ok().map(|address| address.ip()),
            ip => ip.parse().ok(),
        }
    }

    const fn ports(&self) -> RangeInclusive<u16> {
        self.min_port..=self.max_port
    }

    /// What clients are told instead of the embedded relay.
    pub fn urls(&self) -> impl Iterator<Item = String> {
        list(&self.urls).map(str::to_owned)
    }

    fn others(&self) -> Result<Vec<RelayRange>, NotARange> {
        list(&self.others).map(str::parse).collect()
    }

    /// What all relays of the service give out.
    pub fn ranges(&self) -> Vec<RelayRange> {
        let mut ranges = self.others().unwrap_or_default();
        ranges.extend(self.embedded.then(|| self.own_range()));
        ranges
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// What values must be.
pub(super) fn check(relay: &Relay, check: &mut impl FnMut(bool, &'static str, &str)) {
    check(!relay.embedded || relay.listen.parse::<SocketAddr>().is_ok(), "relay.listen", "must be ADDRESS:PORT, the address in numbers");
    let reachable = relay.ip().is_some_and(|ip| !ip.is_unspecified());
    check(!relay.embedded || reachable, "relay.public_ip", "must be the address clients reach the relay at, in numbers");
    check(relay.min_port >= 1_024 && relay.min_port <= relay.max_port, "relay.min_port", "must be 1024 to relay.max_port");
    let schemes =
        relay.urls().all(|url| (url.starts_with("turn:") || url.starts_with("turns:")) && url.bytes().all(|byte| byte.is_ascii_graphic()));
    check(schemes, "relay.urls", "must be turn:HOST:PORT?transport=udp, turns:HOST:PORT …, separated by commas");
    check(relay.others().is_ok(), "relay.others", &NotARange.to_string());
    let named = relay.urls.is_empty() || !relay.ranges().is_empty();
    check(named, "relay.others", "must say what the relays of relay.urls give out");
    check((60..=3_600).contains(&relay.credential_ttl_s), "relay.credential_ttl_s", "must be 60 to 3600");
    check((2..=64).contains(&relay.allocations), "relay.allocations", "must be 2 to 64");
    check((10..=100_000).contains(&relay.kilobytes_per_second), "relay.kilobytes_per_second", "must be 10 to 100000");
}
