//! Pairs on their way into the store and back.

use std::collections::VecDeque;

use tebdil_core::store::{MadeMatch, NewMatch, NewSide};
use tebdil_protocol::id::TicketId;
use tokio::time::Instant;

use super::{Held, Leader, Now, Proposal};
use crate::matching::{
    announce::Announcement,
    engine::{Outcome, Pair, Side},
    message::{ToDesk, Why},
};

/// Most matches of one transaction.
const MAX_BATCH: usize = 256;

/// What the store made of a pair.
#[derive(Debug)]
pub(in crate::matching) enum Verdict {
    Made(Box<MadeMatch>),
    /// Nothing was changed. A side without a fault of its own may be paired with somebody else.
    Refused {
        /// Of the older, then of the newer side.
        faults: [Option<Fault>; 2],
        /// One has blocked the other.
        blocked: bool,
    },
    /// The store failed, and will not for long; the pair may have been written.
    Unknown,
    /// A later leader has begun: nothing was changed, and this one leads no more.
    Fenced,
}

impl Verdict {
    /// Tickets of the pair that are a match's, made now or before.
    pub(in crate::matching) fn used(&self, pair: &Pair) -> Vec<TicketId> {
        let sides = [pair.older.ticket, pair.newer.ticket];
        match self {
            Self::Made(_) => sides.to_vec(),
            Self::Refused { faults, .. } => sides
                .into_iter()
                .zip(faults)
                .filter(|(_, fault)| matches!(fault, Some(Fault::Used(_))))
                .map(|(ticket, _)| ticket)
                .collect(),
            Self::Unknown | Self::Fenced => Vec::new(),
        }
    }
}

/// Why a ticket cannot be used.
#[derive(Debug)]
pub(in crate::matching) enum Fault {
    Because(Why),
    /// It became a match before, whose announcement may have been lost.
    Used(Box<Announcement>),
}

impl Leader {
    /// The next transaction, if pairs wait. `closing` knows tickets of this node whose connection
    /// is closing, and whether their place is kept.
    pub(in crate::matching) fn next_batch(
        &mut self,
        closing: impl Fn(TicketId) -> Option<bool>,
        now: Now,
    ) -> Vec<(Pair, NewMatch)> {
        self.drop_those_who_left(&closing, now);
        let count = self.waiting_pairs.len().min(MAX_BATCH);
        let pairs: Vec<Pair> = self
            .waiting_pairs
            .drain(..count)
            .map(|proposal| proposal.pair)
            .collect();
        let proposed: Option<Vec<_>> = pairs
            .into_iter()
            .map(|pair| self.proposal(&pair).map(|proposal| (pair, proposal)))
            .collect();
        proposed.expect("a reserved ticket is held until it is settled")
    }

    /// Gives back pairs with a side that has cancelled, or whose connection is closing: a ticket
    /// dies with its connection, and the peer shall not meet a ghost.
    fn drop_those_who_left(&mut self, closing: &impl Fn(TicketId) -> Option<bool>, now: Now) {
        let mut kept = VecDeque::new();
        while let Some(proposal) = self.waiting_pairs.pop_front() {
            let pair = &proposal.pair;
            // One that was tried before may have been committed: only the store knows.
            if !proposal.tried {
                for side in [pair.older, pair.newer] {
                    if let Some(held) = self.held.get_mut(&side.ticket) {
                        held.left = held.left.or_else(|| closing(side.ticket));
                    }
                }
            }
            if proposal.tried
                || [pair.older, pair.newer]
                    .iter()
                    .all(|side| !self.wants_out(side.ticket))
            {
                kept.push_back(proposal);
            } else {
                self.refused(pair, [None, None], false, now);
            }
        }
        self.waiting_pairs = kept;
    }

    fn wants_out(&self, ticket: TicketId) -> bool {
        self.held.get(&ticket).is_none_or(|held| {
            !held.cancels.is_empty() || held.left.is_some() || held.next.is_some()
        })
    }

    fn proposal(&self, pair: &Pair) -> Option<NewMatch> {
        let side = |side: &Side| {
            let session_id = self.held.get(&side.ticket)?.owner.session;
            Some(NewSide {
                user_id: side.user,
                ticket_id: side.ticket,
                session_id,
            })
        };
        Some(NewMatch {
            mode: pair.mode,
            offerer: side(&pair.older)?,
            answerer: side(&pair.newer)?,
            shared_interests: pair.shared_interests.clone(),
        })
    }

    /// What became of a pair of the last batch; the users hear of a match elsewhere.
    pub(in crate::matching) fn settle(&mut self, pair: Pair, verdict: Verdict, now: Now) {
        match verdict {
            Verdict::Made(_) => {
                self.engine.settle(pair.id, &Outcome::Made, now.clock);
                for side in [pair.older, pair.newer] {
                    if let Some(held) = self.forget(side.ticket) {
                        self.over(held, side.ticket, now.instant);
                    }
                }
            }
            Verdict::Refused { faults, blocked } => self.refused(&pair, faults, blocked, now),
            // A fenced leader ends before it is told.
            Verdict::Unknown | Verdict::Fenced => {
                self.waiting_pairs.push_back(Proposal { pair, tried: true });
            }
        }
    }

    fn refused(&mut self, pair: &Pair, faults: [Option<Fault>; 2], blocked: bool, now: Now) {
        let mut ended = Vec::new();
        for (side, fault) in [pair.older, pair.newer].into_iter().zip(faults) {
            if fault.is_some() || self.wants_out(side.ticket) {
                ended.push((side.ticket, self.forget(side.ticket), fault));
            }
        }
        let drop = ended.iter().map(|(ticket, ..)| *ticket).collect();
        let pairs = self.engine.settle(
            pair.id,
            &Outcome::Refused {
                drop,
                forbid: blocked,
            },
            now.clock,
        );
        self.waiting_pairs
            .extend(pairs.into_iter().map(Proposal::new));
        for (ticket, held, fault) in ended {
            if let Some(held) = held {
                self.end(ticket, held, fault.as_ref(), now);
            }
        }
    }

    /// A ticket is gone without the match that was tried.
    fn end(&mut self, ticket: TicketId, held: Held, fault: Option<&Fault>, now: Now) {
        let Held {
            owner,
            enqueued_at,
            cancels,
            left,
            next,
        } = held;
        let why = match fault {
            Some(Fault::Used(_)) => {
                return self.over(
                    Held {
                        owner,
                        enqueued_at,
                        cancels,
                        left,
                        next,
                    },
                    ticket,
                    now.instant,
                );
            }
            Some(Fault::Because(why)) => Some(*why),
            None => None,
        };
        if let Some((by, others)) = cancels.split_first() {
            self.cancelled(owner.node, ticket, *by, now.instant);
            for by in others {
                self.answer(
                    *by,
                    ToDesk::Cancelled {
                        request: by.1,
                        ticket: None,
                    },
                    now.instant,
                );
            }
        } else if let Some(why) = why {
            self.tell(
                owner.node,
                ticket,
                ToDesk::Refused { ticket, why },
                now.instant,
            );
        } else {
            if left == Some(true) {
                self.places
                    .keep(owner.user, owner.session, enqueued_at, now.instant);
            }
            // Its desk may not know, when it was a later ticket of the session that was withdrawn.
            self.tell(owner.node, ticket, ToDesk::Superseded(ticket), now.instant);
        }
        if let Some((owner, next)) = next {
            self.forget_behind(owner, next.id);
            match why {
                // It is the same wish of the same device.
                Some(why) => self.tell(
                    owner.node,
                    next.id,
                    ToDesk::Refused {
                        ticket: next.id,
                        why,
                    },
                    now.instant,
                ),
                None => self.insert(owner, &next, Some(enqueued_at), now),
            }
        }
    }

    /// A ticket became a match.
    fn over(&mut self, held: Held, ticket: TicketId, now: Instant) {
        for by in held.cancels {
            self.answer(
                by,
                ToDesk::NotSearching {
                    request: by.1,
                    too_late: true,
                },
                now,
            );
        }
        self.tell(held.owner.node, ticket, ToDesk::Over(ticket), now);
        if let Some((owner, next)) = held.next {
            self.forget_behind(owner, next.id);
            self.tell(owner.node, next.id, ToDesk::Over(next.id), now);
        }
    }
}
