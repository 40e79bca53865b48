//! What the actor works with.

use std::collections::VecDeque;

use tebdil_protocol::{
    ClientFrame, Evidence, Match, MatchFind, MessageAccepted, MessageSend, RtcDescription,
    id::{MatchId, TicketId},
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{ChatError, Conversation, numbers::Numbers};
use crate::{
    call::Gate,
    connection::{RequestError, SendError, Sending},
    rest::ApiError,
};

pub(super) type FindReply = oneshot::Sender<Result<TicketId, RequestError>>;
pub(super) type SendReply = oneshot::Sender<Result<MessageAccepted, SendError>>;

pub(super) enum Command {
    Send {
        match_id: MatchId,
        text: String,
        place: OwnedSemaphorePermit,
        reply: oneshot::Sender<Result<Sending, ChatError>>,
    },
    Describe(RtcDescription, oneshot::Sender<Result<(), ChatError>>),
    /// Sent when there is a socket, after the descriptions before it.
    Signal(ClientFrame),
    Find(MatchFind, FindReply),
    Cancel(oneshot::Sender<Result<(), RequestError>>),
    Evidence(MatchId, oneshot::Sender<Vec<Evidence>>),
    Conversations(oneshot::Sender<Vec<Conversation>>),
    Close,
}

/// A text that waits for the encryption to stand.
pub(super) struct Draft {
    pub text: String,
    pub place: OwnedSemaphorePermit,
    pub reply: SendReply,
}

/// A match as it is known here.
pub(super) struct KnownMatch {
    /// Missing between a start from stored state and the first welcome.
    pub info: Option<Match>,
    /// Whether the match can be read here: it belongs to this device, and its keys are not those
    /// of an earlier process that stored none.
    pub here: bool,
    pub peer_seq: i64,
    pub own: Numbers,
    pub drafts: VecDeque<Draft>,
    pub call: Gate,
}

/// What runs beside.
pub(super) enum Done {
    Found(Result<TicketId, RequestError>, Option<FindReply>),
    Cancelled(
        Result<(), RequestError>,
        oneshot::Sender<Result<(), RequestError>>,
    ),
    KeysPut(Result<(), ApiError>),
}

/// One-time key packages, and a last-resort package where there is a new one.
pub(super) type Upload = (Vec<Vec<u8>>, Option<Vec<u8>>);

/// What is done once state is stored.
#[derive(Default)]
pub(super) struct After {
    pub sends: Vec<(MessageSend, Option<OwnedSemaphorePermit>, Option<SendReply>)>,
    /// In their order, after the messages.
    pub signals: Vec<ClientFrame>,
    pub acks: Vec<(MatchId, i64)>,
    pub keys: Option<Upload>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The application closes and wants no more events.
    Asked,
    /// The connection is over for good.
    Closed,
}
