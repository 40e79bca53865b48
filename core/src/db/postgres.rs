//! PostgreSQL, which may fall silent: its machine lost power, or the network drops everything, and
//! connections never end.
//!
//! Even then no call waits for ever, and the pool loses no connection. Every call has a deadline,
//! and one that misses it closes its connection. The server, for its part, is asked to drop silent
//! nodes ([`SESSION`]): what a dead node has locked is free after some seconds.

use std::{io, str::FromStr as _, time::Duration};

use sqlx::{
    Connection as _, Error, PgConnection, PgPool, Postgres, SqlStr,
    pool::PoolConnection,
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow},
};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout, timeout_at},
};

use super::{ACQUIRE_TIMEOUT, STATEMENTS};

#[cfg(test)]
mod tests;

/// How long a call may take, from asking for a connection to the last answer. Longer than the
/// server lets a statement run or wait ([`SESSION`]): if no answer comes by then, the server is
/// silent, and what was begun there has ended meanwhile.
const CALL: Duration = Duration::from_secs(10);

/// How long an idle connection may take to prove that it still reaches the server, before another
/// one is opened in its place.
const PROBE: Duration = Duration::from_secs(1);

/// How long a connection may take to roll back what a call left behind. After that it is closed.
const TIDY: Duration = Duration::from_secs(1);

/// What a session asks of the server, times in milliseconds, those of TCP's keepalive in seconds.
/// The database URL can override each.
///
/// The order matters: a silent node's locks are released (4 s) before those who wait for them give
/// up (6 s) or their statement is ended (8 s), and all that before the call itself gives up (10 s):
/// what it had begun is over when its caller learns that nobody answers.
const SESSION: [(&str, &str); 7] = [
    // Ours take a few milliseconds: one that takes this long waits for a lock or a disk in vain,
    // and keeps a connection from everybody else.
    ("statement_timeout", "8000"),
    ("lock_timeout", "6000"),
    // Between two statements we compute for milliseconds: a node that is silent for this long is
    // gone.
    ("idle_in_transaction_session_timeout", "4000"),
    // Sessions without a transaction hold only one of the server's connections: 11 s.
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "2"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "10000"),
];

/// Connections to PostgreSQL.
#[derive(Debug, Clone)]
pub(crate) struct PostgresPool {
    pool: PgPool,
    /// [`CALL`], except in tests.
    call: Duration,
}

impl PostgresPool {
    /// Connects to `url`.
    pub(super) async fn connect(url: &str, max_connections: u32) -> Result<Self, Error> {
        Self::open(PgConnectOptions::from_str(url)?, max_connections).await
    }

    async fn open(options: PgConnectOptions, max_connections: u32) -> Result<Self, Error> {
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // Instead of sqlx's own check, which would use up the time for opening another
            // connection.
            .test_before_acquire(false)
            .before_acquire(|connection, _| {
                Box::pin(async move {
                    timeout(PROBE, connection.ping())
                        .await
                        .map_err(|_| silent())?
                        .map(|()| true)
                })
            });
        Ok(Self {
            pool: pool
                .connect_with(session(options).statement_cache_capacity(STATEMENTS))
                .await?,
            call: CALL,
        })
    }

    /// A connection for one call, whose time runs from now on.
    pub(crate) async fn acquire(&self) -> Result<PooledConnection, Error> {
        let until = Instant::now() + self.call;
        Ok(PooledConnection {
            // Opening one takes a large future, above all for TLS; its callers' futures should stay
            // small.
            connection: Some(Box::pin(self.pool.acquire()).await?),
            until,
            silent: false,
            open: false,
        })
    }

    /// A connection that does not return to the pool, for long work. It has no deadline.
    pub(super) async fn detached(&self) -> Result<PgConnection, Error> {
        Ok(self.pool.acquire().await?.detach())
    }

    /// Waits for the calls that are under way, and closes.
    pub(super) async fn close(&self) {
        // Longer than they can take, so that a silent server does not keep the process from ending.
        let _ = timeout(self.call + TIDY, self.pool.close()).await;
    }
}

/// Adds [`SESSION`] to the options in the database URL.
fn session(options: PgConnectOptions) -> PgConnectOptions {
    let given = options.get_options().unwrap_or_default().to_owned();
    // `-c name=value`, `-cname=value` or `--name=value`.
    let names: Vec<&str> = given
        .split([' ', '='])
        .map(|word| word.trim_start_matches('-'))
        .collect();
    let is_given = |name: &str| {
        names
            .iter()
            .any(|given| *given == name || given.strip_prefix('c') == Some(name))
    };
    options.options(SESSION.into_iter().filter(|(name, _)| !is_given(name)))
}

fn silent() -> Error {
    Error::Io(io::Error::new(
        io::ErrorKind::TimedOut,
        "the database does not answer",
    ))
}

/// The connection of one call. Dropping it returns it to the pool, or closes it at once if the
/// server was silent. What was begun and not committed is rolled back.
#[derive(Debug)]
pub(crate) struct PooledConnection {
    /// Taken when it is dropped.
    connection: Option<PoolConnection<Postgres>>,
    until: Instant,
    /// An answer is missing, so this connection cannot be used any more.
    silent: bool,
    /// A transaction was begun, and is not committed.
    open: bool,
}

impl PooledConnection {
    /// Begins a transaction. It ends without effect unless it is [committed](Self::commit).
    pub(super) async fn begin(&mut self) -> Result<(), Error> {
        // Before the answer: it may be under way when this is given up.
        self.open = true;
        self.say("BEGIN").await
    }

    /// Makes everything durable. An error may come after that has happened.
    pub(super) async fn commit(mut self) -> Result<(), Error> {
        self.say("COMMIT").await?;
        self.open = false;
        Ok(())
    }

    async fn say(&mut self, word: &'static str) -> Result<(), Error> {
        let (connection, until, silent) = self.parts();
        let said = sqlx::raw_sql(word).execute(connection);
        bounded(until, silent, said).await.map(drop)
    }

    /// Runs a statement, and returns how many rows it changed.
    pub(super) async fn execute(&mut self, sql: SqlStr, args: PgArguments) -> Result<u64, Error> {
        let (connection, until, silent) = self.parts();
        let done = sqlx::query_with(sql, args).execute(connection);
        Ok(bounded(until, silent, done).await?.rows_affected())
    }

    /// All rows of a statement, which have to come before the deadline.
    pub(super) async fn fetch(
        &mut self,
        sql: SqlStr,
        args: PgArguments,
    ) -> Result<Vec<PgRow>, Error> {
        let (connection, until, silent) = self.parts();
        let rows = sqlx::query_with(sql, args).fetch_all(connection);
        bounded(until, silent, rows).await
    }

    fn parts(&mut self) -> (&mut PgConnection, Instant, &mut bool) {
        let connection = self.connection.as_mut().expect("it is taken only by drop");
        (connection, self.until, &mut self.silent)
    }
}

/// Waits until the deadline at most, and notes if no answer came.
async fn bounded<T>(
    until: Instant,
    unanswered: &mut bool,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    timeout_at(until, call).await.unwrap_or_else(|_| {
        *unanswered = true;
        Err(silent())
    })
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        match Handle::try_current() {
            // Such a task ends after `TIDY` by itself, so nobody has to wait for it. Nobody may
            // abort it: the pool would get the connection with what is open.
            Ok(runtime) if !self.silent => drop(runtime.spawn(tidy(connection, self.open))),
            // Without a goodbye that nobody would hear. The place in the pool is free at once.
            _ => drop(connection.detach()),
        }
    }
}

/// Rolls back what is `open`, and returns the connection to its pool, which first checks it, as
/// sqlx does when one is dropped. Without a deadline that would wait for ever and keep its place in
/// the pool.
async fn tidy(mut connection: PoolConnection<Postgres>, open: bool) {
    let until = Instant::now() + TIDY;
    if open {
        let undone = timeout_at(until, sqlx::raw_sql("ROLLBACK").execute(&mut *connection)).await;
        if !matches!(undone, Ok(Ok(_))) {
            drop(connection.detach());
            return;
        }
    }
    let _ = timeout_at(until, connection.return_to_pool()).await;
}
