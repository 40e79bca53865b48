//! A sanitised signal in the form of the contract.

use serde::{Deserialize, Serialize};
use tebdil_protocol::{RtcCandidate, RtcDescription, ServerFrame, id::MatchId};
use tebdil_signaling::Signal;

/// A signal on its way from one node to another. `Debug` shows neither description nor candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Word {
    Description(RtcDescription),
    Candidate(RtcCandidate),
}

impl Word {
    pub(super) fn new(match_id: MatchId, signal: Signal) -> Self {
        match signal {
            Signal::Description { kind, round, sdp } => Self::Description(RtcDescription {
                match_id,
                kind,
                sdp: sdp.into(),
                round,
            }),
            Signal::Candidate {
                candidate,
                sdp_mid,
                sdp_m_line_index,
            } => Self::Candidate(RtcCandidate {
                match_id,
                candidate: candidate.into(),
                sdp_mid,
                sdp_m_line_index,
            }),
        }
    }

    pub(super) const fn match_id(&self) -> MatchId {
        match self {
            Self::Description(description) => description.match_id,
            Self::Candidate(candidate) => candidate.match_id,
        }
    }

    pub(super) fn into_signal(self) -> Signal {
        match self {
            Self::Description(RtcDescription {
                kind, sdp, round, ..
            }) => Signal::Description {
                kind,
                round,
                sdp: sdp.expose().to_owned(),
            },
            Self::Candidate(RtcCandidate {
                candidate,
                sdp_mid,
                sdp_m_line_index,
                ..
            }) => Signal::Candidate {
                candidate: candidate.expose().to_owned(),
                sdp_mid,
                sdp_m_line_index,
            },
        }
    }

    pub(super) fn into_frame(self) -> ServerFrame {
        match self {
            Self::Description(description) => ServerFrame::RtcDescription(description),
            Self::Candidate(candidate) => ServerFrame::RtcCandidate(candidate),
        }
    }
}
