//! Pairing people who wait: the pure engine that decides, and what drives it.

pub mod engine;
