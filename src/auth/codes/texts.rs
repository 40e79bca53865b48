//! What a code comes with, in the language of its reader. The texts are in `texts/`, a file for each language.

use serde::Deserialize;
use tebdil_core::{domain::Locale, protocol::Secret};

use super::template::fill;

/// The texts of one language.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Language {
    /// With `{alias}` and `{code}`.
    registration: String,
    /// With `{code}`.
    password_reset: String,
}

/// The texts of every language.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    tr: Language,
    en: Language,
}

impl Texts {
    pub fn load() -> Self {
        let read = |text| toml::from_str(text).expect("the texts are part of the program, and a test reads them");
        Self { tr: read(include_str!("texts/tr.toml")), en: read(include_str!("texts/en.toml")) }
    }

    /// Tells who reads it which alias the code would register: it may be somebody else's.
    pub fn registration(&self, locale: Locale, alias: &str, code: &str) -> Secret {
        // A phone would make a link of `a.b`.
        let alias = alias.replace('.', ". ");
        Secret::from(fill(&self.of(locale).registration, &[("alias", &alias), ("code", code)]))
    }

    pub fn password_reset(&self, locale: Locale, code: &str) -> Secret {
        Secret::from(fill(&self.of(locale).password_reset, &[("code", code)]))
    }

    const fn of(&self, locale: Locale) -> &Language {
        match locale {
            Locale::Tr => &self.tr,
            Locale::En => &self.en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_names_code_and_alias() {
        let texts = Texts::load();
        for locale in Locale::ALL {
            let text = texts.registration(*locale, "kedi.com", "012345");
            assert!(text.expose().contains("\"kedi. com\"") && text.expose().contains(" 012345,"), "{}", text.expose());
            let text = texts.password_reset(*locale, "012345");
            assert!(text.expose().contains(" 012345,"), "{}", text.expose());
            assert!(!text.expose().contains('{'));
        }
        assert_ne!(texts.password_reset(Locale::Tr, "1"), texts.password_reset(Locale::En, "1"));
    }
}
