//! `tebdil turn`: a relay in a process of its own.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::Value;
use tebdil::{lifecycle::Shutdown, turn::Turn};
use tebdil_core::testing::Backend;
use tebdil_protocol::{
    domain::{EndReason, MatchRole},
    id::MatchId,
    time::Timestamp,
};
use tebdil_signaling::RelaySecret;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::UdpSocket,
    process::{Child, Command},
};

use super::{
    ask,
    caller::{Caller, Credential, connect, silent_after},
    video_pair,
};
use crate::{
    harness::TestServer,
    process::{run, tebdil},
    services::signal,
};

scenarios! {
    @cluster &[];
    a_relay_alone_hears_of_ends_from_the_nodes,
}

/// How long a process may take to start or end.
const PATIENCE: Duration = Duration::from_secs(30);

const SECRET: &str = "what relays and nodes share";

/// A relay on the service's database, at an address that no node has.
async fn turn_of(server: &TestServer, shutdown: &Shutdown) -> Turn {
    let mut config = (*server.app.config).clone();
    "127.0.0.9:0".clone_into(&mut config.relay.listen);
    Turn::start(&config, None, server.clock.clone(), shutdown)
        .await
        .expect("it starts")
}

/// Both sides of a call through the relay at `address`.
async fn call_through(
    server: &TestServer,
    address: SocketAddr,
) -> ([Caller; 2], [Credential; 2], String, String) {
    let (a, b, id) = video_pair(server).await;
    let credential =
        async |person| Credential::of(&ask(server, person, &id).await.expect(200)).at(address);
    let credentials = [credential(&a).await, credential(&b).await];
    let allocate = async |side: usize| {
        Caller::allocate(&credentials[side])
            .await
            .expect("it takes the credential")
    };
    let callers = [allocate(0).await, allocate(1).await];
    connect(&callers[0], &callers[1]).await;
    (callers, credentials, a.user.access, id)
}

async fn a_relay_alone_hears_of_ends_from_the_nodes(server: TestServer) {
    let shutdown = Shutdown::default();
    let turn = turn_of(&server, &shutdown).await;
    let address = turn.address().expect("it listens");
    let calls = async {
        let ([one, other], credentials, token, id) = call_through(&server, address).await;
        let leave = server.request_to(
            server.node_url(0),
            Method::POST,
            &format!("/v1/matches/{id}/leave"),
            Some(&token),
        );
        server.send(leave.json(&Value::Null)).await.expect(200);
        let took = silent_after(&one, &other, Instant::now()).await;
        assert!(
            took < Duration::from_secs(1),
            "media went through for another {took:?}"
        );
        assert!(
            Caller::allocate(&credentials[0]).await.is_err(),
            "it still takes the credential"
        );
        for caller in [one, other] {
            caller.hang_up().await;
        }
        shutdown.soft.cancel();
    };
    let (ended, ()) = tokio::join!(turn.run(), calls);
    ended.expect("a good end");
    server.stop().await;
}

/// As when a node is killed between the commit and the word; here there is not even a bus.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_alone_looks_for_calls_that_are_over() {
    let Some(server) = TestServer::start(Backend::Postgres, &[]).await else {
        return;
    };
    let shutdown = Shutdown::default();
    let turn = turn_of(&server, &shutdown).await;
    let address = turn.address().expect("it listens");
    let calls = async {
        let ([one, other], _, _, id) = call_through(&server, address).await;
        let id: MatchId = id.parse().expect("an id");
        server
            .app
            .store
            .matches()
            .end_match(id, None, EndReason::Left, server.clock.now())
            .await
            .expect("ended");
        // It looks every ten seconds.
        let took = silent_after(&one, &other, Instant::now()).await;
        assert!(
            took < Duration::from_secs(11),
            "media went through for another {took:?}"
        );
        for caller in [one, other] {
            caller.hang_up().await;
        }
        shutdown.soft.cancel();
    };
    let (ended, ()) = tokio::join!(turn.run(), calls);
    ended.expect("a good end");
    server.stop().await;
}

/// The process, and where it says that it listens.
async fn started(mut command: Command) -> (Child, SocketAddr) {
    let mut child = command.arg("turn").spawn().expect("the binary runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let said = tokio::time::timeout(PATIENCE, lines.next_line())
        .await
        .expect("in time")
        .expect("readable")
        .expect("a line");
    let address = said
        .strip_prefix("Tebdil relays calls on ")
        .unwrap_or_else(|| panic!("{said}"));
    (child, address.parse().expect("an address"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_alone_needs_nothing_but_the_secret() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut command = tebdil(dir.path());
    command
        .env("TEBDIL_SECRETS__RELAY_SECRET", SECRET)
        .env("TEBDIL_RELAY__EMBEDDED", "false");
    let (child, relay) = started(command).await;

    let now = Timestamp::from_millis(
        i64::try_from(
            std::time::UNIX_EPOCH
                .elapsed()
                .expect("after 1970")
                .as_millis(),
        )
        .expect("in range"),
    );
    let credential = |secret: &str, role: MatchRole| {
        let issued =
            RelaySecret::new(secret.into()).issue(MatchId(7), role, now, Duration::from_mins(5));
        Credential {
            relay,
            username: issued.username,
            password: issued.password.expose().to_owned(),
        }
    };
    let allocate = async |role| {
        Caller::allocate(&credential(SECRET, role))
            .await
            .expect("it takes the credential")
    };
    let (one, other) = (
        allocate(MatchRole::Offerer).await,
        allocate(MatchRole::Answerer).await,
    );
    connect(&one, &other).await;
    assert!(
        Caller::allocate(&credential("another secret of others", MatchRole::Offerer))
            .await
            .is_err()
    );

    signal(&child, "-TERM").await;
    let asked = Instant::now();
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output())
        .await
        .expect("in time")
        .expect("its end");
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "calls that go on do not hold it: {log}"
    );
    assert_eq!(
        log.matches("database.url").count(),
        1,
        "one warning that nobody will tell it of ends: {log}"
    );
    assert!(
        !log.contains(SECRET) && !log.contains("127.0.0.1:4"),
        "{log}"
    );
    assert!(
        dir.path().read_dir().expect("a folder").next().is_none(),
        "it made no database and no key"
    );
}

#[tokio::test]
async fn a_relay_alone_ends_without_a_secret() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for shared in [false, true] {
        let mut command = tebdil(dir.path());
        command.arg("turn");
        if shared {
            command.env("TEBDIL_DATABASE__URL", "postgres://nobody@127.0.0.1:1/none");
        }
        let (status, _, stderr) = run(command).await;
        assert_eq!(status.code(), Some(2), "{stderr}");
        assert!(
            stderr.contains("secrets.relay_secret") && !stderr.contains("PHONE"),
            "{stderr}"
        );
    }
}

/// `make run` where somebody has the port.
#[tokio::test]
async fn a_port_that_is_taken_is_named_with_the_ways_out() {
    let taken = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    for (name, secret) in [("serve", ""), ("turn", SECRET)] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut command = tebdil(dir.path());
        command
            .arg(name)
            .env("TEBDIL_RELAY__LISTEN", &address)
            .env("TEBDIL_SECRETS__RELAY_SECRET", secret);
        let (status, _, stderr) = run(command).await;
        assert_eq!(status.code(), Some(1), "{stderr}");
        let line = stderr
            .lines()
            .find(|line| line.starts_with("tebdil: "))
            .unwrap_or_else(|| panic!("{stderr}"));
        for wanted in [
            "relay.listen",
            &address,
            "TEBDIL_RELAY__LISTEN",
            "TEBDIL_RELAY__EMBEDDED",
        ] {
            assert!(line.contains(wanted), "{line}");
        }
    }
}

#[tokio::test]
async fn a_relay_beside_a_server_takes_the_derived_secret() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut command = tebdil(dir.path());
    command.arg("migrate");
    let (status, _, stderr) = run(command).await;
    assert_eq!(status.code(), Some(0), "{stderr}");
    let (child, _) = started(tebdil(dir.path())).await;
    signal(&child, "-TERM").await;
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output())
        .await
        .expect("in time")
        .expect("its end");
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
