//! What one ticket of an account means for the others.
//!
//! Only the newest is queued. A cancel is a ticket that wants nobody: it is over when all older
//! ones are, and their nodes know it.

use std::{sync::Arc, time::Duration};

use tebdil_core::realtime::NodeId;
use tebdil_protocol::id::{TicketId, UserId};

use super::{Leader, Now};
use crate::matching::{
    PARK, PATIENCE,
    engine::{Cancelled, Ticket},
    message::TicketEnd,
};

/// What the leader knows of a ticket beside what the engine does.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) user: UserId,
    /// Where its connection is; `None`: it has none.
    pub(super) node: Option<NodeId>,
    /// `None`: a cancel.
    pub(super) ticket: Option<Arc<Ticket>>,
    pub(super) state: State,
    /// Why it ends once it can.
    pub(super) leaving: Option<TicketEnd>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// An earlier leader may have used it, and the store has not said yet.
    Unchecked,
    /// Waits until the older ones of its account are over.
    Behind,
    /// The engine has it.
    Queued,
    /// Its node is gone, and nothing but its place is kept.
    Parked,
    /// Over, until its node has it no more.
    Ended(TicketEnd),
}

impl Leader {
    pub(super) fn insert(
        &mut self,
        (id, user): (TicketId, UserId),
        node: Option<NodeId>,
        ticket: Option<Arc<Ticket>>,
        again: bool,
        state: State,
    ) {
        let account = self.accounts.entry(user).or_default();
        let before = |other: &TicketId| *other < id;
        let place = account.iter().rposition(before).map_or(0, |at| at + 1);
        account.insert(if again { place } else { account.len() }, id);
        let entry = Entry {
            user,
            node,
            ticket,
            state,
            leaving: None,
        };
        self.entries.insert(id, entry);
    }

    /// The connection of a ticket at this node is gone: it ends, or goes on in the background.
    pub(super) fn leave(&mut self, node: NodeId, id: TicketId, park: bool, now: Now) {
        let here = |entry: &&mut Entry| entry.node == Some(node);
        let Some(entry) = self.entries.get_mut(&id).filter(here) else {
            return;
        };
        entry.node = None;
        let (user, state) = (entry.user, entry.state);
        match entry.ticket.as_ref().map(|ticket| ticket.background) {
            // It ends what was on its way here before it, too.
            None if state == State::Ended(TicketEnd::Cancelled) => self.fade(id, PATIENCE, now),
            None => self.forget(id),
            Some(_) if state == State::Ended(TicketEnd::Matched) => self.fade(id, PATIENCE, now),
            Some(background) if let State::Ended(why) = state => {
                if background {
                    // Its node may not have heard, and so not have told the store.
                    self.over.insert(id, why);
                }
                self.forget(id);
            }
            Some(true) => self.engine.set_away(id, true),
            Some(false)
                if park && !matches!(self.engine.remove(id), Cancelled::Reserved { .. }) =>
            {
                entry.state = State::Parked;
                self.fade(id, PARK, now);
            }
            Some(false) => self.retire(id, TicketEnd::Left, now),
        }
        self.review(user, now);
    }

    /// Has the newest ticket of an account be the one that counts, and goes on with what waited for
    /// others to be over.
    pub(super) fn review(&mut self, user: UserId, now: Now) {
        let all = self.accounts.get(&user).cloned().unwrap_or_default();
        // Whether an older one is not over; or is, and its node does not know; what became of the
        // last one before.
        let (mut open, mut unheard, mut before) = (false, false, None);
        for (at, id) in all.iter().enumerate() {
            let newer = &all[at + 1..];
            let Some(entry) = self.entries.get(id) else {
                continue;
            };
            let (state, leaving) = (entry.state, entry.leaving);
            match &entry.ticket {
                _ if matches!(state, State::Ended(_)) => {}
                None if !open && !unheard && self.gathers_until.is_none() => {
                    let late = before == Some(State::Ended(TicketEnd::Matched));
                    let why = if late {
                        TicketEnd::TooLate
                    } else {
                        TicketEnd::Cancelled
                    };
                    self.end(*id, leaving.unwrap_or(why), now);
                }
                Some(_) if !newer.is_empty() => self.supersede(*id, newer, now),
                Some(_) if state == State::Behind && !open => match leaving {
                    Some(why) => self.end(*id, why, now),
                    None => self.queue(*id, now),
                },
                _ => {}
            }
            if let Some(entry) = self.entries.get(id) {
                let over = matches!(entry.state, State::Ended(_) | State::Parked);
                open |= !over;
                unheard |= over && entry.node.is_some();
                before = Some(entry.state);
            }
        }
    }

    /// Newer ones end a search. One of the same device gets its place.
    fn supersede(&mut self, id: TicketId, newer: &[TicketId], now: Now) {
        let Some(old) = self.entries.get(&id).and_then(|entry| entry.ticket.clone()) else {
            return;
        };
        let mut why = TicketEnd::Replaced;
        for other in newer {
            match self.entries.get_mut(other) {
                Some(Entry {
                    ticket: Some(ticket),
                    ..
                }) if ticket.session == old.session && ticket.enqueued_at > old.enqueued_at => {
                    Arc::make_mut(ticket).enqueued_at = old.enqueued_at;
                }
                Some(Entry {
                    ticket: None,
                    leaving,
                    ..
                }) => {
                    why = TicketEnd::Cancelled;
                    leaving.get_or_insert(TicketEnd::Cancelled);
                }
                _ => {}
            }
        }
        self.retire(id, why, now);
    }

    /// Gives a ticket to the engine.
    fn queue(&mut self, id: TicketId, now: Now) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        entry.state = State::Queued;
        let away = entry.node.is_none();
        let ticket = entry.ticket.as_deref().cloned();
        let pair = ticket.map(|ticket| self.engine.insert(Ticket { away, ..ticket }, now.clock));
        match pair {
            Some(Ok(pair)) => self.wait_for_commit(pair),
            // Nothing else of the account is queued.
            Some(Err(_)) | None => self.end(id, TicketEnd::Gone, now),
        }
    }

    /// Ends a search as soon as it is known what became of it.
    pub(super) fn retire(&mut self, id: TicketId, why: TicketEnd, now: Now) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let known = match entry.state {
            State::Ended(_) => return,
            State::Behind | State::Parked => true,
            State::Unchecked => false,
            // The store may be writing its match.
            State::Queued => !matches!(self.engine.remove(id), Cancelled::Reserved { .. }),
        };
        if known {
            self.end(id, why, now);
        } else {
            entry.leaving.get_or_insert(why);
        }
    }

    /// A ticket that the engine does not have is over.
    pub(super) fn end(&mut self, id: TicketId, why: TicketEnd, now: Now) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        entry.state = State::Ended(why);
        let (user, node) = (entry.user, entry.node);
        let background = entry.ticket.as_ref().is_some_and(|it| it.background);
        if why == TicketEnd::Matched {
            // A newer search that waited for it was for the same wish, a cancel is too late.
            for other in self.accounts.get(&user).into_iter().flatten() {
                if let Some(entry) = self.entries.get_mut(other)
                    && matches!(entry.state, State::Behind | State::Unchecked)
                {
                    entry.leaving = Some(TicketEnd::TooLate);
                }
            }
        }
        match (node, why) {
            (_, TicketEnd::Left) => self.forget(id),
            (Some(node), _) => self.tell_ended(node, id, why),
            // A cancel that comes only now is too late.
            (None, TicketEnd::Matched) => self.fade(id, PATIENCE, now),
            (None, _) => {
                if background && why != TicketEnd::Gone {
                    self.over.insert(id, why);
                }
                self.forget(id);
            }
        }
    }

    fn fade(&mut self, id: TicketId, after: Duration, now: Now) {
        self.fades.insert((now.instant + after, id));
    }

    pub(super) fn forget(&mut self, id: TicketId) {
        if let Some(entry) = self.entries.remove(&id)
            && let Some(account) = self.accounts.get_mut(&entry.user)
        {
            account.retain(|other| *other != id);
            if account.is_empty() {
                self.accounts.remove(&entry.user);
            }
        }
    }
}
