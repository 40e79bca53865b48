//! A process that runs background jobs and nothing else, beside the nodes that serve.
//!
//! What its jobs change, it tells the nodes over the bus.

use tebdil_protocol::{Secret, time::Clock};
use tokio::net::TcpListener;

use crate::{
    RunError,
    app::{self, Bystander},
    config::{self, Config},
    http,
    lifecycle::{Shutdown, Tasks},
    notifications::{Notifier, Texts},
    observability, wind_down,
};

/// Runs background jobs until `shutdown` says so or a part fails; `metrics` is where the numbers
/// are asked for.
///
/// Without `redis.url` jobs are done all the same, but open sockets learn of it only when they ask
/// or come back.
///
/// # Errors
/// [`RunError`], also when the database cannot be shared with other processes.
pub async fn run(
    config: Config,
    metrics: Option<TcpListener>,
    clock: Clock,
    shutdown: Shutdown,
) -> Result<(), RunError> {
    if !config.is_shared() {
        return Err(RunError::Alone);
    }
    let of_nodes = ["http.", "verification.", "relay."];
    for warning in config
        .warnings()
        .iter()
        .filter(|warning| !of_nodes.iter().any(|section| warning.starts_with(section)))
    {
        tracing::warn!("{warning}");
    }
    let tasks = Tasks::new(&shutdown);
    let handle = observability::install_metrics();
    // It relays nothing and gives nobody a credential; it tells those who do that a match is over.
    let elsewhere = config::Relay {
        embedded: false,
        ..config.relay.clone()
    };
    let Bystander {
        store,
        guard,
        realtime,
        hub,
        ends,
        ..
    } = Bystander::start(&config, &elsewhere, Secret::default(), &clock, &tasks).await?;
    let notifier = Notifier::new(hub.clone(), Texts::new(config.quota.zone.clone()));
    // Without Redis, it is not known here who is connected.
    let presence = (!config.redis.url.expose().is_empty()).then(|| realtime.presence.clone());
    app::run_jobs(
        app::workers(&config, &store, &guard, presence, &hub, &ends, &notifier)?,
        &tasks,
    );
    if let Some(listener) = metrics {
        http::serve_metrics(listener, handle.clone(), &tasks);
    }
    observability::keep_metrics(handle, &tasks);

    tasks.soft.cancelled().await;
    if tasks.failure().is_none() {
        tracing::info!("finishing the jobs that run");
    }
    tasks.close();
    let grace = config.shutdown.grace;
    wind_down(
        &tasks,
        std::future::ready(()),
        grace,
        &realtime,
        Some(&store),
    )
    .await
}
