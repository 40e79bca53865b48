//! A session description: what comes out is clean, and stays as it is when it is cleaned again.

#![no_main]

#[path = "../../signaling/tests/checks/mod.rs"]
#[expect(dead_code, reason = "each target has one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::sdp(bytes));
