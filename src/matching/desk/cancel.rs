//! Searches that their users end, as the desk sees them.

use std::sync::Arc;

use tebdil_protocol::{ErrorCode, FrameId, ServerFrame, id::TicketId};
use tokio::time::Instant;

use super::{Asked, Desk, Reach};
use crate::{
    hub::Connection,
    matching::{answers::refusal, message::ToLeader},
};

/// A `match.cancel` that waits for its answer.
#[derive(Debug)]
pub(super) struct Cancel {
    pub(super) connection: Arc<Connection>,
    re: Option<FrameId>,
    pub(super) asked: Asked,
}

impl Cancel {
    pub(super) fn answer(&self, frame: &ServerFrame) {
        self.connection.send(frame, self.re.as_ref());
    }
}

impl Desk {
    pub(in crate::matching) fn cancel(
        &mut self,
        connection: Arc<Connection>,
        re: Option<FrameId>,
        reach: Reach,
        now: Instant,
    ) {
        let code = match reach {
            Reach::Leader | Reach::Soon => {
                self.last_request += 1;
                self.out.push(ToLeader::Cancel {
                    user: connection.user_id,
                    request: self.last_request,
                });
                self.cancels.insert(
                    self.last_request,
                    Cancel {
                        connection,
                        re,
                        asked: Asked::at(now),
                    },
                );
                return;
            }
            Reach::Nobody => ErrorCode::Unavailable,
            Reach::Draining => ErrorCode::Draining,
        };
        connection.send(&refusal(code), re.as_ref());
    }

    /// A cancel was granted, and ended this ticket if it was one of this desk. A search that the
    /// leader had not heard of ends with it.
    pub(super) fn cancelled(&mut self, request: u64, ticket: Option<TicketId>) {
        let unheard = self
            .search_before(request)
            .filter(|unheard| Some(*unheard) != ticket);
        let ended = [ticket, unheard]
            .into_iter()
            .flatten()
            .filter_map(|ticket| self.accepted(ticket))
            .collect::<Vec<_>>();
        self.out.extend(unheard.map(|ticket| ToLeader::Withdraw {
            ticket,
            park: false,
        }));
        let by = self.cancels.remove(&request);
        if let Some(by) = &by {
            by.answer(&ServerFrame::MatchCancelled);
        }
        for open in ended {
            if by
                .as_ref()
                .is_none_or(|by| by.connection.id != open.connection.id)
            {
                open.connection.send(&ServerFrame::MatchCancelled, None);
            }
        }
    }

    /// A cancel found nothing to end, but the leader has not heard of a search that began before.
    /// One that an earlier leader may have used is submitted first: only then is it known which
    /// came first, the cancel or the match.
    pub(super) fn not_heard(&mut self, request: u64) {
        let ticket = self
            .search_before(request)
            .and_then(|ticket| self.tickets.get_mut(&ticket))
            .filter(|open| open.sent);
        let Some(open) = ticket else {
            return self.cancelled(request, None);
        };
        self.out.push(open.submit());
        // By its old name the leader would answer as before.
        if let Some(cancel) = self.cancels.remove(&request) {
            self.last_request += 1;
            self.out.push(ToLeader::Cancel {
                user: cancel.connection.user_id,
                request: self.last_request,
            });
            self.cancels.insert(self.last_request, cancel);
        }
    }

    /// The search of the user at this desk, if it began before this cancel.
    pub(super) fn search_before(&self, request: u64) -> Option<TicketId> {
        let user = self.cancels.get(&request)?.connection.user_id;
        self.users.get(&user).copied().filter(|ticket| {
            self.tickets
                .get(ticket)
                .is_some_and(|open| open.number < request)
        })
    }
}
