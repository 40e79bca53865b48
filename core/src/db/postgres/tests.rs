//! A line that falls silent during a statement, during COMMIT and between calls.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::watch,
    task::JoinSet,
};

use super::*;
use crate::{
    db::query::{On, Query},
    store::StoreError,
    testing::{Backend, TestDatabase},
};

/// How long a call may take here.
const SHORT: Duration = Duration::from_secs(3);

/// Far more than anything here takes that is not waited for, on a machine that does much else.
const ROOM: Duration = Duration::from_secs(2);

/// What the line does when a client says a certain word.
#[derive(Debug, Clone, Copy)]
struct Trap {
    word: &'static [u8],
    /// The word still arrives; the answer to it does not.
    arrives: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// Connections up to this number carry nothing any more, and nobody is told of their end.
    silent: u64,
    trap: Option<Trap>,
}

/// A line to the server of the tests.
struct Line {
    options: PgConnectOptions,
    state: watch::Sender<State>,
    opened: Arc<AtomicU64>,
    _carries: JoinSet<()>,
}

impl Line {
    async fn to(database: &TestDatabase) -> Self {
        let options = PgConnectOptions::from_str(database.url()).expect("an address");
        let server = (options.get_host().to_owned(), options.get_port());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let (state, _) = watch::channel(State::default());
        let (of_line, opened, mut carries) =
            (state.clone(), Arc::<AtomicU64>::default(), JoinSet::new());
        let count = Arc::clone(&opened);
        carries.spawn(async move {
            let mut pumps = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                let server = TcpStream::connect((&*server.0, server.1))
                    .await
                    .expect("the server of the tests");
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                pumps.spawn(pump(number, from_client, to_server, of_line.clone()));
                pumps.spawn(pump(number, from_server, to_client, of_line.clone()));
            }
        });
        Self {
            options: options.host("127.0.0.1").port(port),
            state,
            opened,
            _carries: carries,
        }
    }

    /// From the moment in which a client says this word.
    fn falls_silent_at(&self, word: &'static str, arrives: bool) {
        self.state.send_modify(|state| {
            state.trap = Some(Trap {
                word: word.as_bytes(),
                arrives,
            });
        });
    }

    fn fall_silent(&self) {
        self.state.send_modify(|state| state.silent = u64::MAX);
    }

    /// New connections pass; what there was stays silent.
    fn heal(&self) {
        self.state.send_replace(State {
            silent: self.opened.load(Ordering::SeqCst),
            trap: None,
        });
    }

    async fn pool(&self, connections: u32) -> PostgresPool {
        let pool = PostgresPool::open(self.options.clone(), connections)
            .await
            .expect("it opens");
        PostgresPool {
            call: SHORT,
            ..pool
        }
    }
}

/// Carries what one side sends until the line falls silent. Then it takes everything, and keeps
/// even the end to itself.
async fn pump(
    number: u64,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: watch::Sender<State>,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut buffer).await.unwrap_or_default();
        let said = &buffer[..length];
        let State { silent, trap } = *state.borrow();
        let sprung = trap.filter(|trap| {
            number > silent && said.windows(trap.word.len()).any(|word| word == trap.word)
        });
        if sprung.is_some() {
            state.send_modify(|state| state.silent = u64::MAX);
        }
        let lost = number <= silent || sprung.is_some_and(|trap| !trap.arrives);
        if length == 0 && !lost {
            return;
        }
        if length == 0 {
            return std::future::pending().await;
        }
        if !lost && to.write_all(said).await.is_err() {
            return;
        }
    }
}

/// A table with one row, the line to it, and a way around the line.
async fn begin() -> Option<(Line, PostgresPool, TestDatabase)> {
    let database = TestDatabase::create(Backend::Postgres).await?;
    let direct = PostgresPool::connect(database.url(), 2)
        .await
        .expect("it opens");
    for sql in [
        "CREATE TABLE words (id INT, word TEXT)",
        "INSERT INTO words VALUES (1, 'first')",
    ] {
        run(&direct, sql).await.expect("a table");
    }
    Some((Line::to(&database).await, direct, database))
}

const READ: &str = "SELECT word FROM words WHERE id = 1";

async fn run(pool: &PostgresPool, sql: &'static str) -> Result<u64, Error> {
    Query::new(On::Postgres(pool), sql).execute().await
}

async fn word(pool: &PostgresPool) -> Result<String, Error> {
    Query::new(On::Postgres(pool), READ).value().await
}

async fn write(pool: &PostgresPool, word: &str) -> Result<(), Error> {
    let mut held = pool.acquire().await?;
    held.begin().await?;
    Query::new(
        On::PostgresTx(&mut held),
        "UPDATE words SET word = $1 WHERE id = 1",
    )
    .bind(word)
    .execute()
    .await?;
    held.commit().await
}

/// Nobody answered in time, and the caller may try again.
fn unanswered<T>(result: Result<T, Error>, began: Instant) {
    let error = result.map(drop).expect_err("nobody answers");
    assert!(
        matches!(&error, Error::Io(error) if error.kind() == io::ErrorKind::TimedOut),
        "{error}"
    );
    assert!(StoreError::from(error).is_transient());
    assert!(began.elapsed() < SHORT + ROOM, "{:?}", began.elapsed());
}

/// With one connection that is silent the next call needs a new one.
async fn goes_on(line: &Line, pool: &PostgresPool) {
    line.heal();
    let began = Instant::now();
    word(pool).await.expect("it answers again");
    assert!(
        began.elapsed() < PROBE + TIDY + ROOM,
        "{:?}",
        began.elapsed()
    );
    assert_eq!(pool.pool.size(), 1);
}

#[tokio::test]
async fn a_statement_that_nobody_answers_ends_with_its_connection() {
    let ended = async |how: &'static str| {
        let Some((line, _direct, _database)) = begin().await else {
            return;
        };
        let pool = line.pool(1).await;
        line.falls_silent_at("words", true);
        let began = Instant::now();
        let query = Query::new(On::Postgres(&pool), READ);
        let outcome = match how {
            "rows" => query.values::<String>().await.map(drop),
            _ => query.execute().await.map(drop),
        };
        unanswered(outcome, began);
        assert_eq!(pool.pool.size(), 0, "it is closed, and its place free");
        goes_on(&line, &pool).await;
    };
    tokio::join!(ended("rows"), ended("none"));
}

#[tokio::test]
async fn a_write_that_nobody_answers_ends_with_its_connection() {
    let Some((line, direct, _database)) = begin().await else {
        return;
    };
    let pool = line.pool(1).await;
    line.falls_silent_at("UPDATE words", false);
    let began = Instant::now();
    unanswered(write(&pool, "second").await, began);
    assert_eq!(pool.pool.size(), 0);
    goes_on(&line, &pool).await;
    assert_eq!(word(&direct).await.expect("a word"), "first");
    write(&pool, "third")
        .await
        .expect("written, once what the silent session holds is free");
}

#[tokio::test]
async fn a_commit_without_an_answer_may_have_happened() {
    let Some((line, direct, _database)) = begin().await else {
        return;
    };
    let pool = line.pool(1).await;
    line.falls_silent_at("COMMIT", true);
    let began = Instant::now();
    unanswered(write(&pool, "second").await, began);
    goes_on(&line, &pool).await;
    assert_eq!(word(&direct).await.expect("a word"), "second");
}

/// As when a node loses power between a lock and its commit.
#[tokio::test]
async fn what_a_silent_node_has_locked_is_free_after_some_seconds() {
    let Some((line, direct, _database)) = begin().await else {
        return;
    };
    let lost = line.pool(1).await;
    line.falls_silent_at("COMMIT", false);
    let gone = timeout(ROOM, write(&lost, "second"));
    let waits = async {
        line.state
            .subscribe()
            .wait_for(|state| state.silent > 0)
            .await
            .expect("it falls silent");
        let began = Instant::now();
        write(&direct, "third")
            .await
            .expect("it waits for the lock, and gets it");
        began.elapsed()
    };
    let (_, waited) = tokio::join!(gone, waits);
    eprintln!("a lock of a node that fell silent was free after {waited:?}");
    assert!(waited < Duration::from_secs(6), "{waited:?}");
    assert_eq!(word(&direct).await.expect("a word"), "third");
}

#[tokio::test]
async fn an_idle_connection_that_leads_nowhere_is_replaced() {
    let Some((line, _direct, _database)) = begin().await else {
        return;
    };
    let pool = line.pool(1).await;
    word(&pool).await.expect("it answers");
    line.fall_silent();
    goes_on(&line, &pool).await;
}

#[tokio::test]
async fn a_call_that_is_given_up_costs_the_pool_no_connection() {
    let Some((line, _direct, _database)) = begin().await else {
        return;
    };
    let pool = line.pool(1).await;
    for how in ["SELECT 'a read'", "SELECT 'a write'"] {
        line.falls_silent_at(&how["SELECT '".len()..how.len() - 1], true);
        let call = async {
            if how.ends_with("read'") {
                return run(&pool, how).await;
            }
            let mut held = pool.acquire().await?;
            held.begin().await?;
            Query::new(On::PostgresTx(&mut held), how).execute().await
        };
        let mut state = line.state.subscribe();
        tokio::select! {
            _ = call => panic!("nobody answers"),
            _ = state.wait_for(|state| state.silent == u64::MAX) => {}
        }
        goes_on(&line, &pool).await;
    }
}

#[tokio::test]
async fn a_server_that_is_silent_keeps_nobody_from_ending() {
    let Some((line, _direct, _database)) = begin().await else {
        return;
    };
    let pool = line.pool(2).await;
    line.falls_silent_at("the last words", true);
    let (called, closed) = tokio::join!(run(&pool, "SELECT 'the last words'"), async {
        line.state
            .subscribe()
            .wait_for(|state| state.silent > 0)
            .await
            .expect("it falls silent");
        timeout(SHORT + TIDY + ROOM, pool.close()).await
    });
    called.map(drop).expect_err("nobody answers");
    closed.expect("it ends");
}

#[test]
fn a_url_keeps_what_it_sets_itself() {
    let of = |url: &str| {
        session(PgConnectOptions::from_str(url).expect("an address"))
            .get_options()
            .expect("options")
            .to_owned()
    };
    let all = of("postgres://host/name");
    for (name, value) in SESSION {
        assert!(all.contains(&format!("-c {name}={value}")), "{all}");
        for given in [
            format!("-c%20{name}%3D7"),
            format!("-c{name}%3D7"),
            format!("--{name}%3D7"),
        ] {
            let kept = of(&format!("postgres://host/name?options={given}"));
            assert!(
                kept.contains(&format!("{name}=7"))
                    && !kept.contains(&format!("-c {name}={value}")),
                "{kept}"
            );
        }
    }
    assert!(
        of("postgres://host/name?options=-c%20deadlock_timeout%3D7").contains("lock_timeout=6000")
    );
}
