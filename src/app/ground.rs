//! What every part of the server stands on, and the parts that are made of it.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tebdil_core::{
    crypto::{BlindIndex, FieldCipher},
    franking::FrankingKeys,
    ids::IdGenerator,
    realtime::{BusEvents, Realtime},
    skew::ClockGuard,
    store::{MatchRules, Store},
};
use tebdil_protocol::{domain::Mode, time::Clock};

use super::open_store;
use crate::{
    RunError,
    ads::{Ads, MatchEndAds},
    auth::{self, Accounts, CodeSender, Codes, Courier, Tokens, codes::Budget},
    calls::Calls,
    chat::{self, Chat},
    config::{Config, Secrets},
    ends::{Ends, Rooms},
    hub::{Hub, NodeMessage},
    lifecycle::Tasks,
    matching::{self, Matchmaker, MatchmakerConfig, MatchmakerTask, Timings},
    notifications::{Notifier, Waker, Wakeups},
    observability,
    presence::Announcer,
    relay::Relays,
    vitals,
};

/// Settings, time, keys, the database, and the way to other nodes.
pub(super) struct Ground {
    pub(super) config: Config,
    pub(super) clock: Clock,
    pub(super) guard: ClockGuard,
    pub(super) ids: Arc<IdGenerator>,
    pub(super) store: Store,
    pub(super) realtime: Realtime,
    pub(super) blind: BlindIndex,
    pub(super) cipher: FieldCipher,
    pub(super) franking: Arc<FrankingKeys>,
    pub(super) tokens: Tokens,
    pub(super) metrics: PrometheusHandle,
}

impl Ground {
    /// Opens the database, brings its schema up to date, and connects to what the nodes share.
    pub(super) async fn lay(
        config: Config,
        secrets: &Secrets,
        clock: Clock,
    ) -> Result<(Self, BusEvents), RunError> {
        let store = open_store(&config, clock.clone()).await?;
        let guard = config.clock_guard(&clock);
        vitals::compare(&guard, &store).await;
        let metrics = observability::install_metrics();
        let (realtime, events) = Realtime::connect(&config.realtime(), &mut rand::rng()).await?;
        let ground = Self {
            ids: Arc::clone(store.ids()),
            blind: BlindIndex::new(secrets.phone_index_key.clone()),
            cipher: FieldCipher::new(secrets.field_keys.clone()),
            franking: Arc::new(FrankingKeys::new(secrets.franking_keys.clone())),
            tokens: Tokens::new(secrets.jwt_keys.clone(), &config.auth, clock.clone()),
            config,
            clock,
            guard,
            store,
            realtime,
            metrics,
        };
        Ok((ground, events))
    }

    /// Accounts, and the task that hands their codes on.
    pub(super) fn accounts(
        &self,
        budget: Arc<Budget>,
    ) -> Result<(Accounts, Option<Courier>), RunError> {
        let sender = CodeSender::new(&self.config.verification)
            .map_err(|(field, detail)| RunError::Failed(format!("{field}: {detail}")))?;
        let (codes, courier) = Codes::new(
            sender,
            auth::codes::Parts {
                store: self.store.clone(),
                blind: self.blind.clone(),
                ids: Arc::clone(&self.ids),
                clock: self.clock.clone(),
                budget,
            },
        );
        let parts = auth::Parts {
            store: self.store.clone(),
            rules: self.config.quota.clone(),
            blind: self.blind.clone(),
            cipher: self.cipher.clone(),
            tokens: self.tokens.clone(),
            clock: self.clock.clone(),
            codes,
            countries: self.config.verification.countries.list().to_vec(),
        };
        let accounts =
            Accounts::start(&self.config.auth, parts).map_err(|source| RunError::Io {
                what: "cannot start the password threads".to_owned(),
                source,
            })?;
        Ok((accounts, courier))
    }

    /// Ads, and the task that shows those after matches.
    pub(super) fn ads(&self, hub: &Arc<Hub>) -> (Arc<Ads>, MatchEndAds) {
        Ads::new(
            self.store.clone(),
            Arc::clone(hub),
            self.clock.clone(),
            self.config.ads.rules(&self.config.quota),
        )
    }

    pub(super) fn announcer(&self, hub: &Arc<Hub>, tasks: &Tasks) -> Arc<Announcer> {
        Arc::new(Announcer::new(
            self.store.clone(),
            Arc::clone(hub),
            self.realtime.presence.clone(),
            self.clock.clone(),
            tasks.hard.clone(),
        ))
    }

    pub(super) async fn relays(
        &self,
        secrets: &Secrets,
        tasks: &Tasks,
    ) -> Result<Arc<Relays>, RunError> {
        let relays = Relays::start(
            &self.config.relay,
            secrets.relay_secret.clone(),
            self.clock.clone(),
            tasks.clone(),
        )
        .await?;
        Ok(Arc::new(relays))
    }

    pub(super) fn calls(&self, hub: &Arc<Hub>, relays: &Arc<Relays>) -> Arc<Calls> {
        Arc::new(Calls::new(
            self.store.clone(),
            Arc::clone(hub),
            Arc::clone(relays),
            self.clock.clone(),
        ))
    }

    /// Messages, and the task that writes them.
    pub(super) fn chat(&self, hub: &Arc<Hub>, wakeups: &Arc<Wakeups>) -> (Arc<Chat>, chat::Writer) {
        let (chat, writer) = Chat::new(
            self.store.clone(),
            Arc::clone(hub),
            self.realtime.presence.clone(),
            self.clock.clone(),
            self.config.messages,
            Arc::clone(wakeups),
        );
        (Arc::new(chat), writer)
    }

    /// What follows from the end of a match.
    pub(super) fn ends(&self, hub: &Arc<Hub>, relays: &Arc<Relays>, rooms: Rooms) -> Arc<Ends> {
        Arc::new(Ends::new(
            self.store.clone(),
            self.clock.clone(),
            Arc::clone(hub),
            Some(Arc::clone(relays)),
            Some(rooms),
        ))
    }

    /// Searches, and the task that pairs them.
    pub(super) fn matchmaker(
        &self,
        hub: &Arc<Hub>,
        relays: &Relays,
        wakeups: &Arc<Wakeups>,
    ) -> (Matchmaker, MatchmakerTask) {
        let config = MatchmakerConfig {
            widening: self.config.matching.widening.clone(),
            rules: MatchRules {
                quota: self.config.quota.clone(),
                lifetime: self.config.matching.match_ttl,
                max_active_text: self.config.matching.max_active_text.into(),
            },
            modes: if relays.any() {
                vec![Mode::Text, Mode::Video]
            } else {
                vec![Mode::Text]
            },
            timings: Timings::default(),
        };
        Matchmaker::new(matching::Parts {
            store: self.store.clone(),
            hub: Arc::clone(hub),
            wakeups: Arc::clone(wakeups),
            clock: self.clock.clone(),
            guard: self.guard.clone(),
            ids: Arc::clone(&self.ids),
            realtime: self.realtime.clone(),
            config,
            encode: |message| NodeMessage::matchmaking(&message).encode(),
        })
    }

    pub(super) fn waker(&self, wakeups: Arc<Wakeups>, notifier: &Notifier) -> Waker {
        Waker {
            wakeups,
            store: self.store.clone(),
            presence: self.realtime.presence.clone(),
            clock: self.clock.clone(),
            notifier: notifier.clone(),
        }
    }
}
