//! What became of the calls of video matches.

use super::{
    Store, StoreError,
    matches::{END_OF, END_SIDES, EndRow, EndSide},
};
use crate::{backend::write_tx, domain::MatchStatus, id::MatchId, time::Timestamp};

/// What became of the word that a call is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallConnected {
    /// It is the first such word of the match.
    Now,
    /// It was connected before.
    Before,
    /// The match is over, or there is none.
    Over,
}

/// What `message_logs` calls the beginning and the end of a call. Neither is an answer.
pub(super) const LOGGED_CONNECTED: &str = "call_connected";
pub(super) const LOGGED_ENDED: &str = "call_ended";

/// A row for each side, `$3` and `$4`; numbers are for messages only.
pub(super) const LOG: &str = "INSERT INTO message_logs (id, sender_id, receiver_id, match_id, seq, kind, sent_at, connection_type) \
     VALUES ($1, $3, $4, $5, 0, $6, $7, 'video'), ($2, $4, $3, $5, 0, $6, $7, 'video')";

/// Logs in the open write transaction `$tx` what became of the call of a match, for both of its
/// users.
macro_rules! log_call_in {
    ($store:expr, $tx:expr, $match_id:expr, $users:expr, $kind:expr, $at:expr) => {{
        let users: [$crate::id::UserId; 2] = $users;
        sqlx::query($crate::store::call_state::LOG)
            .bind($store.ids.next::<$crate::id::LogId>())
            .bind($store.ids.next::<$crate::id::LogId>())
            .bind(users[0])
            .bind(users[1])
            .bind($match_id)
            .bind($kind)
            .bind($at)
            .execute(&mut *$tx)
            .await?;
    }};
}
pub(super) use log_call_in;

impl Store {
    /// Notes that the call of a match is connected, once, while the match goes on. With the clock
    /// set back it is not connected before it was made.
    pub async fn call_connected(
        &self,
        match_id: MatchId,
        now: Timestamp,
    ) -> Result<CallConnected, StoreError> {
        const NOTE: &str = "UPDATE matches SET connected_at = CASE WHEN created_at > $1 THEN created_at ELSE $1 END \
             WHERE id = $2 AND type = 'video' AND connected_at IS NULL";
        Ok(write_tx!(self, |tx| {
            // Locked as its end locks it, which looks at whether it was connected.
            let sides: Vec<EndSide> = sqlx::query_as(self.locking(END_SIDES))
                .bind(match_id)
                .fetch_all(&mut *tx)
                .await?;
            let [a, b] = sides.as_slice() else {
                return Ok(CallConnected::Over);
            };
            if !a.open {
                return Ok(CallConnected::Over);
            }
            let row: EndRow = sqlx::query_as(END_OF)
                .bind(match_id)
                .fetch_one(&mut *tx)
                .await?;
            if row.status != MatchStatus::Active || now >= row.expired_at {
                return Ok(CallConnected::Over);
            }
            if sqlx::query(NOTE)
                .bind(now)
                .bind(match_id)
                .execute(&mut *tx)
                .await?
                .rows_affected()
                == 0
            {
                CallConnected::Before
            } else {
                log_call_in!(
                    self,
                    tx,
                    match_id,
                    [a.user_id, b.user_id],
                    LOGGED_CONNECTED,
                    now
                );
                CallConnected::Now
            }
        }))
    }

    /// Notes that a side says its call failed, at the first time: whether it had been connected.
    /// `None` when it was said before, or the match is over.
    pub async fn call_failed(
        &self,
        match_id: MatchId,
        now: Timestamp,
    ) -> Result<Option<bool>, StoreError> {
        const NOTE: &str = "UPDATE matches SET call_failed_at = $1 WHERE id = $2 AND type = 'video' AND status = 'active' AND call_failed_at IS NULL \
             RETURNING connected_at IS NOT NULL";
        Ok(write_tx!(self, |tx| {
            sqlx::query_scalar(NOTE)
                .bind(now)
                .bind(match_id)
                .fetch_optional(&mut *tx)
                .await?
        }))
    }
}
