//! Jobs, retention and workers on both databases.

mod engine;
mod harness;
mod push;
mod queue;
mod retention;
