//! Where a client shows an ad.

use serde::{Deserialize, Serialize};

/// The text is not a [`Placement`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 32 of a-z, 0-9 and _")]
pub struct InvalidPlacement;

/// Where a client shows an ad: 1 to 32 of `a`–`z`, `0`–`9` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Placement(String);

impl Placement {
    /// After a match; the server sends these by itself.
    pub fn match_end() -> Self {
        Self("match_end".to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl utoipa::PartialSchema for Placement {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::{ObjectBuilder, schema::Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[a-z0-9_]{1,32}$"))
            .into()
    }
}

impl utoipa::ToSchema for Placement {}

impl TryFrom<String> for Placement {
    type Error = InvalidPlacement;

    fn try_from(text: String) -> Result<Self, InvalidPlacement> {
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if plain && (1..=32).contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err(InvalidPlacement)
        }
    }
}

#[cfg(feature = "sqlx")]
crate::stored_as!(Placement, String);

impl From<Placement> for String {
    fn from(placement: Placement) -> Self {
        placement.0
    }
}
