//! The outcome of the calls of video matches.

use super::{
    Matches,
    lifecycle::{END_OF, END_SIDES, EndRow, EndSide},
};
use crate::store::StoreError;
use tebdil_protocol::{domain::MatchStatus, id::MatchId, time::Timestamp};

/// The effect of a report that a call is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallConnected {
    /// It is the first such report in the match.
    Now,
    /// It was connected before.
    Before,
    /// The match is over, or there is none.
    Over,
}

impl Matches<'_> {
    /// Notes that the call of a match is connected, once, while the match goes on. Even if the
    /// clock was set back, not earlier than the match was made.
    pub async fn call_connected(
        self,
        match_id: MatchId,
        now: Timestamp,
    ) -> Result<CallConnected, StoreError> {
        const NOTE: &str = "UPDATE matches \
             SET connected_at = CASE WHEN created_at > $1 THEN created_at ELSE $1 END \
             WHERE id = $2 AND type = 'video' AND connected_at IS NULL";
        let mut tx = self.begin().await?;
        // Locked like the end of the match, which reads whether it was connected.
        let sides: Vec<EndSide> = tx.all(END_SIDES, (match_id,)).await?;
        if sides.first().is_none_or(|side| !side.open) {
            return Ok(CallConnected::Over);
        }
        let row: EndRow = tx.one(END_OF, (match_id,)).await?;
        if row.status != MatchStatus::Active || now >= row.expired_at {
            return Ok(CallConnected::Over);
        }
        let noted = tx.execute(NOTE, (now, match_id)).await?;
        let connected = if noted == 0 {
            CallConnected::Before
        } else {
            CallConnected::Now
        };
        tx.commit().await?;
        Ok(connected)
    }

    /// Notes the first report that a call failed; returns whether it had been connected. `None` if
    /// it was reported before, or the match is over.
    pub async fn call_failed(
        self,
        match_id: MatchId,
        now: Timestamp,
    ) -> Result<Option<bool>, StoreError> {
        const NOTE: &str = "UPDATE matches SET call_failed_at = $1 \
             WHERE id = $2 AND type = 'video' AND status = 'active' AND call_failed_at IS NULL \
             RETURNING connected_at IS NOT NULL";
        let mut tx = self.begin().await?;
        let connected: Option<bool> = tx.optional_value(NOTE, (now, match_id)).await?;
        tx.commit().await?;
        Ok(connected)
    }
}
