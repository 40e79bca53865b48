//! Ends calls of whose end this relay was not told.
//!
//! The message that a match is over can get lost: Redis was away, or the node that ended it died
//! before sending it. So a relay with access to the database looks by itself, every few seconds and
//! whenever it learns that it missed something.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use tebdil_core::store::{Store, StoreError};
use tebdil_protocol::{domain::MatchRole, id::MatchId, time::Timestamp};
use tebdil_signaling::{Relay, RelaySideId};
use tokio_util::sync::CancellationToken;

use super::Relays;

/// Time between two looks: how long a call can outlive its match if the message of its end was
/// lost.
const PERIOD: Duration = Duration::from_secs(10);

/// Matches that are read at once.
const PAGE: i64 = 1_000;

impl Relays {
    /// Cuts every call whose match is over according to the store; returns how many sides had
    /// something to cut.
    ///
    /// # Errors
    /// Those of the store. Then it is not known which calls go on, and nothing is cut.
    pub async fn sweep(&self, store: &Store) -> Result<usize, StoreError> {
        let Some(relay) = &self.embedded else {
            return Ok(0);
        };
        // In this order no call is too new to be found: a side that holds something has a
        // credential, which follows the commit of its match.
        let mut over: HashSet<RelaySideId> = relay.sides().into_iter().collect();
        let mut after: Option<MatchId> = None;
        while !over.is_empty() {
            let page = store
                .matches()
                .open_video_matches(after, PAGE, self.clock.now())
                .await?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            for (match_id, role) in page
                .iter()
                .flat_map(|id| MatchRole::ALL.iter().map(|role| (*id, *role)))
            {
                over.remove(&self.secret.side(match_id, role));
            }
        }
        cut(relay, &over).await;
        Ok(over.len())
    }

    /// Looks every few seconds, and when [`Relays::word_was_lost`].
    pub(super) async fn keep_sweeping(self: Arc<Self>, store: Store, closing: CancellationToken) {
        let mut every = tokio::time::interval(PERIOD);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = self.lost.notified() => {}
                () = closing.cancelled() => return,
            }
            match self.sweep(&store).await {
                Ok(0) => {}
                Ok(sides) => tracing::info!(sides, "calls were cut whose match had ended"),
                Err(error) => {
                    tracing::warn!(%error, "which calls are over could not be asked; trying again");
                }
            }
        }
    }

    /// Without a database nobody reports ends: cuts what was relayed for longer than a match can
    /// last.
    pub(super) async fn keep_ageing(
        self: Arc<Self>,
        lifetime: Duration,
        closing: CancellationToken,
    ) {
        let mut ages = Ages::default();
        let mut every = tokio::time::interval(PERIOD);
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = closing.cancelled() => return,
            }
            let Some(relay) = &self.embedded else { return };
            cut(
                relay,
                &ages.older(relay.sides(), lifetime, self.clock.now()),
            )
            .await;
        }
    }
}

async fn cut(relay: &Relay, sides: &HashSet<RelaySideId>) {
    join_all(sides.iter().map(|side| relay.cut(side))).await;
    metrics::counter!("tebdil_relay_swept_total").increment(sides.len() as u64);
}

/// Since when each side has held something without interruption.
#[derive(Debug, Default)]
struct Ages(HashMap<RelaySideId, Timestamp>);

impl Ages {
    /// Notes which sides hold something now. Returns those that have done so for longer than
    /// `lifetime`.
    fn older(
        &mut self,
        holding: Vec<RelaySideId>,
        lifetime: Duration,
        now: Timestamp,
    ) -> HashSet<RelaySideId> {
        let since = std::mem::take(&mut self.0);
        // A clock that was set back makes no side older.
        self.0 = holding
            .into_iter()
            .map(|side| (side, since.get(&side).copied().unwrap_or(now).min(now)))
            .collect();
        self.0
            .iter()
            .filter(|(_, since)| now.since(**since) > lifetime)
            .map(|(side, _)| *side)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(number: u8) -> RelaySideId {
        RelaySideId::of_username(&format!("1:{number:032x}")).expect("a side")
    }

    #[test]
    fn only_who_held_on_for_longer_than_a_match_is_cut() {
        let (mut ages, day) = (Ages::default(), Duration::from_hours(24));
        let start = Timestamp::from_millis(1_000_000_000);
        let mut older = |holding: &[u8], now| {
            ages.older(
                holding.iter().map(|number| side(*number)).collect(),
                day,
                now,
            )
        };
        assert_eq!(older(&[1, 2], start), HashSet::new());
        assert_eq!(
            older(&[1, 3], start + Duration::from_hours(12)),
            HashSet::new()
        );
        // The second let go and began anew.
        assert_eq!(older(&[1, 2, 3], start + day), HashSet::new());
        assert_eq!(
            older(&[1, 2, 3], start + day + Duration::from_millis(1)),
            HashSet::from([side(1)])
        );
        assert_eq!(
            older(&[2, 3], start + Duration::from_hours(37)),
            HashSet::from([side(3)])
        );
        // Set back by ten hours: what was seen since is younger now.
        assert_eq!(
            older(&[2], start + Duration::from_hours(20)),
            HashSet::new()
        );
        assert_eq!(
            older(&[2], start + Duration::from_hours(44)),
            HashSet::new()
        );
        assert_eq!(
            older(&[2], start + Duration::from_hours(45)),
            HashSet::from([side(2)])
        );
    }
}
