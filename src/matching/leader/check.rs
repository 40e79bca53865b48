//! What always holds, for tests.

use std::collections::BTreeSet;

use tebdil_protocol::id::TicketId;

use super::Leader;

impl Leader {
    /// Every ticket there is.
    pub(in crate::matching) fn held(&self) -> BTreeSet<TicketId> {
        self.owned.iter().map(|(_, ticket)| *ticket).collect()
    }

    /// The books agree with each other, and no user is in two pairs.
    pub(in crate::matching) fn check(&self) {
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
                let next = held
                    .next
                    .as_ref()
                    .map(|(owner, next)| (owner.node, next.id));
                [Some((held.owner.node, *ticket)), next]
                    .into_iter()
                    .flatten()
            })
            .chain(
                self.unverified
                    .iter()
                    .map(|(ticket, waiting)| (waiting.owner.node, *ticket)),
            )
            .collect();
        assert_eq!(self.owned, owned);
        assert_eq!(
            self.behind.len() + self.held.len() + self.unverified.len(),
            owned.len()
        );
        let by_user: BTreeSet<_> = self
            .unverified
            .iter()
            .map(|(ticket, waiting)| (waiting.owner.user, *ticket))
            .collect();
        assert_eq!(by_user, self.unverified_of);
        let mut users = BTreeSet::new();
        for proposal in &self.waiting_pairs {
            assert!(
                users.insert(proposal.pair.older.user) && users.insert(proposal.pair.newer.user),
                "one pair for a user"
            );
        }
    }
}
