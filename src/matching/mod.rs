//! Pairing people who wait: the pure engine that decides, and the matchmaker that drives it.

mod announce;
pub mod engine;
mod matchmaker;
mod request;

pub use matchmaker::{Matchmaker, MatchmakerConfig, MatchmakerTask};
pub use request::Refused;
