//! A process that only runs background jobs, beside the nodes that serve.
//!
//! It tells the nodes over the bus what its jobs change.

use tebdil_protocol::time::Clock;
use tokio::net::TcpListener;

use crate::{
    app::{Base, Role},
    config::{Config, Secrets},
    error::RunError,
    lifecycle::{Shutdown, Tasks},
    push,
};

/// Runs background jobs until `shutdown` says so or a part fails; `metrics` is the listener for
/// metrics.
///
/// Without `redis.url` jobs still run, but open sockets learn of their effects only when they ask
/// or reconnect.
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
    let vapid_key = Secrets::given_vapid_key(&config.secrets)?;
    let tasks = Tasks::new(&shutdown);
    let (base, incoming) = Box::pin(Base::start(Role::Worker, config, clock, tasks)).await?;
    let ends = base.ends(None, None);
    base.route(incoming.events, &ends, None);
    // Without Redis, it is not known here who is connected.
    let knows_all = base.realtime.presence.is_some();
    let web_push = push::web(&base.config.push, vapid_key, &base.clock)?;
    base.run_jobs(base.workers(knows_all, &ends, &base.notifier(), web_push)?);
    base.serve_metrics(metrics);

    base.tasks.soft.cancelled().await;
    if base.tasks.failure().is_none() {
        tracing::info!("finishing the jobs that run");
    }
    base.tasks.close();
    base.wind_down(std::future::ready(())).await
}
