//! A node's part: the tickets of its connections, who leads, and the leader while it is this node.
//!
//! Pure but for the frames it sends to its own connections. It owns a ticket until the leader says
//! that it is over, or the connection is gone, and keeps each leader's table in step with its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tebdil_core::realtime::NodeId;
use tebdil_protocol::{
    ErrorCode, FrameId, MatchCancelled, ServerFrame,
    domain::{CancelReason, Mode},
    id::{TicketId, UserId},
    time::Timestamp,
};
use tokio::time::Instant;

use super::{
    BEAT, LEASE, PATIENCE,
    engine::{Engine, Ticket, Widening},
    leader::{Leader, Now},
    matchmaker::{QueueStatus, Queues, Status},
    message::{Envelope, MatchmakingMessage, Term, TicketEnd, ToLeader, ToNode, in_parts},
    request::refusal,
};
use crate::hub::{Connection, ConnectionId};

#[derive(Debug)]
pub(super) struct MatchmakerNode {
    id: NodeId,
    widening: Widening,
    own: BTreeMap<TicketId, OwnTicket>,
    of_user: BTreeSet<(UserId, TicketId)>,
    /// The leader, if it is this node, and when its lease runs out.
    pub(super) leader: Option<Leader>,
    pub(super) until: Instant,
    /// The latest that this node has heard of.
    term: Option<Term>,
    /// Who holds the lease could not be learned when it was asked last.
    pub(super) blind: bool,
    /// The node is about to end: it takes no searches, and never leads again.
    pub(super) retired: bool,
    /// It led, and who of the others does next is not known yet.
    vacant: bool,
    /// Numbers of the last message that was sent, and of the last that the leader sent.
    sent: u64,
    heard: u64,
    parts: Vec<ToLeader>,
    /// Background searches that are over: the store has to know before their devices do.
    pub(super) over: BTreeMap<TicketId, TicketEnd>,
    /// For one node, which may be this one, or for all others; in order.
    pub(super) out: Vec<(Option<NodeId>, MatchmakingMessage)>,
}

/// A ticket, and the way back to its device.
#[derive(Debug)]
struct OwnTicket {
    user: UserId,
    connection: Arc<Connection>,
    wish: Wish,
    /// A leader may have it, or have used it.
    sent: bool,
    /// Its connection is gone, and the next leader is to keep its place.
    left: bool,
}

#[derive(Debug)]
enum Wish {
    Search(Arc<Ticket>),
    /// That all older searches of the account end.
    Cancel {
        re: Option<FrameId>,
        since: Instant,
        /// The last one of this connection, with whose end it is answered.
        of: Option<TicketId>,
    },
    /// The same, and that was answered.
    Answered,
}

impl OwnTicket {
    fn search(&self) -> Option<&Arc<Ticket>> {
        match &self.wish {
            Wish::Search(ticket) => Some(ticket),
            Wish::Cancel { .. } | Wish::Answered => None,
        }
    }

    /// Whether it is answered when this search ends.
    fn answers(&self, search: TicketId) -> bool {
        matches!(self.wish, Wish::Cancel { of, .. } if of == Some(search))
    }
}

impl MatchmakerNode {
    pub(super) fn new(id: NodeId, widening: Widening, now: Instant) -> Self {
        Self {
            id,
            widening,
            own: BTreeMap::new(),
            of_user: BTreeSet::new(),
            leader: None,
            until: now,
            term: None,
            blind: false,
            retired: false,
            vacant: false,
            sent: 0,
            heard: 0,
            parts: Vec::new(),
            over: BTreeMap::new(),
            out: Vec::new(),
        }
    }

    /// The searches of this node's connections.
    pub(super) fn searches(&self) -> impl Iterator<Item = &Arc<Ticket>> {
        self.own.values().filter_map(OwnTicket::search)
    }

    pub(super) fn status(&self, now: Timestamp) -> Status {
        let engine = self.leader.as_ref().map(|leader| &leader.engine);
        let queue = |engine: &Engine, mode| QueueStatus {
            waiting: engine.len(mode),
            oldest: engine.oldest_age(mode, now),
        };
        Status {
            own: self.searches().count(),
            reserved: engine.map_or(0, Engine::reserved),
            queues: engine.map(|engine| Queues {
                text: queue(engine, Mode::Text),
                video: queue(engine, Mode::Video),
            }),
        }
    }

    /// Why no search can begin here.
    pub(super) fn refuses(&self) -> Option<ErrorCode> {
        let blind = self.blind && self.leader.is_none();
        let draining = self.retired.then_some(ErrorCode::Draining);
        draining.or(blind.then_some(ErrorCode::Unavailable))
    }

    /// Begins a search. It outlives the node that leads.
    pub(super) fn find(&mut self, ticket: Ticket, to: Arc<Connection>, re: Option<&FrameId>) {
        let ticket_id = ticket.id;
        to.send(&ServerFrame::MatchSearching { ticket_id }, re);
        self.add(ticket_id, to, Wish::Search(Arc::new(ticket)), false);
    }

    /// The device of a background search is here again.
    pub(super) fn resume(&mut self, ticket: Ticket, to: Arc<Connection>) {
        // A newer one may have come meanwhile.
        if to.outbound.closing().is_some() {
            return;
        }
        match self.own.get_mut(&ticket.id) {
            Some(own) => (own.connection, own.left) = (to, false),
            None => self.add(ticket.id, to, Wish::Search(Arc::new(ticket)), true),
        }
    }

    /// Ends every search of the account, at whichever node. `id` is the cancel's own.
    pub(super) fn cancel(
        &mut self,
        id: TicketId,
        to: Arc<Connection>,
        re: Option<FrameId>,
        since: Instant,
    ) {
        let alone = self.leader.is_none() && self.term.is_none_or(|term| term.node == self.id);
        if let Some(code) = self.refuses().filter(|_| !self.retired || alone) {
            return to.send(&refusal(code, None), re.as_ref());
        }
        let of = self.searches_of(to.user_id, |own| own.connection.id == to.id);
        let of = of.last().copied();
        self.add(id, to, Wish::Cancel { re, since, of }, false);
    }

    /// A connection is gone, and its searches with it. With `park` the device may come back to its
    /// place.
    pub(super) fn gone(&mut self, user: UserId, connection: ConnectionId, park: bool) {
        for id in self.searches_of(user, |own| own.connection.id == connection) {
            match self.own.get_mut(&id).filter(|_| park && self.vacant) {
                Some(own) => own.left = true,
                None => self.withdraw(id, park),
            }
        }
        self.flush();
    }

    /// Whether none of its connections searches, but for those whose places nobody takes over.
    pub(super) fn is_done(&self, waits_for_heir: bool) -> bool {
        let done = |own: &OwnTicket| own.search().is_none() || own.left && !waits_for_heir;
        self.own.values().all(done)
    }

    /// Leads no more.
    pub(super) fn resign(&mut self) {
        self.vacant = self.leader.take().is_some_and(|it| it.has_peers());
    }

    /// What a node says, perhaps this one.
    pub(super) fn deliver(&mut self, message: MatchmakingMessage, now: Now) {
        match message {
            MatchmakingMessage::Blocked { a, b } => {
                if let Some(leader) = &mut self.leader {
                    leader.engine.block(a, b);
                }
            }
            MatchmakingMessage::ToLeader(said) => {
                let leader = self.leader.as_mut();
                if let Some(leader) = leader.filter(|it| it.term.number == said.term) {
                    leader.receive(said, now);
                }
            }
            MatchmakingMessage::ToNode(said) => {
                let (number, node) = (said.term, said.by);
                self.learn(Term { number, node });
                if self.term.is_some_and(|term| term.number == number) && said.number > self.heard {
                    self.heard = said.number;
                    for part in said.parts {
                        match part {
                            ToNode::Want(ids) => ids.into_iter().for_each(|id| self.submit(id)),
                            ToNode::Ended { id, why } => self.ended(id, why),
                        }
                    }
                }
            }
        }
        self.flush();
    }

    /// Once every [`BEAT`]: says what this node has, and that it leads.
    pub(super) fn beat(&mut self, now: Now) {
        self.own.retain(|id, own| match &own.wish {
            Wish::Cancel { re, since, .. } if now.instant - *since >= PATIENCE => {
                let unavailable = refusal(ErrorCode::Unavailable, None);
                own.connection.send(&unavailable, re.as_ref());
                self.of_user.remove(&(own.user, *id));
                false
            }
            _ => true,
        });
        if let Some(leader) = &mut self.leader {
            leader.beat(now);
            self.say_who_leads();
        }
        self.have();
        self.flush();
    }

    /// Everything that is due by now; a leader whose lease ran out is none.
    pub(super) fn tick(&mut self, now: Now) {
        if now.instant >= self.until {
            self.leader = None;
        }
        if let Some(leader) = &mut self.leader {
            leader.tick(now);
        }
        self.flush();
    }

    /// Whether this node held the lease when it was asked at `asked`; an error is `Err`. To lead
    /// anew it must have `begun` a term in the store since. True when the lease is to be given
    /// back, as this node holds it and does not lead.
    pub(super) fn held(
        &mut self,
        asked: Instant,
        holds: Result<bool, ()>,
        begun: Option<i64>,
        now: Instant,
    ) -> bool {
        self.blind = holds.is_err();
        if holds != Ok(true) {
            // While nobody can be asked, the lease lasts for as long as it was renewed for.
            self.leader = self.leader.take().filter(|_| holds.is_err());
            return false;
        }
        let until = asked + LEASE;
        if self.leader.is_some() && !self.retired {
            self.until = self.until.max(until);
        } else if let Some(number) = begun.filter(|_| until > now && !self.retired) {
            // Somebody led before: searches are on their way here.
            let gathers_until = self.term.map(|_| now + BEAT);
            let node = self.id;
            let term = Term { number, node };
            self.leader = Some(Leader::new(term, self.widening.clone(), gathers_until));
            self.until = until;
            self.learn(term);
            self.say_who_leads();
            self.flush();
        }
        self.leader.is_none()
    }

    /// Hears of a term: its leader is told what this node has.
    fn learn(&mut self, term: Term) {
        if self.term.is_none_or(|known| known.number < term.number) {
            self.leader = self.leader.take().filter(|leader| leader.term == term);
            (self.term, self.heard, self.vacant) = (Some(term), 0, false);
            self.have();
        }
    }

    fn have(&mut self) {
        let ids = self.own.keys().copied().collect();
        self.parts.push(ToLeader::Have(ids));
    }

    /// Packs what is to be said. What nobody leads to hear, [`Self::have`] makes up for.
    pub(super) fn flush(&mut self) {
        let parts = std::mem::take(&mut self.parts);
        if let Some(term) = self.term {
            for parts in in_parts(parts) {
                let said = self.say(term.number, parts);
                let message = MatchmakingMessage::ToLeader(said);
                self.out.push((Some(term.node), message));
            }
        }
        let Some(leader) = &mut self.leader else {
            return;
        };
        self.over.append(&mut leader.over);
        let (term, out) = (leader.term.number, std::mem::take(&mut leader.out));
        for (node, parts) in out {
            for parts in in_parts(parts) {
                let message = MatchmakingMessage::ToNode(self.say(term, parts));
                self.out.push((Some(node), message));
            }
        }
    }

    fn say_who_leads(&mut self) {
        if let Some(term) = self.term {
            let message = MatchmakingMessage::ToNode(self.say(term.number, Vec::new()));
            self.out.push((None, message));
        }
    }

    fn say<P>(&mut self, term: i64, parts: Vec<P>) -> Envelope<P> {
        self.sent += 1;
        Envelope {
            by: self.id,
            term,
            number: self.sent,
            parts,
        }
    }

    fn add(&mut self, id: TicketId, connection: Arc<Connection>, wish: Wish, sent: bool) {
        // It would outlive its connection.
        if connection.outbound.closing().is_some() {
            return;
        }
        let user = connection.user_id;
        let own = OwnTicket {
            user,
            connection,
            wish,
            sent,
            left: false,
        };
        self.of_user.insert((user, id));
        self.own.insert(id, own);
        self.submit(id);
        self.flush();
    }

    /// Sends a ticket to the leader, if there is one.
    fn submit(&mut self, id: TicketId) {
        let Some(own) = self.own.get_mut(&id).filter(|_| self.term.is_some()) else {
            return;
        };
        let left = own.left;
        self.parts.push(ToLeader::Upsert {
            id,
            user: own.user,
            ticket: own.search().cloned(),
            again: std::mem::replace(&mut own.sent, true),
        });
        if left {
            self.withdraw(id, true);
        }
    }

    fn withdraw(&mut self, id: TicketId, park: bool) {
        self.remove(id);
        self.parts.push(ToLeader::Withdraw { id, park });
    }

    /// A ticket is over.
    fn ended(&mut self, id: TicketId, why: TicketEnd) {
        match self.own.get(&id).map(|own| (own.user, own.search())) {
            Some((_, Some(search))) if search.background && why != TicketEnd::Matched => {
                self.over.insert(id, why);
            }
            Some((user, None)) => {
                let mut older = self.searches_of(user, |_| true);
                older.retain(|older| *older < id);
                if older.is_empty() {
                    return self.close(id, why);
                }
                // The leader had not heard of them: they end first, and this is said again.
                for older in older {
                    self.submit(older);
                }
            }
            _ => self.close(id, why),
        }
    }

    /// Forgets a ticket that is over, in the store too: its device hears why, and the leader that
    /// it is here no more.
    pub(super) fn close(&mut self, id: TicketId, why: TicketEnd) {
        self.parts.push(ToLeader::Withdraw { id, park: false });
        let Some(own) = self.remove(id) else {
            return;
        };
        let (frame, re) = match own.wish {
            Wish::Search(_) => {
                // Whoever cancels its own search hears it once.
                let by = self.of(own.user).find(|(_, by)| by.answers(id));
                let by = by.filter(|_| why == TicketEnd::Cancelled).map(|(id, _)| id);
                let re = match by.and_then(|by| self.own.get_mut(&by)) {
                    Some(by) => match std::mem::replace(&mut by.wish, Wish::Answered) {
                        Wish::Cancel { re, .. } => re,
                        Wish::Search(_) | Wish::Answered => None,
                    },
                    None => None,
                };
                (why.frame(id), re)
            }
            Wish::Cancel { re, .. } if why == TicketEnd::TooLate => {
                (Some(refusal(ErrorCode::NotSearching, None)), re)
            }
            Wish::Cancel { re, .. } => (Some(cancelled(None, CancelReason::Cancelled)), re),
            Wish::Answered => (None, None),
        };
        if let Some(frame) = frame {
            own.connection.send(&frame, re.as_ref());
        }
    }

    fn remove(&mut self, id: TicketId) -> Option<OwnTicket> {
        let own = self.own.remove(&id)?;
        self.of_user.remove(&(own.user, id));
        Some(own)
    }

    /// The tickets of an account, oldest first.
    fn of(&self, user: UserId) -> impl Iterator<Item = (TicketId, &OwnTicket)> {
        let range = (user, TicketId(i64::MIN))..=(user, TicketId(i64::MAX));
        let own = |(_, id): &(UserId, TicketId)| Some((*id, self.own.get(id)?));
        self.of_user.range(range).filter_map(own)
    }

    fn searches_of(&self, user: UserId, like: impl Fn(&OwnTicket) -> bool) -> Vec<TicketId> {
        let searches = self
            .of(user)
            .filter(|(_, own)| own.search().is_some() && like(own));
        searches.map(|(id, _)| id).collect()
    }
}

fn cancelled(ticket_id: Option<TicketId>, reason: CancelReason) -> ServerFrame {
    ServerFrame::MatchCancelled(MatchCancelled { ticket_id, reason })
}

impl TicketEnd {
    /// What the device of a search is told.
    fn frame(self, ticket: TicketId) -> Option<ServerFrame> {
        let because = |reason| Some(cancelled(Some(ticket), reason));
        match self {
            Self::Matched | Self::Left => None,
            Self::Cancelled => because(CancelReason::Cancelled),
            Self::Replaced => because(CancelReason::Replaced),
            Self::TooLate => because(CancelReason::Matched),
            Self::Gone => because(CancelReason::Ended),
            Self::Refused { code, resets_at } => Some(refusal(code, resets_at)),
        }
    }
}
