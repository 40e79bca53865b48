//! Names that a client gives to its streams, tracks and sources (`a=msid`, `a=ssrc`).
//!
//! They are free text: an application may put the name of a camera, a person or a host there (the
//! traditional form of a canonical name is `user@host`, RFC 3550 §6.5.1), and a browser names a
//! stream once for all the calls it is used in, so that two peers could find out that they met the
//! same person. In a call a name has to be the same whenever it is said, and in another call it has
//! to be another.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// Bytes of a name that was put in place of a client's.
const BYTES: usize = 12;

/// The name that the peer sees: the same for the same name under the same key, and telling nothing
/// of it under another.
///
/// The key is the fingerprint of the client's certificate, which is fresh in every call and the
/// same throughout it. What has the form of a replaced name, and `-` for no stream (RFC 8830 §2),
/// stays as it is: to clean a description twice changes nothing.
pub(super) fn replace(name: &str, key: &str) -> String {
    if name == "-" || is_replaced(name) {
        return name.to_owned();
    }
    let digest = Sha256::new()
        .chain_update(b"tebdil.sdp.name.v1")
        .chain_update([0])
        .chain_update(key)
        .chain_update([0])
        .chain_update(name)
        .finalize();
    digest[..BYTES]
        .iter()
        .fold(String::from("t"), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn is_replaced(name: &str) -> bool {
    name.strip_prefix('t').is_some_and(|hex| {
        hex.len() == 2 * BYTES
            && hex
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_in_a_call_and_another_in_the_next() {
        let name = replace("FaceTime HD Camera", "key");
        assert_eq!(replace("FaceTime HD Camera", "key"), name);
        assert_eq!(replace(&name, "another"), name, "it was replaced before");
        assert_ne!(replace("FaceTime HD Camera", "another"), name);
        assert_ne!(replace("screen", "key"), name);
        assert_eq!(replace("-", "key"), "-");
        assert!(is_replaced(&name) && !is_replaced("t0123") && !is_replaced(&name.to_uppercase()));
    }
}
