//! Client addresses, as far as limits count by them.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// How many times an address's allowance the networks around it have, from narrow to wide: an IPv6
/// customer often has a /56, some a /48. An IPv4 address counts only for itself.
pub const ALLOWANCES: [u32; 3] = [1, 4, 16];

/// The prefixes of IPv6 that go with [`ALLOWANCES`].
const PREFIXES: [u8; 3] = [64, 56, 48];

/// The address by which limits are counted; never stored or logged. For IPv6 it is the /64, which
/// belongs to one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

/// A network that is counted as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpNet);

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Net::new_assert(address, PREFIXES[0]).network().into(),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

impl ClientAddress {
    /// The networks it counts for, from narrow to wide, in the order of [`ALLOWANCES`]: one for
    /// IPv4, three for IPv6.
    pub fn networks(self) -> impl Iterator<Item = Network> {
        let widths = match self.0 {
            IpAddr::V4(_) => 1,
            IpAddr::V6(_) => PREFIXES.len(),
        };
        PREFIXES[..widths].iter().map(move |prefix| {
            Network(match self.0 {
                IpAddr::V4(address) => Ipv4Net::from(address).into(),
                IpAddr::V6(address) => Ipv6Net::new_assert(address, *prefix).trunc().into(),
            })
        })
    }

    /// The neighbours with whom it shares a turn where clients wait in line: a /48, or a /24 of
    /// IPv4.
    pub fn neighbourhood(self) -> Network {
        Network(match self.0 {
            IpAddr::V4(address) => Ipv4Net::new_assert(address, 24).trunc().into(),
            IpAddr::V6(address) => Ipv6Net::new_assert(address, 48).trunc().into(),
        })
    }
}

impl Network {
    /// Bytes that distinguish it from every other, for a keyed hash.
    pub fn bytes(self) -> Vec<u8> {
        let mut bytes = vec![self.0.prefix_len()];
        match self.0.network() {
            IpAddr::V4(address) => bytes.extend(address.octets()),
            IpAddr::V6(address) => bytes.extend(address.octets()),
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> ClientAddress {
        text.parse::<IpAddr>().expect("an address").into()
    }

    #[test]
    fn an_ipv6_customer_is_one_address() {
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn an_ipv6_address_counts_for_three_networks_an_ipv4_for_one() {
        let networks = |text: &str| {
            of(text)
                .networks()
                .map(|network| network.0.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            networks("2001:db8:1:2fe::1"),
            [
                "2001:db8:1:2fe::/64",
                "2001:db8:1:200::/56",
                "2001:db8:1::/48"
            ]
        );
        assert_eq!(networks("192.0.2.1"), ["192.0.2.1/32"]);
        // One network and the first of its subnets begin with the same bytes.
        let keys: Vec<_> = of("2001:db8:1::1").networks().map(Network::bytes).collect();
        assert!(keys[0] != keys[1] && keys[1] != keys[2]);
        assert_eq!(
            of("2001:db8:1:2::").neighbourhood(),
            of("2001:db8:1:ffff::").neighbourhood()
        );
        assert_eq!(
            of("192.0.2.1").neighbourhood(),
            of("192.0.2.200").neighbourhood()
        );
        assert_ne!(
            of("192.0.2.1").neighbourhood(),
            of("192.0.3.1").neighbourhood()
        );
    }
}
