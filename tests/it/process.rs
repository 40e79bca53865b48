//! The server as a process of its own, for what cannot be seen from inside: kill −9, files, memory.

use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::Value;
use sqlx::Connection as _;
use tebdil_core::testing::{Backend, TestDatabase};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{
    nginx::{Nginx, Options},
    ports::{free_port, relay_settings, signal},
};

/// How long a start or an end may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the binary is. A package that is not its own finds it above its own test, where a build of
/// the workspace puts both.
fn binary() -> PathBuf {
    let beside = || {
        let test = std::env::current_exe().expect("a test runs from a file");
        let binary = test
            .parent()
            .and_then(Path::parent)
            .expect("cargo's folders")
            .join("tebdil");
        assert!(
            binary.is_file(),
            "`cargo build` first: there is no {}",
            binary.display()
        );
        binary
    };
    option_env!("CARGO_BIN_EXE_tebdil").map_or_else(beside, PathBuf::from)
}

/// The binary, run in `dir`, with cheap hashing and nothing of the machine's own settings.
pub fn tebdil(dir: &Path) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TEBDIL_"))
    {
        command.env_remove(name);
    }
    command
        .current_dir(dir)
        .env("TEBDIL_HTTP__LISTEN", "127.0.0.1:0")
        .env("TEBDIL_METRICS__LISTEN", "127.0.0.1:0")
        .env("TEBDIL_AUTH__BCRYPT_COST", "4")
        .env("TEBDIL_RELAY__LISTEN", "127.0.0.1:0")
        .env("TEBDIL_LOG", "debug")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// A server that has said where it is, on a port of its own choice.
pub struct Process {
    child: Child,
    pub url: String,
}

impl Process {
    pub async fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the binary runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line())
            .await
            .expect("in time")
            .expect("readable")
            .expect("a line");
        let url = line.rsplit(' ').next().expect("the address").to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{line}");
        Self { child, url }
    }

    pub async fn signal(&self, name: &str) {
        signal(&self.child, name).await;
    }

    /// Waits for the end; what it logged.
    pub async fn end(mut self) -> (ExitStatus, String) {
        let mut log = String::new();
        let mut stderr = self.child.stderr.take().expect("piped");
        let (read, status) = tokio::time::timeout(PATIENCE, async {
            tokio::join!(stderr.read_to_string(&mut log), self.child.wait())
        })
        .await
        .expect("it ends in time");
        read.expect("readable");
        (status.expect("waited for"), log)
    }
}

/// Runs the binary to its end; what it said on both streams.
pub async fn run(mut command: Command) -> (ExitStatus, String, String) {
    let output = tokio::time::timeout(PATIENCE, command.output())
        .await
        .expect("in time")
        .expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status, text(output.stdout), text(output.stderr))
}

/// A server that can be killed and started again on the same data and port.
pub struct ServerProcess {
    child: Option<Child>,
    pub url: String,
    port: u16,
    data: tempfile::TempDir,
    environment: Vec<(String, String)>,
    // After the child: it is killed before its database goes.
    _database: Option<TestDatabase>,
}

/// The keys of servers that share a database; others make their own.
pub const KEYS: [(&str, &str); 3] = [
    (
        "TEBDIL_SECRETS__PHONE_INDEX_KEY",
        "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
    ),
    (
        "TEBDIL_SECRETS__FIELD_KEYS",
        "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
    ),
    (
        "TEBDIL_SECRETS__JWT_KEYS",
        "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
    ),
];

impl ServerProcess {
    /// Starts on an empty database with cheap hashing and no rate limits. `None` when the database
    /// server is not there and not required.
    pub async fn start(backend: Backend, environment: &[(&str, &str)]) -> Option<Self> {
        let database = TestDatabase::create(backend).await?;
        let mut settings = Vec::new();
        if backend == Backend::Postgres {
            settings.push(("TEBDIL_DATABASE__URL", database.url()));
            settings.extend(KEYS);
        }
        settings.extend(environment);
        let server = Self::new(&settings);
        let mut server = Self {
            _database: Some(database),
            ..server
        };
        server.restart().await;
        Some(server)
    }

    /// One on a database that is there and outlives it, which does not run yet.
    pub fn on(environment: &[(&str, &str)]) -> Self {
        Self::new(environment)
    }

    /// One that does not run yet.
    fn new(environment: &[(&str, &str)]) -> Self {
        let common = [
            ("TEBDIL_LIMITS__ENABLED", "false"),
            ("TEBDIL_METRICS__LISTEN", ""),
            ("TEBDIL_LOG", "warn"),
        ];
        let environment = common
            .iter()
            .chain(environment)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        Self {
            child: None,
            url,
            port,
            data: tempfile::tempdir().expect("a temporary directory"),
            environment,
            _database: None,
        }
    }

    /// Changes a setting from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// The one number a query answers, whether it runs or not.
    pub async fn count(&self, sql: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        if let Some((_, url)) = self
            .environment
            .iter()
            .find(|(name, _)| name == "TEBDIL_DATABASE__URL")
        {
            let mut connection = sqlx::PgConnection::connect(url)
                .await
                .expect("a connection");
            return sqlx::query_scalar(sql)
                .fetch_one(&mut connection)
                .await
                .expect("a number");
        }
        let url = format!("sqlite:{}", self.data_dir().join("tebdil.db").display());
        let mut connection = sqlx::SqliteConnection::connect(&url)
            .await
            .expect("a connection");
        sqlx::query_scalar(sql)
            .fetch_one(&mut connection)
            .await
            .expect("a number")
    }

    /// Starts it again and waits for nothing.
    pub fn start_unready(&mut self) {
        self.spawn();
    }

    /// Starts it again and waits until it is ready.
    pub async fn restart(&mut self) {
        self.spawn();
        let ready = async {
            while self.readyz().await.is_none_or(|(status, _)| status != 200) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, ready).await.is_err() {
            let log = std::fs::read_to_string(self.log_path()).unwrap_or_default();
            panic!("the server does not become ready: {log}");
        }
    }

    /// The status and body of `/readyz`; `None` when nobody answers.
    pub async fn readyz(&self) -> Option<(u16, Value)> {
        let asked = async {
            let answer = crate::http::get(format!("{}/readyz", self.url))
                .await
                .ok()?;
            Some((answer.status().as_u16(), answer.json().await.ok()?))
        };
        tokio::time::timeout(Duration::from_secs(5), asked)
            .await
            .ok()
            .flatten()
    }

    fn spawn(&mut self) {
        let log = File::options()
            .append(true)
            .create(true)
            .open(self.log_path())
            .expect("a log file");
        let child = tebdil(self.data.path())
            .env("TEBDIL_DATA_DIR", self.data_dir())
            .env("TEBDIL_HTTP__LISTEN", format!("127.0.0.1:{}", self.port))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn();
        self.child = Some(child.expect("the server starts"));
    }

    /// SIGKILL: nothing is flushed, nobody is told.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.expect("the server was running");
        }
    }

    /// SIGTERM, and the exit code.
    pub async fn terminate(&mut self) -> Option<i32> {
        let mut child = self.child.take()?;
        signal(&child, "-TERM").await;
        tokio::time::timeout(PATIENCE, child.wait())
            .await
            .expect("it ends")
            .expect("its status")
            .code()
    }

    /// Whether its process has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| child.try_wait().expect("its status").is_none())
    }

    /// Resident memory, KiB.
    pub fn rss_kib(&self) -> u64 {
        let pid = self.child.as_ref().and_then(Child::id).expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("procfs");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .expect("VmRSS");
        line.trim()
            .trim_end_matches(" kB")
            .parse()
            .expect("a number")
    }

    /// What the system lets it take, as `/proc` shows it.
    pub fn limits(&self) -> String {
        let pid = self.child.as_ref().and_then(Child::id).expect("it runs");
        std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("procfs")
    }

    pub fn data_dir(&self) -> PathBuf {
        self.data.path().join("data")
    }

    /// Everything it printed.
    pub fn log_path(&self) -> PathBuf {
        self.data.path().join("log")
    }

    /// A backup of its database while it runs, made as `docs/operations.md` says.
    pub async fn backup(&self) -> Vec<u8> {
        let Some((_, url)) = self
            .environment
            .iter()
            .find(|(name, _)| name == "TEBDIL_DATABASE__URL")
        else {
            let copy = self.data.path().join("copy.db");
            let url = format!("sqlite:{}", self.data_dir().join("tebdil.db").display());
            let mut connection = sqlx::SqliteConnection::connect(&url)
                .await
                .expect("a connection");
            let sql = format!("VACUUM INTO '{}'", copy.display());
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
                .execute(&mut connection)
                .await
                .expect("a copy");
            let bytes = std::fs::read(&copy).expect("the copy");
            std::fs::remove_file(&copy).expect("ours");
            return bytes;
        };
        let (_, schema) = url
            .split_once("search_path%3D")
            .expect("a schema of its own");
        let dump = Command::new("pg_dump")
            .args(["-n", schema, url])
            .output()
            .await
            .expect("pg_dump runs");
        assert!(
            dump.status.success(),
            "{}",
            String::from_utf8_lossy(&dump.stderr)
        );
        dump.stdout
    }

    /// Every file it wrote, with its bytes.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        collect(self.data.path(), &mut found);
        found
    }
}

/// Several servers on the same services, behind nginx.
pub struct ClusterProcess {
    nodes: Vec<ServerProcess>,
    nginx: Nginx,
}

impl ClusterProcess {
    /// Starts one node for each entry of `own`, on the `common` settings (the addresses of
    /// PostgreSQL and Redis among them) and its own. `None` when there is no nginx and none is
    /// required.
    pub async fn start(common: &[(&str, &str)], own: &[&[(&str, &str)]]) -> Option<Self> {
        let mut nodes: Vec<ServerProcess> = Vec::new();
        for (number, settings) in own.iter().enumerate() {
            let relay = relay_settings(number, own.len());
            let relay = relay
                .each_ref()
                .map(|(name, value)| (*name, value.as_str()));
            nodes.push(ServerProcess::new(
                &[&KEYS, &relay[..], common, settings].concat(),
            ));
        }
        let addresses: Vec<SocketAddr> = nodes
            .iter()
            .map(|node| ([127, 0, 0, 1], node.port).into())
            .collect();
        let nginx = Nginx::start(&addresses, Options::default()).await?;
        join_all(nodes.iter_mut().map(ServerProcess::restart)).await;
        Some(Self { nodes, nginx })
    }

    /// Where clients go.
    pub fn url(&self) -> String {
        self.nginx.url()
    }

    /// One of the nodes.
    pub fn node(&self, number: usize) -> &ServerProcess {
        &self.nodes[number]
    }

    /// One of the nodes, to end it or start it again.
    pub fn node_mut(&mut self, number: usize) -> &mut ServerProcess {
        &mut self.nodes[number]
    }
}

fn collect(dir: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push((path.clone(), std::fs::read(&path).expect("a file")));
        }
    }
}
