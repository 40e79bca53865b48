//! How matches end, and who was in them.

use std::collections::HashSet;

use sqlx_macros::FromRow;

use super::Matches;
use crate::{
    db::Tx,
    store::{MatchDevice, StoreError},
};
use tebdil_protocol::{
    MatchEnded, WhoEnded,
    domain::{EndReason, MatchStatus, Mode},
    id::{MatchId, SessionId, UserId},
    time::Timestamp,
};

/// An open match: the devices it belongs to, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parties {
    pub devices: [MatchDevice; 2],
    pub expired_at: Timestamp,
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
    /// The outcome of its call; `None` for a text match.
    pub call: Option<CallOutcome>,
}

impl EndedMatch {
    /// The end in the form of the contract, as its side `user` is told of it.
    pub fn view(&self, user: UserId) -> MatchEnded {
        let by = match self.by {
            None => WhoEnded::System,
            Some(by) if by == user => WhoEnded::Me,
            Some(_) => WhoEnded::Peer,
        };
        MatchEnded {
            match_id: self.match_id,
            status: self.status,
            reason: self.reason,
            by,
        }
    }
}

/// The outcome of the call of a video match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// A side reported that it was connected.
    Connected,
    /// No side did, and one reported that it failed.
    Failed,
    /// Neither side reported anything.
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

/// The result of a request to end a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndOutcome {
    /// This call ended it.
    Now(EndedMatch),
    /// It was over before; this is how it had ended.
    Before(EndedMatch),
    /// There is no such match of the user.
    NotFound,
}

#[derive(FromRow)]
pub(super) struct EndSide {
    pub(super) user_id: UserId,
    pub(super) open: bool,
}

#[derive(FromRow)]
pub(super) struct EndRow {
    #[sqlx(rename = "type")]
    mode: Mode,
    pub(super) status: MatchStatus,
    pub(super) expired_at: Timestamp,
    ended_reason: Option<EndReason>,
    ended_by: Option<UserId>,
    connected_at: Option<Timestamp>,
    call_failed_at: Option<Timestamp>,
    /// Both sides have sent content.
    both_spoke: bool,
}

/// Both sides in primary key order: `write_chat` and the expiry job lock the same way.
pub(super) const END_SIDES: &str = "SELECT user_id, open FROM match_sides \
     WHERE match_id = $1 ORDER BY match_id, user_id FOR NO KEY UPDATE";
/// Read after the sides were locked, so it sees everything written before.
pub(super) const END_OF: &str = "SELECT type, status, expired_at, ended_reason, ended_by, \
     connected_at, call_failed_at, \
     EXISTS (SELECT 1 FROM message_logs l WHERE l.match_id = matches.id \
     AND l.sender_id = matches.user1_id AND l.kind = 'content') \
     AND EXISTS (SELECT 1 FROM message_logs l WHERE l.match_id = matches.id \
     AND l.sender_id = matches.user2_id AND l.kind = 'content') AS both_spoke \
     FROM matches WHERE id = $1";

/// [`Matches::end_match`] in this transaction. Its messages are left to
/// [`crate::store::Messages::forget_messages`]. Lock users before; of several matches, the smaller
/// id first.
pub(crate) async fn end_match(
    tx: &mut Tx,
    match_id: MatchId,
    by: Option<UserId>,
    reason: EndReason,
    now: Timestamp,
) -> Result<EndOutcome, StoreError> {
    const END: &str = "UPDATE matches \
         SET status = $1, ended_at = $2, ended_reason = $3, ended_by = $4 WHERE id = $5";
    const CLOSE: &str =
        "UPDATE match_sides SET open = FALSE, peer_key_package = NULL WHERE match_id = $1";
    let sides: Vec<EndSide> = tx.all(END_SIDES, (match_id,)).await?;
    let [a, b] = sides.as_slice() else {
        return Ok(EndOutcome::NotFound);
    };
    if by.is_some_and(|by| by != a.user_id && by != b.user_id) {
        return Ok(EndOutcome::NotFound);
    }
    let row: EndRow = tx.one(END_OF, (match_id,)).await?;
    let mut ended = EndedMatch {
        match_id,
        mode: row.mode,
        users: [a.user_id, b.user_id],
        status: row.status,
        reason,
        by,
        call: CallOutcome::of(row.mode, row.connected_at, row.call_failed_at),
    };
    if !a.open {
        ended.reason = row.ended_reason.unwrap_or(reason);
        ended.by = row.ended_by;
        return Ok(EndOutcome::Before(ended));
    }
    if now >= row.expired_at {
        ended.status = MatchStatus::Expired;
        ended.reason = EndReason::Expired;
        ended.by = None;
    } else {
        let held = match ended.call {
            None => row.both_spoke,
            Some(call) => call == CallOutcome::Connected,
        };
        ended.status = if held {
            MatchStatus::Completed
        } else {
            MatchStatus::Cancelled
        };
    }
    let ended_at = now.min(row.expired_at);
    tx.execute(
        END,
        (ended.status, ended_at, ended.reason, ended.by, match_id),
    )
    .await?;
    tx.execute(CLOSE, (match_id,)).await?;
    tx.changes_sides(match_id);
    Ok(EndOutcome::Now(ended))
}

impl Matches<'_> {
    /// The two devices of a match that is not over.
    pub async fn parties(self, match_id: MatchId) -> Result<Option<Parties>, StoreError> {
        const SQL: &str = "SELECT s.user_id, s.session_id, m.expired_at \
             FROM match_sides s JOIN matches m ON m.id = s.match_id \
             WHERE s.match_id = $1 AND s.open";
        let rows: Vec<(UserId, SessionId, Timestamp)> = self.db.all(SQL, (match_id,)).await?;
        Ok(match rows.as_slice() {
            [(a, a_session, expired_at), (b, b_session, _)] => Some(Parties {
                devices: [(*a, *a_session), (*b, *b_session)],
                expired_at: *expired_at,
            }),
            _ => None,
        })
    }

    /// Users that `user` was matched with after `since`.
    pub async fn partners_since(
        self,
        user: UserId,
        since: Timestamp,
    ) -> Result<HashSet<UserId>, StoreError> {
        const SQL: &str =
            "SELECT DISTINCT peer_id FROM match_sides WHERE user_id = $1 AND created_at > $2";
        let partners: Vec<UserId> = self.db.values(SQL, (user, since)).await?;
        Ok(partners.into_iter().collect())
    }

    /// Ends a match, once: nobody reads its messages any more, and
    /// [`crate::store::Messages::forget_messages`] deletes them. Its status is `completed` if both
    /// sides had sent content, or their call was connected, otherwise `cancelled`.
    ///
    /// With `by`, that user must be in the match. One that has run out ends as `expired`, by the
    /// system, whoever asks.
    pub async fn end_match(
        self,
        match_id: MatchId,
        by: Option<UserId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<EndOutcome, StoreError> {
        let mut tx = self.begin().await?;
        let end = end_match(&mut tx, match_id, by, reason, now).await?;
        tx.commit().await?;
        Ok(end)
    }
}
