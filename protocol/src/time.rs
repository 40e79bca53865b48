//! Time as it is stored and sent, and the one clock everything reads.

#[cfg(feature = "sqlx")]
mod sql;

use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time, milliseconds since the Unix epoch.
///
/// RFC 3339 UTC with milliseconds on the wire, integer milliseconds on SQLite, `TIMESTAMPTZ` on
/// PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long after `earlier` this is; zero when it is not later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// The start of the day `YYYY-MM-DD` in `zone`; `None` when that is no day.
    pub fn start_of_day(day: &str, zone: &jiff::tz::TimeZone) -> Option<Self> {
        let day: jiff::civil::Date = day.parse().ok()?;
        Some(Self(
            day.to_zoned(zone.clone())
                .ok()?
                .timestamp()
                .as_millisecond(),
        ))
    }

    /// The calendar day at this moment in `zone`, as `YYYY-MM-DD`.
    pub fn local_day(self, zone: &jiff::tz::TimeZone) -> String {
        self.zoned(zone).date().to_string()
    }

    /// The next start of a day in `zone`, strictly after this moment.
    ///
    /// Where a change to summer time removes midnight, the day starts at its first existing moment.
    #[must_use]
    pub fn next_midnight(self, zone: &jiff::tz::TimeZone) -> Self {
        let today = self.zoned(zone);
        let tomorrow = today.tomorrow().and_then(|day| day.start_of_day());
        // Only a moment at the very end of the calendar (year 9999) has no tomorrow.
        tomorrow.map_or(Self(i64::MAX), |day| Self(day.timestamp().as_millisecond()))
    }

    /// The start of the day of this moment in `zone`; not after it.
    #[must_use]
    pub fn midnight(self, zone: &jiff::tz::TimeZone) -> Self {
        let today = self.zoned(zone).start_of_day();
        // Only a moment at the very beginning of the calendar has no start of its day.
        today.map_or(Self(i64::MIN), |day| Self(day.timestamp().as_millisecond()))
    }

    fn zoned(self, zone: &jiff::tz::TimeZone) -> jiff::Zoned {
        jiff::Timestamp::from_millisecond(self.0)
            .unwrap_or(jiff::Timestamp::MAX)
            .to_zoned(zone.clone())
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;
    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse::<jiff::Timestamp>()
            .map(|time| Self(time.as_millisecond()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl utoipa::PartialSchema for Timestamp {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::{KnownFormat, ObjectBuilder, SchemaFormat, schema::Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}

impl utoipa::ToSchema for Timestamp {}

/// Where the time of day comes from. Cheap to clone; clones of a manual clock move together.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System { offset_ms: i64 },
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock, moved by `offset_ms` (0 outside tests).
    pub const fn system(offset_ms: i64) -> Self {
        Self(Source::System { offset_ms })
    }

    /// A clock that stands still until [`Clock::set`] or [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(start.0))))
    }

    /// The time now. It may go back when the machine's clock is set back.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place that reads the machine's clock"
            )]
            Source::System { offset_ms } => {
                let since_epoch = std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap_or_default();
                Timestamp(
                    i64::try_from(since_epoch.as_millis())
                        .unwrap_or(i64::MAX)
                        .saturating_add(*offset_ms),
                )
            }
            Source::Manual(now) => Timestamp(now.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock to `now`; a system clock stays as it is.
    pub fn set(&self, now: Timestamp) {
        if let Source::Manual(time) = &self.0 {
            time.store(now.0, Ordering::SeqCst);
        }
    }

    /// Moves a manual clock forward; a system clock stays as it is.
    pub fn advance(&self, by: Duration) {
        self.set(self.now() + by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn istanbul() -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get("Europe/Istanbul").expect("bundled zone")
    }

    #[test]
    fn text_form_is_rfc3339_utc_with_milliseconds() {
        let time = Timestamp::from_millis(1_795_222_800_120);
        assert_eq!(time.to_string(), "2026-11-21T01:00:00.120Z");
        assert_eq!(
            time.to_string().parse::<Timestamp>().expect("round trip"),
            time
        );
    }

    #[test]
    fn a_day_ends_at_local_midnight() {
        let before: Timestamp = "2026-11-21T20:59:59.999Z".parse().expect("time");
        let midnight: Timestamp = "2026-11-21T21:00:00Z".parse().expect("time");
        assert_eq!(before.next_midnight(&istanbul()), midnight);
        assert_eq!(
            before.midnight(&istanbul()) + Duration::from_hours(24),
            midnight
        );
        assert_eq!(midnight.midnight(&istanbul()), midnight);
        assert_eq!(before.local_day(&istanbul()), "2026-11-21");
        assert_eq!(midnight.local_day(&istanbul()), "2026-11-22");
        assert_eq!(
            midnight.next_midnight(&istanbul()),
            midnight + Duration::from_hours(24)
        );
        assert_eq!(
            Timestamp::start_of_day("2026-11-22", &istanbul()),
            Some(midnight)
        );
        assert_eq!(Timestamp::start_of_day("22.11.2026", &istanbul()), None);
    }
}
