//! A process that runs background jobs and nothing else, beside the nodes that serve.
//!
//! What its jobs change, it tells the nodes over the bus.

use tebdil_protocol::time::Clock;
use tokio::net::TcpListener;

use crate::{
    app::{Base, Role},
    config::Config,
    error::RunError,
    lifecycle::{Shutdown, Tasks},
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
    let tasks = Tasks::new(&shutdown);
    let (base, incoming) = Box::pin(Base::start(Role::Worker, config, clock, tasks)).await?;
    let ends = base.ends(None, None);
    base.route(incoming.events, &ends, None);
    // Without Redis, it is not known here who is connected.
    let knows_all = base.realtime.presence.is_some();
    base.run_jobs(base.workers(knows_all, &ends, &base.notifier())?);
    base.serve_metrics(metrics);

    base.tasks.soft.cancelled().await;
    if base.tasks.failure().is_none() {
        tracing::info!("finishing the jobs that run");
    }
    base.tasks.close();
    base.wind_down(std::future::ready(())).await
}
