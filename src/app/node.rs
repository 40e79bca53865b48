//! A node: what serves users.

use std::{sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusHandle;
use tebdil_core::{
    crypto::{BlindIndex, FieldCipher},
    franking::FrankingKeys,
    store::MatchRules,
};
use tebdil_protocol::{domain::Mode, time::Clock};
use tebdil_workers::web_push::WebPush;
use tokio_util::sync::CancellationToken;

use super::{Base, Listeners, Role, router::NodeServices, wind_down};
use crate::{
    ads::Ads,
    auth::{self, AccountService, CodeSender, Codes, TokenIssuer},
    calls::Calls,
    chat::{Chat, NewMatches},
    config::{Config, Secrets},
    error::RunError,
    http::{self, Api, DatabaseCheck, LegalPages},
    hub::NodeMessage,
    legal::LegalTexts,
    lifecycle::{Shutdown, Tasks},
    limits::{Connections, GuessLog, Limiters},
    live,
    match_ends::Rooms,
    matching::{self, Matchmaker, MatchmakerConfig},
    notifications::{Notifier, Wakeups, WakeupsTask},
    push,
    relay::Relays,
    ws::{Activity, Sockets},
};

/// A running node. Clones share state.
#[derive(Debug, Clone)]
pub struct Node {
    /// The state with which requests are handled.
    pub api: Arc<Api>,
    /// The state with which sockets are served.
    pub sockets: Arc<Sockets>,
    metrics: PrometheusHandle,
}

/// Serves until `shutdown` says so or a part fails.
///
/// Returns `Ok` when the server was asked to end, also when the grace ran out. Every task has ended
/// and the database is closed by then, unless one of them hung for longer than 2 seconds after
/// that.
///
/// # Errors
/// [`RunError`]
pub async fn run(
    config: Config,
    listeners: Listeners,
    clock: Clock,
    shutdown: Shutdown,
) -> Result<(), RunError> {
    let secrets = Secrets::load(&config, &mut rand::rng())?;
    let node = Node::start(config, &secrets, clock, Tasks::new(&shutdown)).await?;
    node.serve(listeners).await
}

impl Node {
    /// Opens the database, brings its schema up to date, and starts the tasks of every part.
    ///
    /// # Errors
    /// [`RunError`]
    pub async fn start(
        config: Config,
        secrets: &Secrets,
        clock: Clock,
        tasks: Tasks,
    ) -> Result<Self, RunError> {
        let legal = LegalTexts::load(&config)?;
        // Boxed: it is large, and gone once it is done.
        let (base, incoming) = Box::pin(Base::start(Role::Node, config, clock, tasks)).await?;
        let keys = Keys::new(secrets, &base);
        let (accounts, limiters) = accounts(&base, &keys)?;
        let relays = base
            .relays(&base.config.relay, secrets.relay_secret.clone())
            .await?;
        let (wakeups, notifier) = (Arc::<Wakeups>::default(), base.notifier());
        let modes = modes(&relays);
        let vapid_key = secrets.vapid_key.clone();
        let web_push = push::web(&base.config.push, vapid_key, &base.clock)?;
        let vapid_public_key = web_push.as_deref().map(WebPush::public_key);
        let meta = http::meta(&base.config, &modes, vapid_public_key);
        let matchmaker = matchmaker(&base, modes, &wakeups);
        let rooms = rooms(&base, &keys, &relays, &wakeups);
        wake(&base, wakeups, &notifier);
        let ends = base.ends(Some(Arc::clone(&relays)), Some(rooms.clone()));
        let workers = base.workers(true, &ends, &notifier, web_push.clone())?;
        if base.config.workers.enabled {
            base.run_jobs(workers.clone());
        }
        let addressees = NodeServices {
            calls: Arc::clone(&rooms.calls),
            matchmaker: Arc::clone(&matchmaker),
        };
        base.route(incoming.events, &ends, Some(addressees));
        let sockets = Arc::new(Sockets {
            config: Arc::clone(&base.config),
            clock: base.clock.clone(),
            store: base.store.clone(),
            realtime: base.realtime.clone(),
            franking: Arc::clone(&keys.franking),
            tokens: keys.tokens.clone(),
            accounts: Arc::clone(&accounts),
            hub: Arc::clone(&base.hub),
            presence_notifier: base.presence_notifier,
            chat: rooms.chat,
            calls: rooms.calls,
            ends: Arc::clone(&ends),
            matchmaker: Arc::clone(&matchmaker),
            limiters: Arc::clone(&limiters),
            connections: Connections::new(&base.config.limits),
            activity: Activity::default(),
            tasks: base.tasks.clone(),
        });
        sockets.look_after(incoming.behind);
        let api = Arc::new(Api {
            ids: Arc::clone(base.store.ids()),
            config: base.config,
            clock: base.clock,
            guard: base.guard,
            store: base.store,
            realtime: base.realtime,
            blind: keys.blind,
            cipher: keys.cipher,
            franking: keys.franking,
            tokens: keys.tokens,
            accounts,
            hub: base.hub,
            ends,
            relays,
            ads: rooms.ads,
            notifier,
            matchmaker,
            workers,
            web_push,
            limiters,
            meta,
            legal: LegalPages::new(&legal),
            database_check: DatabaseCheck::default(),
            tasks: base.tasks,
        });
        Ok(Self {
            api,
            sockets,
            metrics: base.metrics,
        })
    }

    /// The second half of [`run`], for tests that inspect the node.
    ///
    /// # Errors
    /// When a part failed.
    pub async fn serve(self, listeners: Listeners) -> Result<(), RunError> {
        let (api, tasks) = (self.api, self.sockets.tasks.clone());
        http::start(&api, self.sockets.route(), listeners.http);
        if let Some(listener) = listeners.metrics {
            http::serve_metrics(listener, self.metrics, &tasks);
        }

        tasks.soft.cancelled().await;
        if tasks.failure().is_none() {
            tracing::info!("draining");
        }
        let settings = &api.config.shutdown;
        let (delay, grace) = (settings.ready_delay, settings.grace);
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = tasks.hard.cancelled() => {}
        }
        tasks.close();
        // Half of the grace to say goodbye, the other half for what is still under way. Calls end
        // with the connections that signal for them.
        let farewell = async {
            api.hub.drain(grace / 2).await;
            api.relays.close().await;
        };
        let shares = Some((&api.realtime, &api.store));
        wind_down(&tasks, farewell, grace, shares).await
    }
}

/// What is made from the secrets.
struct Keys {
    blind: BlindIndex,
    cipher: FieldCipher,
    franking: Arc<FrankingKeys>,
    tokens: TokenIssuer,
}

impl Keys {
    fn new(secrets: &Secrets, base: &Base) -> Self {
        let (jwt, clock) = (secrets.jwt_keys.clone(), base.clock.clone());
        Self {
            blind: BlindIndex::new(secrets.phone_index_key.clone()),
            cipher: FieldCipher::new(secrets.field_keys.clone()),
            franking: Arc::new(FrankingKeys::new(secrets.franking_keys.clone())),
            tokens: TokenIssuer::new(jwt, &base.config.auth, clock),
        }
    }
}

/// Accounts, with the task that hands their codes on, and what may be done how often.
fn accounts(base: &Base, keys: &Keys) -> Result<(Arc<AccountService>, Arc<Limiters>), RunError> {
    let config = &base.config;
    let log = GuessLog {
        store: base.store.clone(),
        clock: base.clock.clone(),
        tasks: base.tasks.clone(),
    };
    let limiters = Limiters::new(&config.limits, &base.realtime, keys.blind.clone(), log);
    let limiters = Arc::new(limiters);
    let sender = CodeSender::new(&config.verification)
        .map_err(|problem| RunError::Failed(problem.to_string()))?;
    let (codes, task) = Codes::new(
        sender,
        auth::codes::CodeContext {
            store: base.store.clone(),
            blind: keys.blind.clone(),
            ids: Arc::clone(base.store.ids()),
            clock: base.clock.clone(),
            limiters: Arc::clone(&limiters),
        },
    );
    let context = auth::AccountContext {
        store: base.store.clone(),
        rules: config.quota.clone(),
        terms_version: config.legal.terms_version,
        blind: keys.blind.clone(),
        cipher: keys.cipher.clone(),
        tokens: keys.tokens.clone(),
        clock: base.clock.clone(),
        codes,
        countries: config.verification.countries.list().to_vec(),
    };
    let accounts = AccountService::start(&config.auth, context).map_err(|source| RunError::Io {
        what: "cannot start the password threads".to_owned(),
        source,
    })?;
    let tasks = &base.tasks;
    if let Some(task) = task {
        tasks.supervise("codes", task.run(tasks.closing.clone()));
    }
    let upkeep = forget_idle(Arc::clone(&limiters), tasks.closing.clone());
    tasks.supervise("limits", upkeep);
    Ok((Arc::new(accounts), limiters))
}

/// Drops counters of limits that no longer count anything.
async fn forget_idle(limiters: Arc<Limiters>, closing: CancellationToken) {
    let mut every = tokio::time::interval(Duration::from_secs(10));
    loop {
        tokio::select! {
            _ = every.tick() => limiters.forget_idle(),
            () = closing.cancelled() => return,
        }
    }
}

/// What can be searched for.
fn modes(relays: &Relays) -> Vec<Mode> {
    if relays.any() {
        vec![Mode::Text, Mode::Video]
    } else {
        vec![Mode::Text]
    }
}

/// Searches, with the task that pairs them.
fn matchmaker(base: &Base, modes: Vec<Mode>, wakeups: &Arc<Wakeups>) -> Arc<Matchmaker> {
    let config = &base.config;
    let (matchmaker, pairing) = Matchmaker::new(matching::MatchmakerContext {
        store: base.store.clone(),
        new_matches: NewMatches {
            hub: Arc::clone(&base.hub),
            wakeups: Arc::clone(wakeups),
        },
        clock: base.clock.clone(),
        guard: base.guard.clone(),
        ids: Arc::clone(base.store.ids()),
        realtime: base.realtime.clone(),
        config: Arc::new(MatchmakerConfig {
            widening: config.matching.widening.clone(),
            rules: MatchRules {
                quota: config.quota.clone(),
                lifetime: config.matching.match_ttl,
                max_active_text: config.matching.max_active_text.into(),
            },
            modes,
            background: config.matching.background,
        }),
        encode: |message| NodeMessage::matchmaking(&message).encode(),
    });
    let tasks = &base.tasks;
    let pairing = pairing.run(tasks.soft.clone(), tasks.closing.clone());
    tasks.supervise("matchmaker", pairing);
    let matchmaker = Arc::new(matchmaker);
    let seen = live::count(
        base.store.clone(),
        base.clock.clone(),
        Arc::clone(&base.hub),
        Arc::clone(&matchmaker),
        tasks.closing.clone(),
    );
    tasks.supervise("live counts", seen);
    matchmaker
}

/// What matched people have, with the tasks that write what they say and show ads after it.
fn rooms(base: &Base, keys: &Keys, relays: &Arc<Relays>, wakeups: &Arc<Wakeups>) -> Rooms {
    let (config, tasks) = (&base.config, &base.tasks);
    let (store, hub, clock) = (&base.store, &base.hub, &base.clock);
    let (ads, ads_task) = Ads::new(
        store.clone(),
        Arc::clone(hub),
        clock.clone(),
        config.ads.rules(&config.quota),
    );
    tasks.supervise("ads", ads_task.run(tasks.closing.clone()));
    let (chat, writer) = Chat::new(
        store.clone(),
        Arc::clone(hub),
        clock.clone(),
        config.messages,
        Arc::clone(wakeups),
    );
    // It empties its queue when connections close; later messages are refused, to be repeated.
    let writer = writer.run(Arc::clone(&keys.franking), tasks.closing.clone());
    tasks.supervise("chat writer", writer);
    let calls = Calls::new(
        store.clone(),
        Arc::clone(hub),
        Arc::clone(relays),
        clock.clone(),
    );
    Rooms {
        chat: Arc::new(chat),
        calls: Arc::new(calls),
        ads,
    }
}

/// Starts the task that wakes who is away.
fn wake(base: &Base, wakeups: Arc<Wakeups>, notifier: &Notifier) {
    let wakeups_task = WakeupsTask {
        wakeups,
        store: base.store.clone(),
        hub: Arc::clone(&base.hub),
        clock: base.clock.clone(),
        notifier: notifier.clone(),
    };
    base.tasks
        .supervise("wakeups", wakeups_task.run(base.tasks.closing.clone()));
}
