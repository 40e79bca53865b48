//! Node parts of ids, with processes that are killed.

use tebdil_core::testing::Backend;

use crate::{process::ServerProcess, sockets::eventually};

/// Takes every part that nobody has; how many there are then.
const TAKE_ALL: &str = "WITH RECURSIVE parts (part) AS (SELECT 0 UNION ALL SELECT part + 1 FROM parts WHERE part < 4095) \
     INSERT INTO id_nodes (part, holder, expires_at, last_id) SELECT part, 7, 9000000000000, 0 FROM parts WHERE TRUE ON CONFLICT DO NOTHING RETURNING part";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_leaves_its_part_in_time_on_sqlite() {
    a_killed_process_leaves_its_part(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_leaves_its_part_in_time_on_postgresql() {
    a_killed_process_leaves_its_part(Backend::Postgres).await;
}

async fn a_killed_process_leaves_its_part(backend: Backend) {
    let Some(mut server) = ServerProcess::start(backend, &[]).await else {
        return;
    };
    assert_eq!(server.count("SELECT COUNT(*) FROM id_nodes").await, 1);
    let part = server.count("SELECT part FROM id_nodes").await;
    assert!(server.count(TAKE_ALL).await >= 0);
    assert_eq!(
        server
            .count("SELECT COUNT(*) FROM id_nodes WHERE holder <> 7")
            .await,
        1
    );
    server.kill().await;
    // Perhaps it only does not answer: nobody else gets its part.
    server.start_unready();
    eventually("the next one ends", async || {
        std::fs::read_to_string(server.log_path())
            .is_ok_and(|log| log.contains("no node part for ids is lent"))
    })
    .await;
    server.kill().await;
    server
        .count("UPDATE id_nodes SET expires_at = 0 WHERE holder <> 7 RETURNING part")
        .await;
    server.restart().await;
    assert_eq!(
        server
            .count("SELECT part FROM id_nodes WHERE holder <> 7")
            .await,
        part
    );
    assert_eq!(server.terminate().await, Some(0));
    let free = "SELECT COUNT(*) FROM id_nodes WHERE holder <> 7 AND expires_at < (SELECT MAX(expires_at) FROM id_nodes)";
    assert_eq!(server.count(free).await, 1, "it is given back");
}
