//! The signals of two clients, through the sanitisers and the calls of their nodes.

#![no_main]

#[path = "../../signaling/tests/checks/mod.rs"]
#[expect(dead_code, reason = "each target has one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::call(bytes));
