//! Bans whom many people have reported, until a moderator looks. Whoever takes a report counts at
//! once; an order of each report is for the one who died, and a sweep for those whose order was
//! given up, or whose reporters count again.

use serde::{Deserialize, Serialize};
use tebdil_core::store::{AUTO_BAN_ATTEMPTS, AUTO_BAN_QUEUE, AutoBanOrder};
use tebdil_protocol::id::UserId;

use super::ban;
use crate::job::{Job, JobContext, JobError};

const BATCH: i64 = 100;

impl Job for AutoBanOrder {
    const QUEUE: &'static str = AUTO_BAN_QUEUE;
    const MAX_ATTEMPTS: i64 = AUTO_BAN_ATTEMPTS;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        count(cx, self.user_id).await
    }
}

/// Counts the reports of everybody who has enough of them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct AutoBanSweep {}

impl Job for AutoBanSweep {
    const QUEUE: &'static str = "auto_ban_sweep";
    // The next one tries again anyway.
    const MAX_ATTEMPTS: i64 = 3;
    const CONCURRENCY: usize = 1;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        let (mut after, mut outcome) = (UserId(0), Ok(()));
        loop {
            let due = cx
                .store
                .safety()
                .much_reported(after, BATCH, &cx.settings.reports, cx.now()?)
                .await?;
            let Some(&last) = due.last() else {
                return outcome;
            };
            after = last;
            for user in due {
                // Each for itself: one that fails does not keep the others from theirs.
                outcome = outcome.and(count(cx, user).await);
            }
        }
    }
}

async fn count(cx: &JobContext, user: UserId) -> Result<(), JobError> {
    let Some(banned) = cx
        .store
        .safety()
        .auto_ban(user, &cx.settings.reports, cx.now()?)
        .await?
    else {
        return Ok(());
    };
    metrics::counter!("tebdil_auto_bans_total").increment(1);
    if let Some(notified) = banned.notified {
        (cx.hooks.on_notified)(notified);
    }
    // At once; should this fail, the order of the ban does it.
    ban::enforce(cx, banned.user_id).await
}
