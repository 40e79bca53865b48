//! Bounds of what users say about themselves.

use tebdil_protocol::Location;

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
    let folded = texts
        .into_iter()
        .map(|text| text.trim().nfkc().collect::<String>().to_lowercase());
    let fits = |text: &String| {
        !text.is_empty()
            && text.chars().count() <= MAX_INTEREST
            && !text.chars().any(char::is_control)
    };
    distinct(folded, MAX_INTERESTS, fits).ok_or_else(|| {
        format!("interests: at most {MAX_INTERESTS}, each of 1 to {MAX_INTEREST} characters")
    })
}

/// ISO 639-1 codes in lower case, without repetition.
///
/// # Errors
/// A sentence that names the field.
pub fn languages(codes: Vec<String>) -> Result<Vec<String>, String> {
    let folded = codes.into_iter().map(|code| code.to_ascii_lowercase());
    let fits =
        |code: &String| code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_lowercase());
    distinct(folded, MAX_LANGUAGES, fits)
        .ok_or_else(|| format!("languages: at most {MAX_LANGUAGES} ISO 639-1 codes"))
}

/// The place on a grid of 0.01°, about 1 km; nothing finer is stored.
///
/// # Errors
/// A sentence that names the field.
pub fn snapped(place: Location) -> Result<Location, String> {
    if !(-90.0..=90.0).contains(&place.lat) || !(-180.0..=180.0).contains(&place.lon) {
        return Err("location: lat -90 to 90, lon -180 to 180".to_owned());
    }
    // Adding zero turns -0 into 0.
    let snap = |degrees: f64| (degrees * 100.0).round() / 100.0 + 0.0;
    Ok(Location {
        lat: snap(place.lat),
        lon: snap(place.lon),
    })
}

fn distinct(
    texts: impl Iterator<Item = String>,
    most: usize,
    fits: impl Fn(&String) -> bool,
) -> Option<Vec<String>> {
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
    fn places_lose_what_is_finer_than_the_grid() {
        let place = snapped(Location {
            lat: 41.008_24,
            lon: 28.978_36,
        })
        .expect("Istanbul");
        assert_eq!((place.lat, place.lon), (41.01, 28.98));
        for (lat, lon) in [
            (90.1, 0.0),
            (0.0, -180.1),
            (f64::NAN, 0.0),
            (0.0, f64::INFINITY),
        ] {
            assert!(snapped(Location { lat, lon }).is_err(), "{lat} {lon}");
        }
    }

    #[test]
    fn texts_are_folded_and_bounded() {
        let texts = |list: &[&str]| {
            list.iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            interests(texts(&[" Müzik", "müzik", "Chess"])),
            Ok(texts(&["müzik", "chess"]))
        );
        assert!(interests(texts(&["  "])).is_err());
        assert!(interests(texts(&["x".repeat(33).as_str()])).is_err());
        assert!(interests((0..11).map(|i| i.to_string()).collect()).is_err());
        assert_eq!(
            languages(texts(&["TR", "en", "tr"])),
            Ok(texts(&["tr", "en"]))
        );
        for bad in ["", "t", "tur", "t1", "ğü"] {
            assert!(languages(texts(&[bad])).is_err(), "{bad}");
        }
    }
}
