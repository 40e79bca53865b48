//! What it costs that two people are at different nodes.

use crate::{
    Result,
    chat::ChatLoad,
    process::{Process, Setup},
    report::Report,
    subject::{self, Running},
};

/// Where the numbers of the loads' users begin: above those of others on the same database.
const NEAR: u32 = 1_000_000;
const FAR: u32 = 2_000_000;

/// Runs both in turns.
pub async fn run(load: &ChatLoad, setup: &Setup, report: &mut Report) -> Result<()> {
    let (Some(database), Some(redis)) = (&setup.database, &setup.redis) else {
        println!("cluster: it did not run: it needs --database and --redis");
        return Ok(());
    };
    let prefix = format!("bench:{}:", uuid::Uuid::new_v4().simple());
    let shared = Some((redis.as_str(), prefix.as_str()));
    // One after the other: both want to bring the schema up to date.
    let (a, b) = (
        Process::node(setup, shared).await?,
        Process::node(setup, shared).await?,
    );
    let mut within = subject::between([&a.url, &a.url], NEAR, load.pairs).await?;
    let mut across = subject::between([&a.url, &b.url], FAR, load.pairs).await?;
    let nodes = Running::nodes(vec![a, b], [database, redis])?;
    for _ in 0..load.rounds {
        for (name, pairs) in [
            ("within one node", &mut within),
            ("across two nodes", &mut across),
        ] {
            load.measure("cluster", name, &nodes, pairs, report).await?;
        }
    }
    nodes.stop().await
}
