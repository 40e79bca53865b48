//! What this node sees now, kept where the overview of moderators finds it: numbers, nobody in them.

use std::{sync::Arc, time::Duration};

use tebdil_core::store::{LiveCounts, QueueCounts, Store};
use tebdil_protocol::time::Clock;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    hub::Hub,
    matching::{Matchmaker, QueueStatus},
};

/// How old the counts of a node may be, and how old while they do not change.
const EVERY: Duration = Duration::from_secs(5);
const SAME: Duration = Duration::from_secs(15);

/// Counts until the process closes. What could not be kept is counted anew.
pub(crate) async fn count(
    store: Store,
    clock: Clock,
    hub: Arc<Hub>,
    matchmaker: Arc<Matchmaker>,
    closing: CancellationToken,
) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut kept: Option<(LiveCounts, bool, Instant)> = None;
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = closing.cancelled() => break,
        }
        let status = matchmaker.status().await;
        let queues = status.queues.unwrap_or_default();
        let counts = LiveCounts {
            online: number(hub.user_count()),
            text: queue(queues.text),
            video: queue(queues.video),
        };
        let leads = status.queues.is_some();
        let known = |(before, led, since): (LiveCounts, bool, Instant)| {
            (before, led) == (counts, leads) && since.elapsed() < SAME
        };
        if kept.is_some_and(known) {
            continue;
        }
        match store.jobs().keep_live(&counts, leads, clock.now()).await {
            Ok(()) => kept = Some((counts, leads, Instant::now())),
            Err(error) => tracing::debug!(%error, "what this node sees was not kept"),
        }
    }
    // Otherwise it would count for some seconds more.
    if let Err(error) = store.jobs().forget_live(clock.now()).await {
        tracing::debug!(%error, "what this node saw was not forgotten");
    }
}

fn queue(QueueStatus { waiting, oldest }: QueueStatus) -> QueueCounts {
    QueueCounts {
        searching: number(waiting),
        oldest,
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
