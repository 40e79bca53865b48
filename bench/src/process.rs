//! The server under load, as a process.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
};

use crate::{Result, usage::Usage};

/// Keys of a database that is thrown away; nodes must share them.
const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

/// How long a process may take to listen.
const START: Duration = Duration::from_secs(20);

/// Ports that relays give out, apart from each other.
const RELAY_PORTS: (u16, u16) = (22_000, 22_999);
const COTURN_PORTS: (u16, u16) = (23_000, 23_999);

/// What is measured.
#[derive(Clone)]
pub struct Setup {
    pub binary: PathBuf,
    pub database: Option<String>,
    pub redis: Option<String>,
}

impl Setup {
    /// The name of the server with this database.
    pub const fn subject(&self) -> &'static str {
        match self.database {
            None => "Tebdil, SQLite",
            Some(_) => "Tebdil, PostgreSQL",
        }
    }

    /// The same with SQLite.
    pub fn without_database(&self) -> Self {
        Self {
            database: None,
            ..self.clone()
        }
    }
}

/// A command whose process runs on the first core alone: the load has the last one.
fn on_first_core(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program);
    command.kill_on_drop(true);
    command
}

/// A running process that is killed when dropped.
pub struct Process {
    child: Child,
    /// Of a relay its address and port.
    pub url: String,
    /// Where the numbers of a server are; 0 where nobody asks for them.
    metrics: u16,
    pub pid: u32,
    _data: tempfile::TempDir,
}

impl Process {
    /// Starts the server with cheap hashing, no rate limits, and everything else as it comes.
    pub async fn server(setup: &Setup) -> Result<Self> {
        Self::node(setup, None).await
    }

    /// Starts one of several nodes on one database and this Redis, whose keys begin with `prefix`.
    pub async fn node(setup: &Setup, redis: Option<(&str, &str)>) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let (port, metrics) = (free_port()?, free_port()?);
        let mut command = on_first_core(&setup.binary);
        command
            .env("TEBDIL_DATA_DIR", data.path())
            .env("TEBDIL_HTTP__LISTEN", format!("127.0.0.1:{port}"))
            .env("TEBDIL_METRICS__LISTEN", format!("127.0.0.1:{metrics}"))
            .env("TEBDIL_AUTH__BCRYPT_COST", "4")
            .env("TEBDIL_RELAY__LISTEN", "127.0.0.1:0")
            .env("TEBDIL_LIMITS__ENABLED", "false")
            .env("TEBDIL_QUOTA__FREE_TEXT", "1000")
            .env("TEBDIL_LOG", "warn")
            .stdout(Stdio::null());
        if let Some(database) = &setup.database {
            command.env("TEBDIL_DATABASE__URL", database);
            for (name, value) in [
                ("PHONE_INDEX_KEY", KEY.to_owned()),
                ("FIELD_KEYS", format!("k1:{KEY}")),
                ("JWT_KEYS", format!("k1:{KEY}")),
            ] {
                command.env(format!("TEBDIL_SECRETS__{name}"), value);
            }
        }
        if let Some((url, prefix)) = redis {
            command
                .env("TEBDIL_REDIS__URL", url)
                .env("TEBDIL_REDIS__PREFIX", prefix);
        }
        let child = command.spawn()?;
        let pid = child.id().ok_or("the server ended at once")?;
        let process = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
            metrics,
            pid,
            _data: data,
        };
        tokio::time::timeout(START, async {
            while tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_err()
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await?;
        Ok(process)
    }

    /// Starts the embedded relay, as a process that does nothing else.
    pub async fn relay(setup: &Setup, secret: &str) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let (first, last) = RELAY_PORTS;
        let mut child = Command::new(&setup.binary)
            .arg("turn")
            .env("TEBDIL_DATA_DIR", data.path())
            .env("TEBDIL_METRICS__LISTEN", "")
            .env("TEBDIL_RELAY__LISTEN", "127.0.0.1:0")
            .env("TEBDIL_RELAY__MIN_PORT", first.to_string())
            .env("TEBDIL_RELAY__MAX_PORT", last.to_string())
            .env("TEBDIL_RELAY__KILOBYTES_PER_SECOND", "100000")
            .env("TEBDIL_SECRETS__RELAY_SECRET", secret)
            .env("TEBDIL_LOG", "error")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().ok_or("the relay ended at once")?;
        let out = child.stdout.take().ok_or("the relay has no output")?;
        let said = tokio::time::timeout(START, BufReader::new(out).lines().next_line())
            .await??
            .ok_or("the relay said nothing")?;
        let url = said.rsplit(' ').next().unwrap_or_default().to_owned();
        Ok(Self {
            child,
            url,
            metrics: 0,
            pid,
            _data: data,
        })
    }

    /// Starts coturn with as much as it needs to be asked the same; it may take a moment to answer.
    pub fn coturn(binary: &Path, secret: &str) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let (first, last) = COTURN_PORTS;
        let port = std::net::UdpSocket::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let child = Command::new(binary)
            .args([
                "-n",
                "--use-auth-secret",
                "--realm=tebdil",
                "--listening-ip=127.0.0.1",
                "--relay-ip=127.0.0.1",
                "--allow-loopback-peers",
            ])
            .args([
                "--no-tcp",
                "--no-tls",
                "--no-dtls",
                "--no-tcp-relay",
                "--no-cli",
                "--no-rfc5780",
                "--no-stdout-log",
                "--log-file=/dev/null",
            ])
            .arg(format!("--static-auth-secret={secret}"))
            .arg(format!("--listening-port={port}"))
            .arg(format!("--min-port={first}"))
            .arg(format!("--max-port={last}"))
            .arg(format!("--pidfile={}", data.path().join("pid").display()))
            .arg(format!("--userdb={}", data.path().join("users").display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{}: {error}", binary.display()))?;
        let pid = child.id().ok_or("coturn ended at once")?;
        Ok(Self {
            child,
            url: format!("127.0.0.1:{port}"),
            metrics: 0,
            pid,
            _data: data,
        })
    }

    /// Starts a server that is part of this program.
    pub async fn own(arguments: &[&str]) -> Result<Self> {
        let mut command = on_first_core(std::env::current_exe()?);
        command.args(arguments);
        Self::speaking(command).await
    }

    /// Starts the stack in Node, from this folder.
    pub async fn node_js(folder: &str, arguments: &[&str]) -> Result<Self> {
        let mut command = on_first_core("node");
        command
            .arg(format!("{folder}/server.mjs"))
            .args(["--listen", "127.0.0.1:0", "--bcrypt-cost", "4"])
            .args(arguments);
        Self::speaking(command).await
    }

    /// Starts what says its address, or a sentence that ends with it, once it listens.
    async fn speaking(mut command: Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let pid = child.id().ok_or("the peer ended at once")?;
        let out = child.stdout.take().ok_or("the peer has no output")?;
        let said = tokio::time::timeout(START, BufReader::new(out).lines().next_line())
            .await??
            .ok_or("the peer said nothing")?;
        let address = said.rsplit(' ').next().unwrap_or_default();
        Ok(Self {
            child,
            url: format!("http://{}", address.trim_start_matches("http://")),
            metrics: 0,
            pid,
            _data: tempfile::tempdir()?,
        })
    }

    /// What the server asked of its database so far, as it counts itself.
    pub async fn statements(&self) -> Result<f64> {
        const REQUEST: &[u8] = b"GET /metrics HTTP/1.0\r\n\r\n";
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.metrics)).await?;
        stream.write_all(REQUEST).await?;
        let mut numbers = String::new();
        stream.read_to_string(&mut numbers).await?;
        let count = numbers
            .lines()
            .find_map(|line| line.strip_prefix("tebdil_statements_total "))
            .ok_or("the server counts no statements")?;
        Ok(count.trim().parse()?)
    }

    /// CPU seconds used so far, user and system.
    pub fn cpu(&self) -> Result<f64> {
        Ok(Usage::alone(self.pid)?.total())
    }

    /// Resident memory, KiB.
    pub fn rss_kib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .ok_or("status")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// Ends it and waits.
    pub async fn stop(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}
