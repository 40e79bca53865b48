//! Pairing people who wait.
//!
//! A node owns the tickets of its connections; the node that holds the lease leads, and its table
//! follows them: what is lost on the way is found out within a second. A node that is alone does
//! the same, with a channel for a network.
//!
//! | file | what |
//! |---|---|
//! | `engine/` | decides who meets whom; pure |
//! | `matchmaker`, `request` | the way in; from a `match.find` to a ticket |
//! | `node` | the tickets of this node, and who leads |
//! | `leader/` | the tickets of all nodes, and the pairs on their way into the store |
//! | `message` | what nodes and leader say to each other |
//! | `task`, `task/lease` | time, bus, store and lease around node and leader |

pub mod engine;
mod leader;
mod matchmaker;
mod message;
mod node;
mod request;
mod task;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use matchmaker::{Matchmaker, MatchmakerContext, QueueStatus};
pub use message::{Envelope, MatchmakingMessage, Term, TicketEnd, ToLeader, ToNode};
pub use request::FindError;
pub use task::MatchmakerTask;
use tebdil_core::store::MatchRules;
use tebdil_protocol::domain::Mode;

use self::engine::Widening;

/// How often a node says what it has, and the lease is renewed or asked for.
const BEAT: Duration = Duration::from_secs(1);

/// How long the lease of a leader lasts unless it is renewed. With a beat, and what the next leader
/// needs to begin, it is how long searches stand still when a leader dies.
const LEASE: Duration = Duration::from_millis(2_500);

/// After so long without a word a node is taken for dead.
const SILENCE: Duration = Duration::from_secs(5);

/// How long a cancel waits for its answer, and the store may keep a leader waiting.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a place in the queue is kept for a device that went with its node.
const PARK: Duration = Duration::from_mins(1);

/// What the matchmaker goes by.
#[derive(Debug, Clone)]
pub struct MatchmakerConfig {
    pub widening: Widening,
    pub rules: MatchRules,
    /// Modes this server offers.
    pub modes: Vec<Mode>,
    /// How long a background search goes on without its connection.
    pub background: Duration,
}
