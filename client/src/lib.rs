//! The Rust client of Tebdil.
//!
//! - [`chat`]: everything tied together; begin here.
//! - [`call`]: what a video call needs beside a WebRTC stack.
//! - [`state`]: the folder where a chat keeps its session and keys.
//! - [`rest`]: the REST API, with tokens that renew themselves.
//! - [`connection`]: a WebSocket session that reconnects and resumes.
//! - [`raw`]: a bare WebSocket for protocol tests and load.
//! - [`mls`]: end-to-end encryption, without any networking.

pub mod call;
pub mod chat;
pub mod connection;
mod evidence;
pub mod mls;
pub mod raw;
pub mod rest;
pub mod state;
