//! placeholder
pub mod chat;
pub mod hub;
