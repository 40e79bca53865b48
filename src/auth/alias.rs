//! Aliases: what is allowed, and when two are the same.

use tebdil_core::store::{Alias, ERASED_ALIAS};
use unicode_normalization::UnicodeNormalization as _;
use unicode_security::{RestrictionLevel, RestrictionLevelDetection as _, skeleton};

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

/// No alias begins with it.
const SERVICE: &str = "tebdil";

/// Longest alias.
const MAX_CHARS: usize = 20;

/// Normalizing can make text several times longer; what is far too long is not even read.
const MAX_BYTES: usize = 256;

/// Reads an alias: 3 to 20 letters, digits, `_` or `.` after NFKC, with at least one letter, of one
/// script, of characters that Unicode allows in identifiers (TR 39), and not looking like a
/// reserved word.
pub(super) fn parse(text: &str) -> Option<Alias> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let text: String = text.nfkc().collect();
    if !(3..=MAX_CHARS).contains(&text.chars().count())
        || !text.chars().all(is_allowed)
        || !text.chars().any(char::is_alphabetic)
    {
        return None;
    }
    // This also checks that every character is allowed in identifiers: none is invisible or of a
    // script no longer written.
    if !text.check_restriction_level(RestrictionLevel::SingleScript) {
        return None;
    }
    let key = fold(&text);
    (!is_reserved(&key)).then(|| Alias {
        skeleton: look(&key),
        text,
        key,
    })
}

/// What somebody is called who must not be called as before.
const NEUTRAL: &[&str] = &[
    "gezgin",
    "komşu",
    "misafir",
    "seyyah",
    "tanıdık",
    "yolcu",
    "ziyaretçi",
];

/// One that says nothing about anybody, for somebody whose own was taken away.
pub(crate) fn neutral(rng: &mut impl rand::RngExt) -> Alias {
    let text = NEUTRAL[rng.random_range(0..NEUTRAL.len())];
    parse(text).expect("a good alias")
}

/// Whether a folded alias would pass for the service, even with digits, dots and marks in it, or
/// with digits that look like letters.
fn is_reserved(key: &str) -> bool {
    let letters: String = plain(key).filter(|c| c.is_alphabetic()).collect();
    let characters: String = plain(&look(key)).filter(|c| c.is_alphanumeric()).collect();
    [look(&letters), characters].iter().any(|seen| {
        let seen: String = plain(seen).collect();
        RESERVED.iter().any(|word| look(word) == seen) || seen.starts_with(&look(SERVICE))
    })
}

/// What a folded alias looks like: its skeleton after TR 39. `i`, `l`, `1` and `I` are one, since
/// case does not tell aliases apart and `I` looks like `l`.
fn look(key: &str) -> String {
    let seen: String = skeleton(key).collect();
    fold(&seen).replace('l', "i")
}

/// The folded form of an alias or of its beginning; `None` if no alias can begin like that.
pub(crate) fn search_key(text: &str) -> Option<String> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let text: String = text.nfkc().collect();
    ((1..=MAX_CHARS).contains(&text.chars().count()) && text.chars().all(is_allowed))
        .then(|| fold(&text))
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
    text.nfd()
        .filter(|c| !unicode_normalization::char::is_combining_mark(*c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neutral_ones_are_good() {
        assert!(NEUTRAL.iter().all(|text| parse(text).is_some()));
    }

    #[test]
    fn letters_digits_dot_and_underscore() {
        for good in [
            "kediadam",
            "Ayşe_99",
            "a.b",
            "ÇIĞLIK",
            "Ωμέγα",
            "Иванов",
            "さくら_1",
            "دوست",
        ] {
            assert!(parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "ab",
            "a b c",
            "ab#1234",
            "123",
            "...",
            "abc\u{200b}",
            "a\u{202e}bc",
            "abcdefghijklmnopqrstu",
            "abc😀",
            "a-b-c",
        ] {
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
    fn one_script_and_only_what_can_be_seen() {
        for mixed in [
            "аdmin",
            "kеdi",
            "Ωmega",
            "paypаl",
            "κedi",
            "kediです",
            "ᴋedi",
            "kedi\u{3164}",
            "ad\u{34f}min",
            "\u{115f}kedi",
            "ad\u{ad}min",
            "𐌀𐌁𐌂",
        ] {
            assert!(parse(mixed).is_none(), "{mixed:?}");
        }
    }

    #[test]
    fn turkish_letters_are_letters() {
        for good in [
            "ışık",
            "İSTANBUL",
            "Şule",
            "çiğdem",
            "öğrenci_1",
            "gülüş",
            "Ağrı.04",
        ] {
            let alias = parse(good).unwrap_or_else(|| panic!("{good}"));
            assert_eq!(alias.text, good);
        }
        let look = |text| parse(text).expect("allowed").skeleton;
        assert_eq!(
            look("ışık"),
            look("IŞIK"),
            "the two i are one, as in the key"
        );
        assert_ne!(look("gül"), look("gul"), "marks can be seen");
    }

    #[test]
    fn what_looks_the_same_has_one_skeleton() {
        let look = |text| parse(text).expect("allowed").skeleton;
        for (one, other) in [
            ("kedi0", "kedio"),
            ("Ali", "AIi"),
            ("all", "a1l"),
            ("rnavi", "mavi"),
            ("soğan", "s0ğan"),
        ] {
            assert_eq!(look(one), look(other), "{one} {other}");
        }
        // A whole word in another script.
        assert_eq!(look("сосна"), look("сосна"));
        assert_eq!(look("сор"), look("cop"), "all Cyrillic, all Latin");
        for (one, other) in [("kedi1", "kedi2"), ("kedi", "kedı2"), ("ayse", "ayşe")] {
            assert_ne!(look(one), look(other), "{one} {other}");
        }
        // Told by every alias alike, whatever it was written as.
        for text in ["kediadam", "Mehmet", "0rhan", "İlmek"] {
            let seen = look(text);
            assert_eq!(super::look(&seen), seen, "{text}");
        }
    }

    #[test]
    fn what_looks_like_a_word_of_the_service_is_reserved() {
        for bad in [
            "adm1n",
            "admln",
            "AdmIn",
            "r00t",
            "m0derator",
            "rnoderator",
            "teb.dil",
            "tebdll_1",
            "Tebdı1",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
        for good in ["adminton", "modern", "botanik", "bandana", "kaptan"] {
            assert!(parse(good).is_some(), "{good}");
        }
    }

    #[test]
    fn what_is_searched_is_folded_like_what_is_stored() {
        let alias = parse("KEDİ_Adam.1").expect("allowed");
        for beginning in ["k", "Kedi", "KEDI_", "ｋｅｄｉ", "kedı_adam.1"] {
            assert!(
                search_key(beginning).is_some_and(|key| alias.key.starts_with(&key)),
                "{beginning}"
            );
        }
        for bad in [
            "",
            "kedi adam",
            "kedi%",
            "kedi\0",
            &"a".repeat(21),
            &"a".repeat(100_000),
        ] {
            assert_eq!(search_key(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn words_of_the_service_are_reserved() {
        for bad in [
            "admin",
            "Admin",
            "ADMİN",
            "a.d.m.i.n",
            "admin_1",
            "Yönetici",
            "moderatör",
            "Tebdil",
            "tebdil_destek",
            "Deleted",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
        assert!(parse("adminton").is_some());
    }
}
