//! Own messages that the server has not accepted yet, in order.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tebdil_protocol::{ErrorCode, MessageAccepted, MessageSend, domain::MessageKind, id::MatchId};
use tokio::{
    sync::{OwnedSemaphorePermit, oneshot},
    time::Instant,
};
use uuid::Uuid;

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
    /// No later message of its match is sent before it is accepted.
    alone: bool,
    /// Position among the messages of its match.
    number: u64,
    sent: Option<Instant>,
    internal_errors: u32,
}

impl Entry {
    pub fn new(
        message: MessageSend,
        reply: Option<oneshot::Sender<Result<MessageAccepted, SendError>>>,
        place: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let alone = message.kind == MessageKind::Handshake;
        Self {
            message,
            reply,
            _place: place,
            alone,
            number: 0,
            sent: None,
            internal_errors: 0,
        }
    }

    /// A message of an earlier process: how far it is ahead of others is not known any more, so it
    /// goes alone.
    pub fn of_earlier_process(message: MessageSend) -> Self {
        Self {
            alone: true,
            ..Self::new(message, None, None)
        }
    }

    pub fn finish(self, result: Result<MessageAccepted, SendError>) {
        if let Some(reply) = self.reply {
            // Whoever sent it may not want to know.
            let _ = reply.send(result);
        }
    }
}

/// What a refusal means.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Not one of ours, or one that was accepted meanwhile.
    Unknown,
    /// It stays and goes out again.
    Passing,
    /// It left the outbox.
    Final(Entry),
}

#[derive(Debug)]
pub(super) struct Outbox {
    entries: VecDeque<Entry>,
    /// How many messages each match has had.
    numbers: HashMap<MatchId, u64>,
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
            numbers: HashMap::new(),
            window: window.max(1),
            held_until: None,
            full: HashMap::new(),
        }
    }

    pub fn push(&mut self, mut entry: Entry) {
        let number = self.numbers.entry(entry.message.match_id).or_default();
        *number += 1;
        entry.number = *number;
        self.entries.push_back(entry);
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

    /// What was sent `after` ago and is not answered goes out again; its `client_id` keeps it from
    /// arriving twice.
    pub fn resend_overdue(&mut self, now: Instant, after: Duration) {
        for entry in &mut self.entries {
            if entry.sent.is_some_and(|sent| now >= sent + after) {
                entry.sent = None;
            }
        }
    }

    /// When the oldest message without an answer was sent.
    pub fn oldest_sent(&self) -> Option<Instant> {
        self.entries.iter().filter_map(|entry| entry.sent).min()
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

    /// The message that [`Self::next`] gave is on the wire.
    pub fn mark_sent(&mut self, now: Instant) {
        if let Some(at) = self.position_of_next() {
            self.entries[at].sent = Some(now);
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
                        || earlier.alone
                        || entry.number - earlier.number >= self.window)
            };
            entry.sent.is_none()
                && !self.full.contains_key(&entry.message.match_id)
                && !self.entries.iter().take(at).any(waits_for)
        })
    }

    fn remove(&mut self, client_id: Uuid) -> Option<Entry> {
        let at = self
            .entries
            .iter()
            .position(|entry| entry.message.client_id == client_id)?;
        self.entries.remove(at)
    }

    /// Takes out the message that was accepted; `None` for a repeated answer.
    pub fn accepted(&mut self, accepted: &MessageAccepted) -> Option<Entry> {
        self.remove(accepted.client_id)
    }

    /// A message was refused.
    pub fn refused(
        &mut self,
        client_id: Uuid,
        code: ErrorCode,
        retry_after: Option<Duration>,
        now: Instant,
    ) -> Refusal {
        let Some(entry) = self
            .entries
            .iter_mut()
            .find(|entry| entry.message.client_id == client_id)
        else {
            return Refusal::Unknown;
        };
        let passing = match code {
            // Of this match alone. What was sent behind it was refused as well.
            ErrorCode::TooManyUndelivered => {
                entry.sent = None;
                self.full.insert(
                    entry.message.match_id,
                    now + retry_after.unwrap_or(RETRY_AFTER),
                );
                return Refusal::Passing;
            }
            ErrorCode::RateLimited
            | ErrorCode::Unavailable
            | ErrorCode::Draining
            | ErrorCode::Unauthorized => true,
            ErrorCode::Internal => {
                entry.internal_errors += 1;
                entry.internal_errors < MAX_INTERNAL_ERRORS
            }
            _ => false,
        };
        if passing {
            entry.sent = None;
            self.held_until = Some(now + retry_after.unwrap_or(RETRY_AFTER));
            return Refusal::Passing;
        }
        self.remove(client_id)
            .map_or(Refusal::Unknown, Refusal::Final)
    }

    /// Takes out the messages of a match that is over.
    pub fn remove_match(&mut self, match_id: MatchId) -> Vec<Entry> {
        self.numbers.remove(&match_id);
        self.full.remove(&match_id);
        let (gone, kept) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition(|entry| entry.message.match_id == match_id);
        self.entries = kept;
        let gone: VecDeque<Entry> = gone;
        gone.into()
    }

    /// Takes out everything.
    pub fn clear(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tebdil_protocol::{id::MessageId, time::Timestamp};

    fn message(match_id: i64, number: u128, kind: MessageKind) -> MessageSend {
        MessageSend {
            match_id: MatchId(match_id),
            client_id: Uuid::from_u128(number),
            kind,
            ciphertext: vec![1],
            franking_tag: None,
        }
    }

    fn outbox(window: u64, messages: Vec<MessageSend>) -> Outbox {
        let mut outbox = Outbox::new(window);
        for message in messages {
            outbox.push(Entry::new(message, None, None));
        }
        outbox
    }

    fn send_all(outbox: &mut Outbox) -> Vec<u128> {
        let mut sent = vec![];
        while let Some(message) = outbox.next(Instant::now()) {
            sent.push(message.client_id.as_u128());
            outbox.mark_sent(Instant::now());
        }
        sent
    }

    fn accept(outbox: &mut Outbox, number: u128) -> bool {
        let accepted = MessageAccepted {
            match_id: MatchId(1),
            client_id: Uuid::from_u128(number),
            seq: 1,
            message_id: MessageId(1),
            sent_at: Timestamp::from_millis(0),
            frank: None,
        };
        outbox.accepted(&accepted).is_some()
    }

    #[test]
    fn order_window_and_restart() {
        let mut outbox = outbox(
            3,
            (1..=5)
                .map(|n| message(1, n, MessageKind::Content))
                .collect(),
        );
        assert_eq!(send_all(&mut outbox), [1, 2, 3]);
        assert!(accept(&mut outbox, 2) && !accept(&mut outbox, 2));
        assert!(
            send_all(&mut outbox).is_empty(),
            "4 would be too far ahead of 1"
        );
        assert!(accept(&mut outbox, 1));
        assert_eq!(send_all(&mut outbox), [4, 5]);
        assert!(accept(&mut outbox, 5));
        outbox.restart();
        assert_eq!(send_all(&mut outbox), [3, 4]);
        outbox.resend_overdue(Instant::now(), Duration::from_mins(1));
        assert!(send_all(&mut outbox).is_empty());
        outbox.resend_overdue(
            Instant::now() + Duration::from_mins(2),
            Duration::from_mins(1),
        );
        assert_eq!(send_all(&mut outbox), [3, 4]);
    }

    #[test]
    fn a_handshake_is_waited_for_in_its_match_only() {
        let mut outbox = outbox(
            8,
            vec![
                message(1, 1, MessageKind::Handshake),
                message(1, 2, MessageKind::Content),
                message(2, 3, MessageKind::Content),
                message(1, 4, MessageKind::Content),
            ],
        );
        assert_eq!(send_all(&mut outbox), [1, 3]);
        assert!(accept(&mut outbox, 1));
        assert_eq!(send_all(&mut outbox), [2, 4]);
    }

    #[test]
    fn a_peer_that_is_behind_holds_back_its_match_alone() {
        let mut outbox = outbox(
            8,
            (1..=4)
                .map(|n| {
                    message(
                        i64::try_from(n % 2).expect("small"),
                        n,
                        MessageKind::Content,
                    )
                })
                .collect(),
        );
        let now = Instant::now();
        assert_eq!(send_all(&mut outbox), [1, 2, 3, 4]);
        for number in [1, 3] {
            let refused = outbox.refused(
                Uuid::from_u128(number),
                ErrorCode::TooManyUndelivered,
                Some(Duration::from_secs(5)),
                now,
            );
            assert!(matches!(refused, Refusal::Passing));
        }
        outbox.push(Entry::new(message(1, 5, MessageKind::Content), None, None));
        outbox.push(Entry::new(message(0, 6, MessageKind::Content), None, None));
        assert_eq!(send_all(&mut outbox), [6]);
        let later = outbox.held_until().expect("it goes on some time");
        assert_eq!(later, now + Duration::from_secs(5));
        let mut sent = vec![];
        while let Some(message) = outbox.next(later) {
            sent.push(message.client_id.as_u128());
            outbox.mark_sent(later);
        }
        assert_eq!(sent, [1, 3, 5], "in order");
        assert_eq!(outbox.held_until(), None);
    }

    #[test]
    fn refusals_pass_or_are_final() {
        let mut outbox = outbox(
            8,
            (1..=3)
                .map(|n| message(1, n, MessageKind::Content))
                .collect(),
        );
        let now = Instant::now();
        assert_eq!(send_all(&mut outbox), [1, 2, 3]);
        let after = Some(Duration::from_secs(2));
        assert!(matches!(
            outbox.refused(Uuid::from_u128(2), ErrorCode::RateLimited, after, now),
            Refusal::Passing
        ));
        assert!(send_all(&mut outbox).is_empty(), "held back");
        assert!(matches!(
            outbox.refused(Uuid::from_u128(3), ErrorCode::MatchEnded, None, now),
            Refusal::Final(_)
        ));
        let later = now + Duration::from_secs(3);
        assert_eq!(
            outbox
                .next(later)
                .map(|message| message.client_id.as_u128()),
            Some(2)
        );
        outbox.mark_sent(later);
        assert!(matches!(
            outbox.refused(Uuid::from_u128(9), ErrorCode::Internal, None, now),
            Refusal::Unknown
        ));
        for _ in 1..MAX_INTERNAL_ERRORS {
            assert!(matches!(
                outbox.refused(Uuid::from_u128(1), ErrorCode::Internal, None, now),
                Refusal::Passing
            ));
        }
        assert!(matches!(
            outbox.refused(Uuid::from_u128(1), ErrorCode::Internal, None, now),
            Refusal::Final(_)
        ));
        assert_eq!(outbox.remove_match(MatchId(1)).len(), 1);
        assert!(outbox.is_empty());
    }
}
