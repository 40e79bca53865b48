//! Jobs, retention and workers on both databases.

mod announce;
mod engine;
mod harness;
mod queue;
mod retention;
mod wakeups;
