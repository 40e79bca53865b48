//! What is done about people who break the rules, or whom somebody does not want to meet again: bans and blocks take effect here.

pub mod evidence;

use std::sync::Arc;

use tebdil_core::{
    domain::EndReason,
    id::{MatchId, UserId},
    protocol::CloseCode,
    store::{Blocking, Notified, StoreError},
};

use crate::app::App;

/// Makes a ban that was committed take effect: the user is told, then its sockets close, at whichever node, and its matches end.
///
/// Runs in a task of its own, so that a request that is cut off does not leave half of it; should the node die, the job of the ban does the rest.
///
/// # Errors
/// When the store fails; the job of the ban tries again.
pub async fn enforce_ban(app: &Arc<App>, user: UserId, notified: Option<Notified>) -> Result<(), StoreError> {
    let of = Arc::clone(app);
    let enforced = app.tasks.spawn(async move {
        if let Some(notified) = notified {
            of.notifier.tell(&notified);
        }
        of.hub.close_user(user, CloseCode::Banned);
        for row in of.store.active_matches(user, of.clock.now()).await? {
            // By the banned user: nobody gets a right back for a match that ended by the own ban.
            of.chat.end(row.id, Some(user), EndReason::Banned).await?;
        }
        Ok(())
    });
    enforced.await.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
}

/// Blocks the peer of a match of `blocker`: every match of the two ends, on every device of both, and they are not matched again.
///
/// Runs in a task of its own: a client that hangs up does not keep the others from being told. Should the node die after the commit, both find the
/// matches over as soon as they look, and pairing, which asks the store, makes none.
///
/// # Errors
/// When the store fails; then nothing changed.
pub async fn block(app: &Arc<App>, match_id: MatchId, blocker: UserId) -> Result<Blocking, StoreError> {
    let of = Arc::clone(app);
    let blocked = app.tasks.spawn(async move {
        let blocking = of.store.block(match_id, blocker, of.clock.now()).await?;
        if let Blocking::Blocked { block, ended, .. } = &blocking {
            for ended in ended {
                of.chat.announce_end(ended);
            }
            // Searches that wait, at whichever node, obey it too. Also after a block that was there before: its maker may have died here.
            of.matchmaker.blocked(blocker, block.blocked_id).await;
        }
        Ok(blocking)
    });
    blocked.await.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
}
