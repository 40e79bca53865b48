//! What is done about people who break the rules: their bans take effect here.

pub mod evidence;

use std::sync::Arc;

use tebdil_core::{
    domain::EndReason,
    id::UserId,
    protocol::CloseCode,
    store::{Notified, StoreError},
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
