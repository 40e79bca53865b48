use openmls::prelude::{
    LeafNodeParameters, MlsGroup, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, OpenMlsProvider,
    ProtocolVersion,
    tls_codec::{DeserializeBytes as _, Serialize as _},
};
use tebdil_core::{
    franking::{FrankingTag, franking_tag, tag_in_message},
    id::MatchId,
    protocol::MAX_CIPHERTEXT_BYTES,
    time::Clock,
};
use zeroize::Zeroizing;

mod certificates;

use super::{plaintext::Plaintext, *};

const MATCH: MatchId = MatchId(41);

fn device() -> Device {
    Device::new(Clock::system(0)).expect("device")
}

fn offerer_side(match_id: MatchId) -> Parties {
    Parties {
        match_id,
        own_handle: "ada#0001".into(),
        peer_handle: "bora#0002".into(),
    }
}

fn answerer_side(match_id: MatchId) -> Parties {
    Parties {
        match_id,
        own_handle: "bora#0002".into(),
        peer_handle: "ada#0001".into(),
    }
}

/// Two devices that share a session in `match_id`.
fn connect(ada: &mut Device, bora: &mut Device, match_id: MatchId) {
    let package = bora.key_packages(1).expect("package").remove(0);
    let welcome = ada
        .create(offerer_side(match_id), &package)
        .expect("create");
    bora.join(answerer_side(match_id), &welcome).expect("join");
}

fn pair() -> (Device, Device) {
    let (mut ada, mut bora) = (device(), device());
    connect(&mut ada, &mut bora, MATCH);
    (ada, bora)
}

fn say(from: &mut Device, text: &str) -> Sealed {
    from.seal(MATCH, &Content::text(text)).expect("seal")
}

fn hear(to: &mut Device, sealed: &Sealed) -> Result<String, MlsError> {
    match to.open(MATCH, &sealed.ciphertext, Some(&sealed.franking_tag))? {
        Opened::Message(message) => match message.content {
            Content::Text { text } => Ok(text),
            Content::Unknown => panic!("unknown content"),
        },
        Opened::KeyUpdate => panic!("key update"),
    }
}

#[test]
fn two_devices_talk_both_ways_and_share_a_safety_number() {
    let (mut ada, mut bora) = pair();
    let hello = say(&mut ada, "merhaba 👋");
    assert_eq!(hear(&mut bora, &hello).as_deref(), Ok("merhaba 👋"));
    let answer = say(&mut bora, "selam");
    assert_eq!(hear(&mut ada, &answer).as_deref(), Ok("selam"));
    assert_eq!(ada.safety_number(MATCH), bora.safety_number(MATCH));
    assert!(ada.safety_number(MATCH).is_some());
    let (ada2, _) = pair();
    assert_ne!(ada.safety_number(MATCH), ada2.safety_number(MATCH));
}

#[test]
fn an_opened_message_carries_what_a_report_needs() {
    let (mut ada, mut bora) = pair();
    let sealed = say(&mut ada, "kanıt");
    let Ok(Opened::Message(message)) =
        bora.open(MATCH, &sealed.ciphertext, Some(&sealed.franking_tag))
    else {
        panic!("opens")
    };
    assert_eq!(
        &message.content_bytes[..],
        r#"{"type":"text","text":"kanıt"}"#.as_bytes()
    );
    assert_eq!(message.sender_handle, "ada#0001");
    assert_eq!(
        franking_tag(&message.salt, MATCH, "ada#0001", &message.content_bytes),
        sealed.franking_tag
    );
    assert_eq!(
        tag_in_message(&sealed.ciphertext),
        Some(sealed.franking_tag),
        "where the server looks for it"
    );
    assert!(
        !format!("{message:?}").contains("kan"),
        "Debug shows no content"
    );
}

#[test]
fn ciphertexts_fall_into_four_sizes_and_never_over_the_limit() {
    let (mut ada, mut bora) = pair();
    let mut sizes = std::collections::BTreeSet::new();
    for length in [
        0,
        1,
        50,
        100,
        300,
        800,
        2_000,
        3_900,
        5_000,
        10_000,
        MAX_CONTENT_BYTES - 30,
    ] {
        let text = "x".repeat(length);
        let sealed = say(&mut ada, &text);
        assert!(
            sealed.ciphertext.len() <= MAX_CIPHERTEXT_BYTES,
            "{length}: {}",
            sealed.ciphertext.len()
        );
        sizes.insert(sealed.ciphertext.len());
        assert_eq!(hear(&mut bora, &sealed), Ok(text));
    }
    assert_eq!(sizes.len(), 4, "{sizes:?}");
    assert_eq!(
        ada.seal(MATCH, &Content::text("x".repeat(MAX_CONTENT_BYTES))),
        Err(MlsError::TooLong)
    );
}

#[test]
fn a_message_with_any_bit_changed_is_refused_and_the_true_one_still_opens() {
    let (mut ada, mut bora) = pair();
    let sealed = say(&mut ada, "gerçek");
    for at in (0..sealed.ciphertext.len()).step_by(7) {
        let mut changed = sealed.clone();
        changed.ciphertext[at] ^= 1;
        assert!(hear(&mut bora, &changed).is_err(), "byte {at}");
    }
    for length in 0..sealed.ciphertext.len().min(80) {
        assert_eq!(
            bora.open(MATCH, &sealed.ciphertext[..length], None),
            Err(MlsError::Undecryptable)
        );
    }
    assert_eq!(hear(&mut bora, &sealed).as_deref(), Ok("gerçek"));
}

#[test]
fn a_message_opens_once_and_never_at_its_author() {
    let (mut ada, mut bora) = pair();
    let sealed = say(&mut ada, "bir");
    hear(&mut bora, &sealed).expect("opens");
    assert_eq!(hear(&mut bora, &sealed), Err(MlsError::Undecryptable));
    assert_eq!(hear(&mut ada, &sealed), Err(MlsError::Reflected));
    let next = say(&mut ada, "iki");
    assert_eq!(hear(&mut bora, &next).as_deref(), Ok("iki"));
}

#[test]
fn order_may_change_a_little_and_messages_may_be_lost() {
    let (mut ada, mut bora) = pair();
    let sealed: Vec<_> = (0..30).map(|n| say(&mut ada, &n.to_string())).collect();
    for n in [3, 0, 2, 1, 10, 29] {
        assert_eq!(hear(&mut bora, &sealed[n]), Ok(n.to_string()));
    }
    assert!(
        hear(&mut bora, &sealed[4]).is_err(),
        "25 behind: outside the tolerance of 20"
    );
}

#[test]
fn the_tag_beside_the_message_must_be_the_one_inside() {
    let (mut ada, mut bora) = pair();
    let tags: [Option<Vec<u8>>; 4] = [None, Some(vec![0; 32]), Some(vec![]), Some(vec![0; 31])];
    for tag in tags {
        let sealed = say(&mut ada, "x");
        assert_eq!(
            bora.open(MATCH, &sealed.ciphertext, tag.as_deref()),
            Err(MlsError::Franking)
        );
    }
}

/// A peer that breaks the rules inside a properly encrypted message.
#[test]
fn a_dishonest_peer_is_refused() {
    let (mut ada, mut bora) = pair();
    let honest = Plaintext {
        salt: Zeroizing::new([9; 32]),
        match_id: MATCH,
        sender_handle: "ada#0001".into(),
        content: Zeroizing::new(br#"{"type":"text","text":"a"}"#.to_vec()),
    };
    let honest_tag = franking_tag(&honest.salt, MATCH, &honest.sender_handle, &honest.content);
    let mut attempt = |plaintext: &[u8], tag: FrankingTag| {
        let sealed = ada
            .seal_raw(MATCH, plaintext, tag)
            .expect("MLS takes any plaintext");
        hear(&mut bora, &sealed)
    };
    let bytes = |plaintext: &Plaintext| plaintext.to_bytes().expect("fits");

    assert_eq!(attempt(&bytes(&honest), honest_tag).as_deref(), Ok("a"));

    let mut other = honest.clone();
    other.content = Zeroizing::new(br#"{"type":"text","text":"b"}"#.to_vec());
    assert_eq!(
        attempt(&bytes(&other), honest_tag),
        Err(MlsError::Franking),
        "one tag for two contents"
    );

    let mut other = honest.clone();
    other.salt = Zeroizing::new([8; 32]);
    assert_eq!(
        attempt(&bytes(&other), honest_tag),
        Err(MlsError::Franking),
        "another salt"
    );

    let mut other = honest.clone();
    other.sender_handle = "bora#0002".into();
    let tag = franking_tag(&other.salt, MATCH, &other.sender_handle, &other.content);
    assert_eq!(
        attempt(&bytes(&other), tag),
        Err(MlsError::Plaintext("it names another sender")),
        "the victim as sender"
    );

    let mut other = honest.clone();
    other.match_id = MatchId(42);
    let tag = franking_tag(
        &other.salt,
        MatchId(42),
        &other.sender_handle,
        &other.content,
    );
    assert_eq!(
        attempt(&bytes(&other), tag),
        Err(MlsError::Plaintext("it names another match"))
    );

    for salt_length in [0, 16, 31, 33, 64] {
        let mut plaintext = vec![1];
        for field in [
            &vec![9; salt_length][..],
            b"41",
            b"ada#0001",
            &honest.content,
        ] {
            plaintext.extend_from_slice(&u32::try_from(field.len()).expect("short").to_be_bytes());
            plaintext.extend_from_slice(field);
        }
        plaintext.resize(256, 0);
        assert_eq!(
            attempt(&plaintext, honest_tag),
            Err(MlsError::Plaintext("the salt is not 32 bytes")),
            "{salt_length}"
        );
    }
    assert!(matches!(
        attempt(b"", honest_tag),
        Err(MlsError::Plaintext(_))
    ));
    assert!(matches!(
        attempt(&[0xff; 300], honest_tag),
        Err(MlsError::Plaintext(_))
    ));

    let mut not_json = honest.clone();
    not_json.content = Zeroizing::new(b"hello".to_vec());
    let tag = franking_tag(&not_json.salt, MATCH, "ada#0001", &not_json.content);
    assert!(matches!(
        attempt(&bytes(&not_json), tag),
        Err(MlsError::Plaintext(_))
    ));

    assert_eq!(
        attempt(&bytes(&honest), honest_tag).as_deref(),
        Ok("a"),
        "the session lives on"
    );
}

/// Whatever a sender does with its tag, the receiver takes only the one that commits to what it
/// reads.
#[test]
fn a_tag_that_the_sender_has_forged_is_refused() {
    let (mut ada, mut bora) = pair();
    let said = |text: &str| Plaintext {
        salt: Zeroizing::new([9; 32]),
        match_id: MATCH,
        sender_handle: "ada#0001".into(),
        content: Zeroizing::new(format!(r#"{{"type":"text","text":"{text}"}}"#).into_bytes()),
    };
    let tag_of = |of: &Plaintext| franking_tag(&of.salt, MATCH, &of.sender_handle, &of.content);
    let (shown, meant) = (said("shown"), said("meant"));
    let (true_tag, forged) = (tag_of(&shown), tag_of(&meant));
    let mut attempt = |inside: FrankingTag, beside: FrankingTag| {
        let sealed = ada
            .seal_raw(MATCH, &shown.to_bytes().expect("fits"), inside)
            .expect("MLS takes any data");
        assert_eq!(tag_in_message(&sealed.ciphertext), Some(inside));
        bora.open(MATCH, &sealed.ciphertext, Some(&beside))
            .map(|_| ())
    };
    assert_eq!(
        attempt(true_tag, forged),
        Err(MlsError::Franking),
        "another tag beside the message"
    );
    assert_eq!(
        attempt(forged, true_tag),
        Err(MlsError::Franking),
        "another tag inside"
    );
    assert_eq!(
        attempt(forged, forged),
        Err(MlsError::Franking),
        "the same tag of other words at both places: the server cannot tell"
    );
    for at in [0, 15, 31] {
        let mut flipped = true_tag;
        flipped[at] ^= 1;
        assert_eq!(
            attempt(flipped, flipped),
            Err(MlsError::Franking),
            "byte {at}"
        );
    }
    assert_eq!(attempt(true_tag, true_tag), Ok(()));

    // One tag for two contents: whichever was not meant is refused.
    for text in ["meant", "shown"] {
        let plaintext = said(text);
        let sealed = ada
            .seal_raw(MATCH, &plaintext.to_bytes().expect("fits"), true_tag)
            .expect("sealed");
        let opened = hear(&mut bora, &sealed);
        assert_eq!(opened.is_ok(), text == "shown", "{opened:?}");
    }

    // A salt of another length could be made to fit two contents: HMAC pads short keys with zeros
    // and hashes long ones.
    for length in [31, 33] {
        let salt = vec![0; length];
        let mut plaintext = vec![1];
        for field in [&salt[..], b"41", b"ada#0001", &shown.content] {
            plaintext.extend_from_slice(&u32::try_from(field.len()).expect("short").to_be_bytes());
            plaintext.extend_from_slice(field);
        }
        plaintext.resize(256, 0);
        let tag = franking_tag(&[0; 32], MATCH, "ada#0001", &shown.content);
        let sealed = ada.seal_raw(MATCH, &plaintext, tag).expect("sealed");
        assert_eq!(
            hear(&mut bora, &sealed),
            Err(MlsError::Plaintext("the salt is not 32 bytes")),
            "{length}"
        );
    }
}

#[test]
fn additional_data_of_another_form_is_refused() {
    let (mut ada, mut bora) = pair();
    let plaintext = Plaintext {
        salt: Zeroizing::new([9; 32]),
        match_id: MATCH,
        sender_handle: "ada#0001".into(),
        content: Zeroizing::new(br#"{"type":"text","text":"a"}"#.to_vec()),
    };
    let tag = franking_tag(
        &plaintext.salt,
        MATCH,
        &plaintext.sender_handle,
        &plaintext.content,
    );
    let forms = [
        vec![],
        tag.to_vec(),
        [&[0x23, 0, 0x21, 0x20][..], &tag].concat(),
        [&[0x23, 0, 0x20, 0x20][..], &tag, &[0]].concat(),
    ];
    for aad in forms {
        let (group, provider, signer) = ada.parts(MATCH);
        group.set_aad(aad);
        let message = group
            .create_message(provider, signer, &plaintext.to_bytes().expect("fits"))
            .expect("message");
        let ciphertext = message.tls_serialize_detached().expect("bytes");
        assert_eq!(
            bora.open(MATCH, &ciphertext, Some(&tag)),
            Err(MlsError::Franking)
        );
    }
}

#[test]
fn a_message_of_one_match_does_not_open_in_another() {
    let (mut ada, mut bora) = pair();
    connect(&mut ada, &mut bora, MatchId(42));
    let sealed = say(&mut ada, "x");
    assert_eq!(
        bora.open(MatchId(42), &sealed.ciphertext, Some(&sealed.franking_tag)),
        Err(MlsError::Undecryptable)
    );
    assert_eq!(
        bora.open(MatchId(43), &sealed.ciphertext, Some(&sealed.franking_tag)),
        Err(MlsError::NoSession)
    );
    assert_eq!(hear(&mut bora, &sealed).as_deref(), Ok("x"));
}

#[test]
fn an_outsider_reads_nothing() {
    let (mut ada, _) = pair();
    let (mut eve, _) = pair();
    let sealed = say(&mut ada, "x");
    assert_eq!(hear(&mut eve, &sealed), Err(MlsError::Undecryptable));
}

#[test]
fn an_empty_commit_renews_the_keys_and_the_safety_number() {
    let (mut ada, mut bora) = pair();
    let before = ada.safety_number(MATCH);
    let late = say(&mut ada, "geç");
    let (group, provider, signer) = ada.parts(MATCH);
    let commit = group
        .self_update(provider, signer, LeafNodeParameters::default())
        .expect("commit");
    let commit = commit
        .into_commit()
        .tls_serialize_detached()
        .expect("bytes");
    group.merge_pending_commit(provider).expect("merge");
    assert_eq!(bora.open(MATCH, &commit, None), Ok(Opened::KeyUpdate));
    assert_eq!(ada.safety_number(MATCH), bora.safety_number(MATCH));
    assert_ne!(ada.safety_number(MATCH), before);
    assert_eq!(
        hear(&mut bora, &late).as_deref(),
        Ok("geç"),
        "a message of the epoch before"
    );
    let sealed = say(&mut bora, "yeni");
    assert_eq!(hear(&mut ada, &sealed).as_deref(), Ok("yeni"));
}

#[test]
fn commits_and_proposals_that_change_the_group_are_refused() {
    let (mut ada, mut bora) = pair();
    let number = bora.safety_number(MATCH);
    let mut eve = device();
    let package = eve.key_packages(1).expect("package").remove(0);
    let MlsMessageBodyIn::KeyPackage(package) = MlsMessageIn::tls_deserialize_exact_bytes(&package)
        .expect("message")
        .extract()
    else {
        panic!("key package")
    };
    let (group, provider, signer) = ada.parts(MATCH);
    let package = package
        .validate(provider.crypto(), ProtocolVersion::Mls10)
        .expect("valid");

    let (proposal, _) = group
        .propose_add_member(provider, signer, &package)
        .expect("proposal");
    let proposal = proposal.tls_serialize_detached().expect("bytes");
    assert_eq!(
        bora.open(MATCH, &proposal, None),
        Err(MlsError::ForbiddenChange)
    );
    let (group, provider, signer) = ada.parts(MATCH);
    group
        .clear_pending_proposals(provider.storage())
        .expect("cleared");

    let (commit, _, _) = group
        .add_members(provider, signer, &[package])
        .expect("commit");
    let commit = commit.tls_serialize_detached().expect("bytes");
    assert_eq!(
        bora.open(MATCH, &commit, None),
        Err(MlsError::ForbiddenChange),
        "a third member"
    );
    let (group, provider, _) = ada.parts(MATCH);
    group
        .clear_pending_commit(provider.storage())
        .expect("cleared");

    assert_eq!(bora.safety_number(MATCH), number, "the group is as it was");
    let sealed = say(&mut ada, "hâlâ iki kişi");
    assert_eq!(hear(&mut bora, &sealed).as_deref(), Ok("hâlâ iki kişi"));
}

#[test]
fn a_welcome_into_a_group_of_three_is_refused() {
    let (mut ada, mut bora, mut eve) = (device(), device(), device());
    let bora_package = bora.key_packages(1).expect("package").remove(0);
    let eve_package = eve.key_packages(1).expect("package").remove(0);
    ada.create(offerer_side(MATCH), &eve_package)
        .expect("create");
    let MlsMessageBodyIn::KeyPackage(package) =
        MlsMessageIn::tls_deserialize_exact_bytes(&bora_package)
            .expect("message")
            .extract()
    else {
        panic!("key package")
    };
    let (group, provider, signer) = ada.parts(MATCH);
    let package = package
        .validate(provider.crypto(), ProtocolVersion::Mls10)
        .expect("valid");
    let (_, welcome, _) = group
        .add_members(provider, signer, &[package])
        .expect("commit");
    let welcome = welcome.tls_serialize_detached().expect("bytes");
    assert_eq!(
        bora.join(answerer_side(MATCH), &welcome),
        Err(MlsError::NotTwoMembers)
    );
    assert!(!bora.has_session(MATCH));
}

#[test]
fn a_welcome_works_once_and_only_for_its_device() {
    let (mut ada, mut bora, mut eve) = (device(), device(), device());
    let package = bora.key_packages(1).expect("package").remove(0);
    let welcome = ada.create(offerer_side(MATCH), &package).expect("create");
    assert!(matches!(
        eve.join(answerer_side(MATCH), &welcome),
        Err(MlsError::Welcome(_))
    ));
    assert!(matches!(
        bora.join(answerer_side(MATCH), &welcome[..welcome.len() - 1]),
        Err(MlsError::Welcome(_))
    ));
    assert!(
        matches!(
            bora.join(answerer_side(MATCH), &package),
            Err(MlsError::Welcome(_))
        ),
        "a key package is no welcome"
    );
    bora.join(answerer_side(MATCH), &welcome).expect("join");
    assert_eq!(
        bora.join(answerer_side(MATCH), &welcome),
        Err(MlsError::SessionExists)
    );
    assert!(
        matches!(
            bora.join(answerer_side(MatchId(42)), &welcome),
            Err(MlsError::Welcome(_))
        ),
        "one-time means once"
    );
    assert_eq!(
        ada.create(offerer_side(MATCH), &package),
        Err(MlsError::SessionExists)
    );
}

#[test]
fn a_last_resort_package_serves_twice() {
    let (mut ada, mut bora) = (device(), device());
    assert!(bora.needs_last_resort());
    let package = bora.last_resort_package().expect("package");
    assert!(!bora.needs_last_resort());
    for match_id in [MatchId(1), MatchId(2)] {
        let welcome = ada
            .create(offerer_side(match_id), &package)
            .expect("create");
        bora.join(answerer_side(match_id), &welcome).expect("join");
    }
    assert_ne!(ada.safety_number(MatchId(1)), ada.safety_number(MatchId(2)));
}

#[test]
fn key_packages_that_are_not_right_are_refused() {
    let (mut ada, mut bora) = (device(), device());
    let good = bora.key_packages(1).expect("package").remove(0);
    for at in (0..good.len()).step_by(5) {
        let mut changed = good.clone();
        changed[at] ^= 1;
        assert!(
            matches!(
                ada.create(offerer_side(MATCH), &changed),
                Err(MlsError::KeyPackage(_))
            ),
            "byte {at}"
        );
    }
    for junk in [&b""[..], b"junk", &good[..20]] {
        assert!(matches!(
            ada.create(offerer_side(MATCH), junk),
            Err(MlsError::KeyPackage(_))
        ));
    }
    let own = ada.key_packages(1).expect("package").remove(0);
    assert!(
        ada.create(offerer_side(MATCH), &own).is_err(),
        "a group with oneself"
    );
    assert!(!ada.has_session(MATCH), "nothing is left of the attempts");
    ada.create(offerer_side(MATCH), &good)
        .expect("the good one");
}

#[test]
fn lifetimes_are_checked_on_both_sides() {
    let now = Clock::system(0).now();
    let days = |n: u64| std::time::Duration::from_secs(n * 86_400);
    let mut bora = device();
    // A device whose clock is far ahead makes packages that are not valid yet, one far behind
    // expired ones.
    for clock in [Clock::manual(now + days(3)), Clock::manual(now - days(29))] {
        let package = Device::new(clock)
            .expect("device")
            .key_packages(1)
            .expect("package")
            .remove(0);
        assert!(matches!(
            bora.create(offerer_side(MATCH), &package),
            Err(MlsError::KeyPackage(_))
        ));
    }
    let long = bora.package_with_lifetime(days(29));
    assert_eq!(
        device().create(offerer_side(MATCH), &long),
        Err(MlsError::KeyPackage("valid for more than 28 days"))
    );

    // The answerer's side: a package whose time is over does not join any more, whatever the
    // offerer thought.
    let clock = Clock::manual(now);
    let mut late = Device::new(clock.clone()).expect("device");
    let package = late.key_packages(1).expect("package").remove(0);
    let welcome = device()
        .create(offerer_side(MATCH), &package)
        .expect("create");
    clock.advance(days(28));
    assert!(matches!(
        late.join(answerer_side(MATCH), &welcome),
        Err(MlsError::Welcome(_))
    ));
}

#[test]
fn a_device_goes_on_where_its_snapshot_ends() {
    let (mut ada, mut bora) = pair();
    let unread = say(&mut ada, "bir");
    let number = bora.safety_number(MATCH);
    let spare = bora.key_packages(1).expect("package").remove(0);

    let stored = serde_json::to_string(&bora.snapshot()).expect("text");
    drop(bora);
    let snapshot: Snapshot = serde_json::from_str(&stored).expect("snapshot");
    let mut bora = Device::restore(&snapshot, Clock::system(0)).expect("restore");

    assert_eq!(bora.safety_number(MATCH), number);
    assert_eq!(hear(&mut bora, &unread).as_deref(), Ok("bir"));
    let answer = say(&mut bora, "iki");
    assert_eq!(hear(&mut ada, &answer).as_deref(), Ok("iki"));
    let welcome = ada
        .create(offerer_side(MatchId(50)), &spare)
        .expect("create");
    bora.join(answerer_side(MatchId(50)), &welcome)
        .expect("a key package survives too");

    let mut bora = Device::restore(&bora.snapshot(), Clock::system(0)).expect("restore again");
    assert_eq!(
        hear(&mut bora, &unread),
        Err(MlsError::Undecryptable),
        "what was opened before the restart stays used up"
    );
    assert!(!format!("{:?} {:?}", bora.snapshot(), bora).contains("private"));
}

#[test]
fn a_snapshot_that_is_damaged_is_refused() {
    let (ada, _) = pair();
    let mut of_later = ada.snapshot();
    of_later.version += 1;
    assert!(matches!(
        Device::restore(&of_later, Clock::system(0)),
        Err(MlsError::State(_))
    ));
    let mut without_keys = ada.snapshot();
    without_keys.storage.clear();
    assert!(matches!(
        Device::restore(&without_keys, Clock::system(0)),
        Err(MlsError::State(_))
    ));
}

#[test]
fn a_match_that_is_over_leaves_no_keys() {
    let (mut ada, mut bora) = pair();
    let sealed = say(&mut ada, "x");
    bora.forget(MATCH).expect("forget");
    ada.forget(MATCH).expect("forget");
    assert_eq!(hear(&mut bora, &sealed), Err(MlsError::NoSession));
    for device in [&ada, &bora] {
        assert_eq!(device.sessions().count(), 0);
        assert!(
            device.snapshot().storage.is_empty(),
            "the storage holds nothing about the match"
        );
    }
    bora.forget(MATCH).expect("forgetting twice is fine");
}

#[test]
fn a_public_message_is_refused() {
    let (mut ada, mut bora) = pair();
    let info = {
        let (group, provider, signer): (&mut MlsGroup, _, _) = ada.parts(MATCH);
        let out: MlsMessageOut = group
            .export_group_info(provider.crypto(), signer, true)
            .expect("group info");
        out.tls_serialize_detached().expect("bytes")
    };
    assert_eq!(bora.open(MATCH, &info, None), Err(MlsError::Undecryptable));
}
