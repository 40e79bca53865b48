//! Searches that outlive their connection: one per user, the newest.
//!
//! Ending one deletes its row, and [`Matches::create_matches`] makes no match of a background
//! ticket without a row. So once a row is gone, no match follows, whoever still has the ticket.

use sqlx_macros::FromRow;

use super::Matches;
use crate::{
    db::Tx,
    store::{StoreError, matches::MadeMatch},
};
use tebdil_protocol::{
    id::{SessionId, TicketId, UserId},
    time::Timestamp,
};

/// A search that goes on without its connection.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct BackgroundSearch {
    pub user_id: UserId,
    pub ticket_id: TicketId,
    /// The device that searches.
    pub session_id: SessionId,
    /// What it asked for, as JSON.
    pub wish: String,
    pub created_at: Timestamp,
    /// When it is over, unless it is [extended](Matches::extend_searches).
    pub expires_at: Timestamp,
}

const SELECT: &str = "SELECT user_id, ticket_id, session_id, wish, created_at, expires_at \
     FROM searches WHERE ";

impl Matches<'_> {
    /// Stores a search, replacing the user's earlier one.
    pub async fn keep_search(self, search: &BackgroundSearch) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO searches \
             (user_id, ticket_id, session_id, wish, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (user_id) DO UPDATE SET \
             ticket_id = excluded.ticket_id, session_id = excluded.session_id, \
             wish = excluded.wish, created_at = excluded.created_at, \
             expires_at = excluded.expires_at";
        self.write(SQL)
            .bind(search.user_id)
            .bind(search.ticket_id)
            .bind(search.session_id)
            .bind(search.wish.as_str())
            .bind(search.created_at)
            .bind(search.expires_at)
            .execute()
            .await?;
        Ok(())
    }

    /// Ends a user's stored search, if any: after this it becomes no match.
    pub async fn end_search(self, user: UserId) -> Result<(), StoreError> {
        const KEPT: &str = "SELECT ticket_id FROM searches WHERE user_id = $1";
        const END: &str = "DELETE FROM searches WHERE user_id = $1";
        // Few users have one: a read spares all others the write.
        let kept: Option<TicketId> = self.read(KEPT).bind(user).optional_value().await?;
        if kept.is_some() {
            self.write(END).bind(user).execute().await?;
        }
        Ok(())
    }

    /// Ends these searches.
    pub async fn end_searches(self, tickets: &[TicketId]) -> Result<(), StoreError> {
        self.write(END_ALL).list(tickets).execute().await?;
        Ok(())
    }

    /// The search of a user that goes on at `now`.
    pub async fn search_of(
        self,
        user: UserId,
        now: Timestamp,
    ) -> Result<Option<BackgroundSearch>, StoreError> {
        let query = self.read(SELECT).push("user_id = $1 AND expires_at > $2");
        Ok(query.bind(user).bind(now).optional().await?)
    }

    /// Up to `limit` searches that go on at `now` with tickets after `after`, in their order.
    pub async fn searches_after(
        self,
        after: TicketId,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<BackgroundSearch>, StoreError> {
        const PAGE: &str = "ticket_id > $1 AND expires_at > $2 ORDER BY ticket_id LIMIT $3";
        let query = self.read(SELECT).push(PAGE);
        Ok(query.bind(after).bind(now).bind(limit).all().await?)
    }

    /// Has those of these searches that go on at `now` go on until `until`.
    pub async fn extend_searches(
        self,
        tickets: &[TicketId],
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // A search that is becoming a match needs no more time.
        const SQL: &str = "UPDATE searches SET expires_at = $1 WHERE user_id IN \
             (SELECT user_id FROM searches WHERE ticket_id IN ({list}) AND expires_at > $2 \
             ORDER BY user_id FOR UPDATE SKIP LOCKED)";
        self.write(SQL)
            .list(tickets)
            .bind(until)
            .bind(now)
            .execute()
            .await?;
        Ok(())
    }
}

const END_ALL: &str = "DELETE FROM searches WHERE ticket_id IN ({list})";

/// Those of these background tickets whose searches go on at `now`, held as they are until the end
/// of this transaction.
pub(super) async fn hold(
    tx: &mut Tx,
    tickets: impl Iterator<Item = TicketId>,
    now: Timestamp,
) -> Result<Vec<TicketId>, StoreError> {
    const SQL: &str = "SELECT ticket_id FROM searches \
         WHERE ticket_id IN ({list}) AND expires_at > $1 ORDER BY user_id FOR NO KEY UPDATE";
    Ok(tx.query(SQL).list(tickets).bind(now).values().await?)
}

/// Ends in this transaction the searches from which these matches were made.
pub(super) async fn end_matched<'a>(
    tx: &mut Tx,
    made: impl Iterator<Item = &'a MadeMatch>,
) -> Result<(), StoreError> {
    let sides = made.flat_map(MadeMatch::sides);
    let background = sides.filter(|side| side.background);
    tx.query(END_ALL)
        .list(background.map(|side| side.ticket_id))
        .execute()
        .await?;
    Ok(())
}
