//! Who leads: taking the lease, keeping it and giving it back.

use std::time::Duration;

use tebdil_core::{realtime::RealtimeError, store::StoreError};
use tokio::time::{Instant, timeout};

use super::{MatchmakerTask, Now};
use crate::matching::{LEASE, PATIENCE};

/// The lease of the leader.
const NAME: &str = "matchmaker";

/// How long the store may take to answer a node that asks only whether it does.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// What a node learned that asked for the lease.
struct Asked {
    at: Instant,
    /// The store answers, as far as it was asked.
    well: bool,
    holds: Result<bool, RealtimeError>,
    /// The term that was begun in the store, where this node got the lease.
    begun: Option<Result<i64, StoreError>>,
}

impl MatchmakerTask {
    /// Takes or renews the lease, or looks whether this node has it.
    pub(super) fn ask(&mut self) {
        if !self.context.guard.is_right() && self.node.leader.is_some() {
            // Whoever leads says when a match ends and a day begins.
            tracing::warn!("this node gives up leading the matching: its clock is wrong");
            self.resign();
        }
        if self.asking {
            return;
        }
        self.asking = true;
        let (at, sick, leads) = (Instant::now(), self.sick, self.node.leader.is_some());
        let stands = self.stands_back.is_none_or(|until| until <= at);
        let candidate = stands && self.context.guard.is_right() && !self.node.retired;
        let (realtime, store) = (self.context.realtime.clone(), self.context.store.clone());
        let ask = async move {
            let well = !sick || matches!(timeout(PING_TIMEOUT, store.ping()).await, Ok(Ok(())));
            let candidate = candidate && well;
            let holder = realtime.lease.hold(NAME, LEASE, candidate).await;
            let holds = holder.map(|it| it.is_some_and(|it| it.node == realtime.node));
            let begun = match holds {
                // What an earlier leader still sends must make no match of what is cancelled here.
                Ok(true) if candidate && !leads => Some(store.matches().begin_term().await),
                _ => None,
            };
            Asked {
                at,
                well,
                holds,
                begun: begun.map(|begun| begun.map(|term| term.0)),
            }
        };
        self.spawn(ask, Self::asked);
    }

    fn asked(&mut self, asked: Asked, now: Now) {
        self.asking = false;
        if self.sick && asked.well {
            tracing::info!("the store answers again; this node may lead the matching");
        }
        self.sick &= !asked.well;
        // Said once: it is asked every second.
        if let Err(error) = asked.holds.as_ref()
            && !self.node.blind
        {
            tracing::warn!(%error, "who leads the matching cannot be learned; searches wait");
        }
        let led = self.node.leader.is_some();
        let begun = match asked.begun {
            Some(Ok(term)) => Some(term),
            Some(Err(error)) => {
                // Perhaps another node reaches the store.
                tracing::warn!(%error, "the matching cannot be led from here");
                self.stands_back = Some(now.instant + LEASE);
                None
            }
            None => None,
        };
        let holds = asked.holds.map_err(drop);
        if self.node.held(asked.at, holds, begun, now.instant) {
            self.release();
        }
        if let Some(leader) = self.node.leader.as_ref().filter(|_| !led) {
            tracing::info!(term = leader.term.number, "this node leads the matching");
            self.look_at_searches();
        }
    }

    /// Lets another node lead when this one ends, or when its store does not answer. Searches are
    /// still with their nodes, and what is being written counts if it is written after all.
    pub(super) fn give_up(&mut self) {
        let late = |since: Instant| since.elapsed() >= PATIENCE;
        if self.node.leader.is_none() {
            if !self.committing && !self.checking {
                self.stuck = None;
            }
        } else if self.stuck.is_some_and(late) {
            tracing::error!("the store does not answer; this node leads the matching no more");
            self.sick = true;
            self.resign();
        } else if self.node.retired && !self.committing {
            self.resign();
        }
    }

    /// Ends the leader, and leaves the lease to others for as long as it would have lasted.
    pub(super) fn resign(&mut self) {
        self.node.resign();
        self.stands_back = Some(Instant::now() + LEASE);
        self.release();
    }

    fn release(&mut self) {
        let lease = self.context.realtime.lease.clone();
        let release = async move { lease.release(NAME).await };
        self.spawn(release, |_, released, _| {
            if let Err(error) = released {
                tracing::warn!(%error, "the lease of the matching runs out by itself");
            }
        });
    }
}
