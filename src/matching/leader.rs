//! The leader: the engine with every ticket of all nodes, and the pairs that wait for their transaction.
//!
//! Pure: messages, moments and the outcomes of transactions in, messages for desks out. All of it is lost with the leader, and comes back from the desks.

mod memory;

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use tebdil_core::{
    id::{SessionId, TicketId, UserId},
    realtime::NodeId,
    store::{MadeMatch, NewMatch, NewSide},
    time::Timestamp,
};
use tokio::time::Instant;

use self::memory::{About, Memory, Places};
use super::{
    Timings,
    announce::Announcement,
    engine::{Cancelled, Engine, Outcome, Pair, Side, Ticket, Widening},
    message::{MAX_LISTED, Term, ToDesk, ToLeader, Why},
};

/// Most matches of one transaction.
const MAX_BATCH: usize = 256;

/// Cancels that may wait for one pair to be settled.
const MAX_CANCELS: usize = 8;

/// Most tickets the store is asked about at once.
const MAX_VERIFIED: usize = 500;

/// A moment, on both clocks: time of day for the engine, time that never jumps for everything between nodes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) clock: Timestamp,
    pub(super) instant: Instant,
}

/// What the store made of a pair.
#[derive(Debug)]
pub(super) enum Verdict {
    Made(Box<MadeMatch>),
    /// Nothing was changed. A side without a fault of its own may be paired with somebody else.
    Refused {
        /// Of the older, then of the newer side.
        faults: [Option<Fault>; 2],
        /// One has blocked the other.
        blocked: bool,
    },
    /// The store failed, and will not for long; the pair may have been written.
    Unknown,
}

impl Verdict {
    /// Tickets of the pair that are a match's, made now or before.
    pub(super) fn used(&self, pair: &Pair) -> Vec<TicketId> {
        let sides = [pair.older.ticket, pair.newer.ticket];
        match self {
            Self::Made(_) => sides.to_vec(),
            Self::Refused { faults, .. } => {
                sides.into_iter().zip(faults).filter(|(_, fault)| matches!(fault, Some(Fault::Used(_)))).map(|(ticket, _)| ticket).collect()
            }
            Self::Unknown => Vec::new(),
        }
    }
}

/// Why a ticket cannot be used.
#[derive(Debug)]
pub(super) enum Fault {
    Because(Why),
    /// It became a match before, whose announcement may have been lost.
    Used(Box<Announcement>),
}

#[derive(Debug)]
pub(super) struct Leader {
    pub(super) term: Term,
    engine: Engine,
    /// Every ticket of the engine.
    held: HashMap<TicketId, Held>,
    /// The tickets that wait behind a reserved one of the same session, and which.
    behind: HashMap<TicketId, TicketId>,
    /// Every ticket of `held`, `behind` and `unverified`, by node.
    owned: BTreeSet<(NodeId, TicketId)>,
    /// Pairs the engine has made that wait for the running transaction to end.
    waiting_pairs: VecDeque<Proposal>,
    /// Tickets that may have been used under another leader, until the store has said that they were not.
    unverified: HashMap<TicketId, Unverified>,
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

#[derive(Debug)]
struct Unverified {
    owner: Owner,
    ticket: Arc<Ticket>,
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
    /// It was proposed before, and the store failed in a way that leaves open whether it was written.
    tried: bool,
}

impl Proposal {
    const fn new(pair: Pair) -> Self {
        Self { pair, tried: false }
    }
}

impl Leader {
    /// A leader without tickets. For the time `early` cancels wait for tickets that desks are about to submit.
    pub(super) fn new(term: Term, widening: Widening, timings: Timings, early: Duration, now: Instant) -> Self {
        Self {
            term,
            engine: Engine::new(widening),
            held: HashMap::new(),
            behind: HashMap::new(),
            owned: BTreeSet::new(),
            waiting_pairs: VecDeque::new(),
            unverified: HashMap::new(),
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
            ToLeader::Submit { ticket, session, again } => {
                let owner = Owner { node, user: ticket.user, session };
                self.submit(owner, ticket, again, now);
            }
            ToLeader::Cancel { user, request } => self.cancel(user, (node, request), now),
            ToLeader::Withdraw { ticket, park } => self.withdraw(ticket, park, now.instant),
            ToLeader::Roster { first, last, tickets } => self.roster(node, first..=last, &tickets, now.instant),
        }
    }

    /// Runs every ticket whose next step has begun, and forgets what is too old.
    pub(super) fn tick(&mut self, now: Now) {
        while self.engine.next_due().is_some_and(|due| due <= now.clock) {
            let pairs = self.engine.tick(now.clock);
            self.waiting_pairs.extend(pairs.into_iter().map(Proposal::new));
        }
        let silent = self.heard.extract_if(|_, heard| now.instant.duration_since(*heard) >= self.silence).map(|(node, _)| node);
        for node in silent.collect::<Vec<_>>() {
            self.node_gone(node, now.instant);
        }
        self.places.forget(now.instant);
        self.memory.forget(now.instant);
        if now.instant >= self.early_until && !self.early.is_empty() {
            let unverified: HashSet<UserId> = self.unverified.values().map(|waiting| waiting.owner.user).collect();
            let answered: Vec<Request> =
                self.early.extract_if(|user, _| !unverified.contains(user)).flat_map(|(_, requests)| requests).collect();
            for by in answered {
                self.answer(by, ToDesk::NotSearching { request: by.1, too_late: false }, now.instant);
            }
        }
    }

    /// A block between two users; the direction does not matter.
    pub(super) fn block(&mut self, a: UserId, b: UserId) {
        self.engine.block(a, b);
        for waiting in self.unverified.values_mut() {
            for (user, other) in [(a, b), (b, a)] {
                if waiting.owner.user == user {
                    Arc::make_mut(&mut waiting.ticket).blocked.insert(other);
                }
            }
        }
    }

    /// A node is gone: its tickets are not paired any more, and its users may come back to their places elsewhere.
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
        if self.held.contains_key(&id) || self.behind.contains_key(&id) || self.unverified.contains_key(&id) {
            self.out.push((owner.node, ToDesk::Accepted(id)));
            return;
        }
        // Most of the time there are none.
        let same_device = |before: &&Unverified| before.owner.user == owner.user && before.owner.session == owner.session;
        if let Some(before) = self.unverified.values().find(same_device).map(|before| before.ticket.id)
            && let Some(Unverified { owner, .. }) = self.forget_unverified(before)
        {
            self.tell(owner.node, before, ToDesk::Superseded(before), now.instant);
        }
        if again {
            self.unverified.insert(id, Unverified { owner, ticket });
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
        let Some(held) = self.held.get_mut(&before) else { return };
        // A search that is being cancelled has to end first: its answer must not come after that to the next search.
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
                self.tell(owner.node, ticket.id, ToDesk::Superseded(ticket.id), now.instant);
            }
            return;
        }
        let Some(held) = self.forget(before) else { return };
        self.tell(held.owner.node, before, ToDesk::Superseded(before), now.instant);
        self.insert(owner, &ticket, Some(held.enqueued_at), now);
    }

    /// Takes a ticket of a user who has none, at its own or an earlier place.
    fn insert(&mut self, owner: Owner, ticket: &Ticket, place: Option<Timestamp>, now: Now) {
        let id = ticket.id;
        let enqueued_at = place.map_or(ticket.enqueued_at, |place| place.min(ticket.enqueued_at));
        match self.engine.insert(Ticket { enqueued_at, ..ticket.clone() }, now.clock) {
            Ok(pair) => {
                self.held.insert(id, Held { owner, enqueued_at, cancels: Vec::new(), left: None, next: None });
                self.owned.insert((owner.node, id));
                self.out.push((owner.node, ToDesk::Accepted(id)));
                self.waiting_pairs.extend(pair.map(Proposal::new));
            }
            Err(_) => self.out.push((owner.node, ToDesk::AlreadySearching(id))),
        }
    }

    fn cancel(&mut self, user: UserId, by: Request, now: Now) {
        let (node, request) = by;
        if let Some(told) = self.memory.recall(About::Request(by)) {
            self.out.push((node, told));
            return;
        }
        if self.is_unverified(user) {
            return self.wait(user, by);
        }
        match self.engine.cancel(user) {
            Cancelled::Removed(ticket) => {
                if let Some(held) = self.forget(ticket) {
                    self.cancelled(held.owner.node, ticket, by, now.instant);
                }
            }
            Cancelled::Reserved { ticket, .. } => {
                let Some(held) = self.held.get_mut(&ticket) else { return };
                if held.cancels.contains(&by) {
                    return;
                }
                if held.cancels.len() == MAX_CANCELS {
                    return self.answer(by, ToDesk::NotSearching { request, too_late: false }, now.instant);
                }
                held.cancels.push(by);
                if let Some((owner, ticket)) = held.next.take() {
                    self.forget_behind(owner, ticket.id);
                    self.tell(owner.node, ticket.id, ToDesk::TicketCancelled(ticket.id), now.instant);
                }
            }
            Cancelled::Unknown => {
                self.places.leave(user);
                if now.instant < self.early_until {
                    self.wait(user, by);
                } else {
                    self.answer(by, ToDesk::NotSearching { request, too_late: false }, now.instant);
                }
            }
        }
    }

    /// Leaves a cancel until it is known what there is to end.
    fn wait(&mut self, user: UserId, by: Request) {
        let waiting = self.early.entry(user).or_default();
        if !waiting.contains(&by) {
            waiting.push(by);
        }
    }

    fn is_unverified(&self, user: UserId) -> bool {
        self.unverified.values().any(|waiting| waiting.owner.user == user)
    }

    fn withdraw(&mut self, ticket: TicketId, park: bool, now: Instant) {
        if let Some(Unverified { owner, ticket }) = self.forget_unverified(ticket) {
            if park {
                self.places.keep(owner.user, owner.session, ticket.enqueued_at, now);
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
                    self.places.keep(held.owner.user, held.owner.session, held.enqueued_at, now);
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
    fn roster(&mut self, node: NodeId, range: std::ops::RangeInclusive<TicketId>, listed: &[TicketId], now: Instant) {
        let listed: BTreeSet<TicketId> = listed.iter().copied().collect();
        if range.start() > range.end() {
            return;
        }
        let known: Vec<TicketId> = self.owned.range((node, *range.start())..=(node, *range.end())).map(|(_, ticket)| *ticket).collect();
        for ticket in known.iter().filter(|ticket| !listed.contains(ticket)) {
            self.withdraw(*ticket, true, now);
        }
        let mut unknown = Vec::new();
        for ticket in listed.into_iter().filter(|ticket| known.binary_search(ticket).is_err()) {
            match self.memory.recall(About::Ticket(ticket)) {
                Some(told) => self.out.push((node, told)),
                None => unknown.push(ticket),
            }
        }
        for part in unknown.chunks(MAX_LISTED) {
            self.out.push((node, ToDesk::Unknown(part.to_vec())));
        }
    }

    /// The next transaction, if pairs wait. `closing` knows tickets of this node whose connection is closing, and whether their place is kept.
    pub(super) fn next_batch(&mut self, closing: impl Fn(TicketId) -> Option<bool>, now: Now) -> Vec<(Pair, NewMatch)> {
        self.drop_those_who_left(&closing, now);
        let count = self.waiting_pairs.len().min(MAX_BATCH);
        let pairs: Vec<Pair> = self.waiting_pairs.drain(..count).map(|proposal| proposal.pair).collect();
        let proposed: Option<Vec<_>> = pairs.into_iter().map(|pair| self.proposal(&pair).map(|proposal| (pair, proposal))).collect();
        proposed.expect("a reserved ticket is held until it is settled")
    }

    /// Gives back pairs with a side that has cancelled, or whose connection is closing: a ticket dies with its connection, and the peer shall not meet a ghost.
    fn drop_those_who_left(&mut self, closing: &impl Fn(TicketId) -> Option<bool>, now: Now) {
        let mut kept = VecDeque::new();
        while let Some(proposal) = self.waiting_pairs.pop_front() {
            let pair = &proposal.pair;
            // One that was tried before may have been committed: only the store knows.
            if !proposal.tried {
                for side in [pair.older, pair.newer] {
                    if let Some(held) = self.held.get_mut(&side.ticket) {
                        held.left = held.left.or_else(|| closing(side.ticket));
                    }
                }
            }
            if proposal.tried || [pair.older, pair.newer].iter().all(|side| !self.wants_out(side.ticket)) {
                kept.push_back(proposal);
            } else {
                self.refused(pair, [None, None], false, now);
            }
        }
        self.waiting_pairs = kept;
    }

    /// Some of the tickets of which the store has to be asked whether they were used.
    pub(super) fn take_unverified(&mut self) -> Vec<Side> {
        let count = self.unasked.len().min(MAX_VERIFIED);
        let side = |id| {
            let Unverified { owner, ticket } = self.unverified.get(&id)?;
            Some(Side { ticket: id, user: owner.user, enqueued_at: ticket.enqueued_at })
        };
        self.unasked.drain(..count).filter_map(side).collect()
    }

    /// What the store said of them; `None`: it could not be asked. The tickets whose users are to be told of their match.
    pub(super) fn verified(&mut self, sides: Vec<Side>, used: Option<&HashSet<TicketId>>, now: Now) -> Vec<TicketId> {
        let Some(used) = used else {
            self.unasked.extend(sides.iter().map(|side| side.ticket));
            return Vec::new();
        };
        let mut over = Vec::new();
        for Side { ticket: id, .. } in sides {
            let Some(Unverified { owner, ticket }) = self.forget_unverified(id) else { continue };
            let is_used = used.contains(&id);
            if is_used {
                over.push(id);
                self.tell(owner.node, id, ToDesk::Over(id), now.instant);
            } else {
                self.place(owner, ticket, now);
            }
            if self.is_unverified(owner.user) {
                continue;
            }
            for by in self.early.remove(&owner.user).unwrap_or_default() {
                if is_used {
                    self.answer(by, ToDesk::NotSearching { request: by.1, too_late: true }, now.instant);
                } else {
                    self.cancel(owner.user, by, now);
                }
            }
        }
        over
    }

    fn wants_out(&self, ticket: TicketId) -> bool {
        self.held.get(&ticket).is_none_or(|held| !held.cancels.is_empty() || held.left.is_some() || held.next.is_some())
    }

    fn proposal(&self, pair: &Pair) -> Option<NewMatch> {
        let side = |side: &Side| {
            let session_id = self.held.get(&side.ticket)?.owner.session;
            Some(NewSide { user_id: side.user, ticket_id: side.ticket, session_id })
        };
        Some(NewMatch {
            mode: pair.mode,
            offerer: side(&pair.older)?,
            answerer: side(&pair.newer)?,
            shared_interests: pair.shared_interests.clone(),
        })
    }

    /// What became of a pair of the last batch; the users hear of a match elsewhere.
    pub(super) fn settle(&mut self, pair: Pair, verdict: Verdict, now: Now) {
        match verdict {
            Verdict::Made(_) => {
                self.engine.settle(pair.id, &Outcome::Made, now.clock);
                for side in [pair.older, pair.newer] {
                    if let Some(held) = self.forget(side.ticket) {
                        self.over(held, side.ticket, now.instant);
                    }
                }
            }
            Verdict::Refused { faults, blocked } => self.refused(&pair, faults, blocked, now),
            Verdict::Unknown => self.waiting_pairs.push_back(Proposal { pair, tried: true }),
        }
    }

    fn refused(&mut self, pair: &Pair, faults: [Option<Fault>; 2], blocked: bool, now: Now) {
        let mut ended = Vec::new();
        for (side, fault) in [pair.older, pair.newer].into_iter().zip(faults) {
            if fault.is_some() || self.wants_out(side.ticket) {
                ended.push((side.ticket, self.forget(side.ticket), fault));
            }
        }
        let drop = ended.iter().map(|(ticket, ..)| *ticket).collect();
        let pairs = self.engine.settle(pair.id, &Outcome::Refused { drop, forbid: blocked }, now.clock);
        self.waiting_pairs.extend(pairs.into_iter().map(Proposal::new));
        for (ticket, held, fault) in ended {
            if let Some(held) = held {
                self.end(ticket, held, fault, now);
            }
        }
    }

    /// A ticket is gone without the match that was tried.
    fn end(&mut self, ticket: TicketId, held: Held, fault: Option<Fault>, now: Now) {
        let Held { owner, enqueued_at, cancels, left, next } = held;
        let why = match fault {
            Some(Fault::Used(_)) => return self.over(Held { owner, enqueued_at, cancels, left, next }, ticket, now.instant),
            Some(Fault::Because(why)) => Some(why),
            None => None,
        };
        if let Some((by, others)) = cancels.split_first() {
            self.cancelled(owner.node, ticket, *by, now.instant);
            for by in others {
                self.answer(*by, ToDesk::Cancelled { request: by.1, ticket: None }, now.instant);
            }
        } else if let Some(why) = why {
            self.tell(owner.node, ticket, ToDesk::Refused { ticket, why }, now.instant);
        } else {
            if left == Some(true) {
                self.places.keep(owner.user, owner.session, enqueued_at, now.instant);
            }
            // Its desk may not know, when it was a later ticket of the session that was withdrawn.
            self.tell(owner.node, ticket, ToDesk::Superseded(ticket), now.instant);
        }
        if let Some((owner, next)) = next {
            self.forget_behind(owner, next.id);
            match why {
                // It is the same wish of the same device.
                Some(why) => self.tell(owner.node, next.id, ToDesk::Refused { ticket: next.id, why }, now.instant),
                None => self.insert(owner, &next, Some(enqueued_at), now),
            }
        }
    }

    /// A ticket became a match.
    fn over(&mut self, held: Held, ticket: TicketId, now: Instant) {
        for by in held.cancels {
            self.answer(by, ToDesk::NotSearching { request: by.1, too_late: true }, now);
        }
        self.tell(held.owner.node, ticket, ToDesk::Over(ticket), now);
        if let Some((owner, next)) = held.next {
            self.forget_behind(owner, next.id);
            self.tell(owner.node, next.id, ToDesk::Over(next.id), now);
        }
    }

    /// A cancel has ended a ticket.
    fn cancelled(&mut self, owner: NodeId, ticket: TicketId, by: Request, now: Instant) {
        let here = owner == by.0;
        self.answer(by, ToDesk::Cancelled { request: by.1, ticket: here.then_some(ticket) }, now);
        if here {
            self.remember(owner, About::Ticket(ticket), &ToDesk::TicketCancelled(ticket), now);
        } else {
            self.tell(owner, ticket, ToDesk::TicketCancelled(ticket), now);
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

    fn forget_unverified(&mut self, ticket: TicketId) -> Option<Unverified> {
        let waiting = self.unverified.remove(&ticket)?;
        self.owned.remove(&(waiting.owner.node, ticket));
        Some(waiting)
    }

    fn forget_behind(&mut self, owner: Owner, ticket: TicketId) {
        self.behind.remove(&ticket);
        self.owned.remove(&(owner.node, ticket));
    }
}

#[cfg(test)]
impl Leader {
    /// Every ticket there is.
    pub(super) fn held(&self) -> BTreeSet<TicketId> {
        self.owned.iter().map(|(_, ticket)| *ticket).collect()
    }

    /// The books agree with each other, and no user is in two pairs.
    pub(super) fn check(&self) {
        for (ticket, held) in &self.held {
            assert_eq!(self.engine.ticket_of(held.owner.user), Some(*ticket));
            if let Some((_, next)) = &held.next {
                assert_eq!(self.behind.get(&next.id), Some(ticket));
            }
        }
        let owned: BTreeSet<_> = self
            .held
            .iter()
            .flat_map(|(ticket, held)| {
                let next = held.next.as_ref().map(|(owner, next)| (owner.node, next.id));
                [Some((held.owner.node, *ticket)), next].into_iter().flatten()
            })
            .chain(self.unverified.iter().map(|(ticket, waiting)| (waiting.owner.node, *ticket)))
            .collect();
        assert_eq!(self.owned, owned);
        assert_eq!(self.behind.len() + self.held.len() + self.unverified.len(), owned.len());
        let mut users = BTreeSet::new();
        for proposal in &self.waiting_pairs {
            assert!(users.insert(proposal.pair.older.user) && users.insert(proposal.pair.newer.user), "one pair for a user");
        }
    }
}
