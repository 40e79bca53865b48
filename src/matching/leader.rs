//! The leader: the engine with every ticket of all nodes, and the pairs that wait for their
//! transaction.
//!
//! Pure: messages, moments and the outcomes of transactions in, messages for desks out. All of it
//! is lost with the leader, and comes back from the desks.

mod cancel;
#[cfg(test)]
mod check;
mod memory;
mod settle;
mod unverified;

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tebdil_core::{realtime::NodeId, store::MatchmakerTerm};
use tebdil_protocol::{
    id::{SessionId, TicketId, UserId},
    time::Timestamp,
};
use tokio::time::Instant;

pub(super) use self::settle::{Fault, Verdict};
use self::{
    memory::{About, Memory, Places},
    unverified::Unverified,
};
use super::{
    Timings,
    engine::{Cancelled, Engine, Pair, Ticket, Widening},
    message::{MAX_LISTED, Term, ToDesk, ToLeader},
};

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
    /// By which the store knows it.
    pub(super) fence: MatchmakerTerm,
    engine: Engine,
    /// Every ticket of the engine.
    held: HashMap<TicketId, Held>,
    /// The tickets that wait behind a reserved one of the same session, and which.
    behind: HashMap<TicketId, TicketId>,
    /// Every ticket of `held`, `behind` and `unverified`, by node.
    owned: BTreeSet<(NodeId, TicketId)>,
    /// Pairs the engine has made that wait for the running transaction to end.
    waiting_pairs: VecDeque<Proposal>,
    /// Tickets that may have been used under another leader, until the store has said that they
    /// were not.
    unverified: HashMap<TicketId, Unverified>,
    /// Theirs by user: after a failover these are all there are.
    unverified_of: BTreeSet<(UserId, TicketId)>,
    /// Those of them that the store is to be asked about.
    unasked: VecDeque<TicketId>,
    places: Places,
    /// What was told last about tickets and requests of other nodes, which may not have heard it.
    memory: Memory,
    /// Cancels that found no ticket, while tickets may still be on their way here.
    early: HashMap<UserId, Vec<Request>>,
    /// When each other node was heard last.
    heard: HashMap<NodeId, Instant>,
    /// After so long a node is taken for dead.
    silence: Duration,
    early_until: Instant,
    /// For desks, in order.
    pub(super) out: Vec<(NodeId, ToDesk)>,
}

/// A cancel, by the name its desk gave it.
type Request = (NodeId, u64);

/// What the leader knows of a ticket beside what the engine does.
#[derive(Debug)]
struct Held {
    owner: Owner,
    enqueued_at: Timestamp,
    /// Cancels that came while the ticket was reserved, to be answered when the pair is settled.
    cancels: Vec<Request>,
    /// The connection went while the ticket was reserved; whether the place is kept.
    left: Option<bool>,
    /// A later ticket of the same session, which came while this one was reserved.
    next: Option<(Owner, Arc<Ticket>)>,
}

#[derive(Debug, Clone, Copy)]
struct Owner {
    node: NodeId,
    user: UserId,
    session: SessionId,
}

/// A pair that waits for its transaction.
#[derive(Debug)]
struct Proposal {
    pair: Pair,
    /// It was proposed before, and the store failed in a way that leaves open whether it was
    /// written.
    tried: bool,
}

impl Proposal {
    const fn new(pair: Pair) -> Self {
        Self { pair, tried: false }
    }
}

/// The tickets of a user.
fn of(tickets: &BTreeSet<(UserId, TicketId)>, user: UserId) -> impl Iterator<Item = TicketId> {
    tickets
        .range((user, TicketId(i64::MIN))..=(user, TicketId(i64::MAX)))
        .map(|(_, ticket)| *ticket)
}

impl Leader {
    /// A leader without tickets. For the time `early` cancels wait for tickets that desks are about
    /// to submit.
    pub(super) fn new(
        term: Term,
        fence: MatchmakerTerm,
        widening: Widening,
        timings: Timings,
        early: Duration,
        now: Instant,
    ) -> Self {
        Self {
            term,
            fence,
            engine: Engine::new(widening),
            held: HashMap::new(),
            behind: HashMap::new(),
            owned: BTreeSet::new(),
            waiting_pairs: VecDeque::new(),
            unverified: HashMap::new(),
            unverified_of: BTreeSet::new(),
            unasked: VecDeque::new(),
            places: Places::new(timings.park),
            memory: Memory::new(timings.memory),
            early: HashMap::new(),
            heard: HashMap::new(),
            silence: timings.roster * 3,
            early_until: now + early,
            out: Vec::new(),
        }
    }

    pub(super) const fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn has_tickets(&self) -> bool {
        !self.held.is_empty()
    }

    /// What a desk asks.
    pub(super) fn receive(&mut self, node: NodeId, message: ToLeader, now: Now) {
        if node != self.term.node {
            self.heard.insert(node, now.instant);
        }
        match message {
            ToLeader::Submit {
                ticket,
                session,
                again,
            } => {
                let owner = Owner {
                    node,
                    user: ticket.user,
                    session,
                };
                self.submit(owner, ticket, again, now);
            }
            ToLeader::Cancel { user, request } => self.cancel(user, (node, request), now),
            ToLeader::Withdraw { ticket, park } => self.withdraw(ticket, park, now.instant),
            ToLeader::Roster {
                first,
                last,
                tickets,
            } => self.roster(node, first..=last, &tickets, now.instant),
        }
    }

    /// Runs every ticket whose next step has begun, and forgets what is too old.
    pub(super) fn tick(&mut self, now: Now) {
        while self.engine.next_due().is_some_and(|due| due <= now.clock) {
            let pairs = self.engine.tick(now.clock);
            self.waiting_pairs
                .extend(pairs.into_iter().map(Proposal::new));
        }
        let silent = self
            .heard
            .extract_if(|_, heard| now.instant.duration_since(*heard) >= self.silence)
            .map(|(node, _)| node);
        for node in silent.collect::<Vec<_>>() {
            self.node_gone(node, now.instant);
        }
        self.places.forget(now.instant);
        self.memory.forget(now.instant);
        if now.instant >= self.early_until && !self.early.is_empty() {
            let unverified = &self.unverified_of;
            let none_left = |user: &UserId| of(unverified, *user).next().is_none();
            let answered: Vec<Request> = self
                .early
                .extract_if(|user, _| none_left(user))
                .flat_map(|(_, requests)| requests)
                .collect();
            for by in answered {
                self.answer(
                    by,
                    ToDesk::NotSearching {
                        request: by.1,
                        too_late: false,
                    },
                    now.instant,
                );
            }
        }
    }

    /// A block between two users; the direction does not matter.
    pub(super) fn block(&mut self, a: UserId, b: UserId) {
        self.engine.block(a, b);
        for (user, other) in [(a, b), (b, a)] {
            for ticket in of(&self.unverified_of, user) {
                if let Some(waiting) = self.unverified.get_mut(&ticket) {
                    Arc::make_mut(&mut waiting.ticket).blocked.insert(other);
                }
            }
        }
    }

    /// A node is gone: its tickets are not paired any more, and its users may come back to their
    /// places elsewhere.
    pub(super) fn node_gone(&mut self, node: NodeId, now: Instant) {
        let range = (node, TicketId(i64::MIN))..=(node, TicketId(i64::MAX));
        let tickets: Vec<TicketId> = self.owned.range(range).map(|(_, ticket)| *ticket).collect();
        for ticket in tickets {
            self.withdraw(ticket, true, now);
        }
    }

    fn submit(&mut self, owner: Owner, ticket: Arc<Ticket>, again: bool, now: Now) {
        let id = ticket.id;
        if let Some(told) = self.memory.recall(About::Ticket(id)) {
            self.out.push((owner.node, told));
            return;
        }
        if self.held.contains_key(&id)
            || self.behind.contains_key(&id)
            || self.unverified.contains_key(&id)
        {
            self.out.push((owner.node, ToDesk::Accepted(id)));
            return;
        }
        let same_device = |before: &TicketId| {
            self.unverified
                .get(before)
                .is_some_and(|before| before.owner.session == owner.session)
        };
        let before = of(&self.unverified_of, owner.user).find(same_device);
        if let Some(before) = before
            && let Some(Unverified { owner, .. }) = self.forget_unverified(before)
        {
            self.tell(owner.node, before, ToDesk::Superseded(before), now.instant);
        }
        if again {
            self.unverified.insert(id, Unverified { owner, ticket });
            self.unverified_of.insert((owner.user, id));
            self.unasked.push_back(id);
            self.owned.insert((owner.node, id));
            self.out.push((owner.node, ToDesk::Accepted(id)));
        } else {
            self.place(owner, ticket, now);
        }
    }

    /// Takes a ticket that was not used.
    fn place(&mut self, owner: Owner, ticket: Arc<Ticket>, now: Now) {
        let id = ticket.id;
        let Some(before) = self.engine.ticket_of(owner.user) else {
            let place = self.places.take(owner.user, owner.session);
            return self.insert(owner, &ticket, place, now);
        };
        let Some(held) = self.held.get_mut(&before) else {
            return;
        };
        // A search that is being cancelled has to end first: its answer must not come after that to
        // the next search.
        if held.owner.session != owner.session || !held.cancels.is_empty() {
            self.out.push((owner.node, ToDesk::AlreadySearching(id)));
            return;
        }
        // The same device on another connection: it keeps its place.
        if let Cancelled::Reserved { .. } = self.engine.remove(before) {
            let last = held.next.replace((owner, ticket));
            self.behind.insert(id, before);
            self.owned.insert((owner.node, id));
            self.out.push((owner.node, ToDesk::Accepted(id)));
            if let Some((owner, ticket)) = last {
                self.forget_behind(owner, ticket.id);
                self.tell(
                    owner.node,
                    ticket.id,
                    ToDesk::Superseded(ticket.id),
                    now.instant,
                );
            }
            return;
        }
        let Some(held) = self.forget(before) else {
            return;
        };
        self.tell(
            held.owner.node,
            before,
            ToDesk::Superseded(before),
            now.instant,
        );
        self.insert(owner, &ticket, Some(held.enqueued_at), now);
    }

    /// Takes a ticket of a user who has none, at its own or an earlier place.
    fn insert(&mut self, owner: Owner, ticket: &Ticket, place: Option<Timestamp>, now: Now) {
        let id = ticket.id;
        let enqueued_at = place.map_or(ticket.enqueued_at, |place| place.min(ticket.enqueued_at));
        match self.engine.insert(
            Ticket {
                enqueued_at,
                ..ticket.clone()
            },
            now.clock,
        ) {
            Ok(pair) => {
                self.held.insert(
                    id,
                    Held {
                        owner,
                        enqueued_at,
                        cancels: Vec::new(),
                        left: None,
                        next: None,
                    },
                );
                self.owned.insert((owner.node, id));
                self.out.push((owner.node, ToDesk::Accepted(id)));
                self.waiting_pairs.extend(pair.map(Proposal::new));
            }
            Err(_) => self.out.push((owner.node, ToDesk::AlreadySearching(id))),
        }
    }

    fn withdraw(&mut self, ticket: TicketId, park: bool, now: Instant) {
        if let Some(Unverified { owner, ticket }) = self.forget_unverified(ticket) {
            if park {
                self.places
                    .keep(owner.user, owner.session, ticket.enqueued_at, now);
            }
            return;
        }
        if let Some(before) = self.behind.get(&ticket)
            && let Some(held) = self.held.get_mut(before)
        {
            held.left = Some(park);
            if let Some((owner, ticket)) = held.next.take() {
                self.forget_behind(owner, ticket.id);
            }
            return;
        }
        match self.engine.remove(ticket) {
            Cancelled::Removed(_) => {
                if let Some(held) = self.forget(ticket)
                    && park
                {
                    self.places
                        .keep(held.owner.user, held.owner.session, held.enqueued_at, now);
                }
            }
            // It may still become a match: the user finds it on its return.
            Cancelled::Reserved { .. } => {
                if let Some(held) = self.held.get_mut(&ticket) {
                    held.left = Some(park);
                }
            }
            Cancelled::Unknown => {}
        }
    }

    /// All tickets of a node with ids in `range`.
    fn roster(
        &mut self,
        node: NodeId,
        range: std::ops::RangeInclusive<TicketId>,
        listed: &[TicketId],
        now: Instant,
    ) {
        let listed: BTreeSet<TicketId> = listed.iter().copied().collect();
        if range.start() > range.end() {
            return;
        }
        let known: Vec<TicketId> = self
            .owned
            .range((node, *range.start())..=(node, *range.end()))
            .map(|(_, ticket)| *ticket)
            .collect();
        for ticket in known.iter().filter(|ticket| !listed.contains(ticket)) {
            self.withdraw(*ticket, true, now);
        }
        let mut unknown = Vec::new();
        for ticket in listed
            .into_iter()
            .filter(|ticket| known.binary_search(ticket).is_err())
        {
            match self.memory.recall(About::Ticket(ticket)) {
                Some(told) => self.out.push((node, told)),
                None => unknown.push(ticket),
            }
        }
        for part in unknown.chunks(MAX_LISTED) {
            self.out.push((node, ToDesk::Unknown(part.to_vec())));
        }
    }

    /// The last word about a ticket.
    fn tell(&mut self, node: NodeId, ticket: TicketId, message: ToDesk, now: Instant) {
        self.remember(node, About::Ticket(ticket), &message, now);
        self.out.push((node, message));
    }

    fn answer(&mut self, request: Request, message: ToDesk, now: Instant) {
        self.remember(request.0, About::Request(request), &message, now);
        self.out.push((request.0, message));
    }

    /// Nothing is lost on the way to the desk of this node.
    fn remember(&mut self, node: NodeId, about: About, message: &ToDesk, now: Instant) {
        if node != self.term.node {
            self.memory.keep(about, message.clone(), now);
        }
    }

    fn forget(&mut self, ticket: TicketId) -> Option<Held> {
        let held = self.held.remove(&ticket)?;
        self.owned.remove(&(held.owner.node, ticket));
        Some(held)
    }

    fn forget_behind(&mut self, owner: Owner, ticket: TicketId) {
        self.behind.remove(&ticket);
        self.owned.remove(&(owner.node, ticket));
    }
}
