//! The two kinds of database behind one interface: the only place that knows which one it is.
//!
//! Everything else writes one SQL text, in PostgreSQL's dialect, and runs it with [`Db::read`] or
//! [`Db::write`], or in a transaction ([`Tx`]). What differs is listed here: how to connect, how to
//! begin a write, the schema's types ([`schema`]), and the locking clauses ([`query`]).
//!
//! Futures are boxed here, so that what the whole store awaits is compiled once, and not in each
//! codegen unit that awaits it (ADR 35).

mod postgres;
mod query;
mod run;
mod schema;

use std::{
    fs, io, os::unix::fs::OpenOptionsExt as _, path::Path, str::FromStr as _, sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use sqlx::{
    Connection as _, Sqlite, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::Notify;

pub(crate) use self::query::Query;
#[cfg(test)]
pub(crate) use self::query::plans::{Plan, plans_of};
use self::{
    postgres::{PooledConnection, PostgresPool},
    query::On,
};
use crate::{
    ids::IdGenerator,
    store::{KnownSides, StoreError},
};
use tebdil_protocol::id::MatchId;

/// How long a statement waits for a connection or, on SQLite, for the write lock.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Prepared statements that a connection keeps: room for all of them, in all shapes.
const STATEMENTS: usize = 512;

/// Rows of SQLite that may wait to be read: both sides of as many matches as a batch has.
const ROW_BUFFER: usize = 1_024;

/// Connections to a database.
#[derive(Debug, Clone)]
pub(crate) enum Db {
    /// WAL mode: readers never wait for the writer, and the pool of one is the queue for writing.
    Sqlite { read: SqlitePool, write: SqlitePool },
    /// No call on it waits for ever for a silent server.
    Postgres(PostgresPool),
}

impl Db {
    /// Connects to `url`: `sqlite:PATH` (made when missing) or `postgres://…`.
    pub(crate) async fn connect(url: &str, max_connections: u32) -> Result<Self, StoreError> {
        if is_shared(url) {
            return Ok(Self::Postgres(
                PostgresPool::connect(url, max_connections).await?,
            ));
        }
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL, not NORMAL: `message.accepted` promises that a power cut loses nothing. Group
            // commit pays the sync once per batch.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // The same few pages of the indexes change in every batch: a longer log writes them
            // back once instead of ten times (32 MiB at most), and a larger cache (KiB) keeps them
            // from being read from the log again.
            .pragma("wal_autocheckpoint", "8192")
            .pragma("cache_size", "-32768")
            // What a statement would undo is kept in memory: a batch writes more than SQLite keeps
            // there by itself, and the rest went to a file, each page once more.
            .pragma("temp_store", "MEMORY")
            // Deleted rows are overwritten, so that acknowledged ciphertext also leaves the file.
            .pragma("secure_delete", "ON")
            .busy_timeout(ACQUIRE_TIMEOUT)
            // After so many rows the connection's thread waits until they are read.
            .row_buffer_size(ROW_BUFFER)
            .statement_cache_capacity(STATEMENTS);
        if !url.contains(":memory:") && !url.contains("mode=memory") {
            make_private(options.get_filename()).map_err(sqlx::Error::Io)?;
        }
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            // It is a file, so no connection to it is lost.
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.clone())
            .await?;
        let read = SqlitePoolOptions::new()
            .max_connections(max_connections)
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.pragma("query_only", "ON"))
            .await?;
        Ok(Self::Sqlite { read, write })
    }

    /// Brings the schema up to date. Safe to call from several nodes at once: PostgreSQL takes an
    /// advisory lock, SQLite has one writer.
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { write, .. } => schema::sqlite().run(write).await?,
            Self::Postgres(pool) => {
                // A connection that does not return to the pool: a large table, or another node's
                // lock, may take longer than a statement should.
                let mut connection = pool.detached().await?;
                sqlx::raw_sql("SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0")
                    .execute(&mut connection)
                    .await?;
                schema::postgres().run(&mut connection).await?;
                connection.close().await?;
            }
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

    /// Whether no other process writes, and this one does so through one connection.
    pub(crate) const fn has_one_writer(&self) -> bool {
        matches!(self, Self::Sqlite { .. })
    }

    /// A statement that reads.
    pub(crate) fn read(&self, sql: &'static str) -> Query<'_> {
        let on = match self {
            Self::Sqlite { read, .. } => On::Sqlite(read),
            Self::Postgres(pool) => On::Postgres(pool),
        };
        Query::new(on, sql)
    }

    /// A statement that writes, alone. It makes no ids.
    pub(crate) fn write(&self, sql: &'static str) -> Query<'_> {
        let on = match self {
            Self::Sqlite { write, .. } => On::Sqlite(write),
            Self::Postgres(pool) => On::Postgres(pool),
        };
        Query::new(on, sql)
    }

    /// The database's own time, milliseconds since 1970.
    pub(crate) async fn now_millis(&self) -> Result<i64, sqlx::Error> {
        let sql = match self {
            Self::Sqlite { .. } => "SELECT CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)",
            // Not `now()`, which is the beginning of the transaction.
            Self::Postgres(_) => {
                "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
            }
        };
        self.read(sql).value().await
    }

    /// Begins a transaction that writes, and may make `ids`. `wake` is notified after a commit that
    /// [wakes the workers](Tx::wake_workers); `known` hears of [changed sides](Tx::changes_sides).
    pub(crate) fn begin<'a>(
        &'a self,
        ids: &'a Arc<IdGenerator>,
        wake: &'a Arc<Notify>,
        known: &'a Arc<KnownSides>,
    ) -> BoxFuture<'a, Result<Tx, StoreError>> {
        Box::pin(async move {
            ids.check()?;
            count_statement();
            let open = match self {
                // IMMEDIATE: a deferred transaction that reads first fails when another has written
                // in between.
                Self::Sqlite { write, .. } => {
                    Open::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?)
                }
                Self::Postgres(pool) => {
                    let mut held = pool.acquire().await?;
                    held.begin().await?;
                    Open::Postgres(held)
                }
            };
            Ok(Tx {
                open,
                ids: Arc::clone(ids),
                wake: Arc::clone(wake),
                wakes: false,
                known: Arc::clone(known),
            })
        })
    }
}

/// A transaction that writes. Dropped before its [commit](Self::commit), it changes nothing.
///
/// A `SELECT … FOR NO KEY UPDATE` keeps its rows as they are until the end. Not `FOR UPDATE`: a row
/// that refers to this one may still be inserted, else an insert that refers to two users would
/// lock them in an order of its own, and deadlock. Select in primary key order, or two writers do.
/// `FOR UPDATE SKIP LOCKED` leaves out rows that another writer holds. SQLite has one writer.
#[derive(Debug)]
pub(crate) struct Tx {
    open: Open,
    ids: Arc<IdGenerator>,
    wake: Arc<Notify>,
    /// Whether there is something to do for the workers of this process.
    wakes: bool,
    known: Arc<KnownSides>,
}

#[derive(Debug)]
enum Open {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(PooledConnection),
}

impl Tx {
    /// A statement.
    pub(crate) fn query(&mut self, sql: &'static str) -> Query<'_> {
        let on = match &mut self.open {
            Open::Sqlite(tx) => On::SqliteTx(tx),
            Open::Postgres(held) => On::PostgresTx(held),
        };
        Query::new(on, sql)
    }

    /// A new id.
    pub(crate) fn id<T: From<i64>>(&self) -> T {
        self.ids.next()
    }

    /// Locks this key until the end, once no other write holds it. For what has no row to lock yet.
    pub(crate) async fn lock(&mut self, key: i64) -> Result<(), sqlx::Error> {
        if matches!(self.open, Open::Postgres(_)) {
            self.query("SELECT pg_advisory_xact_lock($1)")
                .bind(key)
                .execute()
                .await?;
        }
        Ok(())
    }

    /// Has every statement from here on planned for the current contents of its tables. PostgreSQL
    /// keeps a plan made while a table was empty, which reads all of it, until the table is next
    /// analysed, however much it has grown.
    pub(crate) async fn plan_anew(&mut self) -> Result<(), sqlx::Error> {
        if matches!(self.open, Open::Postgres(_)) {
            self.query("SET LOCAL plan_cache_mode = force_custom_plan")
                .execute()
                .await?;
        }
        Ok(())
    }

    /// Has the workers of this process look for jobs once this is committed.
    pub(crate) const fn wake_workers(&mut self) {
        self.wakes = true;
    }

    /// Of SQLite: another number whenever another process has written.
    pub(crate) async fn foreign_writes(&mut self) -> Result<i64, sqlx::Error> {
        self.query("PRAGMA data_version").value().await
    }

    /// Says that this changes the sides of a match.
    pub(crate) fn changes_sides(&self, match_id: MatchId) {
        if matches!(self.open, Open::Sqlite(_)) {
            self.known.change(match_id);
        }
    }

    /// Makes everything durable. An error may come after that has happened.
    pub(crate) fn commit(self) -> BoxFuture<'static, Result<(), sqlx::Error>> {
        Box::pin(async move {
            count_statement();
            let committed = match self.open {
                Open::Sqlite(tx) => tx.commit().await,
                Open::Postgres(held) => held.commit().await,
            };
            // Also after an error: it costs only one look.
            if self.wakes {
                self.wake.notify_one();
            }
            committed
        })
    }
}

/// Counts statements, `BEGIN` and `COMMIT` included. Migrations and rollbacks are not counted.
fn count_statement() {
    metrics::counter!("tebdil_statements_total").increment(1);
}

/// Creates an empty SQLite file that only this user can read, if there is none. SQLite itself would
/// leave that to the umask; its `-wal` and `-shm` get the mode of this file. The mode of an
/// existing file is its owner's choice.
fn make_private(file: &Path) -> io::Result<()> {
    match fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
    {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Whether `url` names a database that several nodes can share; secrets then come from the
/// environment.
pub fn is_shared(url: &str) -> bool {
    url.starts_with("postgres:") || url.starts_with("postgresql:")
}

/// Whether `url` has the form of a database URL.
pub fn is_database(url: &str) -> bool {
    url.starts_with("sqlite:") || is_shared(url)
}

/// The file of an SQLite database; `None` for one behind a server.
pub fn database_file(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    path.split('?').next().map(Path::new)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::testing::{Backend, TestDatabase};

    fn mode(file: &Path) -> u32 {
        fs::metadata(file).expect("the file").permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn only_the_owner_can_read_a_new_sqlite_file() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))
            .expect("a folder for everybody");
        let file = dir.path().join("new.db");
        let db = Db::connect(&format!("sqlite:{}", file.display()), 2)
            .await
            .expect("it opens");
        db.migrate().await.expect("the schema");
        for end in ["", "-wal", "-shm"] {
            assert_eq!(
                mode(&dir.path().join(format!("new.db{end}"))),
                0o600,
                "{end}"
            );
        }
        db.close().await;

        // What an owner opened to a group stays open to it.
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("it is ours");
        Db::connect(&format!("sqlite:{}", file.display()), 2)
            .await
            .expect("it opens")
            .close()
            .await;
        assert_eq!(mode(&file), 0o640);
    }

    #[tokio::test]
    async fn a_postgres_statement_ends_but_a_migration_may_take_long() {
        let Some(database) = TestDatabase::create(Backend::Postgres).await else {
            return;
        };
        let show = async |db: &Db, name: &str| {
            db.read("SELECT current_setting($1)")
                .bind(name)
                .value::<String>()
                .await
                .expect("a setting")
        };
        let db = Db::connect(database.url(), 1).await.expect("it opens");
        // The migration's own connection does not stay in a pool of one.
        db.migrate().await.expect("the schema");
        assert_eq!(show(&db, "statement_timeout").await, "8s");
        assert_eq!(show(&db, "lock_timeout").await, "6s");
        assert_eq!(show(&db, "idle_in_transaction_session_timeout").await, "4s");
        assert_eq!(show(&db, "tcp_user_timeout").await, "10000");
        assert!(
            show(&db, "search_path").await.starts_with("test_"),
            "the options of the URL stay"
        );
        db.close().await;

        let db = Db::connect(
            &format!("{}%20-c%20statement_timeout%3D50", database.url()),
            1,
        )
        .await
        .expect("it opens");
        assert_eq!(show(&db, "statement_timeout").await, "50ms");
        let slept = db.read("SELECT pg_sleep(60)").execute().await;
        let error = StoreError::from(slept.expect_err("it takes too long"));
        assert!(error.is_transient(), "{error}");
        db.close().await;
    }
}
