//! The calls of video matches.

use sqlx_macros::FromRow;

use super::Matches;
use crate::store::StoreError;
use tebdil_protocol::{
    domain::{MatchRole, MatchStatus, Mode},
    id::{MatchId, SessionId, UserId},
    time::Timestamp,
};

/// What decides whether a user may take part in the call of a match.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct CallSide {
    pub mode: Mode,
    pub role: MatchRole,
    /// The device that searched, where the call is.
    pub session_id: SessionId,
    pub peer_id: UserId,
    /// The device that searched on the other side.
    pub peer_session_id: SessionId,
    pub created_at: Timestamp,
    /// When the call was connected first.
    pub connected_at: Option<Timestamp>,
    status: MatchStatus,
    expired_at: Timestamp,
}

impl CallSide {
    /// Whether the match goes on at `now`.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.status == MatchStatus::Active && now < self.expired_at
    }
}

impl Matches<'_> {
    /// The side of `user` in a match of either mode, even if it is over. `None` for a user who is
    /// not in it.
    pub async fn call_side(
        self,
        match_id: MatchId,
        user: UserId,
    ) -> Result<Option<CallSide>, StoreError> {
        const SQL: &str = "SELECT m.type AS mode, s.role, s.session_id, s.peer_id, \
             p.session_id AS peer_session_id, m.created_at, m.connected_at, m.status, m.expired_at \
             FROM match_sides s JOIN matches m ON m.id = s.match_id \
             JOIN match_sides p ON p.match_id = s.match_id AND p.user_id = s.peer_id \
             WHERE s.match_id = $1 AND s.user_id = $2";
        self.db.optional(SQL, (match_id, user)).await
    }

    /// The next video matches after `after` that are open at `now`, oldest first.
    pub async fn open_video_matches(
        self,
        after: Option<MatchId>,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<MatchId>, StoreError> {
        const SQL: &str = "SELECT id FROM matches WHERE type = 'video' AND status = 'active' \
             AND expired_at > $1 AND id > $2 ORDER BY id LIMIT $3";
        let after = after.unwrap_or(MatchId(0));
        self.db.values(SQL, (now, after, limit)).await
    }
}
