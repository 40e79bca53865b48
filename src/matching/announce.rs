//! What users are told of the matches their tickets became.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tebdil_core::{
    realtime::Presence,
    store::{MadeMatch, MadeSide, Store, StoreError},
};
use tebdil_protocol::{
    Match, MatchFound, PeerPresence, ServerFrame,
    domain::{MatchRole, MatchStatus},
    id::{MatchId, SessionId, UserId},
    time::Timestamp,
};

use super::{MatchmakerConfig, engine::Side};
use crate::{hub::Hub, notifications::Wakeups};

/// What a cancel hears when the match is there already.
pub(super) const TOO_LATE: &str = "a match was made already";

/// `match.found` for the devices of one side: the one that searched gets what it needs to start.
#[derive(Debug)]
pub(super) struct Announcement {
    pub(super) match_id: MatchId,
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) to_session: ServerFrame,
    pub(super) to_others: ServerFrame,
}

impl Announcement {
    fn new(
        match_id: MatchId,
        user: UserId,
        session: SessionId,
        frame: impl Fn(bool) -> MatchFound,
    ) -> Self {
        let [to_session, to_others] =
            [true, false].map(|this_device| ServerFrame::MatchFound(Box::new(frame(this_device))));
        Self {
            match_id,
            user,
            session,
            to_session,
            to_others,
        }
    }

    /// For one side of a new match.
    fn of_side(made: &MadeMatch, side: &MadeSide, other: &MadeSide, role: MatchRole) -> Self {
        let found = Match {
            id: made.id,
            this_device: true,
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
        Self::new(made.id, side.user_id, side.session_id, |this_device| {
            MatchFound {
                found: Match {
                    this_device,
                    ..found.clone()
                },
                peer_key_package: (this_device && role == MatchRole::Offerer)
                    .then(|| STANDARD.encode(&made.key_package)),
                keys_remaining: this_device.then_some(side.keys_remaining),
                quota: side.quota.clone(),
            }
        })
    }

    /// For both sides of a new match.
    pub(super) fn of(made: &MadeMatch) -> [Self; 2] {
        let (offerer, answerer) = (&made.offerer, &made.answerer);
        [
            Self::of_side(made, offerer, answerer, MatchRole::Offerer),
            Self::of_side(made, answerer, offerer, MatchRole::Answerer),
        ]
    }

    /// For a ticket that was used before: its transaction was committed although the answer got
    /// lost. `None` when there is no such match.
    pub(super) async fn of_used(
        store: &Store,
        config: &MatchmakerConfig,
        side: Side,
        now: Timestamp,
    ) -> Result<Option<Self>, StoreError> {
        let Some(row) = store
            .matches()
            .match_of_ticket(side.ticket, side.user)
            .await?
        else {
            return Ok(None);
        };
        let Some(user) = store.accounts().user(side.user).await? else {
            return Ok(None);
        };
        let quota = user
            .balances
            .quota(&config.rules.quota, user.is_premium, now);
        let keys_remaining = store
            .accounts()
            .key_packages_remaining(row.session_id, now)
            .await?;
        let found = row.view(row.session_id, now);
        Ok(Some(Self::new(
            row.id,
            side.user,
            row.session_id,
            |this_device| MatchFound {
                found: Match {
                    this_device,
                    ..found.clone()
                },
                peer_key_package: row
                    .peer_key_package
                    .as_ref()
                    .filter(|_| this_device)
                    .map(|package| STANDARD.encode(package)),
                keys_remaining: this_device.then_some(keys_remaining),
                quota: quota.clone(),
            },
        )))
    }
}

/// A side of a match whose user has no connection at this node.
#[derive(Debug, Clone, Copy)]
pub(super) struct PerhapsAway {
    match_id: MatchId,
    user: UserId,
    session: SessionId,
    /// Who is told when the user is away, where the user's own connection cannot have done it.
    peer: Option<UserId>,
}

/// Tells users of their matches.
#[derive(Debug, Clone)]
pub(super) struct Crier {
    pub(super) hub: Arc<Hub>,
    pub(super) presence: Presence,
    pub(super) wakeups: Arc<Wakeups>,
}

impl Crier {
    /// Tells both sides of a new match; those of whom it is not known whether they heard it.
    pub(super) fn tell_both(&self, made: &MadeMatch) -> Vec<PerhapsAway> {
        let peers = [made.answerer.user_id, made.offerer.user_id];
        let told = Announcement::of(made).into_iter().zip(peers);
        told.filter_map(|(announcement, peer)| {
            Some(PerhapsAway {
                peer: Some(peer),
                ..self.tell(&announcement)?
            })
        })
        .collect()
    }

    /// Tells one side.
    pub(super) fn tell(&self, announcement: &Announcement) -> Option<PerhapsAway> {
        let Announcement {
            match_id,
            user,
            session,
            to_session,
            to_others,
        } = announcement;
        self.hub.send_split(*user, *session, to_session, to_others);
        (!self.hub.is_here(*user)).then_some(PerhapsAway {
            match_id: *match_id,
            user: *user,
            session: *session,
            peer: None,
        })
    }

    /// Looks after those who went before the commit: their peers learn of it, and they are woken
    /// unless they come back. Without an answer nothing is said: the peer is told when it changes.
    pub(super) async fn look_after(&self, sides: &[PerhapsAway]) {
        let users: Vec<UserId> = sides.iter().map(|side| side.user).collect();
        let Ok(online) = self.presence.online(&users).await else {
            return;
        };
        for (side, _) in sides.iter().zip(online).filter(|(_, online)| !online) {
            if let Some(peer) = side.peer {
                self.hub.send(
                    peer,
                    &ServerFrame::PeerPresence(PeerPresence {
                        match_id: side.match_id,
                        online: false,
                    }),
                );
            }
            self.wakeups
                .match_found(side.match_id, (side.user, side.session));
        }
    }
}
