//! What the server's parts share: who makes ids, field encryption, the store, the realtime state,
//! and the rules of the product.
//!
//! Nothing here knows about HTTP or sockets. What clients share with the server is
//! [`tebdil_protocol`].

pub mod ads;
pub mod billing;
pub mod claim;
pub mod crypto;
pub mod db;
pub mod franking;
pub mod ids;
pub mod notice;
pub mod privacy;
pub mod quota;
pub mod realtime;
pub mod report;
pub mod settings;
pub mod skew;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
