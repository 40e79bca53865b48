//! What must hold once nothing fails any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tebdil_core::realtime::NodeId;
use tebdil_protocol::id::TicketId;

use super::sim::{Line, Sim};

impl Sim {
    /// Nothing fails any more, and all that failed is noticed.
    pub(super) fn heal(&mut self) {
        self.redis = true;
        for node in &mut self.nodes {
            node.cut = false;
        }
        self.part();
        self.deliver();
        for node in 0..self.nodes.len() {
            self.hear(node);
            self.answer(node, false);
        }
        for _ in 0..15 {
            self.second();
        }
        // What was lost on the way to a device it gets from the store.
        for ticket in std::mem::take(&mut self.missed) {
            self.found(ticket, None);
        }
    }

    /// What must hold then.
    pub(super) fn check_healed(&self) {
        let leaders = self
            .nodes
            .iter()
            .filter_map(|node| node.node.leader.as_ref());
        let leaders: Vec<_> = leaders.collect();
        assert_eq!(leaders.len(), 1, "one leads");
        let open = leaders[0].open();
        let mut here: BTreeMap<TicketId, Option<NodeId>> = BTreeMap::new();
        for node in &self.nodes {
            let own = node
                .node
                .searches()
                .map(|ticket| (ticket.id, Some(node.id)));
            here.extend(own);
        }
        for (ticket, until) in self.kept.values() {
            if *until > self.instant() {
                here.entry(ticket.id).or_default();
            }
        }
        assert_eq!(
            open, here,
            "the leader has what the nodes and the table have"
        );
        assert!(open.len() <= 1, "those who fit do not both wait: {open:?}");
        let open: BTreeSet<TicketId> = open.into_keys().collect();
        for line in &self.lines {
            for re in &line.asked {
                let answers = line.heard.iter().filter(|frame| frame["re"] == *re);
                let answers: Vec<_> = answers.collect();
                assert!(answers.len() <= 1, "{answers:?}");
                let answered = !line.is_open() || answers.len() == 1;
                assert!(answered, "{re} has no answer, but {:?}", line.heard);
            }
            if line.is_open() {
                self.check_tickets(line, &open);
            }
        }
    }

    /// Of each search a device knows the truth: it goes on, became a match, or is over.
    fn check_tickets(&self, line: &Line, open: &BTreeSet<TicketId>) {
        for ticket in &line.tickets {
            let goes_on = open.contains(ticket);
            let matched = self.is_used(*ticket);
            let over = self.cancelled.contains(ticket);
            let states = [goes_on, matched, over];
            let ends = states.iter().filter(|state| **state).count();
            assert_eq!(
                ends, 1,
                "{ticket} (goes on, matched, over): {states:?}, {:?}",
                line.heard
            );
            assert!(
                !matched || self.told.contains(ticket),
                "nobody told of the match of {ticket}"
            );
        }
    }

    /// What the leader has.
    pub(super) fn open(&self) -> BTreeMap<TicketId, Option<NodeId>> {
        let leader = self.nodes.iter().find_map(|node| node.node.leader.as_ref());
        leader.expect("one leads").open()
    }

    /// Has a second pass so many times.
    pub(super) fn seconds(&mut self, count: u32) {
        for _ in 0..count {
            self.second();
        }
    }

    pub(super) fn wait(&mut self, by: Duration) {
        self.advance(by);
        self.deliver();
    }
}
