//! What a load balancer sees.

use serde_json::{Value, json};

use crate::{
    chaos::{ChaosProxy, Mode},
    process::ClusterProcess,
    services::{PrivatePostgres, PrivateRedis},
    sockets::eventually,
};

/// What a load balancer sees while nodes are cut off, killed, ended and started again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_follows_what_a_node_can_do() {
    let Some(postgres) = PrivatePostgres::start().await else {
        return;
    };
    let Some(redis) = PrivateRedis::start().await else {
        return;
    };
    let mut line = ChaosProxy::start(redis.port()).await;
    let (database, direct, through) = (
        postgres.url(postgres.port()),
        redis.url(redis.port()),
        redis.url(line.port()),
    );
    let common = [
        ("TEBDIL_DATABASE__URL", database.as_str()),
        ("TEBDIL_REDIS__URL", &direct),
    ];
    let Some(mut cluster) =
        ClusterProcess::start(&common, &[&[], &[("TEBDIL_REDIS__URL", &through)]]).await
    else {
        return;
    };
    let readiness = |database: bool, redis: bool| {
        let ready = database && redis;
        let body = json!({"ready": ready, "database": database, "redis": redis, "clock": true, "draining": false});
        Some((if ready { 200 } else { 503 }, body))
    };
    let well = readiness(true, true);
    let reaches = async |cluster: &ClusterProcess, node: usize, wanted: &Option<(u16, Value)>| {
        eventually(&format!("node {node} says {wanted:?}"), async || {
            cluster.node(node).readyz().await == *wanted
        })
        .await;
    };
    for node in [0, 1] {
        assert_eq!(cluster.node(node).readyz().await, well);
    }

    for broken in [Mode::Refuse, Mode::Blackhole] {
        line.set(broken).await;
        reaches(&cluster, 1, &readiness(true, false)).await;
        assert_eq!(
            cluster.node(0).readyz().await,
            well,
            "only one node is cut off"
        );
        line.set(Mode::Pass).await;
        reaches(&cluster, 1, &well).await;
    }

    cluster.node_mut(0).kill().await;
    assert_eq!(cluster.node(0).readyz().await, None);
    for _ in 0..4 {
        let answer = crate::http::get(format!("{}/readyz", cluster.url()))
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200, "the proxy passes over the dead node");
    }
    cluster.node_mut(0).restart().await;
    assert_eq!(cluster.node_mut(1).terminate().await, Some(0));
    assert_eq!(cluster.node(1).readyz().await, None);
    cluster.node_mut(1).restart().await;
    for node in [0, 1] {
        assert_eq!(cluster.node(node).readyz().await, well);
    }
}
