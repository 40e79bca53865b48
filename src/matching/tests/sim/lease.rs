//! Who leads: the beats of the nodes, the lease in Redis, and the terms in the store.

use tebdil_protocol::id::TicketId;

use super::{Bug, KEPT, Sim};
use crate::matching::LEASE;

impl Sim {
    /// A node's beat; its question about the lease is answered with [`Self::hear`].
    pub(in crate::matching::tests) fn beat(&mut self, node: usize) {
        let now = self.now(node);
        self.nodes[node].node.beat(now);
        let until = now.instant + KEPT;
        let here = self.nodes[node].node.searches().map(|ticket| ticket.id);
        let here: Vec<TicketId> = here.collect();
        for (ticket, over) in self.kept.values_mut() {
            if here.contains(&ticket.id) && *over > now.instant {
                *over = until;
            }
        }
        self.post(node);
        self.ask(node);
    }

    pub(in crate::matching::tests) fn ask(&mut self, node: usize) {
        let at = self.instant();
        let of = &self.nodes[node];
        if of.asked.is_some() {
            return;
        }
        let (id, candidate, leads) = (of.id, !of.node.retired, of.node.leader.is_some());
        let reached = self.redis && !of.cut;
        self.lease = self.lease.filter(|(_, until)| *until > at);
        let had = self.lease.is_some_and(|(holder, _)| holder == id);
        if reached && candidate && (had || self.lease.is_none()) {
            self.lease = Some((id, at + LEASE));
        }
        let holds = self.lease.is_some_and(|(holder, _)| holder == id);
        let holds = if reached { Ok(holds) } else { Err(()) };
        let begun = (holds == Ok(true) && candidate && !leads).then(|| {
            let last = self.nodes[node].last_term;
            if let Some(term) = last.filter(|_| had && self.bug == Some(Bug::SameTerm)) {
                return term;
            }
            self.begun += 1;
            self.begun
        });
        self.nodes[node].asked = Some((at, holds, begun));
    }

    /// What was answered about the lease arrives.
    pub(in crate::matching::tests) fn hear(&mut self, node: usize) {
        let Some((at, holds, mut begun)) = self.nodes[node].asked.take() else {
            return;
        };
        let (now, of) = (self.instant(), &mut self.nodes[node]);
        if self.bug == Some(Bug::SameTerm) && holds == Ok(true) {
            begun = begun.or(of.last_term);
        }
        let give_back = of.node.held(at, holds, begun, now);
        if let Some(leader) = &of.node.leader {
            of.last_term = Some(leader.term.number);
        }
        if give_back {
            self.release(node);
        }
        self.post(node);
    }

    pub(in crate::matching::tests) fn release(&mut self, node: usize) {
        let id = self.nodes[node].id;
        if self.redis && !self.nodes[node].cut {
            self.lease = self.lease.filter(|(holder, _)| *holder != id);
        }
    }

    /// The node is about to end: it gives its lead back.
    pub(in crate::matching::tests) fn retire(&mut self, node: usize) {
        self.nodes[node].node.retired = true;
        self.nodes[node].node.resign();
        self.release(node);
    }
}
