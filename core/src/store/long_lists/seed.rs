//! As much as there is after a good year.

use std::fmt::Display;

use crate::{
    ids::IdGenerator,
    testing::{Backend, TestStore},
};
use tebdil_protocol::{id::UserId, time::Timestamp};

const USERS: i64 = 100_000;
const MINUTE_MS: i64 = 60_000;
/// Ids that a millisecond has.
const IDS: i64 = 4_194_304;
/// The user whom much is about.
pub(super) const BUSY: i64 = 9;

/// SQL of the columns that the databases write differently.
struct Seed {
    backend: Backend,
    now: Timestamp,
}

impl Seed {
    /// A time so many milliseconds ago.
    fn ago(&self, ms: &str) -> String {
        let time = format!("({} - {ms})", self.now.millis());
        match self.backend {
            Backend::Sqlite => time,
            Backend::Postgres => format!("to_timestamp({time} / 1000.0)"),
        }
    }

    /// An id of that time.
    fn id(&self, ms: &str) -> String {
        format!("({} - {ms} * {IDS})", IdGenerator::first_id_at(self.now))
    }

    /// 32 bytes, as an index of a phone has.
    fn phone(&self, number: impl Display) -> String {
        // The digits of a number with 32 digits.
        match self.backend {
            Backend::Sqlite => format!("CAST(printf('%032d', {number}) AS BLOB)"),
            Backend::Postgres => format!("convert_to(lpad(({number})::text, 32, '0'), 'UTF8')"),
        }
    }
}

/// `INSERT` of so many rows, numbered `i`; the last is made now, each before it so much earlier.
struct Rows<'a> {
    table: &'a str,
    count: i64,
    apart_ms: i64,
    /// Columns, and what is in them.
    columns: &'a [(&'a str, &'a str)],
}

/// The user with that number.
fn user(seed: &Seed, number: impl Display) -> String {
    seed.id(&format!(
        "({USERS} - CAST({number} AS BIGINT)) * 5 * {MINUTE_MS}"
    ))
}

async fn fill(t: &TestStore, seed: &Seed, rows: &Rows<'_>) {
    let since = format!("({} - i) * {}", rows.count, rows.apart_ms);
    let names: Vec<&str> = rows.columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<&str> = rows.columns.iter().map(|(_, value)| *value).collect();
    // In parts, as the server ends what takes long.
    for first in (1..=rows.count).step_by(100_000) {
        let last = rows.count.min(first + 99_999);
        let sql = format!(
            "INSERT INTO {} ({}) WITH RECURSIVE n(i) AS (SELECT CAST({first} AS BIGINT) UNION ALL \
             SELECT i + 1 FROM n WHERE i < {last}) SELECT {} FROM n",
            rows.table,
            names.join(", "),
            values.join(", ")
        );
        let sql = sql.replace("{id}", &seed.id(&since));
        let sql = sql.replace("{time}", &seed.ago(&since));
        t.execute(&sql.replace("{now}", &seed.ago("0"))).await;
    }
}

async fn fill_people(t: &TestStore, seed: &Seed) {
    let phone = seed.phone("i");
    fill(
        t,
        seed,
        &Rows {
            table: "users",
            count: USERS,
            apart_ms: 5 * MINUTE_MS,
            columns: &[
                ("id", "{id}"),
                ("phone_index", &phone),
                ("phone_ciphertext", &phone),
                ("phone_key_id", "'k1'"),
                ("password_hash", "''"),
                ("alias", "'Kedi' || i"),
                ("alias_key", "'kedi' || i"),
                ("tag", "'0001'"),
                ("birth_year", "1990"),
                ("locale", "'tr'"),
                // The staff and those who are banned are the oldest: a list from the newest on
                // that had no index for them would read all.
                (
                    "role",
                    "CASE i WHEN 1 THEN 'admin' WHEN 2 THEN 'moderator' ELSE 'user' END",
                ),
                ("is_banned", "i % 500 = 3 AND i < 20000"),
                ("is_premium", "i % 50 = 7 AND i < 20000"),
                ("terms_version", "1"),
                ("terms_accepted_at", "{time}"),
                ("invite_code", "'code' || i"),
                ("created_at", "{time}"),
                ("last_active", "{time}"),
            ],
        },
    )
    .await;
}

async fn fill_logs(t: &TestStore, seed: &Seed) {
    let about = format!(
        "CASE WHEN i % 50 = 8 THEN {} WHEN i % 10 < 8 THEN {} END",
        user(seed, BUSY),
        user(seed, format_args!("1 + (i * 7919) % {USERS}"))
    );
    let actor = format!("CASE WHEN i % 10 < 3 THEN {} END", user(seed, "1 + i % 2"));
    fill(
        t,
        seed,
        &Rows {
            table: "system_logs",
            count: 1_000_000,
            apart_ms: MINUTE_MS / 2,
            columns: &[
                ("id", "{id}"),
                (
                    "action",
                    "CASE WHEN i = 10 THEN 'role_changed' WHEN i % 10 < 3 THEN 'user_viewed' \
                     ELSE 'sessions_ended' END",
                ),
                ("user_id", &about),
                ("actor_id", &actor),
                ("details", "'{}'"),
                ("created_at", "{time}"),
            ],
        },
    )
    .await;
}

async fn fill_matches(t: &TestStore, seed: &Seed) {
    let one = format!(
        "CASE WHEN i % 10 = 8 THEN {} ELSE {} END",
        user(seed, BUSY),
        user(seed, format_args!("10 + (i * 7919) % {}", USERS - 20))
    );
    let other = user(seed, format_args!("11 + (i * 7919) % {}", USERS - 20));
    let mut rows = Rows {
        table: "matches",
        count: 40_000,
        apart_ms: MINUTE_MS,
        columns: &[
            ("id", "{id}"),
            ("user1_id", &one),
            ("user2_id", &other),
            ("type", "CASE i % 4 WHEN 0 THEN 'video' ELSE 'text' END"),
            (
                "status",
                "CASE WHEN i < 39900 THEN 'completed' ELSE 'active' END",
            ),
            ("created_at", "{time}"),
            ("expired_at", "{now}"),
        ],
    };
    fill(t, seed, &rows).await;
    rows.table = "match_sides";
    for (side, [user, peer], role) in [
        (0, [&one, &other], "'offerer'"),
        (1, [&other, &one], "'answerer'"),
    ] {
        let ticket = format!("2 * i + {side}");
        let columns = [
            ("match_id", "{id}"),
            ("user_id", user),
            ("peer_id", peer),
            ("ticket_id", &ticket),
            ("role", role),
            ("session_id", "1"),
            ("open", "FALSE"),
            ("created_at", "{time}"),
        ];
        fill(
            t,
            seed,
            &Rows {
                columns: &columns,
                ..rows
            },
        )
        .await;
    }
    let claims = [
        ("id", "{id}"),
        ("user_id", one.as_str()),
        ("match_id", "{id}"),
        ("claim_time", "{time}"),
        (
            "status",
            "CASE WHEN i = 1 THEN 'pending' ELSE 'approved' END",
        ),
    ];
    fill(
        t,
        seed,
        &Rows {
            table: "claims",
            columns: &claims,
            ..rows
        },
    )
    .await;
}

async fn fill_safety(t: &TestStore, seed: &Seed) {
    let by = format!(
        "CASE WHEN i % 20 = 3 THEN {} ELSE {} END",
        user(seed, BUSY),
        user(seed, format_args!("10 + (i * 7919) % {}", USERS - 20))
    );
    let about = format!(
        "CASE WHEN i % 10 = 8 THEN {} ELSE {} END",
        user(seed, BUSY),
        user(seed, format_args!("11 + (i * 7919) % {}", USERS - 20))
    );
    let of_ninth = seed.phone(BUSY);
    let phone = seed.phone(format_args!("1 + (i * 7919) % {USERS}"));
    let phone = format!("CASE WHEN i % 10 = 8 THEN {of_ninth} ELSE {phone} END");
    let empty = seed.phone("0");
    let rows = Rows {
        table: "reports",
        count: 30_000,
        apart_ms: 2 * MINUTE_MS,
        columns: &[
            ("id", "{id}"),
            ("reporter_id", &by),
            ("reported_id", &about),
            ("match_id", "i"),
            (
                "reason",
                "CASE WHEN i % 1000 = 1 THEN 'threat' ELSE 'spam' END",
            ),
            ("severity", "CASE WHEN i % 1000 = 1 THEN 0 ELSE 2 END"),
            (
                "status",
                "CASE WHEN i > 28000 THEN 'open' WHEN i = 1 THEN 'banned' ELSE 'dismissed' END",
            ),
            ("created_at", "{time}"),
        ],
    };
    fill(t, seed, &rows).await;
    let bans = [
        ("id", "{id}"),
        ("phone_index", phone.as_str()),
        ("user_id", about.as_str()),
        ("reason", "'spam'"),
        ("automatic", "i % 2 = 0"),
        ("provisional", "i = 2"),
        ("created_at", "{time}"),
        ("lifted_at", "CASE WHEN i > 50 THEN {now} END"),
    ];
    fill(
        t,
        seed,
        &Rows {
            table: "bans",
            columns: &bans,
            ..rows
        },
    )
    .await;
    let appeals = [
        ("id", "{id}"),
        ("ban_id", "{id}"),
        ("user_id", about.as_str()),
        ("text_ciphertext", empty.as_str()),
        ("text_key_id", "'k1'"),
        ("status", "CASE WHEN i = 1 THEN 'open' ELSE 'upheld' END"),
        ("created_at", "{time}"),
    ];
    fill(
        t,
        seed,
        &Rows {
            table: "appeals",
            columns: &appeals,
            ..rows
        },
    )
    .await;
}

async fn fill_the_rest(t: &TestStore, seed: &Seed) {
    let empty = seed.phone("0");
    let jobs = [
        ("id", "CAST({id} AS TEXT)"),
        ("queue", "CASE WHEN i = 1 THEN 'claims' ELSE 'push' END"),
        ("payload", empty.as_str()),
        (
            "state",
            "CASE WHEN i % 1000 = 1 THEN 3 WHEN i > 49000 THEN 0 ELSE 2 END",
        ),
        ("max_attempts", "5"),
        ("run_at", "{time}"),
        ("created_at", "{time}"),
        ("finished_at", "{time}"),
    ];
    let ads = [
        ("id", "{id}"),
        ("title", "'Ad'"),
        ("content", "'Ad'"),
        ("target_group", "'all'"),
        ("active", "TRUE"),
        ("created_at", "{time}"),
        ("updated_at", "{time}"),
    ];
    let announcements = [
        ("id", "{id}"),
        ("tr", "'Selam'"),
        ("en", "'Hello'"),
        ("target_group", "'all'"),
        ("created_by", "1"),
        ("created_at", "{time}"),
    ];
    for (table, count, columns) in [
        ("job", 50_000, &jobs[..]),
        ("ads", 5_000, &ads),
        ("announcements", 5_000, &announcements),
    ] {
        let apart_ms = MINUTE_MS;
        fill(
            t,
            seed,
            &Rows {
                table,
                count,
                apart_ms,
                columns,
            },
        )
        .await;
    }
}

/// A store with 100,000 users, 1,000,000 acts in the log, and less of the rest; `None` when the
/// database is not there.
pub(super) async fn filled(backend: Backend) -> Option<TestStore> {
    let t = TestStore::create(backend).await?;
    let seed = Seed {
        backend,
        now: t.now(),
    };
    fill_people(&t, &seed).await;
    fill_logs(&t, &seed).await;
    fill_matches(&t, &seed).await;
    fill_safety(&t, &seed).await;
    fill_the_rest(&t, &seed).await;
    if backend == Backend::Postgres {
        // As its autovacuum does.
        t.execute("ANALYZE").await;
    }
    Some(t)
}

/// The user with that number, of 1 to 100,000.
pub(super) fn numbered(t: &TestStore, number: i64) -> UserId {
    let ms = (USERS - number) * 5 * MINUTE_MS;
    UserId(IdGenerator::first_id_at(t.now()) - ms * IDS)
}
