//! The matchmaker of one node without its IO: the desk, the leader while this node leads, and the
//! messages between them and other nodes.

mod lead;

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use tebdil_core::{realtime::NodeId, store::NewMatch};
use tebdil_protocol::{
    CloseCode, FrameId,
    id::{TicketId, UserId},
};
use tokio::time::Instant;

use super::{
    Timings,
    answers::Answers,
    desk::{Desk, Reach},
    engine::{Pair, Side, Ticket, Widening},
    leader::{Leader, Now, Verdict},
    message::{MAX_PARTS, MatchmakingMessage, Term, ToDesk},
};
use crate::hub::{Connection, ConnectionId};

/// Whom a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    Node(NodeId),
    /// Every node but this.
    Others,
}

#[derive(Debug)]
pub(super) struct Office {
    node: NodeId,
    timings: Timings,
    widening: Widening,
    desk: Desk,
    leading: Option<Leading>,
    /// Who leads, as far as it is known.
    term: Option<Term>,
    /// Of the latest term this node has heard of.
    fence: u64,
    /// Who holds the lease could not be learned when it was asked last.
    blind: bool,
    /// This node never leads again.
    retired: bool,
    next_roster: Instant,
    /// For other nodes, in order.
    pub(super) out: Vec<(To, MatchmakingMessage)>,
}

#[derive(Debug)]
struct Leading {
    leader: Leader,
    /// When the lease runs out.
    until: Instant,
}

impl Office {
    pub(super) fn new(
        node: NodeId,
        timings: Timings,
        widening: Widening,
        answers: Arc<Answers>,
        now: Instant,
    ) -> Self {
        Self {
            node,
            timings,
            widening,
            desk: Desk::new(timings, answers),
            leading: None,
            term: None,
            fence: 0,
            blind: false,
            retired: false,
            next_roster: now + timings.roster,
            out: Vec::new(),
        }
    }

    pub(super) fn leader(&self) -> Option<&Leader> {
        self.leading.as_ref().map(|leading| &leading.leader)
    }

    /// When the leader of this node ends unless its lease is renewed.
    pub(super) fn until(&self) -> Option<Instant> {
        self.leading.as_ref().map(|leading| leading.until)
    }

    /// Nobody knows who leads: worth asking at once.
    pub(super) const fn is_vacant(&self) -> bool {
        self.term.is_none()
    }

    /// This node leads no more.
    pub(super) const fn is_retired(&self) -> bool {
        self.retired
    }

    pub(super) fn desk_is_empty(&self) -> bool {
        self.desk.is_empty()
    }

    fn reach(&self) -> Reach {
        match (self.leading.is_some(), self.retired, self.blind, self.term) {
            (true, false, ..) => Reach::Leader,
            (_, true, _, None) => Reach::Draining,
            (_, _, true, _) => Reach::Nobody,
            (_, _, _, Some(_)) => Reach::Leader,
            (_, _, _, None) => Reach::Soon,
        }
    }

    pub(super) fn find(&mut self, ticket: Ticket, connection: Arc<Connection>, now: Now) {
        let reach = if self.retired {
            Reach::Draining
        } else {
            self.reach()
        };
        self.desk.find(ticket, connection, reach, now.instant);
        self.exchange(now);
    }

    pub(super) fn cancel(&mut self, connection: Arc<Connection>, re: Option<FrameId>, now: Now) {
        let reach = self.reach();
        self.desk.cancel(connection, re, reach, now.instant);
        self.exchange(now);
    }

    pub(super) fn gone(&mut self, user: UserId, connection: ConnectionId, park: bool, now: Now) {
        self.desk.gone(user, connection, park);
        self.exchange(now);
    }

    /// A block that was made at this node; every node is told.
    pub(super) fn blocked(&mut self, a: UserId, b: UserId) {
        self.block(a, b);
        self.out
            .push((To::Others, MatchmakingMessage::Blocked { a, b }));
    }

    fn block(&mut self, a: UserId, b: UserId) {
        self.desk.block(a, b);
        if let Some(Leading { leader, .. }) = &mut self.leading {
            leader.block(a, b);
        }
    }

    /// What another node says.
    pub(super) fn deliver(&mut self, message: MatchmakingMessage, now: Now) {
        match message {
            MatchmakingMessage::Leads(term) => self.learn(term, true, now),
            MatchmakingMessage::Vacant(term) => {
                if self.term == Some(term) && term.node != self.node {
                    self.term = None;
                }
            }
            MatchmakingMessage::ToLeader { node, fence, parts } => match &mut self.leading {
                Some(Leading { leader, .. }) if leader.term.fence == fence => {
                    for part in parts {
                        leader.receive(node, part, now);
                    }
                }
                // Somebody else leads, and this node has not noticed yet.
                Some(Leading { leader, .. }) if leader.term.fence < fence => self.step_down(),
                // The desk has not noticed that this node's lease was lost and taken again in
                // between.
                Some(Leading { leader, .. }) => self
                    .out
                    .push((To::Node(node), MatchmakingMessage::Leads(leader.term))),
                None => {}
            },
            MatchmakingMessage::ToDesk { term, parts } => {
                if term.fence > self.fence {
                    self.learn(term, false, now);
                }
                for part in parts {
                    match part {
                        part if self.term == Some(term) => self.desk.receive(part),
                        // A match stands, whoever made it. The rest counts in its own term only.
                        ToDesk::Over(ticket) => self.desk.over_elsewhere(ticket),
                        _ => {}
                    }
                }
            }
            MatchmakingMessage::Blocked { a, b } => self.block(a, b),
        }
        self.exchange(now);
    }

    /// A node is gone, and its tickets with it.
    pub(super) fn node_gone(&mut self, node: NodeId, now: Now) {
        if let Some(Leading { leader, .. }) = &mut self.leading {
            leader.node_gone(node, now.instant);
        }
        if node != self.node && self.term.is_some_and(|term| term.node == node) {
            self.term = None;
        }
        self.exchange(now);
    }

    /// Messages to this node were lost.
    pub(super) fn resync(&mut self, now: Now) {
        self.next_roster = now.instant;
        self.beat(now);
    }

    /// Once every [`Timings::renew`].
    pub(super) fn beat(&mut self, now: Now) {
        self.desk.beat(self.reach(), now.instant);
        if now.instant >= self.next_roster {
            self.next_roster = now.instant + self.timings.roster;
            // Nothing is lost on the way to a leader at this node.
            if self.term.is_some() && self.leading.is_none() {
                self.desk.roster();
            }
        }
        self.exchange(now);
    }

    /// Everything that is due by now; a leader whose lease ran out is none.
    pub(super) fn tick(&mut self, now: Now) {
        if self.until().is_some_and(|until| now.instant >= until) {
            self.step_down();
        }
        if let Some(Leading { leader, .. }) = &mut self.leading {
            leader.tick(now);
        }
        self.exchange(now);
    }

    /// The next transaction, if this node leads and pairs wait.
    pub(super) fn next_batch(&mut self, now: Now) -> Vec<(Pair, NewMatch)> {
        let desk = &self.desk;
        let closing =
            |ticket: TicketId| desk.closing(ticket).map(|code| code == CloseCode::Draining);
        let Some(Leading { leader, .. }) = &mut self.leading else {
            return Vec::new();
        };
        let batch = leader.next_batch(closing, now);
        self.exchange(now);
        batch
    }

    /// What became of the pairs of a batch. It may be one of an earlier leader of this node, which
    /// knows no more whose tickets they were.
    ///
    /// When the leader of this node turns out to lead no more, it ends: its term, to be given back.
    pub(super) fn settle(
        &mut self,
        term: Term,
        settled: Vec<(Pair, Verdict)>,
        now: Now,
    ) -> Option<Term> {
        let fenced = settled
            .iter()
            .any(|(_, verdict)| matches!(verdict, Verdict::Fenced));
        let ended = if fenced && self.leader().is_some_and(|leader| leader.term == term) {
            self.hand_over(now)
        } else {
            None
        };
        if let Some(Leading { leader, .. }) = &mut self.leading
            && leader.term == term
        {
            for (pair, verdict) in settled {
                leader.settle(pair, verdict, now);
            }
        } else {
            let over: Vec<TicketId> = settled
                .iter()
                .flat_map(|(pair, verdict)| verdict.used(pair))
                .collect();
            for ticket in &over {
                self.desk.over_elsewhere(*ticket);
            }
            let parts = in_parts(over.into_iter().map(ToDesk::Over).collect());
            self.out.extend(
                parts.map(|parts| (To::Others, MatchmakingMessage::ToDesk { term, parts })),
            );
        }
        self.exchange(now);
        ended
    }

    /// Tickets of which the store has to be asked whether they were used.
    pub(super) fn take_unverified(&mut self) -> Vec<Side> {
        self.leading
            .as_mut()
            .map(|leading| leading.leader.take_unverified())
            .unwrap_or_default()
    }

    /// What the store said of them; `None`: it could not be asked. The tickets whose users are to
    /// be told of their match.
    pub(super) fn verified(
        &mut self,
        sides: Vec<Side>,
        used: Option<&HashSet<TicketId>>,
        now: Now,
    ) -> Vec<TicketId> {
        let over = self
            .leading
            .as_mut()
            .map(|leading| leading.leader.verified(sides, used, now));
        self.exchange(now);
        over.unwrap_or_default()
    }

    /// Lets desk and leader of this node talk until nothing is left to be said, and packs what is
    /// for other nodes.
    fn exchange(&mut self, now: Now) {
        loop {
            let asked = std::mem::take(&mut self.desk.out);
            let to_leader = !asked.is_empty();
            match (&mut self.leading, self.term) {
                (Some(Leading { leader, .. }), Some(term)) if leader.term == term => {
                    for part in asked {
                        leader.receive(self.node, part, now);
                    }
                }
                (_, Some(term)) if term.node != self.node => {
                    let (node, fence) = (self.node, term.fence);
                    let parts = in_parts(asked);
                    self.out.extend(parts.map(|parts| {
                        (
                            To::Node(term.node),
                            MatchmakingMessage::ToLeader { node, fence, parts },
                        )
                    }));
                }
                // Nobody leads: everything is submitted to whoever will.
                _ => {}
            }
            let Some(Leading { leader, .. }) = &mut self.leading else {
                return;
            };
            if leader.out.is_empty() && !to_leader {
                return;
            }
            let mut elsewhere: BTreeMap<NodeId, Vec<ToDesk>> = BTreeMap::new();
            for (node, part) in leader.out.drain(..) {
                if node == self.node {
                    self.desk.receive(part);
                } else {
                    elsewhere.entry(node).or_default().push(part);
                }
            }
            let term = leader.term;
            for (node, parts) in elsewhere {
                let parts = in_parts(parts);
                self.out.extend(
                    parts.map(|parts| (To::Node(node), MatchmakingMessage::ToDesk { term, parts })),
                );
            }
        }
    }

    #[cfg(test)]
    pub(super) fn desk(&self) -> &Desk {
        &self.desk
    }
}

/// Cuts what is to be said into messages of a bounded size.
fn in_parts<T>(parts: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut rest = parts.into_iter();
    std::iter::from_fn(move || {
        let part: Vec<T> = rest.by_ref().take(MAX_PARTS).collect();
        (!part.is_empty()).then_some(part)
    })
}

/// The parts of a message that a desk answers finds with.
pub(super) fn accepted(message: &MatchmakingMessage) -> impl Iterator<Item = TicketId> {
    let parts = if let MatchmakingMessage::ToDesk { parts, .. } = message {
        &parts[..]
    } else {
        &[]
    };
    parts.iter().filter_map(|part| {
        if let ToDesk::Accepted(ticket) = part {
            Some(*ticket)
        } else {
            None
        }
    })
}
