//! Who leads, as this node learns it, and whether it is this node.

use std::time::Duration;

use tebdil_core::{realtime::Holder, store::MatchmakerTerm};
use tebdil_protocol::ErrorCode;
use tokio::time::Instant;

use super::{Leading, Office, To};
use crate::matching::{
    desk::Reach,
    leader::{Leader, Now},
    message::{MatchmakingMessage, Term},
};

impl Office {
    /// What the lease said when it was asked at `asked`; an error is `Err`. To lead anew this node
    /// must have `begun` a term in the store since.
    pub(in crate::matching) fn held(
        &mut self,
        asked: Instant,
        answer: Result<Option<Holder>, ()>,
        begun: Option<MatchmakerTerm>,
        now: Now,
    ) {
        self.blind = answer.is_err();
        match answer {
            Ok(Some(holder)) if holder.node == self.node => {
                self.lead(holder.into(), begun, asked + self.timings.ttl, now);
            }
            Ok(Some(holder)) => self.learn(holder.into(), false, now),
            Ok(None) => {
                self.step_down();
                self.term = None;
                self.end_retired();
            }
            Err(()) => {
                if self.leading.is_none() {
                    self.desk.answer_all(ErrorCode::Unavailable);
                }
            }
        }
        self.exchange(now);
    }

    fn lead(&mut self, term: Term, begun: Option<MatchmakerTerm>, until: Instant, now: Now) {
        // Once retired it only looks, which does not renew.
        if self.retired || until <= now.instant || term.fence < self.fence {
            return;
        }
        if let Some(leading) = &mut self.leading
            && leading.leader.term == term
        {
            leading.until = leading.until.max(until);
            return;
        }
        // What an earlier leader still sends must make no match of a search that is cancelled here.
        let Some(fence) = begun else { return };
        // Somebody led before: searches of other nodes are on their way here.
        let early = if self.fence == 0 {
            Duration::ZERO
        } else {
            self.timings.renew
        };
        let leader = Leader::new(
            term,
            fence,
            self.widening.clone(),
            self.timings,
            early,
            now.instant,
        );
        self.leading = Some(Leading { leader, until });
        self.learn(term, true, now);
        self.out.push((To::Others, MatchmakingMessage::Leads(term)));
    }

    /// Hears of a term; `again` has everything submitted although it is known.
    pub(super) fn learn(&mut self, term: Term, again: bool, now: Now) {
        if term.fence < self.fence {
            return;
        }
        if self
            .leader()
            .is_some_and(|leader| leader.term.fence < term.fence)
        {
            self.step_down();
        }
        let news = self.term != Some(term);
        self.fence = term.fence;
        self.term = Some(term);
        if news || again {
            self.desk.submit_all(now.instant);
        }
    }

    /// Ends the leader of this node. Its tickets are still at their desks.
    pub(super) fn step_down(&mut self) {
        if let Some(Leading { leader, .. }) = self.leading.take()
            && self.term == Some(leader.term)
        {
            self.term = None;
        }
    }

    /// The node is about to end: it takes no new searches, and leads no more once it has [handed
    /// over](Self::hand_over).
    pub(in crate::matching) fn retire(&mut self) {
        self.retired = true;
        self.end_retired();
    }

    /// Whoever waits for an answer on a node that is going away, with nobody to give it.
    fn end_retired(&mut self) {
        if self.reach() == Reach::Draining {
            self.desk.answer_all(ErrorCode::Draining);
        }
    }

    /// Ends the leader in good order; the term to be announced as vacant when the lease is given
    /// back.
    pub(in crate::matching) fn hand_over(&mut self, now: Now) -> Option<Term> {
        let term = self.leader().map(|leader| leader.term);
        self.step_down();
        self.end_retired();
        self.exchange(now);
        term
    }

    /// The lease was given back.
    pub(in crate::matching) fn vacated(&mut self, term: Term) {
        self.out
            .push((To::Others, MatchmakingMessage::Vacant(term)));
    }
}
