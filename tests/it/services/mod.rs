//! Services that a test has for itself, so that it may stop, freeze and empty them.

use std::{
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rand::RngExt as _;
use sqlx::Connection as _;
use tebdil_core::testing::REQUIRE_SERVICES;
use tokio::process::{Child, Command};

pub use crate::ports::{free_port, signal};

mod checks;

/// How long a service may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a service ends.
#[derive(Debug, Clone, Copy)]
pub enum Stop {
    /// SIGKILL: as when the machine is lost.
    Kill,
    /// SIGTERM.
    Terminate,
}

/// Ends a process and waits for it.
async fn stop(child: &mut Option<Child>, name: &str) {
    let mut child = child.take().expect("it runs");
    signal(&child, name).await;
    tokio::time::timeout(PATIENCE, child.wait())
        .await
        .expect("it ends in time")
        .expect("its status");
}

/// Waits until a service answers.
async fn answers<F: Future<Output = bool>>(what: &str, log: &Path, asked: impl Fn() -> F) {
    let ready = async {
        while !asked().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let ready = tokio::time::timeout(PATIENCE, ready).await;
    assert!(
        ready.is_ok(),
        "{what} does not answer: {}",
        std::fs::read_to_string(log).unwrap_or_default()
    );
}

/// The program that `variable` names or that is in one of these folders. `None`, said once on
/// stderr, when there is none and none is required.
pub fn program(
    variable: &str,
    name: &str,
    folders: impl IntoIterator<Item = PathBuf>,
) -> Option<PathBuf> {
    let named = std::env::var_os(variable)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let named = named.map(|path| if path.is_dir() { path.join(name) } else { path });
    let found = named.or_else(|| {
        folders
            .into_iter()
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
    });
    if found.is_none() {
        missing(name, variable);
    }
    found
}

/// Says that a test does not run for want of `what`, or fails it.
fn missing(what: &str, variable: &str) {
    assert!(
        std::env::var(REQUIRE_SERVICES).as_deref() != Ok("1"),
        "{REQUIRE_SERVICES}=1, but there is no {what}: {variable} is not set"
    );
    // Not `eprintln!`: the test harness would keep it to itself.
    let _ = writeln!(
        std::io::stderr(),
        "a test did NOT run: there is no {what}, and {variable} is not set"
    );
}

fn path_folders() -> Vec<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect()
}

/// A program that dies with the test, and, as root, runs as `user` when there is one.
async fn service(user: Option<&str>, program: &Path, log: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if let Some(user) = user {
        command.args([
            &format!("--reuid={user}"),
            &format!("--regid={}", id(&["-g", user]).await),
            "--clear-groups",
        ]);
    }
    let log = std::fs::File::options()
        .append(true)
        .create(true)
        .open(log)
        .expect("a log file");
    command
        .arg("--")
        .arg(program)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .kill_on_drop(true);
    command
}

async fn id(args: &[&str]) -> u32 {
    let output = Command::new("id")
        .args(args)
        .output()
        .await
        .expect("id runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .expect("a number")
}

fn password() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}

/// Keys of a test's own in the Redis of the tests. They go when it is dropped.
#[derive(Debug)]
pub struct RedisPrefix(tebdil_core::testing::RedisPrefix);

impl RedisPrefix {
    /// A new one. `None` when there is no Redis for the tests and none is required.
    pub fn create() -> Option<Self> {
        tebdil_core::testing::RedisPrefix::create().map(Self)
    }

    /// The settings of a node that uses it.
    pub fn settings(&self) -> [(&'static str, String); 2] {
        let settings = self.0.settings();
        [
            ("TEBDIL_REDIS__URL", settings.redis_url.expose().to_owned()),
            ("TEBDIL_REDIS__PREFIX", settings.prefix),
        ]
    }

    /// Takes a node off the list of nodes.
    pub fn forget_node(&self, node: &str) {
        let key = format!("{}nodes", self.0.prefix());
        let () = redis::cmd("HDEL")
            .arg(key)
            .arg(node)
            .query(&mut self.0.connection())
            .expect("it goes");
    }

    /// Has every script fail that looks for the devices of a user, until [`Self::mend_user`].
    pub fn spoil_user(&self, user: &str) {
        let (key, kept) = self.user_keys(user);
        let mut all = redis::pipe();
        all.atomic()
            .cmd("RENAME")
            .arg(&key)
            .arg(kept)
            .cmd("SET")
            .arg(&key)
            .arg("no hash");
        let () = all
            .query(&mut self.0.connection())
            .expect("it has a device");
    }

    /// Gives the user its devices back.
    pub fn mend_user(&self, user: &str) {
        let (key, kept) = self.user_keys(user);
        let () = redis::cmd("RENAME")
            .arg(kept)
            .arg(key)
            .query(&mut self.0.connection())
            .expect("it was spoilt");
    }

    fn user_keys(&self, user: &str) -> (String, String) {
        let prefix = self.0.prefix();
        (format!("{prefix}u:{user}"), format!("{prefix}kept:{user}"))
    }

    /// What is there of nodes and their devices: everything but the counters, which outlive nodes
    /// on purpose.
    pub fn traces(&self) -> Vec<String> {
        let outlives = |key: &String| {
            ["fence:", "limit:", "tries:"]
                .iter()
                .any(|kind| key[self.0.prefix().len()..].starts_with(kind))
        };
        self.0
            .keys()
            .into_iter()
            .filter(|key| !outlives(key))
            .collect()
    }
}

/// A Redis of the test's own, on a port that it keeps. It remembers nothing over an end.
#[derive(Debug)]
pub struct PrivateRedis {
    program: PathBuf,
    port: u16,
    password: String,
    child: Option<Child>,
    home: tempfile::TempDir,
}

impl PrivateRedis {
    /// Starts one. `None` when there is no Redis and none is required.
    pub async fn start() -> Option<Self> {
        let program = program("TEBDIL_TEST_REDIS_SERVER", "redis-server", path_folders())?;
        let home = tempfile::tempdir().expect("a temporary directory");
        let mut redis = Self {
            program,
            port: free_port(),
            password: password(),
            child: None,
            home,
        };
        let settings = format!(
            "bind 127.0.0.1\nport {}\nrequirepass {}\nsave \"\"\nappendonly no\n",
            redis.port, redis.password
        );
        std::fs::write(redis.home.path().join("redis.conf"), settings).expect("written");
        redis.restart().await;
        Some(redis)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address through `port`: its own, or that of a proxy in front of it.
    pub fn url(&self, port: u16) -> String {
        format!("redis://:{}@127.0.0.1:{port}", self.password)
    }

    /// Starts it again, empty, and waits until it answers.
    pub async fn restart(&mut self) {
        let log = self.home.path().join("log");
        let mut command = service(None, &self.program, &log).await;
        command
            .arg(self.home.path().join("redis.conf"))
            .current_dir(self.home.path());
        self.child = Some(command.spawn().expect("Redis starts"));
        answers("Redis", &log, async || self.ask("PING").await.is_some()).await;
    }

    /// Ends it.
    pub async fn stop(&mut self, how: Stop) {
        let name = match how {
            Stop::Kill => "-KILL",
            Stop::Terminate => "-TERM",
        };
        stop(&mut self.child, name).await;
    }

    /// Forgets everything.
    pub async fn flush(&self) {
        answers("Redis", &self.home.path().join("log"), async || {
            self.ask("FLUSHALL").await.is_some()
        })
        .await;
    }

    /// Forgets the keys of this pattern, of which there must be some.
    pub async fn forget(&self, pattern: &str) {
        let client = redis::Client::open(self.url(self.port)).expect("an address");
        let mut connection = client
            .get_multiplexed_async_connection()
            .await
            .expect("a connection");
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg(pattern)
            .query_async(&mut connection)
            .await
            .expect("an answer");
        assert!(!keys.is_empty(), "{pattern}");
        let _: i64 = redis::cmd("DEL")
            .arg(keys)
            .query_async(&mut connection)
            .await
            .expect("an answer");
    }

    /// Freezes it: connections stay open and nobody answers.
    pub async fn pause(&self) {
        signal(self.child.as_ref().expect("it runs"), "-STOP").await;
    }

    /// Lets it go on.
    pub async fn resume(&self) {
        signal(self.child.as_ref().expect("it runs"), "-CONT").await;
    }

    /// What it answers to a command without arguments; `None` when it does not.
    pub async fn ask(&self, command: &str) -> Option<redis::Value> {
        let client = redis::Client::open(self.url(self.port)).expect("an address");
        let asked = async {
            let mut connection = client.get_multiplexed_async_connection().await.ok()?;
            redis::cmd(command).query_async(&mut connection).await.ok()
        };
        tokio::time::timeout(Duration::from_secs(1), asked)
            .await
            .ok()
            .flatten()
    }
}

/// A PostgreSQL of the test's own, on a port that it keeps. What was committed is there after an
/// end.
#[derive(Debug)]
pub struct PrivatePostgres {
    programs: PathBuf,
    user: Option<&'static str>,
    port: u16,
    password: String,
    child: Option<Child>,
    home: tempfile::TempDir,
}

impl PrivatePostgres {
    /// Starts one with an empty database. `None` when there is no PostgreSQL and none is required.
    pub async fn start() -> Option<Self> {
        let initdb = program("TEBDIL_TEST_POSTGRES_BIN", "initdb", installed_postgres())?;
        let programs = initdb.parent().expect("a folder").to_owned();
        let home = tempfile::tempdir().expect("a temporary directory");
        // PostgreSQL refuses to run as root.
        let user = (id(&["-u"]).await == 0).then_some("postgres");
        if let Some(user) = user {
            std::os::unix::fs::chown(home.path(), Some(id(&["-u", user]).await), None)
                .expect("given away");
        }
        let mut postgres = Self {
            programs,
            user,
            port: free_port(),
            password: password(),
            child: None,
            home,
        };
        postgres.init().await;
        postgres.restart().await;
        Some(postgres)
    }

    async fn init(&self) {
        let secret = self.home.path().join("password");
        std::fs::write(&secret, &self.password).expect("written");
        // The folder above it is closed to others.
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644))
            .expect("readable");
        let mut command = service(self.user, &self.programs.join("initdb"), &self.log()).await;
        command
            .current_dir(self.home.path())
            .arg("-D")
            .arg(self.data())
            .arg(format!("--pwfile={}", secret.display()));
        command.args([
            "-U",
            "tebdil",
            "--auth=password",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]);
        let status = command.status().await.expect("initdb runs");
        assert!(
            status.success(),
            "{}",
            std::fs::read_to_string(self.log()).unwrap_or_default()
        );
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address through `port`: its own, or that of a proxy in front of it.
    pub fn url(&self, port: u16) -> String {
        format!(
            "postgres://tebdil:{}@127.0.0.1:{port}/postgres",
            self.password
        )
    }

    /// The user that it runs as, where that is another than ours.
    pub const fn user(&self) -> Option<&'static str> {
        self.user
    }

    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Starts it again and waits until it answers.
    pub async fn restart(&mut self) {
        let mut command = service(self.user, &self.programs.join("postgres"), &self.log()).await;
        command
            .current_dir(self.home.path())
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string()]);
        // What it wrote outlives its process without fsync; the machine is not what fails here.
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=300",
            "fsync=off",
            "shared_buffers=32MB",
        ] {
            command.args(["-c", setting]);
        }
        self.child = Some(command.spawn().expect("PostgreSQL starts"));
        let url = self.url(self.port);
        answers("PostgreSQL", &self.log(), async || {
            sqlx::PgConnection::connect(&url).await.is_ok()
        })
        .await;
    }

    /// Ends it at once; connections are cut, and it recovers at the next start.
    pub async fn stop(&mut self) {
        stop(&mut self.child, "-QUIT").await;
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("log")
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        if self.child.is_none() {
            return;
        }
        // Killed outright, it would leave children that still write into its folder, and shared
        // memory.
        let mut command = std::process::Command::new("setpriv");
        if let Some(user) = self.user {
            command.args([&format!("--reuid={user}"), "--clear-groups"]);
        }
        command.arg("--").arg(self.programs.join("pg_ctl")).args([
            "stop",
            "--mode=immediate",
            "--timeout=5",
            "--silent",
            "--pgdata",
        ]);
        let _ = command
            .arg(self.data())
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .output();
    }
}

/// Where Debian keeps PostgreSQL, newest first.
pub fn installed_postgres() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut folders: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| {
            Some((
                version.file_name().to_str()?.parse().ok()?,
                version.path().join("bin"),
            ))
        })
        .collect();
    folders.sort_unstable_by_key(|(version, _)| std::cmp::Reverse(*version));
    folders
        .into_iter()
        .map(|(_, folder)| folder)
        .chain(path_folders())
        .collect()
}
