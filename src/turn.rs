//! A process that relays calls and does nothing else, on a machine of its own.
//!
//! With the database that nodes share it hears from them which matches end, and looks by itself.
//! Without, it needs nothing but the secret: a machine that faces the whole internet then holds no
//! key and reaches no data.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tebdil_core::{realtime::Realtime, store::Store};
use tebdil_protocol::time::Clock;
use tokio::net::TcpListener;

use crate::{
    RunError,
    app::Bystander,
    config::{self, Config, Secrets},
    http,
    lifecycle::{Shutdown, Tasks},
    observability,
    relay::Relays,
    wind_down,
};

/// How much longer than a match a call may last where nobody tells of its end: a relay hears of a
/// side some time after its match was made.
const SLACK: Duration = Duration::from_mins(10);

/// A relay that runs.
#[derive(Debug)]
pub struct Turn {
    relays: Arc<Relays>,
    realtime: Realtime,
    store: Option<Store>,
    tasks: Tasks,
    grace: Duration,
}

impl Turn {
    /// Listens and relays, whatever `relay.embedded` says of nodes; `metrics` is where the numbers
    /// are asked for.
    ///
    /// # Errors
    /// [`RunError`], also without a secret.
    pub async fn start(
        config: &Config,
        metrics: Option<TcpListener>,
        clock: Clock,
        shutdown: &Shutdown,
    ) -> Result<Self, RunError> {
        let secret = Secrets::relay(config)?;
        for warning in config.warnings().iter().filter(|warning| {
            ["relay.", "metrics.", "clock."]
                .iter()
                .any(|own| warning.starts_with(own))
        }) {
            tracing::warn!("{warning}");
        }
        let tasks = Tasks::new(shutdown);
        let handle = observability::install_metrics();
        let own = config::Relay {
            embedded: true,
            ..config.relay.clone()
        };
        let (relays, realtime, store) = if config.is_shared() {
            let Bystander {
                relays,
                realtime,
                store,
                ..
            } = Bystander::start(config, &own, secret, &clock, &tasks).await?;
            (relays, realtime, Some(store))
        } else {
            tracing::warn!(
                "database.url names no database of the nodes: calls end when their clients end them, and at most after the life of a match"
            );
            let (realtime, _) = Realtime::connect(&config.realtime(), &mut rand::rng()).await?;
            let relays = Relays::start(&own, secret, clock, tasks.clone()).await?;
            let relays = Arc::new(relays);
            relays.look_after_alone(config.matching.match_ttl + SLACK);
            (relays, realtime, None)
        };
        if let Some(listener) = metrics {
            http::serve_metrics(listener, handle.clone(), &tasks);
        }
        observability::keep_metrics(handle, &tasks);
        Ok(Self {
            relays,
            realtime,
            store,
            tasks,
            grace: config.shutdown.grace,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.relays.address()
    }

    /// Relays until it is told to end or a part fails. Then every call ends at once: clients begin
    /// them anew at another relay.
    ///
    /// # Errors
    /// When a part failed.
    pub async fn run(self) -> Result<(), RunError> {
        let Self {
            relays,
            realtime,
            store,
            tasks,
            grace,
        } = self;
        tasks.soft.cancelled().await;
        if tasks.failure().is_none() {
            tracing::info!("ending the calls");
        }
        tasks.close();
        wind_down(&tasks, relays.close(), grace, &realtime, store.as_ref()).await
    }
}
