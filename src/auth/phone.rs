//! Phone numbers: one canonical form, and one that may be shown.

use phonenumber::{Mode, Type, country, metadata::DATABASE};
use tebdil_protocol::Secret;

/// Reads phone numbers; those without a country code belong to one region.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Phones {
    region: country::Id,
}

impl Phones {
    /// `region` was checked with the settings.
    pub fn new(region: &str) -> Self {
        Self {
            region: region.parse().unwrap_or(country::Id::TR),
        }
    }

    /// Loads the tables, which takes the first reader about 0.2 s.
    pub fn warm(self) {
        let _ = self.e164("+905301234567");
    }

    /// The E.164 form of a valid number: `+905301234567`.
    pub fn e164(self, text: &str) -> Option<Secret> {
        let text = text.trim();
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        // The parser also reads letters, extensions and URIs; no client of ours sends those.
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+ ()-./".contains(&byte));
        if !plain || text.len() > 32 || !(5..=17).contains(&digits) {
            return None;
        }
        let number = phonenumber::parse(Some(self.region), text).ok()?;
        number
            .is_valid()
            .then(|| Secret::from(number.format().mode(Mode::E164).to_string()))
    }

    /// Whether a text may be sent to an E.164 number: a mobile one of one of `countries`. Texts to
    /// other numbers can cost the sender a lot.
    pub fn takes_texts(e164: &str, countries: &[country::Id]) -> bool {
        let Ok(number) = phonenumber::parse(None, e164) else {
            return false;
        };
        // In some countries mobile numbers look like any other.
        let mobile = matches!(
            number.number_type(&DATABASE),
            Type::Mobile | Type::FixedLineOrMobile
        );
        mobile
            && number
                .country()
                .id()
                .is_some_and(|country| countries.contains(&country))
    }

    /// Country code and last two digits of an E.164 number: `+90 ******** 67`.
    pub fn masked(e164: &str) -> String {
        let Ok(number) = phonenumber::parse(None, e164) else {
            return "+**".to_owned();
        };
        let code = number.code().value().to_string();
        let rest = e164
            .trim_start_matches('+')
            .len()
            .saturating_sub(code.len());
        let shown = e164.get(e164.len().saturating_sub(2)..).unwrap_or_default();
        format!("+{code} {} {shown}", "*".repeat(rest.saturating_sub(2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_has_one_form() {
        let phones = Phones::new("TR");
        for text in [
            "+905301234567",
            "05301234567",
            "5301234567",
            "0530 123 45 67",
            "(0530) 123-45-67",
            "0090 530 123 45 67",
            " +90 530 1234567 ",
        ] {
            assert_eq!(
                phones
                    .e164(text)
                    .map(|phone| phone.expose().to_owned())
                    .as_deref(),
                Some("+905301234567"),
                "{text}"
            );
        }
        assert_eq!(
            phones
                .e164("+49 30 901820")
                .map(|phone| phone.expose().to_owned())
                .as_deref(),
            Some("+4930901820")
        );
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let phones = Phones::new("TR");
        for text in [
            "",
            "12",
            "+",
            "hello",
            "+905301234567;ext=1",
            "tel:+905301234567",
            "+90530123456789012",
            "+90 000 000 00 00",
            "٠٥٣٠١٢٣٤٥٦٧",
        ] {
            assert!(phones.e164(text).is_none(), "{text}");
        }
        assert!(phones.e164(&"5".repeat(10_000)).is_none());
    }

    #[test]
    fn texts_go_to_mobiles_of_the_named_countries() {
        let takes = |e164| Phones::takes_texts(e164, &[country::Id::TR, country::Id::US]);
        assert!(takes("+905301234567") && takes("+12015550123"));
        for no in [
            "+902121234567",
            "+909001234567",
            "+4915123456789",
            "+12423456789",
            "+881612345678",
            "905301234567",
            "",
        ] {
            assert!(!takes(no), "{no}");
        }
    }

    #[test]
    fn the_mask_shows_country_and_two_digits() {
        assert_eq!(Phones::masked("+905301234567"), "+90 ******** 67");
        assert_eq!(Phones::masked("+4930901820"), "+49 ****** 20");
    }
}
