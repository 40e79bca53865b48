//! What a leader keeps for a while after a ticket is gone.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    time::Duration,
};

use tebdil_core::realtime::NodeId;
use tebdil_protocol::{
    id::{SessionId, TicketId, UserId},
    time::Timestamp,
};
use tokio::time::Instant;

use crate::matching::message::ToDesk;

/// Entries that go after a time.
#[derive(Debug)]
struct Aging<K, V> {
    keep: Duration,
    entries: HashMap<K, (Instant, V)>,
    /// When an entry is due; one that was replaced or taken is there no more, or later.
    order: VecDeque<(Instant, K)>,
}

impl<K: Copy + Eq + Hash, V> Aging<K, V> {
    fn new(keep: Duration) -> Self {
        Self {
            keep,
            entries: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    fn insert(&mut self, key: K, value: V, now: Instant) {
        let due = now + self.keep;
        self.entries.insert(key, (due, value));
        self.order.push_back((due, key));
    }

    fn forget(&mut self, now: Instant) {
        while let Some((due, key)) = self.order.front().copied().filter(|(due, _)| *due <= now) {
            self.order.pop_front();
            if self
                .entries
                .get(&key)
                .is_some_and(|(until, _)| *until == due)
            {
                self.entries.remove(&key);
            }
        }
    }
}

/// What a desk may ask about again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum About {
    Ticket(TicketId),
    Request((NodeId, u64)),
}

/// The last word about tickets and requests.
#[derive(Debug)]
pub(super) struct Memory(Aging<About, ToDesk>);

impl Memory {
    pub(super) fn new(keep: Duration) -> Self {
        Self(Aging::new(keep))
    }

    pub(super) fn keep(&mut self, about: About, told: ToDesk, now: Instant) {
        self.0.insert(about, told, now);
    }

    pub(super) fn recall(&self, about: About) -> Option<ToDesk> {
        self.0.entries.get(&about).map(|(_, told)| told.clone())
    }

    pub(super) fn forget(&mut self, now: Instant) {
        self.0.forget(now);
    }
}

/// Places in the queue whose device is expected back.
#[derive(Debug)]
pub(super) struct Places(Aging<UserId, (SessionId, Timestamp)>);

impl Places {
    pub(super) fn new(keep: Duration) -> Self {
        Self(Aging::new(keep))
    }

    pub(super) fn keep(
        &mut self,
        user: UserId,
        session: SessionId,
        enqueued_at: Timestamp,
        now: Instant,
    ) {
        self.0.insert(user, (session, enqueued_at), now);
    }

    /// The place of the device that is back. Another device of the user leaves it.
    pub(super) fn take(&mut self, user: UserId, session: SessionId) -> Option<Timestamp> {
        let (_, (_, enqueued_at)) = self
            .0
            .entries
            .get(&user)
            .filter(|(_, (parked, _))| *parked == session)?;
        let enqueued_at = *enqueued_at;
        self.leave(user);
        Some(enqueued_at)
    }

    pub(super) fn leave(&mut self, user: UserId) {
        self.0.entries.remove(&user);
    }

    pub(super) fn forget(&mut self, now: Instant) {
        self.0.forget(now);
    }
}
