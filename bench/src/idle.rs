//! What a server costs that nobody uses, and memory of idle connections.

use std::time::{Duration, Instant};

use tebdil_client::raw::RawSocket;

use crate::{
    Result, people,
    process::{Process, Setup},
    report::{Figure, Report},
};

/// Devices a user may have at once.
const DEVICES: u32 = 5;

/// How long a server may take to come to rest after its start.
const REST: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
pub struct Idle {
    /// Connections to open; a multiple of 5.
    #[arg(long, default_value_t = 5_000)]
    connections: u32,
    /// How long the server is watched before anybody connects, seconds. Some jobs run once a
    /// minute: whole minutes say what it costs.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

impl Idle {
    pub const fn of(connections: u32, seconds: u32) -> Self {
        Self {
            connections,
            seconds,
        }
    }

    pub async fn run(&self, setup: &Setup, report: &mut Report) -> Result<()> {
        let server = Process::server(setup).await?;
        self.watch(&server, setup.subject(), report).await?;
        let accounts =
            people::register(&server.url, 0..self.connections / DEVICES, DEVICES).await?;
        let (first, rest) = accounts.split_at(100.min(accounts.len()));
        // The first connections pay for what is allocated once.
        let warm = people::connect(&server.url, first).await?;
        let before = server.rss_kib()?;
        let sockets = people::connect(&server.url, rest).await?;
        let ours = per_connection(before, server.rss_kib()?, sockets.len());
        drop((warm, sockets));
        server.stop().await?;

        let peer = Process::own(&["peer"]).await?;
        let url = peer.url.replace("http://", "ws://");
        let mut sockets = Vec::new();
        let mut before = 0.0;
        for room in 0..self.connections {
            sockets.push(RawSocket::open_with(&format!("{url}/{room}"), None).await?);
            if sockets.len() == 100 {
                before = peer.rss_kib()?;
            }
        }
        let bare = per_connection(before, peer.rss_kib()?, sockets.len() - 100);
        peer.stop().await?;
        for (subject, kib) in [(setup.subject(), ours), ("bare relay: axum", bare)] {
            report.add(vec![Figure::new(
                "idle",
                subject,
                "memory of a connection",
                "KiB",
                kib,
            )]);
        }
        Ok(())
    }
}

impl Idle {
    /// Looks at a server that nobody uses.
    async fn watch(
        &self,
        server: &Process,
        subject: &'static str,
        report: &mut Report,
    ) -> Result<()> {
        tokio::time::sleep(REST).await;
        let (statements, cpu) = (server.statements().await?, server.cpu()?);
        let begun = Instant::now();
        tokio::time::sleep(Duration::from_secs(self.seconds.into())).await;
        let seconds = begun.elapsed().as_secs_f64();
        let statements = (server.statements().await? - statements) / seconds;
        let cpu = (server.cpu()? - cpu) / seconds * 100.0;
        let figure = |measure, unit, value| Figure::new("idle", subject, measure, unit, value);
        report.add(vec![
            figure("statements a second, nobody there", "", statements),
            figure("of a core, nobody there", "%", cpu),
        ]);
        Ok(())
    }
}

fn per_connection(before: f64, after: f64, count: usize) -> f64 {
    (after - before) / f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
