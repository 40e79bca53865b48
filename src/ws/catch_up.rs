//! Brings connections up to date that may have missed something on the way from another node.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use tebdil_protocol::ResumePoint;
use tokio::{sync::mpsc, time::timeout};

use super::{
    Sockets,
    welcome::{HelloError, standing},
};
use crate::{
    chat::Missed,
    hub::{Connection, KnownMatches},
};

/// Connections brought up to date at once: each reads its user's matches from the store.
const CONCURRENCY: usize = 8;

/// Pause after the store could not say what was missed.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How long a client may take to read what it missed. One that does not must not keep the others
/// waiting.
const PATIENCE: Duration = Duration::from_secs(15);

/// Brings connections up to date as they come, until the server closes.
pub async fn run(sockets: Arc<Sockets>, mut behind: mpsc::UnboundedReceiver<Arc<Connection>>) {
    let connections = stream::poll_fn(|context| behind.poll_recv(context))
        .take_until(sockets.tasks.closing.cancelled());
    connections
        .for_each_concurrent(CONCURRENCY, async |connection| {
            metrics::counter!("tebdil_catch_ups_total").increment(1);
            if !catch_up(&sockets, &connection).await {
                // The others would fare no better, so the pause keeps this one's place.
                tokio::time::sleep(RETRY_AFTER).await;
                sockets.hub.fell_behind(&connection);
            }
        })
        .await;
}

/// Brings a connection up to date that was welcomed before and may have missed something; false if
/// the store could not say what, and it has to be tried again. A client that does not read it, or
/// may no longer have it, is closed.
async fn catch_up(sockets: &Sockets, connection: &Arc<Connection>) -> bool {
    connection.catches_up();
    while let Some(known) = connection.outbound.hold() {
        let denied = match timeout(PATIENCE, tell_missed(sockets, connection, known.clone())).await
        {
            Ok(Ok(true)) => continue,
            Ok(Ok(false)) => return true,
            Ok(Err(denied)) => denied,
            Err(_) if connection.outbound.is_drained() => HelloError::Unavailable,
            Err(_) => {
                connection.outbound.give_up();
                return true;
            }
        };
        if matches!(denied, HelloError::Unavailable) {
            // What was sent of it comes once more then; without it, what is lost can still be
            // noticed.
            connection.outbound.release(known);
            return false;
        }
        connection.outbound.close(denied.close());
    }
    true
}

/// One round of [`catch_up`]; true when something was missed meanwhile.
async fn tell_missed(
    sockets: &Sockets,
    connection: &Arc<Connection>,
    known: KnownMatches,
) -> Result<bool, HelloError> {
    let now = sockets.clock.now();
    let (matches, keys_remaining) = standing(sockets, connection, now).await?;
    let quota = sockets
        .store
        .economy()
        .quota(connection.user_id, &sockets.config.quota, now)
        .await?
        .ok_or(HelloError::Unauthorized)?;
    let resume: Vec<ResumePoint> = known
        .into_iter()
        .map(|(match_id, peer_seq)| ResumePoint { match_id, peer_seq })
        .collect();
    let missed = Missed {
        matches: &matches,
        resume: &resume,
        live: true,
        quota,
        keys_remaining,
    };
    Ok(sockets
        .chat
        .replay(connection, missed, &sockets.franking)
        .await?)
}
