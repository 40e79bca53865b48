//! Ends what a banned user still has, and what remains of a ban that ran out.

use serde::{Deserialize, Serialize};
use tebdil_core::store::{BAN_ATTEMPTS, BAN_QUEUE, BanOrder, EndOutcome};
use tebdil_protocol::{CloseCode, domain::EndReason, id::UserId};

use crate::job::{Job, JobContext, JobError};

const USERS_PER_BATCH: i64 = 100;

/// Whoever bans runs it at once; the order is for the ban whose maker died.
impl Job for BanOrder {
    const QUEUE: &'static str = BAN_QUEUE;
    const MAX_ATTEMPTS: i64 = BAN_ATTEMPTS;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        enforce(cx, self.user_id).await
    }
}

/// Shuts a banned user out, and whoever has its phone today.
pub(super) async fn enforce(cx: &JobContext, user: UserId) -> Result<(), JobError> {
    // A late order must not close what came after the ban.
    let accounts = cx.store.safety().banned_accounts(user).await?;
    shut_out(cx, &accounts, CloseCode::Banned, EndReason::Banned).await
}

/// Closes the sockets of users who may not be here any more, and then ends their matches, each in
/// its user's name: nobody gets a right back for a match that ended by the own ban or erasure.
pub(super) async fn shut_out(
    cx: &JobContext,
    accounts: &[UserId],
    code: CloseCode,
    reason: EndReason,
) -> Result<(), JobError> {
    // All of them, whatever the clock of this machine says and becomes of the matches.
    for account in accounts {
        (cx.hooks.on_shut_out)(*account, code);
    }
    let mut outcome = Ok(());
    for account in accounts {
        outcome = outcome.and(end_matches_of(cx, *account, reason).await);
    }
    outcome
}

/// Each for itself: one that cannot be ended now does not keep the others open.
async fn end_matches_of(cx: &JobContext, user: UserId, reason: EndReason) -> Result<(), JobError> {
    let mut outcome = Ok(());
    for id in cx.store.accounts().unended_matches(user).await? {
        let now = cx.now()?;
        let end = cx.store.matches().end_match(id, Some(user), reason, now);
        match end.await {
            Ok(EndOutcome::Now(ended)) => (cx.hooks.on_match_ended)(ended),
            Ok(EndOutcome::Before(_) | EndOutcome::NotFound) => {}
            Err(error) => outcome = outcome.and(Err(error.into())),
        }
    }
    outcome
}

/// Every minute: users whose bans ran out may come back, and a match of a banned user that an order
/// did not end ends.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct BanSweep {}

impl Job for BanSweep {
    const QUEUE: &'static str = "ban_sweep";
    // The next minute tries again anyway.
    const MAX_ATTEMPTS: i64 = 3;
    const CONCURRENCY: usize = 1;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        let freed = free(cx).await;
        // Whatever hinders the first does not keep the second from its work.
        let ended = end_matches(cx).await;
        freed.and(ended)
    }
}

async fn free(cx: &JobContext) -> Result<(), JobError> {
    loop {
        let users = cx
            .store
            .safety()
            .freed_users(cx.now()?, USERS_PER_BATCH)
            .await?;
        let mut freed = 0_u64;
        for user in &users {
            freed += u64::from(cx.store.safety().end_ban(*user, cx.now()?).await?);
        }
        metrics::counter!("tebdil_bans_ended_total").increment(freed);
        // Those of a full batch that were not freed would come again at once.
        if freed < USERS_PER_BATCH.unsigned_abs() {
            return Ok(());
        }
    }
}

async fn end_matches(cx: &JobContext) -> Result<(), JobError> {
    let (mut after, mut outcome) = (UserId(0), Ok(()));
    loop {
        let users = cx
            .store
            .safety()
            .banned_in_matches(after, cx.now()?, USERS_PER_BATCH)
            .await?;
        let Some(&last) = users.last() else {
            return outcome;
        };
        after = last;
        for user in users {
            outcome = outcome.and(enforce(cx, user).await);
        }
    }
}
