//! Settings of the relay.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    time::Duration,
};

use serde::Deserialize;
use tebdil_core::settings::{Checks, seconds};
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
    /// Separated by commas; use [`Self::urls`].
    pub urls: String,
    /// Separated by commas; use [`Self::ranges`].
    pub others: String,
    #[serde(rename = "credential_ttl_s", deserialize_with = "seconds")]
    pub credential_ttl: Duration,
    pub allocations: u32,
    pub kilobytes_per_second: u32,
}

impl Relay {
    /// Where it listens.
    pub fn listen_address(&self) -> SocketAddr {
        // The check of the settings has refused anything else.
        self.listen
            .parse()
            .unwrap_or(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0))
    }

    /// What it gives out.
    pub fn own_range(&self) -> RelayRange {
        RelayRange {
            ip: self.ip().unwrap_or(Ipv4Addr::LOCALHOST.into()),
            ports: self.ports(),
        }
    }

    fn ip(&self) -> Option<IpAddr> {
        match self.public_ip.as_str() {
            "" => self
                .listen
                .parse::<SocketAddr>()
                .ok()
                .map(|address| address.ip()),
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

    pub(super) fn check(&self, check: &mut Checks) {
        // Also if no node has one: `tebdil turn` reads the same settings.
        check.that(
            self.listen.parse::<SocketAddr>().is_ok(),
            "relay.listen",
            "must be ADDRESS:PORT, the address in numbers",
        );
        let reachable = self.ip().is_some_and(|ip| !ip.is_unspecified());
        check.that(
            reachable,
            "relay.public_ip",
            "must be the address clients reach the relay at, in numbers",
        );
        check.that(
            self.min_port >= 1_024 && self.min_port <= self.max_port,
            "relay.min_port",
            "must be 1024 to relay.max_port",
        );
        let schemes = self.urls().all(|url| {
            (url.starts_with("turn:") || url.starts_with("turns:"))
                && url.bytes().all(|byte| byte.is_ascii_graphic())
        });
        check.that(
            schemes,
            "relay.urls",
            "must be turn:HOST:PORT?transport=udp, turns:HOST:PORT …, separated by commas",
        );
        check.that(self.others().is_ok(), "relay.others", NotARange.to_string());
        let named = self.urls.is_empty() || !self.ranges().is_empty();
        check.that(
            named,
            "relay.others",
            "must say what the relays of relay.urls give out",
        );
        let lifetime = self.credential_ttl.as_secs();
        check.range("relay.credential_ttl_s", lifetime, 60..=3_600);
        check.range("relay.allocations", self.allocations, 2..=64);
        check.range(
            "relay.kilobytes_per_second",
            self.kilobytes_per_second,
            10..=100_000,
        );
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

/// Values that work but are hardly intended, for a node that others can reach (`public`), and for
/// one among `several`.
pub(super) fn warnings(
    relay: &Relay,
    public: bool,
    several: bool,
) -> impl Iterator<Item = &'static str> {
    let risks = [
        (
            relay.embedded && relay.urls.is_empty() && public && relay.own_range().ip.is_loopback(),
            "relay.listen and relay.public_ip are a loopback address: calls work on this machine only; name the address that clients reach, or other relays in \
             relay.urls",
        ),
        (
            relay.embedded && relay.urls.is_empty() && several && relay.others.is_empty(),
            "relay.others is empty: a call whose two sides are at the relays of different nodes is refused by both; name what the others give out",
        ),
    ];
    risks
        .into_iter()
        .filter(|(risky, _)| *risky)
        .map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn load(environment: &[(&str, &str)]) -> Result<Config, String> {
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(None, environment).map_err(|error| error.to_string())
    }

    fn relay_warnings(environment: &[(&str, &str)]) -> Vec<String> {
        let warnings = load(environment).expect("allowed").warnings();
        warnings
            .into_iter()
            .filter(|warning| warning.starts_with("relay."))
            .collect()
    }

    #[test]
    fn every_wrong_value_is_named() {
        for (name, value, field) in [
            ("TEBDIL_RELAY__LISTEN", "localhost:3478", "relay.listen"),
            ("TEBDIL_RELAY__LISTEN", "0.0.0.0:3478", "relay.public_ip"),
            (
                "TEBDIL_RELAY__PUBLIC_IP",
                "relay.example",
                "relay.public_ip",
            ),
            ("TEBDIL_RELAY__PUBLIC_IP", "0.0.0.0", "relay.public_ip"),
            ("TEBDIL_RELAY__MIN_PORT", "1023", "relay.min_port"),
            ("TEBDIL_RELAY__MAX_PORT", "49159", "relay.min_port"),
            ("TEBDIL_RELAY__URLS", "stun:turn.example.org", "relay.urls"),
            ("TEBDIL_RELAY__OTHERS", "192.0.2.1", "relay.others"),
            (
                "TEBDIL_RELAY__CREDENTIAL_TTL_S",
                "59",
                "relay.credential_ttl_s",
            ),
            ("TEBDIL_RELAY__ALLOCATIONS", "1", "relay.allocations"),
            (
                "TEBDIL_RELAY__KILOBYTES_PER_SECOND",
                "9",
                "relay.kilobytes_per_second",
            ),
        ] {
            let error = load(&[(name, value)]).expect_err(name);
            assert!(error.contains(field), "{name}={value}: {error}");
        }
        let elsewhere = [
            ("TEBDIL_RELAY__EMBEDDED", "false"),
            (
                "TEBDIL_RELAY__URLS",
                "turn:turn.example.org:3478?transport=udp",
            ),
        ];
        assert!(
            load(&elsewhere)
                .expect_err("no range")
                .contains("relay.others")
        );
        let range = (
            "TEBDIL_RELAY__OTHERS",
            "192.0.2.1:49160-49400, [2001:db8::1]:49160-49400",
        );
        assert_eq!(
            load(&[&elsewhere[..], &[range]].concat())
                .expect("good")
                .relay
                .ranges()
                .len(),
            2
        );
    }

    #[test]
    fn a_relay_that_nobody_reaches_warns() {
        assert_eq!(relay_warnings(&[]), Vec::<String>::new());
        let public = ("TEBDIL_HTTP__LISTEN", "0.0.0.0:8080");
        let [only] = &relay_warnings(&[public])[..] else {
            panic!("one warning")
        };
        assert!(only.starts_with("relay.listen"), "{only}");
        assert_eq!(
            relay_warnings(&[public, ("TEBDIL_RELAY__PUBLIC_IP", "192.0.2.1")]),
            Vec::<String>::new()
        );
        assert_eq!(
            relay_warnings(&[public, ("TEBDIL_RELAY__EMBEDDED", "false")]),
            Vec::<String>::new()
        );
        let cluster = [
            ("TEBDIL_DATABASE__URL", "postgres://u:p@db/x"),
            ("TEBDIL_REDIS__URL", "redis://cache"),
        ];
        let [only] = &relay_warnings(&cluster)[..] else {
            panic!("one warning")
        };
        assert!(only.starts_with("relay.others"), "{only}");
        assert_eq!(
            relay_warnings(
                &[
                    &cluster[..],
                    &[("TEBDIL_RELAY__OTHERS", "192.0.2.1:5000-6000")]
                ]
                .concat()
            ),
            Vec::<String>::new()
        );
    }
}
