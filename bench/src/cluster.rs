//! What it costs that two people are at different nodes.

use crate::{
    Result,
    chat::ChatLoad,
    process::{Process, Setup},
    report::Report,
    subject::{self, Running},
};

/// Where the numbers of the second load's users begin: above those of the first.
const FAR: u32 = 1_000_000;

#[derive(clap::Args)]
pub struct Cluster {
    /// `redis://…`; what is there stays as it is.
    #[arg(long)]
    redis: String,
    #[command(flatten)]
    load: ChatLoad,
}

impl Cluster {
    pub async fn run(&self, setup: &Setup, report: &mut Report) -> Result<()> {
        let database = setup.database.as_deref();
        let database = database.ok_or("several nodes need --database postgres://…")?;
        let prefix = format!("bench:{}:", uuid::Uuid::new_v4().simple());
        let redis = Some((self.redis.as_str(), prefix.as_str()));
        // One after the other: both want to bring the schema up to date.
        let (a, b) = (
            Process::node(setup, redis).await?,
            Process::node(setup, redis).await?,
        );
        let (near, far) = ([&*a.url, &*a.url], [&*a.url, &*b.url]);
        let mut within = subject::between(near, 0, self.load.pairs).await?;
        let mut across = subject::between(far, FAR, self.load.pairs).await?;
        let nodes = Running::nodes(vec![a, b], [database, &self.redis])?;
        for _ in 0..self.load.rounds {
            for (name, pairs) in [
                ("within one node", &mut within),
                ("across two nodes", &mut across),
            ] {
                self.load
                    .measure("cluster", name, &nodes, pairs, report)
                    .await?;
            }
        }
        nodes.stop().await
    }
}
