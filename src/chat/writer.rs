//! The group commit: one transaction for all messages and receipts that came while the last one was written.

use std::{collections::HashSet, sync::Arc};

use tebdil_core::{
    domain::MessageKind,
    franking::{FrankedMessage, FrankingKeys},
    id::MatchId,
    protocol::{ErrorCode, FrameId, Frank, MessageAccepted, MessageNew, MessageOrigin, ServerFrame},
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
    Send {
        message: NewMessage,
        /// The SHA-256 of the ciphertext, where there is a franking tag.
        digest: Option<[u8; 32]>,
        origin: Origin,
    },
    Receipt {
        receipt: NewReceipt,
        origin: Origin,
    },
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

    /// Writes, and vouches with these keys, until `stop`, and then what was queued before.
    pub async fn run(mut self, franking: Arc<FrankingKeys>, stop: CancellationToken) {
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
            let refused = self.commit(&mut batch, &franking).await;
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
                Op::Send { message, origin, .. } if refused.contains(&(origin.connection.id, message.match_id)) => {
                    origin.refuse(ErrorCode::Unavailable, Some(message.client_id));
                }
                _ => batch.push(op),
            }
        }
    }

    /// Writes a batch and leaves it empty; whose messages were refused because they could not be written.
    async fn commit(&self, batch: &mut Vec<Op>, franking: &FrankingKeys) -> HashSet<Line> {
        let (mut messages, mut senders, mut receipts, mut readers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for op in batch.drain(..) {
            match op {
                Op::Send { message, digest, origin } => {
                    messages.push(message);
                    senders.push((origin, digest));
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
                for ((message, (origin, digest)), append) in messages.into_iter().zip(&senders).zip(appends) {
                    match append {
                        Append::Ended => origin.refuse(ErrorCode::MatchEnded, Some(message.client_id)),
                        Append::NotFound => origin.refuse(ErrorCode::NotFound, Some(message.client_id)),
                        Append::Accepted(appended) if appended.repeated => self.repeated(&message, origin, &appended, franking).await,
                        Append::Accepted(appended) => {
                            let franked = digest.and_then(|digest| franked(&message, &appended, digest));
                            let frank = franked.map(|message| franking.frank(&message));
                            self.appended(message, origin, &appended, frank);
                        }
                    }
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
                for (message, (origin, _)) in messages.iter().zip(&senders) {
                    origin.refuse(ErrorCode::Unavailable, Some(message.client_id));
                }
                for origin in &readers {
                    origin.refuse(ErrorCode::Unavailable, None);
                }
                messages.iter().zip(&senders).map(|(message, (origin, _))| (origin.connection.id, message.match_id)).collect()
            }
        }
    }

    fn appended(&self, message: NewMessage, origin: &Origin, appended: &Appended, frank: Option<Frank>) {
        origin.answer(&accepted(&message, appended, frank.clone()));
        metrics::counter!("tebdil_messages_total").increment(1);
        if message.kind == MessageKind::Content && !self.hub.is_here(appended.receiver_id) {
            self.wakeups.message(message.match_id, appended.receiver_id);
        }
        let sender_id = message.sender_id;
        let mut frame = new_message(message, appended, frank);
        self.hub.send_encoded(appended.receiver_id, None, || Outgoing::new(&ServerFrame::MessageNew(frame.clone()), None));
        self.hub.send_encoded(sender_id, Some(origin.connection.id), || {
            frame.from = MessageOrigin::Me;
            Outgoing::new(&ServerFrame::MessageNew(frame), None)
        });
    }

    /// A repeat is answered as the first time. One that was never acknowledged may be one whose delivery a crash swallowed: it goes out again, and `seq` tells.
    async fn repeated(&self, repeat: &NewMessage, origin: &Origin, appended: &Appended, franking: &FrankingKeys) {
        // What the repeat brought is not looked at: nobody sees, and nothing is vouched for, what the store does not hold.
        let stored = match self.store.messages_from_peer(repeat.match_id, appended.receiver_id, appended.seq - 1, 1).await {
            Ok(rows) => rows.into_iter().find(|row| row.id == appended.message_id),
            Err(error) => {
                tracing::warn!(%error, "a repeated message could not be read; its sender repeats it once more");
                return origin.refuse(ErrorCode::Unavailable, Some(repeat.client_id));
            }
        };
        let Some(row) = stored else { return origin.refuse(ErrorCode::MatchEnded, Some(repeat.client_id)) };
        let frame = from_peer(franking, row);
        origin.answer(&accepted(repeat, appended, frame.frank.clone()));
        if !appended.delivered {
            self.hub.send(appended.receiver_id, &ServerFrame::MessageNew(frame));
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

fn accepted(message: &NewMessage, appended: &Appended, frank: Option<Frank>) -> ServerFrame {
    ServerFrame::MessageAccepted(MessageAccepted {
        match_id: message.match_id,
        client_id: message.client_id,
        seq: appended.seq,
        message_id: appended.message_id,
        sent_at: appended.sent_at,
        frank,
    })
}

/// What is vouched for; like [`MessageRow::franked`](tebdil_core::store::MessageRow::franked) of the message when it is read back.
fn franked(message: &NewMessage, appended: &Appended, ciphertext_sha256: [u8; 32]) -> Option<FrankedMessage> {
    Some(FrankedMessage {
        tag: message.franking_tag.as_deref()?.try_into().ok()?,
        match_id: message.match_id,
        sender_id: message.sender_id,
        recipient_id: appended.receiver_id,
        message_id: appended.message_id,
        sent_at: appended.sent_at,
        ciphertext_sha256,
    })
}

fn new_message(message: NewMessage, appended: &Appended, frank: Option<Frank>) -> MessageNew {
    MessageNew {
        match_id: message.match_id,
        from: MessageOrigin::Peer,
        seq: appended.seq,
        message_id: appended.message_id,
        kind: message.kind,
        ciphertext: message.ciphertext,
        franking_tag: message.franking_tag,
        frank,
        sent_at: appended.sent_at,
    }
}
