//! The one place that knows which kind of database there is, and whether the node is alone or one
//! of several.
//!
//! Everything else writes one SQL text for both databases and runs it through [`read!`] and
//! [`write_tx!`]. What differs between the two is listed here: how to connect, how to begin a
//! write, and the row-locking clauses that SQLite, with its single writer, does not have. The parts
//! of [`crate::realtime`] reach their variant through [`via!`].

mod postgres;

use std::{
    fs, io, os::unix::fs::OpenOptionsExt as _, path::Path, str::FromStr as _, sync::Arc,
    time::Duration,
};

use rand::Rng;
use sqlx::{
    Connection as _, SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use self::postgres::PostgresPool;
use crate::{
    realtime::{
        Bus, BusEvents, Lease, NodeId, Presence, Realtime, RealtimeError, RealtimeSettings,
        local::Local, redis::Redis,
    },
    store::StoreError,
};

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("../migrations/postgres");

/// How long a statement waits for a connection or, on SQLite, for the write lock.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections to a database.
#[derive(Debug, Clone)]
pub(crate) enum Db {
    /// WAL mode: readers never wait for the writer, and the pool of one is the queue for writing.
    Sqlite { read: SqlitePool, write: SqlitePool },
    /// No call on it waits for ever for a server that fell silent.
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
            .busy_timeout(ACQUIRE_TIMEOUT);
        if !url.contains(":memory:") && !url.contains("mode=memory") {
            make_private(options.get_filename()).map_err(sqlx::Error::Io)?;
        }
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.clone())
            .await?;
        let read = SqlitePoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.pragma("query_only", "ON"))
            .await?;
        Ok(Self::Sqlite { read, write })
    }

    /// Brings the schema up to date. Safe to call from several nodes at once: PostgreSQL takes an
    /// advisory lock, SQLite has one writer.
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { write, .. } => SQLITE_MIGRATIONS.run(write).await?,
            Self::Postgres(pool) => {
                // A connection that does not come back: a large table, or another node's lock, may
                // take longer than a statement should.
                let mut connection = pool.detached().await?;
                sqlx::raw_sql("SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0")
                    .execute(&mut connection)
                    .await?;
                POSTGRES_MIGRATIONS.run(&mut connection).await?;
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

    /// Ends a `SELECT` inside a write: its rows stay as they are until commit. Select in primary
    /// key order, or two writers deadlock.
    pub(crate) const fn for_update(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "",
            // Not FOR UPDATE: a row that refers to this one may still be inserted. Else an insert
            // that refers to two users would lock them in an order of its own, and deadlock.
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

    /// The database's own time, milliseconds since 1970.
    pub(crate) const fn now_millis(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)",
            // Not `now()`, which is the beginning of the transaction.
            Self::Postgres(_) => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }

    /// Inside a write: waits until no other write holds the key `$1`, a number, and holds it until
    /// the end. For what has no row to lock yet.
    pub(crate) const fn lock_key(&self) -> &'static str {
        match self {
            // Its one writer is the lock.
            Self::Sqlite { .. } => "SELECT $1",
            Self::Postgres(_) => "SELECT pg_advisory_xact_lock($1)",
        }
    }
}

/// Makes an empty SQLite file that only this user can read, where there is none. SQLite itself
/// would leave that to the umask; its `-wal` and `-shm` get the mode of this file. The mode of a
/// file that is there is its owner's choice.
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

/// Whether `url` has the form of a database's.
pub fn is_database(url: &str) -> bool {
    url.starts_with("sqlite:") || is_shared(url)
}

/// The file of a database that is one; `None` for one behind a server.
pub fn database_file(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    path.split('?').next().map(Path::new)
}

/// Whether `url` has the form of a Redis's.
pub fn is_redis(url: &str) -> bool {
    url.starts_with("redis://") || url.starts_with("rediss://")
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

/// Runs an expression that is one statement which writes, with the pool bound to `$db`. It makes no
/// ids.
macro_rules! write_alone {
    ($store:expr, |$db:ident| $body:expr) => {
        match &$store.db {
            $crate::backend::Db::Sqlite { write: $db, .. } => $body,
            $crate::backend::Db::Postgres($db) => $body,
        }
    };
}

/// Runs a block in one write transaction bound to `$tx`, and commits. `return` and `?` inside the
/// block roll back.
macro_rules! write_tx {
    ($store:expr, |$tx:ident| $body:block) => {{
        // It may make ids.
        $store
            .ids
            .check()
            .map_err($crate::store::StoreError::from)?;
        match &$store.db {
            $crate::backend::Db::Sqlite { write, .. } => {
                // IMMEDIATE: a deferred transaction that reads first fails when another has written
                // in between.
                let mut $tx = write.begin_with("BEGIN IMMEDIATE").await?;
                let out = $body;
                $tx.commit().await?;
                out
            }
            $crate::backend::Db::Postgres(pool) => {
                // Given back, or closed, after the transaction has ended in whatever way.
                let mut held = pool.acquire().await?;
                let mut write = held.begin().await?;
                let $tx = &mut write;
                let out = $body;
                write.commit().await?;
                out
            }
        }
    }};
}

/// The realtime state: in this process, or shared with other nodes.
#[derive(Debug, Clone)]
pub(crate) enum Link {
    Local(Arc<Local>),
    Redis(Arc<Redis>),
}

/// Runs an expression with the variant bound to `$link`.
macro_rules! via {
    ($of:expr, |$link:ident| $body:expr) => {
        match &$of {
            $crate::backend::Link::Local($link) => $body,
            $crate::backend::Link::Redis($link) => $body,
        }
    };
}

impl Realtime {
    /// The realtime parts of a new node: in this process, or connected to `redis_url`.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn connect(
        settings: &RealtimeSettings,
        rng: &mut impl Rng,
    ) -> Result<(Self, BusEvents), RealtimeError> {
        let node = NodeId::random(rng);
        let (link, events) = if settings.redis_url.expose().is_empty() {
            let (local, events) = Local::new(node);
            (Link::Local(Arc::new(local)), events)
        } else {
            let (redis, events) = Redis::connect(settings, node).await?;
            (Link::Redis(Arc::new(redis)), events)
        };
        let realtime = Self {
            node,
            bus: Bus(link.clone()),
            presence: Presence(link.clone()),
            lease: Lease(link),
        };
        Ok((realtime, BusEvents(events)))
    }

    /// Asks for an answer, for readiness.
    ///
    /// # Errors
    /// [`RealtimeError`]
    pub async fn ping(&self) -> Result<(), RealtimeError> {
        via!(self.bus.0, |link| link.ping().await)
    }

    /// Sends what is queued, takes this node out and ends; after this nothing arrives any more.
    /// `in_order`: it has given the bus everything that it had to say.
    pub async fn close(&self, in_order: bool) {
        via!(self.bus.0, |link| link.close(in_order).await);
    }
}

pub(crate) use {read, via, write_alone, write_tx};

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
            let Db::Postgres(pool) = db else {
                panic!("not PostgreSQL")
            };
            sqlx::query_scalar::<_, String>("SELECT current_setting($1)")
                .bind(name)
                .fetch_one(pool)
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
        let Db::Postgres(pool) = &db else {
            panic!("not PostgreSQL")
        };
        let error = sqlx::query("SELECT pg_sleep(60)")
            .execute(pool)
            .await
            .map(drop)
            .map_err(StoreError::from)
            .expect_err("it takes too long");
        assert!(error.is_transient(), "{error}");
        db.close().await;
    }
}
