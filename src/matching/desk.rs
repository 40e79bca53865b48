//! The desk: the searches of the connections of this node, whoever leads and wherever.
//!
//! Pure but for the frames it sends to its own connections: messages and moments in, messages for
//! the leader out. It keeps each ticket until the search has ended or the connection is gone, and
//! submits it again to every leader that does not know it.

mod cancel;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use tebdil_protocol::{
    CloseCode, ErrorCode, ServerFrame,
    id::{TicketId, UserId},
};
use tokio::time::Instant;

use self::cancel::Cancel;
use super::{
    Timings,
    announce::TOO_LATE,
    answers::{Answers, refusal},
    engine::Ticket,
    message::{MAX_LISTED, ToDesk, ToLeader, Why},
    request::quota_exhausted,
};
use crate::hub::{Connection, ConnectionId};

/// What a new request may hope for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// There is a leader.
    Leader,
    /// There will be one shortly.
    Soon,
    /// Nobody can tell who leads.
    Nobody,
    /// This node is going away.
    Draining,
}

#[derive(Debug)]
pub(super) struct Desk {
    timings: Timings,
    answers: Arc<Answers>,
    /// In order, for the roster.
    tickets: BTreeMap<TicketId, Open>,
    users: HashMap<UserId, TicketId>,
    /// Tickets that were not accepted yet.
    asked: HashMap<TicketId, Asked>,
    cancels: BTreeMap<u64, Cancel>,
    last_request: u64,
    /// For the leader, in order.
    pub(super) out: Vec<ToLeader>,
}

/// A ticket, and the way back to its user.
#[derive(Debug)]
struct Open {
    ticket: Arc<Ticket>,
    connection: Arc<Connection>,
    /// The order among the requests of this desk.
    number: u64,
    /// A leader may have it, or have used it.
    sent: bool,
}

impl Open {
    fn closing(&self) -> Option<CloseCode> {
        self.connection.outbound.closing()
    }

    fn submit(&mut self) -> ToLeader {
        let again = std::mem::replace(&mut self.sent, true);
        ToLeader::Submit {
            ticket: Arc::clone(&self.ticket),
            session: self.connection.session_id,
            again,
        }
    }
}

/// A request to the leader that has no answer yet.
#[derive(Debug, Clone, Copy)]
struct Asked {
    since: Instant,
    /// When it was sent last.
    sent: Instant,
}

impl Asked {
    const fn at(now: Instant) -> Self {
        Self {
            since: now,
            sent: now,
        }
    }

    /// Whether to send it again by now.
    fn again(&mut self, now: Instant, after: Duration) -> bool {
        let due = now.duration_since(self.sent) >= after;
        if due {
            self.sent = now;
        }
        due
    }
}

impl Desk {
    pub(super) fn new(timings: Timings, answers: Arc<Answers>) -> Self {
        Self {
            timings,
            answers,
            tickets: BTreeMap::new(),
            users: HashMap::new(),
            asked: HashMap::new(),
            cancels: BTreeMap::new(),
            last_request: 0,
            out: Vec::new(),
        }
    }

    /// Nobody here searches or waits for an answer.
    pub(super) fn is_empty(&self) -> bool {
        self.tickets.is_empty() && self.cancels.is_empty()
    }

    /// Takes a ticket whose find waits in [`Answers`].
    pub(super) fn find(
        &mut self,
        ticket: Ticket,
        connection: Arc<Connection>,
        reach: Reach,
        now: Instant,
    ) {
        let id = ticket.id;
        if connection.outbound.closing().is_some() {
            return self.answers.forget(id);
        }
        let code = match reach {
            Reach::Leader | Reach::Soon => None,
            Reach::Nobody => Some(ErrorCode::Unavailable),
            Reach::Draining => Some(ErrorCode::Draining),
        };
        if let Some(code) = code {
            self.answers.refuse(id, code);
            return;
        }
        // A cancel that is not answered yet has to end the search before.
        if self
            .cancels
            .values()
            .any(|cancel| cancel.connection.id == connection.id)
        {
            self.answers.refuse(id, ErrorCode::AlreadySearching);
            return;
        }
        if let Some(before) = self
            .users
            .get(&ticket.user)
            .copied()
            .filter(|before| self.tickets.contains_key(before))
        {
            let Some(code) = self.closing(before) else {
                self.answers.refuse(id, ErrorCode::AlreadySearching);
                return;
            };
            // The same device is back: the leader gives the new ticket the place of the old one.
            let returned = self
                .remove(before)
                .is_some_and(|open| open.connection.session_id == connection.session_id);
            if !returned {
                self.out.push(ToLeader::Withdraw {
                    ticket: before,
                    park: code == CloseCode::Draining,
                });
            }
        }
        self.last_request += 1;
        let mut open = Open {
            ticket: Arc::new(ticket),
            connection,
            number: self.last_request,
            sent: false,
        };
        if reach == Reach::Leader {
            self.out.push(open.submit());
        }
        self.users.insert(open.ticket.user, id);
        self.asked.insert(id, Asked::at(now));
        self.tickets.insert(id, open);
    }

    /// A connection is gone, and its ticket with it.
    pub(super) fn gone(&mut self, user: UserId, connection: ConnectionId, park: bool) {
        self.cancels
            .retain(|_, cancel| cancel.connection.id != connection);
        let Some(ticket) = self.users.get(&user).copied() else {
            return;
        };
        // The user may be searching on another device.
        if self
            .tickets
            .get(&ticket)
            .is_some_and(|open| open.connection.id == connection)
        {
            self.remove(ticket);
            self.out.push(ToLeader::Withdraw { ticket, park });
        }
    }

    /// A block came to be: should the ticket be submitted again, it says so itself.
    pub(super) fn block(&mut self, a: UserId, b: UserId) {
        for (user, other) in [(a, b), (b, a)] {
            if let Some(open) = self
                .users
                .get(&user)
                .and_then(|ticket| self.tickets.get_mut(ticket))
            {
                Arc::make_mut(&mut open.ticket).blocked.insert(other);
            }
        }
    }

    /// Whether the ticket's connection is closing, and why.
    pub(super) fn closing(&self, ticket: TicketId) -> Option<CloseCode> {
        self.tickets.get(&ticket).and_then(Open::closing)
    }

    /// What the leader says.
    pub(super) fn receive(&mut self, message: ToDesk) {
        match message {
            ToDesk::Accepted(ticket) => {
                self.asked.remove(&ticket);
                self.answers.searching(ticket);
            }
            ToDesk::AlreadySearching(ticket) => self.displaced(ticket),
            ToDesk::Superseded(ticket) => {
                if self.closing(ticket).is_some() {
                    self.remove(ticket);
                } else {
                    self.displaced(ticket);
                }
            }
            ToDesk::Cancelled { request, ticket } => self.cancelled(request, ticket),
            ToDesk::NotSearching {
                request,
                too_late: false,
            } if self.search_before(request).is_some() => self.not_heard(request),
            ToDesk::NotSearching { request, too_late } => {
                if let Some(cancel) = self.cancels.remove(&request) {
                    let message = if too_late {
                        TOO_LATE
                    } else {
                        ErrorCode::NotSearching.title()
                    };
                    cancel.answer(&ServerFrame::error(ErrorCode::NotSearching, message));
                }
            }
            ToDesk::TicketCancelled(ticket) => {
                if let Some(open) = self.accepted(ticket) {
                    open.connection.send(&ServerFrame::MatchCancelled, None);
                }
            }
            ToDesk::Refused { ticket, why } => self.end(ticket, &why.frame()),
            ToDesk::Over(ticket) => {
                self.over(ticket);
            }
            ToDesk::Unknown(tickets) => {
                for ticket in tickets {
                    if let Some(open) = self
                        .tickets
                        .get_mut(&ticket)
                        .filter(|open| open.closing().is_none())
                    {
                        self.out.push(open.submit());
                    }
                }
            }
        }
    }

    /// A match was made of the ticket under another leader than today's, who may have the ticket
    /// too.
    pub(super) fn over_elsewhere(&mut self, ticket: TicketId) {
        if self.over(ticket) {
            self.out.push(ToLeader::Withdraw {
                ticket,
                park: false,
            });
        }
    }

    /// There is a new leader, or one that asks: everything is submitted to it.
    pub(super) fn submit_all(&mut self, now: Instant) {
        // Not those whose connection is closing: the device may be back elsewhere, and the later
        // ticket counts.
        let open = self
            .tickets
            .values_mut()
            .filter(|open| open.closing().is_none());
        let mut requests: Vec<(u64, ToLeader)> =
            open.map(|open| (open.number, open.submit())).collect();
        for (request, cancel) in &mut self.cancels {
            cancel.asked.sent = now;
            requests.push((
                *request,
                ToLeader::Cancel {
                    user: cancel.connection.user_id,
                    request: *request,
                },
            ));
        }
        for asked in self.asked.values_mut() {
            asked.sent = now;
        }
        // A cancel does not end a search that began after it.
        requests.sort_unstable_by_key(|(number, _)| *number);
        self.out = requests.into_iter().map(|(_, request)| request).collect();
    }

    /// Tells the leader all tickets, so that both find out what they have missed.
    pub(super) fn roster(&mut self) {
        let listed: Vec<TicketId> = self
            .tickets
            .iter()
            .filter(|(_, open)| open.closing().is_none())
            .map(|(id, _)| *id)
            .collect();
        // The parts cover every id there is, also those that are no longer here.
        let mut first = TicketId(1);
        let mut parts = listed.chunks(MAX_LISTED).peekable();
        loop {
            let tickets = parts.next().unwrap_or_default();
            let last = if parts.peek().is_some() {
                tickets.last().copied()
            } else {
                None
            }
            .unwrap_or(TicketId(i64::MAX));
            self.out.push(ToLeader::Roster {
                first,
                last,
                tickets: tickets.to_vec(),
            });
            if last == TicketId(i64::MAX) {
                return;
            }
            first = TicketId(last.0 + 1);
        }
    }

    /// Asks again for what was not answered, and gives up what waits for too long.
    pub(super) fn beat(&mut self, reach: Reach, now: Instant) {
        let given_up = |asked: &Asked| now.duration_since(asked.since) >= self.timings.answer;
        let tickets: Vec<TicketId> = self
            .asked
            .iter()
            .filter(|(_, asked)| given_up(asked))
            .map(|(ticket, _)| *ticket)
            .collect();
        let cancels: Vec<u64> = self
            .cancels
            .iter()
            .filter(|(_, cancel)| given_up(&cancel.asked))
            .map(|(request, _)| *request)
            .collect();
        self.give_up(&tickets, &cancels, ErrorCode::Unavailable);
        if reach != Reach::Leader {
            return;
        }
        for (ticket, asked) in &mut self.asked {
            if asked.again(now, self.timings.renew)
                && let Some(open) = self.tickets.get_mut(ticket)
            {
                self.out.push(open.submit());
            }
        }
        for (request, cancel) in &mut self.cancels {
            if cancel.asked.again(now, self.timings.renew) {
                self.out.push(ToLeader::Cancel {
                    user: cancel.connection.user_id,
                    request: *request,
                });
            }
        }
    }

    /// There will be no answers for now: everybody who waits for one hears this.
    pub(super) fn answer_all(&mut self, code: ErrorCode) {
        let tickets: Vec<TicketId> = self.asked.keys().copied().collect();
        let cancels: Vec<u64> = self.cancels.keys().copied().collect();
        self.give_up(&tickets, &cancels, code);
    }

    fn give_up(&mut self, tickets: &[TicketId], cancels: &[u64], code: ErrorCode) {
        for ticket in tickets {
            self.asked.remove(ticket);
            // One that was answered by a leader that is none any more was accepted all the same.
            if self.answers.refuse(*ticket, code) {
                self.remove(*ticket);
                self.out.push(ToLeader::Withdraw {
                    ticket: *ticket,
                    park: false,
                });
            }
        }
        for request in cancels {
            if let Some(cancel) = self.cancels.remove(request) {
                cancel.answer(&refusal(code));
            }
        }
    }

    /// Another search of the user stands in the way of this one.
    fn displaced(&mut self, ticket: TicketId) {
        let answered = self.answers.refuse(ticket, ErrorCode::AlreadySearching);
        if let Some(open) = self.remove(ticket)
            && !answered
        {
            open.connection.send(&ServerFrame::MatchCancelled, None);
        }
    }

    fn end(&mut self, ticket: TicketId, frame: &ServerFrame) {
        let answered = self.answers.answer(ticket, frame);
        if let Some(open) = self.remove(ticket)
            && !answered
        {
            open.connection.send(frame, None);
        }
    }

    /// A ticket became a match. True when it was here.
    fn over(&mut self, ticket: TicketId) -> bool {
        let unheard = self.answers.searching(ticket);
        let open = self.remove(ticket);
        // The match was told before: the device shall not take the late answer for a new search.
        if let Some(open) = open.as_ref().filter(|_| unheard) {
            open.connection.send(&ServerFrame::MatchCancelled, None);
        }
        open.is_some()
    }

    /// Takes out a ticket that the leader had accepted, whether or not that was heard.
    fn accepted(&mut self, ticket: TicketId) -> Option<Open> {
        self.answers.searching(ticket);
        self.remove(ticket)
    }

    fn remove(&mut self, ticket: TicketId) -> Option<Open> {
        self.answers.forget(ticket);
        self.asked.remove(&ticket);
        let open = self.tickets.remove(&ticket)?;
        if self.users.get(&open.ticket.user) == Some(&ticket) {
            self.users.remove(&open.ticket.user);
        }
        Some(open)
    }

    #[cfg(test)]
    pub(super) fn tickets(&self) -> impl Iterator<Item = TicketId> {
        self.tickets.keys().copied()
    }

    #[cfg(test)]
    pub(super) fn unanswered(&self) -> usize {
        self.cancels.len() + self.asked.len()
    }
}

impl Why {
    /// What the user is told.
    fn frame(self) -> ServerFrame {
        match self {
            Self::QuotaExhausted { resets_at } => quota_exhausted(resets_at),
            Self::KeysRequired => refusal(ErrorCode::KeysRequired),
            Self::TooManyMatches => refusal(ErrorCode::TooManyMatches),
            Self::Gone => ServerFrame::MatchCancelled,
            Self::Unavailable => refusal(ErrorCode::Unavailable),
            Self::Internal => refusal(ErrorCode::Internal),
        }
    }
}
