use std::fmt::Write as _;

use proptest::prelude::*;
use tebdil_protocol::{
    MAX_SEQ,
    franking::{authenticated_data, ciphertext_sha256, franking_tag},
};

use super::*;

const NOON: Timestamp = Timestamp::from_millis(1_795_262_400_000);
const MATCH: MatchId = MatchId(7);
const SENDER: UserId = UserId(1);
const RECIPIENT: UserId = UserId(2);
const HANDLE: &str = "kedi#0001";
const CONTENT: &[u8] = br#"{"type":"text","text":"selam"}"#;

fn keys() -> FrankingKeys {
    FrankingKeys::new(KeyRing::new("new", Key::from([1; 32])).with("old", Key::from([2; 32])))
}

fn evidence(keys: &FrankingKeys) -> Evidence {
    let salt = [7; 32];
    let tag = franking_tag(&salt, MATCH, HANDLE, CONTENT);
    let message = FrankedMessage {
        tag,
        match_id: MATCH,
        sender_id: SENDER,
        recipient_id: RECIPIENT,
        seq: 9,
        sent_at: NOON,
        ciphertext_sha256: ciphertext_sha256(b"ciphertext"),
    };
    Evidence {
        match_id: MATCH,
        seq: 9,
        content: CONTENT.to_vec(),
        salt: salt.to_vec(),
        franking_tag: tag.to_vec(),
        frank: keys.frank(&message),
        sent_at: NOON,
        ciphertext_sha256: message.ciphertext_sha256.to_vec(),
        sender_handle: None,
    }
}

/// The tag made anew for what the evidence says now: what somebody does who knows everything but
/// the server's key.
fn retag(evidence: &mut Evidence, handle: &str) {
    let salt = evidence.salt.as_slice().try_into().expect("a salt");
    evidence.franking_tag =
        franking_tag(&salt, evidence.match_id, handle, &evidence.content).to_vec();
}

#[test]
fn only_what_was_said_is_proof() {
    let keys = keys();
    let good = evidence(&keys);
    let verify = |evidence: &Evidence| keys.verify(evidence, SENDER, RECIPIENT, HANDLE);
    assert_eq!(verify(&good), Ok(()));
    let changed = |change: &dyn Fn(&mut Evidence)| {
        let mut bad = good.clone();
        change(&mut bad);
        verify(&bad)
    };
    assert_eq!(changed(&|bad| bad.content[3] ^= 1), Err(EvidenceError::Tag));
    assert_eq!(
        changed(&|bad| bad.salt[0] ^= 1),
        Err(EvidenceError::Tag),
        "another salt"
    );
    assert_eq!(
        changed(&|bad| bad.franking_tag[0] ^= 1),
        Err(EvidenceError::Tag)
    );
    assert_eq!(
        changed(&|bad| bad.match_id = MatchId(8)),
        Err(EvidenceError::Tag),
        "another match"
    );
    assert_eq!(
        changed(&|bad| bad.sender_handle = Some("kedi#0002".to_owned())),
        Err(EvidenceError::Tag)
    );
    assert_eq!(
        changed(&|bad| bad.sent_at = NOON + std::time::Duration::from_millis(1)),
        Err(EvidenceError::Frank)
    );
    assert_eq!(
        changed(&|bad| bad.seq = 8),
        Err(EvidenceError::Frank),
        "another place"
    );
    assert_eq!(
        changed(&|bad| bad.ciphertext_sha256[0] ^= 1),
        Err(EvidenceError::Frank)
    );
    assert_eq!(
        changed(&|bad| bad.frank.mac[0] ^= 1),
        Err(EvidenceError::Frank)
    );
    assert_eq!(
        changed(&|bad| bad.frank.kid = "old".to_owned()),
        Err(EvidenceError::Frank)
    );
    assert_eq!(
        changed(&|bad| bad.frank.kid = "gone".to_owned()),
        Err(EvidenceError::UnknownKey)
    );
    assert_eq!(
        keys.verify(&good, RECIPIENT, SENDER, HANDLE),
        Err(EvidenceError::Frank),
        "the other way round"
    );
    assert_eq!(
        keys.verify(&good, UserId(3), RECIPIENT, HANDLE),
        Err(EvidenceError::Frank),
        "another sender"
    );
    assert_eq!(
        keys.verify(&good, SENDER, UserId(3), HANDLE),
        Err(EvidenceError::Frank),
        "another recipient"
    );
    assert_eq!(
        keys.verify(&good, SENDER, RECIPIENT, "kedi#0002"),
        Err(EvidenceError::Tag),
        "another name"
    );
}

#[test]
fn a_tag_that_is_made_to_fit_needs_the_servers_word() {
    let keys = keys();
    let forged = |change: &dyn Fn(&mut Evidence), handle: &str| {
        let mut bad = evidence(&keys);
        change(&mut bad);
        retag(&mut bad, handle);
        keys.verify(&bad, SENDER, RECIPIENT, handle)
    };
    assert_eq!(forged(&|_| {}, HANDLE), Ok(()), "nothing is changed");
    assert_eq!(
        forged(&|bad| bad.content = b"{}".to_vec(), HANDLE),
        Err(EvidenceError::Frank),
        "words put into a mouth"
    );
    assert_eq!(
        forged(&|bad| bad.salt = vec![8; 32], HANDLE),
        Err(EvidenceError::Frank)
    );
    assert_eq!(
        forged(&|bad| bad.match_id = MatchId(8), HANDLE),
        Err(EvidenceError::Frank),
        "replayed in another match"
    );
    assert_eq!(
        forged(&|_| {}, "kedi#0002"),
        Err(EvidenceError::Frank),
        "another mouth"
    );
}

#[test]
fn fields_have_one_length() {
    let keys = keys();
    for length in [0, 16, 31, 33, 64] {
        let refused = |field, change: &dyn Fn(&mut Evidence)| {
            let mut bad = evidence(&keys);
            change(&mut bad);
            assert_eq!(
                keys.verify(&bad, SENDER, RECIPIENT, HANDLE),
                Err(EvidenceError::Length(field)),
                "{length}"
            );
        };
        refused("salt", &|bad| bad.salt.resize(length, 0));
        refused("franking_tag", &|bad| bad.franking_tag.resize(length, 0));
        refused("ciphertext_sha256", &|bad| {
            bad.ciphertext_sha256.resize(length, 0);
        });
        refused("frank.mac", &|bad| bad.frank.mac.resize(length, 0));
    }
}

#[test]
fn an_old_key_still_checks() {
    let old = FrankingKeys::new(KeyRing::new("old", Key::from([2; 32])));
    assert_eq!(
        keys().verify(&evidence(&old), SENDER, RECIPIENT, HANDLE),
        Ok(())
    );
    assert_eq!(
        old.verify(&evidence(&keys()), SENDER, RECIPIENT, HANDLE),
        Err(EvidenceError::UnknownKey)
    );
}

/// The example of `docs/protocol.md`, which authors of clients check theirs against.
#[test]
fn the_documented_example_is_true() {
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("writing to a String cannot fail");
            hex
        })
    };
    let salt: Salt = std::array::from_fn(|at| u8::try_from(at).expect("32 bytes"));
    let (match_id, handle, content) = (
        MatchId(123_456_789_012_345),
        "kediadam#9021",
        r#"{"type":"text","text":"günaydın"}"#.as_bytes(),
    );
    let tag = franking_tag(&salt, match_id, handle, content);
    let documented = include_str!("../../../docs/protocol.md");
    assert!(
        documented.contains(&format!("content      {}", hex(content))),
        "{}",
        hex(content)
    );
    assert!(
        documented.contains(&format!("franking_tag {}", hex(&tag))),
        "{}",
        hex(&tag)
    );
    assert!(documented.contains(&format!("AAD          {}", hex(&authenticated_data(&tag)))));

    let keys = FrankingKeys::new(KeyRing::new("f1", Key::from([0x0b; 32])));
    let message = FrankedMessage {
        tag,
        match_id,
        sender_id: UserId(101),
        recipient_id: UserId(102),
        seq: 42,
        sent_at: NOON,
        ciphertext_sha256: ciphertext_sha256(b"ciphertext"),
    };
    let made = hex(&keys.frank(&message).mac);
    assert_eq!(
        made, "4cce1cf2d0a9558c1441e7adc1e3b1d34e9a7a1d024ffc1ed3642fd26c6c4350",
        "a change of what is under the MAC makes every frank that is out there void"
    );
}

/// A valid proof of anything.
fn proofs() -> impl Strategy<Value = (Evidence, UserId, UserId, String)> {
    let ids = (
        1..i64::MAX,
        1..i64::MAX,
        1..i64::MAX,
        1..=MAX_SEQ,
        0..=4_102_444_800_000_i64,
    );
    (
        ids,
        any::<[u8; 32]>(),
        any::<[u8; 32]>(),
        prop::collection::vec(any::<u8>(), 1..300),
        "[a-zçğ]{3,12}#[0-9]{4}",
    )
        .prop_map(
            |(
                (match_id, sender, recipient, seq, sent_at),
                salt,
                ciphertext_sha256,
                content,
                handle,
            )| {
                let (match_id, sent_at) = (MatchId(match_id), Timestamp::from_millis(sent_at));
                let (sender_id, recipient_id) = (UserId(sender), UserId(recipient));
                let tag = franking_tag(&salt, match_id, &handle, &content);
                let message = FrankedMessage {
                    tag,
                    match_id,
                    sender_id,
                    recipient_id,
                    seq,
                    sent_at,
                    ciphertext_sha256,
                };
                let evidence = Evidence {
                    match_id,
                    seq,
                    content,
                    salt: salt.to_vec(),
                    franking_tag: tag.to_vec(),
                    frank: keys().frank(&message),
                    sent_at,
                    ciphertext_sha256: ciphertext_sha256.to_vec(),
                    sender_handle: Some(handle.clone()),
                };
                (evidence, sender_id, recipient_id, handle)
            },
        )
}

proptest! {
    /// One bit of any field, and it proves nothing.
    #[test]
    fn one_bit_voids_a_proof((good, sender, recipient, handle) in proofs(), at in any::<prop::sample::Index>(), bit in 0_u32..63) {
        let keys = keys();
        prop_assert_eq!(keys.verify(&good, sender, recipient, &handle), Ok(()));
        let flip = |bytes: &mut [u8]| {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << (bit % 8);
        };
        let refused = |change: &dyn Fn(&mut Evidence)| {
            let mut bad = good.clone();
            change(&mut bad);
            keys.verify(&bad, sender, recipient, &handle).is_err()
        };
        prop_assert!(refused(&|bad| flip(&mut bad.content)), "content");
        prop_assert!(refused(&|bad| flip(&mut bad.salt)), "salt");
        prop_assert!(refused(&|bad| flip(&mut bad.franking_tag)), "tag");
        prop_assert!(refused(&|bad| flip(&mut bad.frank.mac)), "mac");
        prop_assert!(refused(&|bad| flip(&mut bad.ciphertext_sha256)), "hash of the ciphertext");
        prop_assert!(refused(&|bad| bad.match_id.0 ^= 1 << bit), "match");
        prop_assert!(refused(&|bad| bad.seq ^= 1 << bit), "seq");
        prop_assert!(refused(&|bad| bad.sent_at = Timestamp::from_millis(bad.sent_at.millis() ^ (1 << (bit % 41)))), "time");
        prop_assert!(refused(&|bad| bad.frank.kid = "old".to_owned()), "key");
        prop_assert!(refused(&|bad| {
            let mut kid = std::mem::take(&mut bad.frank.kid).into_bytes();
            let at = at.index(kid.len());
            kid[at] ^= 1 << (bit % 7);
            bad.frank.kid = String::from_utf8(kid).expect("ASCII");
        }), "name of the key");
        prop_assert!(refused(&|bad| {
            let handle = bad.sender_handle.as_mut().expect("a handle");
            let last = handle.pop().expect("a digit");
            handle.push(if last == '0' { '1' } else { '0' });
        }), "handle");
        prop_assert!(keys.verify(&good, UserId(sender.0 ^ 1 << bit), recipient, &handle).is_err(), "sender");
        prop_assert!(keys.verify(&good, sender, UserId(recipient.0 ^ 1 << bit), &handle).is_err(), "recipient");
        prop_assert!(sender == recipient || keys.verify(&good, recipient, sender, &handle).is_err(), "swapped");
    }

    /// No tag serves for two contents, also where bytes move from one field to the next.
    #[test]
    fn a_tag_has_one_content((good, ..) in proofs(), other in prop::collection::vec(any::<u8>(), 0..300)) {
        let salt: Salt = good.salt.as_slice().try_into().expect("a salt");
        let handle = good.sender_handle.as_deref().expect("a handle");
        prop_assert_eq!(verify_tag(&good.franking_tag, &salt, good.match_id, handle, &other), other == good.content);
        let (head, last) = handle.split_at(handle.len() - 1);
        let moved = [last.as_bytes(), &good.content].concat();
        prop_assert!(!verify_tag(&good.franking_tag, &salt, good.match_id, head, &moved));
    }
}
