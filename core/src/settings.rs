//! What sections of the settings share. A section is the struct of rules of its domain, with the
//! checks of its values beside it.

use std::{
    borrow::Cow,
    fmt::{self, Display},
    ops::{Bound, RangeBounds},
    time::Duration,
};

use serde::{Deserialize, Deserializer};

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingProblem {
    /// `section.name`
    pub field: Cow<'static, str>,
    /// What it must be.
    pub detail: String,
}

impl Display for SettingProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.detail)
    }
}

/// Checks values and collects what is wrong with them.
#[derive(Debug, Default)]
pub struct Checks {
    pub problems: Vec<SettingProblem>,
}

impl Checks {
    /// Unless `ok`, reports that `field` must be as `detail` says.
    pub fn that(
        &mut self,
        ok: bool,
        field: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) {
        if !ok {
            let (field, detail) = (field.into(), detail.into());
            self.problems.push(SettingProblem { field, detail });
        }
    }

    /// `field`, which is `value`, must be one of `allowed`.
    pub fn range<T: PartialOrd + Display + Copy>(
        &mut self,
        field: &'static str,
        value: T,
        allowed: impl RangeBounds<T>,
    ) {
        let detail = match (allowed.start_bound(), allowed.end_bound()) {
            (Bound::Included(least), Bound::Included(most)) => format!("must be {least} to {most}"),
            (Bound::Included(least), _) => format!("must be at least {least}"),
            (_, Bound::Included(most)) => format!("must be at most {most}"),
            _ => "cannot be used".to_owned(),
        };
        self.that(allowed.contains(&value), field, detail);
    }
}

/// Reads seconds, for settings whose name ends in `_s`.
pub fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    u64::deserialize(from).map(Duration::from_secs)
}

/// Reads whole hours.
pub fn hours<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    u32::deserialize(from).map(|hours| Duration::from_hours(u64::from(hours)))
}

/// Reads days, for settings whose name ends in `_days`.
pub fn days<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    u32::deserialize(from).map(|days| Duration::from_hours(24 * u64::from(days)))
}

/// Reads a list of texts: a list in a file, or comma-separated in the environment. An empty text is
/// an empty list.
pub fn list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum ListOrText {
        List(Vec<String>),
        Text(String),
    }
    Ok(match ListOrText::deserialize(from)? {
        ListOrText::List(texts) => texts,
        ListOrText::Text(text) if text.trim().is_empty() => Vec::new(),
        ListOrText::Text(text) => text.split(',').map(str::to_owned).collect(),
    })
}
