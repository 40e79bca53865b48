//! The relay as clients and attackers see it: real sockets, on loopback addresses that belong to
//! one test each.

mod client;
mod credentials;
mod cut;
mod harness;
mod hostile;
mod life;
mod paths;
mod peers;
mod quotas;
