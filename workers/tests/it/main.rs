//! Jobs, retention and workers on both databases.

mod engine;
mod harness;
mod queue;
mod retention;
mod subscriptions;
