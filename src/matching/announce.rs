//! What the matchmaker tells the users whose tickets it has settled.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tebdil_core::{
    domain::{MatchRole, MatchStatus},
    protocol::{ErrorCode, FrameId, Match, MatchFound, ServerFrame},
    store::{MadeMatch, MadeSide, Refusal, StoreError},
};

use super::{
    engine::Side,
    matchmaker::{MatchmakerTask, Open},
    request::quota_exhausted,
};
use crate::hub::Connection;

/// What a cancel hears when the match is there already.
pub(super) const TOO_LATE: &str = "a match was made already";

impl MatchmakerTask {
    /// Tells the devices of one side: the one that searched gets what it needs to start.
    pub(super) fn announce(&self, made: &MadeMatch, side: &MadeSide, other: &MadeSide, role: MatchRole) {
        let found = Match {
            id: made.id,
            mode: made.mode,
            status: MatchStatus::Active,
            peer: other.peer.clone(),
            role,
            shared_interests: made.shared_interests.clone(),
            created_at: made.created_at,
            expires_at: made.expires_at,
            ended_at: None,
            ended_reason: None,
            unread: 0,
        };
        for connection in self.hub.connections(side.user_id) {
            let this_device = connection.session_id == side.session_id;
            let peer_key_package = (this_device && role == MatchRole::Offerer).then(|| STANDARD.encode(&made.key_package));
            let frame = MatchFound {
                found: found.clone(),
                peer_key_package,
                this_device,
                keys_remaining: this_device.then_some(side.keys_remaining),
                quota: side.quota.clone(),
            };
            connection.send(&ServerFrame::MatchFound(Box::new(frame)), None);
        }
    }

    /// Tells a user why the search ended without a match, and whoever cancelled it.
    pub(super) async fn tell(&self, side: Side, open: Open, refusal: Option<Refusal>) {
        let mut frame = match refusal {
            Some(Refusal::QuotaExhausted { resets_at }) => quota_exhausted(resets_at),
            Some(Refusal::KeysRequired) => ServerFrame::error(ErrorCode::KeysRequired, ErrorCode::KeysRequired.title()),
            Some(Refusal::TooManyMatches) => ServerFrame::error(ErrorCode::TooManyMatches, ErrorCode::TooManyMatches.title()),
            Some(Refusal::Invalid) | None => ServerFrame::MatchCancelled,
        };
        // A used ticket: its transaction was committed although the answer got lost.
        if refusal == Some(Refusal::Invalid) {
            match self.announce_used(side).await {
                Ok(false) => {}
                Ok(true) => {
                    if let Some((by, re)) = open.cancel {
                        by.send(&ServerFrame::error(ErrorCode::NotSearching, TOO_LATE), re.as_ref());
                    }
                    return;
                }
                Err(error) => {
                    tracing::error!(%error, "a match could not be read back");
                    frame = ServerFrame::error(ErrorCode::Unavailable, ErrorCode::Unavailable.title());
                }
            }
        }
        match open.cancel {
            Some((by, re)) => cancelled(&open.connection, &by, re.as_ref()),
            None => open.connection.send(&frame, None),
        }
    }

    /// Tells the devices of a user of the match its ticket became. False when there is none.
    async fn announce_used(&self, side: Side) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let Some(row) = self.store.match_of_ticket(side.ticket, side.user).await? else { return Ok(false) };
        let Some(user) = self.store.user(side.user).await? else { return Ok(false) };
        let quota = user.balances.quota(&self.config.rules.quota, user.is_premium, now);
        let keys_remaining = self.store.key_packages_remaining(row.session_id, now).await?;
        for connection in self.hub.connections(side.user) {
            let this_device = connection.session_id == row.session_id;
            let frame = MatchFound {
                found: row.view(now)?,
                peer_key_package: row.peer_key_package.as_ref().filter(|_| this_device).map(|package| STANDARD.encode(package)),
                this_device,
                keys_remaining: this_device.then_some(keys_remaining),
                quota: quota.clone(),
            };
            connection.send(&ServerFrame::MatchFound(Box::new(frame)), None);
        }
        Ok(true)
    }
}

/// Answers a cancel; the device that searched learns of it when another one cancelled.
pub(super) fn cancelled(searched: &Connection, by: &Connection, re: Option<&FrameId>) {
    by.send(&ServerFrame::MatchCancelled, re);
    if searched.id != by.id {
        searched.send(&ServerFrame::MatchCancelled, None);
    }
}
