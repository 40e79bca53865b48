//! Proxies whose `X-Forwarded-For` is believed.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error as _};
use tebdil_core::settings::list;

/// Networks of proxies that are trusted to say where a request came from. Usually empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads addresses (`192.0.2.1`) and networks (`10.0.0.0/8`).
    ///
    /// # Errors
    /// With the first text that is neither.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let network = |text: &str| {
            let text = text.trim();
            let network = text
                .parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| {
                format!("`{text}` is neither an address nor a network such as 10.0.0.0/8")
            })
        };
        texts
            .into_iter()
            .map(network)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether one of them contains this address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether there is none.
    pub(super) fn nobody(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them contains every IPv4 or every IPv6 address.
    pub(super) fn everybody(&self) -> bool {
        self.0.iter().any(|network| network.prefix_len() == 0)
    }
}

impl<'de> Deserialize<'de> for TrustedProxies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = list(deserializer)?;
        Self::parse(texts.iter().map(String::as_str)).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn from_environment(text: &str) -> Result<TrustedProxies, String> {
        let variable = ("TEBDIL_HTTP__TRUSTED_PROXIES".to_owned(), text.to_owned());
        Config::load(None, [variable])
            .map(|config| config.http.trusted_proxies)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_has_a_list_and_the_environment_has_commas() {
        let expected = TrustedProxies::parse(["10.0.0.0/8", "fd00::1"]).expect("networks");
        assert_eq!(
            from_environment("10.0.0.0/8, fd00::1"),
            Ok(expected.clone())
        );
        assert_eq!(from_environment(""), Ok(TrustedProxies::default()));

        let dir = tempfile::tempdir().expect("directory");
        let file = dir.path().join("tebdil.toml");
        std::fs::write(
            &file,
            "[http]\ntrusted_proxies = [\"10.0.0.0/8\", \"fd00::1\"]\n",
        )
        .expect("file");
        assert_eq!(load_file(&file), expected);
    }

    fn load_file(file: &Path) -> TrustedProxies {
        Config::load(Some(file), [])
            .expect("settings")
            .http
            .trusted_proxies
    }

    #[test]
    fn what_is_no_network_is_refused_by_name() {
        for wrong in [
            "10.0.0.0/33",
            "proxy.example",
            "10.0.0.1,,10.0.0.2",
            "10.0.0.1,",
        ] {
            let error = from_environment(wrong).expect_err(wrong);
            assert!(
                error.contains("trusted_proxies") && error.contains("neither an address"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_network_has_its_addresses_and_no_others() {
        let proxies =
            TrustedProxies::parse(["10.1.0.0/16", "192.0.2.1", "fd00::/8"]).expect("networks");
        for (address, inside) in [
            ("10.1.255.1", true),
            ("10.2.0.1", false),
            ("192.0.2.1", true),
            ("192.0.2.2", false),
            ("fd12::1", true),
            ("fe80::1", false),
            ("::ffff:10.1.0.1", true),
        ] {
            assert_eq!(
                proxies.contains(address.parse().expect("address")),
                inside,
                "{address}"
            );
        }
    }
}
