//! Searches that their users end.

use tebdil_core::realtime::NodeId;
use tebdil_protocol::id::{TicketId, UserId};
use tokio::time::Instant;

use super::{Leader, Now, Request, memory::About};
use crate::matching::{engine::Cancelled, message::ToDesk};

/// Cancels that may wait for one pair to be settled.
const MAX_CANCELS: usize = 8;

impl Leader {
    pub(super) fn cancel(&mut self, user: UserId, by: Request, now: Now) {
        let (node, request) = by;
        if let Some(told) = self.memory.recall(About::Request(by)) {
            self.out.push((node, told));
            return;
        }
        if self.is_unverified(user) {
            return self.wait(user, by);
        }
        match self.engine.cancel(user) {
            Cancelled::Removed(ticket) => {
                if let Some(held) = self.forget(ticket) {
                    self.cancelled(held.owner.node, ticket, by, now.instant);
                }
            }
            Cancelled::Reserved { ticket, .. } => {
                let Some(held) = self.held.get_mut(&ticket) else {
                    return;
                };
                if held.cancels.contains(&by) {
                    return;
                }
                if held.cancels.len() == MAX_CANCELS {
                    return self.answer(
                        by,
                        ToDesk::NotSearching {
                            request,
                            too_late: false,
                        },
                        now.instant,
                    );
                }
                held.cancels.push(by);
                if let Some((owner, ticket)) = held.next.take() {
                    self.forget_behind(owner, ticket.id);
                    self.tell(
                        owner.node,
                        ticket.id,
                        ToDesk::TicketCancelled(ticket.id),
                        now.instant,
                    );
                }
            }
            Cancelled::Unknown => {
                self.places.leave(user);
                if now.instant < self.early_until {
                    self.wait(user, by);
                } else {
                    self.answer(
                        by,
                        ToDesk::NotSearching {
                            request,
                            too_late: false,
                        },
                        now.instant,
                    );
                }
            }
        }
    }

    /// Leaves a cancel until it is known what there is to end.
    fn wait(&mut self, user: UserId, by: Request) {
        let waiting = self.early.entry(user).or_default();
        if !waiting.contains(&by) {
            waiting.push(by);
        }
    }

    /// A cancel has ended a ticket.
    pub(super) fn cancelled(&mut self, owner: NodeId, ticket: TicketId, by: Request, now: Instant) {
        let here = owner == by.0;
        self.answer(
            by,
            ToDesk::Cancelled {
                request: by.1,
                ticket: here.then_some(ticket),
            },
            now,
        );
        if here {
            self.remember(
                owner,
                About::Ticket(ticket),
                &ToDesk::TicketCancelled(ticket),
                now,
            );
        } else {
            self.tell(owner, ticket, ToDesk::TicketCancelled(ticket), now);
        }
    }
}
