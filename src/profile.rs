//! Bounds of what users tell about themselves.

/// Most interests and languages of a user.
const MAX_INTERESTS: usize = 10;
const MAX_LANGUAGES: usize = 5;
/// Longest interest, characters.
const MAX_INTEREST: usize = 32;

/// Interests in the form they are compared in: trimmed, NFKC, lower case, without repetition.
///
/// # Errors
/// A sentence that names the field.
pub fn interests(texts: Vec<String>) -> Result<Vec<String>, String> {
    use unicode_normalization::UnicodeNormalization as _;
    let folded = texts.into_iter().map(|text| text.trim().nfkc().collect::<String>().to_lowercase());
    let fits = |text: &String| !text.is_empty() && text.chars().count() <= MAX_INTEREST && !text.chars().any(char::is_control);
    distinct(folded, MAX_INTERESTS, fits)
        .ok_or_else(|| format!("interests: at most {MAX_INTERESTS}, each of 1 to {MAX_INTEREST} characters"))
}

/// ISO 639-1 codes in lower case, without repetition.
///
/// # Errors
/// A sentence that names the field.
pub fn languages(codes: Vec<String>) -> Result<Vec<String>, String> {
    let folded = codes.into_iter().map(|code| code.to_ascii_lowercase());
    let fits = |code: &String| code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_lowercase());
    distinct(folded, MAX_LANGUAGES, fits).ok_or_else(|| format!("languages: at most {MAX_LANGUAGES} ISO 639-1 codes"))
}

fn distinct(texts: impl Iterator<Item = String>, most: usize, fits: impl Fn(&String) -> bool) -> Option<Vec<String>> {
    let mut kept = Vec::new();
    for (count, text) in texts.enumerate() {
        if count >= most || !fits(&text) {
            return None;
        }
        if !kept.contains(&text) {
            kept.push(text);
        }
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_folded_and_bounded() {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(interests(texts(&[" Müzik", "müzik", "Chess"])), Ok(texts(&["müzik", "chess"])));
        assert!(interests(texts(&["  "])).is_err());
        assert!(interests(texts(&["x".repeat(33).as_str()])).is_err());
        assert!(interests((0..11).map(|i| i.to_string()).collect()).is_err());
        assert_eq!(languages(texts(&["TR", "en", "tr"])), Ok(texts(&["tr", "en"])));
        for bad in ["", "t", "tur", "t1", "ğü"] {
            assert!(languages(texts(&[bad])).is_err(), "{bad}");
        }
    }
}
