//! Lists of texts.

use serde::{Deserialize, Deserializer};

/// A list in a file, or a text with commas in the environment.
#[derive(Deserialize)]
#[serde(untagged)]
enum ListOrText {
    List(Vec<String>),
    Text(String),
}

/// Reads such a list. An empty text is an empty one.
pub(super) fn list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(match ListOrText::deserialize(from)? {
        ListOrText::List(texts) => texts,
        ListOrText::Text(text) if text.trim().is_empty() => Vec::new(),
        ListOrText::Text(text) => text.split(',').map(str::to_owned).collect(),
    })
}
