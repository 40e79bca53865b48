//! What a process needs from the database to keep running: a node part for its ids, and a clock
//! that is right.

use std::time::Duration;

use tebdil_core::{
    skew::ClockGuard,
    store::{RENEW_IDS, Store},
};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::lifecycle::Tasks;

/// How often the clock is compared with the database's.
const COMPARE: Duration = Duration::from_mins(1);

/// How often while it is wrong or not known to be right.
const COMPARE_AGAIN: Duration = Duration::from_secs(5);

/// How often it is looked at here.
const LOOK: Duration = Duration::from_secs(1);

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Maintains both until the process closes.
pub(crate) fn look_after(tasks: &Tasks, store: &Store, guard: &ClockGuard) {
    tasks.supervise("ids", keep_ids(store.clone(), tasks.closing.clone()));
    tasks.supervise(
        "clock",
        watch_clock(guard.clone(), store.clone(), tasks.closing.clone()),
    );
}

async fn keep_ids(store: Store, closing: CancellationToken) {
    let mut every = tokio::time::interval(RENEW_IDS);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = closing.cancelled() => return,
        }
        match tokio::time::timeout(PATIENCE, store.jobs().renew_ids()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the node part of the ids was not renewed"),
            Err(_) => tracing::warn!("the node part of the ids was not renewed in time"),
        }
    }
}

/// Compares the clock with the database's, now and every minute, and logs when it is wrong and when
/// it is right again.
async fn watch_clock(guard: ClockGuard, store: Store, closing: CancellationToken) {
    let mut every = tokio::time::interval(LOOK);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut compared, mut was_right) = (Instant::now(), true);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = closing.cancelled() => return,
        }
        let period = if guard.is_right() {
            COMPARE
        } else {
            COMPARE_AGAIN
        };
        if compared.elapsed() >= period {
            compare(&guard, &store).await;
            compared = Instant::now();
        }
        let is_right = guard.is_right();
        match (was_right, is_right, guard.ahead_s()) {
            (true, false, Some(ahead_s)) => {
                tracing::error!(
                    ahead_s,
                    "the clock of this machine and that of the database are apart: no jobs run here, and the node is not ready"
                );
            }
            (true, false, None) => {
                tracing::error!(
                    "the clock was not compared with that of the database: no jobs run here, and the node is not ready"
                );
            }
            (false, true, _) => {
                tracing::info!("the clock agrees with that of the database: jobs run again");
            }
            _ => {}
        }
        was_right = is_right;
        if let Some(ahead_s) = guard.ahead_s() {
            metrics::gauge!("tebdil_clock_offset_seconds").set(ahead_s);
        }
    }
}

/// Compares it once. While the database does not answer, the last result counts.
pub(crate) async fn compare(guard: &ClockGuard, store: &Store) {
    match tokio::time::timeout(PATIENCE, guard.compare(store)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(%error, "the clock could not be compared with that of the database");
        }
        Err(_) => {
            tracing::warn!("the clock could not be compared with that of the database in time");
        }
    }
}
