//! Tells peers who is online, at whichever node they are.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use parking_lot::Mutex;
use tebdil_core::{
    realtime::{Device, Presence, PresenceUpdate, Word},
    store::{MatchRow, Store, StoreError},
};
use tebdil_protocol::{
    PeerPresence, ServerFrame,
    id::{MatchId, UserId},
    time::Clock,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::hub::{Audience, Hub, NodeMessage, Outgoing};

/// Users announced at once: each reads its matches from the store.
const CONCURRENCY: usize = 16;

/// Users of one round; after a failure the next one waits.
const ROUND: usize = 256;

/// How long it waits.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Says of users whether they are online: at once for a connection of this node, and in a task of
/// its own for those whose connection could not do it, because their node died, all nodes were
/// forgotten, or the store was away.
///
/// Each user waits for the task once, however often something happens meanwhile: what is told is
/// what is true then.
#[derive(Debug)]
pub struct PresenceNotifier {
    store: Store,
    hub: Arc<Hub>,
    /// Compares with what was said last for all nodes, where there are several.
    presence: Option<Presence>,
    clock: Clock,
    /// Nobody waits for anything any longer.
    hard: CancellationToken,
    /// With `true`: whatever their peers were told last.
    waiting: Mutex<HashMap<UserId, bool>>,
    /// Users whose peers were told last that they are online, where the node is alone.
    said_online: Mutex<HashSet<UserId>>,
    /// Users of whom the peers at other nodes could not be told.
    unsaid: Mutex<HashSet<UserId>>,
    wake: Notify,
}

impl PresenceNotifier {
    /// One that nobody waits at, and that has to be [run](Self::run); from `hard` on it is silent.
    pub fn new(
        store: Store,
        hub: Arc<Hub>,
        presence: Option<Presence>,
        clock: Clock,
        hard: CancellationToken,
    ) -> Self {
        Self {
            store,
            hub,
            presence,
            clock,
            hard,
            waiting: Mutex::default(),
            said_online: Mutex::default(),
            unsaid: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// Tells the peers of a user, wherever they are, whether it is online, where that is news; with
    /// `returned`, that it was gone and is back.
    pub async fn announce(&self, user: UserId, returned: bool) -> Result<(), StoreError> {
        let word = if returned { Word::Returned } else { Word::News };
        self.say(user, word).await
    }

    /// Takes a connection that has left the hub out of presence, and tells the peers of its user.
    pub async fn left(&self, device: Device) {
        self.hub.unregister(device).await;
        // Looked at only now: of two that end at the same time, the one that leaves presence last
        // has to tell it.
        if !self.hub.is_here(device.user)
            && !self.hard.is_cancelled()
            && let Err(error) = self.announce(device.user, false).await
        {
            tracing::warn!(%error, "peers were not told that a user went offline; trying again");
            // Nothing else would tell them before the user comes back.
            self.tell([device.user], false);
        }
    }

    /// Has the peers of these users told whether they are online: with `again` in any case, else
    /// where that is news.
    pub fn tell(&self, users: impl IntoIterator<Item = UserId>, again: bool) {
        {
            let mut waiting = self.waiting.lock();
            for user in users {
                *waiting.entry(user).or_default() |= again;
            }
        }
        self.wake.notify_one();
    }

    /// Has those told again who could not be while Redis was away.
    pub fn tell_unsaid(&self) {
        let unsaid = std::mem::take(&mut *self.unsaid.lock());
        self.tell(unsaid, true);
    }

    /// Says what is true of a user, and what its peers have to hear of it.
    async fn say(&self, user: UserId, word: Word) -> Result<(), StoreError> {
        let now = self.clock.now();
        let matches = self.store.matches().active_matches(user, now).await?;
        let Some(presence) = &self.presence else {
            self.say_here(user, word, |online| self.tell_peers(&matches, online));
            return Ok(());
        };
        let message = |peer, match_id, online| {
            NodeMessage::frame(peer, Audience::All, &frame(match_id, online)).encode()
        };
        let to: Vec<PresenceUpdate> = matches
            .iter()
            .map(|row| PresenceUpdate {
                peer: row.peer_id,
                online: message(row.peer_id, row.id, true),
                offline: message(row.peer_id, row.id, false),
            })
            .collect();
        // Where nobody could be told, peers of this node are told what this node knows. When the
        // others can be reached again, this node's devices are registered anew and their users
        // announced; of one who left, presence may know nothing more by then, so it is remembered
        // here.
        if presence.announce(user, word, &to).await.is_err() {
            self.unsaid.lock().insert(user);
            self.tell_peers(&matches, self.hub.is_here(user));
        }
        Ok(())
    }

    /// What `announce.lua` does, where all peers are at this node.
    fn say_here(&self, user: UserId, word: Word, tell: impl Fn(bool)) {
        // The lock is held while the peers are told, or two announcements could be heard the other
        // way round.
        let mut said_online = self.said_online.lock();
        let online = self.hub.is_here(user);
        let said = if online {
            !said_online.insert(user)
        } else {
            said_online.remove(&user)
        };
        match (said, online, word) {
            (true, true, Word::News) | (false, false, Word::News | Word::Returned) => return,
            (true, true, Word::Returned) => tell(false),
            _ => {}
        }
        tell(online);
    }

    /// Tells the peers at this node.
    fn tell_peers(&self, matches: &[MatchRow], online: bool) {
        for row in matches {
            self.hub
                .send_here(row.peer_id, Audience::All, &frame(row.id, online));
        }
    }

    fn round(&self) -> Vec<(UserId, bool)> {
        let mut waiting = self.waiting.lock();
        let users: Vec<UserId> = waiting.keys().take(ROUND).copied().collect();
        let round = users
            .into_iter()
            .filter_map(|user| waiting.remove_entry(&user))
            .collect();
        if waiting.is_empty() {
            *waiting = HashMap::new();
        }
        round
    }

    /// Tells of those who come, until `closing`; of those who wait then, once more.
    pub async fn run(self: Arc<Self>, closing: CancellationToken) {
        loop {
            let round = self.round();
            if round.is_empty() {
                tokio::select! {
                    () = self.wake.notified() => continue,
                    () = closing.cancelled() => return,
                }
            }
            let failed = AtomicBool::new(false);
            stream::iter(round)
                .for_each_concurrent(CONCURRENCY, async |(user, again)| {
                    let word = if again { Word::Again } else { Word::News };
                    if let Err(error) = self.say(user, word).await {
                        if !failed.swap(true, Ordering::Relaxed) {
                            tracing::warn!(%error, "peers were not told of a user's presence; trying again");
                        }
                        self.tell([user], again);
                    }
                })
                .await;
            if failed.into_inner() {
                tokio::select! {
                    () = tokio::time::sleep(RETRY_AFTER) => {}
                    () = closing.cancelled() => return,
                }
            }
        }
    }
}

fn frame(match_id: MatchId, online: bool) -> Outgoing {
    Outgoing::new(
        &ServerFrame::PeerPresence(PeerPresence { match_id, online }),
        None,
    )
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tebdil_core::{
        realtime::{Realtime, RealtimeSettings},
        testing::{Backend, TestStore},
    };
    use tebdil_protocol::id::SessionId;

    use super::*;
    use crate::hub::{Connection, OutboundLimits};

    const USER: UserId = UserId(1);

    /// A node that is alone.
    struct Alone {
        presence_notifier: PresenceNotifier,
        _store: TestStore,
    }

    impl Alone {
        async fn new() -> Self {
            let t = TestStore::create(Backend::Sqlite).await;
            let t = t.expect("SQLite is always there");
            let settings = RealtimeSettings {
                redis_url: "".into(),
                prefix: String::new(),
            };
            let connected = Realtime::connect(&settings, &mut rand::rng()).await;
            let (hub, _) = Hub::new(2, &connected.expect("in this process").0);
            let (hub, clock) = (Arc::new(hub), t.clock.clone());
            let hard = CancellationToken::new();
            Self {
                presence_notifier: PresenceNotifier::new(t.store.clone(), hub, None, clock, hard),
                _store: t,
            }
        }

        fn joins(&self) -> Arc<Connection> {
            let hub = &self.presence_notifier.hub;
            let limits = OutboundLimits {
                frames: 8,
                bytes: 1_000,
            };
            let id = hub.next_connection_id();
            let connection = Arc::new(Connection::new(id, USER, SessionId(1), limits));
            hub.join(&connection);
            connection
        }

        fn leaves(&self, connection: &Connection) {
            self.presence_notifier.hub.leave(connection);
        }

        fn told(&self, word: Word) -> Vec<bool> {
            let told = RefCell::new(Vec::new());
            self.presence_notifier
                .say_here(USER, word, |online| told.borrow_mut().push(online));
            told.into_inner()
        }
    }

    #[tokio::test]
    async fn peers_here_are_told_once_and_only_what_is_true() {
        let alone = Alone::new().await;
        assert_eq!(alone.told(Word::News), [false; 0], "never seen");
        let connection = alone.joins();
        assert_eq!(alone.told(Word::News), [true]);
        assert_eq!(alone.told(Word::News), [false; 0]);
        alone.leaves(&connection);
        assert_eq!(alone.told(Word::Returned), [false]);
        assert_eq!(alone.told(Word::Returned), [false; 0]);
        alone.joins();
        assert_eq!(alone.told(Word::Returned), [true]);
        assert_eq!(alone.told(Word::Returned), [false, true], "gone and back");
    }

    #[tokio::test]
    async fn a_word_that_is_repeated_here_is_true() {
        let alone = Alone::new().await;
        assert_eq!(alone.told(Word::Again), [false], "never seen");
        let connection = alone.joins();
        for _ in 0..2 {
            assert_eq!(alone.told(Word::Again), [true]);
        }
        assert_eq!(alone.told(Word::News), [false; 0]);
        alone.leaves(&connection);
        for _ in 0..2 {
            assert_eq!(alone.told(Word::Again), [false]);
        }
        assert_eq!(alone.told(Word::News), [false; 0]);
    }
}
