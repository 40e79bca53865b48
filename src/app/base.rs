//! What every process of the service has, whatever its role.

use std::sync::Arc;

use futures_util::FutureExt as _;
use metrics_exporter_prometheus::PrometheusHandle;
use tebdil_core::{
    realtime::{BusEvents, Realtime},
    skew::ClockGuard,
    store::Store,
};
use tebdil_protocol::{Secret, time::Clock};
use tebdil_workers::{Hooks, Online, Settings, Workers, web_push::WebPush};
use tokio::{net::TcpListener, sync::mpsc};

use super::{open_store, wind_down};
use crate::{
    clock_and_ids,
    config::{self, Config},
    error::RunError,
    http,
    hub::{Connection, Hub},
    lifecycle::Tasks,
    match_ends::{MatchEnds, Rooms},
    notifications::{Notifier, Texts},
    observability,
    presence::PresenceNotifier,
    push,
    relay::Relays,
};

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It serves users.
    Node,
    /// It runs background jobs: `tebdil worker`.
    Worker,
    /// It relays calls: `tebdil turn`.
    Relay,
}

impl Role {
    /// Warns of its dangerous settings.
    pub(crate) fn warn(self, config: &Config) {
        for warning in config.warnings() {
            let is_of = |sections: &[&str]| sections.iter().any(|one| warning.starts_with(one));
            let concerns = match self {
                Self::Node => true,
                Self::Worker => !is_of(&["http.", "verification.", "relay."]),
                Self::Relay => is_of(&["relay.", "metrics.", "clock."]),
            };
            if concerns {
                tracing::warn!("{warning}");
            }
        }
    }
}

/// Settings, time, tasks, the database, and the way to devices and to other processes. Every
/// process looks after the users of nodes that die.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) config: Arc<Config>,
    pub(crate) clock: Clock,
    /// Whether it may be trusted.
    pub(crate) guard: ClockGuard,
    pub(crate) store: Store,
    pub(crate) realtime: Realtime,
    pub(crate) hub: Arc<Hub>,
    pub(crate) presence_notifier: Arc<PresenceNotifier>,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) tasks: Tasks,
}

/// What comes to a process.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// What other processes say.
    pub(crate) events: BusEvents,
    /// Connections that may have missed something.
    pub(crate) behind: mpsc::UnboundedReceiver<Arc<Connection>>,
}

impl Base {
    /// Opens the database, brings its schema up to date, and connects to what processes share.
    pub(crate) async fn start(
        role: Role,
        config: Config,
        clock: Clock,
        tasks: Tasks,
    ) -> Result<(Self, Incoming), RunError> {
        role.warn(&config);
        let store = open_store(&config, clock.clone()).await?;
        let guard = config.clock_guard(&clock);
        clock_and_ids::compare(&guard, &store).await;
        let metrics = observability::install_metrics();
        let (realtime, events) = Realtime::connect(&config.realtime(), &mut rand::rng()).await?;
        // Devices are connected to nodes only: what others send goes there.
        let devices = match role {
            Role::Node => config.ws.max_devices,
            Role::Worker | Role::Relay => 0,
        };
        let (hub, behind) = Hub::new(devices, &realtime);
        let hub = Arc::new(hub);
        let presence_notifier = Arc::new(PresenceNotifier::new(
            store.clone(),
            Arc::clone(&hub),
            realtime.presence.clone(),
            clock.clone(),
            tasks.hard.clone(),
        ));
        clock_and_ids::look_after(&tasks, &store, &guard);
        tasks.supervise(
            "presence_notifier",
            Arc::clone(&presence_notifier).run(tasks.closing.clone()),
        );
        observability::keep_metrics(metrics.clone(), &tasks);
        let base = Self {
            config: Arc::new(config),
            clock,
            guard,
            store,
            realtime,
            hub,
            presence_notifier,
            metrics,
            tasks,
        };
        Ok((base, Incoming { events, behind }))
    }

    /// The relays of the service, and the one of this process if `settings` have one.
    pub(crate) async fn relays(
        &self,
        settings: &config::Relay,
        secret: Secret,
    ) -> Result<Arc<Relays>, RunError> {
        let relays = Relays::start(settings, secret, self.clock.clone(), self.tasks.clone());
        let relays = Arc::new(relays.await?);
        relays.look_after(&self.store);
        Ok(relays)
    }

    /// What follows from the end of a match, as far as this process is concerned.
    pub(crate) fn ends(&self, relays: Option<Arc<Relays>>, rooms: Option<Rooms>) -> Arc<MatchEnds> {
        Arc::new(MatchEnds::new(
            self.store.clone(),
            self.clock.clone(),
            Arc::clone(&self.hub),
            relays,
            rooms,
        ))
    }

    /// Tells users what was committed.
    pub(crate) fn notifier(&self) -> Notifier {
        let texts = Texts::new(self.config.quota.zone.clone());
        Notifier::new(Arc::clone(&self.hub), texts)
    }

    /// The background jobs, which tell connected users at any node what they change.
    /// `knows_all`: every connection that there is, is here or known to presence.
    pub(crate) fn workers(
        &self,
        knows_all: bool,
        ends: &Arc<MatchEnds>,
        notifier: &Notifier,
        web_push: Option<Arc<WebPush>>,
    ) -> Result<Workers, RunError> {
        let config = &self.config;
        let fcm = push::fcm(&config.push, &self.clock)?;
        if fcm.is_none() {
            tracing::info!("nothing is pushed to apps: push.fcm_credentials is empty");
        }
        if web_push.is_none() {
            tracing::info!(
                "nothing is pushed to browsers: push.web_services or secrets.vapid_key is empty"
            );
        }
        let settings = Settings {
            periods: config.retention,
            quota: config.quota.clone(),
            referrals: config.referrals,
            fcm,
            web_push,
            billing: config.billing.rules(),
            reports: config.reports,
            verifier: config.billing.verifier()?,
            guard: Some(self.guard.clone()),
            call_absence: config.matching.call_absence,
            silence: 2 * config.ws.heartbeat,
        };
        let (ends, hub) = (Arc::clone(ends), Arc::clone(&self.hub));
        let (told, richer) = (notifier.clone(), notifier.clone());
        let everywhere = Arc::clone(&self.hub);
        let online: Online = Arc::new(move |whom| {
            let hub = Arc::clone(&everywhere);
            async move { hub.online(&whom).await }.boxed()
        });
        let hooks = Hooks {
            on_match_ended: Arc::new(move |ended| ends.announce(&ended)),
            on_notified: Arc::new(move |notified| told.tell(&notified)),
            on_quota: Arc::new(move |user, quota| richer.quota(user, quota)),
            on_shut_out: Arc::new(move |user, code| hub.close_user(user, code)),
            online: knows_all.then_some(online),
        };
        let (store, clock) = (self.store.clone(), self.clock.clone());
        Ok(Workers::new(store, clock, hooks, settings))
    }

    /// Runs background jobs until the process drains.
    pub(crate) fn run_jobs(&self, workers: Workers) {
        let soft = self.tasks.soft.clone();
        self.tasks.supervise("workers", async move {
            if let Err(error) = workers.run(soft).await {
                tracing::error!(%error, "background jobs stopped");
            }
        });
    }

    /// Serves the metrics, if there is a listener for them.
    pub(crate) fn serve_metrics(&self, listener: Option<TcpListener>) {
        if let Some(listener) = listener {
            http::serve_metrics(listener, self.metrics.clone(), &self.tasks);
        }
    }

    /// The end, once the tasks are closing; see [`wind_down`].
    pub(crate) async fn wind_down(
        &self,
        farewell: impl Future<Output = ()>,
    ) -> Result<(), RunError> {
        let grace = self.config.shutdown.grace;
        let shares = Some((&self.realtime, &self.store));
        wind_down(&self.tasks, farewell, grace, shares).await
    }
}
