//! A database of its own for every test, on SQLite always and on PostgreSQL when
//! `TEBDIL_TEST_POSTGRES_URL` says where.

use std::{
    collections::HashSet,
    future::Future,
    io::Write,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, PgPool, Postgres, Sqlite, SqlitePool, Transaction,
};
use tebdil_core::{
    ids::IdGenerator,
    store::{Store, TICK_LOCK},
    testing::TestStore,
};
use tebdil_protocol::{
    id::{ClaimId, MatchId, SessionId, UserId},
    time::{Clock, Timestamp},
};
use tebdil_workers::{Online, Settings};

pub const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
pub const MINUTE: Duration = Duration::from_mins(1);
pub const DAY: Duration = Duration::from_hours(24);

/// Who is connected.
#[derive(Debug, Clone, Default)]
pub struct Connected(Arc<Mutex<HashSet<(UserId, SessionId)>>>);

impl Connected {
    pub fn join(&self, user: UserId, session: i64) {
        let mut devices = self.0.lock().expect("lock");
        devices.insert((user, SessionId(session)));
    }

    pub fn leave(&self, user: UserId, session: i64) {
        let mut devices = self.0.lock().expect("lock");
        devices.remove(&(user, SessionId(session)));
    }

    /// What jobs ask.
    pub fn online(&self) -> Online {
        let devices = Arc::clone(&self.0);
        Arc::new(move |whom| {
            let devices = devices.lock().expect("lock").clone();
            let is_online = |(user, session): (UserId, Option<SessionId>)| {
                let is_it = |device: &(UserId, SessionId)| {
                    device.0 == user && session.is_none_or(|session| session == device.1)
                };
                devices.iter().any(is_it)
            };
            let online = whom.into_iter().map(is_online).collect();
            async move { Ok(online) }.boxed()
        })
    }
}

/// The settings of a small server.
pub fn settings() -> Settings {
    Settings::new(TestStore::quota_rules())
}

/// Rows that a test writes by itself.
enum Raw {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

macro_rules! raw {
    ($db:expr, |$pool:ident| $body:expr) => {
        match &$db.raw {
            Raw::Sqlite($pool) => $body,
            Raw::Postgres($pool) => $body,
        }
    };
}

pub struct Database {
    pub store: Store,
    pub clock: Clock,
    pub ids: Arc<IdGenerator>,
    raw: Raw,
    /// Of phone numbers, aliases and tickets.
    next: AtomicI64,
    url: String,
}

/// See [`Database::hold_ticks`].
pub enum HeldTicks {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl HeldTicks {
    /// Writes a tick that has run, and lets go.
    pub async fn push_done(self, key: &str, at: Timestamp) {
        const SQL: &str = "INSERT INTO job (id, queue, payload, max_attempts, run_at, dedupe, created_at, state, finished_at) \
             VALUES ($1, 'q', $2, 1, $3, $1, $3, 2, $3)";
        macro_rules! push {
            ($tx:expr) => {{
                let mut tx = $tx;
                sqlx::query(SQL)
                    .bind(key)
                    .bind(vec![0_u8])
                    .bind(at)
                    .execute(&mut *tx)
                    .await
                    .expect("tick");
                tx.commit().await.expect("commit");
            }};
        }
        match self {
            Self::Sqlite(tx) => push!(tx),
            Self::Postgres(tx) => push!(tx),
        }
    }
}

/// Makes a test of a scenario `async fn(&Database)` on each database.
macro_rules! on_both {
    ($($(#[$meta:meta])* $name:ident),* $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                $crate::harness::on_sqlite(async |db| super::$name(db).await).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                $crate::harness::on_postgres(async |db| super::$name(db).await).await;
            }
        }
    )*};
}
pub(crate) use on_both;

pub async fn on_sqlite(scenario: impl AsyncFnOnce(&Database)) {
    let dir = tempfile::tempdir().expect("temporary directory");
    let url = format!("sqlite:{}", dir.path().join("test.db").display());
    let db = Database::open(url).await;
    scenario(&db).await;
    db.store.close().await;
}

pub async fn on_postgres(scenario: impl AsyncFnOnce(&Database)) {
    let Ok(base) = std::env::var("TEBDIL_TEST_POSTGRES_URL") else {
        assert!(
            std::env::var("REQUIRE_SERVICES").as_deref() != Ok("1"),
            "REQUIRE_SERVICES=1, but TEBDIL_TEST_POSTGRES_URL is not"
        );
        // Not `println!`: the test harness would keep it to itself.
        writeln!(
            std::io::stderr(),
            "did NOT run on PostgreSQL: TEBDIL_TEST_POSTGRES_URL is not set"
        )
        .expect("stderr");
        return;
    };
    let schema = format!("jobs_{:032x}", rand::random::<u128>());
    let mut admin = PgConnection::connect(&base).await.expect("PostgreSQL");
    sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA {schema}")))
        .execute(&mut admin)
        .await
        .expect("create schema");
    let joint = if base.contains('?') { '&' } else { '?' };
    let db = Database::open(format!("{base}{joint}options=-c%20search_path%3D{schema}")).await;
    scenario(&db).await;
    db.store.close().await;
    if let Raw::Postgres(pool) = &db.raw {
        pool.close().await;
    }
    sqlx::query(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE")))
        .execute(&mut admin)
        .await
        .expect("drop schema");
}

impl Database {
    async fn open(url: String) -> Self {
        let clock = Clock::manual(START);
        let store = Store::open(&url, 6, clock.clone())
            .await
            .expect("open store");
        let ids = Arc::clone(store.ids());
        let raw = if url.starts_with("sqlite:") {
            Raw::Sqlite(SqlitePool::connect(&url).await.expect("connect"))
        } else {
            Raw::Postgres(PgPool::connect(&url).await.expect("connect"))
        };
        Self {
            store,
            clock,
            ids,
            raw,
            next: AtomicI64::new(0),
            url,
        }
    }

    /// Has others who look for ticks of times to come wait, as a node does that looks.
    pub async fn hold_ticks(&self) -> HeldTicks {
        match &self.raw {
            Raw::Sqlite(pool) => {
                HeldTicks::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await.expect("begin"))
            }
            Raw::Postgres(pool) => {
                let mut tx = pool.begin().await.expect("begin");
                sqlx::query("SELECT pg_advisory_xact_lock($1)")
                    .bind(TICK_LOCK)
                    .execute(&mut *tx)
                    .await
                    .expect("lock");
                HeldTicks::Postgres(tx)
            }
        }
    }

    /// Another node on the same database.
    pub async fn node(&self) -> Store {
        Store::open(&self.url, 6, self.clock.clone())
            .await
            .expect("open store")
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn unique(&self) -> i64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The number that `sql` selects.
    pub async fn number(&self, sql: &'static str) -> i64 {
        let (number,): (i64,) = raw!(self, |pool| sqlx::query_as(sql)
            .fetch_one(pool)
            .await
            .expect(sql));
        number
    }

    /// The only text that `sql` selects.
    pub async fn text(&self, sql: &'static str) -> String {
        let (text,): (String,) = raw!(self, |pool| sqlx::query_as(sql)
            .fetch_one(pool)
            .await
            .expect(sql));
        text
    }

    /// The first column of every row, a text.
    pub async fn texts(&self, sql: &'static str) -> Vec<String> {
        raw!(self, |pool| sqlx::query_scalar(sql)
            .fetch_all(pool)
            .await
            .expect(sql))
    }

    /// Runs a statement of the test's own.
    pub async fn execute(&self, sql: &str) {
        raw!(self, |pool| sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(pool)
            .await
            .map(drop)
            .expect(sql));
    }

    /// The only time that `sql` selects.
    pub async fn time(&self, sql: &'static str) -> Option<Timestamp> {
        let (time,): (Option<Timestamp>,) = raw!(self, |pool| sqlx::query_as(sql)
            .fetch_one(pool)
            .await
            .expect(sql));
        time
    }

    pub async fn user(&self) -> UserId {
        const SQL: &str = "INSERT INTO users (id, phone_index, phone_ciphertext, phone_key_id, password_hash, alias, alias_key, tag, birth_year, \
             locale, terms_version, terms_accepted_at, invite_code, created_at, last_active) \
             VALUES ($1, $2, $2, 'k', 'h', 'a', $3, '0000', 2000, 'tr', 1, $4, $3, $4, $4)";
        let (id, n) = (self.ids.next::<UserId>(), self.unique());
        let index = n.to_be_bytes().to_vec();
        raw!(self, |pool| sqlx::query(SQL)
            .bind(id)
            .bind(index)
            .bind(n.to_string())
            .bind(self.now())
            .execute(pool)
            .await
            .map(drop)
            .expect("user"));
        id
    }

    pub async fn session(
        &self,
        user: UserId,
        refresh_expires_at: Timestamp,
        revoked_at: Option<Timestamp>,
    ) -> SessionId {
        const SQL: &str = "INSERT INTO sessions (id, user_id, refresh_hash, refresh_expires_at, created_at, last_active, confirmed_at, revoked_at) \
             VALUES ($1, $2, $3, $4, $5, $5, $5, $6)";
        const KEY: &str = "INSERT INTO key_packages (id, user_id, session_id, package, created_at) VALUES ($1, $2, $3, $4, $5)";
        let id: SessionId = self.ids.next();
        raw!(self, |pool| {
            let insert = sqlx::query(SQL)
                .bind(id)
                .bind(user)
                .bind(vec![0_u8; 32])
                .bind(refresh_expires_at)
                .bind(self.now())
                .bind(revoked_at);
            insert.execute(pool).await.map(drop).expect("session");
            let key = sqlx::query(KEY)
                .bind(self.ids.next::<i64>())
                .bind(user)
                .bind(id)
                .bind(vec![1_u8])
                .bind(self.now());
            key.execute(pool).await.map(drop).expect("key package");
        });
        id
    }

    /// An active text match of two new users that runs for a day from now.
    pub async fn a_match(&self) -> (MatchId, [UserId; 2]) {
        const MATCH: &str = "INSERT INTO matches (id, user1_id, user2_id, type, status, created_at, expired_at) VALUES ($1, $2, $3, 'text', 'active', $4, $5)";
        const SIDE: &str = "INSERT INTO match_sides (match_id, user_id, peer_id, ticket_id, role, session_id, open, created_at) \
             VALUES ($1, $2, $3, $4, $5, 1, TRUE, $6)";
        let users = [self.user().await, self.user().await];
        let id: MatchId = self.ids.next();
        raw!(self, |pool| {
            let insert = sqlx::query(MATCH)
                .bind(id)
                .bind(users[0])
                .bind(users[1])
                .bind(self.now())
                .bind(self.now() + DAY);
            insert.execute(pool).await.map(drop).expect("match");
            for (user, peer, role) in [
                (users[0], users[1], "offerer"),
                (users[1], users[0], "answerer"),
            ] {
                let side = sqlx::query(SIDE)
                    .bind(id)
                    .bind(user)
                    .bind(peer)
                    .bind(self.unique())
                    .bind(role)
                    .bind(self.now());
                side.execute(pool).await.map(drop).expect("side");
            }
        });
        (id, users)
    }

    /// A message sent now, with its log row; its number.
    pub async fn message(&self, match_id: MatchId, [sender, receiver]: [UserId; 2]) -> i64 {
        const MESSAGE: &str = "INSERT INTO messages (match_id, sender_id, seq, kind, content, sent_at, total_bytes) \
             VALUES ($1, $2, $3, 'content', $4, $5, 8 * $3)";
        const LOG: &str = "INSERT INTO message_logs (match_id, sender_id, seq, receiver_id, kind, sent_at) \
             VALUES ($1, $2, $3, $4, 'content', $5)";
        let seq = self.unique();
        raw!(self, |pool| {
            let insert = sqlx::query(MESSAGE)
                .bind(match_id)
                .bind(sender)
                .bind(seq)
                .bind(seq.to_be_bytes().to_vec())
                .bind(self.now());
            insert.execute(pool).await.map(drop).expect("message");
            let log = sqlx::query(LOG)
                .bind(match_id)
                .bind(sender)
                .bind(seq)
                .bind(receiver)
                .bind(self.now());
            log.execute(pool).await.map(drop).expect("log");
        });
        seq
    }

    /// A claim made now.
    pub async fn claim(
        &self,
        id: ClaimId,
        user: UserId,
        match_id: MatchId,
        status: &'static str,
        processed_at: Option<Timestamp>,
    ) {
        const SQL: &str = "INSERT INTO claims (id, user_id, match_id, claim_time, status, processed_at) VALUES ($1, $2, $3, $4, $5, $6)";
        raw!(self, |pool| {
            let insert = sqlx::query(SQL)
                .bind(id)
                .bind(user)
                .bind(match_id)
                .bind(self.now())
                .bind(status)
                .bind(processed_at);
            insert.execute(pool).await.map(drop).expect("claim");
        });
    }

    /// Approves, now, the claims that wait.
    pub async fn approve_claims(&self) {
        const SQL: &str =
            "UPDATE claims SET status = 'approved', processed_at = $1 WHERE status = 'pending'";
        raw!(self, |pool| sqlx::query(SQL)
            .bind(self.now())
            .execute(pool)
            .await
            .map(drop)
            .expect("claims"));
    }

    pub async fn idempotency_key(&self) {
        const SQL: &str = "INSERT INTO idempotency_keys (scope, key, request_hash, created_at) VALUES ('u', $1, $2, $3)";
        let n = self.unique().to_string();
        raw!(self, |pool| sqlx::query(SQL)
            .bind(n)
            .bind(vec![0_u8])
            .bind(self.now())
            .execute(pool)
            .await
            .map(drop)
            .expect("key"));
    }
}

/// Waits until `check` holds; fails after 20 seconds.
pub async fn until<F: Future<Output = bool>>(what: &str, check: impl Fn() -> F) {
    let wait = async {
        while !check().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .unwrap_or_else(|_| panic!("not within 20 seconds: {what}"));
}
