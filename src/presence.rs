//! Tells peers, at any node, who is online.

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
    realtime::{Announcement, Device, Presence},
    store::{Store, StoreError},
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

/// Users per round; after a failure the next one waits.
const ROUND: usize = 256;

/// How long it waits.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Announces whether users are online: at once for a connection of this node, and in a task of its
/// own for those whose connection could not do it, because their node died, all nodes were
/// forgotten, or the store was away.
///
/// Each user waits for the task once, however often something happens meanwhile: what is announced
/// is what is true then.
#[derive(Debug)]
pub struct Announcer {
    store: Store,
    hub: Arc<Hub>,
    presence: Presence,
    clock: Clock,
    /// Nobody waits for anything any longer.
    hard: CancellationToken,
    /// With `true`: whatever their peers were told last.
    waiting: Mutex<HashMap<UserId, bool>>,
    /// Users whose peers at other nodes could not be told.
    unsaid: Mutex<HashSet<UserId>>,
    wake: Notify,
}

/// What peers believe of a user.
#[derive(Debug, Clone, Copy)]
enum Told {
    /// What they were told last.
    Last,
    /// That it is online, though it was gone and is back.
    Returned,
    /// Perhaps something else.
    Unknown,
}

impl Announcer {
    /// Without waiting users; it has to be [run](Self::run), and is silent from `hard` on.
    pub fn new(
        store: Store,
        hub: Arc<Hub>,
        presence: Presence,
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
            unsaid: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// Tells a user's peers at any node whether it is online, if that is news; with `returned`,
    /// that it was gone and is back.
    pub async fn announce(&self, user: UserId, returned: bool) -> Result<(), StoreError> {
        let told = if returned { Told::Returned } else { Told::Last };
        self.say(user, told).await
    }

    /// Removes a connection that has left the hub from presence, and tells the peers of its user.
    pub async fn left(&self, device: Device) {
        if let Err(error) = self.presence.leave(device).await {
            tracing::debug!(%error, "a connection could not be taken out of presence; it is registered anew without it");
        }
        // Checked only now: of two that end at the same time, the one that leaves presence last has
        // to tell.
        if !self.hub.is_here(device.user)
            && !self.hard.is_cancelled()
            && let Err(error) = self.announce(device.user, false).await
        {
            tracing::warn!(%error, "peers were not told that a user went offline; trying again");
            // Nothing else would tell them before the user comes back.
            self.tell([device.user], false);
        }
    }

    /// Has the peers of these users told whether they are online: with `again` in any case,
    /// otherwise only if that is news.
    pub fn tell(&self, users: impl IntoIterator<Item = UserId>, again: bool) {
        {
            let mut waiting = self.waiting.lock();
            for user in users {
                *waiting.entry(user).or_default() |= again;
            }
        }
        self.wake.notify_one();
    }

    /// Tells those again who could not be told while Redis was away.
    pub fn tell_unsaid(&self) {
        let unsaid = std::mem::take(&mut *self.unsaid.lock());
        self.tell(unsaid, true);
    }

    /// Finds out whether a user is online, and what its peers have to be told.
    async fn say(&self, user: UserId, told: Told) -> Result<(), StoreError> {
        let matches = self
            .store
            .matches()
            .active_matches(user, self.clock.now())
            .await?;
        let word = |peer, match_id, online| {
            NodeMessage::frame(peer, Audience::All, &frame(match_id, online)).encode()
        };
        let to: Vec<Announcement> = matches
            .iter()
            .map(|row| Announcement {
                peer: row.peer_id,
                online: word(row.peer_id, row.id, true),
                offline: word(row.peer_id, row.id, false),
            })
            .collect();
        let said = match told {
            Told::Last => self.presence.announce(user, false, &to).await,
            Told::Returned => self.presence.announce(user, true, &to).await,
            Told::Unknown => self.presence.announce_again(user, &to).await,
        };
        // If presence cannot be reached, peers at this node are told what this node knows. When the
        // others can be reached again, this node's devices are registered anew and their users
        // announced; presence may by then have forgotten users who left, so they are remembered
        // here.
        if said.is_err() {
            self.unsaid.lock().insert(user);
            let online = self.hub.is_here(user);
            for row in matches {
                self.hub
                    .send_here(row.peer_id, Audience::All, &frame(row.id, online));
            }
        }
        Ok(())
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

    /// Announces users as they come, until `closing`; then, once more, those who wait.
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
                    let told = if again { Told::Unknown } else { Told::Last };
                    if let Err(error) = self.say(user, told).await {
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
