//! Whole numbers as JSON Schema has them: `5.0` is one too, which some clients write.

use std::{fmt, marker::PhantomData};

use serde::{Deserialize, Deserializer, de};

/// Reads a whole number, with or without a fraction of zero.
pub(super) fn read<'de, D: Deserializer<'de>, T: TryFrom<i64>>(from: D) -> Result<T, D::Error> {
    Whole::deserialize(from).map(|Whole(number)| number)
}

/// The same for a field that may be absent or null.
pub(super) fn read_optional<'de, D: Deserializer<'de>, T: TryFrom<i64>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    Option::<Whole<T>>::deserialize(from).map(|number| number.map(|Whole(number)| number))
}

/// The same for a field of a patch: an explicit null is `Some(None)`.
#[expect(
    clippy::option_option,
    reason = "absent, null and a value are three cases"
)]
pub(super) fn read_present<'de, D: Deserializer<'de>, T: TryFrom<i64>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    read_optional(from).map(Some)
}

struct Whole<T>(T);

impl<'de, T: TryFrom<i64>> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_i64(WholeVisitor(PhantomData))
    }
}

struct WholeVisitor<T>(PhantomData<T>);

impl<T: TryFrom<i64>> de::Visitor<'_> for WholeVisitor<T> {
    type Value = Whole<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Whole<T>, E> {
        T::try_from(number)
            .map(Whole)
            .map_err(|_| E::custom("too large"))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Whole<T>, E> {
        i64::try_from(number)
            .map_err(|_| E::custom("too large"))
            .and_then(|number| self.visit_i64(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Whole<T>, E> {
        // What is exact in both; nothing here is larger.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if number.fract() != 0.0 || number.abs() > EXACT {
            return Err(E::custom("not a whole number"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and exact")]
        self.visit_i64(number as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Numbers {
        #[serde(deserialize_with = "read")]
        amount: i64,
        #[serde(default, deserialize_with = "read_optional")]
        days: Option<u32>,
    }

    #[test]
    fn a_fraction_of_zero_is_none() {
        let numbers = |text: &str| {
            serde_json::from_str::<Numbers>(text)
                .ok()
                .map(|numbers| (numbers.amount, numbers.days))
        };
        assert_eq!(
            numbers(r#"{"amount":-1079.0,"days":30.0}"#),
            Some((-1079, Some(30)))
        );
        assert_eq!(numbers(r#"{"amount":1e3,"days":null}"#), Some((1000, None)));
        assert_eq!(numbers(r#"{"amount":5}"#), Some((5, None)));
        for bad in [
            r#"{"amount":0.5}"#,
            r#"{"amount":1e300}"#,
            r#"{"amount":"5"}"#,
            r#"{"amount":5,"days":-1}"#,
            r#"{"amount":5,"days":1.5}"#,
        ] {
            assert_eq!(numbers(bad), None, "{bad}");
        }
    }
}
