//! Certificates of calls: told through the encryption, and held against what the server passes on.

use tebdil_client::{
    call::CallError,
    chat::{ChatError, ChatEvent},
};
use tebdil_protocol::{
    RtcCandidate, RtcDescription,
    domain::{CallState, DescriptionKind},
    id::MatchId,
};

use crate::{
    chat::{Person, couple, options, stored},
    relay::Relay,
};

fn fingerprint(pair: &str) -> String {
    format!("sha-256 {}", [pair; 32].join(":"))
}

fn description(match_id: MatchId, kind: DescriptionKind, fingerprint: &str) -> RtcDescription {
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=fingerprint:{fingerprint}\r\n"
    );
    RtcDescription {
        match_id,
        kind,
        sdp: sdp.as_str().into(),
        round: None,
    }
}

fn candidate(match_id: MatchId) -> RtcCandidate {
    RtcCandidate {
        match_id,
        candidate: "candidate:1".into(),
        sdp_mid: None,
        sdp_m_line_index: Some(0),
    }
}

impl Person {
    async fn offers(&self, match_id: MatchId, pair: &str) -> Result<(), ChatError> {
        self.chat
            .describe(description(
                match_id,
                DescriptionKind::Offer,
                &fingerprint(pair),
            ))
            .await
    }

    async fn answers(&self, match_id: MatchId, pair: &str) -> Result<(), ChatError> {
        self.chat
            .describe(description(
                match_id,
                DescriptionKind::Answer,
                &fingerprint(pair),
            ))
            .await
    }

    /// The next description, or why there is none.
    async fn description(&mut self) -> Result<RtcDescription, CallError> {
        self.until(|event| match event {
            ChatEvent::Description(description) => Some(Ok(description.clone())),
            ChatEvent::CallRefused { error, .. } => Some(Err(*error)),
            ChatEvent::Text { .. } | ChatEvent::Unreadable { .. } => panic!("no chat: {event:?}"),
            _ => None,
        })
        .await
    }

    async fn candidate(&mut self) {
        self.until(|event| match event {
            ChatEvent::Candidate(_) => Some(()),
            ChatEvent::Description(_) | ChatEvent::CallRefused { .. } => {
                panic!("a candidate was expected: {event:?}")
            }
            _ => None,
        })
        .await;
    }
}

async fn call() -> (Relay, Person, Person, MatchId) {
    let relay = Relay::start().await;
    relay.change(|world| world.video = true);
    let (ada, bora, match_id) = couple(&relay).await;
    (relay, ada, bora, match_id)
}

#[tokio::test]
async fn descriptions_follow_the_certificates_they_name() {
    let (relay, mut ada, mut bora, id) = call().await;
    let servers = ada.chat.ice_servers(id).await.expect("relays");
    assert_eq!(
        (servers.transport_policy.as_str(), servers.ice_servers.len()),
        ("relay", 1)
    );
    ada.offers(id, "0A").await.expect("sent");
    ada.chat.candidate(candidate(id)).await.expect("sent");
    assert_eq!(
        bora.description()
            .await
            .map(|offer| (offer.kind, offer.round)),
        Ok((DescriptionKind::Offer, Some(1)))
    );
    bora.candidate().await;
    bora.answers(id, "0B").await.expect("sent");
    assert_eq!(
        ada.description().await.map(|answer| answer.kind),
        Ok(DescriptionKind::Answer)
    );
    ada.offers(id, "0A").await.expect("a renegotiation");
    bora.description().await.expect("of the same certificate");
    ada.chat
        .call_state(id, CallState::Connected)
        .await
        .expect("sent");
    bora.until(|event| {
        matches!(event, ChatEvent::CallState(said) if said.state == CallState::Connected)
            .then_some(())
    })
    .await;

    let another = ada
        .offers(id, "0C")
        .await
        .expect_err("one certificate for a call");
    assert!(
        matches!(another, ChatError::Call(CallError::AnotherCertificate)),
        "{another:?}"
    );
    let none = ada
        .chat
        .describe(description(id, DescriptionKind::Offer, "sha-1 00"))
        .await
        .expect_err("weak");
    assert!(
        matches!(none, ChatError::Call(CallError::NotSha256)),
        "{none:?}"
    );
    assert!(matches!(
        ada.offers(MatchId(9), "0A").await,
        Err(ChatError::NoSuchMatch)
    ));

    // The welcome and a certificate each, which nobody is shown, and which nobody can report or
    // claim by.
    assert!(
        ada.chat.evidence(id).await.expect("open").is_empty()
            && bora.chat.evidence(id).await.expect("open").is_empty()
    );
    relay.change(|world| {
        let sent: Vec<_> = world.matches[0]
            .messages
            .iter()
            .map(|(side, new)| (*side, new["kind"].as_str(), new.get("franking_tag")))
            .collect();
        let handshake = Some("handshake");
        assert_eq!(
            sent,
            [
                (0, handshake, None),
                (0, handshake, None),
                (1, handshake, None)
            ]
        );
    });
}

/// The match goes on: what was refused is told again before the next description.
#[tokio::test]
async fn a_refused_certificate_is_told_with_the_next_offer() {
    let (relay, mut person, mut peer, id) = call().await;
    // The offerer's comes behind the handshake, the other's is the first it says.
    for seq in [2, 1] {
        relay.change(|world| world.refuse = [Some("bad_request")].into());
        person.offers(id, "0A").await.expect("sent");
        let refused = person.until(|event| match event {
            ChatEvent::Refused { seq, .. } => Some(*seq),
            ChatEvent::NotSecured { .. } => panic!("{event:?}"),
            _ => None,
        });
        assert_eq!(refused.await, Some(seq));
        person.offers(id, "0A").await.expect("sent");
        peer.description().await.expect("of a certificate it knows");
        std::mem::swap(&mut person, &mut peer);
    }
}

#[tokio::test]
async fn a_server_that_swaps_certificates_gets_no_call() {
    let (relay, ada, mut bora, id) = call().await;
    relay.change(|world| world.swap_fingerprints = Some(fingerprint("FF")));
    ada.offers(id, "0A").await.expect("sent");
    ada.chat.candidate(candidate(id)).await.expect("sent");
    assert_eq!(bora.description().await, Err(CallError::NotPinned));
    relay.change(|world| world.swap_fingerprints = None);
    ada.offers(id, "0A").await.expect("sent");
    ada.chat.candidate(candidate(id)).await.expect("sent");
    assert!(
        bora.description().await.is_ok(),
        "and the candidate of the refused one was not handed on"
    );
    bora.candidate().await;
    relay.change(|world| world.swap_fingerprints = Some(fingerprint("FF")));
    ada.offers(id, "0A").await.expect("a renegotiation");
    assert_eq!(bora.description().await, Err(CallError::NotPinned));
}

#[tokio::test]
async fn a_swapped_answer_is_refused_too() {
    let (relay, mut ada, mut bora, id) = call().await;
    ada.offers(id, "0A").await.expect("sent");
    bora.description().await.expect("checked");
    relay.change(|world| world.swap_fingerprints = Some(fingerprint("FF")));
    bora.answers(id, "0B").await.expect("sent");
    assert_eq!(ada.description().await, Err(CallError::NotPinned));
}

#[tokio::test]
async fn a_description_waits_for_its_certificate() {
    let (relay, ada, mut bora, id) = call().await;
    relay.change(|world| world.keep_back = Some(Vec::new()));
    ada.offers(id, "0A").await.expect("sent");
    ada.chat.candidate(candidate(id)).await.expect("sent");
    ada.chat
        .call_state(id, CallState::Failed)
        .await
        .expect("sent");
    let before = |event: &ChatEvent| match event {
        ChatEvent::CallState(_) => Some(()),
        ChatEvent::Description(_) | ChatEvent::Candidate(_) | ChatEvent::CallRefused { .. } => {
            panic!("too early: {event:?}")
        }
        _ => None,
    };
    bora.until(before).await;
    relay.change(|world| {
        assert_eq!(world.keep_back.as_ref().map(Vec::len), Some(1));
        world.let_go();
    });
    let offer = bora.description().await.expect("it waited");
    assert_eq!(offer.kind, DescriptionKind::Offer);
    bora.candidate().await;
}

#[tokio::test]
async fn certificates_outlive_the_process() {
    let relay = Relay::start().await;
    relay.change(|world| world.video = true);
    let folder = tempfile::tempdir().expect("folder");
    let mut ada = Person::register(&options(&relay), "ada").await;
    let mut bora = Person::register(&stored(&relay, folder.path()), "bora").await;
    ada.chat.find(&[]).await.expect("searching");
    bora.chat.find(&[]).await.expect("searching");
    let (id, _) = ada.secured().await;
    bora.secured().await;
    ada.offers(id, "0A").await.expect("sent");
    bora.description().await.expect("checked");
    bora.answers(id, "0B").await.expect("sent");
    ada.description().await.expect("checked");
    bora.chat.close().await;
    drop(bora);

    let mut bora = Person::resume(&relay, folder.path()).await;
    bora.secured().await;
    let error = bora
        .answers(id, "0C")
        .await
        .expect_err("it kept its certificate or ends the call");
    assert!(
        matches!(error, ChatError::Call(CallError::AnotherCertificate)),
        "{error:?}"
    );
    ada.offers(id, "0A").await.expect("sent");
    bora.description().await.expect("still pinned");
    relay.change(|world| world.swap_fingerprints = Some(fingerprint("FF")));
    ada.offers(id, "0A").await.expect("sent");
    assert_eq!(bora.description().await, Err(CallError::NotPinned));
}
