//! The Rust client of Tebdil.
//!
//! - [`rest`]: the REST API, with tokens that renew themselves.
//! - [`connection`]: a WebSocket session that reconnects and resumes.
//! - [`raw`]: a bare WebSocket for protocol tests and load.
//! - [`mls`]: end-to-end encryption, without any networking.

pub mod connection;
pub mod mls;
pub mod raw;
pub mod rest;
