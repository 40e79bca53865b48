//! The corpus of the fuzz targets, file by file: real descriptions and candidates of browsers and
//! libraries pass, malformed ones are refused, and nothing leaks. What a file is says its name, up
//! to the first `-`.

mod checks;

use std::path::Path;

use tebdil_protocol::{domain::DescriptionKind, parse_client_frame};
use tebdil_signaling::{Sanitised, sanitise_candidate, sanitise_sdp};

/// Name and content of every file of a target.
fn files(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let files: Vec<_> = std::fs::read_dir(&folder)
        .expect("the corpus is there")
        .map(|entry| entry.expect("an entry"))
        .map(|entry| {
            (
                entry.file_name().into_string().expect("a name"),
                std::fs::read(entry.path()).expect("a file"),
            )
        })
        .collect();
    assert!(files.len() >= 10, "{target}: the corpus is nearly empty");
    files
}

/// The first word of a name; `found-…` is what a fuzzer found, of which only the checks are known.
fn kind(name: &str) -> &str {
    name.split('-').next().unwrap_or_default()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn descriptions_of_browsers_pass_and_malformed_ones_do_not() {
    for (name, bytes) in files("sdp") {
        let [offer, answer] = [DescriptionKind::Offer, DescriptionKind::Answer]
            .map(|kind| sanitise_sdp(&text(&bytes), kind));
        match kind(&name) {
            "offer" => assert!(offer.is_ok(), "{name}: {offer:?}"),
            "answer" => assert!(answer.is_ok(), "{name}: {answer:?}"),
            "bad" => assert!(offer.is_err() && answer.is_err(), "{name}"),
            other => assert!(matches!(other, "leak" | "found"), "{name}: what is it?"),
        }
        checks::sdp(&bytes);
    }
}

/// Besides addresses: nothing that names a device, a person or a network, of the files that try.
#[test]
fn names_of_devices_people_and_networks_do_not_pass() {
    let mut tried = 0;
    for (name, bytes) in files("sdp") {
        for kind in [DescriptionKind::Offer, DescriptionKind::Answer] {
            let Ok(clean) = sanitise_sdp(&text(&bytes), kind) else {
                continue;
            };
            tried += 1;
            for word in [
                "laptop",
                "camera",
                "@",
                "http://",
                "mozilla",
                "network",
                "candidate",
                "203.0.113",
                "10.0.0",
                "192.168",
                "crypto",
                "identity",
            ] {
                let clean = clean.replace(
                    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
                    "",
                );
                assert!(
                    !clean.to_lowercase().contains(word),
                    "{name}: {word} in {clean}"
                );
            }
        }
    }
    assert!(tried >= 20);
}

#[test]
fn candidates_pass_when_they_are_relays_of_ours() {
    for (name, bytes) in files("candidate") {
        let clean = sanitise_candidate(&text(&bytes), &checks::relays());
        match kind(&name) {
            "relay" => assert!(
                matches!(clean, Ok(Sanitised::Relay(_))),
                "{name}: {clean:?}"
            ),
            "end" => assert_eq!(clean, Ok(Sanitised::End), "{name}"),
            "drop" => assert_eq!(clean, Ok(Sanitised::Dropped), "{name}"),
            "bad" => assert!(clean.is_err(), "{name}: {clean:?}"),
            other => assert_eq!(other, "found", "{name}: what is it?"),
        }
        checks::candidate(&bytes);
    }
}

#[test]
fn clients_see_a_call_in_order_whatever_they_say() {
    for (_, bytes) in files("call") {
        checks::call(&bytes);
    }
}

#[test]
fn frames_are_read_or_refused() {
    for (name, bytes) in files("frame") {
        let read = parse_client_frame(&text(&bytes));
        match kind(&name) {
            "ok" => assert!(read.is_ok(), "{name}: {read:?}"),
            "bad" => assert!(read.is_err(), "{name}: {read:?}"),
            other => assert_eq!(other, "found", "{name}: what is it?"),
        }
        checks::frame(&bytes);
    }
}

#[test]
fn datagrams_are_messages_whole_and_with_lengths_that_fit() {
    for (name, bytes) in files("relay_datagram") {
        match kind(&name) {
            "ok" => assert!(checks::is_message(&bytes), "{name}"),
            "bad" => assert!(!checks::is_message(&bytes), "{name}"),
            other => assert_eq!(other, "found", "{name}: what is it?"),
        }
        checks::relay_datagram(&bytes);
    }
    checks::refusal();
}
