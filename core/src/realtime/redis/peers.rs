//! The other nodes, as this one sees them.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use crate::realtime::NodeId;

/// A node whose state does not change for so long is dead.
pub(super) const DEAD_AFTER: Duration = Duration::from_secs(5);

/// The state of a node that was found dead and whose devices are being taken out.
pub(super) const DEAD: &str = "dead";

/// Silence counted between two looks: what happened in a longer pause, in which this node or Redis
/// was away, nobody saw.
const MAX_STEP: Duration = Duration::from_millis(1500);

/// How long a node that is gone is remembered, so that nobody hears of it twice.
const REMEMBERED: Duration = Duration::from_mins(10);

/// The other nodes.
///
/// Each node judges by its own clock how long the state of another, which every beat changes, has
/// stayed the same. So neither a jump of Redis' clock nor an empty Redis kills anybody: a node that
/// is missing is silent like one that does not beat, and has as long to come back.
#[derive(Debug)]
pub(super) struct Peers {
    living: HashMap<NodeId, Peer>,
    /// Nodes whose devices this node helps to take out, by the last state.
    reaping: HashMap<NodeId, Reaping>,
    /// Nodes that were told to be gone, with the state that they must have changed to live again;
    /// `None` for ever.
    gone: HashMap<NodeId, (Instant, Option<String>)>,
    last_look: Instant,
}

#[derive(Debug)]
struct Peer {
    state: String,
    silent: Duration,
}

/// A dead node.
#[derive(Debug, Clone)]
pub(super) struct Reaping {
    /// What it was last seen with; empty when it was missing.
    pub state: String,
    /// Tell that it is gone once no device is left.
    tell: bool,
}

impl Peers {
    pub fn new() -> Self {
        Self {
            living: HashMap::new(),
            reaping: HashMap::new(),
            gone: HashMap::new(),
            last_look: Instant::now(),
        }
    }

    /// Takes the states of all other nodes at `now`. Nodes to be reaped are in [`Self::dead`] then.
    pub fn look(&mut self, now: Instant, states: HashMap<NodeId, String>) {
        let step = now.duration_since(self.last_look).min(MAX_STEP);
        self.last_look = now;
        for (node, peer) in &mut self.living {
            match states.get(node) {
                Some(state) if *state != peer.state => {
                    *peer = Peer {
                        state: state.clone(),
                        silent: Duration::ZERO,
                    }
                }
                _ => peer.silent += step,
            }
        }
        let silent = self
            .living
            .extract_if(|_, peer| peer.state == DEAD || peer.silent >= DEAD_AFTER);
        for (node, peer) in silent {
            let state = states.get(&node).map_or_else(String::new, |_| peer.state);
            self.reaping.insert(node, Reaping { state, tell: true });
        }
        for (node, state) in states {
            if self.living.contains_key(&node) || self.reaping.contains_key(&node) {
                continue;
            }
            let was = self.gone.get(&node);
            if state == DEAD {
                // Whoever found it dead may have died in turn.
                self.reaping.insert(
                    node,
                    Reaping {
                        state,
                        tell: was.is_none(),
                    },
                );
            } else if was.is_none_or(|(_, last)| last.as_ref().is_some_and(|last| *last != state)) {
                self.gone.remove(&node);
                self.living.insert(
                    node,
                    Peer {
                        state,
                        silent: Duration::ZERO,
                    },
                );
            }
        }
        self.gone
            .retain(|_, (at, _)| now.duration_since(*at) < REMEMBERED);
    }

    /// Nodes whose devices are to be taken out.
    pub fn dead(&self) -> Vec<(NodeId, Reaping)> {
        self.reaping
            .iter()
            .map(|(node, reaping)| (*node, reaping.clone()))
            .collect()
    }

    /// No device of the node is left. Whether that it is gone is news.
    pub fn reaped(&mut self, now: Instant, node: NodeId) -> bool {
        let Some(reaping) = self.reaping.remove(&node) else {
            return false;
        };
        self.gone.entry(node).or_insert((now, Some(reaping.state)));
        reaping.tell
    }

    /// The node was not dead after all; the next look finds it.
    pub fn lives(&mut self, node: NodeId) {
        self.reaping.remove(&node);
    }

    /// The node ended, by its own word. Whether that is news.
    pub fn said_goodbye(&mut self, node: NodeId) -> bool {
        let reaped = self
            .reaping
            .get_mut(&node)
            .is_none_or(|reaping| std::mem::take(&mut reaping.tell));
        self.living.remove(&node);
        self.gone.insert(node, (Instant::now(), None)).is_none() && reaped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    struct World {
        peers: Peers,
        now: Instant,
    }

    impl World {
        fn new() -> Self {
            let peers = Peers::new();
            Self {
                now: peers.last_look,
                peers,
            }
        }

        /// Looks after `pause`; the nodes that are dead now.
        fn look(&mut self, pause: Duration, states: &[(u8, &str)]) -> Vec<NodeId> {
            self.now += pause;
            self.peers.look(
                self.now,
                states
                    .iter()
                    .map(|(number, state)| (node(*number), (*state).to_owned()))
                    .collect(),
            );
            self.peers
                .dead()
                .into_iter()
                .map(|(node, _)| node)
                .collect()
        }
    }

    fn node(number: u8) -> NodeId {
        format!("{number:016x}").parse().expect("a node")
    }

    #[tokio::test]
    async fn a_node_that_is_still_for_five_seconds_is_dead_and_told_once() {
        let mut world = World::new();
        assert!(world.look(SECOND, &[(1, "1:1"), (2, "1:1")]).is_empty());
        for beat in 0..4 {
            assert!(
                world
                    .look(SECOND, &[(1, "1:1"), (2, &format!("1:{beat}0"))])
                    .is_empty(),
                "{beat}"
            );
        }
        assert_eq!(world.look(SECOND, &[(1, "1:1"), (2, "1:50")]), [node(1)]);
        assert!(world.peers.reaped(world.now, node(1)));
        assert!(!world.peers.reaped(world.now, node(1)));
        // Another one had not seen yet that it was gone.
        assert!(world.look(SECOND, &[(1, "1:1"), (2, "1:60")]).is_empty());
        assert_eq!(world.look(SECOND, &[(1, DEAD), (2, "1:70")]), [node(1)]);
        assert!(!world.peers.reaped(world.now, node(1)), "told already");
        // It was only suspended.
        assert!(world.look(SECOND, &[(1, "1:99"), (2, "1:80")]).is_empty());
        for _ in 0..5 {
            world.look(SECOND, &[(1, "1:99")]);
        }
        assert!(world.peers.reaped(world.now, node(1)), "dead once more");
    }

    #[tokio::test]
    async fn nobody_dies_of_an_empty_redis_or_of_a_pause_of_this_node() {
        let mut world = World::new();
        world.look(SECOND, &[(1, "1:1"), (2, "1:1")]);
        for _ in 0..3 {
            assert!(world.look(SECOND, &[]).is_empty());
        }
        assert!(world.look(SECOND, &[(1, "2:2"), (2, "2:2")]).is_empty());
        assert!(
            world
                .look(Duration::from_hours(1), &[(1, "2:2"), (2, "2:2")])
                .is_empty()
        );
        assert!(world.look(SECOND, &[(1, "2:3"), (2, "2:2")]).is_empty());
        for _ in 0..2 {
            world.look(SECOND, &[(1, "2:3")]);
        }
        assert_eq!(
            world.look(SECOND, &[(1, "2:4")]),
            [node(2)],
            "missing is silent"
        );
    }

    #[tokio::test]
    async fn a_goodbye_is_told_once_and_is_the_last_word() {
        let mut world = World::new();
        world.look(SECOND, &[(1, "1:1")]);
        assert!(world.peers.said_goodbye(node(1)));
        assert!(!world.peers.said_goodbye(node(1)));
        // Read before it went.
        assert!(world.look(SECOND, &[(1, "1:2")]).is_empty());
        for _ in 0..9 {
            assert!(world.look(SECOND, &[(1, "1:2")]).is_empty());
        }
        assert_eq!(
            world.look(SECOND, &[(1, DEAD)]),
            [node(1)],
            "what it left is taken out"
        );
        assert!(!world.peers.reaped(world.now, node(1)));
    }
}
