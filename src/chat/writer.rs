//! The group commit: one transaction for all messages and receipts that arrived while the last one
//! was written.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tebdil_core::{
    franking::{FrankedMessage, FrankingKeys},
    store::{
        Append, ChatRules, MatchDevice, MessageRow, NewMessage, NewReceipt, Receipt, Store,
        StoreError,
    },
};
use tebdil_protocol::{
    ErrorCode, Frank, MessageAccepted, MessageNew, ServerFrame,
    domain::MessageKind,
    id::{MatchId, UserId},
    time::{Clock, Timestamp},
};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    batch::{Batch, Op, Origin},
    replay::from_peer,
};
use crate::{hub::Hub, notifications::Wakeups};

/// Most operations that are taken from the queue at a time, and most that wait for locked matches.
pub const MAX_BATCH: usize = 512;

/// How long a match that somebody else has locked is retried before its messages are refused.
const HELD: Duration = Duration::from_secs(1);

/// How long until it is tried again, when nothing else has to be written.
const PAUSE: Duration = Duration::from_millis(10);

/// How often what arrived a while ago is taken out of the store where no batch does it.
const SETTLE: Duration = Duration::from_secs(1);

/// How long a batch that failed is retried in parts.
const IN_PARTS: Duration = Duration::from_secs(2);

/// The one task that writes messages. Answers and deliveries leave in the order of the commits.
#[derive(Debug)]
pub struct ChatWriter {
    ops: mpsc::Receiver<Op>,
    store: Store,
    hub: Arc<Hub>,
    clock: Clock,
    rules: ChatRules,
    wakeups: Arc<Wakeups>,
    /// Matches that somebody else had locked when they were to be written, and since when.
    held: HashMap<MatchId, Instant>,
}

impl ChatWriter {
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
        let mut settling = interval(SETTLE);
        settling.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if batch.is_empty() {
                let count = tokio::select! {
                    count = self.ops.recv_many(&mut batch, MAX_BATCH) => count,
                    _ = settling.tick() => {
                        self.settle(false).await;
                        continue;
                    }
                    () = stop.cancelled() => {
                        self.ops.close();
                        self.ops.recv_many(&mut batch, MAX_BATCH).await
                    }
                };
                if count == 0 {
                    return self.settle(true).await;
                }
            } else if !self.held.is_empty() {
                self.pause(&mut batch).await;
            }
            let busy = self.commit(&mut batch, &franking).await;
            // First again: what is queued behind it would be out of order.
            batch.extend(self.hold_back(busy));
        }
    }

    /// Takes out of the store what arrived a while ago, or `all` that has arrived.
    async fn settle(&self, all: bool) {
        let messages = self.store.messages();
        let settled = if all {
            messages.settle_all().await
        } else {
            messages.settle().await
        };
        if let Err(error) = settled {
            tracing::warn!(%error, "what has arrived was not taken out of the store");
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

    /// Refuses what has waited too long for matches that somebody else holds; the rest is tried
    /// again.
    fn hold_back(&mut self, busy: Vec<Op>) -> Vec<Op> {
        let now = Instant::now();
        let before = std::mem::take(&mut self.held);
        let full = busy.len() > MAX_BATCH;
        let mut again = Vec::with_capacity(busy.len());
        for op in busy {
            let since = before.get(&op.match_id()).copied().unwrap_or(now);
            if full || now >= since + HELD {
                op.refuse(ErrorCode::Unavailable);
            } else {
                self.held.insert(op.match_id(), since);
                again.push(op);
            }
        }
        again
    }

    /// Writes a batch and leaves it empty. A batch that fails is written in halves, so that a bad
    /// match costs only its own messages. Operations of locked matches are returned.
    async fn commit(&self, batch: &mut Vec<Op>, franking: &FrankingKeys) -> Vec<Op> {
        let mut busy = Vec::new();
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
                    self.tell(part, appends, receipts, franking, &mut busy)
                        .await;
                }
                Err(error) => {
                    // If the database itself is away, another try would only make everybody wait as
                    // long again.
                    let again = error.is_of_rows()
                        && Instant::now() < *until.get_or_insert_with(|| Instant::now() + IN_PARTS);
                    match if again { part.halves() } else { Err(part) } {
                        Ok([first, second]) => parts.extend([second, first]),
                        Err(part) => {
                            fail(&error, part);
                            if !again {
                                parts.drain(..).for_each(|part| fail(&error, part));
                            }
                        }
                    }
                }
            }
        }
        busy
    }

    /// Tells what became of a batch that was written.
    async fn tell(
        &self,
        batch: Batch,
        appends: Vec<Append>,
        receipts: Vec<Receipt>,
        franking: &FrankingKeys,
        busy: &mut Vec<Op>,
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
                Append::Ended => origin.refuse(ErrorCode::MatchEnded),
                Append::NotFound => origin.refuse(ErrorCode::NotFound),
                Append::WrongDevice => origin.refuse(ErrorCode::WrongDevice),
                Append::Full => origin.refuse(ErrorCode::TooManyUndelivered),
                Append::OutOfOrder { expected } => origin.out_of_order(expected),
                Append::Busy => busy.push(Op::Send {
                    message,
                    digest,
                    origin,
                }),
                Append::Repeated { receiver } => {
                    self.repeated(&message, &origin, receiver, franking).await;
                }
                Append::Accepted { sent_at, receiver } => {
                    let frank = digest
                        .and_then(|digest| franked(&message, sent_at, receiver, digest))
                        .map(|message| franking.frank(&message));
                    self.appended(message, &origin, sent_at, receiver, frank);
                }
            }
        }
        for ((receipt, origin), outcome) in acknowledged.into_iter().zip(readers).zip(receipts) {
            match outcome {
                Receipt::Busy => busy.push(Op::Receipt { receipt, origin }),
                outcome => self.recorded(&receipt, &origin, outcome),
            }
        }
    }

    fn appended(
        &self,
        message: NewMessage,
        origin: &Origin,
        sent_at: Timestamp,
        receiver: MatchDevice,
        frank: Option<Frank>,
    ) {
        origin.answer(&accepted(&message, sent_at, frank.clone()));
        metrics::counter!("tebdil_messages_total").increment(1);
        let (user, session) = receiver;
        if message.kind == MessageKind::Content && self.hub.device(user, session).is_none() {
            self.wakeups.message(message.match_id, receiver);
        }
        let frame = ServerFrame::MessageNew(MessageNew {
            match_id: message.match_id,
            seq: message.seq,
            kind: message.kind,
            ciphertext: message.ciphertext,
            franking_tag: message.franking_tag,
            frank,
            sent_at,
        });
        self.hub.send_to_device(user, session, &frame);
    }

    /// A repeat is answered like the first time. If it was never acknowledged, a crash may have
    /// swallowed its delivery, so it is delivered again; the receiver tells by its `seq`.
    async fn repeated(
        &self,
        repeat: &NewMessage,
        origin: &Origin,
        (user, session): MatchDevice,
        franking: &FrankingKeys,
    ) {
        // The content of the repeat is ignored: nobody sees, and nobody vouches for, what is not in
        // the store.
        match self.stored(repeat, user).await {
            Ok(Some((sent_at, waiting))) => {
                let frame = waiting.map(|row| from_peer(franking, row));
                let frank = frame.as_ref().and_then(|frame| frame.frank.clone());
                origin.answer(&accepted(repeat, sent_at, frank));
                if let Some(frame) = frame {
                    let frame = ServerFrame::MessageNew(frame);
                    self.hub.send_to_device(user, session, &frame);
                }
            }
            // The log outlives the match.
            Ok(None) => origin.refuse(ErrorCode::MatchEnded),
            Err(error) => {
                tracing::warn!(%error, "a repeated message could not be read; its sender repeats it once more");
                origin.refuse(ErrorCode::Unavailable);
            }
        }
    }

    /// When a message was accepted, and the message while `receiver` has not acknowledged it.
    async fn stored(
        &self,
        repeat: &NewMessage,
        receiver: UserId,
    ) -> Result<Option<(Timestamp, Option<MessageRow>)>, StoreError> {
        let messages = self.store.messages();
        let (match_id, seq) = (repeat.match_id, repeat.seq);
        messages.settle_matches(&HashSet::from([match_id])).await?;
        // Most repeats come while the message still waits, so one read is enough. The log outlives
        // waiting messages, so one that leaves between the two reads is found there.
        let waiting = messages
            .messages_from_peer(match_id, receiver, seq - 1, 1)
            .await?;
        if let Some(row) = waiting.into_iter().find(|row| row.seq == seq) {
            return Ok(Some((row.sent_at, Some(row))));
        }
        let accepted = messages
            .accepted_at(match_id, repeat.sender_id, seq)
            .await?;
        Ok(accepted.map(|sent_at| (sent_at, None)))
    }

    fn recorded(&self, receipt: &NewReceipt, origin: &Origin, outcome: Receipt) {
        match outcome {
            Receipt::Recorded {
                sender: (user, session),
            } => {
                let (match_id, seq) = (receipt.match_id, receipt.seq);
                let frame = if receipt.read {
                    ServerFrame::MessageRead { match_id, seq }
                } else {
                    ServerFrame::MessageDelivered { match_id, seq }
                };
                self.hub.send_to_device(user, session, &frame);
            }
            Receipt::Known | Receipt::Busy => {}
            Receipt::Beyond => origin.answer(&ServerFrame::error(
                ErrorCode::InvalidField,
                "seq: the peer has not sent that many",
            )),
            Receipt::Ended => origin.refuse(ErrorCode::MatchEnded),
            Receipt::NotFound => origin.refuse(ErrorCode::NotFound),
            Receipt::WrongDevice => origin.refuse(ErrorCode::WrongDevice),
        }
    }
}

/// Refuses what could not be written.
fn fail(error: &StoreError, part: Batch) {
    // The commit may have happened all the same; the client learns that when it repeats with the
    // same number.
    tracing::error!(%error, messages = part.messages.len(), "messages could not be written");
    metrics::counter!("tebdil_chat_write_failures_total").increment(1);
    for op in part.into_ops() {
        op.refuse(ErrorCode::Unavailable);
    }
}

fn accepted(message: &NewMessage, sent_at: Timestamp, frank: Option<Frank>) -> ServerFrame {
    ServerFrame::MessageAccepted(MessageAccepted {
        match_id: message.match_id,
        seq: message.seq,
        sent_at,
        frank,
    })
}

/// What the server vouches for; equal to [`MessageRow::franked`] of the message when it is read
/// back.
fn franked(
    message: &NewMessage,
    sent_at: Timestamp,
    (recipient_id, _): MatchDevice,
    ciphertext_sha256: [u8; 32],
) -> Option<FrankedMessage> {
    Some(FrankedMessage {
        tag: message.franking_tag.as_deref()?.try_into().ok()?,
        match_id: message.match_id,
        sender_id: message.sender_id,
        recipient_id,
        seq: message.seq,
        sent_at,
        ciphertext_sha256,
    })
}
