//! The finds that were not answered yet.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tebdil_protocol::{ErrorCode, FrameId, ServerFrame, id::TicketId};

use crate::hub::Connection;

/// Who waits for the answer to a `match.find`. Whoever takes a ticket out answers it, so that each
/// find has one answer.
///
/// Shared, because `match.searching` must be queued before the `match.found` that may follow it
/// directly: the router of messages sends the first itself, before it hands out the second.
#[derive(Debug, Default)]
pub(super) struct Answers(Mutex<Waiting>);

type Waiting = HashMap<TicketId, (Arc<Connection>, Option<FrameId>)>;

impl Answers {
    pub(super) fn expect(
        &self,
        ticket: TicketId,
        connection: &Arc<Connection>,
        re: Option<FrameId>,
    ) {
        self.lock().insert(ticket, (Arc::clone(connection), re));
    }

    /// The ticket was accepted. False when that was said already.
    pub(super) fn searching(&self, ticket: TicketId) -> bool {
        self.answer(ticket, &ServerFrame::MatchSearching { ticket_id: ticket })
    }

    /// Answers the find of this ticket. False when it has its answer already.
    pub(super) fn answer(&self, ticket: TicketId, frame: &ServerFrame) -> bool {
        let waiting = self.lock().remove(&ticket);
        waiting.is_some_and(|(connection, re)| {
            connection.send(frame, re.as_ref());
            true
        })
    }

    /// As [`Answers::answer`], with an error that has nothing to add to its code.
    pub(super) fn refuse(&self, ticket: TicketId, code: ErrorCode) -> bool {
        self.answer(ticket, &refusal(code))
    }

    /// Nobody is there to be answered.
    pub(super) fn forget(&self, ticket: TicketId) {
        self.lock().remove(&ticket);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that is done under the lock can panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error frame; what may be repeated says when.
pub(super) fn refusal(code: ErrorCode) -> ServerFrame {
    ServerFrame::Error {
        code,
        message: code.title().to_owned(),
        retry_after_ms: (code == ErrorCode::Unavailable).then_some(1_000),
        resets_at: None,
        expected_seq: None,
    }
}
