//! Tickets that may have been used under another leader, until the store has said whether they
//! were.

use std::{collections::HashSet, sync::Arc};

use tebdil_protocol::id::{TicketId, UserId};

use super::{Leader, Now, Owner, of};
use crate::matching::{
    engine::{Side, Ticket},
    message::ToDesk,
};

/// Most tickets the store is asked about at once.
const MAX_VERIFIED: usize = 500;

#[derive(Debug)]
pub(super) struct Unverified {
    pub(super) owner: Owner,
    pub(super) ticket: Arc<Ticket>,
}

impl Leader {
    /// Some of the tickets of which the store has to be asked whether they were used.
    pub(in crate::matching) fn take_unverified(&mut self) -> Vec<Side> {
        let count = self.unasked.len().min(MAX_VERIFIED);
        let side = |id| {
            let Unverified { owner, ticket } = self.unverified.get(&id)?;
            Some(Side {
                ticket: id,
                user: owner.user,
                enqueued_at: ticket.enqueued_at,
            })
        };
        self.unasked.drain(..count).filter_map(side).collect()
    }

    /// What the store said of them; `None`: it could not be asked. The tickets whose users are to
    /// be told of their match.
    pub(in crate::matching) fn verified(
        &mut self,
        sides: Vec<Side>,
        used: Option<&HashSet<TicketId>>,
        now: Now,
    ) -> Vec<TicketId> {
        let Some(used) = used else {
            self.unasked.extend(sides.iter().map(|side| side.ticket));
            return Vec::new();
        };
        let mut over = Vec::new();
        for Side { ticket: id, .. } in sides {
            let Some(Unverified { owner, ticket }) = self.forget_unverified(id) else {
                continue;
            };
            let is_used = used.contains(&id);
            if is_used {
                over.push(id);
                self.tell(owner.node, id, ToDesk::Over(id), now.instant);
            } else {
                self.place(owner, ticket, now);
            }
            if self.is_unverified(owner.user) {
                continue;
            }
            for by in self.early.remove(&owner.user).unwrap_or_default() {
                if is_used {
                    self.answer(
                        by,
                        ToDesk::NotSearching {
                            request: by.1,
                            too_late: true,
                        },
                        now.instant,
                    );
                } else {
                    self.cancel(owner.user, by, now);
                }
            }
        }
        over
    }

    pub(super) fn is_unverified(&self, user: UserId) -> bool {
        of(&self.unverified_of, user).next().is_some()
    }

    pub(super) fn forget_unverified(&mut self, ticket: TicketId) -> Option<Unverified> {
        let waiting = self.unverified.remove(&ticket)?;
        self.unverified_of.remove(&(waiting.owner.user, ticket));
        self.owned.remove(&(waiting.owner.node, ticket));
        Some(waiting)
    }
}
