//! What became of the calls of video matches.

use super::{
    Matches,
    lifecycle::{END_OF, END_SIDES, EndRow, EndSide},
};
use crate::{db::Tx, store::StoreError};
use tebdil_protocol::{
    domain::MatchStatus,
    id::{LogId, MatchId, UserId},
    time::Timestamp,
};

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
const LOGGED_CONNECTED: &str = "call_connected";
pub(crate) const LOGGED_ENDED: &str = "call_ended";

/// Logs in this transaction what became of the call of a match, for both of its users.
pub(crate) async fn log_call(
    tx: &mut Tx,
    match_id: MatchId,
    users: [UserId; 2],
    kind: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    // A row for each side, `$3` and `$4`; numbers are for messages only.
    const LOG: &str = "INSERT INTO message_logs \
         (id, sender_id, receiver_id, match_id, seq, kind, sent_at, connection_type) \
         VALUES ($1, $3, $4, $5, 0, $6, $7, 'video'), ($2, $4, $3, $5, 0, $6, $7, 'video')";
    let ids: [LogId; 2] = [tx.id(), tx.id()];
    tx.query(LOG)
        .bind(ids[0])
        .bind(ids[1])
        .bind(users[0])
        .bind(users[1])
        .bind(match_id)
        .bind(kind)
        .bind(at)
        .execute()
        .await?;
    Ok(())
}

impl Matches<'_> {
    /// Notes that the call of a match is connected, once, while the match goes on. With the clock
    /// set back it is not connected before it was made.
    pub async fn call_connected(
        self,
        match_id: MatchId,
        now: Timestamp,
    ) -> Result<CallConnected, StoreError> {
        const NOTE: &str = "UPDATE matches \
             SET connected_at = CASE WHEN created_at > $1 THEN created_at ELSE $1 END \
             WHERE id = $2 AND type = 'video' AND connected_at IS NULL";
        let mut tx = self.begin().await?;
        // Locked as its end locks it, which looks at whether it was connected.
        let sides: Vec<EndSide> = tx.query(END_SIDES).bind(match_id).all().await?;
        let [a, b] = sides.as_slice() else {
            return Ok(CallConnected::Over);
        };
        if !a.open {
            return Ok(CallConnected::Over);
        }
        let row: EndRow = tx.query(END_OF).bind(match_id).one().await?;
        if row.status != MatchStatus::Active || now >= row.expired_at {
            return Ok(CallConnected::Over);
        }
        let noted = tx.query(NOTE).bind(now).bind(match_id).execute().await?;
        let connected = if noted == 0 {
            CallConnected::Before
        } else {
            let users = [a.user_id, b.user_id];
            log_call(&mut tx, match_id, users, LOGGED_CONNECTED, now).await?;
            CallConnected::Now
        };
        tx.commit().await?;
        Ok(connected)
    }

    /// Notes that a side says its call failed, at the first time: whether it had been connected.
    /// `None` when it was said before, or the match is over.
    pub async fn call_failed(
        self,
        match_id: MatchId,
        now: Timestamp,
    ) -> Result<Option<bool>, StoreError> {
        const NOTE: &str = "UPDATE matches SET call_failed_at = $1 \
             WHERE id = $2 AND type = 'video' AND status = 'active' AND call_failed_at IS NULL \
             RETURNING connected_at IS NOT NULL";
        let mut tx = self.begin().await?;
        let connected: Option<bool> = tx
            .query(NOTE)
            .bind(now)
            .bind(match_id)
            .optional_value()
            .await?;
        tx.commit().await?;
        Ok(connected)
    }
}
