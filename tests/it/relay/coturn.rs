//! coturn with the configuration of `coturn/`, and our credentials.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tebdil_protocol::{domain::MatchRole, id::MatchId, time::Timestamp};
use tebdil_signaling::RelaySecret;
use tokio::{
    net::UdpSocket,
    process::{Child, Command},
};

use super::caller::{Caller, Credential, connect};
use crate::services::{free_port, program};

const SECRET: &str = "what coturn and nodes share";

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running coturn; it ends with the test.
struct Coturn {
    address: SocketAddr,
    // Before the folder: it is killed before its files go.
    child: Child,
    _dir: tempfile::TempDir,
}

impl Coturn {
    /// With what `docker-compose.yml` adds, at 127.0.0.1, which coturn relays to only when it is
    /// told so. `None` when it is not there and not required.
    async fn start() -> Option<Self> {
        Self::start_with("").await
    }

    /// The same, with more lines of configuration.
    async fn start_with(more: &str) -> Option<Self> {
        let turnserver = program(
            "TEBDIL_TEST_TURNSERVER",
            "turnserver",
            [PathBuf::from("/usr/bin")],
        )?;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = |name: &str| dir.path().join(name).display().to_string();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("coturn/turnserver.conf");
        let source = fs::read_to_string(source).expect("the repository has it");
        let port = free_port();
        let config = source.replace("listening-port=3478", &format!("listening-port={port}"));
        let own = format!(
            "realm=chat.example\nstatic-auth-secret={SECRET}\nlistening-ip=127.0.0.1\nrelay-ip=127.0.0.1\nallowed-peer-ip=127.0.0.1\n\
             allow-loopback-peers\npidfile={}\nuserdb={}\n{more}",
            file("pid"),
            file("users")
        );
        fs::write(file("turnserver.conf"), config + &own).expect("written");
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(&turnserver)
            .args(["-c", &file("turnserver.conf")]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let child = command.spawn().expect("it starts");
        let mut coturn = Self {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            child,
            _dir: dir,
        };
        coturn.answers().await;
        Some(coturn)
    }

    /// Waits until it takes a credential.
    async fn answers(&mut self) {
        let ready = async {
            loop {
                assert!(
                    self.child.try_wait().expect("its status").is_none(),
                    "coturn ended"
                );
                let credential = self.credential(SECRET, 1, Duration::from_mins(5));
                if let Ok(Ok(caller)) =
                    tokio::time::timeout(Duration::from_secs(1), Caller::allocate(&credential))
                        .await
                {
                    return caller.hang_up().await;
                }
            }
        };
        tokio::time::timeout(PATIENCE, ready)
            .await
            .expect("coturn answers");
    }

    /// One side of a match, as a node gives it out.
    fn credential(&self, secret: &str, match_id: i64, ttl: Duration) -> Credential {
        let issued = RelaySecret::new(secret.into()).issue(
            MatchId(match_id),
            MatchRole::Offerer,
            now(),
            ttl,
        );
        Credential {
            relay: self.address,
            username: issued.username,
            password: issued.password.expose().to_owned(),
        }
    }

    async fn allocate(&self, match_id: i64) -> Caller {
        Caller::allocate(&self.credential(SECRET, match_id, Duration::from_mins(5)))
            .await
            .expect("it takes the credential")
    }
}

/// Of the machine: coturn has no other clock.
fn now() -> Timestamp {
    let millis = std::time::UNIX_EPOCH
        .elapsed()
        .expect("after 1970")
        .as_millis();
    Timestamp::from_millis(i64::try_from(millis).expect("in range"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_takes_our_credentials_and_no_others() {
    let Some(coturn) = Coturn::start().await else {
        return;
    };
    let (one, other) = (coturn.allocate(2).await, coturn.allocate(3).await);
    connect(&one, &other).await;

    let good = coturn.credential(SECRET, 4, Duration::from_mins(5));
    let wrong = [
        coturn.credential("a secret of somebody else", 4, Duration::from_mins(5)),
        Credential {
            password: good
                .password
                .replace(|c: char| c.is_ascii_alphabetic(), "x"),
            ..good.clone()
        },
        // The expiry is part of what is signed.
        Credential {
            username: good.username.replacen('1', "2", 1),
            ..good.clone()
        },
        Credential {
            username: "offerer".to_owned(),
            ..good
        },
    ];
    for credential in wrong {
        assert!(
            Caller::allocate(&credential).await.is_err(),
            "{}",
            credential.username
        );
    }
    let issued = RelaySecret::new(SECRET.into()).issue(
        MatchId(4),
        MatchRole::Offerer,
        now() - Duration::from_mins(6),
        Duration::from_mins(5),
    );
    let expired = Credential {
        relay: coturn.address,
        username: issued.username,
        password: issued.password.expose().to_owned(),
    };
    assert!(Caller::allocate(&expired).await.is_err(), "it has run out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_translation_it_gives_out_the_public_address() {
    let Some(coturn) = Coturn::start_with("external-ip=203.0.113.9/127.0.0.1\n").await else {
        return;
    };
    let (one, other) = (coturn.allocate(2).await, coturn.allocate(3).await);
    for caller in [&one, &other] {
        assert_eq!(caller.address.ip().to_string(), "203.0.113.9");
    }
    // They know each other by it, and what they say stays in the relay.
    connect(&one, &other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_relays_to_itself_and_to_nobody_else() {
    let Some(coturn) = Coturn::start().await else {
        return;
    };
    let caller = coturn.allocate(2).await;
    // Another address of the machine stands for a host of its network.
    let host = UdpSocket::bind("127.0.0.2:0").await.expect("a port");
    let inside = [
        "10.0.0.1:9",
        "127.0.0.3:9",
        "169.254.169.254:80",
        "172.16.0.1:9",
        "192.168.1.1:9",
        "100.64.0.1:9",
        "224.0.0.1:9",
        "0.0.0.0:9",
    ];
    let public = ["8.8.8.8:53", "203.0.113.5:9"];
    let peers = inside
        .iter()
        .chain(&public)
        .map(|peer| peer.parse().expect("an address"));
    for peer in peers.chain([host.local_addr().expect("bound")]) {
        assert!(caller.send(peer).await.is_err(), "{peer} gets a permission");
    }
    let mut buffer = [0; 64];
    assert!(
        host.try_recv(&mut buffer).is_err(),
        "something came through"
    );
    // It still serves whom it should.
    connect(&caller, &coturn.allocate(3).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_holds_twelve_allocations() {
    let Some(coturn) = Coturn::start().await else {
        return;
    };
    let credential = coturn.credential(SECRET, 2, Duration::from_mins(5));
    let mut held = Vec::new();
    for _ in 0..12 {
        held.push(
            Caller::allocate(&credential)
                .await
                .expect("it takes the credential"),
        );
    }
    assert!(Caller::allocate(&credential).await.is_err(), "a thirteenth");
    let later = coturn.credential(SECRET, 2, Duration::from_mins(6));
    assert!(
        Caller::allocate(&later).await.is_err(),
        "nor with another credential"
    );
    coturn.allocate(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_outlasts_its_credential() {
    let Some(coturn) = Coturn::start().await else {
        return;
    };
    let credential = coturn.credential(SECRET, 2, Duration::from_secs(2));
    let caller = Caller::allocate(&credential)
        .await
        .expect("it takes the credential");
    let over = async {
        while Caller::allocate(&credential).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, over)
        .await
        .expect("it runs out");
    // A new permission needs the credential again, and so does each refresh.
    connect(&caller, &coturn.allocate(3).await).await;
}
