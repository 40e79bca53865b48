//! Takes what the bus brings to where it belongs.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tebdil_core::realtime::{BusEvent, BusEvents, Device, Undelivered};
use tebdil_protocol::CloseCode;
use tokio::sync::Notify;

use super::App;
use crate::hub::{Mark, NodeMessage, Unreadable};

/// Registrations under way at once.
const CONCURRENCY: usize = 16;

/// The task that takes the events of the bus, in order. It never waits: what takes long runs beside
/// it.
#[derive(Debug)]
pub(super) struct Router {
    app: Arc<App>,
    events: BusEvents,
    /// Wakes the task that registers this node's devices anew.
    forgotten: Arc<Notify>,
}

impl Router {
    /// A router of this node's events.
    pub fn new(app: &Arc<App>, events: BusEvents) -> Self {
        Self {
            app: Arc::clone(app),
            events,
            forgotten: Arc::new(Notify::new()),
        }
    }

    /// Routes until the bus is closed.
    pub async fn run(mut self) {
        let (app, forgotten) = (Arc::clone(&self.app), Arc::clone(&self.forgotten));
        self.app.tasks.supervise("presence", async move {
            loop {
                tokio::select! {
                    () = forgotten.notified() => rejoin(&app).await,
                    () = app.tasks.closing.cancelled() => return,
                }
            }
        });
        while let Some(event) = self.events.recv().await {
            self.route(event);
        }
    }

    fn route(&self, event: BusEvent) {
        let app = &self.app;
        match event {
            BusEvent::Message(bytes) => {
                if let Err(error) =
                    NodeMessage::decode(bytes).and_then(|message| self.deliver(message))
                {
                    // During an update of the cluster, the other node may be of another version.
                    tracing::warn!(%error, "a message of another node could not be read");
                }
            }
            BusEvent::Gap => {
                app.matchmaker.resync();
                app.hub.all_are_behind();
                app.ends.word_was_lost();
            }
            BusEvent::Undelivered(Undelivered::Users(users)) => {
                for user in users {
                    app.hub.tell_of_loss(user);
                }
            }
            BusEvent::Undelivered(Undelivered::Everybody) => app.hub.tell_everybody_of_loss(),
            BusEvent::NodeGone { node, sent_all } => {
                app.matchmaker.node_gone(node);
                // What it had not sent any more is in the store.
                if !sent_all {
                    app.hub.all_are_behind();
                    app.ends.word_was_lost();
                }
            }
            BusEvent::Orphaned(users) => app.announcer.tell(users, false),
            BusEvent::Forgotten => {
                // Until it was registered again, nobody sent to this node.
                app.ends.word_was_lost();
                self.forgotten.notify_one();
            }
            BusEvent::Elsewhere(user) => app.hub.joined(user, true),
            BusEvent::Replaced {
                user,
                session,
                connection,
            } => app.hub.replace(Device {
                user,
                session,
                connection,
            }),
        }
    }

    fn deliver(&self, message: NodeMessage) -> Result<(), Unreadable> {
        let app = &self.app;
        match message {
            NodeMessage::Frame {
                user,
                audience,
                mark,
                body,
            } => {
                let frame = body.into_outgoing(mark)?;
                match frame.mark {
                    Some(Mark::Ended(ended)) => app.ends.tell_here(ended, user, audience, &frame),
                    _ => app.hub.send_here(user, audience, &frame),
                }
            }
            NodeMessage::Close {
                user,
                audience,
                code,
            } => {
                app.hub.close_here(
                    user,
                    audience,
                    CloseCode::from_code(code).unwrap_or(CloseCode::GoingAway),
                );
            }
            NodeMessage::Resync { user } => app.hub.is_behind(user),
            NodeMessage::ResyncAll => {
                app.hub.all_are_behind();
                app.ends.word_was_lost();
            }
            NodeMessage::Signal {
                user,
                session,
                from,
                signal,
            } => app.calls.receive(user, session, from, signal),
            NodeMessage::CutCall { match_id } => app.ends.call_over(match_id),
            NodeMessage::Matchmaking { body } => app.matchmaker.deliver(body.read()?),
        }
        Ok(())
    }
}

/// Registers every connection of this node anew, and then brings everybody up to date.
async fn rejoin(app: &Arc<App>) {
    let presence = &app.realtime.presence;
    let Ok(mut users) = presence.reset().await else {
        return;
    };
    let connections = app.hub.all();
    users.extend(connections.iter().map(|connection| connection.user_id));
    tracing::info!(
        connections = connections.len(),
        "registering with presence again"
    );
    stream::iter(connections)
        .for_each_concurrent(CONCURRENCY, async |connection| {
            let device = connection.device();
            if let Ok(joined) = presence
                .join(
                    device,
                    app.config.ws.max_devices,
                    connection.stamp.get().copied(),
                )
                .await
            {
                app.hub.joined(device.user, joined.elsewhere);
            }
            // It may have left while it was being registered, and was looked for in vain or told to
            // be back.
            if !app.hub.has(device) {
                app.announcer.left(device).await;
            }
        })
        .await;
    // Whoever looked in between found nobody, and has to hear of everybody.
    app.announcer.tell(users, true);
    app.announcer.tell_unsaid();
    // What was said about searches meanwhile may be lost, too.
    app.matchmaker.resync();
    app.hub.all_are_behind();
}
