//! Frames on their way out, and what they tell a device.

use serde::{Deserialize, Serialize};
use tebdil_protocol::{FrameId, ServerFrame, id::MatchId};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// What a frame tells a device about a match, so that what it missed can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// The match goes on.
    Found(MatchId),
    /// The peer's message with this `seq`.
    Message(MatchId, i64),
    /// The match is over.
    Ended(MatchId),
}

impl Mark {
    fn of(frame: &ServerFrame) -> Option<Self> {
        match frame {
            ServerFrame::MatchFound(found) => Some(Self::Found(found.found.id)),
            ServerFrame::MessageNew(message) => Some(Self::Message(message.match_id, message.seq)),
            ServerFrame::MatchEnded(ended) => Some(Self::Ended(ended.match_id)),
            _ => None,
        }
    }
}

/// A frame, encoded once for all its receivers.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub text: Utf8Bytes,
    pub mark: Option<Mark>,
}

impl Outgoing {
    /// A frame, `re` naming the client's frame it answers.
    pub fn new(frame: &ServerFrame, re: Option<&FrameId>) -> Self {
        Self {
            text: frame.to_json(re).into(),
            mark: Mark::of(frame),
        }
    }
}

/// Matches that a device knows to go on, with the highest `seq` of the peer up to which it was sent
/// everything.
pub type KnownMatches = Vec<(MatchId, i64)>;
