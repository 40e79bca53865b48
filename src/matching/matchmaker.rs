//! The way to the matching of this node.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tebdil_core::{
    ids::IdGenerator,
    realtime::Realtime,
    skew::ClockGuard,
    store::{BackgroundSearch, Store, StoreError},
};
use tebdil_protocol::{
    CloseCode, ErrorCode, FrameId, MatchFind, RunningSearch, id::UserId, time::Clock,
};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    MatchmakerConfig,
    leader::Now,
    message::MatchmakingMessage,
    node::MatchmakerNode,
    request::{self, FindError, refusal},
    task::{Channels, MatchmakerTask},
};
use crate::{chat::NewMatches, hub::Connection};

/// Requests that may wait; connections wait for room.
const INBOX: usize = 1_024;

/// What a connection has done with the node's tickets.
pub(super) type Request = Box<dyn FnOnce(&mut MatchmakerNode, Now) + Send>;

/// What the matchmaker and its task work with.
#[derive(Debug, Clone)]
pub struct MatchmakerContext {
    pub store: Store,
    pub new_matches: NewMatches,
    pub clock: Clock,
    /// Whether it may be trusted.
    pub guard: ClockGuard,
    pub ids: Arc<IdGenerator>,
    pub realtime: Realtime,
    pub config: Arc<MatchmakerConfig>,
    /// Puts a message for other nodes into the form in which they hand it to
    /// [`Matchmaker::deliver`].
    pub encode: fn(MatchmakingMessage) -> Bytes,
}

/// The way to the matchmaker.
#[derive(Debug)]
pub struct Matchmaker {
    context: MatchmakerContext,
    inbox: mpsc::Sender<Request>,
    messages: mpsc::UnboundedSender<MatchmakingMessage>,
    /// Why no search can begin.
    refuses: watch::Receiver<Option<ErrorCode>>,
}

/// How many tickets there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// Of connections of this node.
    pub own: usize,
    /// At the leader, if it is this node: pairs whose match is written, and who waits for a peer.
    pub reserved: usize,
    pub queues: Option<Queues>,
}

/// Who waits for a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Queues {
    pub text: QueueStatus,
    pub video: QueueStatus,
}

/// Who waits for a peer in a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueStatus {
    pub waiting: usize,
    /// How long the one who came first has.
    pub oldest: Option<Duration>,
}

impl Matchmaker {
    /// The service, and the task that has to be run for it.
    pub fn new(context: MatchmakerContext) -> (Self, MatchmakerTask) {
        let (inbox, requests) = mpsc::channel(INBOX);
        // Unbounded: its writer must not wait. What comes in was in the bus's own queue before.
        let (messages, incoming) = mpsc::unbounded_channel();
        let (refusing, refuses) = watch::channel(None);
        let channels = Channels {
            requests,
            messages: incoming,
            to_self: messages.clone(),
            refuses: refusing,
        };
        let task = MatchmakerTask::new(context.clone(), channels);
        let matchmaker = Self {
            context,
            inbox,
            messages,
            refuses,
        };
        (matchmaker, task)
    }

    /// Begins a search, in the place of another one of the account; `match.searching` is queued
    /// when this returns.
    ///
    /// It outlives the node that leads. One in the background outlives its connection and its node,
    /// too: it is stored. While nobody can be learned to lead it is refused as `unavailable`, from
    /// the end of the node on as `draining`.
    ///
    /// # Errors
    /// What the client is to be told, or the store's failure. When the store's answer was lost, a
    /// search in the background may go on all the same: the next `welcome` tells its device.
    pub async fn find(
        &self,
        connection: &Arc<Connection>,
        mut wish: MatchFind,
        re: Option<FrameId>,
    ) -> Result<(), FindError> {
        if let Some(code) = *self.refuses.borrow() {
            return Err(FindError::Refused(Box::new(refusal(code, None))));
        }
        let MatchmakerContext { store, config, .. } = &self.context;
        let (id, now) = (self.context.ids.next(), self.context.clock.now());
        let ticket = request::ticket(store, config, connection, &mut wish, id, now).await?;
        if wish.background {
            let search = BackgroundSearch {
                user_id: connection.user_id,
                ticket_id: id,
                session_id: connection.session_id,
                wish: serde_json::to_string(&wish).expect("a wish is plain data"),
                created_at: now,
                expires_at: now + config.background,
            };
            store.matches().keep_search(&search).await?;
        } else {
            store.matches().end_search(connection.user_id).await?;
        }
        let to = Arc::clone(connection);
        self.ask(move |node, _| node.find(ticket, to, re.as_ref()))
            .await;
        Ok(())
    }

    /// Ends the account's searches, on whichever device and node. Answered when no match of them
    /// can follow any more; also where there is none.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn cancel(
        &self,
        connection: &Arc<Connection>,
        re: Option<FrameId>,
    ) -> Result<(), StoreError> {
        let matches = self.context.store.matches();
        matches.end_search(connection.user_id).await?;
        let (id, to) = (self.context.ids.next(), Arc::clone(connection));
        self.ask(move |node, now| node.cancel(id, to, re, now.instant))
            .await;
        Ok(())
    }

    /// The device's background search, which has a connection again now.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn resume(
        &self,
        connection: &Arc<Connection>,
    ) -> Result<Option<RunningSearch>, StoreError> {
        let (store, now) = (&self.context.store, self.context.clock.now());
        let search = store.matches().search_of(connection.user_id, now).await?;
        let of_device = |search: &BackgroundSearch| search.session_id == connection.session_id;
        let Some(search) = search.filter(of_device) else {
            return Ok(None);
        };
        let Some(ticket) = request::of_search(store, &search, now).await? else {
            return Ok(None);
        };
        let running = RunningSearch {
            ticket_id: ticket.id,
            mode: ticket.mode,
        };
        // From now on its node does this.
        let until = now + self.context.config.background;
        let matches = store.matches();
        matches.extend_searches(&[ticket.id], until, now).await?;
        let to = Arc::clone(connection);
        self.ask(move |node, _| node.resume(ticket, to)).await;
        Ok(Some(running))
    }

    /// A connection is gone or closing, and its tickets with it; a second time changes nothing. The
    /// sooner it is said, the smaller the chance that somebody is paired with nobody. The place of
    /// one that was closed because its node drains is kept for the device.
    pub async fn gone(&self, connection: &Connection) {
        let park = connection.outbound.closing() == Some(CloseCode::Draining);
        let (user, id) = (connection.user_id, connection.id);
        self.ask(move |node, _| node.gone(user, id, park)).await;
    }

    /// A block came to be; tickets that wait, at whichever node, obey it too.
    pub async fn blocked(&self, a: UserId, b: UserId) {
        let blocked = MatchmakingMessage::Blocked { a, b };
        self.ask(move |node, now| {
            node.out.push((None, blocked.clone()));
            node.deliver(blocked, now);
        })
        .await;
    }

    /// How many tickets there are.
    pub async fn status(&self) -> Status {
        let (answer, status) = oneshot::channel();
        self.ask(move |node, now| {
            node.tick(now);
            let _ = answer.send(node.status(now.clock));
        })
        .await;
        status.await.unwrap_or_default()
    }

    /// A message of another node's matchmaker. Never waits.
    pub fn deliver(&self, message: MatchmakingMessage) {
        // At the end of the process nobody listens.
        let _ = self.messages.send(message);
    }

    async fn ask(&self, request: impl FnOnce(&mut MatchmakerNode, Now) + Send + 'static) {
        // At the end of the node nobody listens, and every connection is closing.
        let _ = self.inbox.send(Box::new(request)).await;
    }
}
