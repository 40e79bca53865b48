//! Countries by their region codes.

use phonenumber::country;
use serde::{Deserialize, Deserializer, de::Error as _};
use tebdil_core::settings::list;

/// Where codes are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Countries(Vec<country::Id>);

impl Countries {
    /// The countries; at least one.
    pub fn list(&self) -> &[country::Id] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Countries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = list(deserializer)?;
        let country = |name: &String| {
            name.trim()
                .parse()
                .map_err(|_| D::Error::custom(format!("`{name}` is not a region code such as TR")))
        };
        let list = names.iter().map(country).collect::<Result<Vec<_>, _>>()?;
        if list.is_empty() {
            Err(D::Error::custom("must name a region code such as TR"))
        } else {
            Ok(Self(list))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_environment_has_commas_and_unknown_ones_are_named() {
        let load = |text: &str| {
            let variable = ("TEBDIL_VERIFICATION__COUNTRIES".to_owned(), text.to_owned());
            Config::load(None, [variable])
                .map(|config| config.verification.countries)
                .map_err(|error| error.to_string())
        };
        assert_eq!(
            load("TR, DE"),
            Ok(Countries(vec![country::Id::TR, country::Id::DE]))
        );
        assert_eq!(
            Config::load(None, [])
                .expect("defaults")
                .verification
                .countries
                .list(),
            [country::Id::TR]
        );
        for wrong in ["", "XX9", "TR,,DE"] {
            let error = load(wrong).expect_err(wrong);
            assert!(
                error.contains("verification.countries") && error.contains("region code"),
                "{error}"
            );
        }
    }
}
