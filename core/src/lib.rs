//! What every part of Tebdil shares: ids, the clock, domain types, the wire contract, field
//! encryption, the store and the realtime state.
//!
//! Nothing here knows about HTTP or sockets. A client that wants only the wire types uses
//! [`protocol`], [`id`] and [`time`].

pub mod ads;
pub mod backoff;
pub mod billing;
pub mod claim;
pub mod crypto;
pub mod db;
pub mod domain;
pub mod franking;
pub mod id;
pub mod limiter;
pub mod notice;
pub mod privacy;
pub mod protocol;
pub mod quota;
pub mod realtime;
pub mod report;
pub mod settings;
pub mod skew;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
