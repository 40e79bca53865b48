//! The group commit: one transaction for all messages and receipts that came while the last one was written.

use std::{collections::HashSet, sync::Arc};

use tebdil_core::{
    domain::MessageKind,
    id::MatchId,
    protocol::{ErrorCode, FrameId, MessageAccepted, MessageNew, MessageOrigin, ServerFrame},
    store::{Append, Appended, NewMessage, NewReceipt, Receipt, Store},
    time::Clock,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::replay::from_peer;
use crate::{
    hub::{Connection, ConnectionId, Hub, Outgoing},
    notifications::Wakeups,
};

/// Most operations of one transaction.
const MAX_BATCH: usize = 512;

/// How long a client should wait before it repeats what could not be stored.
const RETRY_AFTER_MS: u64 = 1_000;

/// What a device says in a match: its order is kept.
type Line = (ConnectionId, MatchId);

/// Where an operation came from, and what the client calls it.
#[derive(Debug)]
pub(super) struct Origin {
    connection: Arc<Connection>,
    re: Option<FrameId>,
}

impl Origin {
    pub(super) fn new(connection: &Arc<Connection>, re: Option<FrameId>) -> Self {
        Self { connection: Arc::clone(connection), re }
    }

    fn answer(&self, frame: &ServerFrame) {
        self.connection.send(frame, self.re.as_ref());
    }

    pub(super) fn refuse(&self, code: ErrorCode, client_id: Option<Uuid>) {
        let transient = matches!(code, ErrorCode::Unavailable | ErrorCode::Draining);
        self.answer(&ServerFrame::Error {
            code,
            message: code.title().to_owned(),
            retry_after_ms: transient.then_some(RETRY_AFTER_MS),
            resets_at: None,
            client_id,
        });
    }
}

/// Something to write.
#[derive(Debug)]
pub(super) enum Op {
    Send { message: NewMessage, origin: Origin },
    Receipt { receipt: NewReceipt, origin: Origin },
}

impl Op {
    pub(super) fn origin(&self) -> &Origin {
        match self {
            Self::Send { origin, .. } | Self::Receipt { origin, .. } => origin,
        }
    }

    pub(super) fn client_id(&self) -> Option<Uuid> {
        match self {
            Self::Send { message, .. } => Some(message.client_id),
            Self::Receipt { .. } => None,
        }
    }
}

/// The one task that writes what is said. Answers and deliveries leave in the order of the commits.
#[derive(Debug)]
pub struct Writer {
    ops: mpsc::Receiver<Op>,
    store: Store,
    hub: Arc<Hub>,
    clock: Clock,
    wakeups: Arc<Wakeups>,
}

impl Writer {
    pub(super) fn new(ops: mpsc::Receiver<Op>, store: Store, hub: Arc<Hub>, clock: Clock, wakeups: Arc<Wakeups>) -> Self {
        Self { ops, store, hub, clock, wakeups }
    }

    /// Writes until `stop`, and then what was queued before.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        loop {
            // What stood behind a batch that failed has waited already.
            let more = !batch.is_empty()
                || tokio::select! {
                    count = self.ops.recv_many(&mut batch, MAX_BATCH) => count > 0,
                    () = stop.cancelled() => {
                        self.ops.close();
                        self.ops.recv_many(&mut batch, MAX_BATCH).await > 0
                    }
                };
            if !more {
                return;
            }
            let refused = self.commit(&mut batch).await;
            if !refused.is_empty() {
                self.refuse_behind(&refused, &mut batch);
            }
        }
    }

    /// Refuses what was queued behind a refused message of the same sender, too: its sender did not know, and will repeat them in order.
    fn refuse_behind(&mut self, refused: &HashSet<Line>, batch: &mut Vec<Op>) {
        while batch.len() < MAX_BATCH
            && let Ok(op) = self.ops.try_recv()
        {
            match &op {
                Op::Send { message, origin } if refused.contains(&(origin.connection.id, message.match_id)) => {
                    origin.refuse(ErrorCode::Unavailable, Some(message.client_id));
                }
                _ => batch.push(op),
            }
        }
    }

    /// Writes a batch and leaves it empty; whose messages were refused because they could not be written.
    async fn commit(&self, batch: &mut Vec<Op>) -> HashSet<Line> {
        let (mut messages, mut senders, mut receipts, mut readers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for op in batch.drain(..) {
            match op {
                Op::Send { message, origin } => {
                    messages.push(message);
                    senders.push(origin);
                }
                Op::Receipt { receipt, origin } => {
                    receipts.push(receipt);
                    readers.push(origin);
                }
            }
        }
        metrics::histogram!("tebdil_chat_batch_size").record(u32::try_from(senders.len() + readers.len()).unwrap_or(u32::MAX));
        match self.store.write_chat(&messages, &receipts, self.clock.now()).await {
            Ok((appends, recorded)) => {
                for ((message, origin), append) in messages.into_iter().zip(&senders).zip(appends) {
                    self.appended(message, origin, append).await;
                }
                for ((receipt, origin), outcome) in receipts.iter().zip(&readers).zip(recorded) {
                    self.recorded(receipt, origin, outcome);
                }
                HashSet::new()
            }
            Err(error) => {
                // The commit may have happened all the same; the client repeats with the same client_id and learns.
                tracing::error!(%error, messages = messages.len(), "messages could not be written");
                metrics::counter!("tebdil_chat_write_failures_total").increment(1);
                for (message, origin) in messages.iter().zip(&senders) {
                    origin.refuse(ErrorCode::Unavailable, Some(message.client_id));
                }
                for origin in &readers {
                    origin.refuse(ErrorCode::Unavailable, None);
                }
                messages.iter().zip(&senders).map(|(message, origin)| (origin.connection.id, message.match_id)).collect()
            }
        }
    }

    async fn appended(&self, message: NewMessage, origin: &Origin, append: Append) {
        let client_id = message.client_id;
        let appended = match append {
            Append::Accepted(appended) => appended,
            Append::Ended => return origin.refuse(ErrorCode::MatchEnded, Some(client_id)),
            Append::NotFound => return origin.refuse(ErrorCode::NotFound, Some(client_id)),
        };
        origin.answer(&ServerFrame::MessageAccepted(MessageAccepted {
            match_id: message.match_id,
            client_id,
            seq: appended.seq,
            message_id: appended.message_id,
            sent_at: appended.sent_at,
        }));
        if appended.repeated {
            if !appended.delivered {
                self.deliver_again(message.match_id, &appended).await;
            }
            return;
        }
        metrics::counter!("tebdil_messages_total").increment(1);
        if message.kind == MessageKind::Content && !self.hub.is_here(appended.receiver_id) {
            self.wakeups.message(message.match_id, appended.receiver_id);
        }
        let sender_id = message.sender_id;
        let mut frame = new_message(message, &appended);
        self.hub.send_encoded(appended.receiver_id, None, || Outgoing::new(&ServerFrame::MessageNew(frame.clone()), None));
        self.hub.send_encoded(sender_id, Some(origin.connection.id), || {
            frame.from = MessageOrigin::Me;
            Outgoing::new(&ServerFrame::MessageNew(frame), None)
        });
    }

    /// A repeat that was never acknowledged may be one whose delivery a crash swallowed: what is stored goes out again, and `seq` tells.
    async fn deliver_again(&self, match_id: MatchId, appended: &Appended) {
        // What the repeat brought is not looked at: nobody sees what the store does not hold.
        match self.store.messages_from_peer(match_id, appended.receiver_id, appended.seq - 1, 1).await {
            Ok(stored) => {
                for row in stored.into_iter().filter(|row| row.seq == appended.seq) {
                    self.hub.send(appended.receiver_id, &ServerFrame::MessageNew(from_peer(row)));
                }
            }
            Err(error) => tracing::warn!(%error, "a repeated message could not be read; the receiver finds the gap"),
        }
    }

    fn recorded(&self, receipt: &NewReceipt, origin: &Origin, outcome: Receipt) {
        match outcome {
            Receipt::Recorded { peer_id } => {
                let (match_id, seq) = (receipt.match_id, receipt.seq);
                let frame =
                    if receipt.read { ServerFrame::MessageRead { match_id, seq } } else { ServerFrame::MessageDelivered { match_id, seq } };
                self.hub.send(peer_id, &frame);
            }
            Receipt::Known => {}
            Receipt::Beyond => origin.answer(&ServerFrame::error(ErrorCode::InvalidField, "seq: the peer has not sent that many")),
            Receipt::Ended => origin.refuse(ErrorCode::MatchEnded, None),
            Receipt::NotFound => origin.refuse(ErrorCode::NotFound, None),
        }
    }
}

fn new_message(message: NewMessage, appended: &Appended) -> MessageNew {
    MessageNew {
        match_id: message.match_id,
        from: MessageOrigin::Peer,
        seq: appended.seq,
        message_id: appended.message_id,
        kind: message.kind,
        ciphertext: message.ciphertext,
        franking_tag: message.franking_tag,
        sent_at: appended.sent_at,
    }
}
