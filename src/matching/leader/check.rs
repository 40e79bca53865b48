//! What always holds, for tests.

use std::collections::{BTreeMap, BTreeSet};

use tebdil_core::realtime::NodeId;
use tebdil_protocol::id::{TicketId, UserId};

use super::{Leader, account::State};

impl Leader {
    /// Every search that is not over, with the node that has its connection.
    pub(in crate::matching) fn open(&self) -> BTreeMap<TicketId, Option<NodeId>> {
        let over = |state| matches!(state, State::Ended(_) | State::Parked);
        self.entries
            .iter()
            .filter(|(_, entry)| entry.ticket.is_some() && !over(entry.state))
            .map(|(id, entry)| (*id, entry.node))
            .collect()
    }

    /// The accounts list the entries, and each has one ticket in the engine and in one pair.
    pub(in crate::matching) fn check(&self) {
        let entries = self.entries.iter().map(|(id, entry)| (entry.user, *id));
        let accounts = self.accounts.iter();
        let listed = accounts.flat_map(|(user, ids)| ids.iter().map(|id| (*user, *id)));
        assert_eq!(entries.collect::<BTreeSet<_>>(), listed.collect());
        for (id, entry) in &self.entries {
            if entry.state == State::Queued {
                assert_eq!(self.engine.ticket_of(entry.user), Some(*id));
            }
        }
        let mut paired: BTreeSet<UserId> = BTreeSet::new();
        for (pair, _) in &self.pairs {
            assert!(
                paired.insert(pair.older.user) && paired.insert(pair.newer.user),
                "one pair for a user"
            );
        }
    }
}
