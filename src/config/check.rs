//! What values must and should be.

use std::fmt;

use tebdil_core::backend;

use super::{Config, Sender};
use crate::{
    auth::codes::{CodeSender, Gateway},
    chat,
};

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `section.name`
    pub field: &'static str,
    /// What it must be.
    pub detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.detail)
    }
}

impl Config {
    /// Every reason why these settings cannot be used.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut check = |ok: bool, field: &'static str, detail: &str| {
            if !ok {
                found.push(Problem {
                    field,
                    detail: detail.to_owned(),
                });
            }
        };
        check(
            !self.data_dir.as_os_str().is_empty(),
            "data_dir",
            "must not be empty",
        );
        check(
            !self.http.listen.is_empty(),
            "http.listen",
            "must be ADDRESS:PORT",
        );
        check(
            self.http.max_connections > 0,
            "http.max_connections",
            "must be at least 1",
        );
        check(
            self.http.connections_per_address > 0,
            "http.connections_per_address",
            "must be at least 1",
        );
        check(
            self.http.unfinished_per_address > 0,
            "http.unfinished_per_address",
            "must be at least 1",
        );
        let same = self.metrics.listen == self.http.listen && !self.http.listen.ends_with(":0");
        check(!same, "metrics.listen", "must differ from http.listen");
        check(
            self.database.max_connections > 0,
            "database.max_connections",
            "must be at least 1",
        );
        let database = self.database.url.expose();
        let known = database.is_empty() || backend::is_database(database);
        check(
            known,
            "database.url",
            "must be empty, sqlite:PATH or postgres://…",
        );
        let redis = self.redis.url.expose();
        let known = redis.is_empty() || backend::is_redis(redis);
        check(known, "redis.url", "must be empty, redis://… or rediss://…");
        check(
            redis.is_empty() || self.is_shared(),
            "redis.url",
            "several nodes need a database that they share: set database.url to postgres://…",
        );
        self.check_passwords(&mut check);
        let prefix = &self.redis.prefix;
        let plain = (1..=64).contains(&prefix.len())
            && prefix
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b":-_.".contains(&byte));
        check(
            plain,
            "redis.prefix",
            "must be 1 to 64 letters, digits and : - _ .",
        );

        let auth = &self.auth;
        check(
            (4..=31).contains(&auth.bcrypt_cost),
            "auth.bcrypt_cost",
            "must be 4 to 31",
        );
        check(
            (1..=64).contains(&auth.hash_threads),
            "auth.hash_threads",
            "must be 1 to 64",
        );
        check(auth.hash_queue > 0, "auth.hash_queue", "must be at least 1");
        check(
            auth.access_ttl_s >= 1,
            "auth.access_ttl_s",
            "must be at least 1",
        );
        check(
            auth.refresh_ttl_s > auth.access_ttl_s,
            "auth.refresh_ttl_s",
            "must be longer than auth.access_ttl_s",
        );
        let lifetime = (auth.refresh_ttl_s..=366 * 86_400).contains(&auth.session_lifetime_s);
        check(
            lifetime,
            "auth.session_lifetime_s",
            "must be auth.refresh_ttl_s to 31622400: a year",
        );
        check(
            (1..=1_000).contains(&auth.max_sessions),
            "auth.max_sessions",
            "must be 1 to 1000",
        );
        check(
            auth.default_region
                .parse::<phonenumber::country::Id>()
                .is_ok(),
            "auth.default_region",
            "must be a region code such as TR",
        );
        check(auth.min_age <= 99, "auth.min_age", "must be at most 99");
        check(
            (1..=32).contains(&auth.terms_version.len()),
            "auth.terms_version",
            "must be 1 to 32 bytes",
        );

        self.check_verification(&mut check);
        let quota = &self.quota;
        for (value, field) in [
            (quota.free_text, "quota.free_text"),
            (quota.free_video, "quota.free_video"),
            (quota.premium_text, "quota.premium_text"),
            (quota.premium_video, "quota.premium_video"),
        ] {
            check(value <= 1_000_000, field, "must be at most 1000000");
        }
        check(
            jiff::tz::TimeZone::get(&quota.time_zone).is_ok(),
            "quota.time_zone",
            "must be a time zone name such as Europe/Istanbul",
        );
        let billing = &self.billing;
        let usable = billing
            .plans
            .iter()
            .all(|plan| (1..=64).contains(&plan.name.len()) && (1..=3650).contains(&plan.days));
        check(
            usable,
            "billing.plans",
            "a plan needs a name of 1 to 64 bytes and 1 to 3650 days",
        );
        let rules = billing.rules();
        let names = rules.names();
        let distinct: std::collections::HashSet<&str> = names.iter().copied().collect();
        check(
            distinct.len() == names.len(),
            "billing.plans",
            "a name or product is there twice",
        );
        check(
            billing.secrets().all(|secret| secret.len() >= 16),
            "billing.webhook_secrets",
            "each must have at least 16 bytes",
        );
        check(
            (1..=86_400).contains(&billing.tolerance_s),
            "billing.tolerance_s",
            "must be 1 to 86400",
        );
        for (value, field) in [
            (billing.grace_s, "billing.grace_s"),
            (billing.verifier_grace_s, "billing.verifier_grace_s"),
        ] {
            check(value <= 31_536_000, field, "must be at most a year");
        }
        let asks = billing.verifier_url.expose();
        let usable = asks.is_empty()
            || (asks.contains("{id}")
                && (asks.starts_with("https://") || asks.starts_with("http://")));
        check(
            usable,
            "billing.verifier_url",
            "must be empty, or https://… with {id} for the subscription",
        );
        check(
            (1..=60).contains(&billing.verifier_timeout_s),
            "billing.verifier_timeout_s",
            "must be 1 to 60",
        );
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
        check(
            self.retention.reports_days >= reports.window_days,
            "retention.reports_days",
            "must be at least reports.window_days: bans count what is kept",
        );
        check(
            self.ads.min_interval_s <= 86_400,
            "ads.min_interval_s",
            "must be at most 86400",
        );

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

        super::relay::check(&self.relay, &mut check);
        super::limits::check(&self.limits, &self.login, &mut check);
        check(
            self.retention.message_logs_days > 0,
            "retention.message_logs_days",
            "must be at least 1",
        );
        let evidence_s = u64::from(self.retention.message_logs_days).saturating_mul(86_400);
        check(
            evidence_s > self.matching.match_ttl_s.saturating_add(claims.window_s),
            "retention.message_logs_days",
            "must be longer than matching.match_ttl_s and claims.window_s together: claims are decided by the logs",
        );
        check(
            self.retention.billing_events_days > 0,
            "retention.billing_events_days",
            "must be at least 1",
        );
        check(
            self.retention.bans_days > 0,
            "retention.bans_days",
            "must be at least 1",
        );
        check(
            self.retention.sessions_days > 0,
            "retention.sessions_days",
            "must be at least 1",
        );
        check(
            self.retention.invitations_days > 0,
            "retention.invitations_days",
            "must be at least 1",
        );
        check(
            self.referrals.invited_reward <= 1000,
            "referrals.invited_reward",
            "must be at most 1000",
        );
        check(
            self.referrals.inviter_reward <= 1000,
            "referrals.inviter_reward",
            "must be at most 1000",
        );
        check(
            self.referrals.invitations_per_day > 0,
            "referrals.invitations_per_day",
            "must be at least 1",
        );
        check(
            self.retention.system_logs_days > 0,
            "retention.system_logs_days",
            "must be at least 1",
        );
        check(
            self.retention.tombstones_days >= self.reports.window_days + 7,
            "retention.tombstones_days",
            "must be at least reports.window_days and the 7 days in which a match can be reported",
        );
        check(
            self.retention.notifications_days > 0,
            "retention.notifications_days",
            "must be at least 1",
        );
        let url = &self.push.fcm_url;
        let plain = (url.starts_with("https://") || url.starts_with("http://"))
            && url.bytes().all(|byte| byte.is_ascii_graphic());
        check(plain, "push.fcm_url", "must be https://…");
        check(
            (1..=60).contains(&self.push.timeout_s),
            "push.timeout_s",
            "must be 1 to 60",
        );
        check(
            self.clock.offset_s == 0 || self.clock.unsafe_allow_offset,
            "clock.offset_s",
            "moves tokens, quotas and expiry; set clock.unsafe_allow_offset = true if this is a test",
        );
        check(
            self.clock.max_skew_s <= 60,
            "clock.max_skew_s",
            "must be at most 60, or a node deletes too early what the others still show",
        );
        let filter = self
            .log
            .filter
            .parse::<tracing_subscriber::filter::EnvFilter>();
        check(
            filter.is_ok(),
            "log.filter",
            "must be directives such as info,tebdil=debug",
        );
        found
    }

    fn check_passwords(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
        for (url, password, field, detail) in [
            (
                &self.database.url,
                &self.database.password,
                "database.password",
                "needs a database.url of PostgreSQL without a password",
            ),
            (
                &self.redis.url,
                &self.redis.password,
                "redis.password",
                "needs a redis.url without a password",
            ),
        ] {
            check(
                super::sections::with_password(url, password).is_some(),
                field,
                detail,
            );
        }
    }

    fn check_verification(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
        let verification = &self.verification;
        check(
            !verification.phone || verification.sender != Sender::Off,
            "verification.phone",
            "needs somebody who sends codes: set verification.sender",
        );
        check(
            verification.sender != Sender::Log || verification.unsafe_allow_log,
            "verification.sender",
            "\"log\" writes codes to the log; set verification.unsafe_allow_log = true if this is a developer's machine",
        );
        if let Err((field, detail)) = CodeSender::new(verification) {
            check(false, field, &detail);
        }
    }

    /// Values that work but are dangerous, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let risks = [
            (
                !self.limits.enabled,
                "limits.enabled = false: anybody may guess passwords at full speed",
            ),
            (
                self.auth.bcrypt_cost < 10,
                "auth.bcrypt_cost is below 10: stolen password hashes are cheap to break",
            ),
            (
                self.clock.offset_s != 0,
                "clock.offset_s is set: the server's time is wrong on purpose",
            ),
            (
                self.clock.max_skew_s == 0,
                "clock.max_skew_s = 0: a node whose clock is wrong deletes what it takes for old",
            ),
            (self.auth.min_age < 18, "auth.min_age is below 18"),
            (
                !self.verification.phone,
                "verification.phone = false: phones are not verified, anybody may register somebody else's",
            ),
            (
                self.verification.sender == Sender::Log,
                "verification.sender = \"log\": whoever reads the log can take over every account",
            ),
            (
                self.verification.sender == Sender::Gateway
                    && Gateway::is_open(&self.verification.gateway),
                "verification.gateway.url is not https: phones and codes go over the network in clear",
            ),
            (
                self.billing.verifier_url.expose().starts_with("http://")
                    && !is_loopback_url(self.billing.verifier_url.expose()),
                "billing.verifier_url is not https: whoever is on the way can end subscriptions, and reads the token",
            ),
            (
                self.auth.access_ttl_s > 3600,
                "auth.access_ttl_s is over an hour",
            ),
            (
                !self.metrics.listen.is_empty() && !is_loopback(&self.metrics.listen),
                "metrics.listen is not a loopback address: keep strangers away from it",
            ),
            (
                self.http.trusted_proxies.everybody(),
                "http.trusted_proxies holds every address: anybody may claim to be anybody, which takes limits per address away",
            ),
            (
                !self.redis.url.expose().is_empty() && self.http.trusted_proxies.nobody(),
                "http.trusted_proxies is empty: if there is a proxy in front of the nodes, limits per address count all of its clients as one",
            ),
            (
                self.is_shared() && self.redis.url.expose().is_empty(),
                "redis.url is empty: only one node may serve on this database; several would not know of each other's users",
            ),
            (
                !self.push.fcm_url.starts_with("https://"),
                "push.fcm_url is not https: whoever listens can push in this server's name",
            ),
            (
                !is_loopback(&self.http.listen),
                "http.listen is not a loopback address: this server speaks no TLS, put a proxy in front",
            ),
        ];
        let risks = risks
            .into_iter()
            .filter(|(risky, _)| *risky)
            .map(|(_, text)| text);
        let of_relay = super::relay::warnings(
            &self.relay,
            !is_loopback(&self.http.listen),
            !self.redis.url.expose().is_empty(),
        );
        risks.chain(of_relay).map(str::to_owned).collect()
    }
}

fn is_loopback_url(url: &str) -> bool {
    let authority = url.split('/').nth(2).unwrap_or_default();
    is_loopback(authority) || is_loopback(&format!("{authority}:80")) || authority == "localhost"
}

fn is_loopback(listen: &str) -> bool {
    match listen.parse::<std::net::SocketAddr>() {
        Ok(address) => address.ip().is_loopback(),
        Err(_) => listen.starts_with("localhost:"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(environment: &[(&str, &str)]) -> Result<Config, String> {
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(None, environment).map_err(|error| error.to_string())
    }

    #[test]
    fn every_wrong_value_is_named_at_once() {
        let text = load(&[
            ("TEBDIL_REDIS__URL", "redis://x"),
            ("TEBDIL_CLOCK__OFFSET_S", "5"),
            ("TEBDIL_AUTH__REFRESH_TTL_S", "900"),
            ("TEBDIL_AUTH__SESSION_LIFETIME_S", "899"),
            ("TEBDIL_AUTH__MAX_SESSIONS", "0"),
            ("TEBDIL_QUOTA__TIME_ZONE", "Mars/Olympus"),
            ("TEBDIL_DATABASE__URL", "mysql://x"),
            ("TEBDIL_AUTH__DEFAULT_REGION", "XX9"),
            ("TEBDIL_CLAIMS__DAILY_CAP", "0"),
            ("TEBDIL_RETENTION__MESSAGE_LOGS_DAYS", "2"),
        ])
        .expect_err("all wrong");
        for field in [
            "redis.url",
            "clock.offset_s",
            "auth.refresh_ttl_s",
            "auth.session_lifetime_s",
            "auth.max_sessions",
            "quota.time_zone",
            "database.url",
            "auth.default_region",
            "claims.daily_cap",
            "retention.message_logs_days",
        ] {
            assert!(text.contains(field), "{field} in {text}");
        }
    }

    #[test]
    fn billing_needs_long_secrets_distinct_plans_and_a_place_for_the_id() {
        let load_file = |text: &str| {
            let dir = tempfile::tempdir().expect("directory");
            let file = dir.path().join("tebdil.toml");
            std::fs::write(&file, format!("[billing]\n{text}\n")).expect("file");
            Config::load(Some(&file), []).map_err(|error| error.to_string())
        };
        for (text, field) in [
            (
                "webhook_secrets = 'long enough for this, hunter2'",
                "billing.webhook_secrets",
            ),
            ("plans = [{ name = '', days = 30 }]", "billing.plans"),
            ("plans = [{ name = 'a', days = 0 }]", "billing.plans"),
            (
                "plans = [{ name = 'a', days = 1 }, { name = 'b', days = 1, products = ['a'] }]",
                "billing.plans",
            ),
            ("plans = [{ name = 'a', days = 1, price = 3 }]", "price"),
            (
                "verifier_url = 'https://billing.example/subscriptions'",
                "billing.verifier_url",
            ),
            (
                "verifier_url = 'ftp://billing.example/{id}'",
                "billing.verifier_url",
            ),
            ("verifier_timeout_s = 0", "billing.verifier_timeout_s"),
            ("tolerance_s = 0", "billing.tolerance_s"),
        ] {
            let error = load_file(text).expect_err(text);
            assert!(
                error.contains(field) && !error.contains("hunter2"),
                "{error}"
            );
        }
        let secrets = "webhook_secrets = 'hunter2hunter2hunter2,, hunter2hunter2hunter3'\nverifier_token = 'hunter2'\n";
        let verified = "\n[verification]\nphone = true\nsender = 'gateway'\n[verification.gateway]\nurl = 'https://sms.example'\nbody = '{\"to\": \"{phone}\", \"text\": \"{text}\"}'";
        let config = load_file(&format!(
            "{secrets}verifier_url = 'http://127.0.0.1:9/{{id}}'{verified}"
        ))
        .expect("good");
        assert_eq!(config.billing.secrets().count(), 2);
        assert!(!format!("{config:?}").contains("hunter2"));
        assert_eq!(
            config.billing.rules().grace,
            std::time::Duration::from_hours(72)
        );
        assert_eq!(config.warnings(), Vec::<String>::new());
        let open = load_file(&format!(
            "verifier_url = 'http://billing.example/{{id}}?key=hunter2'{verified}"
        ))
        .expect("good");
        assert!(!format!("{open:?}{:?}", open.billing.verifier()).contains("hunter2"));
        let warned = open.warnings();
        assert!(
            matches!(&warned[..], [only] if only.starts_with("billing.verifier_url")),
            "{warned:?}"
        );
        let defaults = load(&[]).expect("defaults").billing;
        assert_eq!(
            (defaults.secrets().count(), defaults.rules().grace),
            (0, std::time::Duration::from_hours(1))
        );
    }

    #[test]
    fn several_nodes_need_redis_and_a_shared_database() {
        let shared = ("TEBDIL_DATABASE__URL", "postgres://u:p@db/x");
        for url in ["redis://:hunter2@cache", "rediss://cache:6380/1"] {
            let config = load(&[
                ("TEBDIL_REDIS__URL", url),
                ("TEBDIL_REDIS__PREFIX", "blue:"),
                shared,
            ])
            .expect("good");
            let realtime = config.realtime();
            assert_eq!(
                (realtime.redis_url.expose(), &*realtime.prefix),
                (url, "blue:")
            );
            assert!(!format!("{config:?} {realtime:?}").contains("hunter2"));
            assert!(
                load(&[("TEBDIL_REDIS__URL", url)])
                    .expect_err("SQLite")
                    .contains("redis.url")
            );
        }
        for url in ["http://:hunter2@cache", "cache:6379", "unix:///redis"] {
            let text = load(&[("TEBDIL_REDIS__URL", url), shared]).expect_err("not a Redis");
            assert!(
                text.contains("redis.url") && !text.contains("hunter2"),
                "{text}"
            );
        }
        for prefix in ["", "a b", "*"] {
            assert!(
                load(&[("TEBDIL_REDIS__PREFIX", prefix)])
                    .expect_err("not a prefix")
                    .contains("redis.prefix")
            );
        }
    }

    #[test]
    fn a_cluster_without_a_proxy_or_without_redis_warns() {
        let shared = ("TEBDIL_DATABASE__URL", "postgres://u:p@db/x");
        let redis = ("TEBDIL_REDIS__URL", "redis://cache");
        let phones = [
            ("TEBDIL_VERIFICATION__PHONE", "true"),
            ("TEBDIL_VERIFICATION__SENDER", "gateway"),
        ];
        let gateway = [
            ("TEBDIL_VERIFICATION__GATEWAY__URL", "https://sms.example"),
            (
                "TEBDIL_VERIFICATION__GATEWAY__BODY",
                r#"{"to":"{phone}","text":"{text}"}"#,
            ),
        ];
        let warnings = |environment: &[(&str, &str)]| {
            load(&[environment, &phones, &gateway].concat())
                .expect("allowed")
                .warnings()
        };
        let [only] = &warnings(&[shared])[..] else {
            panic!("one warning")
        };
        assert!(only.starts_with("redis.url"), "{only}");
        let elsewhere = ("TEBDIL_RELAY__EMBEDDED", "false");
        let [only] = &warnings(&[shared, redis, elsewhere])[..] else {
            panic!("one warning")
        };
        assert!(only.starts_with("http.trusted_proxies"), "{only}");
        assert_eq!(
            warnings(&[
                shared,
                redis,
                elsewhere,
                ("TEBDIL_HTTP__TRUSTED_PROXIES", "192.0.2.1")
            ]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn an_allowed_offset_and_open_limits_warn() {
        let config = load(&[
            ("TEBDIL_CLOCK__OFFSET_S", "86400"),
            ("TEBDIL_CLOCK__UNSAFE_ALLOW_OFFSET", "true"),
            ("TEBDIL_LIMITS__ENABLED", "false"),
            ("TEBDIL_HTTP__LISTEN", "0.0.0.0:8080"),
            ("TEBDIL_HTTP__TRUSTED_PROXIES", "0.0.0.0/0"),
        ])
        .expect("allowed");
        assert_eq!(config.warnings().len(), 6, "{:?}", config.warnings());
    }

    #[test]
    fn nobody_bans_alone_and_reports_outlast_their_window() {
        for (name, value, field) in [
            (
                "TEBDIL_REPORTS__AUTO_BAN_REPORTERS",
                "1",
                "reports.auto_ban_reporters",
            ),
            ("TEBDIL_REPORTS__WINDOW_DAYS", "0", "reports.window_days"),
            (
                "TEBDIL_REPORTS__WINDOW_DAYS",
                "181",
                "retention.reports_days",
            ),
            (
                "TEBDIL_REPORTS__WINDOW_DAYS",
                "34",
                "retention.tombstones_days",
            ),
            (
                "TEBDIL_RETENTION__TOMBSTONES_DAYS",
                "36",
                "retention.tombstones_days",
            ),
            (
                "TEBDIL_RETENTION__SYSTEM_LOGS_DAYS",
                "0",
                "retention.system_logs_days",
            ),
            ("TEBDIL_REPORTS__PER_DAY", "0", "reports.per_day"),
            ("TEBDIL_REPORTS__MIN_DECIDED", "0", "reports.min_decided"),
            (
                "TEBDIL_REPORTS__MAX_DISMISSED_SHARE",
                "1.1",
                "reports.max_dismissed_share",
            ),
            (
                "TEBDIL_REPORTS__MAX_DISMISSED_SHARE",
                "nan",
                "reports.max_dismissed_share",
            ),
        ] {
            assert!(
                load(&[(name, value)]).expect_err(name).contains(field),
                "{name}={value}"
            );
        }
        let rules = load(&[]).expect("defaults").reports.rules();
        assert_eq!(rules, tebdil_core::report::ReportRules::default());
    }

    #[test]
    fn codes_need_a_sender_that_is_meant() {
        let refused = |environment: &[(&str, &str)]| load(environment).expect_err("refused");
        assert!(
            refused(&[("TEBDIL_VERIFICATION__PHONE", "true")])
                .contains("verification.phone: needs somebody")
        );
        let log = ("TEBDIL_VERIFICATION__SENDER", "log");
        assert!(refused(&[log]).contains("unsafe_allow_log"));
        let config = load(&[
            log,
            ("TEBDIL_VERIFICATION__UNSAFE_ALLOW_LOG", "true"),
            ("TEBDIL_VERIFICATION__PHONE", "true"),
        ])
        .expect("meant");
        assert!(
            config
                .warnings()
                .iter()
                .any(|warning| warning.contains("take over every account")),
            "{:?}",
            config.warnings()
        );

        let gateway = ("TEBDIL_VERIFICATION__SENDER", "gateway");
        assert!(refused(&[gateway]).contains("verification.gateway.url"));
        let url = (
            "TEBDIL_VERIFICATION__GATEWAY__URL",
            "http://sms.example/?key=hunter2",
        );
        let body = (
            "TEBDIL_VERIFICATION__GATEWAY__BODY",
            "to={phone}&text={text}",
        );
        let form = ("TEBDIL_VERIFICATION__GATEWAY__CONTENT_TYPE", "form");
        let header = (
            "TEBDIL_VERIFICATION__GATEWAY__HEADERS__AUTHORIZATION",
            "Bearer hunter2",
        );
        let config = load(&[gateway, url, body, form, header]).expect("good");
        assert_eq!(
            config.verification.gateway.headers["authorization"].expose(),
            "Bearer hunter2"
        );
        assert!(
            config
                .warnings()
                .iter()
                .any(|warning| warning.contains("not https")),
            "{:?}",
            config.warnings()
        );
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
