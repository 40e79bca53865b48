//! The leader's table: the tickets of all nodes, and the engine that pairs them.
//!
//! Pure: messages, moments and outcomes of transactions in, messages for nodes out. It starts
//! empty, and gets everything from the nodes and from the table of background searches. What comes
//! when, and what follows for the account, is here and in [`account`]; pairs are in [`settle`].

mod account;
#[cfg(test)]
mod check;
mod settle;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use tebdil_core::{realtime::NodeId, store::SideDevice};
use tebdil_protocol::{
    id::{TicketId, UserId},
    time::Timestamp,
};
use tokio::time::Instant;

use self::account::{Entry, State};
use super::{
    SILENCE,
    engine::{Engine, Pair, Ticket, Widening},
    message::{Envelope, Term, TicketEnd, ToLeader, ToNode},
};

/// Most tickets that the store is asked about at once.
const MAX_CHECKED: usize = 500;

/// A moment, on both clocks: time of day for the engine, time that never jumps for everything
/// between nodes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) clock: Timestamp,
    pub(super) instant: Instant,
}

#[derive(Debug)]
pub(super) struct Leader {
    pub(super) term: Term,
    pub(super) engine: Engine,
    entries: BTreeMap<TicketId, Entry>,
    /// The tickets of each account, the oldest first: by arrival what comes to a leader the first
    /// time, whatever the clocks of the nodes say; by id what comes again.
    accounts: HashMap<UserId, Vec<TicketId>>,
    /// Those that the store is to be asked about.
    unchecked: VecDeque<TicketId>,
    /// Pairs that wait for their transaction. `true`: it was tried, and nobody knows with what end.
    pairs: VecDeque<(Pair, bool)>,
    /// The number of the last message of each node, and when it came.
    heard: HashMap<NodeId, (u64, Instant)>,
    /// What is remembered until then, though no node has it.
    fades: BTreeSet<(Instant, TicketId)>,
    /// Until then older tickets may be on their way here: no cancel is over.
    gathers_until: Option<Instant>,
    /// Background searches without a connection that others of their account have ended: the store
    /// has to know, or its table would bring them back.
    pub(super) over: BTreeMap<TicketId, TicketEnd>,
    /// For nodes.
    pub(super) out: BTreeMap<NodeId, Vec<ToNode>>,
}

impl Leader {
    /// A leader without tickets.
    pub(super) fn new(term: Term, widening: Widening, gathers_until: Option<Instant>) -> Self {
        Self {
            term,
            engine: Engine::new(widening),
            entries: BTreeMap::new(),
            accounts: HashMap::new(),
            unchecked: VecDeque::new(),
            pairs: VecDeque::new(),
            heard: HashMap::new(),
            fades: BTreeSet::new(),
            gathers_until,
            over: BTreeMap::new(),
            out: BTreeMap::new(),
        }
    }

    /// A message of a node; one that is not newer than the last is passed over.
    pub(super) fn receive(&mut self, said: Envelope<ToLeader>, now: Now) {
        let node = said.by;
        let heard = self.heard.entry(node).or_insert((0, now.instant));
        if said.number <= heard.0 {
            return;
        }
        *heard = (said.number, now.instant);
        for part in said.parts {
            match part {
                ToLeader::Upsert {
                    id,
                    user,
                    ticket,
                    again,
                } => self.upsert(node, (id, user), ticket, again, now),
                ToLeader::Withdraw { id, park } => self.leave(node, id, park, now),
                ToLeader::Have(tickets) => self.have(node, &tickets, now),
            }
        }
    }

    /// Whether there are other nodes, as far as it has heard.
    pub(super) fn has_peers(&self) -> bool {
        self.heard.keys().any(|node| *node != self.term.node)
    }

    /// Runs every ticket whose next step has begun.
    pub(super) fn tick(&mut self, now: Now) {
        while self.engine.next_due().is_some_and(|due| due <= now.clock) {
            let pairs = self.engine.tick(now.clock);
            self.wait_for_commit(pairs);
        }
        if self.gathers_until.is_some_and(|until| until <= now.instant) {
            self.gathers_until = None;
            let users: Vec<UserId> = self.accounts.keys().copied().collect();
            for user in users {
                self.review(user, now);
            }
        }
    }

    /// Once a second: forgets what is old, and what nodes had that say nothing any more.
    pub(super) fn beat(&mut self, now: Now) {
        let due = |fade: &&(Instant, TicketId)| fade.0 <= now.instant;
        while let Some((_, id)) = self.fades.first().filter(due).copied() {
            self.fades.pop_first();
            let faded = |entry: &Entry| {
                entry.node.is_none() && matches!(entry.state, State::Parked | State::Ended(_))
            };
            if self.entries.get(&id).is_some_and(faded) {
                self.forget(id);
            }
        }
        let silent = |node: &NodeId| {
            let heard = self.heard.get(node);
            heard.is_none_or(|(_, at)| now.instant.duration_since(*at) >= SILENCE)
        };
        let lost = self.entries.iter().filter_map(|(id, entry)| {
            let node = entry.node.filter(silent)?;
            Some((node, *id))
        });
        for (node, id) in lost.collect::<Vec<_>>() {
            self.leave(node, id, true, now);
        }
    }

    /// Some of the tickets of which the store has to be asked whether they were used.
    pub(super) fn take_unchecked(&mut self) -> Vec<TicketId> {
        let count = self.unchecked.len().min(MAX_CHECKED);
        self.unchecked.drain(..count).collect()
    }

    /// Those of them that the store found used; `None`: it could not be asked.
    pub(super) fn checked(
        &mut self,
        asked: Vec<TicketId>,
        found: Option<&HashMap<TicketId, SideDevice>>,
        now: Now,
    ) {
        let Some(found) = found else {
            return self.unchecked.extend(asked);
        };
        for id in asked {
            let unchecked = |entry: &&mut Entry| entry.state == State::Unchecked;
            let Some(entry) = self.entries.get_mut(&id).filter(unchecked) else {
                continue;
            };
            let (user, leaving) = (entry.user, entry.leaving);
            entry.state = State::Behind;
            let matched = found.contains_key(&id).then_some(TicketEnd::Matched);
            if let Some(why) = matched.or(leaving) {
                self.end(id, why, now);
            }
            self.review(user, now);
        }
    }

    /// The background searches that it knows.
    pub(super) fn background(&self) -> HashSet<TicketId> {
        let background = |entry: &Entry| entry.ticket.as_ref().is_some_and(|it| it.background);
        let known = self.entries.iter().filter(|(_, entry)| background(entry));
        known.map(|(id, _)| *id).collect()
    }

    /// What the table of background searches holds: `kept`, and of these the `tickets` that were
    /// not `known` when it was read. It owns what has no connection as a node owns what has one
    /// there. A search is kept before it is known: one that is not is over, wherever its device is.
    pub(super) fn listed(
        &mut self,
        known: &HashSet<TicketId>,
        kept: &HashSet<TicketId>,
        tickets: Vec<Ticket>,
        now: Now,
    ) {
        for id in known.difference(kept) {
            if let Some(user) = self.entries.get(id).map(|entry| entry.user) {
                self.retire(*id, TicketEnd::Gone, now);
                self.review(user, now);
            }
        }
        for ticket in tickets {
            let key = (ticket.id, ticket.user);
            if !self.entries.contains_key(&ticket.id) {
                // A match would have ended the search: there is nothing to check.
                self.insert(key, None, Some(Arc::new(ticket)), true, State::Behind);
                self.review(key.1, now);
            }
        }
    }

    fn upsert(
        &mut self,
        node: NodeId,
        key: (TicketId, UserId),
        ticket: Option<Arc<Ticket>>,
        again: bool,
        now: Now,
    ) {
        if self
            .entries
            .get(&key.0)
            .is_some_and(|it| it.state == State::Parked)
        {
            // Its node was not gone.
            self.forget(key.0);
        }
        if let Some(entry) = self.entries.get_mut(&key.0) {
            // The device is at this node now.
            entry.node = Some(node);
            self.engine.set_away(key.0, false);
            if let State::Ended(why) = entry.state {
                self.tell_ended(node, key.0, why);
            }
            return;
        }
        let state = if again && ticket.is_some() {
            self.unchecked.push_back(key.0);
            State::Unchecked
        } else {
            State::Behind
        };
        self.insert(key, Some(node), ticket, again, state);
        self.review(key.1, now);
    }

    /// All that a node has.
    fn have(&mut self, node: NodeId, tickets: &[TicketId], now: Now) {
        let has: HashSet<TicketId> = tickets.iter().copied().collect();
        let lost = self.entries.iter();
        let lost = lost.filter(|(id, entry)| entry.node == Some(node) && !has.contains(*id));
        for id in lost.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.leave(node, id, true, now);
        }
        let mut want = Vec::new();
        for id in tickets {
            match self.entries.get(id).map(|entry| (entry.state, entry.node)) {
                Some((State::Ended(why), _)) => self.tell_ended(node, *id, why),
                None | Some((_, None)) => want.push(*id),
                Some((_, Some(_))) => {}
            }
        }
        if !want.is_empty() {
            self.out.entry(node).or_default().push(ToNode::Want(want));
        }
    }

    fn tell_ended(&mut self, node: NodeId, id: TicketId, why: TicketEnd) {
        let ended = ToNode::Ended { id, why };
        self.out.entry(node).or_default().push(ended);
    }

    fn wait_for_commit(&mut self, pairs: impl IntoIterator<Item = Pair>) {
        self.pairs
            .extend(pairs.into_iter().map(|pair| (pair, false)));
    }
}
