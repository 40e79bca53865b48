//! What must hold once nothing fails any more.

use std::{collections::BTreeSet, time::Duration};

use tebdil_protocol::id::TicketId;

use super::{line::Line, net::Net};

impl Net {
    /// All that happens in a second in which nothing fails.
    pub(super) fn second(&mut self) {
        self.advance(Duration::from_secs(1));
        for node in 0..self.nodes.len() {
            self.beat(node);
        }
        self.deliver();
        self.commit();
    }

    /// Nothing fails any more, and all that failed is noticed.
    pub(super) fn heal(&mut self) {
        self.redis = true;
        // What was lost on the way to a connection it gets from the store.
        for (device, node) in std::mem::take(&mut self.missed) {
            self.found(device, node);
        }
        while !self.leaving.is_empty() || !self.deaths.is_empty() {
            self.part();
            self.bury();
        }
        self.deliver();
        for _ in 0..20 {
            self.second();
        }
    }

    /// What must hold once everything healed.
    pub(super) fn check_healed(&self) {
        let mut used = BTreeSet::new();
        for side in self.matches.iter().flatten() {
            assert!(used.insert(side.ticket_id), "a ticket is used once");
        }
        let leaders: Vec<_> = self
            .nodes
            .iter()
            .filter_map(|node| node.office.leader())
            .collect();
        assert_eq!(leaders.len(), 1, "one leads");
        leaders[0].check();
        let held = leaders[0].held();
        let at_desks: BTreeSet<_> = self
            .nodes
            .iter()
            .flat_map(|node| node.office.desk().tickets())
            .collect();
        assert_eq!(held, at_desks, "the leader has what the desks have");
        assert!(held.len() <= 1, "those who fit do not both wait: {held:?}");
        for node in &self.nodes {
            assert_eq!(
                (node.answers.len(), node.office.desk().unanswered()),
                (0, 0),
                "somebody waits for an answer"
            );
        }
        for line in &self.conns {
            for re in &line.asked {
                let answers: Vec<_> = line
                    .heard
                    .iter()
                    .filter(|frame| frame["re"] == *re)
                    .collect();
                assert!(answers.len() <= 1, "{answers:?}");
                assert!(
                    !line.is_open() || answers.len() == 1,
                    "{re} has no answer, but {:?}",
                    line.heard
                );
            }
            if line.is_open() {
                self.check_belief(line, &at_desks);
            }
        }
    }

    /// A device that was told that it searches does, or was told why not.
    fn check_belief(&self, line: &Line, at_desks: &BTreeSet<TicketId>) {
        let (mut searching, mut found, mut late) = (None, false, false);
        for frame in &line.heard {
            match frame["type"].as_str() {
                Some("match.searching") => {
                    searching = Some(
                        frame["ticket_id"]
                            .as_str()
                            .expect("an id")
                            .parse()
                            .expect("an id"),
                    );
                    late = std::mem::take(&mut found);
                }
                Some("match.cancelled") => {
                    let Some(ended): Option<TicketId> = searching.take() else {
                        continue;
                    };
                    // Nothing else follows an answer that comes only after its match was told. And
                    // the account's other device may have searched as well, unheard.
                    let others = self
                        .conns
                        .iter()
                        .filter(|other| other.device.0 == line.device.0)
                        .flat_map(|other| &other.tickets);
                    let may_be = late
                        || others
                            .into_iter()
                            .any(|other| *other != ended && !self.is_used(*other));
                    assert!(
                        may_be || !self.is_used(ended),
                        "{ended} was cancelled and matched: {:?}",
                        line.heard
                    );
                }
                // Of this search, or of one before.
                Some("match.found") => found = true,
                _ => {}
            }
        }
        for ticket in &line.tickets {
            let is_used = self.is_used(*ticket);
            // Told to repeat its request, a device learns of the match as of all that it missed:
            // from the store.
            let given_up = line
                .heard
                .iter()
                .any(|frame| frame["code"] == "unavailable");
            assert!(
                !is_used || given_up || self.told.contains_key(ticket),
                "nobody told of the match of {ticket}"
            );
            let believes = searching == Some(*ticket) && !self.told.contains_key(ticket);
            assert!(
                !believes || found || at_desks.contains(ticket),
                "{ticket} is lost: {:?}",
                line.heard
            );
            assert!(
                believes || !at_desks.contains(ticket),
                "{ticket} is searched for in secret: {:?}",
                line.heard
            );
        }
    }

    fn is_used(&self, ticket: TicketId) -> bool {
        self.matches
            .iter()
            .flatten()
            .any(|side| side.ticket_id == ticket)
    }
}
