//! Own messages that the server has not accepted yet, in the order of their numbers.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tebdil_protocol::{ErrorCode, MessageAccepted, MessageSend, domain::MessageKind, id::MatchId};
use tokio::{
    sync::{OwnedSemaphorePermit, oneshot},
    time::Instant,
};

use super::SendError;

/// After so many answers `internal` to one message it is given up: it may be what breaks the
/// server.
const MAX_INTERNAL_ERRORS: u32 = 5;

/// How long to wait after a passing refusal that names no time.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A message on its way.
#[derive(Debug)]
pub(super) struct Entry {
    pub message: MessageSend,
    pub reply: Option<oneshot::Sender<Result<MessageAccepted, SendError>>>,
    /// Its place in the bounded outbox; none for messages of an earlier process.
    pub _place: Option<OwnedSemaphorePermit>,
    /// The transmission whose answer is waited for.
    sent: Option<Transmission>,
    /// It came too early: it does not go out again while this frame is not answered.
    behind: Option<i64>,
    internal_errors: u32,
}

#[derive(Debug)]
struct Transmission {
    /// The `id` of its frame, which no other has.
    id: i64,
    at: Instant,
}

impl Entry {
    pub fn new(
        message: MessageSend,
        reply: Option<oneshot::Sender<Result<MessageAccepted, SendError>>>,
        place: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self {
            message,
            reply,
            _place: place,
            sent: None,
            behind: None,
            internal_errors: 0,
        }
    }

    pub fn finish(self, result: Result<MessageAccepted, SendError>) {
        if let Some(reply) = self.reply {
            // Whoever sent it may not want to know.
            let _ = reply.send(result);
        }
    }

    fn is(&self, match_id: MatchId, seq: i64) -> bool {
        self.message.match_id == match_id && self.message.seq == seq
    }

    fn was_sent_as(&self, id: i64) -> bool {
        self.sent.as_ref().is_some_and(|sent| sent.id == id)
    }
}

/// What the server says of a message that it does not take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal {
    pub code: ErrorCode,
    pub retry_after: Option<Duration>,
    /// With [`ErrorCode::OutOfOrder`].
    pub expected_seq: Option<i64>,
}

/// What leaves the outbox with a refusal.
#[derive(Debug, Default)]
pub(super) struct GivenUp {
    /// Each with the reason, in the order of the numbers.
    pub entries: Vec<(Entry, ErrorCode)>,
    /// The number that comes next in their match, where that is known.
    pub expected_seq: Option<i64>,
}

#[derive(Debug)]
pub(super) struct Outbox {
    /// Those of one match in the order of their numbers.
    entries: VecDeque<Entry>,
    window: u64,
    held_until: Option<Instant>,
    /// Matches whose peer has too much to acknowledge, and until when nothing more is sent in each.
    full: HashMap<MatchId, Instant>,
}

impl Outbox {
    /// `window`: how far a message may be ahead of the oldest one of its match that is not
    /// accepted.
    pub fn new(window: u64) -> Self {
        Self {
            entries: VecDeque::new(),
            window: window.max(1),
            held_until: None,
            full: HashMap::new(),
        }
    }

    pub fn push(&mut self, entry: Entry) {
        let later = |other: &Entry| {
            other.message.match_id == entry.message.match_id
                && other.message.seq > entry.message.seq
        };
        let at = self.entries.iter().position(later);
        self.entries.insert(at.unwrap_or(self.entries.len()), entry);
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A new socket: everything goes out again.
    pub fn restart(&mut self) {
        self.held_until = None;
        self.full.clear();
        for entry in &mut self.entries {
            entry.sent = None;
        }
    }

    /// The server passed over a frame and did not say which: what is not answered goes out again,
    /// in order, from `until` on.
    pub fn again_from(&mut self, until: Instant) {
        self.restart();
        self.held_until = Some(until);
    }

    /// What was sent `after` ago and is not answered goes out again; its number keeps it from
    /// arriving twice.
    pub fn resend_overdue(&mut self, now: Instant, after: Duration) {
        for entry in &mut self.entries {
            if entry
                .sent
                .as_ref()
                .is_some_and(|sent| now >= sent.at + after)
            {
                entry.sent = None;
            }
        }
    }

    /// When the oldest message without an answer was sent.
    pub fn oldest_sent(&self) -> Option<Instant> {
        self.entries
            .iter()
            .filter_map(|entry| Some(entry.sent.as_ref()?.at))
            .min()
    }

    /// When sending goes on after a passing refusal.
    pub fn held_until(&self) -> Option<Instant> {
        self.held_until
            .or_else(|| self.full.values().min().copied())
    }

    /// The next message that may go out now; [`Self::mark_sent`] moves on.
    pub fn next(&mut self, now: Instant) -> Option<&MessageSend> {
        if self.held_until.is_some_and(|until| now < until) {
            return None;
        }
        self.held_until = None;
        self.full.retain(|_, until| now < *until);
        let at = self.position_of_next()?;
        Some(&self.entries[at].message)
    }

    /// The message that [`Self::next`] gave is on the wire, in a frame with this `id`.
    pub fn mark_sent(&mut self, id: i64, now: Instant) {
        if let Some(at) = self.position_of_next() {
            self.entries[at].sent = Some(Transmission { id, at: now });
        }
    }

    fn position_of_next(&self) -> Option<usize> {
        self.entries.iter().enumerate().position(|(at, entry)| {
            // A peer can open nothing before the handshake, so nothing overtakes it; and nothing
            // gets further ahead of a message that is refused for the moment than the peer's
            // ratchet can reach back.
            let waits_for = |earlier: &Entry| {
                earlier.message.match_id == entry.message.match_id
                    && (earlier.sent.is_none()
                        || earlier.message.kind == MessageKind::Handshake
                        || entry.behind.is_some_and(|id| earlier.was_sent_as(id))
                        || entry.message.seq.abs_diff(earlier.message.seq) >= self.window)
            };
            entry.sent.is_none()
                && !self.full.contains_key(&entry.message.match_id)
                && !self.entries.iter().take(at).any(waits_for)
        })
    }

    /// Takes out the message that was accepted; `None` for a repeated answer.
    pub fn accepted(&mut self, match_id: MatchId, seq: i64) -> Option<Entry> {
        let at = self
            .entries
            .iter()
            .position(|entry| entry.is(match_id, seq))?;
        self.entries.remove(at)
    }

    /// The message in the frame `id` was refused. A frame that is no message's last one is passed
    /// over: the answer to the later one counts.
    pub fn refused(&mut self, id: i64, refusal: Refusal, now: Instant) -> GivenUp {
        let Some(at) = self.entries.iter().position(|entry| entry.was_sent_as(id)) else {
            return GivenUp::default();
        };
        let entry = &mut self.entries[at];
        let (match_id, seq) = (entry.message.match_id, entry.message.seq);
        let until = now + refusal.retry_after.unwrap_or(RETRY_AFTER);
        entry.sent = None;
        match refusal.code {
            // Of this match alone.
            ErrorCode::TooManyUndelivered => {
                self.full.insert(match_id, until);
                GivenUp::default()
            }
            ErrorCode::RateLimited
            | ErrorCode::Unavailable
            | ErrorCode::Draining
            | ErrorCode::Unauthorized => {
                self.held_until = Some(until);
                GivenUp::default()
            }
            ErrorCode::Internal => {
                entry.internal_errors += 1;
                if entry.internal_errors >= MAX_INTERNAL_ERRORS {
                    // It may be stored all the same, so its number is not free.
                    return self.give_up(match_id, seq, ErrorCode::Internal, None);
                }
                self.held_until = Some(until);
                GivenUp::default()
            }
            ErrorCode::OutOfOrder => self.came_too_early(at, refusal.expected_seq),
            code @ (ErrorCode::MatchEnded | ErrorCode::NotFound | ErrorCode::WrongDevice) => {
                let entries = self.remove_from(match_id, i64::MIN, code);
                GivenUp {
                    entries,
                    expected_seq: None,
                }
            }
            code => self.give_up(match_id, seq, code, Some(seq)),
        }
    }

    /// The message here is not the one that the server expects.
    fn came_too_early(&mut self, at: usize, expected_seq: Option<i64>) -> GivenUp {
        let match_id = self.entries[at].message.match_id;
        let missing = expected_seq.and_then(|expected| {
            let mut before = self.entries.iter().take(at);
            before.find(|entry| entry.is(match_id, expected))
        });
        let Some(missing) = missing else {
            // Nothing here fills the gap.
            return GivenUp {
                entries: self.remove_from(match_id, i64::MIN, ErrorCode::OutOfOrder),
                expected_seq,
            };
        };
        // Where it is on its way already, coming too early again would change nothing.
        self.entries[at].behind = missing.sent.as_ref().map(|sent| sent.id);
        GivenUp::default()
    }

    /// Takes out a message and, since they cannot be accepted without it, those behind it.
    fn give_up(
        &mut self,
        match_id: MatchId,
        seq: i64,
        code: ErrorCode,
        expected_seq: Option<i64>,
    ) -> GivenUp {
        let mut entries = self.remove_from(match_id, seq, ErrorCode::OutOfOrder);
        if let Some((_, first)) = entries.first_mut() {
            *first = code;
        }
        GivenUp {
            entries,
            expected_seq,
        }
    }

    /// Takes out the messages of a match from `seq` on.
    fn remove_from(
        &mut self,
        match_id: MatchId,
        seq: i64,
        code: ErrorCode,
    ) -> Vec<(Entry, ErrorCode)> {
        let (gone, kept): (VecDeque<_>, _) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition(|entry| entry.message.match_id == match_id && entry.message.seq >= seq);
        self.entries = kept;
        gone.into_iter().map(|entry| (entry, code)).collect()
    }

    /// Takes out the messages of a match that is over.
    pub fn remove_match(&mut self, match_id: MatchId) -> Vec<Entry> {
        self.full.remove(&match_id);
        let gone = self.remove_from(match_id, i64::MIN, ErrorCode::MatchEnded);
        gone.into_iter().map(|(entry, _)| entry).collect()
    }

    /// Takes out everything.
    pub fn clear(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries).into()
    }
}

#[cfg(test)]
mod tests;
