//! Ports and signals of processes that a test starts.

use rand::RngExt as _;
use tokio::process::{Child, Command};

/// A port of 127.0.0.1 that is free, for a service that will come back to it.
///
/// Below the range from which the kernel takes ports for whoever does not name one: such a port could be given away while the service is down.
pub fn free_port() -> u16 {
    loop {
        let port = rand::rng().random_range(10_000..20_000);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Sends a signal to a process that runs.
pub async fn signal(child: &Child, name: &str) {
    let id = child.id().expect("it runs").to_string();
    assert!(Command::new("kill").args([name, &id]).status().await.expect("kill runs").success());
}
