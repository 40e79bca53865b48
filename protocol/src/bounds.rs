//! Bounds of texts and numbers for the API document, as the server enforces them. The types have no
//! values: a field of a body names one as its `value_type`.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ArrayBuilder, ObjectBuilder, OneOfBuilder, RefOr, SchemaFormat,
        schema::{Schema, Type},
    },
};

use super::ReadRequest;
use crate::id::NotificationId;

/// Declares shapes of texts, each with the format name by which a tool generates values.
macro_rules! texts {
    ($($(#[doc = $doc:literal])* $name:ident { $least:literal..=$most:literal, $pattern:expr $(, $format:literal)? })*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug)]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String).description(Some(concat!($($doc),*).trim()));
                let text = text.min_length(Some($least)).max_length(Some($most)).pattern(Some($pattern));
                $(let text = text.format(Some(SchemaFormat::Custom($format.to_owned())));)?
                text.into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

/// Readable text: not blank, and no control characters except line breaks.
const LINES: &str = r"^[^\u0000-\u0009\u000B-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F][^\u0000-\u0009\u000B-\u001F\u007F-\u009F]*$";
/// The same in one line.
const LINE: &str = r"^[^\u0000-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F][^\u0000-\u001F\u007F-\u009F]*$";
/// Standard base64 of at least one byte, with its padding.
const BASE64: &str = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|[A-Za-z0-9+/][AQgw]==)$";

texts! {
    /// 1 to 500 characters, not blank, no control characters except line breaks.
    Text500 { 1..=500, LINES, "lines" }
    /// 1 to 1000 characters, not blank, no control characters except line breaks.
    Text1000 { 1..=1000, LINES, "lines" }
    /// 1 to 4000 characters, not blank, no control characters except line breaks.
    Text4000 { 1..=4000, LINES, "lines" }
    /// 1 to 80 characters in one line, not blank.
    Line80 { 1..=80, LINE, "line" }
    /// 1 to 500 characters in one line, not blank.
    Line500 { 1..=500, LINE, "line" }
    /// 1 to 32 characters in one line, not blank.
    InterestText { 1..=32, LINE, "line" }
    /// An ISO 639-1 code.
    LanguageCode { 2..=2, "^[A-Za-z]{2}$" }
    /// `YYYY-MM-DD`
    DayText { 10..=10, "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "date" }
    /// Standard base64 of 1 to 4096 bytes.
    PackageText { 4..=5464, BASE64, "base64" }
    /// Standard base64 of 1 byte to 16 KiB.
    ContentText { 4..=21848, BASE64, "base64" }
    /// Standard base64 of 32 bytes.
    HashText { 44..=44, "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$" }
    /// 1 to 64 visible ASCII characters.
    ReferenceText { 1..=64, "^[!-~]+$" }
    /// `https://` and a host name, at most 500 bytes of visible ASCII.
    LinkText { 11..=500, r"^https://([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#][!-\[\]-~]*)?$" }
    /// E.164, or a national number of the server's region.
    PhoneText { 5..=32, r"^[0-9+() ./-]*$", "phone" }
}

/// A number up to a million either way, and not 0.
#[derive(Debug)]
pub enum CorrectionAmount {}

impl PartialSchema for CorrectionAmount {
    fn schema() -> RefOr<Schema> {
        let number = |least: i64, most: i64| {
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(least))
                .maximum(Some(most))
        };
        OneOfBuilder::new()
            .item(number(-1_000_000, -1))
            .item(number(1, 1_000_000))
            .into()
    }
}

impl ToSchema for CorrectionAmount {}

// A derive cannot express that it is one of the two.
impl PartialSchema for ReadRequest {
    fn schema() -> RefOr<Schema> {
        let ids = ArrayBuilder::new()
            .items(NotificationId::schema())
            .min_items(Some(1))
            .max_items(Some(100));
        let these = ObjectBuilder::new().property("ids", ids).required("ids");
        let all = ObjectBuilder::new()
            .schema_type(Type::Boolean)
            .enum_values(Some([true]));
        let all = ObjectBuilder::new().property("all", all).required("all");
        OneOfBuilder::new()
            .item(these)
            .item(all)
            .description(Some("Marks these, or all: exactly one of the two."))
            .into()
    }
}

impl ToSchema for ReadRequest {}
