//! Sections about matches, sockets, and ads.

use std::time::Duration;

use serde::Deserialize;
use tebdil_core::{
    ads::AdRules,
    quota::QuotaRules,
    settings::{Checks, seconds},
};

use crate::{chat, matching::engine::Widening};

/// Matches and calls.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matching {
    pub max_active_text: u32,
    /// How long a match lasts.
    #[serde(rename = "match_ttl_s", deserialize_with = "seconds")]
    pub match_ttl: Duration,
    /// How long a device of a call may be without a connection.
    #[serde(rename = "call_absence_s", deserialize_with = "seconds")]
    pub call_absence: Duration,
    /// How long a background search goes on after its connection is lost.
    #[serde(rename = "background_s", deserialize_with = "seconds")]
    pub background: Duration,
    pub widening: Widening,
}

impl Matching {
    pub(super) fn check(&self, check: &mut Checks) {
        let absence = self.call_absence.as_secs();
        check.range("matching.call_absence_s", absence, 10..=600);
        let background = self.background.as_secs();
        check.range("matching.background_s", background, 60..=86_400);
        check.range("matching.max_active_text", self.max_active_text, 1..);
        check.that(
            (60..=86_400).contains(&self.match_ttl.as_secs()),
            "matching.match_ttl_s",
            "must be 60 to 86400: messages live at most a day",
        );
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ads {
    #[serde(rename = "min_interval_s", deserialize_with = "seconds")]
    pub min_interval: Duration,
    pub premium: bool,
}

impl Ads {
    /// How often ads are shown; days are those of the allowance.
    pub fn rules(&self, quota: &QuotaRules) -> AdRules {
        AdRules {
            min_interval: self.min_interval,
            premium: self.premium,
            zone: quota.zone.clone(),
        }
    }

    pub(super) fn check(&self, check: &mut Checks) {
        check.range("ads.min_interval_s", self.min_interval.as_secs(), ..=86_400);
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebSocket {
    /// How often a connection is checked to be alive.
    #[serde(rename = "heartbeat_s", deserialize_with = "seconds")]
    pub heartbeat: Duration,
    /// How long the first frame may take.
    #[serde(rename = "hello_timeout_s", deserialize_with = "seconds")]
    pub hello_timeout: Duration,
    pub max_devices: usize,
    pub outbound_frames: usize,
    pub outbound_bytes: usize,
    /// How long a client may take to read one frame.
    #[serde(rename = "send_timeout_s", deserialize_with = "seconds")]
    pub send_timeout: Duration,
}

impl WebSocket {
    pub(super) fn check(&self, check: &mut Checks) {
        check.range("ws.heartbeat_s", self.heartbeat.as_secs(), 1..=300);
        check.range("ws.hello_timeout_s", self.hello_timeout.as_secs(), 1..=60);
        check.range("ws.max_devices", self.max_devices, 1..);
        check.range("ws.send_timeout_s", self.send_timeout.as_secs(), 1..=60);
        // One commit may be entirely between two people, and the next comes before they have read
        // it.
        check.that(
            self.outbound_frames >= 2 * chat::MAX_BATCH,
            "ws.outbound_frames",
            "must be at least 1024: what two commits may bring",
        );
        check.that(
            self.outbound_bytes >= 128 * 1024,
            "ws.outbound_bytes",
            "must be at least 131072: two of the largest frames",
        );
    }
}
