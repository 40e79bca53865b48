//! Tells users of announcements, a batch at a time: at once when one is made, and every minute what
//! a crash left.

use serde::{Deserialize, Serialize};
use tebdil_core::{notice::ANNOUNCE_QUEUE, store::Notified};

use crate::job::{Job, JobContext, JobError};

/// Users of one transaction, and of one question who is connected.
const BATCH: i64 = 500;

/// Goes through the users for every announcement that has not reached them all.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Announce {}

impl Job for Announce {
    const QUEUE: &'static str = ANNOUNCE_QUEUE;
    // The next minute tries again anyway.
    const MAX_ATTEMPTS: i64 = 3;
    const CONCURRENCY: usize = 1;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        while let Some(told) = cx.store.notices().announce_next(BATCH, cx.now()?).await? {
            metrics::counter!("tebdil_announced_total").increment(told.len() as u64);
            tell_connected(cx, told).await;
        }
        Ok(())
    }
}

/// Tells the sockets of those who have one; the others find it when they come.
async fn tell_connected(cx: &JobContext, told: Vec<Notified>) {
    let Some(online) = &cx.hooks.online else {
        return;
    };
    let users = told.iter().map(|notified| (notified.user_id, None));
    match online(users.collect()).await {
        Ok(online) => {
            for (notified, _) in told.into_iter().zip(online).filter(|(_, online)| *online) {
                (cx.hooks.on_notified)(notified);
            }
        }
        Err(error) => {
            tracing::warn!(%error, "who is connected is not known; an announcement waits in the lists");
        }
    }
}
