//! Whom an ad or an announcement is meant for.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::domain::Locale;

/// The text is not one of a [`TargetGroup`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be all, free, premium, locale:tr, locale:en, or one of the first three and one of the last two with a comma between"
)]
pub struct InvalidTarget;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subscribers {
    All,
    Free,
    Premium,
}

/// Whom an ad or an announcement is meant for: `all`, `free` or `premium`, `locale:tr` or
/// `locale:en`, or one of each separated by a comma, which must both hold.
///
/// Premium users see only ads that name them, if the operator allows those (a setting).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TargetGroup {
    subscribers: Subscribers,
    locale: Option<Locale>,
}

impl TargetGroup {
    /// Everybody.
    pub const ALL: Self = Self {
        subscribers: Subscribers::All,
        locale: None,
    };

    /// Whether only premium users are meant, or only others; `None` for both.
    pub const fn premium(self) -> Option<bool> {
        match self.subscribers {
            Subscribers::All => None,
            Subscribers::Free => Some(false),
            Subscribers::Premium => Some(true),
        }
    }

    /// The language, if only one is meant.
    pub const fn locale(self) -> Option<Locale> {
        self.locale
    }

    /// Whether somebody is meant.
    pub fn includes(self, is_premium: bool, locale: Locale) -> bool {
        self.premium().is_none_or(|premium| premium == is_premium)
            && self.locale.is_none_or(|meant| meant == locale)
    }
}

impl FromStr for TargetGroup {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let (mut subscribers, mut locale) = (None, None);
        for word in text.split(',') {
            let twice = match word {
                "all" => subscribers.replace(Subscribers::All).is_some(),
                "free" => subscribers.replace(Subscribers::Free).is_some(),
                "premium" => subscribers.replace(Subscribers::Premium).is_some(),
                word => {
                    let named = word
                        .strip_prefix("locale:")
                        .and_then(Locale::from_text)
                        .ok_or(InvalidTarget)?;
                    locale.replace(named).is_some()
                }
            };
            if twice {
                return Err(InvalidTarget);
            }
        }
        Ok(Self {
            subscribers: subscribers.unwrap_or(Subscribers::All),
            locale,
        })
    }
}

impl fmt::Display for TargetGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.subscribers, self.locale) {
            (Subscribers::All, None) => f.write_str("all"),
            (Subscribers::All, Some(locale)) => write!(f, "locale:{locale}"),
            (subscribers, locale) => {
                f.write_str(if subscribers == Subscribers::Free {
                    "free"
                } else {
                    "premium"
                })?;
                locale.map_or(Ok(()), |locale| write!(f, ",locale:{locale}"))
            }
        }
    }
}

impl utoipa::PartialSchema for TargetGroup {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::{ObjectBuilder, schema::Type};
        let pattern = "^(?:(?:all|free|premium)(?:,locale:(?:tr|en))?|locale:(?:tr|en)(?:,(?:all|free|premium))?)$";
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(pattern))
            .into()
    }
}

impl utoipa::ToSchema for TargetGroup {}

impl TryFrom<String> for TargetGroup {
    type Error = InvalidTarget;

    fn try_from(text: String) -> Result<Self, InvalidTarget> {
        text.parse()
    }
}

#[cfg(feature = "sqlx")]
crate::stored_as!(TargetGroup, String);

impl From<TargetGroup> for String {
    fn from(target: TargetGroup) -> Self {
        target.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_one_spelling_each() {
        for text in [
            "all",
            "free",
            "premium",
            "locale:tr",
            "free,locale:en",
            "premium,locale:tr",
        ] {
            assert_eq!(text.parse::<TargetGroup>().expect(text).to_string(), text);
        }
        for (text, kept) in [
            ("locale:en,free", "free,locale:en"),
            ("all,locale:tr", "locale:tr"),
        ] {
            assert_eq!(text.parse::<TargetGroup>().expect(text).to_string(), kept);
        }
        for bad in [
            "",
            "nobody",
            "free,premium",
            "locale:tr,locale:en",
            "free,free",
            "locale:de",
            "free,",
            "free, locale:tr",
            "ALL",
        ] {
            assert!(bad.parse::<TargetGroup>().is_err(), "{bad:?}");
        }
    }
}
