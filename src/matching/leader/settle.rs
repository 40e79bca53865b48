//! Pairs on their way into the store and back.

use tebdil_core::store::{NewMatch, NewSide, PairOutcome, TicketRefusal};
use tebdil_protocol::{ErrorCode, id::TicketId};

use super::{Leader, Now};
use crate::matching::{
    engine::{Outcome, Pair, PairSide},
    message::TicketEnd,
};

/// Most matches of one transaction.
const MAX_BATCH: usize = 256;

impl From<TicketRefusal> for TicketEnd {
    fn from(refusal: TicketRefusal) -> Self {
        let because = |code| Self::Refused {
            code,
            resets_at: None,
        };
        match refusal {
            TicketRefusal::QuotaExhausted { resets_at } => Self::Refused {
                code: ErrorCode::QuotaExhausted,
                resets_at: Some(resets_at),
            },
            TicketRefusal::KeysRequired => because(ErrorCode::KeysRequired),
            TicketRefusal::TooManyMatches => because(ErrorCode::TooManyMatches),
            TicketRefusal::Unwritable => because(ErrorCode::Internal),
            TicketRefusal::Used(_) => Self::Matched,
            TicketRefusal::Gone => Self::Gone,
        }
    }
}

impl Leader {
    /// The next transaction; empty when no pair waits.
    pub(in crate::matching) fn next_batch(&mut self, now: Now) -> Vec<(Pair, NewMatch)> {
        for _ in 0..self.pairs.len() {
            let Some((pair, tried)) = self.pairs.pop_front() else {
                break;
            };
            let leaves = |ticket: TicketId| {
                let entry = self.entries.get(&ticket);
                entry.is_none_or(|entry| entry.leaving.is_some())
            };
            // One that was tried may have been written: only the store knows.
            if !tried && (leaves(pair.older.ticket) || leaves(pair.newer.ticket)) {
                self.refuse(&pair, [None, None], false, now);
            } else {
                self.pairs.push_back((pair, tried));
            }
        }
        let side = |side: PairSide| NewSide {
            user_id: side.user,
            ticket_id: side.ticket,
            session_id: side.session,
            background: side.background,
        };
        let proposed = |(pair, _): (Pair, bool)| {
            let proposed = NewMatch {
                mode: pair.mode,
                offerer: side(pair.older),
                answerer: side(pair.newer),
                shared_interests: pair.shared_interests.clone(),
            };
            (pair, proposed)
        };
        let count = self.pairs.len().min(MAX_BATCH);
        self.pairs.drain(..count).map(proposed).collect()
    }

    /// What the store made of a pair of the last transaction, as [`Matches::make_matches`] says.
    ///
    /// [`Matches::make_matches`]: tebdil_core::store::Matches::make_matches
    pub(in crate::matching) fn settle(
        &mut self,
        pair: Pair,
        outcome: Option<&PairOutcome>,
        now: Now,
    ) {
        match outcome {
            Some(PairOutcome::Made(_)) => {
                self.engine.settle(pair.id, &Outcome::Made, now.clock);
                for side in [pair.older, pair.newer] {
                    self.end(side.ticket, TicketEnd::Matched, now);
                    self.review(side.user, now);
                }
            }
            Some(PairOutcome::Refused {
                offerer,
                answerer,
                blocked,
            }) => {
                let faults = [*offerer, *answerer].map(|fault| fault.map(TicketEnd::from));
                self.refuse(&pair, faults, *blocked, now);
            }
            Some(PairOutcome::Fenced) | None => self.pairs.push_back((pair, true)),
        }
    }

    /// There is no match of a pair: who is not at fault, and wants to stay, goes on.
    fn refuse(&mut self, pair: &Pair, faults: [Option<TicketEnd>; 2], blocked: bool, now: Now) {
        let mut over = Vec::new();
        for (side, fault) in [pair.older, pair.newer].into_iter().zip(faults) {
            let leaving = self.entries.get(&side.ticket).and_then(|it| it.leaving);
            let matched = fault.filter(|why| *why == TicketEnd::Matched);
            if let Some(why) = matched.or(leaving).or(fault) {
                over.push((side.ticket, why));
            }
        }
        let outcome = Outcome::Refused {
            drop: over.iter().map(|(ticket, _)| *ticket).collect(),
            forbid: blocked,
        };
        let pairs = self.engine.settle(pair.id, &outcome, now.clock);
        self.wait_for_commit(pairs);
        for (ticket, why) in over {
            self.end(ticket, why, now);
        }
        for side in [pair.older, pair.newer] {
            self.review(side.user, now);
        }
    }
}
