//! Tells peers of the presence of many users, a few at a time.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use tebdil_protocol::id::UserId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::chat::Chat;

/// Users announced at once: each reads its matches from the store.
const CONCURRENCY: usize = 16;

/// Users of one round; after a failure the next one waits.
const ROUND: usize = 256;

/// How long it waits.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Users whose peers have to be told whether they are online, because their own connection could
/// not do it: their node died, all nodes were forgotten, or the store was away.
///
/// Each user waits here once, however often something happens meanwhile: what is told is what is
/// true then.
#[derive(Debug)]
pub struct Announcer {
    chat: Arc<Chat>,
    /// With `true`: whatever their peers were told last.
    waiting: Mutex<HashMap<UserId, bool>>,
    wake: Notify,
}

impl Announcer {
    /// One that nobody waits at, and that has to be [run](Self::run).
    pub fn new(chat: Arc<Chat>) -> Self {
        Self {
            chat,
            waiting: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// Has the peers of these users told whether they are online: with `again` in any case, else
    /// where that is news.
    pub fn tell(&self, users: impl IntoIterator<Item = UserId>, again: bool) {
        {
            let mut waiting = self.waiting();
            for user in users {
                *waiting.entry(user).or_default() |= again;
            }
        }
        self.wake.notify_one();
    }

    /// Has those told again who could not be while Redis was away.
    pub fn tell_unsaid(&self) {
        self.tell(self.chat.take_unsaid(), true);
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<UserId, bool>> {
        // Nothing that is done under the lock can panic half way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn round(&self) -> Vec<(UserId, bool)> {
        let mut waiting = self.waiting();
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
                    let told =
                        if again { self.chat.announce_presence_again(user).await } else { self.chat.announce_presence(user, false).await };
                    if let Err(error) = told {
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
