//! Calls between matched people: the state machine of a call, the sanitiser of SDP and candidates, and the TURN relay.
//!
//! Empty until video is built: `match.find` with `mode:"video"` answers `mode_unavailable`. The crate stands here so that its place in the dependency
//! order is fixed: the server uses it, it uses `tebdil_core` (ids, clock, errors), and neither `tebdil_workers` nor the store knows of it.
