//! The matching engine: tickets and times in, pairs out. Pure and deterministic: no IO, no clock,
//! no chance; the same calls give the same pairs.
//!
//! # Rules
//! Two tickets may be paired when they have the same mode and different users, no block stands
//! between the users in either direction, and each permits the other *at its own current step* of
//! the [`Widening`]: shared interest, shared language, distance. A ticket that lists nothing has no
//! wish there, and nobody's wish there concerns it. Partners of the last 24 hours wait for the last
//! step on both sides and come after everybody else. Among the permitted: those with a connection,
//! then more shared interests, then a shared language, then nearer (in bands), then the longer
//! wait.
//!
//! # When
//! A ticket looks for a peer when it arrives, when one of its steps begins ([`Engine::tick`]), and
//! when a refused pair gives it back ([`Engine::settle`]). Nothing else ever makes two waiting
//! tickets fit, so nothing else is looked at and nobody is scanned globally.
//!
//! # Cost
//! A search makes 2 × (interests + 1) × (languages + 1) + 37 look-ups at most (`index`), each of
//! the oldest [`WINDOW`] (in a grid cell [`CELL_WINDOW`]) candidates that are not in the seeker's
//! own sets; each look-up is O(log of the entries). The number waiting does not matter beyond that
//! logarithm. The window can hide a fitting peer for a while, when many older tickets fail on
//! distance alone or on their own block lists; the last step heals that.
//!
//! # Nobody starves
//! At the last step nothing but mode and blocks can stand between two tickets, so that pool is
//! searched oldest first **without a window**. A ticket enters the pool only after it found
//! everybody in it forbidden, and a block can only be added; so *no two tickets in the pool may be
//! paired*, ever. The pool is thus a set of users who all block each other: with sets that hold
//! both directions it has at most one ticket more than the longest block list, which bounds the
//! search. And a ticket that waits while a permitted peer waits meets it at the latest when both
//! have reached the last step.
//!
//! # Time
//! The engine keeps its own time, which stands still when the clock is set back and goes on from
//! there: a clock that is set back delays nobody by what it lost, no step goes back, and
//! [`Engine::next_due`] is translated to the clock as it stands.

mod grid;
mod index;
mod rules;
mod ticket;
mod widening;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use tebdil_protocol::{
    domain::Mode,
    id::{TicketId, UserId},
    time::Timestamp,
};

use self::{
    index::{Age, Index, Key, Terms, Want},
    rules::{Rank, Verdict},
};
pub use self::{
    ticket::{Cancelled, Coordinates, InsertError, Outcome, Pair, PairId, PairSide, Ticket},
    widening::{InvalidWidening, Step, Widening},
};

/// Candidates looked at under one key.
pub const WINDOW: usize = 32;
/// Candidates looked at in one grid cell.
pub const CELL_WINDOW: usize = 8;
/// Tickets that one [`Engine::tick`] runs at most.
pub const TICK_BATCH: usize = 512;

/// All tickets that wait or are reserved. One owner calls it; see the module for what it promises.
///
/// `now` is a fresh reading of the clock each time; a reading before the last one counts as the
/// clock set back.
#[derive(Debug)]
pub struct Engine {
    widening: Widening,
    time: EngineTime,
    tickets: HashMap<TicketId, WaitingTicket>,
    users: HashMap<UserId, TicketId>,
    terms: Terms,
    /// Open tickets only, as `due` and `open`.
    index: Index,
    due: BTreeSet<(i64, TicketId)>,
    open: BTreeMap<Mode, usize>,
    /// Reserved pairs, the older ticket first.
    pairs: HashMap<PairId, [TicketId; 2]>,
    last_pair: u64,
    examined: u64,
}

/// A ticket that the engine owns.
#[derive(Debug)]
struct WaitingTicket {
    ticket: Ticket,
    interests: Vec<Want>,
    languages: Vec<Want>,
    /// Engine time.
    since: i64,
    /// Only grows.
    step: usize,
    /// The pair it is in, if any.
    reserved: Option<PairId>,
    /// Cancelled while reserved: never queued again.
    cancelled: bool,
}

impl WaitingTicket {
    fn age(&self) -> Age {
        (self.since, self.ticket.id)
    }

    fn side(&self) -> PairSide {
        PairSide {
            ticket: self.ticket.id,
            user: self.ticket.user,
            session: self.ticket.session,
            background: self.ticket.background,
        }
    }
}

impl Engine {
    pub fn new(widening: Widening) -> Self {
        Self {
            widening,
            time: EngineTime::default(),
            tickets: HashMap::new(),
            users: HashMap::new(),
            terms: Terms::default(),
            index: Index::default(),
            due: BTreeSet::new(),
            open: BTreeMap::new(),
            pairs: HashMap::new(),
            last_pair: 0,
            examined: 0,
        }
    }

    /// Takes a ticket and looks for its peer. Without one it waits. A user has one ticket, over all
    /// modes.
    pub fn insert(
        &mut self,
        mut ticket: Ticket,
        now: Timestamp,
    ) -> Result<Option<Pair>, InsertError> {
        let now = self.time.read(now);
        if let Some(existing) = self.users.get(&ticket.user) {
            return Err(InsertError::AlreadySearching(*existing));
        }
        if self.tickets.contains_key(&ticket.id) {
            return Err(InsertError::TicketIdInUse);
        }
        drop_repetitions(&mut ticket.interests);
        drop_repetitions(&mut ticket.languages);
        ticket.place = ticket.place.filter(|place| place.is_valid());
        let id = ticket.id;
        let waiting = WaitingTicket {
            interests: self.terms.take(&ticket.interests),
            languages: self.terms.take(&ticket.languages),
            since: self.time.of(ticket.enqueued_at).min(now),
            step: 0,
            reserved: None,
            cancelled: false,
            ticket,
        };
        self.users.insert(waiting.ticket.user, id);
        self.tickets.insert(id, waiting);
        Ok(self.run(id, 0, now))
    }

    /// Runs the tickets whose next step has begun, [`TICK_BATCH`] at most: while
    /// [`Engine::next_due`] is not in the future, call again.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Pair> {
        let now = self.time.read(now);
        let mut pairs = Vec::new();
        for _ in 0..TICK_BATCH {
            let Some((_, id)) = self.due.first().copied().filter(|(at, _)| *at <= now) else {
                break;
            };
            self.unqueue(id);
            let next = self.tickets.get(&id).map_or(0, |waiting| waiting.step + 1);
            pairs.extend(self.run(id, next, now));
        }
        pairs
    }

    /// When to call [`Engine::tick`] next, on the clock as it was last read. `None`: no waiting
    /// ticket has a step before it.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| self.time.on_the_clock(*at))
    }

    /// Takes a ticket out, as when its connection is gone.
    pub fn remove(&mut self, ticket: TicketId) -> Cancelled {
        let Some(waiting) = self.tickets.get_mut(&ticket) else {
            return Cancelled::Unknown;
        };
        if let Some(pair) = waiting.reserved {
            waiting.cancelled = true;
            return Cancelled::Reserved { ticket, pair };
        }
        self.unqueue(ticket);
        self.forget(ticket);
        Cancelled::Removed(ticket)
    }

    /// Ends the reservation of a pair. Tickets that come back keep their place and look for a peer
    /// at once: hence more pairs. A pair that was settled before, or is unknown, changes nothing.
    pub fn settle(&mut self, pair: PairId, outcome: &Outcome, now: Timestamp) -> Vec<Pair> {
        let now = self.time.read(now);
        let Some(both) = self.pairs.remove(&pair) else {
            return Vec::new();
        };
        let (dropped, forbid) = match outcome {
            Outcome::Made => (&both[..], false),
            Outcome::Refused { drop, forbid } => (&drop[..], *forbid),
        };
        if forbid
            && let [Some(a), Some(b)] =
                both.map(|id| self.tickets.get(&id).map(|waiting| waiting.ticket.user))
        {
            self.block(a, b);
        }
        let mut pairs = Vec::new();
        for id in both {
            let Some(waiting) = self.tickets.get_mut(&id) else {
                continue;
            };
            if waiting.cancelled || dropped.contains(&id) {
                self.forget(id);
            } else {
                waiting.reserved = None;
                pairs.extend(self.run(id, 0, now));
            }
        }
        pairs
    }

    /// A block between two users came to be; the direction does not matter. Holds for the tickets
    /// they have now: later ones bring their own sets.
    pub fn block(&mut self, a: UserId, b: UserId) {
        for (user, other) in [(a, b), (b, a)] {
            if let Some(waiting) = self
                .users
                .get(&user)
                .and_then(|id| self.tickets.get_mut(id))
            {
                waiting.ticket.blocked.insert(other);
            }
        }
    }

    /// The connection of a ticket is gone, or back.
    pub fn set_away(&mut self, ticket: TicketId, away: bool) {
        if let Some(waiting) = self.tickets.get_mut(&ticket) {
            waiting.ticket.away = away;
        }
    }

    /// How many tickets wait in a mode; reserved ones do not count.
    pub fn len(&self, mode: Mode) -> usize {
        self.open.get(&mode).copied().unwrap_or(0)
    }

    /// How many pairs are not settled.
    pub fn reserved(&self) -> usize {
        self.pairs.len()
    }

    /// How long the oldest ticket of a mode has been waiting at `now`; reserved ones do not count.
    pub fn oldest_age(&self, mode: Mode, now: Timestamp) -> Option<Duration> {
        let (since, _) = self.index.under(Key::Queue(mode)).next()?;
        Some(between(since, self.time.of(now)))
    }

    /// How many candidates were looked at since the start.
    pub fn examined(&self) -> u64 {
        self.examined
    }

    /// Looks for a peer of a ticket that is not queued; without one, queues it.
    fn run(&mut self, id: TicketId, least_step: usize, now: i64) -> Option<Pair> {
        let waiting = self.tickets.get_mut(&id)?;
        let reached = self.widening.step_after(between(waiting.since, now));
        waiting.step = waiting
            .step
            .max(reached)
            .max(least_step)
            .min(self.widening.last());
        let (peer, examined) = self.search(id);
        self.examined += examined;
        let Some(peer) = peer else {
            self.queue(id);
            return None;
        };
        self.unqueue(peer);
        self.reserve(id, peer)
    }

    /// The best permitted peer within the windows, and how many candidates were looked at.
    fn search(&self, id: TicketId) -> (Option<TicketId>, u64) {
        let Some(seeker) = self.tickets.get(&id) else {
            return (None, 0);
        };
        let step = self.widening.step(seeker.step);
        let is_last = seeker.step == self.widening.last();
        let mut best: Option<Rank> = None;
        let mut examined = 0;
        for key in index::sought_keys(seeker, step, is_last) {
            let window = if matches!(key, Key::Near(..)) {
                CELL_WINDOW
            } else {
                WINDOW
            };
            let mut looked_at = 0;
            for (_, candidate) in self.index.under(key) {
                examined += 1;
                let Some(candidate) = self.tickets.get(&candidate) else {
                    continue;
                };
                match rules::judge(seeker, candidate, &self.widening) {
                    Verdict::Passed => {}
                    // The pool of the last step is searched to its end (see "Nobody starves").
                    Verdict::Refused => looked_at += usize::from(!matches!(key, Key::Last(_))),
                    Verdict::Permitted(rank) => {
                        looked_at += usize::from(!rank.recent);
                        if best.as_ref().is_none_or(|best| rank < *best) {
                            best = Some(rank);
                        }
                    }
                }
                if looked_at == window {
                    break;
                }
            }
        }
        (best.map(|rank| rank.age.1), examined)
    }

    fn reserve(&mut self, a: TicketId, b: TicketId) -> Option<Pair> {
        self.last_pair += 1;
        let id = PairId(self.last_pair);
        for ticket in [a, b] {
            self.tickets.get_mut(&ticket)?.reserved = Some(id);
        }
        let (a, b) = (self.tickets.get(&a)?, self.tickets.get(&b)?);
        let (older, newer) = if a.age() < b.age() { (a, b) } else { (b, a) };
        self.pairs.insert(id, [older.ticket.id, newer.ticket.id]);
        let shared_interests = older
            .ticket
            .interests
            .iter()
            .filter(|text| newer.ticket.interests.contains(text))
            .cloned()
            .collect();
        Some(Pair {
            id,
            mode: older.ticket.mode,
            older: older.side(),
            newer: newer.side(),
            shared_interests,
        })
    }

    fn queue(&mut self, id: TicketId) {
        let Some(waiting) = self.tickets.get(&id) else {
            return;
        };
        self.index.add(self.stored_keys(waiting), waiting.age());
        self.due.extend(self.due_at(waiting));
        *self.open.entry(waiting.ticket.mode).or_default() += 1;
    }

    fn unqueue(&mut self, id: TicketId) {
        let Some(waiting) = self.tickets.get(&id) else {
            return;
        };
        self.index.remove(self.stored_keys(waiting), waiting.age());
        if let Some(due) = self.due_at(waiting) {
            self.due.remove(&due);
        }
        if let Some(open) = self.open.get_mut(&waiting.ticket.mode) {
            *open -= 1;
        }
    }

    /// Ends a ticket that is not queued.
    fn forget(&mut self, id: TicketId) {
        let Some(waiting) = self.tickets.remove(&id) else {
            return;
        };
        self.users.remove(&waiting.ticket.user);
        self.terms.release(&waiting.ticket.interests);
        self.terms.release(&waiting.ticket.languages);
    }

    fn stored_keys(&self, waiting: &WaitingTicket) -> Vec<Key> {
        index::stored_keys(
            waiting,
            self.widening.step(waiting.step),
            waiting.step == self.widening.last(),
        )
    }

    fn due_at(&self, waiting: &WaitingTicket) -> Option<(i64, TicketId)> {
        let after = self.widening.next_after(waiting.step)?;
        Some((
            waiting
                .since
                .saturating_add(i64::try_from(after.as_millis()).unwrap_or(i64::MAX)),
            waiting.ticket.id,
        ))
    }
}

/// Milliseconds that never go back: the clock plus all that it was ever set back.
#[derive(Debug, Default)]
struct EngineTime {
    last: Option<i64>,
    set_back: i64,
}

impl EngineTime {
    fn read(&mut self, clock: Timestamp) -> i64 {
        if let Some(before) = self.last {
            self.set_back = self
                .set_back
                .saturating_add(before.saturating_sub(self.of(clock)).max(0));
        }
        let now = self.of(clock).max(self.last.unwrap_or(i64::MIN));
        self.last = Some(now);
        now
    }

    fn of(&self, clock: Timestamp) -> i64 {
        clock.millis().saturating_add(self.set_back)
    }

    fn on_the_clock(&self, time: i64) -> Timestamp {
        Timestamp::from_millis(time.saturating_sub(self.set_back))
    }
}

fn between(since: i64, now: i64) -> Duration {
    Duration::from_millis(u64::try_from(now.saturating_sub(since)).unwrap_or(0))
}

fn drop_repetitions(texts: &mut Vec<String>) {
    let mut seen = HashSet::new();
    texts.retain(|text| seen.insert(text.clone()));
}
