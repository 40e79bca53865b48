//! A process that takes part in the cluster like a node without connections: it hears what the
//! nodes say, and tells them what it changes.

use std::sync::Arc;

use tebdil_core::{
    realtime::{BusEvent, BusEvents, Realtime, Undelivered},
    skew::ClockGuard,
    store::Store,
};
use tebdil_protocol::{Secret, time::Clock};

use crate::{
    RunError, app,
    config::{self, Config},
    ends::Ends,
    hub::{Hub, NodeMessage},
    lifecycle::Tasks,
    presence::Announcer,
    relay::Relays,
    vitals,
};

/// The parts of such a process. Every one of them looks after the users of nodes that die, as nodes
/// do.
#[derive(Debug)]
pub struct Bystander {
    pub store: Store,
    /// Whether its clock may be trusted.
    pub guard: ClockGuard,
    pub realtime: Realtime,
    pub hub: Arc<Hub>,
    pub ends: Arc<Ends>,
    pub relays: Arc<Relays>,
}

impl Bystander {
    /// Opens the shared database, joins the others where there is a Redis, and starts the tasks of
    /// every part. `relay` is what this process relays, with `secret`.
    pub async fn start(
        config: &Config,
        relay: &config::Relay,
        secret: Secret,
        clock: &Clock,
        tasks: &Tasks,
    ) -> Result<Self, RunError> {
        let store = app::open_store(config, clock.clone()).await?;
        let guard = config.clock_guard(clock);
        vitals::compare(&guard, &store).await;
        vitals::look_after(tasks, &store, &guard);
        let (realtime, events) = Realtime::connect(&config.realtime(), &mut rand::rng()).await?;

        // Nobody ever connects here: what is sent goes to the nodes that have the devices.
        let (hub, _) = Hub::new(0, realtime.bus.clone());
        let hub = Arc::new(hub);
        let relays = Relays::start(relay, secret, clock.clone(), tasks.clone()).await?;
        let relays = Arc::new(relays);
        let ends = Arc::new(Ends::new(
            store.clone(),
            clock.clone(),
            Arc::clone(&hub),
            Some(Arc::clone(&relays)),
            None,
        ));

        let announcer = Arc::new(Announcer::new(
            store.clone(),
            Arc::clone(&hub),
            realtime.presence.clone(),
            clock.clone(),
            tasks.hard.clone(),
        ));
        tasks.supervise(
            "announcer",
            Arc::clone(&announcer).run(tasks.closing.clone()),
        );
        tasks.supervise_to_the_last(
            "events",
            take_events(events, Arc::clone(&hub), announcer, Arc::clone(&ends)),
        );
        relays.look_after(&store);
        Ok(Self {
            store,
            guard,
            realtime,
            hub,
            ends,
            relays,
        })
    }
}

/// Takes what concerns a node without connections: word that was lost, calls that are over, and
/// users that nobody else looks after.
async fn take_events(
    mut events: BusEvents,
    hub: Arc<Hub>,
    announcer: Arc<Announcer>,
    ends: Arc<Ends>,
) {
    while let Some(event) = events.recv().await {
        match event {
            BusEvent::Undelivered(Undelivered::Users(users)) => {
                for user in users {
                    hub.tell_of_loss(user);
                }
            }
            BusEvent::Undelivered(Undelivered::Everybody) => hub.tell_everybody_of_loss(),
            BusEvent::Orphaned(users) => announcer.tell(users, false),
            BusEvent::Forgotten => {
                announcer.tell_unsaid();
                ends.word_was_lost();
            }
            BusEvent::Message(bytes) => match NodeMessage::decode(bytes) {
                Ok(NodeMessage::CutCall { match_id }) => ends.call_over(match_id),
                Ok(NodeMessage::ResyncAll) => ends.word_was_lost(),
                // All else that nodes say is for those who have connections.
                Ok(_) | Err(_) => {}
            },
            BusEvent::Gap
            | BusEvent::NodeGone {
                sent_all: false, ..
            } => ends.word_was_lost(),
            BusEvent::NodeGone { .. } | BusEvent::Elsewhere(_) | BusEvent::Replaced { .. } => {}
        }
    }
}
