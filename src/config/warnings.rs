//! Values that work but are dangerous.

use std::time::Duration;

use super::{Config, relay};
use crate::auth::{codes::Gateway, settings::Sender};

impl Config {
    /// Values that work but are dangerous, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let risks = [
            (
                !self.limits.enabled,
                "limits.enabled = false: anybody may guess passwords at full speed",
            ),
            (
                self.auth.bcrypt_cost < 10,
                "auth.bcrypt_cost is below 10: stolen password hashes are cheap to break",
            ),
            (
                self.clock.offset_s != 0,
                "clock.offset_s is set: the server's time is wrong on purpose",
            ),
            (
                self.clock.max_skew.is_zero(),
                "clock.max_skew_s = 0: a node whose clock is wrong deletes what it takes for old",
            ),
            (self.auth.min_age < 18, "auth.min_age is below 18"),
            (
                !self.verification.phone,
                "verification.phone = false: phones are not verified, anybody may register somebody else's",
            ),
            (
                self.verification.sender == Sender::Log,
                "verification.sender = \"log\": whoever reads the log can take over every account",
            ),
            (
                self.verification.sender == Sender::Gateway
                    && Gateway::is_open(&self.verification.gateway),
                "verification.gateway.url is not https: phones and codes go over the network in clear",
            ),
            (
                self.billing.verifier_url.expose().starts_with("http://")
                    && !is_loopback_url(self.billing.verifier_url.expose()),
                "billing.verifier_url is not https: whoever is on the way can end subscriptions, and reads the token",
            ),
            (
                self.auth.access_ttl > Duration::from_hours(1),
                "auth.access_ttl_s is over an hour",
            ),
            (
                !self.metrics.listen.is_empty() && !is_loopback(&self.metrics.listen),
                "metrics.listen is not a loopback address: keep strangers away from it",
            ),
            (
                self.http.trusted_proxies.everybody(),
                "http.trusted_proxies holds every address: anybody may claim to be anybody, which takes limits per address away",
            ),
            (
                !self.redis.url.expose().is_empty() && self.http.trusted_proxies.nobody(),
                "http.trusted_proxies is empty: if there is a proxy in front of the nodes, limits per address count all of its clients as one",
            ),
            (
                self.is_shared() && self.redis.url.expose().is_empty(),
                "redis.url is empty: only one node may serve on this database; several would not know of each other's users",
            ),
            (
                !self.push.fcm_url.starts_with("https://"),
                "push.fcm_url is not https: whoever listens can push in this server's name",
            ),
            (
                !self.push.web_extra_origin.is_empty(),
                "push.web_extra_origin is set, which is for tests: every user can make this server post to it",
            ),
            (
                !is_loopback(&self.http.listen),
                "http.listen is not a loopback address: this server speaks no TLS, put a proxy in front",
            ),
        ];
        let risks = risks
            .into_iter()
            .filter(|(risky, _)| *risky)
            .map(|(_, text)| text);
        let of_relay = relay::warnings(
            &self.relay,
            !is_loopback(&self.http.listen),
            !self.redis.url.expose().is_empty(),
        );
        risks.chain(of_relay).map(str::to_owned).collect()
    }
}

fn is_loopback_url(url: &str) -> bool {
    let authority = url.split('/').nth(2).unwrap_or_default();
    is_loopback(authority) || is_loopback(&format!("{authority}:80")) || authority == "localhost"
}

fn is_loopback(listen: &str) -> bool {
    match listen.parse::<std::net::SocketAddr>() {
        Ok(address) => address.ip().is_loopback(),
        Err(_) => listen.starts_with("localhost:"),
    }
}
