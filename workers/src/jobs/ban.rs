//! Ends what a banned user still has. Whoever bans does the same at once; this is for the ban whose maker died.

use tebdil_core::{
    domain::EndReason,
    id::UserId,
    store::{BAN_ATTEMPTS, BAN_QUEUE, BanOrder, End},
};

use crate::job::{Job, JobContext, JobError};

impl Job for BanOrder {
    const QUEUE: &'static str = BAN_QUEUE;
    const MAX_ATTEMPTS: i64 = BAN_ATTEMPTS;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        enforce(cx, self.user_id).await
    }
}

/// Closes the sockets of a banned user and ends its matches.
pub(super) async fn enforce(cx: &JobContext, user: UserId) -> Result<(), JobError> {
    (cx.hooks.on_banned)(user);
    let now = cx.clock.now();
    for row in cx.store.active_matches(user, now).await? {
        // By the banned user: nobody gets a right back for a match that ended by the own ban.
        if let End::Now(ended) = cx.store.end_match(row.id, Some(user), EndReason::Banned, now).await? {
            (cx.hooks.on_match_ended)(ended);
        }
    }
    Ok(())
}
