//! What users are told of the matches their tickets became.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tebdil_core::{
    domain::{MatchRole, MatchStatus},
    id::{SessionId, UserId},
    protocol::{Match, MatchFound, ServerFrame},
    store::{MadeMatch, MadeSide, Store, StoreError},
    time::Timestamp,
};

use super::{MatchmakerConfig, engine::Side};
use crate::hub::Hub;

/// What a cancel hears when the match is there already.
pub(super) const TOO_LATE: &str = "a match was made already";

/// `match.found` for the devices of one side: the one that searched gets what it needs to start.
#[derive(Debug)]
pub(super) struct Announcement {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) to_session: ServerFrame,
    pub(super) to_others: ServerFrame,
}

impl Announcement {
    fn new(user: UserId, session: SessionId, frame: impl Fn(bool) -> MatchFound) -> Self {
        let [to_session, to_others] = [true, false].map(|this_device| ServerFrame::MatchFound(Box::new(frame(this_device))));
        Self { user, session, to_session, to_others }
    }

    /// For one side of a new match.
    fn of_side(made: &MadeMatch, side: &MadeSide, other: &MadeSide, role: MatchRole) -> Self {
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
            claim: None,
        };
        Self::new(side.user_id, side.session_id, |this_device| MatchFound {
            found: found.clone(),
            peer_key_package: (this_device && role == MatchRole::Offerer).then(|| STANDARD.encode(&made.key_package)),
            this_device,
            keys_remaining: this_device.then_some(side.keys_remaining),
            quota: side.quota.clone(),
        })
    }

    /// For both sides of a new match.
    pub(super) fn of(made: &MadeMatch) -> [Self; 2] {
        let (offerer, answerer) = (&made.offerer, &made.answerer);
        [Self::of_side(made, offerer, answerer, MatchRole::Offerer), Self::of_side(made, answerer, offerer, MatchRole::Answerer)]
    }

    /// For a ticket that was used before: its transaction was committed although the answer got lost. `None` when there is no such match.
    pub(super) async fn of_used(store: &Store, config: &MatchmakerConfig, side: Side, now: Timestamp) -> Result<Option<Self>, StoreError> {
        let Some(row) = store.match_of_ticket(side.ticket, side.user).await? else { return Ok(None) };
        let Some(user) = store.user(side.user).await? else { return Ok(None) };
        let quota = user.balances.quota(&config.rules.quota, user.is_premium, now);
        let keys_remaining = store.key_packages_remaining(row.session_id, now).await?;
        let found = row.view(now)?;
        Ok(Some(Self::new(side.user, row.session_id, |this_device| MatchFound {
            found: found.clone(),
            peer_key_package: row.peer_key_package.as_ref().filter(|_| this_device).map(|package| STANDARD.encode(package)),
            this_device,
            keys_remaining: this_device.then_some(keys_remaining),
            quota: quota.clone(),
        })))
    }

    pub(super) fn send(&self, hub: &Hub) {
        hub.send_split(self.user, self.session, &self.to_session, &self.to_others);
    }
}
