//! A candidate: nothing but a relay of ours comes out.

#![no_main]

#[path = "../../signaling/tests/checks/mod.rs"]
#[expect(dead_code, reason = "each target has one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::candidate(bytes));
