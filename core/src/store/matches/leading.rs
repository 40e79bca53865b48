//! Who may make matches: the term of the matchmaker that leads.
//!
//! A lease ends by time, which a suspended or disconnected leader does not notice. What it sends to
//! the database may arrive much later, when the next leader has told users that their search was
//! cancelled. So the row of `matchmaker_term` decides: a new leader raises it, and
//! [`Matches::create_matches`] holds it while it writes.

use super::Matches;
use crate::store::StoreError;

/// One node's time as leader of the matching: greater than every term before it, whatever Redis
/// forgot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx_macros::Type)]
#[sqlx(transparent)]
pub struct MatchmakerTerm(pub i64);

/// The term that leads, locked.
pub(super) const TERM: &str = "SELECT term FROM matchmaker_term WHERE id = 1 FOR NO KEY UPDATE";

impl Matches<'_> {
    /// Begins a new term.
    ///
    /// When this returns, every match of an earlier term is committed or never will be: it waits
    /// for a transaction in progress, and all later ones are refused. A term that is begun and not
    /// used does no harm.
    pub async fn begin_term(self) -> Result<MatchmakerTerm, StoreError> {
        const SQL: &str = "UPDATE matchmaker_term SET term = term + 1 WHERE id = 1 RETURNING term";
        let mut tx = self.begin().await?;
        let term = tx.value(SQL, ()).await?;
        tx.commit().await?;
        Ok(term)
    }
}
