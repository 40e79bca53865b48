//! Databases and Redis for tests: each test has its own SQLite file, or its own schema in a
//! PostgreSQL server, gone when the test ends.
//!
//! Write a test as an `async fn name(t: TestStore)` and list it in
//! [`store_conformance!`](crate::store_conformance): it runs on both databases. PostgreSQL is taken
//! from `TEBDIL_TEST_POSTGRES_URL`. Without it the PostgreSQL half is left out with a line on
//! stderr, and fails when `REQUIRE_SERVICES=1`.

mod redis;

use std::{
    io::Write as _,
    ops::Deref,
    sync::{
        Once,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use rand::{SeedableRng, rngs::StdRng};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{
    crypto::{BlindIndex, FieldCipher, Key, KeyRing, PhoneIndex, hash_token},
    quota::QuotaRules,
    store::{
        Alias, Erased, ErasedBy, MatchRules, MatchmakerTerm, NewMatch, NewSession, NewSide,
        NewUser, PairOutcome, Registration, SessionRow, Store, StoreError, UserRow,
    },
};
use tebdil_protocol::{
    Device, Secret,
    domain::{EndReason, Locale, Mode},
    id::{MatchId, SessionId, TicketId, UserId},
    time::{Clock, Timestamp},
};

pub use redis::{REDIS_SERVER, REDIS_URL, RedisPrefix, RedisServer, TestNode, redis_url};

/// Where the PostgreSQL server of the tests is.
pub const POSTGRES_URL: &str = "TEBDIL_TEST_POSTGRES_URL";
/// `1` when missing services shall fail the tests.
pub const REQUIRE_SERVICES: &str = "REQUIRE_SERVICES";

/// A term of the matchmaker that no later one ends: for tests that make matches without leading.
pub const ENDLESS_TERM: MatchmakerTerm = MatchmakerTerm(i64::MAX);

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// The PostgreSQL server of the tests. `None`, said once on stderr, when there is none and none is
/// required.
///
/// # Panics
/// When none is set and `REQUIRE_SERVICES=1`.
pub fn postgres_url() -> Option<String> {
    static SAID: Once = Once::new();
    let url = std::env::var(POSTGRES_URL)
        .ok()
        .filter(|url| !url.is_empty());
    if url.is_none() {
        assert!(
            std::env::var(REQUIRE_SERVICES).as_deref() != Ok("1"),
            "{REQUIRE_SERVICES}=1, but {POSTGRES_URL} is not set"
        );
        // Not `eprintln!`: the test harness would keep it to itself.
        SAID.call_once(|| {
            let _ = writeln!(
                std::io::stderr(),
                "PostgreSQL tests did NOT run: {POSTGRES_URL} is not set"
            );
        });
    }
    url
}

/// An empty database of one test. Dropping it removes it.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    home: Home,
}

#[derive(Debug)]
enum Home {
    Sqlite { _dir: tempfile::TempDir },
    Postgres { server: String, schema: String },
}

impl TestDatabase {
    /// A new one; `None` when the server for it is not there and not required.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn create(backend: Backend) -> Option<Self> {
        match backend {
            Backend::Sqlite => {
                let dir = tempfile::tempdir().expect("a temporary directory");
                let url = format!("sqlite:{}", dir.path().join("tebdil.db").display());
                Some(Self {
                    url,
                    home: Home::Sqlite { _dir: dir },
                })
            }
            Backend::Postgres => {
                let server = postgres_url()?;
                let schema = format!("test_{}", uuid::Uuid::new_v4().simple());
                admin(&server, format!("CREATE SCHEMA {schema}"))
                    .await
                    .expect("a schema of its own");
                let separator = if server.contains('?') { '&' } else { '?' };
                let url = format!("{server}{separator}options=-c%20search_path%3D{schema}");
                Some(Self {
                    url,
                    home: Home::Postgres { server, schema },
                })
            }
        }
    }

    /// What `database.url` is set to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Opens it, with ids from `clock`. Several stores on one database are several nodes.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn open(&self, clock: &Clock) -> Store {
        Store::open(&self.url, 8, clock.clone())
            .await
            .expect("the store opens")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Home::Postgres { server, schema } = &self.home else {
            return;
        };
        // The lock timeout: a test that failed may have left a transaction open.
        let sql = format!("SET lock_timeout = '10s'; DROP SCHEMA {schema} CASCADE");
        let server = server.clone();
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(admin(&server, sql))
        })
        .join();
        if !matches!(dropped, Ok(Ok(()))) {
            let _ = writeln!(
                std::io::stderr(),
                "schema {schema} could not be dropped: {dropped:?}"
            );
        }
    }
}

async fn admin(server: &str, sql: String) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(server).await?;
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await?;
    connection.close().await
}

/// A store on a database of its own, with a clock that stands still and what is needed to fill it.
#[derive(Debug)]
pub struct TestStore {
    pub store: Store,
    pub clock: Clock,
    pub index: BlindIndex,
    pub cipher: FieldCipher,
    next_phone: AtomicI64,
    // After the store: connections close first.
    pub database: TestDatabase,
}

impl Deref for TestStore {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.store
    }
}

impl TestStore {
    /// A new one; `None` when the server for it is not there and not required. The clock starts at
    /// 2026-11-21 12:00 in Istanbul.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn create(backend: Backend) -> Option<Self> {
        Some(Self::on(TestDatabase::create(backend).await?).await)
    }

    /// One on a database that is there.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn on(database: TestDatabase) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(1_795_251_600_000));
        let store = database.open(&clock).await;
        let cipher = FieldCipher::new(KeyRing::new("k1", Key::from([2; 32])));
        let index = BlindIndex::new(Key::from([1; 32]));
        Self {
            store,
            clock,
            index,
            cipher,
            next_phone: AtomicI64::new(0),
            database,
        }
    }

    /// The time of the test's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The usual allowances: 10 and 3, with a subscription 100 and 30.
    ///
    /// # Panics
    /// Never: the zone is bundled.
    pub fn quota_rules() -> QuotaRules {
        let zone = jiff::tz::TimeZone::get("Europe/Istanbul").expect("the zone is bundled");
        QuotaRules {
            free_text: 10,
            free_video: 3,
            premium_text: 100,
            premium_video: 30,
            zone,
        }
    }

    /// The usual rules of a match: 24 hours, 20 text matches at once.
    pub fn match_rules() -> MatchRules {
        MatchRules {
            quota: Self::quota_rules(),
            lifetime: Duration::from_hours(24),
            max_active_text: 20,
        }
    }

    /// An account to be made; its phone is `+90530` and seven digits.
    pub fn new_user(&self, phone: i64, alias: &str) -> NewUser {
        let e164 = format!("+90530{phone:07}");
        let phone_index = self.index.phone(&e164);
        NewUser {
            phone_index,
            phone: self.cipher.seal(
                "users.phone",
                phone_index.as_bytes(),
                e164.as_bytes(),
                &mut rand::rng(),
            ),
            password_hash: Secret::from("hash"),
            alias: Self::alias(alias),
            birth_year: 1990,
            locale: Locale::Tr,
            terms_version: 1,
            invite: None,
        }
    }

    /// An alias that is what it looks like.
    pub fn alias(text: &str) -> Alias {
        Alias {
            text: text.to_owned(),
            key: text.to_lowercase(),
            skeleton: text.to_lowercase(),
        }
    }

    /// A device that signs in with this refresh token, good for 30 days.
    pub fn new_session(&self, token: &str) -> NewSession {
        NewSession {
            device: Device {
                name: "test".to_owned(),
                platform: "linux".to_owned(),
            },
            refresh_hash: hash_token(token.as_bytes()),
            refresh_expires_at: self.now() + Duration::from_hours(720),
        }
    }

    /// Registers with a phone nobody has; the refresh token is `token`.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn register(&self, alias: &str) -> (UserRow, SessionRow) {
        let new = self.new_user(self.next_phone.fetch_add(1, Ordering::Relaxed), alias);
        let mut rng = StdRng::from_rng(&mut rand::rng());
        match self
            .accounts()
            .insert_user(&new, self.new_session("token"), &mut rng, self.now())
            .await
            .expect("insert")
        {
            Registration::Inserted(user, session) => (*user, session),
            refused => panic!("registration of {alias} refused: {refused:?}"),
        }
    }

    /// Erases an account as its user does; what the order does is left.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn erase(&self, user: &UserRow) {
        let mut rng = StdRng::from_rng(&mut rand::rng());
        let erased = self
            .accounts()
            .erase_user(
                user.id,
                ErasedBy::User {
                    verified: &user.password_hash,
                },
                &mut rng,
                self.now(),
            )
            .await;
        assert_eq!(erased.expect("erase"), Erased::Now);
    }

    /// Bans a phone.
    pub async fn ban(&self, phone: &PhoneIndex, reason: &str, until: Option<Timestamp>) {
        self.try_ban(phone, reason, until)
            .await
            .expect("insert a ban");
    }

    async fn try_ban(
        &self,
        phone: &PhoneIndex,
        reason: &str,
        until: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO bans \
             (id, phone_index, reason, automatic, provisional, created_at, until) \
             VALUES ($1, $2, $3, $4, $4, $5, $6)";
        let query = self.store.db.write(SQL).bind(self.store.ids.next::<i64>());
        let query = query.bind(phone.as_bytes()).bind(reason).bind(false);
        query.bind(self.now()).bind(until).execute().await?;
        Ok(())
    }

    /// Marks a user as banned or not.
    pub async fn set_banned(&self, user: UserId, banned: bool) {
        let text = if banned { "TRUE" } else { "FALSE" };
        self.execute(&format!(
            "UPDATE users SET is_banned = {text} WHERE id = {user}"
        ))
        .await;
    }

    /// Runs a statement of the test's own.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn execute(&self, sql: &str) {
        self.try_execute(sql).await.expect("the statement runs");
    }

    async fn try_execute(&self, sql: &str) -> Result<(), StoreError> {
        self.store.db.write("").push_text(sql).execute().await?;
        Ok(())
    }

    /// The first column of every row, a number.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn numbers(&self, sql: &str) -> Vec<i64> {
        let numbers = self.store.db.read("").push_text(sql).values().await;
        numbers.expect("the statement runs")
    }
}

/// A text match of two users, whatever their rights, that the second has left at once.
///
/// # Panics
/// When it is refused.
pub async fn met(store: &Store, [one, other]: [(UserId, SessionId); 2], now: Timestamp) -> MatchId {
    let mut quota = TestStore::quota_rules();
    quota.free_text = 1_000;
    let rules = MatchRules {
        quota,
        lifetime: Duration::from_hours(24),
        max_active_text: 1_000,
    };
    let mut sides = Vec::new();
    for (user_id, session_id) in [one, other] {
        store
            .accounts()
            .put_key_packages(user_id, session_id, &[], Some(b"last"), now)
            .await
            .expect("keys");
        sides.push(NewSide {
            user_id,
            session_id,
            ticket_id: TicketId(rand::random_range(1..i64::MAX)),
            background: false,
        });
    }
    let [offerer, answerer] = sides.try_into().expect("two sides");
    let pair = NewMatch {
        mode: Mode::Text,
        offerer,
        answerer,
        shared_interests: Vec::new(),
    };
    let made = store
        .matches()
        .create_matches(ENDLESS_TERM, &[pair], &rules, now)
        .await
        .expect("the store")
        .remove(0);
    let PairOutcome::Made(made) = made else {
        panic!("the match is refused: {made:?}")
    };
    store
        .matches()
        .end_match(made.id, Some(other.0), EndReason::Left, now)
        .await
        .expect("the end");
    made.id
}

/// Runs each listed `async fn(TestStore)` of this module on SQLite and on PostgreSQL.
#[macro_export]
macro_rules! store_conformance {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let store = $crate::testing::TestStore::create($crate::testing::Backend::Sqlite).await;
                super::$test(store.expect("SQLite is always there")).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                if let Some(store) = $crate::testing::TestStore::create($crate::testing::Backend::Postgres).await {
                    super::$test(store).await;
                }
            })*
        }
    };
}

/// Runs each listed `async fn(TestNode)` of this module on a node that is alone and on a node over
/// Redis.
#[macro_export]
macro_rules! realtime_conformance {
    ($($test:ident),* $(,)?) => {
        mod local {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::testing::TestNode::local().await).await;
            })*
        }

        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                if let Some(node) = $crate::testing::TestNode::redis().await {
                    super::$test(node).await;
                }
            })*
        }
    };
}
