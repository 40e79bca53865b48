//! A process that only relays calls, on a machine of its own.
//!
//! With the nodes' database, they tell it which matches end, and it looks by itself. Without it, it
//! needs only the secret: then a machine that faces the internet holds no keys and reaches no data.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tebdil_protocol::time::Clock;
use tokio::net::TcpListener;

use crate::{
    app::{Base, Role, wind_down},
    config::{self, Config, Secrets},
    error::RunError,
    http,
    lifecycle::{Shutdown, Tasks},
    observability,
    relay::Relays,
};

/// How much longer than a match a call may last if nobody reports its end: a relay sees a side only
/// some time after its match was made.
const SLACK: Duration = Duration::from_mins(10);

/// A relay that runs.
#[derive(Debug)]
pub struct Turn {
    relays: Arc<Relays>,
    /// `None` where there is no database.
    base: Option<Base>,
    tasks: Tasks,
    grace: Duration,
}

impl Turn {
    /// Listens and relays, whatever `relay.embedded` says; `metrics` is the listener for metrics.
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
        let (tasks, grace) = (Tasks::new(shutdown), config.shutdown.grace);
        let own = config::Relay {
            embedded: true,
            ..config.relay.clone()
        };
        if config.is_shared() {
            let base = Base::start(Role::Relay, config.clone(), clock, tasks.clone());
            let (base, incoming) = Box::pin(base).await?;
            let relays = base.relays(&own, secret).await?;
            let ends = base.ends(Some(Arc::clone(&relays)), None);
            base.route(incoming.events, &ends, None);
            base.serve_metrics(metrics);
            let base = Some(base);
            return Ok(Self {
                relays,
                base,
                tasks,
                grace,
            });
        }
        Role::Relay.warn(config);
        tracing::warn!(
            "database.url names no database of the nodes: calls end when their clients end them, and at most after the life of a match"
        );
        let relays = Relays::start(&own, secret, clock, tasks.clone()).await?;
        let relays = Arc::new(relays);
        relays.look_after_alone(config.matching.match_ttl + SLACK);
        let numbers = observability::install_metrics();
        if let Some(listener) = metrics {
            http::serve_metrics(listener, numbers.clone(), &tasks);
        }
        observability::keep_metrics(numbers, &tasks);
        Ok(Self {
            relays,
            base: None,
            tasks,
            grace,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.relays.address()
    }

    /// Relays until it is told to end or a part fails. Then every call ends at once: clients start
    /// again at another relay.
    ///
    /// # Errors
    /// When a part failed.
    pub async fn run(self) -> Result<(), RunError> {
        let Self {
            relays,
            base,
            tasks,
            grace,
        } = self;
        tasks.soft.cancelled().await;
        if tasks.failure().is_none() {
            tracing::info!("ending the calls");
        }
        tasks.close();
        let shares = base.as_ref().map(|base| (&base.realtime, &base.store));
        wind_down(&tasks, relays.close(), grace, shares).await
    }
}
