//! Matches: what is said in them, claimed and reported of them, and the sockets they go over.

use crate::{chat, config::Config};

impl Config {
    /// Matches and calls.
    pub(super) fn check_matching(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
        check(
            (10..=600).contains(&self.matching.call_absence_s),
            "matching.call_absence_s",
            "must be 10 to 600",
        );
        check(
            self.matching.max_active_text > 0,
            "matching.max_active_text",
            "must be at least 1",
        );
        check(
            (60..=86_400).contains(&self.matching.match_ttl_s),
            "matching.match_ttl_s",
            "must be 60 to 86400: messages live at most a day",
        );
    }

    /// How much is kept of what is said.
    pub(super) fn check_messages(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
        let messages = &self.messages;
        check(
            (16..=100_000).contains(&messages.undelivered),
            "messages.undelivered",
            "must be 16 to 100000",
        );
        check(
            (65_536..=1_073_741_824).contains(&messages.undelivered_bytes),
            "messages.undelivered_bytes",
            "must be 65536 to 1073741824: at least four of the largest messages",
        );
        check(
            (1..=100_000).contains(&messages.history),
            "messages.history",
            "must be 1 to 100000",
        );
    }

    /// Claims.
    pub(super) fn check_claims(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
        let claims = &self.claims;
        check(
            (1..=86_400).contains(&claims.wait_s),
            "claims.wait_s",
            "must be 1 to 86400",
        );
        check(
            (1..=3_600).contains(&claims.video_wait_s),
            "claims.video_wait_s",
            "must be 1 to 3600",
        );
        check(
            (1..=30 * 86_400).contains(&claims.window_s),
            "claims.window_s",
            "must be 1 to 2592000: a month",
        );
        check(
            claims.daily_cap > 0,
            "claims.daily_cap",
            "must be at least 1",
        );
    }

    /// Reports.
    pub(super) fn check_reports(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
        let reports = &self.reports;
        check(
            (1..=365).contains(&reports.window_days),
            "reports.window_days",
            "must be 1 to 365",
        );
        check(
            (1..=1_000).contains(&reports.per_day),
            "reports.per_day",
            "must be 1 to 1000",
        );
        check(
            (2..=1_000).contains(&reports.auto_ban_reporters),
            "reports.auto_ban_reporters",
            "must be 2 to 1000: nobody bans alone",
        );
        check(
            (1..=1_000).contains(&reports.min_decided),
            "reports.min_decided",
            "must be 1 to 1000",
        );
        check(
            (0.0..=1.0).contains(&reports.max_dismissed_share),
            "reports.max_dismissed_share",
            "must be 0 to 1",
        );
    }

    /// Ads.
    pub(super) fn check_ads(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
        check(
            self.ads.min_interval_s <= 86_400,
            "ads.min_interval_s",
            "must be at most 86400",
        );
    }

    /// WebSocket connections.
    pub(super) fn check_sockets(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
        let ws = &self.ws;
        check(
            (1..=300).contains(&ws.heartbeat_s),
            "ws.heartbeat_s",
            "must be 1 to 300",
        );
        check(
            (1..=60).contains(&ws.hello_timeout_s),
            "ws.hello_timeout_s",
            "must be 1 to 60",
        );
        check(ws.max_devices > 0, "ws.max_devices", "must be at least 1");
        check(
            ws.frames_per_second > 0,
            "ws.frames_per_second",
            "must be at least 1",
        );
        check(
            ws.frame_burst >= ws.frames_per_second,
            "ws.frame_burst",
            "must be at least ws.frames_per_second",
        );
        check(
            (1..=60).contains(&ws.send_timeout_s),
            "ws.send_timeout_s",
            "must be 1 to 60",
        );
        // One commit may be all between two people, and the next comes before they have read it.
        check(
            ws.outbound_frames >= 2 * chat::MAX_BATCH,
            "ws.outbound_frames",
            "must be at least 1024: what two commits may bring",
        );
        check(
            ws.outbound_bytes >= 128 * 1024,
            "ws.outbound_bytes",
            "must be at least 131072: two of the largest frames",
        );
    }
}
