//! Who leads: the lease, and the terms in the store.

use tebdil_core::{realtime::Holder, store::MatchmakerTerm};

use super::net::Net;

impl Net {
    /// What the task of a node does every second.
    pub(super) fn beat(&mut self, node: usize) {
        let now = self.now();
        self.nodes[node].office.beat(now);
        self.post(node);
        let answer = self.redis.then(|| self.hold(node));
        let leads = self.nodes[node].office.leader().map(|leader| leader.term);
        let won = answer
            .flatten()
            .filter(|holder| holder.node == self.nodes[node].id && leads != Some((*holder).into()));
        let begun = won
            .filter(|_| !self.nodes[node].retired)
            .map(|_| self.begin_term());
        self.nodes[node]
            .office
            .held(now.instant, answer.ok_or(()), begun, now);
        self.post(node);
    }

    pub(super) fn begin_term(&mut self) -> MatchmakerTerm {
        self.begun.0 += 1;
        self.begun
    }

    fn hold(&mut self, node: usize) -> Option<Holder> {
        let now = self.now().instant;
        let (id, candidate) = (self.nodes[node].id, !self.nodes[node].retired);
        self.lease = self.lease.filter(|(_, until)| *until > now);
        match self.lease {
            Some((holder, _)) if holder != id => {}
            Some(_) if !candidate => {}
            None if !candidate => return None,
            before => {
                self.fence += u64::from(before.is_none());
                self.lease = Some((id, now + self.timings.ttl));
            }
        }
        self.lease.map(|(node, _)| Holder {
            node,
            fence: self.fence,
        })
    }

    /// The node is about to end.
    pub(super) fn retire(&mut self, node: usize) {
        let now = self.now();
        self.nodes[node].retired = true;
        self.nodes[node].office.retire();
        if let Some(term) = self.nodes[node].office.hand_over(now) {
            self.lease = None;
            self.nodes[node].office.vacated(term);
        }
        self.post(node);
    }
}
