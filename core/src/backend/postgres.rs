//! PostgreSQL, which may fall silent: its machine lost power, or a line swallows everything, and no
//! end of a connection ever comes.
//!
//! Then no call waits for ever, and no connection of the pool is lost. Every call has a deadline,
//! and one that misses it closes its connection. The server, for its part, is asked to forget a
//! node that fell silent ([`SESSION`]): what a dead node has locked is free again after some
//! seconds.

use std::{io, str::FromStr as _, time::Duration};

use futures_util::{
    TryStreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream, StreamExt as _},
};
use sqlx::{
    Connection as _, Describe, Either, Error, Execute, Executor, PgConnection, PgPool, Postgres,
    SqlStr, Transaction,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout, timeout_at},
};

use super::ACQUIRE_TIMEOUT;

#[cfg(test)]
mod tests;

/// How long a call may take, from asking for a connection to the last answer. Longer than the
/// server lets a statement run or wait ([`SESSION`]): whoever gets no answer until then waits for a
/// server that is silent, and what it had begun there has ended meanwhile.
const CALL: Duration = Duration::from_secs(10);

/// How long a connection that was idle may take to show that it still leads to the server, before
/// another one is opened in its place.
const PROBE: Duration = Duration::from_secs(1);

/// How long a connection may take to undo what a call left behind. Later it is closed.
const TIDY: Duration = Duration::from_secs(1);

/// What a session asks of the server, times in milliseconds, those of TCP's keepalive in seconds. A
/// database URL that sets one of them wins.
///
/// The order matters: what a silent node has locked is free (4 s) before those who wait for it give
/// up (6 s) or their statement is ended (8 s), and all that before the call itself gives up (10 s):
/// what it had begun is over when its caller hears that nobody answers.
const SESSION: [(&str, &str); 7] = [
    // Ours take a few: one that takes longer waits for a lock or a disk that will not come, and
    // keeps a connection from everybody else.
    ("statement_timeout", "8000"),
    ("lock_timeout", "6000"),
    // Between two statements we compute for milliseconds: a node that says nothing for so long says
    // nothing any more.
    ("idle_in_transaction_session_timeout", "4000"),
    // Sessions without a transaction hold nothing but a place among the server's connections: 11 s.
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
            // Instead of sqlx's own, which would use up the time in which another connection can be
            // opened.
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
            pool: pool.connect_with(session(options)).await?,
            call: CALL,
        })
    }

    /// A connection for one call, whose time runs from now on.
    pub(crate) async fn acquire(&self) -> Result<Held, Error> {
        let until = Instant::now() + self.call;
        Ok(Held {
            connection: Some(self.pool.acquire().await?),
            until,
            silent: false,
        })
    }

    /// A connection that does not come back, for what may take long. It has no deadline.
    pub(super) async fn detached(&self) -> Result<PgConnection, Error> {
        Ok(self.pool.acquire().await?.detach())
    }

    /// Waits for the calls that are under way, and closes.
    pub(super) async fn close(&self) {
        // Longer than they can take: a server that says nothing keeps nobody from ending.
        let _ = timeout(self.call + TIDY, self.pool.close()).await;
    }
}

/// Adds [`SESSION`] to what the database URL asks for.
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

/// The connection of one call. Dropping it gives it back, or closes it at once when the server was
/// silent.
#[derive(Debug)]
pub(crate) struct Held {
    /// Taken when it is dropped.
    connection: Option<PoolConnection<Postgres>>,
    until: Instant,
    /// An answer is missing: nothing can be said on this connection any more.
    silent: bool,
}

impl Held {
    fn parts(&mut self) -> (&mut PgConnection, Instant, &mut bool) {
        (
            self.connection.as_mut().expect("it is taken only by drop"),
            self.until,
            &mut self.silent,
        )
    }

    /// Begins a transaction. It ends without effect unless it is [committed](Write::commit).
    pub(crate) async fn begin(&mut self) -> Result<Write<'_>, Error> {
        let (connection, until, silent) = self.parts();
        let transaction = bounded(until, silent, connection.begin()).await?;
        Ok(Write {
            transaction,
            until,
            silent,
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        match Handle::try_current() {
            // What is sent back to the pool is first asked whether it is well, as sqlx does when it
            // drops one; without a deadline that would wait for ever, and the place in the pool
            // with it. Such a task ends after `TIDY` by itself, so nobody has to wait for it.
            Ok(runtime) if !self.silent => {
                drop(runtime.spawn(timeout(TIDY, connection.return_to_pool())))
            }
            // Without a goodbye: nobody hears it. The place in the pool is free at once.
            _ => drop(connection.detach()),
        }
    }
}

/// An open transaction.
#[derive(Debug)]
pub(crate) struct Write<'h> {
    transaction: Transaction<'h, Postgres>,
    until: Instant,
    silent: &'h mut bool,
}

impl Write<'_> {
    /// Makes everything durable. An error may come after that has happened.
    pub(crate) async fn commit(self) -> Result<(), Error> {
        bounded(self.until, self.silent, self.transaction.commit()).await
    }
}

/// Waits until the deadline at most, and notes when nothing came.
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

type Step = Either<PgQueryResult, PgRow>;

/// Everything a statement answers. It is collected here, since all of it has to come before the
/// deadline, and nobody reads rows one by one.
fn all<'e>(
    steps: impl Future<Output = Result<Vec<Step>, Error>> + Send + 'e,
) -> BoxStream<'e, Result<Step, Error>> {
    stream::once(steps)
        .map_ok(|steps| stream::iter(steps.into_iter().map(Ok)))
        .try_flatten()
        .boxed()
}

impl<'c> Executor<'c> for &'c mut Write<'_> {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        all(bounded(
            self.until,
            self.silent,
            (*self.transaction).fetch_many(query).try_collect(),
        ))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(bounded(
            self.until,
            self.silent,
            (*self.transaction).fetch_optional(query),
        ))
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        Box::pin(bounded(
            self.until,
            self.silent,
            (*self.transaction).prepare_with(sql, parameters),
        ))
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        Box::pin(bounded(
            self.until,
            self.silent,
            (*self.transaction).describe(sql),
        ))
    }
}

/// One statement is one call.
impl<'p> Executor<'p> for &'p PostgresPool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        all(async move {
            let mut held = self.acquire().await?;
            let (connection, until, silent) = held.parts();
            bounded(until, silent, connection.fetch_many(query).try_collect()).await
        })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(async move {
            let mut held = self.acquire().await?;
            let (connection, until, silent) = held.parts();
            bounded(until, silent, connection.fetch_optional(query)).await
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'p: 'e,
    {
        Box::pin(async move {
            let mut held = self.acquire().await?;
            let (connection, until, silent) = held.parts();
            bounded(until, silent, connection.prepare_with(sql, parameters)).await
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'p: 'e,
    {
        Box::pin(async move {
            let mut held = self.acquire().await?;
            let (connection, until, silent) = held.parts();
            bounded(until, silent, connection.describe(sql)).await
        })
    }
}
