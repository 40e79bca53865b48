//! The matchmaker over several nodes.
