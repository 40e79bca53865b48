//! The task that sends what is queued.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{Shared, outbox::Target, scripts};
use crate::realtime::{BusEvent, RealtimeError};

/// How long a batch may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Sends, batch by batch. While Redis is away the outbox gives nothing out; the beat says when it
/// is back.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        let batch = shared.outbox().take();
        let Some(batch) = batch else {
            shared.idle.notify_waiters();
            shared.queued.notified().await;
            continue;
        };
        match deliver(&shared, &batch).await {
            Ok(()) => {
                let lost = shared.outbox().sent();
                if let Some(lost) = lost {
                    shared.tell(BusEvent::Undelivered(lost));
                }
            }
            Err(error) => {
                shared.outbox().failed(batch);
                shared.went_down(&error);
            }
        }
    }
}

async fn deliver(shared: &Shared, batch: &[(Target, Bytes)]) -> Result<(), RealtimeError> {
    let mut call = scripts::DELIVER.key(shared.nodes_key());
    let epoch = shared.epoch.read().await;
    call.arg(&shared.prefix)
        .arg(shared.node.to_string())
        .arg(*epoch);
    for (target, message) in batch {
        match target {
            Target::User(user) => call.arg("u").arg(user.0),
            Target::Node(node) => call.arg("n").arg(node.to_string()),
            Target::Others => call.arg("o").arg(""),
        };
        call.arg(&**message);
    }
    let received: u64 = shared.commands.invoke(TIMEOUT, &call).await?;
    metrics::counter!("tebdil_bus_sent_total").increment(received);
    #[expect(clippy::cast_precision_loss, reason = "at most 256")]
    metrics::histogram!("tebdil_bus_batch_messages").record(batch.len() as f64);
    Ok(())
}
