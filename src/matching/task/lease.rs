//! Who leads: taking the lease, keeping it and giving it back.

use std::time::Duration;

use tebdil_core::{
    realtime::{Holder, RealtimeError},
    store::MatchmakerTerm,
};
use tokio::time::Instant;

use super::{Done, MatchmakerTask, Stuck};
use crate::matching::{leader::Now, message::Term};

/// The lease of the leader.
const LEASE: &str = "matchmaker";

/// How long the store may take to answer a node that asks only whether it does.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

impl MatchmakerTask {
    /// Takes, renews or looks at the lease.
    pub(super) fn ask(&mut self) {
        if self.asking {
            return;
        }
        self.asking = true;
        let at = Instant::now();
        let stands =
            self.stands_back.is_none_or(|until| until <= at) && self.writer.guard.is_right();
        let candidate = stands && !self.sick && !self.office.is_retired();
        let (lease, ttl, node) = (
            self.realtime.lease.clone(),
            self.writer.config.timings.ttl,
            self.realtime.node,
        );
        let (store, leads) = (
            self.writer.store.clone(),
            self.office.leader().map(|leader| leader.term),
        );
        self.work.spawn(async move {
            let answer = lease.hold(LEASE, ttl, candidate).await;
            let won = answer
                .as_ref()
                .ok()
                .copied()
                .flatten()
                .filter(|holder| holder.node == node && leads != Some((*holder).into()));
            let begun = match won.filter(|_| candidate) {
                Some(_) => Some(store.matches().begin_term().await.map_err(
                    |error| tracing::warn!(%error, "the matching cannot be led from here"),
                )),
                None => None,
            };
            Done::Asked { at, answer, begun }
        });
    }

    /// What was learned of the lease.
    pub(super) fn asked(
        &mut self,
        at: Instant,
        answer: Result<Option<Holder>, RealtimeError>,
        begun: Option<Result<MatchmakerTerm, ()>>,
        now: Now,
    ) {
        self.asking = false;
        if let Err(error) = answer.as_ref()
            && !self.unanswered
        {
            tracing::warn!(%error, "who leads the matching cannot be learned; searches wait");
        }
        self.unanswered = answer.is_err();
        let led = self.office.leader().map(|leader| leader.term);
        let holds = answer
            .as_ref()
            .ok()
            .copied()
            .flatten()
            .filter(|holder| holder.node == self.realtime.node);
        let held = if self.sick && holds.is_some() {
            Ok(None)
        } else {
            answer.map_err(drop)
        };
        self.office.held(at, held, begun.and_then(Result::ok), now);
        if let Some(leader) = self.office.leader()
            && led != Some(leader.term)
        {
            tracing::info!(fence = leader.term.fence, "this node leads the matching");
        }
        // Perhaps another node reaches the store.
        if let Some(holder) = holds
            && begun == Some(Err(()))
        {
            self.stand_back(holder.into());
        }
        // It asked for the lease before it was told to end, or gave up.
        if let Some(holder) = holds
            && (self.sick || self.office.is_retired())
            && self.office.leader().is_none()
        {
            self.release(holder.into());
        }
    }

    /// Lets another node lead, whose store may answer. Searches are still at their desks, and what
    /// is being written counts if it is written after all.
    pub(super) fn give_up(&mut self) {
        tracing::error!("the store does not answer; this node leads the matching no more");
        self.sick = true;
        if let Some(term) = self.office.hand_over(self.now()) {
            self.release(term);
        }
    }

    /// Looks whether the store answers again, once what it was asked before has ended.
    pub(super) fn recover(&mut self) {
        if self.office.leader().is_none() && !self.committing && !self.verifying {
            self.stuck = Stuck::default();
        }
        if !self.sick || self.pinging || self.stuck.since().is_some() {
            return;
        }
        self.pinging = true;
        let store = self.writer.store.clone();
        self.work.spawn(async move {
            Done::Pinged(matches!(
                tokio::time::timeout(PING_TIMEOUT, store.ping()).await,
                Ok(Ok(()))
            ))
        });
    }

    pub(super) fn pinged(&mut self, answers: bool) {
        self.pinging = false;
        if answers && self.sick {
            tracing::info!("the store answers again; this node may lead the matching");
            self.sick = false;
            self.ask();
        }
    }

    /// Whoever leads says when a match ends and a day begins.
    pub(super) fn abdicate_with_a_wrong_clock(&mut self) {
        if !self.writer.guard.is_right()
            && let Some(term) = self.office.hand_over(self.now())
        {
            tracing::warn!("this node gives up leading the matching: its clock is wrong");
            self.stand_back(term);
        }
    }

    /// Gives the lease back, and leaves it to others for as long as it would have lasted.
    pub(super) fn stand_back(&mut self, term: Term) {
        self.stands_back = Some(Instant::now() + self.writer.config.timings.ttl);
        self.release(term);
    }

    /// Gives the lease back once nothing is being written.
    pub(super) fn hand_over(&mut self) {
        if self.committing {
            return;
        }
        if let Some(term) = self.office.hand_over(self.now()) {
            self.release(term);
        }
    }

    fn release(&mut self, term: Term) {
        let lease = self.realtime.lease.clone();
        self.work.spawn(async move {
            if let Err(error) = lease.release(LEASE).await {
                tracing::warn!(%error, "the lease of the matching could not be given back; it runs out");
            }
            Done::Released { term }
        });
    }
}
