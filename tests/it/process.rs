//! The server as a process of its own, for what cannot be seen from inside: kill −9, files, memory.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tebdil_core::testing::{Backend, TestDatabase};
use tokio::process::{Child, Command};

/// How long a start may take.
const START: Duration = Duration::from_secs(30);

/// A server that can be killed and started again on the same data and port.
pub struct ServerProcess {
    child: Option<Child>,
    pub url: String,
    port: u16,
    data: tempfile::TempDir,
    environment: Vec<(String, String)>,
    // After the child: it is killed before its database goes.
    _database: TestDatabase,
}

impl ServerProcess {
    /// Starts on an empty database with cheap hashing and no rate limits. `None` when the database server is not there and not required.
    pub async fn start(backend: Backend, environment: &[(&str, &str)]) -> Option<Self> {
        let database = TestDatabase::create(backend).await?;
        let data = tempfile::tempdir().expect("a temporary directory");
        let key = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
        let mut settings = vec![
            ("TEBDIL_AUTH__BCRYPT_COST".to_owned(), "4".to_owned()),
            ("TEBDIL_LIMITS__ENABLED".to_owned(), "false".to_owned()),
            ("TEBDIL_METRICS__LISTEN".to_owned(), String::new()),
        ];
        if backend == Backend::Postgres {
            settings.push(("TEBDIL_DATABASE__URL".to_owned(), database.url().to_owned()));
            settings.push(("TEBDIL_SECRETS__PHONE_INDEX_KEY".to_owned(), key.to_owned()));
            settings.push(("TEBDIL_SECRETS__FIELD_KEYS".to_owned(), format!("k1:{key}")));
            settings.push(("TEBDIL_SECRETS__JWT_KEYS".to_owned(), format!("k1:{key}")));
        }
        settings.extend(environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        // The port is free until somebody else asks; the kernel hands such ports out in turn, so that takes a while.
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let url = format!("http://127.0.0.1:{port}");
        let mut server = Self { child: None, url, port, data, environment: settings, _database: database };
        server.restart().await;
        Some(server)
    }

    /// Starts it again and waits until it is ready.
    pub async fn restart(&mut self) {
        self.spawn();
        let ready = async {
            while !reqwest::get(format!("{}/readyz", self.url)).await.is_ok_and(|answer| answer.status().is_success()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(START, ready).await.expect("the server becomes ready");
    }

    fn spawn(&mut self) {
        let log = File::options().append(true).create(true).open(self.log_path()).expect("a log file");
        let child = Command::new(env!("CARGO_BIN_EXE_tebdil"))
            .env("TEBDIL_DATA_DIR", self.data_dir())
            .env("TEBDIL_HTTP__LISTEN", format!("127.0.0.1:{}", self.port))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .kill_on_drop(true)
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
        let pid = child.id().expect("it runs").to_string();
        Command::new("kill").arg(pid).status().await.expect("kill is there");
        tokio::time::timeout(START, child.wait()).await.expect("it ends").expect("its status").code()
    }

    /// Resident memory, KiB.
    pub fn rss_kib(&self) -> u64 {
        let pid = self.child.as_ref().and_then(Child::id).expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("procfs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    pub fn data_dir(&self) -> PathBuf {
        self.data.path().join("data")
    }

    /// Everything it printed.
    pub fn log_path(&self) -> PathBuf {
        self.data.path().join("log")
    }

    /// Every file it wrote, with its bytes.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        collect(self.data.path(), &mut found);
        found
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
