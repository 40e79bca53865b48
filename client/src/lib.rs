//! The Rust client of Tebdil.
//!
//! - [`rest`]: the REST API, with tokens that renew themselves.
//! - [`raw`]: a bare WebSocket for protocol tests and load.
//! - [`mls`]: end-to-end encryption, without any networking.

pub mod mls;
pub mod raw;
pub mod rest;
