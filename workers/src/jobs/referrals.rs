//! Rewards for invitations: a job for each who joined by one, and a sweep for those whose job was
//! given up.

use serde::{Deserialize, Serialize};
use tebdil_core::store::{REWARD_ATTEMPTS, REWARD_QUEUE, RewardOrder};
use tebdil_protocol::id::{ReferralId, UserId};

use crate::job::{Job, JobContext, JobError};

const BATCH: i64 = 100;

impl Job for RewardOrder {
    const QUEUE: &'static str = REWARD_QUEUE;
    const MAX_ATTEMPTS: i64 = REWARD_ATTEMPTS;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        reward(cx, self.user_id).await
    }
}

/// Gives the rewards that were due when it began and still are.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct RewardSweep {}

impl Job for RewardSweep {
    const QUEUE: &'static str = "referral_sweep";
    // The next one tries again anyway.
    const MAX_ATTEMPTS: i64 = 3;
    const CONCURRENCY: usize = 1;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        let (mut after, mut outcome) = (ReferralId(0), Ok(()));
        loop {
            let due = cx.store.economy().unrewarded(after, BATCH).await?;
            let Some(&(last, _)) = due.last() else {
                return outcome;
            };
            after = last;
            for (_, user) in due {
                // Each for itself: one that fails does not keep the others from theirs.
                outcome = outcome.and(reward(cx, user).await);
            }
        }
    }
}

async fn reward(cx: &JobContext, user: UserId) -> Result<(), JobError> {
    let settings = &cx.settings;
    let Some(rewarded) = cx
        .store
        .economy()
        .reward_referral(user, settings.referrals, &settings.quota, cx.now()?)
        .await?
    else {
        return Ok(());
    };
    metrics::counter!("tebdil_referrals_rewarded_total").increment(1);
    for (user, quota) in rewarded.quotas {
        (cx.hooks.on_quota)(user, quota);
    }
    for notified in rewarded.notified {
        (cx.hooks.on_notified)(notified);
    }
    Ok(())
}
