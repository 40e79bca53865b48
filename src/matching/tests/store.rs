//! What the store of the test answers with.

use std::time::Duration;

use tebdil_core::store::{MadeMatch, MadeSide, NewSide};
use tebdil_protocol::{
    Peer, Quota, ServerFrame,
    domain::Mode,
    id::{MatchId, SessionId},
};

use super::net::clock;
use crate::matching::announce::Announcement;

pub(super) fn announcement(side: NewSide) -> Announcement {
    // The store of the test is asked by ticket.
    Announcement {
        match_id: MatchId(side.ticket_id.0),
        user: side.user_id,
        session: SessionId(side.ticket_id.0),
        to_session: ServerFrame::MatchCancelled,
        to_others: ServerFrame::MatchCancelled,
    }
}

pub(super) fn made([offerer, answerer]: [NewSide; 2]) -> MadeMatch {
    let now = clock(Duration::ZERO);
    let side = |side: NewSide| MadeSide {
        user_id: side.user_id,
        session_id: side.session_id,
        ticket_id: side.ticket_id,
        peer: Peer::new("biri".to_owned(), "0001".to_owned()),
        quota: Quota {
            text: 1,
            video: 1,
            bonus: 0,
            daily_text: 1,
            daily_video: 1,
            resets_at: now,
        },
        keys_remaining: 1,
    };
    MadeMatch {
        id: MatchId(1),
        mode: Mode::Text,
        created_at: now,
        expires_at: now,
        shared_interests: Vec::new(),
        offerer: side(offerer),
        answerer: side(answerer),
        key_package: Vec::new(),
    }
}
