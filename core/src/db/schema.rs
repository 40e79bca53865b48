//! The schema: the files in `migrations/`, written for PostgreSQL and rendered for SQLite.

use sqlx::{
    AssertSqlSafe, SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

/// Name and text of each file.
macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../migrations/", $name, ".sql")))),+]
    };
}

/// In the order of their numbers, from 1 without a gap. One that was released is never edited: the
/// server would not start on a database that has it.
const FILES: &[(&str, &str)] = files![
    "0001_accounts",
    "0002_matches",
    "0003_messages",
    "0004_economy",
    "0005_safety",
    "0006_notices",
    "0007_jobs",
];

/// What PostgreSQL says in words of its own, and what SQLite has for it.
const SQLITE_WORDS: &[(&str, &str)] = &[
    ("BIGINT", "INTEGER"),
    // 0 and 1.
    ("BOOLEAN", "INTEGER"),
    // Milliseconds since 1970.
    ("TIMESTAMPTZ", "INTEGER"),
    ("BYTEA", "BLOB"),
    ("DOUBLE PRECISION", "REAL"),
    // An index that serves `LIKE 'a%'`, which on SQLite does not see case.
    ("text_pattern_ops", "COLLATE NOCASE"),
];

/// Brings an SQLite database up to date.
pub(super) fn sqlite() -> Migrator {
    migrator(to_sqlite)
}

/// Brings a PostgreSQL database up to date.
pub(super) fn postgres() -> Migrator {
    migrator(str::to_owned)
}

fn migrator(render: fn(&str) -> String) -> Migrator {
    let migrations = (1..).zip(FILES).map(|(version, &(name, text))| {
        let sql = AssertSqlSafe(render(text)).into_sql_str();
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// `sql` with SQLite's words, each table `STRICT`. A table ends with `);` on a line of its own, and
/// nothing else does.
fn to_sqlite(sql: &str) -> String {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while !rest.is_empty() {
        let word = SQLITE_WORDS.iter().find_map(|&(from, to)| {
            let after = rest.strip_prefix(from)?;
            (!after.starts_with(in_word)).then_some((to, after))
        });
        if let Some((to, after)) = word {
            out.push_str(to);
            rest = after;
        }
        // The rest of this word, and what is between it and the next.
        let end = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
        let next = rest[end..]
            .find(in_word)
            .map_or(rest.len(), |gap| end + gap);
        out.push_str(&rest[..next]);
        rest = &rest[next..];
    }
    out.replace("\n);", "\n) STRICT;")
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use sqlx::{Connection as _, SqliteConnection, migrate::MigrateError};

    use super::*;

    #[test]
    fn sqlite_gets_its_own_types_and_strict_tables() {
        let source = "\
-- One kind.
CREATE TABLE kinds (
    id BIGINT PRIMARY KEY NOT NULL,
    other BIGINT REFERENCES kinds (id),
    flag BOOLEAN NOT NULL DEFAULT FALSE,
    bytes BYTEA,
    place DOUBLE PRECISION,
    words TEXT NOT NULL DEFAULT '{}',
    at TIMESTAMPTZ,
    CHECK (id <> other)
);
CREATE INDEX kinds_by_words ON kinds (words text_pattern_ops);
CREATE INDEX kinds_open ON kinds (id)
    WHERE flag AND (at IS NULL);
ALTER TABLE kinds ADD COLUMN more BIGINT;
";
        let rendered = "\
-- One kind.
CREATE TABLE kinds (
    id INTEGER PRIMARY KEY NOT NULL,
    other INTEGER REFERENCES kinds (id),
    flag INTEGER NOT NULL DEFAULT FALSE,
    bytes BLOB,
    place REAL,
    words TEXT NOT NULL DEFAULT '{}',
    at INTEGER,
    CHECK (id <> other)
) STRICT;
CREATE INDEX kinds_by_words ON kinds (words COLLATE NOCASE);
CREATE INDEX kinds_open ON kinds (id)
    WHERE flag AND (at IS NULL);
ALTER TABLE kinds ADD COLUMN more INTEGER;
";
        assert_eq!(to_sqlite(source), rendered);
    }

    #[test]
    fn only_whole_words_are_replaced() {
        for same in [
            "",
            "ş",
            "BIGINTS",
            "A_BIGINT BIGINT_2 ŞBYTEA",
            "DOUBLE",
            "PRECISION DOUBLE",
            "DOUBLE PRECISIONS",
            "bigint text_pattern_ops_2",
            "f(a);",
        ] {
            assert_eq!(to_sqlite(same), same);
        }
        assert_eq!(to_sqlite("BIGINT,BYTEA(BOOLEAN)"), "INTEGER,BLOB(INTEGER)");
        assert_eq!(to_sqlite("(DOUBLE PRECISION"), "(REAL");
    }

    #[test]
    fn the_list_is_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .expect("the folder")
            .map(|file| {
                file.expect("a file")
                    .file_name()
                    .into_string()
                    .expect("a name")
            })
            .collect();
        let listed = FILES.iter().map(|(name, _)| format!("{name}.sql"));
        assert_eq!(listed.collect::<BTreeSet<_>>(), files);
        for (number, (name, _)) in (1..).zip(FILES) {
            assert!(
                name.starts_with(&format!("{number:04}_")),
                "{name} is not number {number}"
            );
        }
    }

    #[tokio::test]
    async fn an_applied_file_that_changed_is_refused() {
        let mut db = SqliteConnection::connect("sqlite::memory:")
            .await
            .expect("SQLite");
        sqlite().run(&mut db).await.expect("a new schema");
        sqlite().run(&mut db).await.expect("nothing to do");
        let loose: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM pragma_table_list WHERE type = 'table' AND NOT strict \
             AND name NOT LIKE 'sqlite%' AND name <> '_sqlx_migrations'",
        )
        .fetch_all(&mut db)
        .await
        .expect("the tables");
        assert_eq!(loose, [""; 0], "tables that are not strict");

        let mut changed: Vec<Migration> = sqlite().iter().cloned().collect();
        let sql = AssertSqlSafe(format!("{} ", changed[1].sql.as_str())).into_sql_str();
        changed[1] = Migration::new(2, "matches".into(), MigrationType::Simple, sql, false);
        let refused = Migrator::with_migrations(changed).run(&mut db).await;
        assert!(
            matches!(refused, Err(MigrateError::VersionMismatch(2))),
            "{refused:?}"
        );
    }
}
