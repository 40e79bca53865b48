//! How matches end, and who was in them.

use std::collections::HashSet;

use sqlx::FromRow;

use super::{
    Matches,
    call_state::{LOGGED_ENDED, log_call},
};
use crate::{db::Tx, store::StoreError};
use tebdil_protocol::{
    domain::{EndReason, MatchStatus, Mode},
    id::{MatchId, UserId},
    time::Timestamp,
};

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

#[derive(FromRow)]
pub(super) struct EndSide {
    pub(super) user_id: UserId,
    pub(super) open: bool,
    first_content_at: Option<Timestamp>,
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
}

/// Both sides in primary key order: `write_chat` and the expiry job lock the same way.
pub(super) const END_SIDES: &str = "SELECT user_id, open, first_content_at FROM match_sides \
     WHERE match_id = $1 ORDER BY match_id, user_id FOR NO KEY UPDATE";
pub(super) const END_OF: &str = "SELECT type, status, expired_at, ended_reason, ended_by, \
     connected_at, call_failed_at FROM matches WHERE id = $1";

/// [`Matches::end_match`] in this transaction. However much was said: its messages are left to
/// [`crate::store::Messages::forget_messages`]. Whoever locks users does so before; of several
/// matches the smaller id comes first.
pub(crate) async fn end_match(
    tx: &mut Tx,
    match_id: MatchId,
    by: Option<UserId>,
    reason: EndReason,
    now: Timestamp,
) -> Result<End, StoreError> {
    const END: &str = "UPDATE matches \
         SET status = $1, ended_at = $2, ended_reason = $3, ended_by = $4 WHERE id = $5";
    const CLOSE: &str =
        "UPDATE match_sides SET open = FALSE, peer_key_package = NULL WHERE match_id = $1";
    let sides: Vec<EndSide> = tx.query(END_SIDES).bind(match_id).all().await?;
    let [a, b] = sides.as_slice() else {
        return Ok(End::NotFound);
    };
    if by.is_some_and(|by| by != a.user_id && by != b.user_id) {
        return Ok(End::NotFound);
    }
    let row: EndRow = tx.query(END_OF).bind(match_id).one().await?;
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
        return Ok(End::Before(ended));
    }
    if now >= row.expired_at {
        ended.status = MatchStatus::Expired;
        ended.reason = EndReason::Expired;
        ended.by = None;
    } else {
        let held = match ended.call {
            None => a.first_content_at.is_some() && b.first_content_at.is_some(),
            Some(call) => call == CallOutcome::Connected,
        };
        ended.status = if held {
            MatchStatus::Completed
        } else {
            MatchStatus::Cancelled
        };
    }
    let ended_at = now.min(row.expired_at);
    tx.query(END)
        .bind(ended.status)
        .bind(ended_at)
        .bind(ended.reason)
        .bind(ended.by)
        .bind(match_id)
        .execute()
        .await?;
    if ended.call == Some(CallOutcome::Connected) {
        log_call(tx, match_id, ended.users, LOGGED_ENDED, ended_at).await?;
    }
    tx.query(CLOSE).bind(match_id).execute().await?;
    Ok(End::Now(ended))
}

impl Matches<'_> {
    /// The two users of a match that is not over.
    pub async fn parties(self, match_id: MatchId) -> Result<Option<Parties>, StoreError> {
        const SQL: &str = "SELECT user1_id, user2_id, expired_at FROM matches \
             WHERE id = $1 AND status = 'active'";
        Ok(self.read(SQL).bind(match_id).optional().await?)
    }

    /// Users that `user` was matched with after `since`.
    pub async fn partners_since(
        self,
        user: UserId,
        since: Timestamp,
    ) -> Result<HashSet<UserId>, StoreError> {
        const SQL: &str =
            "SELECT DISTINCT peer_id FROM match_sides WHERE user_id = $1 AND created_at > $2";
        let partners: Vec<UserId> = self.read(SQL).bind(user).bind(since).values().await?;
        Ok(partners.into_iter().collect())
    }

    /// Ends a match, once: nobody reads its messages any more, and
    /// [`crate::store::Messages::forget_messages`] deletes them. Its status is `completed` when
    /// both sides had sent content, or their call was connected, else `cancelled`.
    ///
    /// With `by`, that user must be in the match. One that has run out ends as `expired`, by the
    /// system, whoever asks.
    pub async fn end_match(
        self,
        match_id: MatchId,
        by: Option<UserId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<End, StoreError> {
        let mut tx = self.begin().await?;
        let end = end_match(&mut tx, match_id, by, reason, now).await?;
        tx.commit().await?;
        Ok(end)
    }
}
