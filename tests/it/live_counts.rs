//! What moderators see of now: who is there, and who searches.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    ads::staff,
    harness::TestServer,
    sockets::{Person, eventually},
};

scenarios! {
    the_overview_counts_who_is_there_and_who_searches,
    a_node_that_is_gone_counts_no_more,
}

async fn live(server: &TestServer, token: &str) -> Value {
    let overview = server.get("/v1/admin/overview", token).await.expect(200);
    overview["live"].clone()
}

async fn the_overview_counts_who_is_there_and_who_searches(server: TestServer) {
    let moderator = staff(&server, "deniz", "moderator").await;
    let (first, last) = (0, server.node_count() - 1);
    let mut searching = Person::at(&server, last, "kedi").await;
    let idle = Person::at(&server, first, "kopek").await;
    searching.find().await;
    server.clock.advance(Duration::from_secs(90));
    let count = async || live(&server, &moderator.access).await;
    eventually("both are counted, and the search", async || {
        let live = count().await;
        let wait = live["text"]["oldest_wait_s"].as_i64();
        live["online"] == 2
            && live["text"]["searching"] == 1
            && wait.is_some_and(|wait| (90..120).contains(&wait))
            && live["video"] == json!({"searching": 0, "oldest_wait_s": null})
    })
    .await;
    drop((searching, idle));
    eventually("they are gone, and the search", async || {
        let live = count().await;
        live["online"] == 0 && live["text"] == json!({"searching": 0, "oldest_wait_s": null})
    })
    .await;
    server.stop().await;
}

async fn a_node_that_is_gone_counts_no_more(server: TestServer) {
    let moderator = staff(&server, "deniz", "moderator").await;
    let row = "INSERT INTO live_counts (part, counted_at, online, leads, text_searching, video_searching) \
         SELECT 4000, counted_at, 50, FALSE, 0, 0 FROM live_counts LIMIT 1 RETURNING part";
    eventually("this node has counted", async || {
        server.count("SELECT COUNT(*) FROM live_counts").await > 0
    })
    .await;
    server.count(row).await;
    assert_eq!(live(&server, &moderator.access).await["online"], 50);
    server.clock.advance(Duration::from_secs(30));
    eventually("a node that is silent does not count", async || {
        live(&server, &moderator.access).await["online"] == 0
    })
    .await;
    server.stop().await;
}
