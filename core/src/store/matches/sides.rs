//! Matches as their sides see them.

use std::collections::HashMap;

use sqlx_macros::FromRow;

use super::{
    Matches,
    lifecycle::{CallOutcome, EndedMatch},
};
use crate::store::{SideDevice, StoreError, TextList};
use tebdil_protocol::{
    Claim, Match, Peer,
    domain::{ClaimRefusal, ClaimStatus, EndReason, MatchRole, MatchStatus, Mode},
    id::{ClaimId, MatchId, SessionId, TicketId, UserId},
    time::Timestamp,
};

/// A match as one of its sides has it.
#[derive(Debug, Clone, FromRow)]
pub struct MatchRow {
    pub id: MatchId,
    pub mode: Mode,
    status: MatchStatus,
    pub created_at: Timestamp,
    pub expired_at: Timestamp,
    ended_at: Option<Timestamp>,
    ended_reason: Option<EndReason>,
    pub ended_by: Option<UserId>,
    connected_at: Option<Timestamp>,
    call_failed_at: Option<Timestamp>,
    shared_interests: TextList,
    pub role: MatchRole,
    pub peer_id: UserId,
    /// The device of this side that searched.
    pub session_id: SessionId,
    /// The peer's content that this side has not marked read, up to the limit of counting.
    unread: i64,
    /// Highest seq of the peer, and of this side.
    pub peer_last_seq: i64,
    pub last_seq: i64,
    /// The first message of the peer that this side has not acknowledged, and the first one of this
    /// side that the peer has not.
    peer_first_waiting: Option<i64>,
    first_waiting: Option<i64>,
    /// How far the peer has read this side's messages.
    pub peer_read_seq: i64,
    /// Only for the offerer, until it has sent something.
    pub peer_key_package: Option<Vec<u8>>,
    alias: String,
    tag: String,
    claim_id: Option<ClaimId>,
    claim_status: Option<ClaimStatus>,
    claim_reason: Option<ClaimRefusal>,
    claim_time: Option<Timestamp>,
    claim_processed_at: Option<Timestamp>,
}

impl MatchRow {
    /// Highest seq of the peer that this side has acknowledged.
    pub fn delivered_seq(&self) -> i64 {
        self.peer_first_waiting
            .map_or(self.peer_last_seq, |first| first - 1)
    }

    /// Highest seq of this side that the peer has acknowledged.
    pub fn peer_delivered_seq(&self) -> i64 {
        self.first_waiting.map_or(self.last_seq, |first| first - 1)
    }

    /// The match in the form of the contract, as the device `session` sees it. One whose time is
    /// over reads as expired, whether or not the job has run.
    pub fn view(&self, session: SessionId, now: Timestamp) -> Match {
        let ran_out = self.status == MatchStatus::Active && now >= self.expired_at;
        Match {
            id: self.id,
            this_device: self.session_id == session,
            mode: self.mode,
            status: if ran_out {
                MatchStatus::Expired
            } else {
                self.status
            },
            peer: Peer::new(self.alias.clone(), self.tag.clone()),
            role: self.role,
            shared_interests: self.shared_interests.0.clone(),
            created_at: self.created_at,
            expires_at: self.expired_at,
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
            unread: self.unread,
            claim: self.claim(),
        }
    }

    fn claim(&self) -> Option<Claim> {
        Some(Claim {
            id: self.claim_id?,
            match_id: self.id,
            status: self.claim_status?,
            reason: self.claim_reason,
            created_at: self.claim_time?,
            decided_at: self.claim_processed_at,
        })
    }

    /// Whether nothing shows that this side's device knows of the match: it may have to be told
    /// (again).
    pub fn is_unbegun(&self) -> bool {
        self.peer_key_package.is_some() || (self.last_seq == 0 && self.delivered_seq() == 0)
    }

    /// How the match ended, for its side `user`; `None` while it goes on.
    pub fn ended(&self, user: UserId, now: Timestamp) -> Option<EndedMatch> {
        if self.is_active(now) {
            return None;
        }
        let ran_out = self.status == MatchStatus::Active;
        Some(EndedMatch {
            match_id: self.id,
            mode: self.mode,
            users: [user, self.peer_id],
            status: if ran_out {
                MatchStatus::Expired
            } else {
                self.status
            },
            reason: self
                .ended_reason
                .filter(|_| !ran_out)
                .unwrap_or(EndReason::Expired),
            by: self.ended_by,
            call: CallOutcome::of(self.mode, self.connected_at, self.call_failed_at),
        })
    }

    /// Whether the match goes on at `now`.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.status == MatchStatus::Active && now < self.expired_at
    }
}

/// Which matches a list holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct MatchFilter {
    pub status: Option<MatchStatus>,
    pub mode: Option<Mode>,
    /// Only matches with smaller ids.
    pub before: Option<MatchId>,
}

// Unread messages are counted in the logs, since messages are deleted when the match is over;
// handshakes do not count. Not beyond 1,000, so that a list costs no more than that for each match.
const SELECT: &str = "SELECT m.id, m.type AS mode, m.status, m.created_at, m.expired_at, \
     m.ended_at, m.ended_reason, m.ended_by, m.connected_at, m.call_failed_at, m.shared_interests, \
     s.role, s.peer_id, s.session_id, s.peer_key_package, p.read_seq AS peer_read_seq, \
     (SELECT COUNT(*) FROM (SELECT l.seq FROM message_logs l \
     WHERE l.match_id = s.match_id AND l.sender_id = s.peer_id AND l.seq > s.read_seq \
     AND l.kind = 'content' LIMIT 1000) AS unread_content) AS unread, \
     COALESCE((SELECT MAX(l.seq) FROM message_logs l \
     WHERE l.match_id = s.match_id AND l.sender_id = s.peer_id), 0) AS peer_last_seq, \
     COALESCE((SELECT MAX(l.seq) FROM message_logs l \
     WHERE l.match_id = s.match_id AND l.sender_id = s.user_id), 0) AS last_seq, \
     (SELECT MIN(w.seq) FROM messages w \
     WHERE w.match_id = s.match_id AND w.sender_id = s.peer_id) AS peer_first_waiting, \
     (SELECT MIN(w.seq) FROM messages w \
     WHERE w.match_id = s.match_id AND w.sender_id = s.user_id) AS first_waiting, \
     u.alias, u.tag, \
     c.id AS claim_id, c.status AS claim_status, c.reason AS claim_reason, c.claim_time, \
     c.processed_at AS claim_processed_at \
     FROM match_sides s JOIN matches m ON m.id = s.match_id \
     JOIN match_sides p ON p.match_id = s.match_id AND p.user_id = s.peer_id \
     JOIN users u ON u.id = s.peer_id \
     LEFT JOIN claims c ON c.user_id = s.user_id AND c.match_id = s.match_id \
     WHERE s.user_id = $1";

impl Matches<'_> {
    /// A match of `user`.
    pub async fn match_of(
        self,
        match_id: MatchId,
        user: UserId,
    ) -> Result<Option<MatchRow>, StoreError> {
        Ok(self
            .read(SELECT)
            .bind(user)
            .push(" AND s.match_id = ")
            .push_bind(match_id)
            .optional()
            .await?)
    }

    /// Those of these tickets that became a match, with the side that each became.
    pub async fn used_among(
        self,
        tickets: &[TicketId],
    ) -> Result<HashMap<TicketId, SideDevice>, StoreError> {
        const SQL: &str = "SELECT ticket_id, match_id, user_id, session_id FROM match_sides \
             WHERE ticket_id IN ({list})";
        let used: Vec<(TicketId, MatchId, UserId, SessionId)> =
            self.read(SQL).list(tickets).all().await?;
        let sides = used
            .into_iter()
            .map(|(ticket, id, user, session)| (ticket, (id, user, session)));
        Ok(sides.collect())
    }

    /// Matches of `user`, newest first.
    pub async fn matches_of(
        self,
        user: UserId,
        filter: MatchFilter,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<MatchRow>, StoreError> {
        const RAN_OUT: &str = " AND (m.status = 'expired' OR (s.open AND m.expired_at <= ";
        let mut query = self.read(SELECT).bind(user);
        query = match filter.status {
            Some(MatchStatus::Active) => {
                query.push(" AND s.open AND m.expired_at > ").push_bind(now)
            }
            Some(MatchStatus::Expired) => query.push(RAN_OUT).push_bind(now).push("))"),
            Some(status) => query.push(" AND m.status = ").push_bind(status),
            None => query,
        };
        if let Some(mode) = filter.mode {
            query = query.push(" AND m.type = ").push_bind(mode);
        }
        if let Some(before) = filter.before {
            query = query.push(" AND s.match_id < ").push_bind(before);
        }
        Ok(query
            .push(" ORDER BY s.match_id DESC LIMIT ")
            .push_bind(limit)
            .all()
            .await?)
    }

    /// The matches of `user` that go on at `now`, newest first.
    pub async fn active_matches(
        self,
        user: UserId,
        now: Timestamp,
    ) -> Result<Vec<MatchRow>, StoreError> {
        let active = MatchFilter {
            status: Some(MatchStatus::Active),
            ..MatchFilter::default()
        };
        // Making a match bounds how many a user may have at once.
        self.matches_of(user, active, i64::MAX, now).await
    }
}
