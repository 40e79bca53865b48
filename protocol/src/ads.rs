//! Ads: what users are shown, and what admins set.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    bounds::{Line80, LinkText, Text500},
    rest::present,
};
use crate::{Placement, TargetGroup, id::AdId, time::Timestamp};

/// Longest title, characters.
const MAX_TITLE: usize = 80;
/// Longest content, characters.
const MAX_CONTENT: usize = 500;
/// Longest link, bytes.
const MAX_URL: usize = 500;
/// Largest weight.
const MAX_WEIGHT: i64 = 1_000;
/// Most times a day.
const MAX_DAILY_CAP: i64 = 100;
/// Most times in all.
const MAX_TOTAL_CAP: i64 = 1_000_000_000;

/// An ad as a user is shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ad {
    pub id: AdId,
    pub title: String,
    pub content: String,
    /// `https://…`, or null without a link.
    pub click_url: Option<String>,
    pub placement: Placement,
}

crate::domain::text_enum! {
    /// What a user did with an ad.
    AdEventKind { View, Click }
}

/// `POST /v1/ads/{id}/events`
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct AdEvent {
    pub kind: AdEventKind,
}

/// The settings of an ad; the body of `POST /v1/admin/ads`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(feature = "sqlx", derive(sqlx_macros::FromRow))]
pub struct AdSettings {
    /// 1 to 80 characters.
    #[schema(value_type = Line80)]
    pub title: String,
    /// 1 to 500 characters.
    #[schema(value_type = Text500)]
    pub content: String,
    /// `https://` and the name of a host, at most 500 bytes.
    #[serde(default)]
    #[schema(value_type = Option<LinkText>)]
    pub click_url: Option<String>,
    /// 1 to 32 of `a`–`z`, `0`–`9` and `_`; `match_end` when absent, which is the one that the
    /// server sends by itself.
    #[serde(default = "Placement::match_end")]
    pub placement: Placement,
    /// `all` (when absent), `free` or `premium`, `locale:tr` or `locale:en`, or one of each
    /// separated by a comma. Premium users see only ads that name `premium`, where the server
    /// allows these.
    #[serde(default = "everybody")]
    pub target_group: TargetGroup,
    /// 1 (when absent) to 1000: how often it is shown compared with others.
    #[serde(default = "one", deserialize_with = "super::whole_number::read")]
    #[schema(minimum = 1, maximum = 1000)]
    pub weight: i64,
    /// 1 to 100: how often a user is shown it in one day; 3 when absent.
    #[serde(default = "three", deserialize_with = "super::whole_number::read")]
    #[schema(minimum = 1, maximum = 100)]
    pub daily_cap: i64,
    /// 1 to 1,000,000,000: how often it is shown in all; without a bound when null or absent. It
    /// may be passed by what is shown within a minute.
    #[serde(default, deserialize_with = "super::whole_number::read_optional")]
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub total_cap: Option<i64>,
    #[serde(default = "yes")]
    pub active: bool,
    /// Not shown before.
    #[serde(default)]
    pub starts_at: Option<Timestamp>,
    /// Not shown from then on.
    #[serde(default)]
    pub ends_at: Option<Timestamp>,
}

const fn everybody() -> TargetGroup {
    TargetGroup::ALL
}

const fn one() -> i64 {
    1
}

const fn three() -> i64 {
    3
}

const fn yes() -> bool {
    true
}

/// `PATCH /v1/admin/ads/{id}`: absent fields stay; null removes a link, a bound or a time.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct AdPatch {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Line80>)]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Text500>)]
    pub content: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[schema(value_type = Option<LinkText>)]
    pub click_url: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_group: Option<TargetGroup>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::whole_number::read_optional"
    )]
    #[schema(minimum = 1, maximum = 1000)]
    pub weight: Option<i64>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::whole_number::read_optional"
    )]
    #[schema(minimum = 1, maximum = 100)]
    pub daily_cap: Option<i64>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::whole_number::read_present"
    )]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 1_000_000_000)]
    pub total_cap: Option<Option<i64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[schema(value_type = Option<Timestamp>)]
    pub starts_at: Option<Option<Timestamp>>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[schema(value_type = Option<Timestamp>)]
    pub ends_at: Option<Option<Timestamp>>,
}

/// An ad as an admin sees it. The counts are up to a minute old.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdminAd {
    pub id: AdId,
    #[serde(flatten)]
    pub settings: AdSettings,
    /// Times it was shown to somebody.
    pub served: i64,
    pub views: i64,
    pub clicks: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What became of an ad that was shown on a day: a view or click counts for the day on which the
/// ad was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(feature = "sqlx", derive(sqlx_macros::FromRow))]
pub struct AdDay {
    /// Local day, `YYYY-MM-DD`.
    pub day: String,
    pub served: i64,
    pub views: i64,
    pub clicks: i64,
}

/// `GET /v1/admin/ads/{id}/days`: the last 90 days, newest first; those on which it was not shown
/// are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdDays {
    pub items: Vec<AdDay>,
}

/// A value of [`AdSettings`] that is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdRefused {
    pub field: &'static str,
    pub detail: &'static str,
}

impl AdSettings {
    /// An active ad for everybody at the end of a match.
    pub fn new(title: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            content: content.into(),
            click_url: None,
            placement: Placement::match_end(),
            target_group: everybody(),
            weight: one(),
            daily_cap: three(),
            total_cap: None,
            active: yes(),
            starts_at: None,
            ends_at: None,
        }
    }

    /// Checks every value, and that they fit together.
    ///
    /// # Errors
    /// The first that is not allowed.
    pub fn check(&self) -> Result<(), AdRefused> {
        let time = match (self.starts_at, self.ends_at) {
            (Some(start), Some(end)) => start < end,
            _ => true,
        };
        let rules = [
            (
                is_text(&self.title, MAX_TITLE),
                "title",
                "must be 1 to 80 characters without line breaks",
            ),
            (
                is_text(&self.content.replace('\n', " "), MAX_CONTENT),
                "content",
                "must be 1 to 500 characters",
            ),
            (
                self.click_url.as_deref().is_none_or(is_https),
                "click_url",
                "must be https:// with the name of a host, at most 500 bytes",
            ),
            (
                (1..=MAX_WEIGHT).contains(&self.weight),
                "weight",
                "must be 1 to 1000",
            ),
            (
                (1..=MAX_DAILY_CAP).contains(&self.daily_cap),
                "daily_cap",
                "must be 1 to 100",
            ),
            (
                self.total_cap
                    .is_none_or(|cap| (1..=MAX_TOTAL_CAP).contains(&cap)),
                "total_cap",
                "must be 1 to 1,000,000,000",
            ),
            (time, "ends_at", "must be after starts_at"),
        ];
        rules
            .into_iter()
            .find(|(fine, ..)| !fine)
            .map_or(Ok(()), |(_, field, detail)| {
                Err(AdRefused { field, detail })
            })
    }
}

impl AdPatch {
    /// The settings with what the patch changes.
    #[must_use]
    pub fn apply(&self, to: &AdSettings) -> AdSettings {
        let patch = self.clone();
        AdSettings {
            title: patch.title.unwrap_or_else(|| to.title.clone()),
            content: patch.content.unwrap_or_else(|| to.content.clone()),
            click_url: patch.click_url.unwrap_or_else(|| to.click_url.clone()),
            placement: patch.placement.unwrap_or_else(|| to.placement.clone()),
            target_group: patch.target_group.unwrap_or(to.target_group),
            weight: patch.weight.unwrap_or(to.weight),
            daily_cap: patch.daily_cap.unwrap_or(to.daily_cap),
            total_cap: patch.total_cap.unwrap_or(to.total_cap),
            active: patch.active.unwrap_or(to.active),
            starts_at: patch.starts_at.unwrap_or(to.starts_at),
            ends_at: patch.ends_at.unwrap_or(to.ends_at),
        }
    }
}

/// Readable text of at most `most` characters.
fn is_text(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
}

/// An `https://` link that shows its host by name: no user part, no IP address in any form that
/// browsers accept, nothing but ASCII (other names in Punycode).
fn is_https(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = authority
        .split_once(':')
        .map_or((authority, None), |(host, port)| (host, Some(port)));
    // A backslash is a slash to browsers, and would change the host.
    let plain = url
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    url.len() <= MAX_URL && plain && is_host_name(host) && port.is_none_or(is_port)
}

/// Two labels or more, the last of which begins with a letter: browsers read a host that ends in a
/// number, such as `2130706433` or `0x7f.1`, as an IP address.
fn is_host_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = host.rsplit_once('.').map(|(_, last)| last);
    host.len() <= 253
        && host.split('.').all(is_label)
        && last.is_some_and(|last| last.starts_with(|letter: char| letter.is_ascii_alphabetic()))
}

/// 1 to 65535, in plain digits without leading zeros.
fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit())
        && !port.starts_with('0')
        && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_https_and_say_where() {
        for good in [
            "https://x.example",
            "https://x.example/a?b=c#d",
            "https://x.example:8443/",
            "https://X-1.Example:65535?q",
            "https://xn--ay-bia.example",
            "https://1.2.3.4.example",
        ] {
            assert!(is_https(good), "{good}");
        }
        let long = format!("https://x.example/{}", "a".repeat(500));
        for bad in [
            "http://x.example",
            "https://",
            "https:///a",
            "https://good.example@evil.example",
            "https://evil.example\\.good.example",
            "https://x.example/ a",
            "https://x.example:port/",
            "https://çay.example",
            "javascript:alert(1)",
            // Addresses, in all their forms.
            "https://192.0.2.1/",
            "https://192.0.2.1./",
            "https://[2001:db8::1]/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.1/",
            "https://127.1/",
            "https://0177.0.0.1/",
            "https://x.example.0x1/",
            // No name of a host.
            "https://localhost/",
            "https://x.example./",
            "https://.x.example/",
            "https://x..example/",
            "https://-x.example/",
            "https://x-.example/",
            "https://x_y.example/",
            &format!("https://{}.example/", "a".repeat(64)),
            // No user part, and a port is a number.
            "https://user@x.example/",
            "https://x.example:/",
            "https://x.example:0/",
            "https://x.example:+443/",
            "https://x.example:0443/",
            "https://x.example:65536/",
            "https://x.example:443:443/",
            &long,
        ] {
            assert!(!is_https(bad), "{bad}");
        }
    }

    #[test]
    fn the_first_wrong_setting_is_named() {
        let refused = |change: fn(&mut AdSettings)| {
            let mut settings = AdSettings::new("Çay", "Sıcak çay\nsoğuk su");
            change(&mut settings);
            settings.check().err().map(|refused| refused.field)
        };
        assert_eq!(refused(|_| {}), None);
        assert_eq!(refused(|ad| ad.title = " ".to_owned()), Some("title"));
        assert_eq!(refused(|ad| ad.title = "ç".repeat(81)), Some("title"));
        assert_eq!(refused(|ad| ad.title = "a\nb".to_owned()), Some("title"));
        assert_eq!(
            refused(|ad| ad.content = "\u{7}".to_owned()),
            Some("content")
        );
        assert_eq!(refused(|ad| ad.content = "ç".repeat(501)), Some("content"));
        assert_eq!(
            refused(|ad| ad.click_url = Some(String::new())),
            Some("click_url")
        );
        assert_eq!(refused(|ad| ad.weight = 0), Some("weight"));
        assert_eq!(refused(|ad| ad.daily_cap = 101), Some("daily_cap"));
        assert_eq!(refused(|ad| ad.total_cap = Some(0)), Some("total_cap"));
        assert_eq!(
            refused(|ad| ad.total_cap = Some(1_000_000_001)),
            Some("total_cap")
        );
        let (early, late) = (Timestamp::from_millis(1), Timestamp::from_millis(2));
        assert_eq!(
            AdSettings {
                starts_at: Some(early),
                ends_at: Some(late),
                ..AdSettings::new("t", "c")
            }
            .check(),
            Ok(())
        );
        let same = AdSettings {
            starts_at: Some(late),
            ends_at: Some(late),
            ..AdSettings::new("t", "c")
        };
        assert_eq!(
            same.check().err().map(|refused| refused.field),
            Some("ends_at")
        );
    }

    #[test]
    fn a_patch_changes_what_it_names() {
        let before = AdSettings {
            click_url: Some("https://x.example".to_owned()),
            weight: 7,
            total_cap: Some(9),
            ..AdSettings::new("t", "c")
        };
        assert_eq!(AdPatch::default().apply(&before), before);
        let patch: AdPatch =
            serde_json::from_str(r#"{"click_url":null,"title":"u","target_group":"free"}"#)
                .expect("a patch");
        let after = patch.apply(&before);
        assert_eq!(
            (
                after.click_url.as_deref(),
                after.title.as_str(),
                after.weight
            ),
            (None, "u", 7)
        );
        assert_eq!(after.target_group.to_string(), "free");
        let total_cap = |text: &str| {
            let patch: AdPatch = serde_json::from_str(text).expect("a patch");
            patch.apply(&before).total_cap
        };
        assert_eq!(total_cap("{}"), Some(9));
        assert_eq!(total_cap(r#"{"total_cap":null}"#), None);
        assert_eq!(total_cap(r#"{"total_cap":5e3}"#), Some(5_000));
    }
}
