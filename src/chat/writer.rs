//! The group commit: one transaction for all messages and receipts that came while the last one was
//! written.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tebdil_core::{
    franking::{FrankedMessage, FrankingKeys},
    store::{Append, Appended, ChatRules, NewMessage, NewReceipt, Receipt, Store, StoreError},
};
use tebdil_protocol::{
    ErrorCode, Frank, MessageAccepted, MessageNew, MessageOrigin, ServerFrame, domain::MessageKind,
    id::MatchId, time::Clock,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    batch::{Batch, Line, Op, Origin},
    replay::from_peer,
};
use crate::{
    hub::{Hub, Outgoing},
    notifications::Wakeups,
};

/// Most operations that are taken from the queue at a time, and most that wait for matches that are
/// held.
pub const MAX_BATCH: usize = 512;

/// How long a match that somebody else holds is tried again before what was said in it is refused.
const HELD: Duration = Duration::from_secs(1);

/// How long until it is tried again, when nothing else has to be written.
const PAUSE: Duration = Duration::from_millis(10);

/// How long a batch that failed is tried again in parts.
const IN_PARTS: Duration = Duration::from_secs(2);

/// The one task that writes what is said. Answers and deliveries leave in the order of the commits.
#[derive(Debug)]
pub struct Writer {
    ops: mpsc::Receiver<Op>,
    store: Store,
    hub: Arc<Hub>,
    clock: Clock,
    rules: ChatRules,
    wakeups: Arc<Wakeups>,
    /// Matches that somebody else held when they were to be written, and since when.
    held: HashMap<MatchId, Instant>,
}

/// What is left of a batch.
#[derive(Debug, Default)]
struct Left {
    /// Of matches that somebody else holds.
    busy: Vec<Op>,
    /// Whose messages were refused for the time being, and how.
    refused: HashMap<Line, ErrorCode>,
}

impl Left {
    fn refuse(&mut self, op: &Op, code: ErrorCode) {
        op.refuse(code);
        self.refused.extend(op.line().map(|line| (line, code)));
    }
}

impl Writer {
    pub(super) fn new(
        ops: mpsc::Receiver<Op>,
        store: Store,
        hub: Arc<Hub>,
        clock: Clock,
        rules: ChatRules,
        wakeups: Arc<Wakeups>,
    ) -> Self {
        Self {
            ops,
            store,
            hub,
            clock,
            rules,
            wakeups,
            held: HashMap::new(),
        }
    }

    /// Writes, and vouches with these keys, until `stop`, and then what was queued before.
    pub async fn run(mut self, franking: Arc<FrankingKeys>, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        loop {
            if batch.is_empty() {
                let count = tokio::select! {
                    count = self.ops.recv_many(&mut batch, MAX_BATCH) => count,
                    () = stop.cancelled() => {
                        self.ops.close();
                        self.ops.recv_many(&mut batch, MAX_BATCH).await
                    }
                };
                if count == 0 {
                    return;
                }
            } else if !self.held.is_empty() {
                self.pause(&mut batch).await;
            }
            let mut left = self.commit(&mut batch, &franking).await;
            self.hold_back(&mut left);
            // First again: what is queued behind it must not overtake it.
            batch.append(&mut left.busy);
            if !left.refused.is_empty() {
                self.refuse_behind(&left.refused, &mut batch);
            }
        }
    }

    /// Waits for more to write, but not for long: something waits already.
    async fn pause(&mut self, batch: &mut Vec<Op>) {
        // Nothing comes any more from a queue that is closed and empty.
        if matches!(
            timeout(PAUSE, self.ops.recv_many(batch, MAX_BATCH)).await,
            Ok(0)
        ) {
            sleep(PAUSE).await;
        }
    }

    /// Refuses what has waited too long for matches that somebody else holds. Of a match all of it,
    /// or what came later would overtake.
    fn hold_back(&mut self, left: &mut Left) {
        let now = Instant::now();
        let before = std::mem::take(&mut self.held);
        let busy = std::mem::take(&mut left.busy);
        let full = busy.len() > MAX_BATCH;
        for op in busy {
            let since = before.get(&op.match_id()).copied().unwrap_or(now);
            if full || now >= since + HELD {
                left.refuse(&op, ErrorCode::Unavailable);
            } else {
                self.held.insert(op.match_id(), since);
                left.busy.push(op);
            }
        }
    }

    /// Refuses what was queued behind a refused message of the same sender, too: its sender did not
    /// know, and will repeat them in order.
    fn refuse_behind(&mut self, refused: &HashMap<Line, ErrorCode>, batch: &mut Vec<Op>) {
        // All that was there: the queue is bounded, and what is left in it would overtake what was
        // refused.
        for _ in 0..self.ops.len() {
            let Ok(op) = self.ops.try_recv() else { return };
            match op.line().and_then(|line| refused.get(&line)) {
                Some(code) => op.refuse(*code),
                None => batch.push(op),
            }
        }
    }

    /// Writes a batch and leaves it empty. One that failed is written in halves, so that one bad
    /// match refuses only what belongs to it.
    async fn commit(&self, batch: &mut Vec<Op>, franking: &FrankingKeys) -> Left {
        let mut left = Left::default();
        let mut parts: Vec<Batch> = vec![batch.drain(..).collect()];
        let mut until = None;
        while let Some(part) = parts.pop() {
            metrics::histogram!("tebdil_chat_batch_size")
                .record(u32::try_from(part.len()).unwrap_or(u32::MAX));
            match self
                .store
                .messages()
                .write_chat(
                    &part.messages,
                    &part.receipts,
                    &self.rules,
                    self.clock.now(),
                )
                .await
            {
                Ok((appends, receipts)) => {
                    self.tell(part, appends, receipts, franking, &mut left)
                        .await;
                }
                Err(error) => {
                    // When the database itself is away, another try would only make everybody wait
                    // as long again.
                    let again = error.is_of_rows()
                        && Instant::now() < *until.get_or_insert_with(|| Instant::now() + IN_PARTS);
                    match if again { part.halves() } else { Err(part) } {
                        Ok([first, second]) => parts.extend([second, first]),
                        Err(part) => {
                            fail(&error, part, &mut left);
                            if !again {
                                parts
                                    .drain(..)
                                    .for_each(|part| fail(&error, part, &mut left));
                            }
                        }
                    }
                }
            }
        }
        left
    }

    /// Tells what became of a batch that was written.
    async fn tell(
        &self,
        batch: Batch,
        appends: Vec<Append>,
        receipts: Vec<Receipt>,
        franking: &FrankingKeys,
        left: &mut Left,
    ) {
        let Batch {
            messages,
            senders,
            receipts: acknowledged,
            readers,
        } = batch;
        for ((message, (origin, digest)), append) in messages.into_iter().zip(senders).zip(appends)
        {
            match append {
                Append::Ended => origin.refuse(ErrorCode::MatchEnded, Some(message.client_id)),
                Append::NotFound => origin.refuse(ErrorCode::NotFound, Some(message.client_id)),
                Append::Full => left.refuse(
                    &Op::Send {
                        message,
                        digest,
                        origin,
                    },
                    ErrorCode::TooManyUndelivered,
                ),
                Append::Busy => left.busy.push(Op::Send {
                    message,
                    digest,
                    origin,
                }),
                Append::Accepted(appended) if appended.repeated => {
                    self.repeated(&message, &origin, &appended, franking).await;
                }
                Append::Accepted(appended) => {
                    let franked = digest.and_then(|digest| franked(&message, &appended, digest));
                    let frank = franked.map(|message| franking.frank(&message));
                    self.appended(message, &origin, &appended, frank);
                }
            }
        }
        for ((receipt, origin), outcome) in acknowledged.into_iter().zip(readers).zip(receipts) {
            match outcome {
                Receipt::Busy => left.busy.push(Op::Receipt { receipt, origin }),
                outcome => self.recorded(&receipt, &origin, outcome),
            }
        }
    }

    fn appended(
        &self,
        message: NewMessage,
        origin: &Origin,
        appended: &Appended,
        frank: Option<Frank>,
    ) {
        origin.answer(&accepted(&message, appended, frank.clone()));
        metrics::counter!("tebdil_messages_total").increment(1);
        if message.kind == MessageKind::Content && !self.hub.is_here(appended.receiver_id) {
            self.wakeups.message(message.match_id, appended.receiver_id);
        }
        let sender_id = message.sender_id;
        let mut frame = new_message(message, appended, frank);
        self.hub.send_encoded(appended.receiver_id, None, || {
            Outgoing::new(&ServerFrame::MessageNew(frame.clone()), None)
        });
        self.hub
            .send_encoded(sender_id, Some(origin.connection.id), || {
                frame.from = MessageOrigin::Me;
                Outgoing::new(&ServerFrame::MessageNew(frame), None)
            });
    }

    /// A repeat is answered as the first time. One that was never acknowledged may be one whose
    /// delivery a crash swallowed: it goes out again, and `seq` tells.
    async fn repeated(
        &self,
        repeat: &NewMessage,
        origin: &Origin,
        appended: &Appended,
        franking: &FrankingKeys,
    ) {
        // What the repeat brought is not looked at: nobody sees, and nothing is vouched for, what
        // the store does not hold.
        let stored = match self
            .store
            .messages()
            .messages_from_peer(repeat.match_id, appended.receiver_id, appended.seq - 1, 1)
            .await
        {
            Ok(rows) => rows.into_iter().find(|row| row.id == appended.message_id),
            Err(error) => {
                tracing::warn!(%error, "a repeated message could not be read; its sender repeats it once more");
                return origin.refuse(ErrorCode::Unavailable, Some(repeat.client_id));
            }
        };
        let Some(row) = stored else {
            return origin.refuse(ErrorCode::MatchEnded, Some(repeat.client_id));
        };
        let frame = from_peer(franking, row);
        origin.answer(&accepted(repeat, appended, frame.frank.clone()));
        if !appended.delivered {
            self.hub
                .send(appended.receiver_id, &ServerFrame::MessageNew(frame));
        }
    }

    fn recorded(&self, receipt: &NewReceipt, origin: &Origin, outcome: Receipt) {
        match outcome {
            Receipt::Recorded { peer_id } => {
                let (match_id, seq) = (receipt.match_id, receipt.seq);
                let frame = if receipt.read {
                    ServerFrame::MessageRead { match_id, seq }
                } else {
                    ServerFrame::MessageDelivered { match_id, seq }
                };
                self.hub.send(peer_id, &frame);
            }
            Receipt::Known | Receipt::Busy => {}
            Receipt::Beyond => origin.answer(&ServerFrame::error(
                ErrorCode::InvalidField,
                "seq: the peer has not sent that many",
            )),
            Receipt::Ended => origin.refuse(ErrorCode::MatchEnded, None),
            Receipt::NotFound => origin.refuse(ErrorCode::NotFound, None),
        }
    }
}

/// Refuses what could not be written.
fn fail(error: &StoreError, part: Batch, left: &mut Left) {
    // The commit may have happened all the same; the client repeats with the same client_id and
    // learns.
    tracing::error!(%error, messages = part.messages.len(), "messages could not be written");
    metrics::counter!("tebdil_chat_write_failures_total").increment(1);
    for op in part.into_ops() {
        left.refuse(&op, ErrorCode::Unavailable);
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

/// What is vouched for; like [`MessageRow::franked`](tebdil_core::store::MessageRow::franked) of
/// the message when it is read back.
fn franked(
    message: &NewMessage,
    appended: &Appended,
    ciphertext_sha256: [u8; 32],
) -> Option<FrankedMessage> {
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
