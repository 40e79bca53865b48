//! Ids: 63-bit, time-ordered, unique across nodes, JSON strings on the wire.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The text was not a positive 63-bit decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is a decimal number between 1 and 2^63-1, as a string")]
pub struct InvalidId;

fn parse(text: &str) -> Result<i64, InvalidId> {
    // `i64::from_str` takes a leading '+' and zeros; an id has exactly one spelling.
    if text.starts_with(['+', '0']) {
        return Err(InvalidId);
    }
    text.parse().ok().filter(|id| *id > 0).ok_or(InvalidId)
}

/// The spelling of ids.
fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
    use utoipa::openapi::{ObjectBuilder, SchemaFormat, schema::Type};
    let format = SchemaFormat::Custom("id".to_owned());
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(format))
        .pattern(Some("^[1-9][0-9]{0,18}$"))
        .into()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "sqlx", derive(sqlx_macros::Type), sqlx(transparent))]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl From<i64> for $name {
            fn from(id: i64) -> Self {
                Self(id)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
                parse(&text).map(Self).map_err(de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                schema()
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}

ids! {
    /// An account.
    UserId,
    /// One signed-in device of an account.
    SessionId,
    /// A conversation of two users.
    MatchId,
    /// A search; used for one match at most.
    TicketId,
    /// A block of one user by another.
    BlockId,
    /// A row of the quota ledger.
    LedgerId,
    /// A one-time or last-resort key package.
    KeyPackageId,
    /// A row of `system_logs`.
    SystemLogId,
    /// A notification of a user.
    NotificationId,
    /// A request to get a right back.
    ClaimId,
    /// An invitation of a phone.
    ReferralId,
    /// A period with a subscription.
    SubscriptionId,
    /// An ad.
    AdId,
    /// A background job.
    JobId,
    /// Something the operator tells many users.
    AnnouncementId,
    /// A one-time code.
    CodeId,
    /// A report of one user about another.
    ReportId,
    /// A ban of a phone.
    BanId,
    /// An appeal against a ban.
    AppealId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        for bad in [
            "",
            "0",
            "-1",
            "+1",
            "01",
            "9223372036854775808",
            "1.0",
            " 1",
        ] {
            assert!(bad.parse::<UserId>().is_err(), "{bad:?}");
        }
        assert_eq!("9223372036854775807".parse(), Ok(UserId(i64::MAX)));
        assert!(
            serde_json::from_str::<UserId>("1").is_err(),
            "numbers lose precision in JavaScript"
        );
    }
}
