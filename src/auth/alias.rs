//! Aliases: what is allowed, and when two are the same.

use tebdil_core::store::ERASED_ALIAS;
use unicode_normalization::UnicodeNormalization as _;

/// Words that would pass for the service itself, in folded form.
const RESERVED: &[&str] = &[
    "admin",
    "administrator",
    "anonim",
    "anonymous",
    "ban",
    "bot",
    ERASED_ALIAS,
    "destek",
    "everyone",
    "herkes",
    "mod",
    "moderasyon",
    "moderation",
    "moderator",
    "null",
    "official",
    "resmi",
    "root",
    "sistem",
    "staff",
    "support",
    "system",
    "tebdil",
    "undefined",
    "yetkili",
    "yonetici",
    "yonetim",
];

/// Longest alias.
const MAX_CHARS: usize = 20;

/// Normalizing can make text longer by a factor; what is far too long is not even looked at.
const MAX_BYTES: usize = 256;

/// An alias that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alias {
    /// As it is shown.
    pub text: String,
    /// As it is compared: without case, and without the difference of dotted and dotless i.
    pub key: String,
}

/// Reads an alias: 3 to 20 letters, digits, `_` or `.` after NFKC, with at least one letter, and no reserved word.
pub(super) fn parse(text: &str) -> Option<Alias> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let text: String = text.nfkc().collect();
    if !(3..=MAX_CHARS).contains(&text.chars().count()) || !text.chars().all(is_allowed) || !text.chars().any(char::is_alphabetic) {
        return None;
    }
    let key = fold(&text);
    let bare: String = plain(&key).filter(|c| c.is_alphabetic()).collect();
    let reserved = RESERVED.contains(&bare.as_str()) || bare.starts_with("tebdil");
    (!reserved).then_some(Alias { text, key })
}

/// The folded form of what an alias begins with, or of a whole one; `None` when none can begin so.
pub(crate) fn search_key(text: &str) -> Option<String> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let text: String = text.nfkc().collect();
    ((1..=MAX_CHARS).contains(&text.chars().count()) && text.chars().all(is_allowed)).then(|| fold(&text))
}

fn is_allowed(c: char) -> bool {
    c.is_alphabetic() || c.is_ascii_digit() || c == '_' || c == '.'
}

fn fold(text: &str) -> String {
    let lower = text.chars().flat_map(|c| match c {
        // In Turkish i and ı are different letters; for telling two people apart they are not.
        'I' | 'İ' | 'ı' => 'i'.to_lowercase(),
        c => c.to_lowercase(),
    });
    lower.nfkc().collect()
}

/// Letters without their marks, so that `yönetici` is found as `yonetici`.
fn plain(text: &str) -> impl Iterator<Item = char> + '_ {
    text.nfd().filter(|c| !unicode_normalization::char::is_combining_mark(*c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_digits_dot_and_underscore() {
        for good in ["kediadam", "Ayşe_99", "a.b", "ÇIĞLIK", "Ωmega"] {
            assert!(parse(good).is_some(), "{good}");
        }
        for bad in ["", "ab", "a b c", "ab#1234", "123", "...", "abc\u{200b}", "a\u{202e}bc", "abcdefghijklmnopqrstu", "abc😀", "a-b-c"] {
            assert!(parse(bad).is_none(), "{bad:?}");
        }
        assert!(parse(&"a".repeat(100_000)).is_none());
    }

    #[test]
    fn forms_that_look_the_same_are_the_same() {
        let key = |text| parse(text).expect("allowed").key;
        assert_eq!(key("KEDİADAM"), key("kediadam"));
        assert_eq!(key("Kedıadam"), key("KEDIADAM"));
        assert_eq!(key("ｋｅｄｉ"), key("kedi"), "full width");
        assert_eq!(parse("ｋｅｄｉ").expect("allowed").text, "kedi");
        assert_ne!(key("kedi1"), key("kedi2"));
    }

    #[test]
    fn what_is_searched_is_folded_like_what_is_stored() {
        let alias = parse("KEDİ_Adam.1").expect("allowed");
        for beginning in ["k", "Kedi", "KEDI_", "ｋｅｄｉ", "kedı_adam.1"] {
            assert!(search_key(beginning).is_some_and(|key| alias.key.starts_with(&key)), "{beginning}");
        }
        for bad in ["", "kedi adam", "kedi%", "kedi\0", &"a".repeat(21), &"a".repeat(100_000)] {
            assert_eq!(search_key(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn words_of_the_service_are_reserved() {
        for bad in ["admin", "Admin", "ADMİN", "a.d.m.i.n", "admin_1", "Yönetici", "moderatör", "Tebdil", "tebdil_destek", "Deleted"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
        assert!(parse("adminton").is_some());
    }
}
