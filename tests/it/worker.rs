//! `tebdil worker`: background jobs in a process that serves nobody.

use std::time::Duration;

use serde_json::json;
use tebdil::lifecycle::Shutdown;
use tebdil_core::testing::{Backend, TestDatabase};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::{
    harness::TestServer,
    process::{run, tebdil},
    services::signal,
    sockets::Person,
};

scenarios! {
    @cluster &[("TEBDIL_MATCHING__MATCH_TTL_S", "600"), ("TEBDIL_WORKERS__ENABLED", "false")];
    a_worker_tells_people_at_every_node,
}

async fn a_worker_tells_people_at_every_node(server: TestServer) {
    let (mut a, mut b) = (
        Person::at(&server, 0, "ayse").await,
        Person::at(&server, 1, "berk").await,
    );
    a.find().await;
    b.find().await;
    let id = a.found().await;
    b.found().await;
    server.clock.advance(Duration::from_mins(10));
    a.hears_no("match.ended").await;

    let shutdown = Shutdown::default();
    let worker = tebdil::worker::run(
        (*server.app.config).clone(),
        None,
        server.clock.clone(),
        shutdown.clone(),
    );
    let told = async {
        for person in [&mut a, &mut b] {
            let ended = person.until("match.ended").await;
            assert_eq!(
                (&ended["match_id"], &ended["status"], &ended["by"]),
                (&json!(id), &json!("expired"), &json!("system"))
            );
        }
        shutdown.soft.cancel();
    };
    let (ended, ()) = tokio::join!(worker, told);
    ended.expect("a good end");
    server.stop().await;
}

#[tokio::test]
async fn a_worker_needs_a_database_that_nodes_share() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut command = tebdil(dir.path());
    command.arg("worker");
    let (status, _, stderr) = run(command).await;
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("database.url"), "{stderr}");
    assert!(
        dir.path().read_dir().expect("a folder").next().is_none(),
        "it made no database of its own"
    );
}

#[tokio::test]
async fn a_worker_ends_in_good_order_and_needs_no_keys() {
    let Some(database) = TestDatabase::create(Backend::Postgres).await else {
        return;
    };
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut command = tebdil(dir.path());
    command
        .arg("worker")
        .env("TEBDIL_DATABASE__URL", database.url());
    let mut child = command.spawn().expect("the binary runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let said = tokio::time::timeout(Duration::from_secs(30), lines.next_line())
        .await
        .expect("in time")
        .expect("readable");
    assert_eq!(said.as_deref(), Some("Tebdil runs background jobs"));
    signal(&child, "-TERM").await;
    let output = tokio::time::timeout(Duration::from_secs(30), child.wait_with_output())
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
