//! Tells people of their matches.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tebdil_core::{
    realtime::Whom,
    store::{MadeMatch, SideDevice},
};
use tebdil_protocol::{
    Match, MatchFound, PeerPresence, ServerFrame,
    domain::{MatchRole, MatchStatus},
    id::UserId,
};

use crate::{hub::Hub, notifications::Wakeups};

/// Tells both sides of a match, and wakes those who are away.
#[derive(Debug, Clone)]
pub struct NewMatches {
    pub hub: Arc<Hub>,
    pub wakeups: Arc<Wakeups>,
}

/// A side whose user has no connection at this node.
struct PerhapsAway {
    side: SideDevice,
    /// Who is told that the user is away, if the user's own connection cannot have done it.
    peer: Option<UserId>,
    /// Whether to wake it; a background search has ordered its push.
    wake: bool,
}

impl NewMatches {
    /// Tells all devices of both users of each match, and those of sides that may never have been
    /// told. Users who left before the commit are woken unless they come back, and their peers
    /// learn that they are away. While presence does not answer, peers are told nothing until it
    /// changes.
    pub async fn tell(self, made: Vec<MadeMatch>, perhaps_told: Vec<SideDevice>) {
        let mut sides = Vec::new();
        for made in made {
            metrics::counter!("tebdil_matches_total", "mode" => made.mode.as_str()).increment(1);
            for role in [MatchRole::Offerer, MatchRole::Answerer] {
                sides.push(self.tell_side(&made, role));
            }
        }
        for side in perhaps_told {
            // Every device gets what it missed.
            self.hub.is_behind(side.1);
            self.hub.tell_of_loss(side.1);
            sides.push(PerhapsAway {
                side,
                peer: None,
                wake: true,
            });
        }
        sides.retain(|away| !self.hub.is_here(away.side.1));
        let users: Vec<Whom> = sides.iter().map(|away| (away.side.1, None)).collect();
        let Ok(online) = self.hub.online(&users).await else {
            return;
        };
        for (away, _) in sides.iter().zip(online).filter(|(_, online)| !online) {
            let (match_id, user, session) = away.side;
            if let Some(peer) = away.peer {
                let offline = PeerPresence {
                    match_id,
                    online: false,
                };
                self.hub.send(peer, &ServerFrame::PeerPresence(offline));
            }
            if away.wake {
                self.wakeups.match_found(match_id, (user, session));
            }
        }
    }

    fn tell_side(&self, made: &MadeMatch, role: MatchRole) -> PerhapsAway {
        let (side, other) = match role {
            MatchRole::Offerer => (&made.offerer, &made.answerer),
            MatchRole::Answerer => (&made.answerer, &made.offerer),
        };
        let found = |this_device| {
            let found = Match {
                id: made.id,
                this_device,
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
            ServerFrame::MatchFound(Box::new(MatchFound {
                found,
                peer_key_package: (this_device && role == MatchRole::Offerer)
                    .then(|| STANDARD.encode(&made.key_package)),
                keys_remaining: this_device.then_some(side.keys_remaining),
                quota: side.quota.clone(),
            }))
        };
        let (user, session) = (side.user_id, side.session_id);
        self.hub
            .send_split(user, session, &found(true), &found(false));
        PerhapsAway {
            side: (made.id, user, session),
            peer: Some(other.user_id),
            wake: !side.background,
        }
    }
}
