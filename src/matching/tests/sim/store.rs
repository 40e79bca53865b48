//! The store, and what leaders have it do.

use std::collections::{BTreeSet, HashMap};

use tebdil_core::store::{
    MadeMatch, MadeSide, NewMatch, NewSide, PairOutcome, SideDevice, TicketRefusal,
};
use tebdil_protocol::{
    Peer, Quota,
    domain::Mode,
    id::{MatchId, TicketId},
    time::Timestamp,
};

use super::{Bug, Sim, What};
use crate::matching::{
    engine::Pair,
    message::{Term, TicketEnd},
};

/// A transaction under way.
pub(in crate::matching::tests) struct Batch {
    term: Term,
    pairs: Vec<Pair>,
    proposed: Vec<NewMatch>,
    /// Once it is written.
    outcomes: Option<Vec<PairOutcome>>,
}

impl Sim {
    pub(in crate::matching::tests) fn is_used(&self, ticket: TicketId) -> bool {
        let mut sides = self.matches.iter().flatten();
        sides.any(|side| side.ticket_id == ticket)
    }

    /// Begins a transaction.
    pub(in crate::matching::tests) fn propose(&mut self, node: usize) {
        let (now, of) = (self.now(node), &mut self.nodes[node]);
        if of.batch.is_some() || of.node.retired {
            return;
        }
        let Some(leader) = &mut of.node.leader else {
            return;
        };
        let (term, batch) = (leader.term, leader.next_batch(now));
        of.node.flush();
        let users = batch.iter();
        let users = users.flat_map(|(pair, _)| [pair.older.user, pair.newer.user]);
        let users: BTreeSet<_> = users.collect();
        assert_eq!(users.len(), 2 * batch.len(), "one pair for a user");
        if !batch.is_empty() {
            let (pairs, proposed) = batch.into_iter().unzip();
            of.batch = Some(Batch {
                term,
                pairs,
                proposed,
                outcomes: None,
            });
        }
        self.post(node);
    }

    /// The store writes the transaction; its answer is under way.
    pub(in crate::matching::tests) fn write(&mut self, node: usize) {
        let Some(mut batch) = self.nodes[node].batch.take() else {
            return;
        };
        if batch.outcomes.is_none() {
            let fenced = batch.term.number < self.begun && self.bug != Some(Bug::NoFence);
            let write = |proposed: &NewMatch| {
                if fenced {
                    PairOutcome::Fenced
                } else {
                    self.make(proposed)
                }
            };
            batch.outcomes = Some(batch.proposed.iter().map(write).collect());
        }
        self.nodes[node].batch = Some(batch);
    }

    fn make(&mut self, proposed: &NewMatch) -> PairOutcome {
        let sides = [proposed.offerer, proposed.answerer];
        let [offerer, answerer] = sides.map(|side| self.refusal(side));
        if offerer.is_some() || answerer.is_some() {
            return PairOutcome::Refused {
                offerer,
                answerer,
                blocked: false,
            };
        }
        assert_ne!(sides[0].user_id, sides[1].user_id);
        for side in sides {
            let (ticket, cancelled) = (side.ticket_id, &self.cancelled);
            assert!(!self.is_used(ticket), "{ticket} is used twice");
            assert!(
                !cancelled.contains(&ticket),
                "{ticket} is cancelled and matched"
            );
            self.kept.retain(|_, (kept, _)| kept.id != ticket);
        }
        self.matches.push(sides);
        PairOutcome::Made(Box::new(made(sides)))
    }

    fn refusal(&self, side: NewSide) -> Option<TicketRefusal> {
        if self.is_used(side.ticket_id) && self.bug != Some(Bug::NoUsedTickets) {
            return Some(TicketRefusal::Used(MatchId(side.ticket_id.0)));
        }
        let kept = self.kept.get(&side.user_id);
        let kept = kept
            .is_some_and(|(ticket, until)| ticket.id == side.ticket_id && *until > self.instant());
        let over = side.background && !kept && self.bug != Some(Bug::NoRows);
        over.then_some(TicketRefusal::Gone)
    }

    /// The store's answer arrives; without [`Self::write`], or when it gets `lost`, it is that
    /// nobody knows.
    pub(in crate::matching::tests) fn answer(&mut self, node: usize, lost: bool) {
        let Some(batch) = self.nodes[node].batch.take() else {
            return;
        };
        let now = self.now(node);
        let outcomes = batch.outcomes.filter(|_| !lost);
        let known = outcomes.into_iter().flatten().map(Some);
        let outcomes = known.chain(std::iter::repeat(None));
        let (mut told, mut fenced) = (Vec::new(), false);
        let leader = self.nodes[node].node.leader.as_mut();
        let mut leader = leader.filter(|leader| leader.term == batch.term);
        for (pair, outcome) in batch.pairs.into_iter().zip(outcomes) {
            let tickets = [pair.older.ticket, pair.newer.ticket];
            if let Some(leader) = &mut leader {
                leader.settle(pair, outcome.as_ref(), now);
            }
            match outcome {
                Some(PairOutcome::Made(_)) => told.extend(tickets),
                Some(PairOutcome::Refused {
                    offerer, answerer, ..
                }) => {
                    for (ticket, fault) in tickets.into_iter().zip([offerer, answerer]) {
                        told.extend(
                            matches!(fault, Some(TicketRefusal::Used(_))).then_some(ticket),
                        );
                    }
                }
                Some(PairOutcome::Fenced) => fenced = leader.is_some(),
                None => {}
            }
        }
        self.nodes[node].node.flush();
        if fenced {
            self.nodes[node].node.resign();
            self.release(node);
        }
        for ticket in told {
            self.tell(node, ticket);
        }
        self.post(node);
    }

    /// The store is asked about tickets that may have been used.
    pub(in crate::matching::tests) fn check_used(&mut self, node: usize) {
        let now = self.now(node);
        let Some(leader) = &mut self.nodes[node].node.leader else {
            return;
        };
        let asked = leader.take_unchecked();
        let mut used: HashMap<TicketId, SideDevice> = HashMap::new();
        for side in self.matches.iter().flatten() {
            if asked.contains(&side.ticket_id) && self.bug != Some(Bug::NoUsedTickets) {
                let id = MatchId(side.ticket_id.0);
                used.insert(side.ticket_id, (id, side.user_id, side.session_id));
            }
        }
        leader.checked(asked, Some(&used), now);
        self.nodes[node].node.flush();
        for ticket in used.into_keys() {
            self.tell(node, ticket);
        }
        self.post(node);
    }

    /// The leader reads the table of background searches.
    pub(in crate::matching::tests) fn list(&mut self, node: usize) {
        let now = self.now(node);
        let Some(leader) = &mut self.nodes[node].node.leader else {
            return;
        };
        let known = leader.background();
        let rows = self.kept.values().filter(|(_, until)| *until > now.instant);
        let rows: Vec<_> = rows.map(|(ticket, _)| ticket.clone()).collect();
        let kept = rows.iter().map(|ticket| ticket.id).collect();
        let new = rows
            .into_iter()
            .filter(|ticket| !known.contains(&ticket.id))
            .collect();
        leader.listed(&known, &kept, new, now);
        self.nodes[node].node.flush();
        self.post(node);
    }

    /// The store forgets background searches that a node says are over.
    pub(in crate::matching::tests) fn end_searches(&mut self, node: usize) {
        let over = std::mem::take(&mut self.nodes[node].node.over);
        self.kept
            .retain(|_, (ticket, _)| !over.contains_key(&ticket.id));
        for (id, why) in over {
            let matched = self.is_used(id) && self.bug != Some(Bug::NoUsedTickets);
            let why = if matched { TicketEnd::Matched } else { why };
            self.nodes[node].node.close(id, why);
            if matched {
                self.tell(node, id);
            }
        }
        self.nodes[node].node.flush();
        self.post(node);
    }

    /// `match.found` for the device of this ticket, wherever it is.
    fn tell(&mut self, node: usize, ticket: TicketId) {
        self.told.insert(ticket);
        let line = self.line_of(self.device_of(ticket));
        match line.map(|line| self.lines[line].node) {
            Some(to) if to == node => self.found(ticket, Some(to)),
            Some(to) => self.send(node, self.nodes[to].id, What::Found(ticket)),
            None => self.missed.push(ticket),
        }
    }
}

fn made([offerer, answerer]: [NewSide; 2]) -> MadeMatch {
    let now = Timestamp::from_millis(1_800_000_000_000);
    let side = |side: NewSide| MadeSide {
        user_id: side.user_id,
        session_id: side.session_id,
        ticket_id: side.ticket_id,
        background: side.background,
        peer: Peer::new("biri".to_owned(), "0001".to_owned()),
        quota: Quota {
            text: 1,
            video: 1,
            bonus: 0,
            daily_text: 1,
            daily_video: 1,
            resets_at: now,
        },
        keys_remaining: 1,
    };
    MadeMatch {
        id: MatchId(1),
        mode: Mode::Text,
        created_at: now,
        expires_at: now,
        shared_interests: Vec::new(),
        offerer: side(offerer),
        answerer: side(answerer),
        key_package: Vec::new(),
    }
}
