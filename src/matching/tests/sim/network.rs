//! What is under way between the nodes: it may get lost, come twice, late, or out of turn.

use tebdil_core::realtime::NodeId;

use super::{Bug, Parcel, Sim, What};
use crate::{
    hub::NodeMessage,
    matching::{MatchmakingMessage, ToLeader},
};

impl Sim {
    /// Takes along what a node has to say. What it says to itself arrives.
    pub(in crate::matching::tests) fn post(&mut self, node: usize) {
        let from = self.nodes[node].id;
        loop {
            let out = std::mem::take(&mut self.nodes[node].node.out);
            if out.is_empty() {
                break;
            }
            for (to, mut message) in out {
                if self.bug == Some(Bug::NoHave)
                    && let MatchmakingMessage::ToLeader(said) = &mut message
                {
                    said.parts.retain(|part| !matches!(part, ToLeader::Have(_)));
                }
                if to == Some(from) {
                    let now = self.now(node);
                    self.nodes[node].node.deliver(message, now);
                    continue;
                }
                // As it comes out of the bus.
                let bytes = NodeMessage::matchmaking(&message).encode();
                let Ok(NodeMessage::Matchmaking { body }) = NodeMessage::decode(bytes) else {
                    panic!("another message")
                };
                let message: MatchmakingMessage = body.read().expect("readable");
                let others = self
                    .nodes
                    .iter()
                    .map(|node| node.id)
                    .filter(|id| *id != from);
                let others: Vec<NodeId> = others.collect();
                for to in to.map_or(others, |to| vec![to]) {
                    let what = What::Message(message.clone());
                    self.send(node, to, what);
                }
            }
        }
        if let Some(leader) = &self.nodes[node].node.leader {
            leader.check();
        }
        self.listen();
    }

    pub(super) fn send(&mut self, node: usize, to: NodeId, what: What) {
        let from = self.nodes[node].id;
        let reached = self.redis && !self.nodes[node].cut;
        match what {
            What::Found(ticket) if !reached => self.missed.push(ticket),
            what if reached => self.wires.push(Parcel { from, to, what }),
            What::Message(_) | What::Found(_) => {}
        }
    }

    /// Something under way arrives so many times: at zero it is lost, at two it arrives once more
    /// with [`Self::repeat`].
    pub(in crate::matching::tests) fn carry(&mut self, which: usize, times: usize) {
        let parcel = self.wires.remove(which);
        if times > 1 {
            self.repeats.push(parcel.clone());
        }
        self.hand_over(parcel, times == 0);
    }

    /// Something that arrived arrives again, if there is such a thing.
    pub(in crate::matching::tests) fn repeat(&mut self, which: usize) {
        if let Some(which) = which.checked_rem(self.repeats.len()) {
            let parcel = self.repeats.swap_remove(which);
            self.hand_over(parcel, false);
        }
    }

    fn hand_over(&mut self, parcel: Parcel, lost: bool) {
        let to = self.nodes.iter().position(|node| node.id == parcel.to);
        let from = self.nodes.iter().find(|node| node.id == parcel.from);
        // What a node had given to the network may arrive after its end.
        let cut = from.is_some_and(|from| from.cut);
        let Some(node) = to.filter(|to| !lost && !cut && !self.nodes[*to].cut) else {
            return self.lose_parcel(&parcel);
        };
        match parcel.what {
            What::Found(ticket) => self.found(ticket, Some(node)),
            What::Message(mut message) => {
                if self.bug == Some(Bug::NoNumbers) {
                    self.last_number += 1;
                    match &mut message {
                        MatchmakingMessage::ToLeader(said) => said.number = self.last_number,
                        MatchmakingMessage::ToNode(said) => said.number = self.last_number,
                        MatchmakingMessage::Blocked { .. } => {}
                    }
                }
                let now = self.now(node);
                self.nodes[node].node.deliver(message, now);
                self.post(node);
            }
        }
    }

    /// Everything under way arrives, in the order in which it was sent.
    pub(in crate::matching::tests) fn deliver(&mut self) {
        while !self.wires.is_empty() {
            self.carry(0, 1);
        }
    }

    /// Everything under way is lost.
    pub(in crate::matching::tests) fn lose(&mut self) {
        while !self.wires.is_empty() {
            self.carry(0, 0);
        }
    }
}
