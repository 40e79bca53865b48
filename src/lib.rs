//! The Tebdil server: the one place that wires its parts.
//!
//! [`Node::start`] makes a node and [`Node::serve`] runs it, for `main` ([`run`]) and for the
//! tests;
//! `http/router.rs` shows the API on one page.

pub mod address;
mod admin;
pub mod ads;
pub mod app;
pub mod auth;
pub mod billing;
pub mod calls;
pub mod chat;
pub mod cli;
mod clock_and_ids;
pub mod config;
pub mod error;
pub mod evidence;
pub mod http;
pub mod hub;
mod legal;
pub mod lifecycle;
pub mod limits;
mod live;
pub mod match_ends;
pub mod matching;
pub mod notifications;
pub mod observability;
pub mod presence;
pub mod profile;
pub mod push;
pub mod relay;
pub mod turn;
pub mod worker;
pub mod ws;

rust_i18n::i18n!("locales", fallback = "en");

pub use app::{Listeners, Node, run};
pub use error::RunError;
