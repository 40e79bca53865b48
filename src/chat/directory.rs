//! Which devices a match belongs to, cached for frames that are not stored.

use quick_cache::sync::Cache;
use tebdil_core::store::{MatchDevice, Parties, Store, StoreError};
use tebdil_protocol::{ErrorCode, id::MatchId, time::Timestamp};

/// A bounded cache of [`Matches::parties`](tebdil_core::store::Matches::parties).
///
/// An entry that outlives its match does no harm: at worst it lets a `typing` through to somebody
/// who has just left.
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

    /// The other side's device in an active match of `device`; `Err` with why there is none.
    pub async fn peer(
        &self,
        store: &Store,
        match_id: MatchId,
        device: MatchDevice,
        now: Timestamp,
    ) -> Result<Result<MatchDevice, ErrorCode>, StoreError> {
        let parties = match self.known.get(&match_id) {
            Some(parties) => Some(parties),
            None => store
                .matches()
                .parties(match_id)
                .await?
                .inspect(|parties| self.known.insert(match_id, *parties)),
        };
        let Some(parties) = parties.filter(|parties| now < parties.expired_at) else {
            let known = store.matches().match_of(match_id, device.0).await?;
            return Ok(Err(match known {
                Some(_) => ErrorCode::MatchEnded,
                None => ErrorCode::NotFound,
            }));
        };
        Ok(match parties.devices {
            [own, peer] | [peer, own] if own == device => Ok(peer),
            [(a, _), (b, _)] if a == device.0 || b == device.0 => Err(ErrorCode::WrongDevice),
            _ => Err(ErrorCode::NotFound),
        })
    }

    /// The match is over.
    pub fn forget(&self, match_id: MatchId) {
        self.known.remove(&match_id);
    }
}
