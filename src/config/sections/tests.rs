use std::time::Duration;

use super::*;
use crate::limits::Limit;

fn load(environment: &[(&str, &str)]) -> Result<Config, String> {
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(None, environment).map_err(|error| error.to_string())
}

fn load_file(text: &str) -> Result<Config, String> {
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("tebdil.toml");
    std::fs::write(&file, text).expect("file");
    Config::load(Some(&file), []).map_err(|error| error.to_string())
}

/// Each alone; what is after `|` is in the error, and `hunter2` never is.
const WRONG: &str = "
    billing.webhook_secrets = 'long enough for this, hunter2' | billing.webhook_secrets
    billing.plans = [{ name = '', days = 30 }] | billing.plans
    billing.plans = [{ name = 'a', days = 0 }] | billing.plans
    billing.plans = [{ name = 'a', days = 1 }, { name = 'b', days = 1, products = ['a'] }] | plans
    billing.plans = [{ name = 'a', days = 1, price = 3 }] | price
    billing.verifier_url = 'https://billing.example/subscriptions' | billing.verifier_url
    billing.verifier_url = 'ftp://billing.example/{id}' | billing.verifier_url
    billing.verifier_timeout_s = 0 | billing.verifier_timeout_s
    billing.tolerance_s = 0 | billing.tolerance_s
    limits.rules.nosuch_account.burst = 3 | nosuch_account
    limits.login_per_phone = 3 | login_per_phone
    limits.rules.find_account.burst = 0 | limits.rules.find_account
    limits.rules.code_reset_day.burst = 0 | limits.rules.code_reset_day
    limits.rules.find_account.per_s = 0 | limits.rules.find_account
    limits.rules.find_account.per_s = 'many' | limits.rules.find_account
    limits.frames_per_connection.per_s = 61 | limits.frames_per_connection
    limits.unfinished_per_address = 0 | limits.unfinished_per_address
    limits.passwords.address.free = 0 | limits.passwords.address
    limits.passwords.phone.first_s = 901 | limits.passwords.phone
    limits.passwords.account.forget_s = 0 | limits.passwords.account
    redis.prefix = '' | redis.prefix
    redis.prefix = 'a b' | redis.prefix
    redis.prefix = '*' | redis.prefix
    reports.auto_ban_reporters = 1 | reports.auto_ban_reporters
    reports.window_days = 0 | reports.window_days
    reports.window_days = 181 | retention.reports_days
    reports.window_days = 34 | retention.tombstones_days
    reports.per_day = 0 | reports.per_day
    reports.min_decided = 0 | reports.min_decided
    reports.alert_after_h = 0 | reports.alert_after_h
    reports.max_dismissed_share = 1.1 | reports.max_dismissed_share
    reports.max_dismissed_share = nan | reports.max_dismissed_share
    retention.tombstones_days = 36 | retention.tombstones_days
    retention.system_logs_days = 0 | retention.system_logs_days
";

#[test]
fn a_wrong_value_is_named_by_its_field() {
    for line in WRONG.trim().lines() {
        let (setting, field) = line.split_once(" | ").expect("two parts");
        let error = load_file(setting).expect_err(setting);
        // A line that cannot be read at all would be quoted.
        let is_quoted = error.contains(" = ") || error.contains("hunter2");
        assert!(error.contains(field) && !is_quoted, "{setting}: {error}");
    }
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
fn billing_shows_no_secret_and_warns_where_one_goes_in_clear() {
    let load_billing = |text: &str| load_file(&format!("[billing]\n{text}"));
    let secrets = "webhook_secrets = 'hunter2hunter2hunter2,, hunter2hunter2hunter3'\nverifier_token = 'hunter2'\n";
    let verified = "\n[verification]\nphone = true\nsender = 'gateway'\n[verification.gateway]\nurl = 'https://sms.example'\nbody = '{\"to\": \"{phone}\", \"text\": \"{text}\"}'";
    let config = load_billing(&format!(
        "{secrets}verifier_url = 'http://127.0.0.1:9/{{id}}'{verified}"
    ))
    .expect("good");
    assert_eq!(config.billing.secrets().count(), 2);
    assert!(!format!("{config:?}").contains("hunter2"));
    assert_eq!(config.billing.rules().grace, Duration::from_hours(72));
    assert_eq!(config.warnings(), Vec::<String>::new());
    let open = load_billing(&format!(
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
        (0, Duration::from_hours(1))
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
fn rules_have_the_documented_defaults() {
    let config = load(&[]).expect("defaults");
    assert_eq!(config.reports, ReportRules::default());
    assert_eq!(config.referrals, ReferralRules::default());
    assert_eq!(config.messages, ChatRules::default());
    assert_eq!(config.retention, Periods::default());
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

#[test]
fn one_value_of_a_limit_can_be_set() {
    let config = load(&[
        ("TEBDIL_LIMITS__RULES__REPORT_ACCOUNT__BURST", "3"),
        ("TEBDIL_LIMITS__PASSWORDS__PHONE__FREE", "2"),
        ("TEBDIL_LIMITS__FRAMES_PER_CONNECTION__PER_S", "1"),
    ])
    .expect("good");
    let (report, frames) = (
        config.limits.rate(Limit::ReportAccount),
        config.limits.frames_per_connection,
    );
    assert_eq!((report.burst, report.per_s), (3, 3_600));
    assert_eq!((frames.burst, frames.per_s), (60, 1));
    let phone = config.limits.passwords.phone;
    assert_eq!((phone.free, phone.most), (2, Duration::from_mins(15)));
}
