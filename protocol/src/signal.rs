//! What the two devices of a call send each other through the server.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Secret, ServerFrame};
use crate::{
    domain::{CallState, DescriptionKind},
    id::MatchId,
};

/// A session description for the peer of a video match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RtcDescription {
    pub match_id: MatchId,
    pub kind: DescriptionKind,
    /// At most 32 KiB. The peer gets it sanitised.
    pub sdp: Secret,
    /// The `round` of the offer that this answers; absent: the newest. Not with an offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<i64>,
}

/// An ICE candidate for the peer of a video match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RtcCandidate {
    pub match_id: MatchId,
    /// At most 512 bytes; empty at the end of the candidates. Only candidates that name a relay of
    /// ours reach the peer.
    pub candidate: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdp_mid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdp_m_line_index: Option<u16>,
}

/// What a device of a call says to the other: the same from socket to socket. `Debug` shows neither
/// description nor candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    Description(RtcDescription),
    Candidate(RtcCandidate),
}

impl Signal {
    /// The match whose call it belongs to.
    pub const fn match_id(&self) -> MatchId {
        match self {
            Self::Description(description) => description.match_id,
            Self::Candidate(candidate) => candidate.match_id,
        }
    }
}

/// What became of the call of a video match, on this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RtcState {
    pub match_id: MatchId,
    pub state: CallState,
}

impl From<Signal> for ServerFrame {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Description(description) => Self::RtcDescription(description),
            Signal::Candidate(candidate) => Self::RtcCandidate(candidate),
        }
    }
}
