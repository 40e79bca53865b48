//! What an application hears.

use std::{ops::RangeInclusive, time::Duration};

use tebdil_protocol::{
    ErrorCode, Match, Notification, NotificationsRead, Quota, RtcCandidate, RtcDescription,
    RtcState, User, WhoEnded,
    domain::{CancelReason, EndReason, MatchStatus},
    id::{MatchId, TicketId},
    time::Timestamp,
};

use crate::{
    call::CallError,
    connection::{DisconnectReason, Ended},
    mls::{MlsError, SafetyNumber},
};

/// What happens in a chat.
#[derive(Debug, Clone, PartialEq)]
pub enum ChatEvent {
    /// A socket is open.
    Connected {
        user: Box<User>,
        quota: Quota,
        keys_remaining: i64,
    },
    /// The socket is gone; a new one is tried after `retry_in`.
    Disconnected {
        reason: DisconnectReason,
        retry_in: Duration,
    },
    /// A search goes on: one that was begun here, or one in the background that was found on
    /// connecting.
    Searching {
        ticket_id: TicketId,
    },
    /// The search is over without a match, or was over before.
    SearchCancelled(CancelReason),
    /// A search could not go on after a reconnect.
    SearchFailed {
        code: Option<ErrorCode>,
        resets_at: Option<Timestamp>,
    },
    /// A match was made, or found on connecting. Texts may be sent; they go out when the encryption
    /// stands.
    Matched {
        found: Box<Match>,
        /// Whether the match can be read here: not on other devices of the user, nor where its
        /// keys are gone.
        this_device: bool,
    },
    /// The encryption stands, or its keys were renewed.
    Secured {
        match_id: MatchId,
        safety_number: SafetyNumber,
    },
    /// The encryption could not be set up: nobody can talk in this match.
    NotSecured {
        match_id: MatchId,
        error: MlsError,
    },
    /// The peer wrote.
    Text {
        match_id: MatchId,
        seq: i64,
        text: String,
        sent_at: Timestamp,
    },
    /// Messages of the peer that never come: they were acknowledged by a process that kept no
    /// place, waited longer than the server holds them, or were withheld.
    Missing {
        match_id: MatchId,
        seqs: RangeInclusive<i64>,
    },
    /// A message of the peer that cannot be opened or is of a kind this build does not know (then
    /// without an error).
    Unreadable {
        match_id: MatchId,
        seq: i64,
        error: Option<MlsError>,
    },
    /// An own text is durable at the server.
    Accepted {
        match_id: MatchId,
        seq: i64,
        sent_at: Timestamp,
    },
    /// An own text, or the certificate of an own call, was refused for good. Without a number when
    /// it waited for the encryption and could not be sealed.
    Refused {
        match_id: MatchId,
        seq: Option<i64>,
        code: ErrorCode,
    },
    /// The peer has everything up to `seq`.
    Delivered {
        match_id: MatchId,
        seq: i64,
    },
    /// The peer has read everything up to `seq`.
    Read {
        match_id: MatchId,
        seq: i64,
    },
    Typing {
        match_id: MatchId,
        on: bool,
    },
    Presence {
        match_id: MatchId,
        online: bool,
    },
    Quota(Quota),
    /// The server has something to say, in the language of the account.
    Notification(Box<Notification>),
    /// Notifications were read, on whichever device of the user.
    NotificationsRead(NotificationsRead),
    /// A description of the peer for the call; its certificate is the one that the peer told
    /// through the encryption.
    Description(RtcDescription),
    /// A relay of the peer, for the description that came last.
    Candidate(RtcCandidate),
    /// What the peer says of the call.
    CallState(RtcState),
    /// A description of the peer is not to be trusted and was not handed on, nor are its
    /// candidates. The match goes on until somebody leaves it.
    CallRefused {
        match_id: MatchId,
        error: CallError,
    },
    /// A match is over and its keys are gone. Without details when it ended while this device was
    /// away.
    Ended {
        match_id: MatchId,
        details: Option<EndDetails>,
    },
    Draining {
        reconnect_after: Duration,
    },
    Error {
        code: ErrorCode,
        message: String,
    },
    /// The connection is over for good; no event follows.
    Closed(Ended),
    /// State could not be stored, so nothing more is sent; no event follows.
    Failed(String),
}

/// How a match ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndDetails {
    pub status: MatchStatus,
    pub reason: EndReason,
    pub by: WhoEnded,
}
