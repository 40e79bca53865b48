//! Frames from server to client.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Ad, ErrorCode, FrameId, Frank, Match, Notification, NotificationsRead, Quota, RtcCandidate,
    RtcDescription, RtcState, User,
};
use crate::{
    domain::{CancelReason, EndReason, MatchStatus, MessageKind, Mode},
    id::{MatchId, SessionId, TicketId},
    time::Timestamp,
};

/// First answer on a connection; everything missed follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Welcome {
    pub session_id: SessionId,
    pub user: User,
    pub quota: Quota,
    /// The active matches, newest first.
    pub matches: Vec<Match>,
    /// One-time key packages left for this session; refill below 20.
    pub keys_remaining: i64,
    /// Unread notifications; `GET /v1/notifications` lists them.
    #[serde(default)]
    pub unread_notifications: i64,
    /// The search of this device that went on while it had no connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<RunningSearch>,
    pub server_time: Timestamp,
    /// The server pings twice in this time; a side that hears nothing for this long may treat the
    /// connection as dead.
    pub heartbeat_s: u64,
    pub limits: SessionLimits,
}

/// A search that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunningSearch {
    pub ticket_id: TicketId,
    pub mode: Mode,
}

/// A search is over without a match: no match of it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MatchCancelled {
    /// The search; absent in the answer to a `match.cancel` that ended none of this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_id: Option<TicketId>,
    pub reason: CancelReason,
}

/// Limits a client should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionLimits {
    pub max_frame_bytes: usize,
    pub max_ciphertext_bytes: usize,
    pub max_devices: usize,
    pub frames_per_second: u32,
}

/// A match was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MatchFound {
    #[serde(rename = "match")]
    pub found: Match,
    /// Base64; only for the offerer's device that searched, which starts the encryption with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_key_package: Option<String>,
    /// One-time key packages left for the session that searched, on its device only; refill below
    /// 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_remaining: Option<i64>,
    pub quota: Quota,
}

/// Who ended a match, as the receiver sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhoEnded {
    #[serde(rename = "self")]
    Me,
    Peer,
    System,
}

/// A match is over and its messages are gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MatchEnded {
    pub match_id: MatchId,
    pub status: MatchStatus,
    pub reason: EndReason,
    pub by: WhoEnded,
}

/// A message is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageAccepted {
    pub match_id: MatchId,
    pub seq: i64,
    pub sent_at: Timestamp,
    /// For a message with a franking tag; not for a repeat of one that the peer has acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frank: Option<Frank>,
}

/// A message of the peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageNew {
    pub match_id: MatchId,
    /// Position among the peer's messages in the match: 1, 2, 3 … without a gap.
    pub seq: i64,
    pub kind: MessageKind,
    #[serde(with = "super::base64_bytes")]
    #[schema(value_type = String)]
    pub ciphertext: Vec<u8>,
    #[serde(
        with = "super::base64_bytes::optional",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub franking_tag: Option<Vec<u8>>,
    /// For a message with a franking tag; the sender gets the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frank: Option<Frank>,
    pub sent_at: Timestamp,
}

/// The peer's presence in an active match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PeerPresence {
    pub match_id: MatchId,
    pub online: bool,
}

/// Every frame a server may send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type")]
pub enum ServerFrame {
    #[serde(rename = "welcome")]
    Welcome(Box<Welcome>),
    #[serde(rename = "match.searching")]
    MatchSearching { ticket_id: TicketId },
    #[serde(rename = "match.found")]
    MatchFound(Box<MatchFound>),
    #[serde(rename = "match.cancelled")]
    MatchCancelled(MatchCancelled),
    #[serde(rename = "match.ended")]
    MatchEnded(MatchEnded),
    #[serde(rename = "message.accepted")]
    MessageAccepted(MessageAccepted),
    #[serde(rename = "message.new")]
    MessageNew(MessageNew),
    #[serde(rename = "message.delivered")]
    MessageDelivered { match_id: MatchId, seq: i64 },
    #[serde(rename = "message.read")]
    MessageRead { match_id: MatchId, seq: i64 },
    #[serde(rename = "typing")]
    Typing { match_id: MatchId, on: bool },
    /// The peer's description, sanitised.
    #[serde(rename = "rtc.description")]
    RtcDescription(RtcDescription),
    /// A relayed candidate of the peer.
    #[serde(rename = "rtc.candidate")]
    RtcCandidate(RtcCandidate),
    /// What the peer reported about the call.
    #[serde(rename = "rtc.state")]
    RtcState(RtcState),
    #[serde(rename = "peer.presence")]
    PeerPresence(PeerPresence),
    #[serde(rename = "quota")]
    Quota { quota: Quota },
    #[serde(rename = "notification")]
    Notification { notification: Notification },
    #[serde(rename = "ad")]
    Ad { ad: Ad },
    #[serde(rename = "notification.read")]
    NotificationsRead(NotificationsRead),
    /// Answers a ping.
    #[serde(rename = "pong")]
    Pong,
    #[serde(rename = "draining")]
    Draining { retry_after_ms: u64 },
    #[serde(rename = "error")]
    Error {
        code: ErrorCode,
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
        /// With `quota_exhausted`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resets_at: Option<Timestamp>,
        /// With `out_of_order`: the `seq` of the next message in this match.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_seq: Option<i64>,
    },
    /// A frame this build does not know; only a client reads it.
    #[serde(other, rename = "unknown")]
    Unknown,
}

impl ServerFrame {
    /// An error without further fields.
    pub fn error(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Error {
            code,
            message: message.into(),
            retry_after_ms: None,
            resets_at: None,
            expected_seq: None,
        }
    }

    /// The frame as JSON text, `re` naming the client's frame it answers.
    pub fn to_json(&self, re: Option<&FrameId>) -> String {
        #[derive(Serialize)]
        struct Envelope<'a> {
            #[serde(flatten)]
            frame: &'a ServerFrame,
            re: &'a FrameId,
        }
        match re {
            // Without `re`, which is most frames, nothing has to be flattened.
            None => serde_json::to_string(self),
            Some(re) => serde_json::to_string(&Envelope { frame: self, re }),
        }
        .expect("frames have string keys and serialize")
    }
}

/// A server frame as a client reads it; unknown fields are ignored, unknown types become
/// [`ServerFrame::Unknown`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ServerMessage {
    #[serde(default)]
    pub re: Option<FrameId>,
    #[serde(flatten)]
    pub frame: ServerFrame,
}
