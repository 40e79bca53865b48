//! What is done about accounts that end: bans and erasures take effect here.

pub mod evidence;

use std::sync::Arc;

use tebdil_core::store::{Notified, StoreError};
use tebdil_protocol::{CloseCode, domain::EndReason, id::UserId};

use crate::app::App;

/// Makes a ban that was committed take effect: the user is told, then its sockets close, at
/// whichever node, and its matches end. The same for whoever has the phone today, where that is
/// another account.
///
/// Runs in a task of its own, so that a request that is cut off does not leave half of it; should
/// the node die, the job of the ban does the rest.
///
/// # Errors
/// When the store fails; the job of the ban tries again.
pub async fn enforce_ban(
    app: &Arc<App>,
    user: UserId,
    notified: Option<Notified>,
) -> Result<(), StoreError> {
    let of = Arc::clone(app);
    let enforced = app.tasks.spawn(async move {
        let mut banned = vec![user];
        if let Some(notified) = notified {
            of.notifier.tell(&notified);
            banned.extend((notified.user_id != user).then_some(notified.user_id));
        }
        for user in &banned {
            of.hub.close_user(*user, CloseCode::Banned);
        }
        for user in banned {
            for row in of
                .store
                .matches()
                .active_matches(user, of.clock.now())
                .await?
            {
                // By the banned user: nobody gets a right back for a match that ended by the own
                // ban.
                of.ends.end(row.id, user, EndReason::Banned).await?;
            }
        }
        Ok(())
    });
    enforced
        .await
        .unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
}

/// Makes an erasure that was committed take effect: the sockets of the account close, at whichever
/// node, and its matches end.
///
/// Runs in a task of its own, like [`enforce_ban`]; what is left of it, and the rest, does the job
/// of the erasure.
///
/// # Errors
/// When the store fails; the job of the erasure tries again.
pub async fn enforce_erasure(app: &Arc<App>, user: UserId) -> Result<(), StoreError> {
    let of = Arc::clone(app);
    let enforced = app.tasks.spawn(async move {
        of.hub.close_user(user, CloseCode::Unauthorized);
        for id in of.store.accounts().unended_matches(user).await? {
            of.ends.end(id, user, EndReason::Erased).await?;
        }
        Ok(())
    });
    enforced
        .await
        .unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
}
