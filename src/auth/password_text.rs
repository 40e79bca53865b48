//! What a password must be, and what is stored of it.
//!
//! Stored is bcrypt over the base64 of HMAC-SHA-384, keyed with a fixed label, over the password's
//! NFKC form: 64 ASCII characters, whatever was typed. bcrypt alone reads only 72 bytes, which
//! passwords in many scripts exceed with 18 letters, and stops at a NUL. The label makes hashes
//! that leaked elsewhere useless here. A prefix marks this scheme; without it, what is stored is
//! bcrypt alone over the bytes that were typed, and is replaced at the next login. NFKC, because
//! some keyboards send `ş` as one character and others as two.

use std::{collections::HashSet, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha384;
use tebdil_protocol::Secret;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::PasswordError;

/// Before bcrypt's own text, where the password was hashed before.
const SCHEME: &str = "hmac-sha384:";
const LABEL: &[u8] = b"tebdil.password.v1";
/// Bytes that bcrypt alone takes; one more ends the text.
const MAX_OLD_BYTES: usize = 71;
/// In NFKC.
const MIN_CHARS: usize = 8;
/// In NFKC. Longer ones are no safer, and probably a mistake.
pub(super) const MAX_CHARS: usize = 128;
/// Longer texts are not even normalized: none that normalizes to [`MAX_CHARS`] has more.
const MAX_BYTES: usize = 4_096;

/// Passwords that guessers try first: the 3,000 most common of at least eight characters, and some
/// added here.
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let listed = include_str!("common_passwords.txt")
        .lines()
        .filter(|line| !line.starts_with('#'));
    listed.chain(OURS.iter().copied()).collect()
});

/// Common in Turkey, or here. In lower case.
const OURS: &[&str] = &[
    "qwerty123",
    "sifre123",
    "şifre123",
    "parola123",
    "galatasaray",
    "fenerbahce",
    "fenerbahçe",
    "besiktas",
    "beşiktaş",
    "trabzonspor",
    "istanbul",
    "seniseviyorum",
    "12341234",
    "asdasdasd",
    "123123123",
    "tebdil123",
];

/// Checks a new password; `about` is what others know about the user, such as alias and phone
/// number.
pub(super) fn check(password: &Secret, about: &[&str]) -> Result<(), PasswordError> {
    let text = password.expose();
    if text.len() > MAX_BYTES {
        return Err(PasswordError::TooLong);
    }
    let text = normal(text);
    let length = text.chars().count();
    if length > MAX_CHARS {
        return Err(PasswordError::TooLong);
    }
    let lower = Zeroizing::new(text.to_lowercase());
    let first = lower.chars().next();
    let known = about
        .iter()
        .map(|known| known.trim_start_matches('+').to_lowercase());
    let weak = length < MIN_CHARS
        || lower.chars().all(|c| Some(c) == first)
        || COMMON.contains(lower.as_str())
        || known
            .into_iter()
            .any(|known| lower.trim_start_matches(['+', '0']) == known.trim_start_matches('0'));
    if weak {
        Err(PasswordError::Weak)
    } else {
        Ok(())
    }
}

/// What is stored of a password. `None` when bcrypt fails.
pub(super) fn hash(password: &Secret, cost: u32) -> Option<Secret> {
    let hash = bcrypt::non_truncating_hash(prepared(password).as_slice(), cost).ok()?;
    Some(Secret::from(format!("{SCHEME}{hash}")))
}

/// Whether a password matches what is stored. It takes the same time for every password, and for
/// both schemes.
pub(super) fn verify(password: &Secret, stored: &Secret) -> bool {
    if let Some(hash) = stored.expose().strip_prefix(SCHEME) {
        return bcrypt::non_truncating_verify(prepared(password).as_slice(), hash).unwrap_or(false);
    }
    // A password too long for it is nobody's, but must take the same time.
    let typed = password.expose().as_bytes();
    let fits = typed.len() <= MAX_OLD_BYTES;
    let same =
        bcrypt::non_truncating_verify(&typed[..typed.len().min(MAX_OLD_BYTES)], stored.expose())
            .unwrap_or(false);
    same && fits
}

/// Whether what is stored should be replaced.
pub(super) fn is_old(stored: &Secret) -> bool {
    !stored.expose().starts_with(SCHEME)
}

/// A hash that no password matches, with the same cost as all others.
pub(super) fn of_nobody(cost: u32) -> Result<Secret, bcrypt::BcryptError> {
    // Hashed cheaply and then declared expensive: checking costs what the text declares, and the
    // bytes match nothing.
    let cheap = bcrypt::hash_with_salt("", 4, [0x5a; 16])?.to_string();
    Ok(Secret::from(format!(
        "{SCHEME}{}{cost:02}{}",
        &cheap[..4],
        &cheap[6..]
    )))
}

fn normal(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.nfkc().collect())
}

/// What bcrypt gets: 64 characters.
fn prepared(password: &Secret) -> Zeroizing<Vec<u8>> {
    let mut mac = Hmac::<Sha384>::new_from_slice(LABEL).expect("HMAC takes keys of any length");
    mac.update(normal(password.expose()).as_bytes());
    Zeroizing::new(STANDARD.encode(mac.finalize().into_bytes()).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_and_overlong_passwords_are_refused() {
        let about = ["kediadam", "+905301234567"];
        let weak = [
            "",
            "short",
            "aaaaaaaaaa",
            "12345678",
            "PASSWORD",
            "KediAdam",
            "+905301234567",
            "905301234567",
            "ｐａｓｓｗｏｒｄ",
            "ŞİFRE12",
        ];
        for password in weak {
            assert_eq!(
                check(&password.into(), &about),
                Err(PasswordError::Weak),
                "{password}"
            );
        }
        let many =
            |text: &str, times: usize| Secret::from(format!("1{}", text.repeat(times)).as_str());
        for long in [
            many("ş", 127),
            many("s\u{327}", 127),
            many("鍵", 63),
            many("🔑", 63),
            many("a\0", 60),
        ] {
            assert_eq!(
                check(&long, &about),
                Ok(()),
                "{} bytes",
                long.expose().len()
            );
        }
        for long in [
            many("ş", 128),
            many("ﷺ", 8),
            many("a", 200),
            many("a", 100_000),
        ] {
            assert_eq!(
                check(&long, &about),
                Err(PasswordError::TooLong),
                "{} bytes",
                long.expose().len()
            );
        }
        assert_eq!(check(&"yağmur yağıyor".into(), &about), Ok(()));
    }

    #[test]
    fn the_three_thousand_most_common_are_refused() {
        let listed: Vec<&str> = include_str!("common_passwords.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect();
        assert_eq!(listed.len(), 3_000);
        assert_eq!(listed.iter().collect::<HashSet<_>>().len(), 3_000);
        for password in listed {
            assert!(
                password.chars().count() >= MIN_CHARS && password.to_lowercase() == password,
                "{password}"
            );
            for typed in [password.to_owned(), password.to_uppercase()] {
                assert_eq!(
                    check(&typed.as_str().into(), &[]),
                    Err(PasswordError::Weak),
                    "{password}"
                );
            }
        }
        assert!(
            OURS.iter()
                .all(|password| password.to_lowercase() == *password)
        );
    }

    #[test]
    fn a_password_of_any_script_counts_to_its_end() {
        let long = "ğüşiöç".repeat(10);
        let stored = hash(&long.as_str().into(), 4).expect("a hash");
        assert!(verify(&long.as_str().into(), &stored));
        let other = format!("{}x", &long[..long.len() - 'ç'.len_utf8()]);
        assert!(
            !verify(&other.as_str().into(), &stored),
            "120 bytes, and the last counts"
        );
        let nul = hash(&"abcdefgh\0ijk".into(), 4).expect("a hash");
        assert!(
            verify(&"abcdefgh\0ijk".into(), &nul) && !verify(&"abcdefgh\0xyz".into(), &nul),
            "and what is after a NUL"
        );
    }

    #[test]
    fn a_password_is_the_same_from_every_keyboard() {
        let stored = hash(&"ya\u{11f}mur şarkısı".into(), 4).expect("a hash");
        assert!(verify(&"yag\u{306}mur s\u{327}arkısı".into(), &stored));
        assert!(!verify(&"Yağmur şarkısı".into(), &stored), "case counts");
    }

    #[test]
    fn what_was_stored_by_the_old_scheme_goes_on() {
        let old = Secret::from(bcrypt::hash("yağmur yağıyor", 4).expect("a hash").as_str());
        assert!(is_old(&old) && verify(&"yağmur yağıyor".into(), &old));
        assert!(
            !verify(&"yağmur yağmıyor".into(), &old)
                && !verify(&"x".repeat(5_000).as_str().into(), &old)
        );
        let cut = Secret::from(
            bcrypt::hash("x".repeat(MAX_OLD_BYTES), 4)
                .expect("a hash")
                .as_str(),
        );
        assert!(!verify(
            &"x".repeat(MAX_OLD_BYTES + 1).as_str().into(),
            &cut
        ));
        let new = hash(&"yağmur yağıyor".into(), 4).expect("a hash");
        assert!(!is_old(&new) && !verify(&old.expose()[..].into(), &old));
        // A known value: whoever changes the scheme must change its name.
        assert_eq!(
            std::str::from_utf8(&prepared(&"yağmur yağıyor".into())).map(str::len),
            Ok(64)
        );
        assert!(!verify(&Secret::from(""), &of_nobody(4).expect("a hash")));
    }
}
