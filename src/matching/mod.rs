//! Pairing people who wait.
//!
//! Each node has a *desk*: the searches of its own connections. On one node, the one that holds the
//! lease, there is the *leader*: the engine with the tickets of all desks, and the transactions
//! that make matches. Desk and leader of one node hand each other messages; nodes send them over
//! the bus. On a node that is alone the same happens without the bus.
//!
//! | file | what |
//! |---|---|
//! | `engine/` | decides who meets whom; pure |
//! | `request` | from a `match.find` to a ticket |
//! | `desk`, `answers` | the searches of this node |
//! | `leader`, `leader/memory` | the searches of all nodes, and what is kept of those that ended |
//! | `office` | desk and leader together, and what other nodes say; no IO |
//! | `commit`, `announce` | the transaction, and what users are told of its outcome |
//! | `matchmaker`, `task` | the way in, and the task that runs all of it |

mod announce;
mod answers;
mod commit;
mod desk;
pub mod engine;
mod leader;
mod matchmaker;
mod message;
mod office;
mod request;
mod task;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use matchmaker::{Matchmaker, Parts, Status};
pub use message::{MatchmakingMessage, Term, ToDesk, ToLeader, Why};
pub use request::Refused;
pub use task::MatchmakerTask;
use tebdil_core::store::MatchRules;
use tebdil_protocol::domain::Mode;

use self::engine::Widening;

/// What the matchmaker goes by.
#[derive(Debug, Clone)]
pub struct MatchmakerConfig {
    pub widening: Widening,
    pub rules: MatchRules,
    /// Modes this server offers.
    pub modes: Vec<Mode>,
    pub timings: Timings,
}

/// How nodes work together in time. Measured on the clock that never jumps.
#[derive(Debug, Clone, Copy)]
pub struct Timings {
    /// How long the lease of the leader lasts unless it is renewed: searches stand still for about
    /// so long when a leader dies.
    pub ttl: Duration,
    /// How often the lease is renewed or looked at, and what was not answered is asked again.
    pub renew: Duration,
    /// How often a desk tells the leader what it has.
    pub roster: Duration,
    /// How long a request waits for an answer; longer than it takes to replace a dead leader.
    pub answer: Duration,
    /// How long a place in the queue is kept for a device that went with its node.
    pub park: Duration,
    /// How long a leader can repeat what it said last; longer than `roster`.
    pub memory: Duration,
    /// How long the store may keep a leader waiting before it lets another node lead.
    pub patience: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(3),
            renew: Duration::from_secs(1),
            roster: Duration::from_secs(5),
            answer: Duration::from_secs(6),
            park: Duration::from_mins(1),
            memory: Duration::from_secs(20),
            patience: Duration::from_secs(5),
        }
    }
}
