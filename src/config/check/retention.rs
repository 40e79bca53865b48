//! How long data is kept.

use super::Config;

impl Config {
    /// That nothing goes before what still needs it.
    pub(super) fn check_retention(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
        let retention = &self.retention;
        check(
            retention.reports_days >= self.reports.window_days,
            "retention.reports_days",
            "must be at least reports.window_days: bans count what is kept",
        );
        check(
            retention.message_logs_days > 0,
            "retention.message_logs_days",
            "must be at least 1",
        );
        let evidence_s = u64::from(retention.message_logs_days).saturating_mul(86_400);
        check(
            evidence_s
                > self
                    .matching
                    .match_ttl_s
                    .saturating_add(self.claims.window_s),
            "retention.message_logs_days",
            "must be longer than matching.match_ttl_s and claims.window_s together: claims are decided by the logs",
        );
        check(
            retention.billing_events_days > 0,
            "retention.billing_events_days",
            "must be at least 1",
        );
        check(
            retention.bans_days > 0,
            "retention.bans_days",
            "must be at least 1",
        );
        check(
            retention.sessions_days > 0,
            "retention.sessions_days",
            "must be at least 1",
        );
        check(
            retention.invitations_days > 0,
            "retention.invitations_days",
            "must be at least 1",
        );
        check(
            retention.system_logs_days > 0,
            "retention.system_logs_days",
            "must be at least 1",
        );
        check(
            retention.tombstones_days >= self.reports.window_days + 7,
            "retention.tombstones_days",
            "must be at least reports.window_days and the 7 days in which a match can be reported",
        );
        check(
            retention.notifications_days > 0,
            "retention.notifications_days",
            "must be at least 1",
        );
    }
}
