//! The way to the matchmaker of this node.

use std::sync::Arc;

use bytes::Bytes;
use tebdil_core::{
    ids::IdGenerator,
    realtime::{NodeId, Realtime},
    skew::ClockGuard,
    store::Store,
};
use tebdil_protocol::{CloseCode, ErrorCode, FrameId, MatchFind, id::UserId, time::Clock};
use tokio::sync::{mpsc, oneshot};

use super::{
    MatchmakerConfig,
    announce::Crier,
    answers::{Answers, refusal},
    commit::Writer,
    engine::Ticket,
    message::MatchmakingMessage,
    office,
    request::{self, Refused},
    task::MatchmakerTask,
};
use crate::{
    hub::{Connection, ConnectionId, Hub},
    notifications::Wakeups,
};

/// Requests that may wait for the matchmaker; connections wait for room.
const INBOX: usize = 1_024;

/// What a matchmaker is made of.
#[derive(Debug)]
pub struct Parts {
    pub store: Store,
    pub hub: Arc<Hub>,
    pub wakeups: Arc<Wakeups>,
    pub clock: Clock,
    /// Whether it may be trusted.
    pub guard: ClockGuard,
    pub ids: Arc<IdGenerator>,
    pub realtime: Realtime,
    pub config: MatchmakerConfig,
    /// Puts a message for other nodes into the form in which they hand it to
    /// [`Matchmaker::deliver`].
    pub encode: fn(MatchmakingMessage) -> Bytes,
}

/// The way to the matchmaker.
#[derive(Debug)]
pub struct Matchmaker {
    store: Store,
    config: Arc<MatchmakerConfig>,
    clock: Clock,
    ids: Arc<IdGenerator>,
    answers: Arc<Answers>,
    inbox: mpsc::Sender<Request>,
    news: mpsc::UnboundedSender<News>,
}

/// From the connections of this node.
#[derive(Debug)]
pub(super) enum Request {
    /// Its find waits in [`Answers`].
    Find {
        ticket: Box<Ticket>,
        connection: Arc<Connection>,
    },
    Cancel {
        connection: Arc<Connection>,
        re: Option<FrameId>,
    },
    Gone {
        user: UserId,
        connection: ConnectionId,
        park: bool,
    },
    Blocked {
        a: UserId,
        b: UserId,
    },
    Status {
        answer: oneshot::Sender<Status>,
    },
}

impl Request {
    /// The node is going away: whoever waits for an answer gets this one.
    pub(super) fn refuse(self, answers: &Answers) {
        match self {
            Self::Find { ticket, .. } => drop(answers.refuse(ticket.id, ErrorCode::Draining)),
            Self::Cancel { connection, re } => {
                connection.send(&refusal(ErrorCode::Draining), re.as_ref());
            }
            Self::Gone { .. } | Self::Blocked { .. } | Self::Status { .. } => {}
        }
    }
}

/// From the bus.
#[derive(Debug)]
pub(super) enum News {
    Message(MatchmakingMessage),
    NodeGone(NodeId),
    Resync,
}

/// How many tickets the leader has. Zero at a node that does not lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    pub leads: bool,
    /// Waiting for a peer.
    pub waiting: usize,
    /// Pairs whose match is being written.
    pub reserved: usize,
}

impl Matchmaker {
    /// The service, and the task that has to be run for it.
    pub fn new(parts: Parts) -> (Self, MatchmakerTask) {
        let Parts {
            store,
            hub,
            wakeups,
            clock,
            guard,
            ids,
            realtime,
            config,
            encode,
        } = parts;
        let (inbox, requests) = mpsc::channel(INBOX);
        // Unbounded: its writer must not wait, and a lost `NodeGone` would leave ghosts. The task
        // never waits for anything but news and requests, and what comes in has been in the bus's
        // own queue before.
        let (news, incoming) = mpsc::unbounded_channel();
        let (config, answers) = (Arc::new(config), Arc::new(Answers::default()));
        let writer = Writer {
            store: store.clone(),
            config: Arc::clone(&config),
            clock: clock.clone(),
            guard,
        };
        let crier = Crier {
            hub,
            presence: realtime.presence.clone(),
            wakeups,
        };
        let task = MatchmakerTask::new(
            writer,
            crier,
            realtime,
            encode,
            Arc::clone(&answers),
            requests,
            incoming,
        );
        (
            Self {
                store,
                config,
                clock,
                ids,
                answers,
                inbox,
                news,
            },
            task,
        )
    }

    /// Starts a search. The answer, `match.searching`, comes before the `match.found` it leads to.
    ///
    /// The search outlives the node that leads: its ticket is submitted again, at its place. While
    /// no leader can be learned of it is answered `unavailable`, from the end of the node on
    /// `draining`.
    ///
    /// # Errors
    /// What the client is to be told, or the store's failure.
    pub async fn find(
        &self,
        connection: &Arc<Connection>,
        wish: MatchFind,
        re: Option<FrameId>,
    ) -> Result<(), Refused> {
        let ticket = request::ticket(
            &self.store,
            &self.config,
            connection,
            wish,
            self.ids.next(),
            self.clock.now(),
        )
        .await?;
        self.answers.expect(ticket.id, connection, re);
        self.ask(Request::Find {
            ticket: Box::new(ticket),
            connection: Arc::clone(connection),
        })
        .await;
        Ok(())
    }

    /// Ends the user's search, on whichever device and node.
    pub async fn cancel(&self, connection: &Arc<Connection>, re: Option<FrameId>) {
        self.ask(Request::Cancel {
            connection: Arc::clone(connection),
            re,
        })
        .await;
    }

    /// A connection is gone or closing, and its ticket with it; a second time changes nothing. The
    /// sooner it is said, the smaller the chance that somebody is paired with nobody. The place of
    /// one that was closed because its node drains is kept for the session.
    pub async fn gone(&self, connection: &Connection) {
        let park = connection.outbound.closing() == Some(CloseCode::Draining);
        self.ask(Request::Gone {
            user: connection.user_id,
            connection: connection.id,
            park,
        })
        .await;
    }

    /// A block came to be; tickets that wait, at whichever node, obey it too.
    pub async fn blocked(&self, a: UserId, b: UserId) {
        self.ask(Request::Blocked { a, b }).await;
    }

    /// What this node leads, once everything that is due by now is done.
    pub async fn status(&self) -> Status {
        let (answer, status) = oneshot::channel();
        self.ask(Request::Status { answer }).await;
        status.await.unwrap_or_default()
    }

    /// A message of another node's matchmaker. Never waits.
    pub fn deliver(&self, message: MatchmakingMessage) {
        // The router may have the `match.found` in hand already.
        for ticket in office::accepted(&message) {
            self.answers.searching(ticket);
        }
        self.tell(News::Message(message));
    }

    /// A node is gone: if it led, somebody else shall; if this node leads, it keeps the places of
    /// that node's users for them. Never waits.
    pub fn node_gone(&self, node: NodeId) {
        self.tell(News::NodeGone(node));
    }

    /// Messages to this node were lost. Never waits.
    pub fn resync(&self) {
        self.tell(News::Resync);
    }

    fn tell(&self, news: News) {
        // At the end of the process nobody listens.
        let _ = self.news.send(news);
    }

    async fn ask(&self, request: Request) {
        if let Err(mpsc::error::SendError(request)) = self.inbox.send(request).await {
            request.refuse(&self.answers);
        }
    }
}
