//! What is written in one transaction, and who waits for it.

use std::{collections::BTreeSet, sync::Arc};

use tebdil_core::store::{NewMessage, NewReceipt};
use tebdil_protocol::{ErrorCode, FrameId, ServerFrame, id::MatchId};

use crate::hub::Connection;

/// How long a client should wait before it repeats what could not be stored, in milliseconds.
const RETRY_AFTER_MS: u64 = 1_000;

/// How long it should wait for a peer to acknowledge what it has, milliseconds.
const UNDELIVERED_RETRY_AFTER_MS: u64 = 5_000;

/// Where an operation came from, and what the client calls it.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) connection: Arc<Connection>,
    re: Option<FrameId>,
}

impl Origin {
    pub(super) fn new(connection: &Arc<Connection>, re: Option<FrameId>) -> Self {
        Self {
            connection: Arc::clone(connection),
            re,
        }
    }

    pub(super) fn answer(&self, frame: &ServerFrame) {
        self.connection.send(frame, self.re.as_ref());
    }

    pub(super) fn refuse(&self, code: ErrorCode) {
        let retry_after_ms = match code {
            ErrorCode::Unavailable | ErrorCode::Draining => Some(RETRY_AFTER_MS),
            ErrorCode::TooManyUndelivered => Some(UNDELIVERED_RETRY_AFTER_MS),
            _ => None,
        };
        self.answer(&ServerFrame::Error {
            code,
            message: code.title().to_owned(),
            retry_after_ms,
            resets_at: None,
            expected_seq: None,
        });
    }

    /// Refuses a message that is not the next one, `expected`.
    pub(super) fn out_of_order(&self, expected: i64) {
        self.answer(&ServerFrame::Error {
            code: ErrorCode::OutOfOrder,
            message: ErrorCode::OutOfOrder.title().to_owned(),
            retry_after_ms: None,
            resets_at: None,
            expected_seq: Some(expected),
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

    pub(super) fn match_id(&self) -> MatchId {
        match self {
            Self::Send { message, .. } => message.match_id,
            Self::Receipt { receipt, .. } => receipt.match_id,
        }
    }

    pub(super) fn refuse(&self, code: ErrorCode) {
        self.origin().refuse(code);
    }
}

/// Operations in the form that the store takes.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) messages: Vec<NewMessage>,
    pub(super) senders: Vec<(Origin, Option<[u8; 32]>)>,
    pub(super) receipts: Vec<NewReceipt>,
    pub(super) readers: Vec<Origin>,
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        self.messages.len() + self.receipts.len()
    }

    /// The operations; each kind in its order.
    pub(super) fn into_ops(self) -> impl Iterator<Item = Op> {
        let sends =
            self.messages
                .into_iter()
                .zip(self.senders)
                .map(|(message, (origin, digest))| Op::Send {
                    message,
                    digest,
                    origin,
                });
        let receipts = self
            .receipts
            .into_iter()
            .zip(self.readers)
            .map(|(receipt, origin)| Op::Receipt { receipt, origin });
        sends.chain(receipts)
    }

    /// Two batches with half of the matches each; `Err` with the batch if it has only one match.
    pub(super) fn halves(self) -> Result<[Self; 2], Self> {
        let matches: BTreeSet<MatchId> = self
            .messages
            .iter()
            .map(|message| message.match_id)
            .chain(self.receipts.iter().map(|receipt| receipt.match_id))
            .collect();
        let Some(middle) = matches
            .iter()
            .nth(matches.len() / 2)
            .copied()
            .filter(|_| matches.len() > 1)
        else {
            return Err(self);
        };
        let (low, high): (Vec<Op>, Vec<Op>) =
            self.into_ops().partition(|op| op.match_id() < middle);
        Ok([low.into_iter().collect(), high.into_iter().collect()])
    }
}

impl FromIterator<Op> for Batch {
    fn from_iter<T: IntoIterator<Item = Op>>(ops: T) -> Self {
        let mut batch = Self::default();
        for op in ops {
            match op {
                Op::Send {
                    message,
                    digest,
                    origin,
                } => {
                    batch.messages.push(message);
                    batch.senders.push((origin, digest));
                }
                Op::Receipt { receipt, origin } => {
                    batch.receipts.push(receipt);
                    batch.readers.push(origin);
                }
            }
        }
        batch
    }
}
