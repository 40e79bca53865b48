//! The WebSocket protocol itself, by the words of RFC 6455 and RFC 9112: what is allowed works,
//! what is not ends as it says.

mod frames;
mod handshake;
pub mod wire;
