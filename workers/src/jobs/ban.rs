//! Ends what a banned user still has, and what remains of a ban that ran out.

use serde::{Deserialize, Serialize};
use tebdil_core::store::{BAN_ATTEMPTS, BAN_QUEUE, BanOrder, End};
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
    for account in cx.store.safety().banned_accounts(user).await? {
        shut_out(cx, account, CloseCode::Banned, EndReason::Banned).await?;
    }
    Ok(())
}

/// Closes the sockets of a user who may not be here any more, and ends its matches in its name:
/// nobody gets a right back for a match that ended by the own ban or erasure.
pub(super) async fn shut_out(
    cx: &JobContext,
    user: UserId,
    code: CloseCode,
    reason: EndReason,
) -> Result<(), JobError> {
    // Whatever the clock of this machine says.
    (cx.hooks.on_shut_out)(user, code);
    for id in cx.store.accounts().unended_matches(user).await? {
        let end = cx
            .store
            .matches()
            .end_match(id, Some(user), reason, cx.now()?)
            .await?;
        if let End::Now(ended) = end {
            (cx.hooks.on_match_ended)(ended);
        }
    }
    Ok(())
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
    let mut after = UserId(0);
    loop {
        let users = cx
            .store
            .safety()
            .banned_in_matches(after, cx.now()?, USERS_PER_BATCH)
            .await?;
        for user in &users {
            enforce(cx, *user).await?;
        }
        match users.last() {
            Some(last) => after = *last,
            None => return Ok(()),
        }
    }
}
