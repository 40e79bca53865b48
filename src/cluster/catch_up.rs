//! Brings connections up to date that may have missed something on the way from another node.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use tebdil_core::protocol::CloseCode;
use tokio::sync::mpsc;

use crate::{app::App, hub::Connection, ws};

/// Connections brought up to date at once: each reads its user's matches from the store.
const CONCURRENCY: usize = 8;

/// How long one may take. A client that does not read what it missed must not keep the others waiting.
const PATIENCE: Duration = Duration::from_secs(15);

/// Brings those up to date who come, until the server closes.
pub async fn run(app: Arc<App>, mut behind: mpsc::UnboundedReceiver<Arc<Connection>>) {
    let connections = stream::poll_fn(|context| behind.poll_recv(context)).take_until(app.tasks.closing.cancelled());
    connections
        .for_each_concurrent(CONCURRENCY, async |connection| {
            metrics::counter!("tebdil_catch_ups_total").increment(1);
            if tokio::time::timeout(PATIENCE, ws::catch_up(&app, &connection)).await.is_err() {
                connection.outbound.close(CloseCode::SlowConsumer);
            }
        })
        .await;
}
