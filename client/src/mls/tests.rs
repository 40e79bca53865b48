use openmls::prelude::{
    LeafNodeParameters, MlsGroup, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, OpenMlsProvider,
    ProtocolVersion,
    tls_codec::{DeserializeBytes as _, Serialize as _},
};
use tebdil_protocol::{
    MAX_CIPHERTEXT_BYTES,
    franking::{FrankingTag, franking_tag, tag_in_message},
    id::MatchId,
    time::Clock,
};
use zeroize::Zeroizing;

mod certificates;
mod dishonest;
mod packages;

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
fn any_changed_bit_is_refused_and_the_true_message_still_opens() {
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
