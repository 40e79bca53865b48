//! What it costs that two people are at different nodes.

use crate::{
    Result,
    chat::ChatLoad,
    process::{Process, Setup},
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
    pub async fn run(&self, setup: &Setup) -> Result<()> {
        if setup.database.is_none() {
            return Err("several nodes need --database postgres://…".into());
        }
        let prefix = format!("bench:{}:", uuid::Uuid::new_v4().simple());
        let redis = Some((self.redis.as_str(), prefix.as_str()));
        // One after the other: both want to bring the schema up to date.
        let (a, b) = (
            Process::node(setup, redis).await?,
            Process::node(setup, redis).await?,
        );
        let nodes = [&a, &b];
        let within = self.load.between(&nodes, [&a.url, &a.url], 0).await?;
        let across = self.load.between(&nodes, [&a.url, &b.url], FAR).await?;
        for (name, figures) in [("within one node", &within), ("across two nodes", &across)] {
            self.load.report(name, figures);
        }
        println!(
            "chat: across nodes costs {:.2} times the CPU of the nodes, at {:.2} times the rate",
            across.cpu / within.cpu,
            across.rate() / within.rate()
        );
        a.stop().await?;
        b.stop().await
    }
}
