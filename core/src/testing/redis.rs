//! Redis for tests: a prefix of its own in the server of the tests, or a server of its own.

use std::{
    io::Write as _,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Once, OnceLock},
    time::{Duration, Instant},
};

use redis::{Commands as _, ConnectionLike as _};

use super::REQUIRE_SERVICES;
use crate::realtime::{BusEvent, BusEvents, Presence, Realtime, RealtimeSettings};

/// Where the Redis of the tests is.
pub const REDIS_URL: &str = "TEBDIL_TEST_REDIS_URL";
/// The path of `redis-server`, for tests with a server of their own; else it is looked for in
/// `PATH`.
pub const REDIS_SERVER: &str = "TEBDIL_TEST_REDIS_SERVER";

fn missing(once: &Once, what: &str) {
    assert!(
        std::env::var(REQUIRE_SERVICES).as_deref() != Ok("1"),
        "{REQUIRE_SERVICES}=1, but {what}"
    );
    // Not `eprintln!`: the test harness would keep it to itself.
    once.call_once(|| {
        let _ = writeln!(std::io::stderr(), "Redis tests did NOT run: {what}");
    });
}

/// The Redis of the tests. `None`, said once on stderr, when there is none and none is required.
///
/// # Panics
/// When none is set and `REQUIRE_SERVICES=1`.
pub fn redis_url() -> Option<String> {
    static SAID: Once = Once::new();
    let url = std::env::var(REDIS_URL).ok().filter(|url| !url.is_empty());
    if url.is_none() {
        missing(&SAID, &format!("{REDIS_URL} is not set"));
    }
    url
}

/// Keys of one test. Dropping it deletes them.
#[derive(Debug)]
pub struct RedisPrefix {
    url: String,
    prefix: String,
}

impl RedisPrefix {
    /// A new one in the Redis of the tests; `None` as for [`redis_url`].
    pub fn create() -> Option<Self> {
        Some(Self::at(&redis_url()?))
    }

    /// A new one in a Redis.
    pub fn at(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            prefix: format!("test:{}:", uuid::Uuid::new_v4().simple()),
        }
    }

    /// Settings of a node. Nodes with the same prefix are a cluster.
    pub fn settings(&self) -> RealtimeSettings {
        RealtimeSettings {
            redis_url: self.url.as_str().into(),
            prefix: self.prefix.clone(),
        }
    }

    /// What every key begins with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A connection of the test's own. It blocks.
    ///
    /// # Panics
    /// When Redis is not there.
    pub fn connection(&self) -> redis::Connection {
        self.try_connection().expect("Redis is there")
    }

    fn try_connection(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(self.url.as_str())?.get_connection_with_timeout(Duration::from_secs(2))
    }

    /// Every key there is.
    ///
    /// # Panics
    /// When Redis is not there.
    pub fn keys(&self) -> Vec<String> {
        self.try_keys(&mut self.connection()).expect("the keys")
    }

    fn try_keys(&self, connection: &mut redis::Connection) -> redis::RedisResult<Vec<String>> {
        connection
            .scan_match::<_, String>(format!("{}*", self.prefix))?
            .collect()
    }

    /// Deletes every key, as an emptied Redis has none.
    ///
    /// # Panics
    /// When Redis is not there.
    pub fn flush(&self) {
        self.try_flush().expect("the keys go");
    }

    /// In one step: a node must not write between.
    fn try_flush(&self) -> redis::RedisResult<()> {
        let script = "for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do redis.call('DEL', key) end";
        redis::cmd("EVAL")
            .arg(script)
            .arg(0)
            .arg(&self.prefix)
            .query(&mut self.try_connection()?)
    }
}

impl Drop for RedisPrefix {
    fn drop(&mut self) {
        // The server may be one of the test's own that has ended.
        let _ = self.try_flush();
    }
}

/// A node of a test.
#[derive(Debug)]
pub struct TestNode {
    pub realtime: Realtime,
    pub events: BusEvents,
    // After the node.
    _prefix: Option<RedisPrefix>,
}

impl TestNode {
    /// A node that is alone.
    ///
    /// # Panics
    /// Never.
    pub async fn local() -> Self {
        let settings = RealtimeSettings {
            redis_url: "".into(),
            prefix: String::new(),
        };
        Self::connect(&settings).await
    }

    /// A node over Redis, without others; `None` as for [`redis_url`].
    pub async fn redis() -> Option<Self> {
        let prefix = RedisPrefix::create()?;
        let node = Self::connect(&prefix.settings()).await;
        Some(Self {
            _prefix: Some(prefix),
            ..node
        })
    }

    /// A node with these settings.
    ///
    /// # Panics
    /// When it cannot connect.
    pub async fn connect(settings: &RealtimeSettings) -> Self {
        let (realtime, events) = Realtime::connect(settings, &mut rand::rng())
            .await
            .expect("it connects");
        Self {
            realtime,
            events,
            _prefix: None,
        }
    }

    /// Where devices are, which a node over Redis shares with others.
    ///
    /// # Panics
    /// When it is alone.
    pub fn presence(&self) -> &Presence {
        self.realtime.presence.as_ref().expect("a node over Redis")
    }

    /// The next event, within 15 seconds.
    ///
    /// # Panics
    /// When there is none.
    pub async fn event(&mut self) -> BusEvent {
        let event = tokio::time::timeout(Duration::from_secs(15), self.events.recv()).await;
        event.expect("an event in time").expect("the bus is open")
    }

    /// The events until one is `last`, which is not among them.
    pub async fn until(&mut self, last: &BusEvent) -> Vec<BusEvent> {
        let mut events = Vec::new();
        loop {
            match self.event().await {
                event if event == *last => return events,
                event => events.push(event),
            }
        }
    }
}

/// A Redis of one test, that can be stopped and started again on its port. It keeps nothing.
/// Dropping it ends it.
#[derive(Debug)]
pub struct RedisServer {
    program: PathBuf,
    port: u16,
    process: Option<Child>,
    dir: tempfile::TempDir,
}

impl RedisServer {
    /// A running one; `None`, said once on stderr, when there is no program and none is required.
    ///
    /// # Panics
    /// When it does not start, or is missing and `REQUIRE_SERVICES=1`.
    pub fn start() -> Option<Self> {
        static SAID: Once = Once::new();
        static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
        let program = PROGRAM.get_or_init(|| {
            let named = std::env::var_os(REDIS_SERVER)
                .filter(|path| !path.is_empty())
                .map(PathBuf::from);
            let program = named.unwrap_or_else(|| PathBuf::from("redis-server"));
            let works = Command::new(&program)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            works
                .is_ok_and(|status| status.success())
                .then_some(program)
        });
        let Some(program) = program else {
            missing(&SAID, "there is no redis-server");
            return None;
        };
        // Somebody else may take the port before the server does: then another one is tried.
        (0..5).find_map(|_| {
            let free = TcpListener::bind("127.0.0.1:0")
                .and_then(|listener| listener.local_addr())
                .expect("a free port");
            let dir = tempfile::tempdir().expect("a temporary directory");
            let mut server = Self {
                program: program.clone(),
                port: free.port(),
                process: None,
                dir,
            };
            server.try_resume().then_some(server)
        })
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it. What it knew is gone.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts it again on its port, empty.
    ///
    /// # Panics
    /// When it does not start.
    pub fn resume(&mut self) {
        assert!(
            self.try_resume(),
            "redis-server does not start on port {}",
            self.port
        );
    }

    fn try_resume(&mut self) -> bool {
        let port = self.port.to_string();
        let mut command = Command::new(&self.program);
        command
            .args([
                "--port",
                &port,
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .arg("--dir")
            .arg(self.dir.path());
        let process = self.process.insert(
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .expect("redis-server starts"),
        );
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until && matches!(process.try_wait(), Ok(None)) {
            let answers = redis::Client::open(format!("redis://127.0.0.1:{port}"))
                .and_then(|client| client.get_connection_with_timeout(Duration::from_millis(200)))
                .is_ok_and(|mut connection| connection.check_connection());
            // An answer may come from somebody else who took the port; then ours has ended.
            if answers && matches!(process.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::yield_now();
        }
        self.kill();
        false
    }

    /// Suspends it, as a machine that hangs: connections stay and nobody answers. [`Self::wake`]
    /// ends that.
    pub fn suspend(&self) {
        self.signal("STOP");
    }

    /// Ends [`Self::suspend`].
    pub fn wake(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.process.as_ref().expect("it runs").id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIG{signal}");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
