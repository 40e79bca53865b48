//! A database that goes away while connections come, go and have to be brought up to date.

use std::time::Duration;

use tebdil_core::testing::Backend;

use crate::{
    harness::TestServer,
    services::PrivatePostgres,
    sockets::{eventually, pair},
};

/// Longer than anybody waits for a connection to the database.
const LONG: Duration = Duration::from_secs(7);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_meanwhile_is_announced_and_who_stays_is_not_sent_away() {
    let Some(mut postgres) = PrivatePostgres::start().await else { return };
    let url = postgres.url(postgres.port());
    let server = TestServer::start(Backend::Sqlite, &[("TEBDIL_DATABASE__URL", &url)]).await.expect("no other service is needed");
    let (mut stays, goes, _) = pair(&server).await;
    let (mut behind, mut peer, id) = pair(&server).await;
    postgres.stop().await;
    drop(goes.socket);
    eventually("it is gone", async || server.connection_count() == 3).await;
    server.app.hub.is_behind(behind.user.id.parse().expect("an id"));
    tokio::time::sleep(LONG).await;
    postgres.restart().await;
    while stays.until("peer.presence").await["online"] != false {}
    assert_eq!(behind.say(&id, "still here").await["type"], "message.accepted");
    assert_eq!(peer.until("message.new").await["seq"], 1);
    server.stop().await;
}
