//! Ends what a banned user still has, and what remains of a ban that ran out.

use serde::{Deserialize, Serialize};
use tebdil_core::store::{BAN_ATTEMPTS, BAN_QUEUE, BanOrder, End};
use tebdil_protocol::{domain::EndReason, id::UserId};

use crate::job::{Job, JobContext, JobError};

const USERS_PER_BATCH: i64 = 100;

/// Whoever bans does the same at once; this is for the ban whose maker died.
impl Job for BanOrder {
    const QUEUE: &'static str = BAN_QUEUE;
    const MAX_ATTEMPTS: i64 = BAN_ATTEMPTS;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        enforce(cx, self.user_id).await
    }
}

/// Closes the sockets of a banned user and ends its matches.
pub(super) async fn enforce(cx: &JobContext, user: UserId) -> Result<(), JobError> {
    let now = cx.now()?;
    // A late order must not close what came after the ban.
    if !cx.store.safety().is_banned(user).await? {
        return Ok(());
    }
    (cx.hooks.on_banned)(user);
    for row in cx.store.matches().active_matches(user, now).await? {
        // By the banned user: nobody gets a right back for a match that ended by the own ban.
        if let End::Now(ended) = cx
            .store
            .matches()
            .end_match(row.id, Some(user), EndReason::Banned, now)
            .await?
        {
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
