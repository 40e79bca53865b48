//! Calls between matched people: the order of their signals, and the sanitiser of session
//! descriptions and candidates.
//!
//! Neither side of a call may learn the other's address. Three rules ensure that together; each
//! alone was broken in experiments. Clients use relayed candidates only; what they signal is
//! rebuilt here from an allow-list ([`sanitise_sdp`], [`sanitise_candidate`]); and the relay relays
//! only to relays of ours.
//!
//! The server uses this crate; this crate uses `tebdil_protocol` (ids, clock, domain words);
//! `tebdil_workers` and the store do not use it.

mod address;
mod call;
mod candidate;
mod credentials;
mod relay;
mod sdp;
mod token;

pub use address::{NotARange, RelayRange, RelayRanges};
pub use call::{Call, MAX_CANDIDATES, MAX_HELD, OutOfOrder, Round, Stage};
pub use candidate::{
    MAX_CANDIDATE_BYTES, MalformedCandidate, Sanitised, check_medium, sanitise_candidate,
};
pub use credentials::{Credential, RelaySecret, RelaySideId};
pub use relay::{Relay, RelayError, RelaySettings};
pub use sdp::{MAX_SDP_BYTES, MalformedSdp, sanitise_sdp};
