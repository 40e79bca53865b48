//! JSON that is read strictly: unknown fields are errors, and errors name the field but never quote
//! a value.

use std::fmt;

use serde::de::DeserializeOwned;

use super::ErrorCode;

/// Why JSON was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// [`ErrorCode::BadRequest`], [`ErrorCode::UnknownField`] or [`ErrorCode::InvalidField`].
    pub code: ErrorCode,
    /// Path of the field, empty for the whole document.
    pub field: String,
    /// What was wrong, without the value.
    pub detail: &'static str,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(self.detail)
        } else {
            write!(f, "{}: {}", self.field, self.detail)
        }
    }
}

/// Reads `text`; top-level fields named in `envelope` are ignored.
///
/// # Errors
/// [`JsonError`] for text that is not JSON, unknown fields, and fields that are missing or of the
/// wrong kind.
pub fn from_str<T: DeserializeOwned>(text: &str, envelope: &[&str]) -> Result<T, JsonError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let mut unknown: Option<String> = None;
    let mut note = |path: serde_ignored::Path| {
        // `?` stands for the inside of an optional field.
        let path = path.to_string().replace(".?", "");
        if unknown.is_none() && !envelope.contains(&path.as_str()) {
            unknown = Some(path);
        }
    };
    // One type of callback, so that what reads a field's type is compiled once for all documents.
    let note: &mut dyn FnMut(serde_ignored::Path) = &mut note;
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let value = serde_ignored::deserialize(tracked, note)
        .map_err(|error| refused(&error, track.path().to_string(), text))?;
    if json.end().is_err() {
        return Err(JsonError {
            code: ErrorCode::BadRequest,
            field: String::new(),
            detail: "text after the JSON document",
        });
    }
    match unknown {
        Some(field) => Err(JsonError {
            code: ErrorCode::UnknownField,
            field,
            detail: "unknown field",
        }),
        None => Ok(value),
    }
}

fn refused(error: &serde_json::Error, field: String, text: &str) -> JsonError {
    match error.classify() {
        serde_json::error::Category::Data => {
            // serde's own text quotes the value ("invalid type: string \"…\""); only its kind is
            // reported.
            let missing = error.to_string().starts_with("missing field");
            let field = if field == "." {
                missing_field(error)
            } else {
                field
            };
            JsonError {
                code: ErrorCode::InvalidField,
                field,
                detail: if missing {
                    "missing"
                } else {
                    "not an allowed value"
                },
            }
        }
        // serde_json also calls it a syntax error when an enum finds an array; the document itself
        // may be fine.
        _ if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => JsonError {
            code: ErrorCode::InvalidField,
            field,
            detail: "not an allowed value",
        },
        _ => JsonError {
            code: ErrorCode::BadRequest,
            field: String::new(),
            detail: "not well-formed JSON",
        },
    }
}

/// The name in serde's "missing field `name`"; field names come from our own types.
fn missing_field(error: &serde_json::Error) -> String {
    error
        .to_string()
        .split('`')
        .nth(1)
        .unwrap_or_default()
        .to_owned()
}
