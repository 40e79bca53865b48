//! Hands what the bus brings to whom it concerns.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tebdil_core::realtime::{BusEvent, BusEvents, Presence, Undelivered};
use tebdil_protocol::CloseCode;
use tokio::sync::Notify;

use super::Base;
use crate::{
    calls::Calls,
    hub::{Hub, Mark, NodeMessage, Unreadable},
    match_ends::MatchEnds,
    matching::Matchmaker,
    presence::PresenceNotifier,
};

/// Registrations under way at once.
const CONCURRENCY: usize = 16;

/// The services of a node that other nodes send to.
#[derive(Debug)]
pub(crate) struct NodeServices {
    pub(crate) calls: Arc<Calls>,
    pub(crate) matchmaker: Arc<Matchmaker>,
}

/// The task that handles the events of the bus, in order. It never waits: long work runs beside it.
#[derive(Debug)]
struct Router {
    hub: Arc<Hub>,
    presence_notifier: Arc<PresenceNotifier>,
    ends: Arc<MatchEnds>,
    /// `None` where no device is connected.
    node: Option<NodeServices>,
    /// Wakes the task that registers this process's devices anew.
    forgotten: Arc<Notify>,
}

impl Base {
    /// Routes what other processes say, until the bus is closed.
    pub(crate) fn route(
        &self,
        events: BusEvents,
        ends: &Arc<MatchEnds>,
        node: Option<NodeServices>,
    ) {
        let forgotten = Arc::<Notify>::default();
        if let Some(presence) = self.realtime.presence.clone() {
            let registrar = Registrar {
                hub: Arc::clone(&self.hub),
                presence,
                presence_notifier: Arc::clone(&self.presence_notifier),
            };
            let (wakes, closing) = (Arc::clone(&forgotten), self.tasks.closing.clone());
            self.tasks.supervise("presence", async move {
                loop {
                    tokio::select! {
                        () = wakes.notified() => registrar.rejoin().await,
                        () = closing.cancelled() => return,
                    }
                }
            });
        }
        let router = Router {
            hub: Arc::clone(&self.hub),
            presence_notifier: Arc::clone(&self.presence_notifier),
            ends: Arc::clone(ends),
            node,
            forgotten,
        };
        self.tasks
            .supervise_to_the_last("router", router.run(events));
    }
}

impl Router {
    async fn run(self, mut events: BusEvents) {
        while let Some(event) = events.recv().await {
            self.route(event);
        }
    }

    fn route(&self, event: BusEvent) {
        match event {
            BusEvent::Message(bytes) => {
                if let Err(error) =
                    NodeMessage::decode(bytes).and_then(|message| self.deliver(message))
                {
                    // During an update of the cluster, the other node may run another version.
                    tracing::warn!(%error, "a message of another node could not be read");
                }
            }
            BusEvent::Gap => self.word_was_lost(),
            BusEvent::Undelivered(Undelivered::Users(users)) => {
                for user in users {
                    self.hub.tell_of_loss(user);
                }
            }
            BusEvent::Undelivered(Undelivered::Everybody) => self.hub.tell_everybody_of_loss(),
            BusEvent::NodeGone { sent_all, .. } => {
                // What it did not get to send is in the store.
                if !sent_all {
                    self.word_was_lost();
                }
            }
            // Some are back elsewhere by now, and their peers may have looked in between.
            BusEvent::Orphaned(users) => self.presence_notifier.tell(users, true),
            BusEvent::Forgotten => {
                // Until it is registered again, nobody sends to this node.
                self.ends.word_was_lost();
                self.forgotten.notify_one();
            }
            BusEvent::Elsewhere(user) => self.hub.joined(user, true),
            BusEvent::Replaced(device) => self.hub.replace(device),
        }
    }

    fn deliver(&self, message: NodeMessage) -> Result<(), Unreadable> {
        match message {
            NodeMessage::Frame {
                user,
                audience,
                mark,
                body,
            } => {
                let frame = body.into_outgoing(mark)?;
                match frame.mark {
                    Some(Mark::Ended(ended)) => self.ends.tell_here(ended, user, audience, &frame),
                    _ => self.hub.send_here(user, audience, &frame),
                }
            }
            NodeMessage::Close {
                user,
                audience,
                code,
            } => {
                let code = CloseCode::from_code(code).unwrap_or(CloseCode::GoingAway);
                self.hub.close_here(user, audience, code);
            }
            NodeMessage::Resync { user } => self.hub.is_behind(user),
            NodeMessage::ResyncAll => self.word_was_lost(),
            NodeMessage::Signal {
                user,
                session,
                from,
                signal,
            } => {
                if let Some(node) = &self.node {
                    node.calls.receive(user, session, from, signal);
                }
            }
            NodeMessage::CutCall { match_id } => self.ends.call_over(match_id),
            NodeMessage::Matchmaking { body } => {
                if let Some(node) = &self.node {
                    node.matchmaker.deliver(body.read()?);
                }
            }
        }
        Ok(())
    }

    /// Something for this process or its devices was lost.
    fn word_was_lost(&self) {
        self.hub.all_are_behind();
        self.ends.word_was_lost();
    }
}

/// Registers every connection of this process anew, when presence has forgotten them.
#[derive(Debug)]
struct Registrar {
    hub: Arc<Hub>,
    presence: Presence,
    presence_notifier: Arc<PresenceNotifier>,
}

impl Registrar {
    /// Registers them, and then brings everybody up to date.
    async fn rejoin(&self) {
        let Ok(mut users) = self.presence.reset().await else {
            return;
        };
        let connections = self.hub.all();
        users.extend(connections.iter().map(|connection| connection.user_id));
        tracing::info!(
            connections = connections.len(),
            "registering with presence again"
        );
        stream::iter(connections)
            .for_each_concurrent(CONCURRENCY, async |connection| {
                // Where that fails, it comes here once more.
                let _ = self.hub.register(&connection).await;
                let device = connection.device();
                // It may have left while it was being registered; then it must be removed again.
                if !self.hub.has(device) {
                    self.presence_notifier.left(device).await;
                }
            })
            .await;
        // Whoever looked in between found nobody, and has to be told of everybody.
        self.presence_notifier.tell(users, true);
        self.presence_notifier.tell_unsaid();
        // This also closes those whose session ended meanwhile.
        self.hub.all_are_behind();
    }
}
