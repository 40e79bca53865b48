//! Birth dates: checked once, and only the year is kept.

use jiff::civil::Date;

/// Ages beyond this are typing mistakes.
const OLDEST: i16 = 120;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AgeError {
    /// Not `YYYY-MM-DD`, no such day, or not of a living person.
    Invalid,
    Underage,
}

/// The birth year, if somebody born on `birth_date` is at least `min_age` on the local day `today`.
///
/// In other years, people born on 29 February have their birthday on 1 March.
pub(super) fn birth_year(birth_date: &str, today: Date, min_age: u8) -> Result<i16, AgeError> {
    // jiff also reads forms such as 20000101.
    if birth_date.len() != 10 {
        return Err(AgeError::Invalid);
    }
    let born: Date = birth_date.parse().map_err(|_| AgeError::Invalid)?;
    let before_birthday = (today.month(), today.day()) < (born.month(), born.day());
    let age = today.year() - born.year() - i16::from(before_birthday);
    match age {
        _ if born > today || age > OLDEST => Err(AgeError::Invalid),
        _ if age < i16::from(min_age) => Err(AgeError::Underage),
        _ => Ok(born.year()),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_eighteenth_birthday_is_the_first_day() {
        let today = date(2026, 11, 21);
        assert_eq!(birth_year("2008-11-21", today, 18), Ok(2008));
        assert_eq!(birth_year("2008-11-22", today, 18), Err(AgeError::Underage));
        assert_eq!(
            birth_year("2008-02-29", date(2026, 2, 28), 18),
            Err(AgeError::Underage)
        );
        assert_eq!(birth_year("2008-02-29", date(2026, 3, 1), 18), Ok(2008));
    }

    #[test]
    fn impossible_days_are_refused() {
        let today = date(2026, 11, 21);
        for bad in [
            "",
            "21.11.2000",
            "2000-02-30",
            "20000101",
            "2000-1-1",
            "1880-01-01",
            "2030-01-01",
            "2000-01-01T00:00:00Z",
        ] {
            assert_eq!(birth_year(bad, today, 18), Err(AgeError::Invalid), "{bad}");
        }
    }
}
