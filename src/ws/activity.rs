//! When users and sessions were last active, as their sockets tell it: noted in memory, and written
//! for many at once. No frame writes anything.

use std::{sync::Arc, time::Duration};

use dashmap::DashMap;
use tebdil_protocol::{
    id::{SessionId, UserId},
    time::Timestamp,
};
use tokio::time::MissedTickBehavior;

use crate::{app::App, hub::Connection};

/// How often what was noted is written.
const WRITE_EVERY: Duration = Duration::from_secs(2);
/// How often a connection that stays open counts as activity.
const OPEN_EVERY: Duration = Duration::from_mins(5);
/// Times of a session that are closer together are not written.
const APART: Duration = Duration::from_mins(1);
/// Sessions of one statement.
const BATCH: usize = 256;
/// Sessions that may wait while the store is away. More are not noted: their next connection is.
const MAX_NOTED: usize = 100_000;

/// Sessions that were active since the last time it was written.
#[derive(Debug, Default)]
pub struct Activity {
    noted: DashMap<SessionId, UserId>,
}

impl Activity {
    /// A connection begins, ends, or is still there.
    pub(super) fn note(&self, connection: &Connection) {
        if self.noted.len() < MAX_NOTED {
            self.noted.insert(connection.session_id, connection.user_id);
        }
    }
}

/// Writes what was noted until `closing`, and once more then: what is connected at that moment was
/// active.
pub async fn run(app: Arc<App>) {
    let mut every = tokio::time::interval(WRITE_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looked_at = app.clock.now();
    loop {
        let closing = tokio::select! {
            _ = every.tick() => false,
            () = app.tasks.closing.cancelled() => true,
        };
        let now = app.clock.now();
        if closing || is_due(looked_at, now) {
            looked_at = now;
            for connection in app.hub.all() {
                app.activity.note(&connection);
            }
        }
        write(&app, now).await;
        if closing {
            return;
        }
    }
}

/// Also after a clock was set back.
fn is_due(looked_at: Timestamp, now: Timestamp) -> bool {
    now < looked_at || now.since(looked_at) >= OPEN_EVERY
}

async fn write(app: &App, now: Timestamp) {
    let noted: Vec<(UserId, SessionId)> = app
        .activity
        .noted
        .iter()
        .map(|entry| (*entry.value(), *entry.key()))
        .collect();
    for batch in noted.chunks(BATCH) {
        if let Err(error) = app.store.accounts().touch_all(batch, APART, now).await {
            tracing::warn!(%error, "the activity of sessions was not noted; trying again");
            return;
        }
        for (_, session) in batch {
            app.activity.noted.remove(session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_connections_are_looked_at_every_five_minutes_and_after_a_clock_was_set_back() {
        let start = Timestamp::from_millis(1_795_251_600_000);
        assert!(!is_due(start, start) && !is_due(start, start + Duration::from_secs(299)));
        assert!(
            is_due(start, start + OPEN_EVERY) && is_due(start, start - Duration::from_millis(1))
        );
    }
}
