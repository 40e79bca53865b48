//! Where a request comes from, and how many an address may make.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State, connect_info::ConnectInfo},
    http::{HeaderMap, HeaderName, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{Api, problem::Failure};
pub use crate::address::ClientAddress;
use crate::{config::TrustedProxies, limits::Limit};

/// Requests without a limit per address: health checks must get an answer, and billing events all
/// come from one address, signed.
pub(super) const UNLIMITED: [&str; 3] = ["/healthz", "/readyz", "/v1/billing/events"];

/// Addresses a request came through, as each proxy saw the one before it: the client first, the
/// nearest proxy's peer last.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

impl FromRequestParts<Arc<Api>> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Infallible> {
        Ok(client(parts, &api.config.http.trusted_proxies))
    }
}

/// Middleware: limits the requests of an address, whatever they ask for.
pub(super) async fn limit(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let unlimited = parts
        .extensions
        .get::<MatchedPath>()
        .is_some_and(|path| UNLIMITED.contains(&path.as_str()));
    if !unlimited {
        let address = client(&parts, &api.config.http.trusted_proxies);
        if let Err(limited) = api.limiters.check(Limit::RestAddress, address).await {
            return Failure::from(limited).into_response();
        }
    }
    next.run(Request::from_parts(parts, body)).await
}

/// The client of this request: the peer, or the one that a trusted peer names.
pub fn client(parts: &Parts, trusted: &TrustedProxies) -> ClientAddress {
    let peer = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|peer| peer.0.ip());
    // Only a router without a listener has no peer; then all of its requests share one budget.
    let peer = peer.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    named(peer, &parts.headers, trusted).into()
}

/// The client behind `peer`. From the right, each address is believed as long as a trusted proxy
/// wrote it, so the first that is not a trusted proxy is the client; anybody can have written what
/// is left of it. If that is no address, it is the peer.
fn named(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> IpAddr {
    if !trusted.contains(peer) {
        return peer;
    }
    let mut client = peer;
    // Several headers form one list.
    for header in headers.get_all(FORWARDED_FOR).iter().rev() {
        let Ok(list) = header.to_str() else {
            return peer;
        };
        for entry in list.rsplit(',') {
            let Some(address) = parse(entry.trim()) else {
                return peer;
            };
            client = address;
            if !trusted.contains(address) {
                return client;
            }
        }
    }
    // All of them are trusted proxies: the request comes from the farthest one, such as a health
    // check.
    client
}

/// Some proxies add the port.
fn parse(entry: &str) -> Option<IpAddr> {
    entry
        .parse::<IpAddr>()
        .ok()
        .or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    /// The client behind `peer` when 10.0.0.0/8, 192.0.2.7 and `fd00::/8` are trusted.
    fn seen(peer: &str, headers: &[&str]) -> String {
        let trusted =
            TrustedProxies::parse(["10.0.0.0/8", "192.0.2.7", "fd00::/8"]).expect("networks");
        let headers = headers
            .iter()
            .map(|value| (FORWARDED_FOR, value.parse().expect("a value")))
            .collect();
        named(address(peer), &headers, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_peer_is_believed() {
        assert_eq!(seen("10.1.2.3", &["198.51.100.4"]), "198.51.100.4");
        assert_eq!(seen("192.0.2.7", &["198.51.100.4"]), "198.51.100.4");
        assert_eq!(seen("::ffff:10.1.2.3", &["198.51.100.4"]), "198.51.100.4");
        assert_eq!(seen("fd00::1", &["2001:db8::4"]), "2001:db8::4");
        assert_eq!(seen("192.0.2.8", &["198.51.100.4"]), "192.0.2.8");
        assert_eq!(seen("203.0.113.9", &["10.0.0.1"]), "203.0.113.9");
        assert_eq!(seen("10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn the_last_address_before_our_own_proxies_counts() {
        assert_eq!(
            seen("10.1.2.3", &["203.0.113.1, 198.51.100.4"]),
            "198.51.100.4"
        );
        assert_eq!(
            seen(
                "10.1.2.3",
                &["203.0.113.1,198.51.100.4 , 10.9.9.9,192.0.2.7"]
            ),
            "198.51.100.4"
        );
        assert_eq!(
            seen("10.1.2.3", &["203.0.113.1", "198.51.100.4", "10.9.9.9"]),
            "198.51.100.4"
        );
        assert_eq!(seen("10.1.2.3", &["10.0.0.5, 10.0.0.6"]), "10.0.0.5");
        assert_eq!(
            seen("10.1.2.3", &["198.51.100.4:5000, [fd00::2]:443"]),
            "198.51.100.4"
        );
    }

    #[test]
    fn what_is_no_address_counts_for_the_peer() {
        for wrong in [
            "",
            "unknown",
            "198.51.100.4,",
            "198.51.100.4 10.0.0.1",
            "198.51.100.400",
            "gül",
            ", 10.0.0.1",
        ] {
            assert_eq!(seen("10.1.2.3", &[wrong]), "10.1.2.3", "{wrong:?}");
        }
        assert_eq!(
            seen("10.1.2.3", &["nonsense, 198.51.100.4"]),
            "198.51.100.4",
            "what a client wrote does not spoil what a proxy wrote"
        );
    }
}
