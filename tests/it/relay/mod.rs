//! Credentials for relays, and what a relay does with them.

mod route;
