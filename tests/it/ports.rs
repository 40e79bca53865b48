//! Ports, addresses and signals of what a test starts.

use std::{
    net::TcpListener,
    sync::{
        LazyLock,
        atomic::{AtomicU16, Ordering},
    },
};

use rand::RngExt as _;
use tokio::process::{Child, Command};

/// The first port that is given out.
const FIRST: u16 = 10_000;

/// Ports of each of the tests that run at the same time, at most ten.
const SHARE: u16 = 1_000;

/// A port of 127.0.0.1 that is free, for a service that will come back to it.
///
/// Below the range from which the kernel takes ports for whoever does not name one: such a port
/// could be given away while the service is down. Nor does another test get it before the service
/// is up: nextest numbers the tests that run, and each has ports of its own.
pub fn free_port() -> u16 {
    static NEXT: LazyLock<AtomicU16> =
        LazyLock::new(|| AtomicU16::new(rand::rng().random_range(0..SHARE)));
    let slot = std::env::var("NEXTEST_TEST_GLOBAL_SLOT");
    let slot: u16 = slot.ok().and_then(|slot| slot.parse().ok()).unwrap_or(0);
    loop {
        let port = FIRST + slot % 10 * SHARE + NEXT.fetch_add(1, Ordering::Relaxed) % SHARE;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Sends a signal to a process that runs.
pub async fn signal(child: &Child, name: &str) {
    let id = child.id().expect("it runs").to_string();
    assert!(
        Command::new("kill")
            .args([name, &id])
            .status()
            .await
            .expect("kill runs")
            .success()
    );
}

/// Relays of nodes on one machine: each at an address of its own, on a free port, and known to the
/// others. The first is at 127.0.0.1.
pub fn relay_settings(node: usize, count: usize) -> [(&'static str, String); 2] {
    let ip = |node: usize| format!("127.0.0.{}", node + 1);
    let others = (0..count)
        .filter(|other| *other != node)
        .map(|other| format!("{}:49160-50159", ip(other)));
    [
        ("TEBDIL_RELAY__LISTEN", format!("{}:0", ip(node))),
        ("TEBDIL_RELAY__OTHERS", others.collect::<Vec<_>>().join(",")),
    ]
}
