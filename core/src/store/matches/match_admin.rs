//! Matches as staff see them: who, when and how much.

use sqlx_macros::FromRow;

use super::Matches;
use crate::store::StoreError;
use tebdil_protocol::{
    AdminMatch, AdminMatchSide, Peer,
    domain::{EndReason, MatchRole, MatchStatus, Mode},
    id::{MatchId, UserId},
    time::Timestamp,
};

/// Which matches a list holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StaffMatchFilter {
    /// Only matches of this user.
    pub user: Option<UserId>,
    pub status: Option<MatchStatus>,
    pub mode: Option<Mode>,
    /// Only matches with smaller ids.
    pub before: Option<MatchId>,
}

/// A match and both its users.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct StaffMatchRow {
    pub id: MatchId,
    mode: Mode,
    status: MatchStatus,
    created_at: Timestamp,
    expired_at: Timestamp,
    connected_at: Option<Timestamp>,
    call_failed_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    ended_reason: Option<EndReason>,
    ended_by: Option<UserId>,
    user1_id: UserId,
    alias1: String,
    tag1: String,
    erased1: bool,
    sent1: i64,
    user2_id: UserId,
    alias2: String,
    tag2: String,
    erased2: bool,
    sent2: i64,
}

impl StaffMatchRow {
    /// The match as staff see it. One whose time is over reads as expired, whether or not the job
    /// has run.
    pub fn view(self, now: Timestamp) -> AdminMatch {
        let ran_out = self.status == MatchStatus::Active && now >= self.expired_at;
        let handle = |alias, tag, erased: bool| (!erased).then(|| Peer::new(alias, tag).handle);
        AdminMatch {
            id: self.id,
            mode: self.mode,
            status: if ran_out {
                MatchStatus::Expired
            } else {
                self.status
            },
            sides: vec![
                AdminMatchSide {
                    user_id: self.user1_id,
                    handle: handle(self.alias1, self.tag1, self.erased1),
                    role: MatchRole::Offerer,
                    messages: self.sent1,
                },
                AdminMatchSide {
                    user_id: self.user2_id,
                    handle: handle(self.alias2, self.tag2, self.erased2),
                    role: MatchRole::Answerer,
                    messages: self.sent2,
                },
            ],
            created_at: self.created_at,
            expires_at: self.expired_at,
            connected_at: self.connected_at,
            call_failed_at: self.call_failed_at,
            ended_at: if ran_out {
                Some(self.expired_at)
            } else {
                self.ended_at
            },
            ended_reason: if ran_out {
                Some(EndReason::Expired)
            } else {
                self.ended_reason
            },
            ended_by: self.ended_by,
        }
    }
}

const SELECT: &str = "SELECT m.id, m.type AS mode, m.status, m.created_at, m.expired_at, \
     m.connected_at, m.call_failed_at, m.ended_at, m.ended_reason, m.ended_by, \
     m.user1_id, a.alias AS alias1, a.tag AS tag1, a.erased_at IS NOT NULL AS erased1, \
     (SELECT COUNT(*) FROM message_logs l \
     WHERE l.match_id = m.id AND l.sender_id = a.id AND l.kind = 'content') AS sent1, \
     m.user2_id, b.alias AS alias2, b.tag AS tag2, b.erased_at IS NOT NULL AS erased2, \
     (SELECT COUNT(*) FROM message_logs l \
     WHERE l.match_id = m.id AND l.sender_id = b.id AND l.kind = 'content') AS sent2 \
     FROM matches m JOIN users a ON a.id = m.user1_id JOIN users b ON b.id = m.user2_id";

impl Matches<'_> {
    /// Everybody's matches, newest first.
    pub async fn matches_for_staff(
        self,
        filter: StaffMatchFilter,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<StaffMatchRow>, StoreError> {
        const RAN_OUT: &str =
            " AND (m.status = 'expired' OR (m.status = 'active' AND m.expired_at <= ";
        let before = filter.before.unwrap_or(MatchId(i64::MAX));
        let mut query = self.read(SELECT).bind(before);
        // By the index that has the matches of a user in their order, or by that of all.
        let order;
        if let Some(user) = filter.user {
            query = query.push(" JOIN match_sides s ON s.match_id = m.id WHERE s.match_id < $1");
            query = query.push(" AND s.user_id = ").push_bind(user);
            order = " ORDER BY s.match_id DESC LIMIT ";
        } else {
            query = query.push(" WHERE m.id < $1");
            order = " ORDER BY m.id DESC LIMIT ";
        }
        query = match filter.status {
            Some(MatchStatus::Active) => query
                .push(" AND m.status = 'active' AND m.expired_at > ")
                .push_bind(now),
            Some(MatchStatus::Expired) => query.push(RAN_OUT).push_bind(now).push("))"),
            Some(status) => query.push(" AND m.status = ").push_bind(status),
            None => query,
        };
        if let Some(mode) = filter.mode {
            query = query.push(" AND m.type = ").push_bind(mode);
        }
        Ok(query.push(order).push_bind(limit).all().await?)
    }
}
