//! A WebSocket session that survives its sockets: it connects again, resumes, sends again what was
//! not accepted, and hands on every message of the peer once and in order.
//!
//! Guarantees to the application:
//! - A message given to [`Handle::send`] stays in the outbox until the server accepted it or refused
//!   it for good. Those of a match go out in the order of their `seq`, and again after a reconnect
//!   or a passing refusal. What is behind a message that is refused for good is refused with it. No
//!   later message of a match is sent while a `handshake` is on its way.
//! - [`Event::Message`] comes once per `seq` of the peer within the life of the process, without
//!   gaps but for what the server held no more when the socket began; any other gap is asked for and waited on.
//! - Acknowledgements are cumulative, sent after the message was taken from here
//!   ([`Acknowledge::OnHandOver`]) or when the application says so
//!   ([`Acknowledge::ByApplication`]), and again after a reconnect or a passing refusal.
//! - Queues are bounded. An application that takes no events stops the reading of the socket, and
//!   the server closes it in the end.

mod attempt;
mod backoff;
mod handle;
mod inbox;
mod outbox;
mod pacer;
mod task;
#[cfg(test)]
mod tests;
mod token;

use std::{sync::Arc, time::Duration};

use rand::{SeedableRng, rngs::StdRng};
use tebdil_protocol::{
    CloseCode, DeviceInfo, ErrorCode, MatchCancelled, MatchEnded, MatchFound, MessageAccepted,
    MessageNew, MessageSend, Notification, NotificationsRead, PeerPresence, Quota, ResumePoint,
    RtcState, Signal, Welcome,
    domain::MessageKind,
    id::{MatchId, TicketId},
    time::{Clock, Timestamp},
};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

pub use backoff::Backoff;
pub use handle::{Handle, Sending};
pub use token::{AccessToken, FixedToken, TokenError, TokenSource};

/// When the peer is told that a message arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Acknowledge {
    /// As soon as the application has taken the event.
    #[default]
    OnHandOver,
    /// When the application calls [`Handle::ack`], e.g. after it stored its state.
    ByApplication,
}

/// How a connection behaves; [`Options::new`] has the defaults.
#[derive(Clone)]
pub struct Options {
    /// The server's HTTP address, e.g. `http://127.0.0.1:8080`.
    pub server: String,
    pub tokens: Arc<dyn TokenSource>,
    pub clock: Clock,
    pub device: Option<DeviceInfo>,
    /// Where an earlier process stood in its matches.
    pub resume: Vec<ResumePoint>,
    /// Messages an earlier process had not yet seen accepted; sent again first.
    pub outbox: Vec<MessageSend>,
    pub acknowledge: Acknowledge,
    /// 100 ms to 5 s by default.
    pub backoff: Backoff,
    /// For opening a socket and for the `welcome`, together. 10 s by default.
    pub connect_timeout: Duration,
    /// For an answer to a request. 10 s by default.
    pub request_timeout: Duration,
    /// A message without an answer for so long is sent again on the same socket. 20 s by default:
    /// longer than a server takes to refuse it while its database says nothing (15 s).
    pub resend_after: Duration,
    /// How long acknowledgements are gathered. 20 ms by default.
    pub ack_delay: Duration,
    /// How far a message may be sent ahead of the oldest one of its match that is not accepted. 16
    /// by default; it must stay below the 20 messages that a peer's ratchet reaches back, else a
    /// message refused for a moment could not be opened any more.
    pub window: u64,
    /// Most messages waiting in the outbox; further [`Handle::send`]s wait. 256 by default.
    pub outbox_limit: usize,
    /// Most events waiting for the application. 1024 by default.
    pub event_limit: usize,
    /// Seed of the jitter; from the system by default.
    pub seed: u64,
}

impl Options {
    /// The defaults for `server`, its HTTP address.
    pub fn new(server: impl Into<String>, tokens: impl TokenSource) -> Self {
        Self {
            server: server.into(),
            tokens: Arc::new(tokens),
            clock: Clock::system(0),
            device: None,
            resume: Vec::new(),
            outbox: Vec::new(),
            acknowledge: Acknowledge::default(),
            backoff: Backoff::default(),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(10),
            resend_after: Duration::from_secs(20),
            ack_delay: Duration::from_millis(20),
            window: 16,
            outbox_limit: 256,
            event_limit: 1024,
            seed: rand::random(),
        }
    }
}

/// Why there is no socket at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The server closed with a code of the contract.
    Closed(CloseCode),
    /// The server closed without one, or the connection was cut.
    Lost,
    /// Nothing was heard for twice the heartbeat.
    Silent,
    /// The server cannot be reached or does not accept the socket.
    Unreachable,
    /// The access token could not be renewed just now.
    NoToken,
}

/// Why a connection is over for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Closed with a code after which a client does not connect again by itself.
    Closed(CloseCode),
    /// The session is signed out or revoked.
    SignedOut,
}

/// What happens on a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A socket is open and greeted; what was missed follows.
    Connected(Box<Welcome>),
    /// The socket is gone; a new one is tried after `retry_in`. A search for a match ended with it,
    /// unless it is one in the background.
    Disconnected {
        reason: DisconnectReason,
        retry_in: Duration,
    },
    Searching {
        ticket_id: TicketId,
    },
    SearchCancelled(MatchCancelled),
    MatchFound(Box<MatchFound>),
    MatchEnded(MatchEnded),
    Message(MessageNew),
    /// An own message is durable.
    Accepted(MessageAccepted),
    /// An own message was refused for good and left the outbox, as did those behind it: each is
    /// told of, with `out_of_order` where it was not at fault itself.
    Refused {
        match_id: MatchId,
        seq: i64,
        kind: MessageKind,
        code: ErrorCode,
        /// The number of the next message. None where it is not known, as the refused one may be
        /// stored, and in a match that takes no more.
        expected_seq: Option<i64>,
    },
    /// The peer has every message up to `seq`.
    Delivered {
        match_id: MatchId,
        seq: i64,
    },
    /// The peer has read every message up to `seq`.
    Read {
        match_id: MatchId,
        seq: i64,
    },
    Typing {
        match_id: MatchId,
        on: bool,
    },
    Presence(PeerPresence),
    /// A signal of the peer for the call; nobody has checked its certificate.
    Signal(Signal),
    /// What the peer said of the call.
    CallState(RtcState),
    Quota(Quota),
    /// The server has something to say, in the language of the account.
    Notification(Box<Notification>),
    /// Notifications were read, on whichever device of the user.
    NotificationsRead(NotificationsRead),
    /// The server is going away and will close the socket.
    Draining {
        reconnect_after: Duration,
    },
    /// An error that belongs to no request and no message.
    Error {
        code: ErrorCode,
        message: String,
    },
    /// Over for good; no event follows.
    Closed(Ended),
}

/// Why a request got no answer it wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error("the server refused: {code:?}")]
    Refused {
        code: ErrorCode,
        message: String,
        retry_after: Option<Duration>,
        /// With `quota_exhausted`.
        resets_at: Option<Timestamp>,
    },
    /// The socket was lost after the request went out; whether it had an effect is unknown.
    #[error("the connection was lost before the answer came")]
    Disconnected,
    #[error("no answer in time")]
    Timeout,
    /// The connection is over for good.
    #[error("the connection is closed")]
    Closed,
    #[error("the server answered with another frame than expected")]
    Unexpected,
}

impl RequestError {
    /// The server's code, where it refused.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// Why a message was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("the server refused the message: {0:?}")]
    Refused(ErrorCode),
    #[error("the match has ended")]
    MatchEnded,
    #[error("the connection is closed")]
    Closed,
}

/// Opens connections.
#[derive(Debug, Clone, Copy)]
pub struct Connection;

impl Connection {
    /// Starts a connection and returns at once; [`Event::Connected`] says when it is up.
    ///
    /// It ends when the handle and its clones are dropped, when [`Handle::close`] is called, when
    /// the events are dropped, or with [`Event::Closed`].
    pub fn open(options: Options) -> (Handle, mpsc::Receiver<Event>) {
        let (commands, commands_in) = mpsc::channel(256);
        let (events, events_out) = mpsc::channel(64);
        let tracker = TaskTracker::new();
        let handle = Handle::new(
            commands,
            options.request_timeout,
            options.outbox_limit,
            tracker.clone(),
        );
        let rng = StdRng::seed_from_u64(options.seed);
        tracker.spawn(task::Task::new(options, commands_in, events, rng).run());
        tracker.close();
        (handle, events_out)
    }
}
