//! Two Rust peers call each other.
