//! Jobs, retention and workers on both databases.

mod absences;
mod announce;
mod auto_ban;
mod ban;
mod clock;
mod engine;
mod erase;
mod harness;
mod push;
mod queue;
mod referrals;
mod reset;
mod retention;
mod statistics;
mod subscriptions;
mod ticks;
mod troubles;
mod wakeups;
