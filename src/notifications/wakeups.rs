//! Waking people who were away when something came for them.
//!
//! No message waits for this. Users with a connection at this node cost nothing; the others are
//! noted, and about a second later the hub is asked for all of them at once, and the store orders
//! a wake-up for those who are connected nowhere. What gets lost here is found by the job
//! `wakeups`, which looks in the store.

use std::{collections::HashSet, hash::Hash, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tebdil_core::{
    realtime::Whom,
    store::{MatchDevice, SideDevice, Store, StoreError},
};
use tebdil_protocol::{id::MatchId, notice::Notice, time::Clock};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Notifier;
use crate::hub::Hub;

/// How long they are gathered. In that time a broken connection may also come back.
const GATHER: Duration = Duration::from_secs(1);

/// Most that are noted. Further ones are left to the job.
const CAPACITY: usize = 65_536;

/// Most that the hub and the store are asked about at once.
const BATCH: usize = 256;

/// Notes who may have to be woken. Cheap, and never waits.
#[derive(Debug, Default)]
pub struct Wakeups {
    noted: Mutex<Noted>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Noted {
    /// Content was stored for these sides.
    messages: HashSet<SideDevice>,
    /// A match was made for these.
    matches: HashSet<SideDevice>,
}

impl Wakeups {
    /// Content was stored in a match for a device without a connection at this node.
    pub fn message(&self, match_id: MatchId, (user, session): MatchDevice) {
        self.note(|noted| &mut noted.messages, [(match_id, user, session)]);
    }

    /// A match was made, or found again, for a device without a connection at this node.
    pub fn match_found(&self, match_id: MatchId, (user, session): MatchDevice) {
        self.note(|noted| &mut noted.matches, [(match_id, user, session)]);
    }

    fn note(
        &self,
        of: impl FnOnce(&mut Noted) -> &mut HashSet<SideDevice>,
        sides: impl IntoIterator<Item = SideDevice>,
    ) {
        let mut dropped = 0;
        {
            let mut noted = self.noted.lock();
            let of = of(&mut noted);
            for side in sides {
                if of.len() < CAPACITY {
                    of.insert(side);
                } else if !of.contains(&side) {
                    dropped += 1;
                }
            }
        }
        if dropped > 0 {
            metrics::counter!("tebdil_wakeups_dropped_total").increment(dropped);
        }
        self.wake.notify_one();
    }

    fn take(&self) -> Noted {
        std::mem::take(&mut *self.noted.lock())
    }
}

/// The task that wakes those who were noted.
#[derive(Debug)]
pub struct WakeupsTask {
    pub wakeups: Arc<Wakeups>,
    pub store: Store,
    pub hub: Arc<Hub>,
    pub clock: Clock,
    pub notifier: Notifier,
}

impl WakeupsTask {
    /// Wakes until `closing`, and then those noted so far.
    pub async fn run(self, closing: CancellationToken) {
        loop {
            tokio::select! {
                () = self.wakeups.wake.notified() => {}
                () = closing.cancelled() => break,
            }
            tokio::select! {
                () = tokio::time::sleep(GATHER) => {}
                () = closing.cancelled() => break,
            }
            self.round().await;
        }
        self.round().await;
    }

    async fn round(&self) {
        let Noted { messages, matches } = self.wakeups.take();
        for batch in in_batches(messages) {
            if let Err(error) = self.wake_for_messages(&batch).await
                && error.passes("people who are away could not be woken")
            {
                self.wakeups.note(|noted| &mut noted.messages, batch);
            }
        }
        for batch in in_batches(matches) {
            if let Err(error) = self.wake_for_matches(&batch).await
                && error.passes("people who are away could not be told of their match")
            {
                self.wakeups.note(|noted| &mut noted.matches, batch);
            }
        }
    }

    async fn wake_for_messages(&self, batch: &[SideDevice]) -> Result<(), WakeError> {
        let away = self.away(batch).await?;
        let ordered = self
            .store
            .notices()
            .order_wakeups(&away, self.clock.now())
            .await?;
        if ordered > 0 {
            metrics::counter!("tebdil_wakeups_total", "by" => "node").increment(ordered);
        }
        Ok(())
    }

    async fn wake_for_matches(&self, batch: &[SideDevice]) -> Result<(), WakeError> {
        for (match_id, user, _) in self.away(batch).await? {
            // Announced once, however often it is found again.
            let told = self
                .store
                .notices()
                .notify(
                    user,
                    &Notice::MatchFound { match_id },
                    &match_id.to_string(),
                    self.clock.now(),
                )
                .await?;
            if let Some(notified) = told {
                self.notifier.tell(&notified);
            }
        }
        Ok(())
    }

    /// Those of the sides whose devices have no connection anywhere.
    async fn away(&self, sides: &[SideDevice]) -> Result<Vec<SideDevice>, WakeError> {
        let devices: Vec<Whom> = sides
            .iter()
            .map(|(_, user, session)| (*user, Some(*session)))
            .collect();
        let online = self.hub.online(&devices).await?;
        Ok(sides
            .iter()
            .zip(online)
            .filter(|(_, online)| !online)
            .map(|(side, _)| *side)
            .collect())
    }
}

/// Why somebody could not be woken now.
#[derive(Debug, thiserror::Error)]
enum WakeError {
    #[error("who is connected is not known: {0}")]
    Presence(#[from] tebdil_core::realtime::RealtimeError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl WakeError {
    /// Logs it; whether trying again makes sense.
    fn passes(&self, what: &'static str) -> bool {
        let again = match self {
            Self::Presence(_) => true,
            Self::Store(error) => error.is_transient(),
        };
        tracing::warn!(error = %self, again, "{what}");
        again
    }
}

fn in_batches<T: Eq + Hash>(set: HashSet<T>) -> impl Iterator<Item = Vec<T>> {
    let mut rest = set.into_iter();
    std::iter::from_fn(move || {
        let batch: Vec<T> = rest.by_ref().take(BATCH).collect();
        (!batch.is_empty()).then_some(batch)
    })
}
