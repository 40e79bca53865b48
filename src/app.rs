//! Every part of a running server, made in one place.

mod bystander;
mod ground;
mod halves;
mod router;

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tebdil_core::{
    crypto::{BlindIndex, FieldCipher},
    franking::FrankingKeys,
    ids::IdGenerator,
    realtime::{Presence, Realtime},
    skew::ClockGuard,
    store::Store,
};
use tebdil_protocol::time::Clock;
use tebdil_workers::{Hooks, Settings, Workers};

pub(crate) use self::bystander::Bystander;
use self::{ground::Ground, halves::Halves};
use crate::{
    RunError,
    ads::Ads,
    auth::{Accounts, Tokens, codes::Budget},
    calls::Calls,
    chat::Chat,
    config::{Config, Secrets},
    ends::{Ends, Rooms},
    http::{Limiters, Pulse, crowd::Crowd},
    hub::Hub,
    lifecycle::Tasks,
    matching::Matchmaker,
    notifications::{Notifier, Texts, Wakeups},
    presence::Announcer,
    push,
    relay::Relays,
    ws::Activity,
};

/// The parts of a running server. Handlers get it as their state.
#[derive(Debug)]
pub struct App {
    pub config: Config,
    pub clock: Clock,
    /// Whether it may be trusted.
    pub guard: ClockGuard,
    pub ids: Arc<IdGenerator>,
    pub store: Store,
    pub realtime: Realtime,
    /// Keyed hashes: phones and requests are found by them.
    pub blind: BlindIndex,
    /// Encrypts fields.
    pub cipher: FieldCipher,
    /// Vouches for messages.
    pub franking: Arc<FrankingKeys>,
    pub tokens: Tokens,
    pub accounts: Accounts,
    pub hub: Arc<Hub>,
    pub chat: Arc<Chat>,
    pub ends: Arc<Ends>,
    pub relays: Arc<Relays>,
    pub calls: Arc<Calls>,
    pub activity: Activity,
    pub ads: Arc<Ads>,
    pub announcer: Arc<Announcer>,
    pub notifier: Notifier,
    pub matchmaker: Matchmaker,
    pub workers: Workers,
    pub limiters: Limiters,
    /// Whether the database answers.
    pub pulse: Pulse,
    /// Sockets by the address of their client.
    pub sockets: Crowd,
    pub metrics: PrometheusHandle,
    pub tasks: Tasks,
}

impl App {
    /// Opens the database, brings its schema up to date, and starts the tasks of every part.
    pub async fn start(
        config: Config,
        secrets: &Secrets,
        clock: Clock,
        tasks: Tasks,
    ) -> Result<Arc<Self>, RunError> {
        for warning in config.warnings() {
            tracing::warn!("{warning}");
        }
        // In a box of its own: it is large, and gone once it is done.
        let (ground, events) = Box::pin(Ground::lay(config, secrets, clock)).await?;
        let budget = Arc::new(Budget::new(
            &ground.config.limits,
            &ground.realtime,
            ground.blind.clone(),
        ));
        let (accounts, courier) = ground.accounts(Arc::clone(&budget))?;
        let (hub, behind) = Hub::new(ground.config.ws.max_devices, ground.realtime.bus.clone());
        let hub = Arc::new(hub);
        let (ads, match_end_ads) = ground.ads(&hub);
        let wakeups = Arc::<Wakeups>::default();
        let relays = ground.relays(secrets, &tasks).await?;
        let calls = ground.calls(&hub, &relays);
        let (chat, writer) = ground.chat(&hub, &wakeups);
        let rooms = Rooms {
            chat: Arc::clone(&chat),
            calls: Arc::clone(&calls),
            ads: Arc::clone(&ads),
        };
        let ends = ground.ends(&hub, &relays, rooms);
        let texts = Texts::new(ground.config.quota.zone.clone());
        let notifier = Notifier::new(Arc::clone(&hub), texts);
        let workers = workers(
            &ground.config,
            &ground.store,
            &ground.guard,
            Some(ground.realtime.presence.clone()),
            &hub,
            &ends,
            &notifier,
        )?;
        let (matchmaker, pairing) = ground.matchmaker(&hub, &relays, &wakeups);
        let halves = Halves {
            events,
            behind,
            pairing,
            match_end_ads,
            writer,
            waker: ground.waker(wakeups, &notifier),
            courier,
        };
        let app = Arc::new(Self {
            limiters: Limiters::new(
                &ground.config,
                &ground.realtime,
                ground.blind.clone(),
                budget,
            ),
            sockets: Crowd::of(&ground.config),
            announcer: ground.announcer(&hub, &tasks),
            config: ground.config,
            clock: ground.clock,
            guard: ground.guard,
            ids: ground.ids,
            store: ground.store,
            realtime: ground.realtime,
            blind: ground.blind,
            cipher: ground.cipher,
            franking: ground.franking,
            tokens: ground.tokens,
            accounts,
            hub,
            chat,
            ends,
            relays,
            calls,
            activity: Activity::default(),
            ads,
            notifier,
            matchmaker,
            workers,
            pulse: Pulse::default(),
            metrics: ground.metrics,
            tasks,
        });
        halves.run(&app);
        Ok(app)
    }

    /// Small chores that keep memory bounded.
    fn upkeep(&self) {
        self.limiters.forget_idle();
        self.metrics.run_upkeep();
    }
}

/// The background jobs, which tell whoever is connected anywhere of what they change.
pub(crate) fn workers(
    config: &Config,
    store: &Store,
    guard: &ClockGuard,
    presence: Option<Presence>,
    hub: &Arc<Hub>,
    ends: &Arc<Ends>,
    notifier: &Notifier,
) -> Result<Workers, RunError> {
    let ends = Arc::clone(ends);
    let hooks = Hooks {
        on_match_ended: Arc::new(move |ended| ends.announce(&ended)),
        on_notified: {
            let notifier = notifier.clone();
            Arc::new(move |notified| notifier.tell(&notified))
        },
        on_quota: {
            let notifier = notifier.clone();
            Arc::new(move |user, quota| notifier.quota(user, quota))
        },
        on_shut_out: {
            let hub = Arc::clone(hub);
            Arc::new(move |user, code| hub.close_user(user, code))
        },
    };
    let clock = guard.clock();
    let fcm = push::client(&config.push, clock)?;
    if fcm.is_none() {
        tracing::info!("nothing is pushed to devices that are away: push.fcm_credentials is empty");
    }
    let settings = Settings {
        periods: config.retention,
        quota: config.quota.clone(),
        referrals: config.referrals,
        fcm,
        billing: config.billing.rules(),
        reports: config.reports,
        verifier: config.billing.verifier()?,
        presence,
        guard: Some(guard.clone()),
        call_absence: config.matching.call_absence,
    };
    Ok(Workers::new(store.clone(), clock.clone(), hooks, settings))
}

/// Runs background jobs until the process drains.
pub(crate) fn run_jobs(workers: Workers, tasks: &Tasks) {
    let soft = tasks.soft.clone();
    tasks.supervise("workers", async move {
        if let Err(error) = workers.run(soft).await {
            tracing::error!(%error, "background jobs stopped");
        }
    });
}

/// Connects to the database the settings name and brings its schema up to date.
pub async fn open_store(config: &Config, clock: Clock) -> Result<Store, RunError> {
    if config.database.url.expose().is_empty() {
        let dir = &config.data_dir;
        crate::config::make_private_dir(dir).map_err(|source| RunError::Io {
            what: format!("data_dir: cannot make {}", dir.display()),
            source,
        })?;
    }
    Ok(Store::open(
        config.database_url().expose(),
        config.database.max_connections,
        clock,
    )
    .await?)
}
