//! What a node stands on: its listeners, its databases, its clock.

use tebdil_core::{db, realtime};

use crate::config::{Config, rules::with_password};

impl Config {
    /// Where it listens, and where it keeps its files.
    pub(super) fn check_listeners(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
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
    }

    /// The database, and what the nodes share.
    pub(super) fn check_backends(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
        check(
            self.database.max_connections > 0,
            "database.max_connections",
            "must be at least 1",
        );
        let database = self.database.url.expose();
        let known = database.is_empty() || db::is_database(database);
        check(
            known,
            "database.url",
            "must be empty, sqlite:PATH or postgres://…",
        );
        let redis = self.redis.url.expose();
        let known = redis.is_empty() || realtime::is_redis(redis);
        check(known, "redis.url", "must be empty, redis://… or rediss://…");
        check(
            redis.is_empty() || self.is_shared(),
            "redis.url",
            "several nodes need a database that they share: set database.url to postgres://…",
        );
        self.check_passwords(check);
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
            check(with_password(url, password).is_some(), field, detail);
        }
    }

    /// Firebase Cloud Messaging.
    pub(super) fn check_push(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
        let url = &self.push.fcm_url;
        let plain = (url.starts_with("https://") || url.starts_with("http://"))
            && url.bytes().all(|byte| byte.is_ascii_graphic());
        check(plain, "push.fcm_url", "must be https://…");
        check(
            (1..=60).contains(&self.push.timeout_s),
            "push.timeout_s",
            "must be 1 to 60",
        );
    }

    /// The clock.
    pub(super) fn check_clock(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
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
    }

    /// The log.
    pub(super) fn check_log(&self, check: &mut impl FnMut(bool, &'static str, &str)) {
        let filter = self
            .log
            .filter
            .parse::<tracing_subscriber::filter::EnvFilter>();
        check(
            filter.is_ok(),
            "log.filter",
            "must be directives such as info,tebdil=debug",
        );
    }
}
