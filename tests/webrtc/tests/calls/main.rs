//! Calls between real WebRTC peers, through real servers and relays.
//!
//! | file | what |
//! |---|---|
//! | `caller` | one side of a call: the Rust client and a peer connection |
//! | `site` | servers on addresses of their own |
//! | `tap` | what the server sends to a client, byte for byte |
//! | `journey` | two people on two nodes call each other |
//! | `leaks` | neither side learns the other's address |

#[path = "../../../it/http.rs"]
mod http;
#[expect(
    dead_code,
    reason = "of the scenarios of the whole server, which do more with it"
)]
#[path = "../../../it/nginx.rs"]
mod nginx;
#[path = "../../../it/ports.rs"]
mod ports;
#[expect(
    dead_code,
    reason = "of the scenarios of the whole server, which do more with it"
)]
#[path = "../../../it/process.rs"]
mod process;

mod caller;
mod journey;
mod leaks;
mod site;
mod tap;

use std::time::Duration;

/// How long anything may take that is only a matter of milliseconds on a machine that has time.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `holds`; `what` says for what, should it not come.
async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what}");
}
