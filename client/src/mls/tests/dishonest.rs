//! A peer that breaks the rules inside a properly encrypted message.

use super::*;

/// What a peer says that keeps the rules.
fn honest() -> Plaintext {
    Plaintext {
        salt: Zeroizing::new([9; 32]),
        match_id: MATCH,
        sender_handle: "ada#0001".into(),
        content: Zeroizing::new(br#"{"type":"text","text":"a"}"#.to_vec()),
    }
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

#[test]
fn a_dishonest_peer_is_refused() {
    let (mut ada, mut bora) = pair();
    let honest = honest();
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

    assert_eq!(
        attempt(&bytes(&honest), honest_tag).as_deref(),
        Ok("a"),
        "the session lives on"
    );
}

#[test]
fn a_plaintext_of_another_form_is_refused() {
    let (mut ada, mut bora) = pair();
    let honest = honest();
    let honest_tag = franking_tag(&honest.salt, MATCH, &honest.sender_handle, &honest.content);
    let mut attempt = |plaintext: &[u8], tag: FrankingTag| {
        let sealed = ada
            .seal_raw(MATCH, plaintext, tag)
            .expect("MLS takes any plaintext");
        hear(&mut bora, &sealed)
    };
    let bytes = |plaintext: &Plaintext| plaintext.to_bytes().expect("fits");

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
    let plaintext = honest();
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
