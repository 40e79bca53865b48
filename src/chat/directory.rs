//! Who is in which match, remembered for the frames that are not stored.

use quick_cache::sync::Cache;
use tebdil_core::store::{Parties, Store, StoreError};
use tebdil_protocol::{
    id::{MatchId, UserId},
    time::Timestamp,
};

/// A bounded memory of [`Matches::parties`](tebdil_core::store::Matches::parties).
///
/// An entry that outlives its match does no harm: it lets a `typing` through to somebody who just
/// left.
#[derive(Debug)]
pub struct Directory {
    known: Cache<MatchId, Parties>,
}

impl Directory {
    /// Remembers `capacity` matches.
    pub fn new(capacity: usize) -> Self {
        Self {
            known: Cache::new(capacity),
        }
    }

    /// The peer of `user` in a match that goes on; `None` where there is no such match of the user.
    pub async fn peer(
        &self,
        store: &Store,
        match_id: MatchId,
        user: UserId,
        now: Timestamp,
    ) -> Result<Option<UserId>, StoreError> {
        let parties = match self.known.get(&match_id) {
            Some(parties) => Some(parties),
            None => store
                .matches()
                .parties(match_id)
                .await?
                .inspect(|parties| self.known.insert(match_id, *parties)),
        };
        Ok(parties
            .filter(|parties| now < parties.expired_at)
            .and_then(|parties| parties.peer_of(user)))
    }

    /// The match is over.
    pub fn forget(&self, match_id: MatchId) {
        self.known.remove(&match_id);
    }
}
