//! Matches as their sides see them, and how they end.

use std::collections::HashSet;

use sqlx::{FromRow, QueryBuilder};

use super::{Store, StoreError, from_json_list};
use crate::{
    backend::{read, write_tx},
    domain::{ClaimRefusal, ClaimStatus, EndReason, MatchRole, MatchStatus, Mode},
    id::{ClaimId, MatchId, SessionId, TicketId, UserId},
    protocol::{Claim, Match, Peer},
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
    shared_interests: String,
    pub role: MatchRole,
    pub peer_id: UserId,
    /// The device of this side that searched.
    pub session_id: SessionId,
    /// Highest seq of the peer that this side has received.
    pub delivered_seq: i64,
    /// Content of the peer that this side has not marked read, as far as it is counted.
    unread: i64,
    /// Highest seq of the peer.
    pub peer_last_seq: i64,
    /// How far the peer has come with this side's messages.
    pub peer_delivered_seq: i64,
    pub peer_read_seq: i64,
    /// Highest seq of this side.
    pub last_seq: i64,
    /// For the offerer, until it has sent something.
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
    /// The match in the form of the contract. One that has run out reads as expired, whether or not
    /// the job came by.
    pub fn view(&self, now: Timestamp) -> Result<Match, StoreError> {
        let ran_out = self.status == MatchStatus::Active && now >= self.expired_at;
        Ok(Match {
            id: self.id,
            mode: self.mode,
            status: if ran_out {
                MatchStatus::Expired
            } else {
                self.status
            },
            peer: Peer::new(self.alias.clone(), self.tag.clone()),
            role: self.role,
            shared_interests: from_json_list(&self.shared_interests, "matches.shared_interests")?,
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
        })
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

    /// Whether nothing tells that the device of this side knows of the match: it may have to hear
    /// of it (again).
    pub fn is_unbegun(&self) -> bool {
        self.peer_key_package.is_some() || (self.last_seq == 0 && self.delivered_seq == 0)
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

/// Who is in a match and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Parties {
    #[sqlx(rename = "user1_id")]
    pub offerer: UserId,
    #[sqlx(rename = "user2_id")]
    pub answerer: UserId,
    pub expired_at: Timestamp,
}

impl Parties {
    /// The other side of `user`; `None` for somebody who is not in the match.
    pub fn peer_of(&self, user: UserId) -> Option<UserId> {
        match user {
            _ if user == self.offerer => Some(self.answerer),
            _ if user == self.answerer => Some(self.offerer),
            _ => None,
        }
    }
}

/// A match that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedMatch {
    pub match_id: MatchId,
    pub mode: Mode,
    pub users: [UserId; 2],
    pub status: MatchStatus,
    pub reason: EndReason,
    /// `None` for the system.
    pub by: Option<UserId>,
    /// What became of its call; `None` for a text match.
    pub call: Option<CallOutcome>,
}

/// What became of the call of a video match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// A side said that it was connected.
    Connected,
    /// No side did, and one said that it failed.
    Failed,
    /// Nobody said anything of it.
    Never,
}

impl CallOutcome {
    pub(crate) const fn of(
        mode: Mode,
        connected_at: Option<Timestamp>,
        failed_at: Option<Timestamp>,
    ) -> Option<Self> {
        match (mode, connected_at, failed_at) {
            (Mode::Text, ..) => None,
            (Mode::Video, Some(_), _) => Some(Self::Connected),
            (Mode::Video, None, Some(_)) => Some(Self::Failed),
            (Mode::Video, None, None) => Some(Self::Never),
        }
    }

    /// Its name in the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Failed => "failed",
            Self::Never => "never",
        }
    }
}

/// What became of a wish to end a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// This call ended it.
    Now(EndedMatch),
    /// It was over before; this is how it had ended.
    Before(EndedMatch),
    /// There is no such match of the user.
    NotFound,
}

/// Which matches a list holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct MatchFilter {
    pub status: Option<MatchStatus>,
    pub mode: Option<Mode>,
    /// Only matches with smaller ids.
    pub before: Option<MatchId>,
}

#[derive(FromRow)]
pub(crate) struct EndSide {
    pub(crate) user_id: UserId,
    pub(crate) open: bool,
    pub(crate) first_content_at: Option<Timestamp>,
}

#[derive(FromRow)]
pub(crate) struct EndRow {
    #[sqlx(rename = "type")]
    pub(crate) mode: Mode,
    pub(crate) status: MatchStatus,
    pub(crate) expired_at: Timestamp,
    pub(crate) ended_reason: Option<EndReason>,
    pub(crate) ended_by: Option<UserId>,
    pub(crate) connected_at: Option<Timestamp>,
    pub(crate) call_failed_at: Option<Timestamp>,
}

pub(crate) const END_SIDES: &str = "SELECT user_id, open, first_content_at FROM match_sides WHERE match_id = $1 ORDER BY match_id, user_id";
pub(crate) const END_OF: &str = "SELECT type, status, expired_at, ended_reason, ended_by, connected_at, call_failed_at FROM matches WHERE id = $1";
pub(crate) const END: &str =
    "UPDATE matches SET status = $1, ended_at = $2, ended_reason = $3, ended_by = $4 WHERE id = $5";
pub(crate) const CLOSE: &str =
    "UPDATE match_sides SET open = FALSE, peer_key_package = NULL WHERE match_id = $1";

/// [`Store::end_match`] in the open write transaction `$tx`: gives the [`End`]. However much was
/// said: its messages are left to [`Store::forget_messages`]. Whoever locks users does so before;
/// of several matches the smaller id comes first.
macro_rules! end_match_in {
    ($store:expr, $tx:expr, $match_id:expr, $by:expr, $reason:expr, $now:expr) => {{
        use $crate::store::matches as m;
        let (match_id, by): ($crate::id::MatchId, Option<$crate::id::UserId>) = ($match_id, $by);
        let (reason, now): ($crate::domain::EndReason, $crate::time::Timestamp) = ($reason, $now);
        // Both sides in primary key order: write_chat and the expiry job lock the same way.
        let sides: Vec<m::EndSide> = sqlx::query_as($store.locking(m::END_SIDES))
            .bind(match_id)
            .fetch_all(&mut *$tx)
            .await?;
        match sides.as_slice() {
            [a, b] if by.is_none_or(|by| by == a.user_id || by == b.user_id) => {
                let users = [a.user_id, b.user_id];
                let row: m::EndRow = sqlx::query_as(m::END_OF)
                    .bind(match_id)
                    .fetch_one(&mut *$tx)
                    .await?;
                let mode = row.mode;
                let call = m::CallOutcome::of(mode, row.connected_at, row.call_failed_at);
                if a.open {
                    let ended = if now >= row.expired_at {
                        let (status, reason) = (
                            $crate::domain::MatchStatus::Expired,
                            $crate::domain::EndReason::Expired,
                        );
                        m::EndedMatch {
                            match_id,
                            mode,
                            users,
                            status,
                            reason,
                            by: None,
                            call,
                        }
                    } else {
                        let held = match call {
                            None => a.first_content_at.is_some() && b.first_content_at.is_some(),
                            Some(call) => call == m::CallOutcome::Connected,
                        };
                        let status = if held {
                            $crate::domain::MatchStatus::Completed
                        } else {
                            $crate::domain::MatchStatus::Cancelled
                        };
                        m::EndedMatch {
                            match_id,
                            mode,
                            users,
                            status,
                            reason,
                            by,
                            call,
                        }
                    };
                    sqlx::query(m::END)
                        .bind(ended.status)
                        .bind(now.min(row.expired_at))
                        .bind(ended.reason)
                        .bind(ended.by)
                        .bind(match_id)
                        .execute(&mut *$tx)
                        .await?;
                    if call == Some(m::CallOutcome::Connected) {
                        let kind = $crate::store::call_state::LOGGED_ENDED;
                        $crate::store::call_state::log_call_in!(
                            $store,
                            $tx,
                            match_id,
                            users,
                            kind,
                            now.min(row.expired_at)
                        );
                    }
                    sqlx::query(m::CLOSE)
                        .bind(match_id)
                        .execute(&mut *$tx)
                        .await?;
                    m::End::Now(ended)
                } else {
                    let reason = row.ended_reason.unwrap_or(reason);
                    m::End::Before(m::EndedMatch {
                        match_id,
                        mode,
                        users,
                        status: row.status,
                        reason,
                        by: row.ended_by,
                        call,
                    })
                }
            }
            _ => m::End::NotFound,
        }
    }};
}

// What is unread is counted in the logs: the messages go when the match is over, and handshakes are
// nothing to read. Not further than 1,000, so that a list costs no more than that for each of its
// matches.
const SELECT_VIEW: &str = "SELECT m.id, m.type AS mode, m.status, m.created_at, m.expired_at, m.ended_at, m.ended_reason, m.ended_by, \
     m.connected_at, m.call_failed_at, m.shared_interests, s.role, s.peer_id, s.session_id, s.delivered_seq, p.last_seq AS peer_last_seq, \
     CASE WHEN p.last_seq > s.read_seq THEN (SELECT COUNT(*) FROM (SELECT l.seq FROM message_logs l WHERE l.match_id = s.match_id \
     AND l.sender_id = s.peer_id AND l.seq > s.read_seq AND l.kind = 'content' LIMIT 1000) AS unread_content) ELSE 0 END AS unread, \
     p.delivered_seq AS peer_delivered_seq, p.read_seq AS peer_read_seq, s.last_seq, s.peer_key_package, u.alias, u.tag, \
     c.id AS claim_id, c.status AS claim_status, c.reason AS claim_reason, c.claim_time, c.processed_at AS claim_processed_at \
     FROM match_sides s JOIN matches m ON m.id = s.match_id \
     JOIN match_sides p ON p.match_id = s.match_id AND p.user_id = s.peer_id JOIN users u ON u.id = s.peer_id \
     LEFT JOIN claims c ON c.user_id = s.user_id AND c.match_id = s.match_id WHERE s.user_id = ";

impl Store {
    /// A match of `user`.
    pub async fn match_of(
        &self,
        match_id: MatchId,
        user: UserId,
    ) -> Result<Option<MatchRow>, StoreError> {
        Ok(read!(self, |db| {
            let mut query = QueryBuilder::new(SELECT_VIEW);
            query
                .push_bind(user)
                .push(" AND s.match_id = ")
                .push_bind(match_id);
            query.build_query_as().fetch_optional(db).await?
        }))
    }

    /// The match that a ticket of `user` became.
    pub async fn match_of_ticket(
        &self,
        ticket: TicketId,
        user: UserId,
    ) -> Result<Option<MatchRow>, StoreError> {
        Ok(read!(self, |db| {
            let mut query = QueryBuilder::new(SELECT_VIEW);
            query
                .push_bind(user)
                .push(" AND s.ticket_id = ")
                .push_bind(ticket);
            query.build_query_as().fetch_optional(db).await?
        }))
    }

    /// Those of these tickets that became a match.
    pub async fn used_among(&self, tickets: &[TicketId]) -> Result<HashSet<TicketId>, StoreError> {
        if tickets.is_empty() {
            return Ok(HashSet::new());
        }
        Ok(read!(self, |db| {
            let mut query =
                QueryBuilder::new("SELECT ticket_id FROM match_sides WHERE ticket_id IN (");
            let mut list = query.separated(", ");
            for ticket in tickets {
                list.push_bind(*ticket);
            }
            query.push(")");
            query
                .build_query_scalar()
                .persistent(false)
                .fetch_all(db)
                .await?
                .into_iter()
                .collect()
        }))
    }

    /// Matches of `user`, newest first.
    pub async fn matches_of(
        &self,
        user: UserId,
        filter: MatchFilter,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<MatchRow>, StoreError> {
        Ok(read!(self, |db| {
            let mut query = QueryBuilder::new(SELECT_VIEW);
            query.push_bind(user);
            match filter.status {
                Some(MatchStatus::Active) => {
                    query.push(" AND s.open AND m.expired_at > ").push_bind(now);
                }
                Some(MatchStatus::Expired) => {
                    query
                        .push(" AND (m.status = 'expired' OR (s.open AND m.expired_at <= ")
                        .push_bind(now)
                        .push("))");
                }
                Some(status) => {
                    query.push(" AND m.status = ").push_bind(status);
                }
                None => {}
            }
            if let Some(mode) = filter.mode {
                query.push(" AND m.type = ").push_bind(mode);
            }
            if let Some(before) = filter.before {
                query.push(" AND s.match_id < ").push_bind(before);
            }
            query
                .push(" ORDER BY s.match_id DESC LIMIT ")
                .push_bind(limit);
            query.build_query_as().fetch_all(db).await?
        }))
    }

    /// The matches of `user` that go on at `now`, newest first.
    pub async fn active_matches(
        &self,
        user: UserId,
        now: Timestamp,
    ) -> Result<Vec<MatchRow>, StoreError> {
        let active = MatchFilter {
            status: Some(MatchStatus::Active),
            ..MatchFilter::default()
        };
        // The number a user may have at once is bounded when a match is made.
        self.matches_of(user, active, i64::MAX, now).await
    }

    /// The two users of a match that is not over.
    pub async fn parties(&self, match_id: MatchId) -> Result<Option<Parties>, StoreError> {
        const SQL: &str = "SELECT user1_id, user2_id, expired_at FROM matches WHERE id = $1 AND status = 'active'";
        Ok(read!(self, |db| sqlx::query_as(SQL)
            .bind(match_id)
            .fetch_optional(db)
            .await?))
    }

    /// Users that `user` was matched with after `since`.
    pub async fn partners_since(
        &self,
        user: UserId,
        since: Timestamp,
    ) -> Result<HashSet<UserId>, StoreError> {
        const SQL: &str =
            "SELECT DISTINCT peer_id FROM match_sides WHERE user_id = $1 AND created_at > $2";
        let rows: Vec<(UserId,)> = read!(self, |db| sqlx::query_as(SQL)
            .bind(user)
            .bind(since)
            .fetch_all(db)
            .await?);
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// Ends a match, once: nobody reads its messages any more, and [`Self::forget_messages`]
    /// deletes them. Its status is `completed` when both sides had sent content, or their call was
    /// connected, else `cancelled`.
    ///
    /// With `by`, that user must be in the match. One that has run out ends as `expired`, by the
    /// system, whoever asks.
    pub async fn end_match(
        &self,
        match_id: MatchId,
        by: Option<UserId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<End, StoreError> {
        Ok(write_tx!(self, |tx| {
            end_match_in!(self, tx, match_id, by, reason, now)
        }))
    }
}

pub(crate) use end_match_in;
