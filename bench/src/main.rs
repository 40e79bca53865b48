//! The load generator: what the server costs, beside a bare peer that does nothing but move frames.
//!
//! Every subcommand starts the server (and the peer) as a process of its own on loopback, is
//! bounded in count and time, and stops what it started. `make bench ARGS="chat --pairs 100"`

#![expect(clippy::print_stdout, reason = "the report is what the program is for")]

mod chat;
mod cluster;
mod find;
mod idle;
mod limit;
mod line;
mod peer;
mod people;
mod process;
mod relay;
mod report;
mod socketio;
mod subject;
mod turn;
mod usage;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Measures Tebdil on this machine")]
struct Arguments {
    /// The server's binary.
    #[arg(long, default_value = "target/release/tebdil", global = true)]
    server: std::path::PathBuf,
    /// `postgres://…`; SQLite in a temporary folder without.
    #[arg(long, global = true)]
    database: Option<String>,
    /// `redis://…`, for what runs on several nodes; what is there stays as it is.
    #[arg(long, global = true)]
    redis: Option<String>,
    /// Writes the figures into `docs/performance.md`, too.
    #[arg(long, global = true)]
    publish: bool,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// What a server costs that nobody uses, and memory of idle signed-in connections.
    Idle(idle::Idle),
    /// Messages through matched pairs: rate, latency, CPU per message.
    Chat(chat::ChatLoad),
    /// Everybody searches at once: time until all are matched.
    Find(find::Find),
    /// Messages between two nodes, beside the same within one; needs `--database`, empty, and
    /// `--redis`.
    Cluster(chat::ChatLoad),
    /// The above, each for seconds: some five minutes.
    Quick,
    /// The above as they are reported: idle, find with 10,000 users, chat, cluster.
    Full,
    /// Calls through the embedded relay beside the same through coturn: CPU, loss, latency, the
    /// most they carry.
    Relay(relay::RelayLoad),
    /// The bare peer, started by the others.
    #[command(hide = true)]
    Peer,
    /// Raw TCP, started by the others.
    #[command(hide = true)]
    Limit {
        /// Bytes of a message's ciphertext.
        bytes: usize,
    },
}

/// Any failure of a measurement ends it.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    rlimit::increase_nofile_limit(u64::MAX)?;
    let setup = process::Setup {
        binary: arguments.server,
        database: arguments.database,
        redis: arguments.redis,
    };
    let alone = setup.without_database();
    let mut report = report::Report::new();
    match arguments.what.unwrap_or(What::Quick) {
        What::Peer => return peer::serve().await,
        What::Limit { bytes } => return limit::serve(bytes).await,
        What::Idle(idle) => idle.run(&setup, &mut report).await?,
        What::Chat(chat) => chat.run(&setup, &mut report).await?,
        What::Find(find) => find.run(&setup, &mut report).await?,
        What::Quick => {
            let short = chat::ChatLoad::of(500, 3, 3);
            idle::Idle::of(2_000, 20).run(&alone, &mut report).await?;
            find::Find::of(1_000).run(&alone, &mut report).await?;
            short.run(&setup, &mut report).await?;
            cluster::run(&short, &setup, &mut report).await?;
        }
        What::Full => {
            let load = chat::ChatLoad::of(1_000, 5, 5);
            idle::Idle::of(15_000, 60).run(&alone, &mut report).await?;
            find::Find::of(10_000).run(&alone, &mut report).await?;
            load.run(&setup, &mut report).await?;
            cluster::run(&load, &setup, &mut report).await?;
        }
        What::Cluster(load) => cluster::run(&load, &setup, &mut report).await?,
        What::Relay(relay) => relay.run(&setup).await?,
    }
    report.finish(arguments.publish)
}

/// The `quantile` (0 to 1) of sorted values.
fn quantile(sorted: &[f64], quantile: f64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into few values"
    )]
    let index = ((sorted.len().saturating_sub(1)) as f64 * quantile).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

/// Sorted quantiles of times in milliseconds, as one line.
fn times(mut millis: Vec<f64>) -> String {
    millis.sort_by(f64::total_cmp);
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|q| quantile(&millis, q));
    format!("p50 {p50:.2} ms, p99 {p99:.2} ms, max {max:.2} ms")
}
