//! A real nginx with the configuration of `nginx/`: the very files an installation runs, with the
//! values of one test.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Once,
    time::Duration,
};

use tebdil_core::testing::REQUIRE_SERVICES;
use tokio::process::{Child, Command};

use crate::ports::free_port;

/// Where the program is; `scripts/with-services` says so.
const NGINX: &str = "TEBDIL_TEST_NGINX";

/// Below the folder of the answers to ACME challenges, as their addresses are.
const ACME_CHALLENGES: &str = "acme/.well-known/acme-challenge";

/// How long a start may take. A port that is taken costs nginx 2.5 s of trying.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a test's proxy differs from the others'.
#[derive(Debug, Clone)]
pub struct Options {
    /// The public listeners of an installation, with a certificate of the test's own; else the API
    /// alone, over plain HTTP.
    pub tls: bool,
    /// Of one address.
    pub requests_per_second: u32,
    /// Requests of one address beyond the rate.
    pub burst: u32,
    /// Of one address.
    pub connections: u32,
    /// Networks whose `X-Forwarded-For` counts.
    pub balancers: Vec<&'static str>,
}

impl Default for Options {
    /// Plain HTTP, and limits that no test meets by accident.
    fn default() -> Self {
        Self {
            tls: false,
            requests_per_second: 100_000,
            burst: 100_000,
            connections: 60_000,
            balancers: Vec::new(),
        }
    }
}

/// A running nginx; it ends with the test.
#[derive(Debug)]
pub struct Nginx {
    /// Where it serves the API, by TLS if asked to.
    pub address: SocketAddr,
    /// Where it redirects plain HTTP, with TLS.
    pub redirect: SocketAddr,
    /// What to trust, PEM; empty without TLS.
    pub certificate: String,
    tls: bool,
    // Before the folder: it is killed before its files go.
    _child: Child,
    dir: tempfile::TempDir,
}

impl Nginx {
    /// Starts a proxy in front of these nodes and waits until it listens. `None`, said once on
    /// stderr, when nginx is not there and not required.
    ///
    /// # Panics
    /// When it does not start, and when it is required and not there.
    pub async fn start(upstreams: &[SocketAddr], options: Options) -> Option<Self> {
        let program = program()?;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let certificate = if options.tls {
            self_signed(dir.path())
        } else {
            String::new()
        };
        for _ in 0..8 {
            let [address, redirect] =
                [(); 2].map(|()| SocketAddr::from(([127, 0, 0, 1], free_port())));
            configure(dir.path(), upstreams, &options, address, redirect);
            if let Some(child) = launch(&program, dir.path()).await {
                return Some(Self {
                    address,
                    redirect,
                    certificate,
                    tls: options.tls,
                    _child: child,
                    dir,
                });
            }
        }
        panic!("nginx does not start: {}", said(dir.path()));
    }

    /// Its address as a client names it.
    pub fn url(&self) -> String {
        if self.tls {
            format!("https://localhost:{}", self.address.port())
        } else {
            format!("http://{}", self.address)
        }
    }

    /// Where whoever asks for a certificate puts its answers to challenges.
    pub fn challenges(&self) -> PathBuf {
        self.dir.path().join(ACME_CHALLENGES)
    }

    /// What it logged about requests.
    pub fn access_log(&self) -> String {
        fs::read_to_string(self.dir.path().join("access.log"))
            .expect("nginx makes it when it starts")
    }

    /// What it said on standard error.
    pub fn error_log(&self) -> String {
        said(self.dir.path())
    }
}

/// The configuration of the repository; other packages than the first one use this file too.
pub fn sources() -> PathBuf {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("nginx"));
    folders
        .find(|folder| folder.join("nginx.conf").is_file())
        .expect("the repository has it")
}

/// Fills in `${NAME}`, as envsubst does; names without a value stay.
pub fn render(template: &str, values: &BTreeMap<&str, String>) -> String {
    values
        .iter()
        .fold(template.to_owned(), |text, (name, value)| {
            text.replace(&format!("${{{name}}}"), value)
        })
}

fn program() -> Option<String> {
    static SAID: Once = Once::new();
    let path = std::env::var(NGINX).ok().filter(|path| !path.is_empty());
    if path.is_none() {
        assert!(
            std::env::var(REQUIRE_SERVICES).as_deref() != Ok("1"),
            "{REQUIRE_SERVICES}=1, but {NGINX} is not set"
        );
        // Not `eprintln!`: the test harness would keep it to itself.
        SAID.call_once(|| {
            let _ = writeln!(
                std::io::stderr(),
                "tests behind nginx did NOT run: {NGINX} is not set"
            );
        });
    }
    path
}

fn configure(
    dir: &Path,
    upstreams: &[SocketAddr],
    options: &Options,
    address: SocketAddr,
    redirect: SocketAddr,
) {
    let file = |name: &str| dir.join(name).display().to_string();
    let values = BTreeMap::from([
        ("PROXY_SERVER_NAME", "localhost".to_owned()),
        ("PROXY_HTTP_LISTEN", redirect.to_string()),
        ("PROXY_HTTPS_LISTEN", address.to_string()),
        ("PROXY_CERTIFICATE", file("certificate.pem")),
        ("PROXY_CERTIFICATE_KEY", file("key.pem")),
        ("PROXY_ACCESS_LOG", file("access.log")),
        ("PROXY_ACME", file("acme")),
        (
            "PROXY_REQUESTS_PER_SECOND",
            options.requests_per_second.to_string(),
        ),
        ("PROXY_BURST", options.burst.to_string()),
        ("PROXY_CONNECTIONS", options.connections.to_string()),
    ]);
    let read =
        |name: &str| fs::read_to_string(sources().join(name)).expect("the repository has it");
    let write = |name: &str, text: &str| fs::write(dir.join(name), text).expect("written");
    for folder in ["conf.d/tebdil", "tebdil", "temp", ACME_CHALLENGES] {
        fs::create_dir_all(dir.join(folder)).expect("made");
    }
    write("nginx.conf", &read("nginx.conf"));
    for name in ["10-http.conf", "20-servers.conf", "tebdil/api.conf"] {
        let text = render(&read(&format!("templates/{name}.template")), &values);
        assert!(!text.contains("${"), "{name}: a variable has no value");
        write(&format!("conf.d/{name}"), &text);
    }
    if !options.tls {
        write(
            "conf.d/20-servers.conf",
            &format!("server {{ listen {address}; include conf.d/tebdil/api.conf; }}"),
        );
    }
    // Each node as an installation names its own, with another address.
    let nodes = read("tebdil/nodes.conf");
    let example = nodes
        .lines()
        .find_map(|line| line.strip_prefix("server ")?.split_once(' '))
        .expect("a node")
        .1
        .to_owned();
    let lines = |lines: Vec<String>| lines.join("\n");
    write(
        "tebdil/nodes.conf",
        &lines(
            upstreams
                .iter()
                .map(|node| format!("server {node} {example}"))
                .collect(),
        ),
    );
    write(
        "tebdil/balancers.conf",
        &lines(
            options
                .balancers
                .iter()
                .map(|network| format!("set_real_ip_from {network};"))
                .collect(),
        ),
    );
    // The folders that are compiled in may belong to somebody else.
    let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {};\n", file(&format!("temp/{kind}"))));
    write("conf.d/00-test.conf", &temp.concat());
}

fn self_signed(dir: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let pem = made.cert.pem();
    fs::write(dir.join("certificate.pem"), &pem).expect("written");
    fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
    pem
}

/// `None` when it ended instead, as it does when a port is taken.
async fn launch(program: &str, dir: &Path) -> Option<Child> {
    let pid = dir.join("nginx.pid");
    let log = fs::File::create(dir.join("stderr")).expect("a log file");
    let mut child = Command::new(program)
        .args(["-e", "stderr"])
        .arg("-p")
        .arg(dir)
        .arg("-c")
        .arg(dir.join("nginx.conf"))
        // One process, so that whoever kills it leaves no worker behind.
        .args([
            "-g",
            &format!("daemon off; master_process off; pid {};", pid.display()),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .expect("nginx runs");
    let listens = async {
        loop {
            // It writes the file once it listens. A connection would prove less: somebody else may
            // have the port.
            if fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')) {
                return true;
            }
            if child.try_wait().expect("its status").is_some() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let listens = tokio::time::timeout(PATIENCE, listens)
        .await
        .unwrap_or_else(|_| panic!("nginx hangs: {}", said(dir)));
    listens.then_some(child)
}

fn said(dir: &Path) -> String {
    fs::read_to_string(dir.join("stderr")).unwrap_or_default()
}

#[test]
fn only_known_names_are_filled_in() {
    let values = BTreeMap::from([("PROXY_BURST", "7".to_owned())]);
    assert_eq!(
        render("burst=${PROXY_BURST} $remote_addr ${uri}", &values),
        "burst=7 $remote_addr ${uri}"
    );
}
