//! What the service is called, and what its users agree to.

use std::path::PathBuf;

use serde::Deserialize;
use tebdil_core::settings::Checks;

/// The section `[service]`: what clients are told of the service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub name: String,
    /// An e-mail address or `https://…`; empty: none.
    pub support_contact: String,
    /// Empty: none.
    pub minimum_client_version: String,
}

impl Service {
    pub(super) fn check(&self, check: &mut Checks) {
        let chars = self.name.chars().count();
        check.that(
            (1..=40).contains(&chars)
                && self.name.trim() == self.name
                && !self.name.chars().any(char::is_control),
            "service.name",
            "must be 1 to 40 characters in one line",
        );
        check.that(
            self.support_contact.is_empty() || is_contact(&self.support_contact),
            "service.support_contact",
            "must be empty, an e-mail address, or https://…",
        );
        let numbers: Vec<&str> = self.minimum_client_version.split('.').collect();
        check.that(
            self.minimum_client_version.is_empty()
                || (numbers.len() <= 3 && numbers.iter().all(|number| is_number(number))),
            "service.minimum_client_version",
            "must be empty, or one to three numbers such as 1.4.2",
        );
    }
}

/// Whether people can write there. It stands in pages, as the address of a link.
fn is_contact(text: &str) -> bool {
    let is_plain = text.chars().count() <= 200
        && !text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || "\"'<>\\?#".contains(c));
    let is_page = text.starts_with("https://") && text.len() > "https://".len();
    let is_mail = !text.contains([':', '/', '%'])
        && text.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && host.contains('.') && !host.contains('@')
        });
    is_plain && (is_page || is_mail)
}

fn is_number(text: &str) -> bool {
    (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The section `[legal]`: terms and the other texts that everybody may read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Legal {
    /// What users must have accepted, at least.
    pub terms_version: i64,
    /// The folder with texts of the operator; empty: there are none.
    pub dir: PathBuf,
}

impl Legal {
    pub(super) fn check(&self, check: &mut Checks) {
        check.range("legal.terms_version", self.terms_version, 1..=1_000_000);
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn refused(variable: &str, value: &str) -> Option<String> {
        Config::load(None, [(variable.to_owned(), value.to_owned())])
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn a_contact_is_a_mail_or_a_page() {
        let contact = "TEBDIL_SERVICE__SUPPORT_CONTACT";
        for good in ["", "destek@example.org", "https://example.org/help"] {
            assert_eq!(refused(contact, good), None, "{good}");
        }
        for bad in [
            "example.org",
            "@example.org",
            "a@b",
            "a@b@c.example",
            "http://example.org",
            "https://",
            "javascript:alert(1)@a.b",
            "a b@example.org",
            "a@example.org?subject=x",
            "https://example.org/\"x",
        ] {
            let error = refused(contact, bad).expect(bad);
            assert!(error.starts_with("service.support_contact: "), "{error}");
        }
    }

    #[test]
    fn names_and_versions_have_a_form() {
        for (variable, value) in [
            ("TEBDIL_SERVICE__NAME", ""),
            ("TEBDIL_SERVICE__NAME", " x"),
            ("TEBDIL_SERVICE__NAME", "a\nb"),
            ("TEBDIL_SERVICE__MINIMUM_CLIENT_VERSION", "1.2.3.4"),
            ("TEBDIL_SERVICE__MINIMUM_CLIENT_VERSION", "1.x"),
            ("TEBDIL_SERVICE__MINIMUM_CLIENT_VERSION", "1..2"),
            ("TEBDIL_LEGAL__TERMS_VERSION", "0"),
            ("TEBDIL_LEGAL__TERMS_VERSION", "2026-01"),
        ] {
            assert!(refused(variable, value).is_some(), "{variable} {value:?}");
        }
        for (variable, value) in [
            ("TEBDIL_SERVICE__NAME", "Gül & Co"),
            ("TEBDIL_SERVICE__MINIMUM_CLIENT_VERSION", "1.20"),
            ("TEBDIL_LEGAL__TERMS_VERSION", "7"),
        ] {
            assert_eq!(refused(variable, value), None, "{variable} {value:?}");
        }
    }
}
