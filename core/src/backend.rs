//! The one place that knows which kind of database there is.
//!
//! Everything else writes one SQL text for both and runs it through [`read!`] and [`write_tx!`]. What differs between the two is
//! listed here: how to connect, how to begin a write, and the row-locking clauses that SQLite, with its single writer, does not have.

use std::{str::FromStr, time::Duration};

use sqlx::{
    PgPool, SqlitePool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::store::StoreError;

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("../migrations/postgres");

/// How long a statement waits for a connection or, on SQLite, for the write lock.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections to a database.
#[derive(Debug, Clone)]
pub(crate) enum Db {
    /// WAL mode: readers never wait for the writer, and the pool of one is the queue for writing.
    Sqlite {
        read: SqlitePool,
        write: SqlitePool,
    },
    Postgres(PgPool),
}

impl Db {
    /// Connects to `url`: `sqlite:PATH` (made when missing) or `postgres://…`.
    pub(crate) async fn connect(url: &str, max_connections: u32) -> Result<Self, StoreError> {
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url)?;
            let pool = PgPoolOptions::new().max_connections(max_connections).acquire_timeout(ACQUIRE_TIMEOUT);
            return Ok(Self::Postgres(pool.connect_with(options).await?));
        }
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL, not NORMAL: `message.accepted` promises that a power cut loses nothing. Group commit pays the sync once per batch.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // The same few pages of the indexes change in every batch: a longer log writes them back once instead of ten times (32 MiB at most), and
            // a larger cache (KiB) keeps them from being read from the log again.
            .pragma("wal_autocheckpoint", "8192")
            .pragma("cache_size", "-32768")
            .busy_timeout(ACQUIRE_TIMEOUT);
        let write = SqlitePoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT).connect_with(options.clone()).await?;
        let read = SqlitePoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.pragma("query_only", "ON"))
            .await?;
        Ok(Self::Sqlite { read, write })
    }

    /// Brings the schema up to date. Safe to call from several nodes at once: PostgreSQL takes an advisory lock, SQLite has one writer.
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { write, .. } => SQLITE_MIGRATIONS.run(write).await?,
            Self::Postgres(pool) => POSTGRES_MIGRATIONS.run(pool).await?,
        }
        Ok(())
    }

    /// Waits for running statements and closes.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }

    /// Ends a `SELECT` inside a write: its rows stay as they are until commit. Select in primary key order, or two writers deadlock.
    pub(crate) const fn for_update(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "",
            // Not FOR UPDATE: a row that refers to this one may still be inserted. Else an insert that refers to two users would lock them in
            // an order of its own, and deadlock.
            Self::Postgres(_) => " FOR NO KEY UPDATE",
        }
    }

    /// Ends a `SELECT` inside a write that leaves out rows another writer holds.
    pub(crate) const fn for_update_skip_locked(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "",
            Self::Postgres(_) => " FOR UPDATE SKIP LOCKED",
        }
    }
}

/// Whether `url` names a database that several nodes can share; secrets then come from the environment.
pub fn is_shared(url: &str) -> bool {
    url.starts_with("postgres:") || url.starts_with("postgresql:")
}

/// Runs an expression that reads, with the pool bound to `$db`.
macro_rules! read {
    ($store:expr, |$db:ident| $body:expr) => {
        match &$store.db {
            $crate::backend::Db::Sqlite { read: $db, .. } => $body,
            $crate::backend::Db::Postgres($db) => $body,
        }
    };
}

/// Runs a block in one write transaction bound to `$tx`, and commits. `return` and `?` inside the block roll back.
macro_rules! write_tx {
    ($store:expr, |$tx:ident| $body:block) => {
        match &$store.db {
            $crate::backend::Db::Sqlite { write, .. } => {
                // IMMEDIATE: a deferred transaction that reads first fails when another has written in between.
                let mut $tx = write.begin_with("BEGIN IMMEDIATE").await?;
                let out = $body;
                $tx.commit().await?;
                out
            }
            $crate::backend::Db::Postgres(pool) => {
                let mut $tx = pool.begin().await?;
                let out = $body;
                $tx.commit().await?;
                out
            }
        }
    };
}

pub(crate) use {read, write_tx};
