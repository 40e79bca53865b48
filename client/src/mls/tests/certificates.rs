//! Certificates of calls.

use super::*;
use crate::call::Fingerprint;

fn fingerprint() -> Fingerprint {
    format!("sha-256 {}", ["A1"; 32].join(":"))
        .parse()
        .expect("a fingerprint")
}

#[test]
fn a_certificate_arrives_once_and_as_what_it_is() {
    let (mut ada, mut bora) = pair();
    let sealed = ada.seal_certificate(MATCH, fingerprint()).expect("seal");
    assert_eq!(tag_in_message(&sealed), None, "nothing to report");
    for at in (0..sealed.len()).step_by(11) {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(bora.open_handshake(MATCH, &changed).is_err(), "byte {at}");
    }
    assert_eq!(
        bora.open_handshake(MATCH, &sealed),
        Ok(OpenedHandshake::Certificate(fingerprint()))
    );
    assert_eq!(
        bora.open_handshake(MATCH, &sealed),
        Err(MlsError::Undecryptable),
        "replayed"
    );
    assert_eq!(ada.open_handshake(MATCH, &sealed), Err(MlsError::Reflected));
    assert_eq!(
        hear(&mut bora, &say(&mut ada, "selam")).as_deref(),
        Ok("selam"),
        "texts go on"
    );
    assert_eq!(
        ada.seal_certificate(MatchId(9), fingerprint()),
        Err(MlsError::NoSession)
    );
    assert_eq!(
        bora.open_handshake(MatchId(9), &sealed),
        Err(MlsError::NoSession)
    );
}

#[test]
fn neither_kind_passes_for_the_other() {
    let (mut ada, mut bora) = pair();
    let content = br#"{"type":"dtls","fingerprint":"sha-256 00"}"#;
    let text = ada.seal(MATCH, &Content::text("merhaba")).expect("seal");
    assert_eq!(
        bora.open_handshake(MATCH, &text.ciphertext),
        Err(MlsError::Franking)
    );
    let sealed = ada.seal_certificate(MATCH, fingerprint()).expect("seal");
    assert_eq!(bora.open(MATCH, &sealed, None), Err(MlsError::Franking));
    let sealed = ada.seal_certificate(MATCH, fingerprint()).expect("seal");
    assert_eq!(
        bora.open(MATCH, &sealed, Some(&text.franking_tag)),
        Err(MlsError::Franking)
    );
    let sealed = ada.seal_handshake(MATCH, content.to_vec()).expect("seal");
    assert!(
        matches!(
            bora.open_handshake(MATCH, &sealed),
            Err(MlsError::Plaintext(_))
        ),
        "not a fingerprint"
    );
    let sealed = ada
        .seal_handshake(MATCH, br#"{"type":"tomorrow"}"#.to_vec())
        .expect("seal");
    assert_eq!(
        bora.open_handshake(MATCH, &sealed),
        Ok(OpenedHandshake::Unknown)
    );
}

#[test]
fn it_names_match_and_sender() {
    let (mut ada, mut bora) = pair();
    let mut named = |match_id: MatchId, handle: &str| {
        let plaintext = Plaintext {
            salt: Zeroizing::new([1; 32]),
            match_id,
            sender_handle: handle.to_owned(),
            content: Zeroizing::new(
                format!(r#"{{"type":"dtls","fingerprint":"{}"}}"#, fingerprint()).into_bytes(),
            ),
        };
        let (group, provider, signer) = ada.parts(MATCH);
        group.set_aad(Vec::new());
        let message = group
            .create_message(provider, signer, &plaintext.to_bytes().expect("fits"))
            .expect("encrypted");
        bora.open_handshake(MATCH, &message.tls_serialize_detached().expect("bytes"))
    };
    assert_eq!(
        named(MATCH, "ada#0001"),
        Ok(OpenedHandshake::Certificate(fingerprint()))
    );
    assert_eq!(
        named(MatchId(42), "ada#0001"),
        Err(MlsError::Plaintext("it names another match"))
    );
    assert_eq!(
        named(MATCH, "bora#0002"),
        Err(MlsError::Plaintext("it names another sender"))
    );
}

#[test]
fn keys_are_renewed_by_either_kind_and_strangers_by_neither() {
    let (mut ada, mut bora) = pair();
    let (group, provider, signer) = ada.parts(MATCH);
    let bundle = group
        .self_update(provider, signer, LeafNodeParameters::default())
        .expect("commit");
    let commit = bundle
        .into_commit()
        .tls_serialize_detached()
        .expect("bytes");
    group.merge_pending_commit(provider).expect("merged");
    assert_eq!(
        bora.open_handshake(MATCH, &commit),
        Ok(OpenedHandshake::KeyUpdate)
    );
    assert_eq!(ada.safety_number(MATCH), bora.safety_number(MATCH));
}
