//! Everybody searches at once.

use std::time::Instant;

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tebdil_protocol::{ClientFrame, MatchFind, ServerFrame, domain::Mode};

use crate::{
    Result, people,
    process::{Process, Setup},
    quantile,
    report::{Figure, Report},
};

/// What everybody wishes for.
pub const ANYBODY: MatchFind = MatchFind {
    mode: Mode::Text,
    interests: None,
    languages: None,
    max_distance_km: None,
    background: false,
};

#[derive(clap::Args)]
pub struct Find {
    /// Users who search.
    #[arg(long, default_value_t = 1_000)]
    users: u32,
}

impl Find {
    pub const fn of(users: u32) -> Self {
        Self { users }
    }

    pub async fn run(&self, setup: &Setup, report: &mut Report) -> Result<()> {
        let server = Process::server(setup).await?;
        let accounts = people::register(&server.url, 0..self.users, 1).await?;
        people::upload_keys(&accounts).await?;
        let sockets = people::connect(&server.url, &accounts).await?;
        let cpu = server.cpu()?;
        let start = Instant::now();
        let wish = ClientFrame::MatchFind(ANYBODY);
        let searches = FuturesUnordered::new();
        for mut socket in sockets {
            let wish = wish.clone();
            searches.push(async move {
                socket.send(&wish, None).await?;
                let found = |message: &tebdil_protocol::ServerMessage| {
                    matches!(message.frame, ServerFrame::MatchFound(_)).then_some(())
                };
                socket.recv_until(found).await?;
                Result::Ok((start.elapsed().as_secs_f64() * 1e3, socket))
            });
        }
        let found: Vec<_> = searches.collect().await;
        let millis = found
            .into_iter()
            .map(|found| Ok(found?.0))
            .collect::<Result<Vec<f64>>>()?;
        let all = start.elapsed().as_secs_f64();
        let cpu = (server.cpu()? - cpu) * 1e6 / f64::from(self.users);
        let mut sorted = millis;
        sorted.sort_by(f64::total_cmp);
        let figure =
            |measure, unit, value| Figure::new("find", setup.subject(), measure, unit, value);
        report.add(vec![
            figure("CPU a user", "µs", cpu),
            figure("told, p50", "ms", quantile(&sorted, 0.5)),
            figure("told, p99", "ms", quantile(&sorted, 0.99)),
            figure("all matched", "ms", all * 1e3),
        ]);
        server.stop().await
    }
}
