//! A process that runs background jobs and nothing else, beside the nodes that serve.
//!
//! It takes part in the cluster like a node without connections: what its jobs change, it tells the nodes over the bus.

use std::{sync::Arc, time::Duration};

use tebdil_core::{
    id::IdGenerator,
    protocol::Secret,
    realtime::{BusEvent, BusEvents, Realtime, Undelivered},
    time::Clock,
};
use tokio::net::TcpListener;

use crate::{
    RunError,
    ads::Ads,
    app,
    calls::Calls,
    chat::{self, Chat},
    cluster::Announcer,
    config::{self, Config},
    http,
    hub::Hub,
    lifecycle::{Shutdown, Tasks},
    notifications::{Notifier, Texts, Wakeups},
    observability,
    relay::Relays,
    wind_down,
};

/// Runs background jobs until `shutdown` says so or a part fails; `metrics` is where the numbers are asked for.
///
/// Without `redis.url` jobs are done all the same, but open sockets learn of it only when they ask or come back.
///
/// # Errors
/// [`RunError`], also when the database cannot be shared with other processes.
pub async fn run(config: Config, metrics: Option<TcpListener>, clock: Clock, shutdown: Shutdown) -> Result<(), RunError> {
    if !config.is_shared() {
        return Err(RunError::Alone);
    }
    for warning in config.warnings().iter().filter(|warning| !warning.starts_with("http.") && !warning.starts_with("verification.")) {
        tracing::warn!("{warning}");
    }
    let tasks = Tasks::new(&shutdown);
    let ids = Arc::new(IdGenerator::new(clock.clone(), &mut rand::rng()));
    let store = app::open_store(&config, ids).await?;
    let (realtime, events) = Realtime::connect(&config.realtime(), &mut rand::rng()).await?;
    let handle = observability::install_metrics();

    // Nobody ever connects here: what is sent goes to the nodes that have the devices.
    let (hub, _) = Hub::new(0, realtime.bus.clone());
    let hub = Arc::new(hub);
    let (ads, match_end_ads) =
        Ads::new(store.clone(), Arc::clone(&hub), realtime.presence.clone(), clock.clone(), config.ads.rules(&config.quota));
    // Nobody sends anything here, so there is nobody to wake.
    let wakeups = Arc::<Wakeups>::default();
    // It relays nothing and gives nobody a credential; it tells those who do that a match is over.
    let elsewhere = config::Relay { embedded: false, ..config.relay.clone() };
    let relays = Relays::start(&elsewhere, Secret::default(), clock.clone(), realtime.bus.clone(), tasks.clone()).await?;
    let relays = Arc::new(relays);
    let calls = Arc::new(Calls::new(store.clone(), Arc::clone(&hub), Arc::clone(&relays), clock.clone()));
    let (chat, _) = Chat::new(chat::Parts {
        store: store.clone(),
        hub: Arc::clone(&hub),
        presence: realtime.presence.clone(),
        ads,
        relays,
        calls,
        clock: clock.clone(),
        wakeups,
    });
    let chat = Arc::new(chat);
    let notifier = Notifier::new(Arc::clone(&hub), Texts::new(config.quota.rules().zone));

    let announcer = Arc::new(Announcer::new(Arc::clone(&chat)));
    tasks.supervise("announcer", Arc::clone(&announcer).run(tasks.closing.clone()));
    tasks.supervise("ads", match_end_ads.run(tasks.closing.clone()));
    tasks.supervise_to_the_last("events", take_events(events, Arc::clone(&hub), announcer));
    // Without Redis, it is not known here who is connected.
    let presence = (!config.redis.url.expose().is_empty()).then(|| realtime.presence.clone());
    app::run_jobs(app::workers(&config, &store, &clock, presence, &hub, &chat, &notifier)?, &tasks);
    if let Some(listener) = metrics {
        http::serve_metrics(listener, handle.clone(), &tasks);
    }
    let until = tasks.clone();
    tasks.supervise("upkeep", async move {
        let mut every = tokio::time::interval(Duration::from_secs(10));
        loop {
            tokio::select! {
                _ = every.tick() => handle.run_upkeep(),
                () = until.closing.cancelled() => return,
            }
        }
    });

    tasks.soft.cancelled().await;
    if tasks.failure().is_none() {
        tracing::info!("finishing the jobs that run");
    }
    tasks.close();
    wind_down(&tasks, std::future::ready(()), Duration::from_secs(config.shutdown.grace_s), &realtime, &store).await
}

/// Takes what concerns a node without connections: word that was lost, and users that nobody else looks after.
async fn take_events(mut events: BusEvents, hub: Arc<Hub>, announcer: Arc<Announcer>) {
    while let Some(event) = events.recv().await {
        match event {
            BusEvent::Undelivered(Undelivered::Users(users)) => users.into_iter().for_each(|user| hub.tell_of_loss(user)),
            BusEvent::Undelivered(Undelivered::Everybody) => hub.tell_everybody_of_loss(),
            BusEvent::Orphaned(users) => announcer.tell(users, false),
            BusEvent::Forgotten => announcer.tell_unsaid(),
            BusEvent::Message(_) | BusEvent::Gap | BusEvent::NodeGone { .. } | BusEvent::Elsewhere(_) | BusEvent::Replaced { .. } => {}
        }
    }
}
