//! Ends what an erased account still has, and has others' rows forget it. Whoever erases runs it at
//! once; the orders are for the one who died, and for what was under way meanwhile.

use tebdil_core::store::{ERASE_ATTEMPTS, ERASE_QUEUE, EraseOrder};
use tebdil_protocol::{CloseCode, domain::EndReason, id::MatchId};

use super::{ban::shut_out, forget::forget};
use crate::job::{Job, JobContext, JobError};

/// Matches of one transaction.
const BATCH: i64 = 100;

impl Job for EraseOrder {
    const QUEUE: &'static str = ERASE_QUEUE;
    const MAX_ATTEMPTS: i64 = ERASE_ATTEMPTS;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        let (accounts, user) = (cx.store.accounts(), self.user_id);
        if !accounts.is_erased(user).await? {
            return Err(JobError::Dead("the account is not erased".to_owned()));
        }
        // First of all: the sockets close whatever becomes of the rest.
        let ended = shut_out(cx, &[user], CloseCode::Unauthorized, EndReason::Erased).await;
        accounts.sweep_erased(user).await?;
        ended?;
        // Not left to the job `forget`: when this one is done, what the account said is gone, or is
        // just being deleted by another run.
        forget(
            &cx.store,
            &cx.store
                .messages()
                .matches_to_forget_of(self.user_id)
                .await?,
        )
        .await?;
        // After the last match ended nothing is added to them.
        let mut after = MatchId(0);
        while let Some(last) = cx
            .store
            .accounts()
            .forget_in_matches(self.user_id, after, BATCH)
            .await?
        {
            after = last;
        }
        Ok(())
    }
}
