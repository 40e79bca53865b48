//! When users and sessions were last active, by their sockets: noted in memory, and written in
//! batches. No frame causes a write.

use std::{sync::Arc, time::Duration};

use dashmap::DashMap;
use tebdil_protocol::{
    id::{SessionId, UserId},
    time::Timestamp,
};
use tokio::time::MissedTickBehavior;

use super::Sockets;
use crate::hub::Connection;

/// How often the notes are written.
const WRITE_EVERY: Duration = Duration::from_secs(2);
/// How often a connection that stays open counts as activity.
const OPEN_EVERY: Duration = Duration::from_mins(5);
/// Times of one session that are closer together than this are not written.
const APART: Duration = Duration::from_mins(1);
/// Sessions per statement.
const BATCH: usize = 256;
/// Sessions that may wait while the store is away. Further ones are not noted until they connect
/// again.
const MAX_NOTED: usize = 100_000;

/// Sessions that were active since the last time it was written.
#[derive(Debug, Default)]
pub struct Activity {
    noted: DashMap<SessionId, UserId>,
}

impl Activity {
    /// A connection begins, ends, or is still there.
    pub(super) fn note(&self, connection: &Connection) {
        self.put(&[(connection.user_id, connection.session_id)]);
    }

    fn put(&self, noted: &[(UserId, SessionId)]) {
        for (user, session) in noted {
            if self.noted.len() < MAX_NOTED {
                self.noted.insert(*session, *user);
            }
        }
    }

    /// Takes out the notes so far; what is noted while they are written is written next time.
    fn take(&self) -> Vec<(UserId, SessionId)> {
        let sessions: Vec<SessionId> = self.noted.iter().map(|entry| *entry.key()).collect();
        let taken = sessions
            .into_iter()
            .filter_map(|session| self.noted.remove(&session));
        taken.map(|(session, user)| (user, session)).collect()
    }
}

/// Writes the notes until `closing`, and then once more, since whoever is connected at that moment
/// was active.
pub async fn run(sockets: Arc<Sockets>) {
    let mut every = tokio::time::interval(WRITE_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looked_at = sockets.clock.now();
    loop {
        let closing = tokio::select! {
            _ = every.tick() => false,
            () = sockets.tasks.closing.cancelled() => true,
        };
        let now = sockets.clock.now();
        if closing || is_due(looked_at, now) {
            looked_at = now;
            for connection in sockets.hub.all() {
                sockets.activity.note(&connection);
            }
        }
        write(&sockets, now).await;
        if closing {
            return;
        }
    }
}

/// Also after a clock was set back.
fn is_due(looked_at: Timestamp, now: Timestamp) -> bool {
    now < looked_at || now.since(looked_at) >= OPEN_EVERY
}

async fn write(sockets: &Sockets, now: Timestamp) {
    let noted = sockets.activity.take();
    let mut batches = noted.chunks(BATCH);
    while let Some(batch) = batches.next() {
        if let Err(error) = sockets.store.accounts().touch_all(batch, APART, now).await {
            tracing::warn!(%error, "the activity of sessions was not noted; trying again");
            sockets.activity.put(batch);
            return batches.for_each(|left| sockets.activity.put(left));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_while_others_are_written_is_written_next_time() {
        let activity = Activity::default();
        let [one, two] = [1, 2].map(|id| (UserId(id), SessionId(id)));
        activity.put(&[one, two]);
        let mut written = activity.take();
        written.sort_unstable();
        assert_eq!(written, [one, two]);
        activity.put(&[one]);
        assert_eq!(activity.take(), [one]);
        assert!(activity.take().is_empty());
    }

    #[test]
    fn what_could_not_be_written_has_the_same_bound() {
        let activity = Activity::default();
        let many: Vec<_> = (0..=100_000)
            .map(|id| (UserId(id), SessionId(id)))
            .collect();
        activity.put(&many);
        assert_eq!(activity.noted.len(), MAX_NOTED);
        let taken = activity.take();
        activity.put(&many[100_000..]);
        activity.put(&taken);
        assert_eq!(activity.noted.len(), MAX_NOTED);
    }

    #[test]
    fn open_connections_are_noted_also_after_a_clock_was_set_back() {
        let start = Timestamp::from_millis(1_795_251_600_000);
        assert!(!is_due(start, start) && !is_due(start, start + Duration::from_secs(299)));
        assert!(
            is_due(start, start + OPEN_EVERY) && is_due(start, start - Duration::from_millis(1))
        );
    }
}
