//! Both schemas say the same.

use std::collections::BTreeMap;

use sqlx::{Connection, PgConnection, SqliteConnection};
use tebdil_core::testing::{Backend, TestStore};

/// A table in words that both databases share.
#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    /// Type, whether it can be NULL, whether it has a default.
    columns: BTreeMap<String, (&'static str, bool, bool)>,
    primary_key: Vec<String>,
    /// Columns, uniqueness, whether it covers a part of the rows only; those with a name of ours by
    /// that name.
    indexes: Vec<(Option<String>, Vec<String>, bool, bool)>,
    /// Column, table and column it points to, what happens on deletion.
    foreign_keys: Vec<(String, String, String, String)>,
}

type Schema = BTreeMap<String, Table>;

fn split(columns: &str) -> Vec<String> {
    columns.split(',').map(str::to_owned).collect()
}

/// Integers on SQLite are numbers, flags or times on PostgreSQL.
fn shared_type(native: &str) -> &'static str {
    match native {
        "INTEGER" | "bigint" | "boolean" | "timestamp with time zone" => "integer",
        "TEXT" | "text" => "text",
        "BLOB" | "bytea" => "bytes",
        "REAL" | "double precision" => "real",
        other => panic!("a type the store does not use: {other}"),
    }
}

async fn sqlite_schema(db: &mut SqliteConnection) -> Schema {
    let mut schema = Schema::new();
    let columns: Vec<(String, String, String, bool, bool, i64)> = sqlx::query_as(
        "SELECT t.name, c.name, c.type, c.\"notnull\", c.dflt_value IS NOT NULL, c.pk FROM pragma_table_list t JOIN pragma_table_info(t.name) c \
         WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND t.strict \
         ORDER BY t.name, c.pk, c.cid",
    )
    .fetch_all(&mut *db)
    .await
    .unwrap();
    for (table, column, native, not_null, default, key) in columns {
        let table = schema.entry(table).or_default();
        if key > 0 {
            table.primary_key.push(column.clone());
        }
        table
            .columns
            .insert(column, (shared_type(&native), !not_null, default));
    }
    for (name, table) in &mut schema {
        let indexes: Vec<(String, bool, bool, bool, String)> = sqlx::query_as(
            "SELECT i.name, i.origin = 'c', i.\"unique\", i.partial, (SELECT group_concat(x.name) FROM pragma_index_info(i.name) x) \
             FROM pragma_index_list($1) i WHERE i.origin <> 'pk'",
        )
        .bind(name)
        .fetch_all(&mut *db)
        .await
        .unwrap();
        table.indexes = indexes
            .into_iter()
            .map(|(name, ours, unique, partial, columns)| {
                (ours.then_some(name), split(&columns), unique, partial)
            })
            .collect();
        table.indexes.sort();
        table.foreign_keys = sqlx::query_as("SELECT \"from\", \"table\", \"to\", on_delete FROM pragma_foreign_key_list($1) ORDER BY 1, 2")
            .bind(name)
            .fetch_all(&mut *db)
            .await
            .unwrap();
    }
    schema
}

async fn postgres_schema(db: &mut PgConnection) -> Schema {
    let mut schema = Schema::new();
    let columns: Vec<(String, String, String, bool, bool)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text, data_type::text, is_nullable = 'YES', column_default IS NOT NULL \
         FROM information_schema.columns WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_sqlx%'",
    )
    .fetch_all(&mut *db)
    .await
    .unwrap();
    for (table, column, native, nullable, default) in columns {
        schema
            .entry(table)
            .or_default()
            .columns
            .insert(column, (shared_type(&native), nullable, default));
    }
    let indexes: Vec<(String, String, bool, bool, bool, bool, String)> = sqlx::query_as(
        "SELECT t.relname::text, i.relname::text, x.indisprimary, x.indisunique, x.indpred IS NOT NULL, \
         NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = x.indexrelid AND c.contype IN ('u', 'p')), \
         (SELECT string_agg(a.attname, ',' ORDER BY k.position) FROM unnest(x.indkey) WITH ORDINALITY k (number, position) \
          JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number) \
         FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid \
         WHERE t.relnamespace = current_schema()::regnamespace AND t.relname NOT LIKE '\\_sqlx%'",
    )
    .fetch_all(&mut *db)
    .await
    .unwrap();
    for (table, name, primary, unique, partial, ours, columns) in indexes {
        let table = schema.get_mut(&table).expect("an index has a table");
        if primary {
            table.primary_key = split(&columns);
        } else {
            table
                .indexes
                .push((ours.then_some(name), split(&columns), unique, partial));
        }
    }
    let keys: Vec<(String, String, String, String, String)> = sqlx::query_as(
        "SELECT t.relname::text, a.attname::text, f.relname::text, b.attname::text, \
         CASE c.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'a' THEN 'NO ACTION' WHEN 'n' THEN 'SET NULL' WHEN 'r' THEN 'RESTRICT' ELSE 'SET DEFAULT' END \
         FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class f ON f.oid = c.confrelid \
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.conkey[1] \
         JOIN pg_attribute b ON b.attrelid = f.oid AND b.attnum = c.confkey[1] \
         WHERE c.contype = 'f' AND t.relnamespace = current_schema()::regnamespace ORDER BY 2, 3",
    )
    .fetch_all(&mut *db)
    .await
    .unwrap();
    for (table, column, other, to, on_delete) in keys {
        schema
            .get_mut(&table)
            .expect("a key has a table")
            .foreign_keys
            .push((column, other, to, on_delete));
    }
    for table in schema.values_mut() {
        table.indexes.sort();
    }
    schema
}

#[tokio::test]
async fn both_schemas_are_the_same() {
    let sqlite = TestStore::create(Backend::Sqlite)
        .await
        .expect("SQLite is always there");
    let sqlite = sqlite_schema(
        &mut SqliteConnection::connect(sqlite.database.url())
            .await
            .unwrap(),
    )
    .await;
    assert!(
        sqlite.len() >= 20 && sqlite["users"].primary_key == ["id"],
        "the schema was read: {:?}",
        sqlite.keys()
    );
    let Some(postgres) = TestStore::create(Backend::Postgres).await else {
        return;
    };
    let postgres = postgres_schema(
        &mut PgConnection::connect(postgres.database.url())
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(
        sqlite.keys().collect::<Vec<_>>(),
        postgres.keys().collect::<Vec<_>>()
    );
    for (name, table) in &sqlite {
        assert_eq!(
            table, &postgres[name],
            "table {name}: SQLite left, PostgreSQL right"
        );
    }
}
