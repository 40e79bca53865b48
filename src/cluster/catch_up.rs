//! Brings connections up to date that may have missed something on the way from another node.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;

use crate::{app::App, hub::Connection, ws};

/// Connections brought up to date at once: each reads its user's matches from the store.
const CONCURRENCY: usize = 8;

/// Pause after the store did not say what one has missed.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Brings those up to date who come, until the server closes.
pub async fn run(app: Arc<App>, mut behind: mpsc::UnboundedReceiver<Arc<Connection>>) {
    let connections = stream::poll_fn(|context| behind.poll_recv(context))
        .take_until(app.tasks.closing.cancelled());
    connections
        .for_each_concurrent(CONCURRENCY, async |connection| {
            metrics::counter!("tebdil_catch_ups_total").increment(1);
            if !ws::catch_up(&app, &connection).await {
                // The others would fare no better: the pause keeps the place.
                tokio::time::sleep(RETRY_AFTER).await;
                app.hub.fell_behind(&connection);
            }
        })
        .await;
}
