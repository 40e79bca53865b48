//! One service of many nodes: what they say to each other, and how a node takes part in it.
//!
//! An embedded node runs the same code; there, the only messages are those to itself.

mod bystander;
pub mod catch_up;
mod message;
pub mod revocations;
mod router;

pub use bystander::Bystander;
pub use message::{Audience, NodeMessage};
pub use router::Router;
