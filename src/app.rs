//! Every part of a running server, made in one place.

use std::{sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusHandle;
use tebdil_core::{
    crypto::{BlindIndex, FieldCipher},
    domain::Mode,
    franking::FrankingKeys,
    id::IdGenerator,
    protocol::CloseCode,
    quota::QuotaRules,
    realtime::{Device, Presence, Realtime},
    skew::ClockGuard,
    store::{MatchRules, Store},
    time::Clock,
};
use tebdil_workers::{Hooks, Periods, Settings, Workers};

use crate::{
    RunError,
    ads::Ads,
    auth::{self, Accounts, CodeSender, Codes, Tokens, codes::Budget},
    calls::Calls,
    chat::{self, Chat},
    cluster::{Announcer, NodeMessage, Router, catch_up, revocations},
    config::{Config, Key, Secrets},
    http::crowd::Crowd,
    hub::Hub,
    lifecycle::Tasks,
    matching::{self, Matchmaker, MatchmakerConfig, Timings},
    notifications::{Notifier, Texts, Waker, Wakeups},
    observability, push,
    relay::Relays,
    vitals,
    ws::{self, Activity},
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
    pub quota_rules: QuotaRules,
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
    pub relays: Arc<Relays>,
    pub calls: Arc<Calls>,
    pub activity: Activity,
    pub ads: Arc<Ads>,
    pub announcer: Arc<Announcer>,
    pub notifier: Notifier,
    pub matchmaker: Matchmaker,
    pub workers: Workers,
    pub limiters: crate::http::Limiters,
    /// Whether the database answers.
    pub pulse: crate::http::Pulse,
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
        let store = open_store(&config, clock.clone()).await?;
        let ids = Arc::clone(store.ids());
        let guard = config.clock_guard(&clock);
        vitals::compare(&guard, &store).await;
        let metrics = observability::install_metrics();
        let (realtime, events) = Realtime::connect(&config.realtime(), &mut rand::rng()).await?;

        let blind = BlindIndex::new(core_key(&secrets.phone_index_key));
        let field_keys = secrets
            .field_keys
            .iter()
            .map(|(id, key)| (id.to_owned(), core_key(key)));
        let cipher = FieldCipher::new(secrets.field_keys.current().0, field_keys)
            .expect("the current key is one of the ring");
        let franking_keys = secrets
            .franking_keys
            .iter()
            .map(|(id, key)| (id.to_owned(), core_key(key)));
        let franking = Arc::new(
            FrankingKeys::new(secrets.franking_keys.current().0, franking_keys)
                .expect("the current key is one of the ring"),
        );
        let tokens = Tokens::new(&secrets.jwt_keys, &config.auth, clock.clone());
        let quota_rules = config.quota.rules();
        let sender = CodeSender::new(&config.verification)
            .map_err(|(field, detail)| RunError::Failed(format!("{field}: {detail}")))?;
        let budget = Arc::new(Budget::new(&config.limits, &realtime, blind.clone()));
        let code_parts = auth::codes::Parts {
            store: store.clone(),
            blind: blind.clone(),
            ids: Arc::clone(&ids),
            clock: clock.clone(),
            budget: Arc::clone(&budget),
        };
        let (codes, courier) = Codes::new(sender, code_parts);
        let parts = auth::Parts {
            store: store.clone(),
            rules: quota_rules.clone(),
            blind: blind.clone(),
            cipher: cipher.clone(),
            tokens: tokens.clone(),
            clock: clock.clone(),
            codes,
            countries: config.verification.countries.list().to_vec(),
        };
        let accounts = Accounts::start(&config.auth, parts).map_err(|source| RunError::Io {
            what: "cannot start the password threads".to_owned(),
            source,
        })?;

        let (hub, behind) = Hub::new(config.ws.max_devices, realtime.bus.clone());
        let hub = Arc::new(hub);
        let (ads, match_end_ads) = Ads::new(
            store.clone(),
            Arc::clone(&hub),
            realtime.presence.clone(),
            clock.clone(),
            config.ads.rules(&config.quota),
        );
        let wakeups = Arc::<Wakeups>::default();
        let relays = Relays::start(
            &config.relay,
            secrets.relay_secret.clone(),
            clock.clone(),
            realtime.bus.clone(),
            tasks.clone(),
        )
        .await?;
        let relays = Arc::new(relays);
        let calls = Arc::new(Calls::new(
            store.clone(),
            Arc::clone(&hub),
            Arc::clone(&relays),
            clock.clone(),
        ));
        let (chat, writer) = Chat::new(chat::Parts {
            store: store.clone(),
            hub: Arc::clone(&hub),
            presence: realtime.presence.clone(),
            ads: Arc::clone(&ads),
            relays: Arc::clone(&relays),
            calls: Arc::clone(&calls),
            clock: clock.clone(),
            rules: config.messages.rules(),
            wakeups: Arc::clone(&wakeups),
        });
        let chat = Arc::new(chat);
        let notifier = Notifier::new(Arc::clone(&hub), Texts::new(quota_rules.zone.clone()));
        let workers = workers(
            &config,
            &store,
            &guard,
            Some(realtime.presence.clone()),
            &hub,
            &chat,
            &notifier,
        )?;
        let announcer = Arc::new(Announcer::new(Arc::clone(&chat)));
        let matchmaker_config = MatchmakerConfig {
            widening: config.matching.widening.clone(),
            rules: MatchRules {
                quota: quota_rules.clone(),
                lifetime: config.matching.match_ttl(),
                max_active_text: config.matching.max_active_text.into(),
            },
            modes: if relays.any() {
                vec![Mode::Text, Mode::Video]
            } else {
                vec![Mode::Text]
            },
            timings: Timings::default(),
        };
        let (matchmaker, pairing) = Matchmaker::new(matching::Parts {
            store: store.clone(),
            hub: Arc::clone(&hub),
            wakeups: Arc::clone(&wakeups),
            clock: clock.clone(),
            guard: guard.clone(),
            ids: Arc::clone(&ids),
            realtime: realtime.clone(),
            config: matchmaker_config,
            encode: |message| NodeMessage::Matchmaking { message }.encode(),
        });
        let waker = Waker {
            wakeups,
            store: store.clone(),
            presence: realtime.presence.clone(),
            clock: clock.clone(),
            notifier: notifier.clone(),
        };
        let limiters = crate::http::Limiters::new(&config, &realtime, blind.clone(), budget);
        let sockets = Crowd::of(&config);
        let app = Arc::new(Self {
            config,
            clock,
            guard,
            ids,
            store,
            realtime,
            quota_rules,
            blind,
            cipher,
            franking,
            tokens,
            accounts,
            hub,
            chat,
            relays,
            calls,
            activity: Activity::default(),
            ads,
            announcer,
            notifier,
            matchmaker,
            workers,
            limiters,
            pulse: crate::http::Pulse::default(),
            sockets,
            metrics,
            tasks,
        });

        vitals::look_after(&app.tasks, &app.store, &app.guard);
        app.tasks
            .supervise_to_the_last("router", Router::new(&app, events).run());
        app.tasks.supervise(
            "announcer",
            Arc::clone(&app.announcer).run(app.tasks.closing.clone()),
        );
        app.tasks
            .supervise("catch-up", catch_up::run(Arc::clone(&app), behind));
        app.tasks
            .supervise("revocations", revocations::watch(Arc::clone(&app)));
        app.tasks.supervise(
            "matchmaker",
            pairing.run(app.tasks.soft.clone(), app.tasks.closing.clone()),
        );
        app.tasks
            .supervise("activity", ws::note_activity(Arc::clone(&app)));
        app.tasks
            .supervise("ads", match_end_ads.run(app.tasks.closing.clone()));
        // It empties its queue when connections close; what comes later is told to repeat.
        app.tasks.supervise(
            "chat writer",
            writer.run(Arc::clone(&app.franking), app.tasks.closing.clone()),
        );
        app.tasks
            .supervise("waker", waker.run(app.tasks.closing.clone()));
        if let Some(courier) = courier {
            app.tasks
                .supervise("codes", courier.run(app.tasks.closing.clone()));
        }
        app.relays.look_after(&app.store);
        if app.config.workers.enabled {
            run_jobs(app.workers.clone(), &app.tasks);
        }
        let (tasks, upkeep) = (app.tasks.clone(), Arc::clone(&app));
        app.tasks.supervise("upkeep", async move {
            let mut every = tokio::time::interval(Duration::from_secs(10));
            loop {
                tokio::select! {
                    _ = every.tick() => upkeep.upkeep(),
                    () = tasks.closing.cancelled() => return,
                }
            }
        });
        Ok(app)
    }

    /// Takes a connection that has left the hub out of presence, and tells the peers of its user.
    pub async fn left(&self, device: Device) {
        if let Err(error) = self.realtime.presence.leave(device).await {
            tracing::debug!(%error, "a connection could not be taken out of presence; it is registered anew without it");
        }
        // Looked at only now: of two that end at the same time, the one that leaves presence last
        // has to tell it.
        if !self.hub.is_here(device.user)
            && !self.tasks.hard.is_cancelled()
            && let Err(error) = self.chat.announce_presence(device.user, false).await
        {
            tracing::warn!(%error, "peers were not told that a user went offline; trying again");
            // Nothing else would tell them before the user comes back.
            self.announcer.tell([device.user], false);
        }
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
    chat: &Arc<Chat>,
    notifier: &Notifier,
) -> Result<Workers, RunError> {
    let told = Arc::clone(chat);
    let hooks = Hooks {
        on_match_ended: Arc::new(move |ended| told.announce_end(&ended)),
        on_notified: {
            let notifier = notifier.clone();
            Arc::new(move |notified| notifier.tell(&notified))
        },
        on_quota: {
            let notifier = notifier.clone();
            Arc::new(move |user, quota| notifier.quota(user, quota))
        },
        on_banned: {
            let hub = Arc::clone(hub);
            Arc::new(move |user| hub.close_user(user, CloseCode::Banned))
        },
        on_erased: {
            let hub = Arc::clone(hub);
            Arc::new(move |user| hub.close_user(user, CloseCode::Unauthorized))
        },
    };
    let clock = guard.clock();
    let fcm = push::client(&config.push, clock)?;
    if fcm.is_none() {
        tracing::info!("nothing is pushed to devices that are away: push.fcm_credentials is empty");
    }
    let days = |days: u32| Duration::from_hours(24 * u64::from(days));
    let periods = Periods {
        message_logs: days(config.retention.message_logs_days),
        bans: days(config.retention.bans_days),
        sessions: days(config.retention.sessions_days),
        invitations: days(config.retention.invitations_days),
        notifications: days(config.retention.notifications_days),
        billing_events: days(config.retention.billing_events_days),
        reports: days(config.retention.reports_days),
        system_logs: days(config.retention.system_logs_days),
        tombstones: days(config.retention.tombstones_days),
    };
    let settings = Settings {
        periods,
        quota: config.quota.rules(),
        referrals: config.referrals.rewards(),
        fcm,
        billing: config.billing.rules(),
        reports: config.reports.rules(),
        verifier: config.billing.verifier()?,
        presence,
        guard: Some(guard.clone()),
        call_absence: config.matching.call_absence(),
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

pub(crate) fn core_key(key: &Key) -> tebdil_core::crypto::Key {
    tebdil_core::crypto::Key::from(*key.bytes())
}
