//! Whose reports count, and for how long.

use std::time::Duration;

use serde::Deserialize;

use crate::settings::{Checks, days, hours};

/// How long a report that a moderator works on is kept from the others.
pub const TAKEN_FOR: Duration = Duration::from_mins(5);

/// The settings of reports: the section `[reports]`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportRules {
    /// How long a reporter cannot report the same user again, and how long a report counts towards
    /// an automatic ban.
    #[serde(rename = "window_days", deserialize_with = "days")]
    pub window: Duration,
    /// Reports per user and day, whatever their outcome.
    pub per_day: u32,
    /// This many different reporters within the window cause a ban.
    pub auto_ban_reporters: u32,
    /// With fewer decided reports a reporter counts as reliable.
    pub min_decided: u32,
    /// A reporter with a larger share of dismissed ones, 0 to 1, is unreliable.
    pub max_dismissed_share: f64,
    /// Moderators are told when the oldest open report waits for longer.
    #[serde(rename = "alert_after_h", deserialize_with = "hours")]
    pub alert_after: Duration,
}

impl Default for ReportRules {
    fn default() -> Self {
        let window = Duration::from_hours(30 * 24);
        Self {
            window,
            per_day: 20,
            auto_ban_reporters: 10,
            min_decided: 3,
            max_dismissed_share: 0.5,
            alert_after: Duration::from_hours(24),
        }
    }
}

impl ReportRules {
    /// What values must be.
    pub fn check(&self, check: &mut Checks) {
        let window = self.window.as_secs() / 86_400;
        check.range("reports.window_days", window, 1..=365);
        check.range("reports.per_day", self.per_day, 1..=1_000);
        check.that(
            (2..=1_000).contains(&self.auto_ban_reporters),
            "reports.auto_ban_reporters",
            "must be 2 to 1000: nobody bans alone",
        );
        check.range("reports.min_decided", self.min_decided, 1..=1_000);
        let share = self.max_dismissed_share;
        check.range("reports.max_dismissed_share", share, 0.0..=1.0);
        let hours = self.alert_after.as_secs() / 3_600;
        check.range("reports.alert_after_h", hours, 1..=720);
    }
}

/// What is known about a reporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx_macros::FromRow)]
pub struct Reliability {
    /// A moderator has said so.
    pub unreliable: bool,
    /// Reports that moderators have decided.
    pub decided: i64,
    /// Those that were dismissed.
    pub dismissed: i64,
}

impl Reliability {
    /// Whether reports by this user count towards automatic bans.
    pub fn counts(&self, rules: &ReportRules) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 reports")]
        let often_wrong = self.decided >= i64::from(rules.min_decided)
            && self.dismissed as f64 > rules.max_dismissed_share * self.decided as f64;
        !self.unreliable && !often_wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_often_wrong_does_not_count() {
        let rules = ReportRules::default();
        let counts = |decided, dismissed| {
            Reliability {
                unreliable: false,
                decided,
                dismissed,
            }
            .counts(&rules)
        };
        assert!(counts(0, 0) && counts(2, 2), "too few to tell");
        assert!(counts(4, 2) && counts(3, 1));
        assert!(!counts(3, 2) && !counts(4, 3) && !counts(3, 3));
        assert!(
            !Reliability {
                unreliable: true,
                decided: 9,
                dismissed: 0
            }
            .counts(&rules)
        );
        let strict = ReportRules {
            min_decided: 1,
            max_dismissed_share: 0.0,
            ..rules
        };
        assert!(
            !Reliability {
                unreliable: false,
                decided: 100,
                dismissed: 1
            }
            .counts(&strict)
        );
        let lenient = ReportRules {
            max_dismissed_share: 1.0,
            ..rules
        };
        assert!(
            Reliability {
                unreliable: false,
                decided: 9,
                dismissed: 9
            }
            .counts(&lenient)
        );
    }
}
