//! The text around a code, in its reader's language. The sentences are in `locales/`, with
//! everything else that users are told.

use rust_i18n::t;
use tebdil_protocol::{Secret, domain::Locale};

/// Tells the reader which alias the code would register: it may be somebody else's.
pub(super) fn registration(locale: Locale, alias: &str, code: &str) -> Secret {
    // A phone would make `a.b` a link.
    let alias = alias.replace('.', ". ");
    Secret::from(String::from(t!(
        "code.registration",
        locale = locale.as_str(),
        alias = alias,
        code = code
    )))
}

pub(super) fn password_reset(locale: Locale, code: &str) -> Secret {
    Secret::from(String::from(t!(
        "code.password_reset",
        locale = locale.as_str(),
        code = code
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_names_code_and_alias() {
        for locale in Locale::ALL {
            let text = registration(*locale, "kedi.com", "012345");
            assert!(
                text.expose().contains("\"kedi. com\"") && text.expose().contains(" 012345,"),
                "{}",
                text.expose()
            );
            let text = password_reset(*locale, "012345");
            assert!(text.expose().contains(" 012345,"), "{}", text.expose());
            assert!(!text.expose().contains('{'));
        }
        assert_ne!(
            password_reset(Locale::Tr, "1"),
            password_reset(Locale::En, "1")
        );
    }
}
