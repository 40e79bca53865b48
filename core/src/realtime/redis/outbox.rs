//! What waits to be sent to other nodes.

use std::{
    collections::{HashSet, VecDeque},
    mem,
};

use bytes::Bytes;

use crate::realtime::{NodeId, Undelivered};
use tebdil_protocol::id::UserId;

/// Messages that may wait, and their bytes. What comes on top is undelivered.
const MAX_WAITING: usize = 32_768;
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// Messages of one script call, and their bytes: a call keeps everybody else in Redis waiting.
pub(super) const MAX_BATCH: usize = 256;
const MAX_BATCH_BYTES: usize = 1024 * 1024;

/// Users that are remembered as not reached; more are everybody.
const MAX_LOST: usize = 10_000;

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The other nodes with a device of the user.
    User(UserId),
    Node(NodeId),
    /// Every other node.
    Others,
}

/// The queue of the publisher.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<(Target, Bytes)>,
    bytes: usize,
    /// A batch is under way.
    sending: bool,
    /// Redis cannot be reached: nothing is queued, everything is lost.
    down: bool,
    /// The node ends: nothing is queued any more.
    closed: bool,
    lost: Lost,
}

#[derive(Debug)]
enum Lost {
    Users(HashSet<UserId>),
    Everybody,
}

impl Default for Lost {
    fn default() -> Self {
        Self::Users(HashSet::new())
    }
}

impl Outbox {
    /// Queues a message, or remembers whom it does not reach. Whether it was queued.
    pub fn push(&mut self, target: Target, message: Bytes) -> bool {
        if self.closed {
            return false;
        }
        if self.down
            || self.waiting.len() >= MAX_WAITING
            || self.bytes + message.len() > MAX_WAITING_BYTES
        {
            self.lose(target);
            return false;
        }
        self.bytes += message.len();
        self.waiting.push_back((target, message));
        true
    }

    fn lose(&mut self, target: Target) {
        metrics::counter!("tebdil_bus_undelivered_total").increment(1);
        match (target, &mut self.lost) {
            // Who sends to one node repeats it.
            (Target::Node(_), _) | (_, Lost::Everybody) => {}
            (Target::User(user), Lost::Users(users))
                if users.len() < MAX_LOST || users.contains(&user) =>
            {
                users.insert(user);
            }
            (Target::User(_) | Target::Others, lost) => *lost = Lost::Everybody,
        }
    }

    /// The next messages to send. Call [`Self::sent`] or [`Self::failed`] then.
    pub fn take(&mut self) -> Option<Vec<(Target, Bytes)>> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some((_, message)) = self.waiting.front()
            && batch.len() < MAX_BATCH
            && (batch.is_empty() || bytes + message.len() <= MAX_BATCH_BYTES)
        {
            bytes += message.len();
            batch.extend(self.waiting.pop_front());
        }
        self.bytes -= bytes;
        self.sending = !batch.is_empty();
        self.sending.then_some(batch)
    }

    /// The batch was sent. What was lost for want of room, when that is over.
    pub fn sent(&mut self) -> Option<Undelivered> {
        self.sending = false;
        if self.waiting.is_empty() && !self.down {
            self.take_lost()
        } else {
            None
        }
    }

    /// The batch may not have been sent: it and everything from now on is lost until
    /// [`Self::recovered`].
    pub fn failed(&mut self, batch: Vec<(Target, Bytes)>) {
        self.sending = false;
        for (target, _) in batch {
            self.lose(target);
        }
        self.went_down();
    }

    /// Nothing can be sent: what waits and everything from now on is lost until
    /// [`Self::recovered`].
    pub fn went_down(&mut self) {
        self.down = true;
        self.bytes = 0;
        for (target, _) in mem::take(&mut self.waiting) {
            self.lose(target);
        }
    }

    /// Messages can be sent again. What was lost.
    pub fn recovered(&mut self) -> Option<Undelivered> {
        self.down = false;
        self.take_lost()
    }

    fn take_lost(&mut self) -> Option<Undelivered> {
        match mem::take(&mut self.lost) {
            Lost::Users(users) if users.is_empty() => None,
            Lost::Users(users) => Some(Undelivered::Users(users.into_iter().collect())),
            Lost::Everybody => Some(Undelivered::Everybody),
        }
    }

    /// Takes no more messages.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Whether every user was reached.
    pub fn sent_all(&self) -> bool {
        self.is_idle() && matches!(&self.lost, Lost::Users(users) if users.is_empty())
    }

    /// Whether everything was sent or lost.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.sending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: usize) -> Bytes {
        vec![0; bytes].into()
    }

    #[test]
    fn batches_are_bounded_and_in_order() {
        let mut outbox = Outbox::default();
        for user in 0..600 {
            assert!(outbox.push(Target::User(UserId(user)), message(1)));
        }
        let sizes: Vec<_> = std::iter::from_fn(|| outbox.take())
            .map(|batch| (batch.len(), batch[0].0))
            .collect();
        assert_eq!(
            sizes,
            [
                (256, Target::User(UserId(0))),
                (256, Target::User(UserId(256))),
                (88, Target::User(UserId(512)))
            ]
        );
        for _ in 0..3 {
            outbox.push(Target::Others, message(400 * 1024));
        }
        assert_eq!(
            outbox.take().map(|batch| batch.len()),
            Some(2),
            "a mebibyte"
        );
        assert!(!outbox.is_idle());
        outbox.take();
        assert_eq!(outbox.sent(), None);
        assert!(outbox.is_idle());
    }

    #[test]
    fn who_was_not_reached_is_remembered_until_it_works_again() {
        let mut outbox = Outbox::default();
        outbox.push(Target::User(UserId(1)), message(1));
        let batch = outbox.take().expect("a batch");
        outbox.push(Target::User(UserId(2)), message(1));
        outbox.failed(batch);
        assert!(!outbox.push(Target::User(UserId(3)), message(1)));
        assert!(!outbox.push(
            Target::Node("0000000000000001".parse().expect("a node")),
            message(1)
        ));
        assert_eq!(outbox.take(), None);
        assert!(outbox.is_idle() && !outbox.sent_all());
        let Some(Undelivered::Users(mut users)) = outbox.recovered() else {
            panic!("not users")
        };
        users.sort_unstable();
        assert_eq!(users, [UserId(1), UserId(2), UserId(3)]);
        assert!(outbox.sent_all());
        assert!(outbox.push(Target::User(UserId(4)), message(1)));
        assert!(!outbox.sent_all());
        assert_eq!(outbox.recovered(), None);
    }

    #[test]
    fn too_many_are_everybody_and_so_is_a_message_to_all() {
        let mut outbox = Outbox::default();
        outbox.failed(Vec::new());
        for user in 0..=10_000 {
            outbox.push(Target::User(UserId(user)), message(1));
        }
        assert_eq!(outbox.recovered(), Some(Undelivered::Everybody));
        outbox.failed(vec![(Target::Others, message(1))]);
        assert_eq!(outbox.recovered(), Some(Undelivered::Everybody));
    }

    #[test]
    fn what_there_is_no_room_for_is_told_once_there_is() {
        let mut outbox = Outbox::default();
        while outbox.push(Target::User(UserId(1)), message(1024 * 1024)) {}
        let mut told = None;
        let mut batches = 0;
        while outbox.take().is_some() {
            batches += 1;
            told = outbox.sent();
            assert_eq!(told.is_some(), outbox.is_idle());
        }
        assert_eq!(
            (batches, told),
            (64, Some(Undelivered::Users(vec![UserId(1)])))
        );
    }
}
