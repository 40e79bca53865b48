//! Sessions that end at another node while messages between nodes do not arrive.
//!
//! Normally a message closes a revoked session's socket. While messages do not arrive, this node
//! looks for itself: a revocation has to take effect within a second, even without Redis.

use std::{sync::Arc, time::Duration};

use tebdil_core::store::StoreError;
use tebdil_protocol::{CloseCode, id::SessionId};

use super::Sockets;

/// How often the bus is asked whether it works, and the store when it does not.
const PERIOD: Duration = Duration::from_millis(800);

/// Sessions per query.
const CHUNK: usize = 500;

/// Watches until the server closes.
pub async fn watch(sockets: Arc<Sockets>) {
    let mut every = tokio::time::interval(PERIOD);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = sockets.tasks.closing.cancelled() => return,
        }
        if sockets.realtime.ping().await.is_err()
            && let Err(error) = close_dead(&sockets).await
        {
            tracing::warn!(%error, "neither the bus nor the store can say which sessions ended");
        }
    }
}

/// Closes every connection of this node whose session is no longer alive.
pub async fn close_dead(sockets: &Sockets) -> Result<(), StoreError> {
    for connections in sockets.hub.all().chunks(CHUNK) {
        let sessions: Vec<SessionId> = connections
            .iter()
            .map(|connection| connection.session_id)
            .collect();
        let dead = sockets
            .store
            .accounts()
            .dead_among(&sessions, sockets.clock.now())
            .await?;
        for connection in connections {
            if let Some(session) = dead
                .iter()
                .find(|session| session.id == connection.session_id)
            {
                connection.outbound.close(if session.is_banned {
                    CloseCode::Banned
                } else {
                    CloseCode::Unauthorized
                });
            }
        }
    }
    Ok(())
}
