//! placeholder

pub mod chat;
pub mod hub;
pub mod matching;
pub mod profile;
