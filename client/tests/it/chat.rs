use std::{path::Path, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use tebdil_client::{
    chat::{Chat, ChatError, ChatEvent, ChatEvents, ChatOptions, test_phone},
    connection::Backoff,
    mls::SafetyNumber,
    state::StateDir,
};
use tebdil_protocol::{
    ErrorCode, WhoEnded,
    domain::{EndReason, ReportReason},
    franking::{ciphertext_sha256, verify_tag},
    id::MatchId,
};

use crate::relay::{Out, Relay};

pub struct Person {
    pub chat: Chat,
    pub events: ChatEvents,
}

pub fn options(relay: &Relay) -> ChatOptions {
    let mut options = ChatOptions::new(&relay.address);
    options.key_packages = 3;
    options.tune = Some(Arc::new(|connection| {
        connection.backoff = Backoff {
            first: Duration::from_millis(1),
            max: Duration::from_millis(5),
        };
        connection.resend_after = Duration::from_millis(200);
    }));
    options
}

/// Options of a client whose state outlives it.
pub fn stored(relay: &Relay, folder: &Path) -> ChatOptions {
    let mut options = options(relay);
    options.state = Some(StateDir::open(folder).expect("nobody else holds the lock"));
    options
}

impl Person {
    /// The next process of a client that was closed.
    pub async fn resume(relay: &Relay, folder: &Path) -> Self {
        let resumed = Chat::resume(&stored(relay, folder)).await.expect("resumes");
        let (chat, events) = resumed.expect("signed in");
        Self { chat, events }
    }

    pub async fn register(options: &ChatOptions, alias: &str) -> Self {
        let (chat, events) =
            Chat::register_simple(options, &test_phone(1), "a long password", alias)
                .await
                .expect("registered");
        Self { chat, events }
    }

    pub async fn until<T>(&mut self, mut wanted: impl FnMut(&ChatEvent) -> Option<T>) -> T {
        loop {
            let event = tokio::time::timeout(Duration::from_secs(10), self.events.recv())
                .await
                .expect("in time")
                .expect("an event");
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }

    pub async fn secured(&mut self) -> (MatchId, SafetyNumber) {
        self.until(|event| match event {
            ChatEvent::Secured {
                match_id,
                safety_number,
            } => Some((*match_id, safety_number.clone())),
            ChatEvent::NotSecured { error, .. } => panic!("{error}"),
            _ => None,
        })
        .await
    }

    pub async fn text(&mut self) -> String {
        self.until(|event| match event {
            ChatEvent::Text { text, .. } => Some(text.clone()),
            ChatEvent::Unreadable { error, .. } => panic!("{error:?}"),
            _ => None,
        })
        .await
    }

    pub async fn connected(&mut self) {
        self.until(|event| matches!(event, ChatEvent::Connected { .. }).then_some(()))
            .await;
    }
}

/// Two people in a match; the first one is its offerer.
pub async fn couple(relay: &Relay) -> (Person, Person, MatchId) {
    let (mut ada, mut bora) = (
        Person::register(&options(relay), "ada").await,
        Person::register(&options(relay), "bora").await,
    );
    ada.chat.find(&[]).await.expect("searching");
    bora.chat.find(&["satranç"]).await.expect("searching");
    let (match_id, ada_number) = ada.secured().await;
    let (_, bora_number) = bora.secured().await;
    assert_eq!(ada_number, bora_number);
    (ada, bora, match_id)
}

#[tokio::test]
async fn two_people_meet_write_and_part() {
    let relay = Relay::start().await;
    let (mut ada, mut bora, id) = couple(&relay).await;
    assert_eq!(
        ada.chat.safety_number(id).await.expect("open"),
        bora.chat.safety_number(id).await.expect("open")
    );
    assert_eq!(
        ada.chat
            .send_and_wait(id, "merhaba")
            .await
            .expect("accepted"),
        2,
        "the handshake is the first message"
    );
    assert_eq!(bora.text().await, "merhaba");
    ada.until(|event| matches!(event, ChatEvent::Delivered { seq: 2, .. }).then_some(()))
        .await;
    bora.chat.read(id, 2).await;
    ada.until(|event| matches!(event, ChatEvent::Read { seq: 2, .. }).then_some(()))
        .await;
    bora.chat.typing(id, true).await;
    ada.until(|event| matches!(event, ChatEvent::Typing { on: true, .. }).then_some(()))
        .await;
    bora.chat.send(id, "selam 👋").await.expect("sent");
    assert_eq!(ada.text().await, "selam 👋");

    relay.change(|world| {
        let stored = format!("{:?}", world.matches[0].messages);
        assert!(
            !stored.contains("merhaba"),
            "the server holds ciphertext only"
        );
    });

    ada.chat.leave(id).await.expect("left");
    let details = bora.until(|event| match event {
        ChatEvent::Ended { details, .. } => *details,
        _ => None,
    });
    let details = details.await;
    assert_eq!(
        (details.reason, details.by),
        (EndReason::Left, WhoEnded::Peer)
    );
    assert!(matches!(
        bora.chat.send(id, "geç").await,
        Err(ChatError::NoSuchMatch)
    ));
    assert!(bora.chat.conversations().await.expect("open").is_empty());
    bora.chat.close().await;
    assert!(matches!(
        bora.chat.send(id, "kapalı").await,
        Err(ChatError::Send(_) | ChatError::Closed)
    ));
}

#[tokio::test]
async fn a_text_before_the_handshake_waits_for_it() {
    let relay = Relay::start().await;
    let (mut ada, mut bora) = (
        Person::register(&options(&relay), "ada").await,
        Person::register(&options(&relay), "bora").await,
    );
    relay.change(|world| world.swallow = 1);
    ada.chat.find(&[]).await.expect("searching");
    bora.chat.find(&[]).await.expect("searching");
    let (id, _) = ada.secured().await;
    bora.until(|event| {
        matches!(
            event,
            ChatEvent::Matched {
                this_device: true,
                ..
            }
        )
        .then_some(())
    })
    .await;
    let sent = bora.chat.send(id, "erken").await.expect("kept");
    // The handshake was swallowed; it goes out again.
    assert_eq!(sent.await.expect("accepted").seq, 1);
    assert_eq!(ada.text().await, "erken");
}

#[tokio::test]
async fn texts_survive_lost_sockets_on_both_sides() {
    let relay = Relay::start().await;
    let (ada, mut bora, id) = couple(&relay).await;
    let mut sent = vec![];
    for round in 0..10 {
        if round % 3 == 0 {
            relay.change(|world| world.swallow = 1);
        }
        for n in 0..5 {
            sent.push(
                ada.chat
                    .send(id, format!("{round}.{n}"))
                    .await
                    .expect("sent"),
            );
        }
        relay.tell(round % 2, Out::Cut);
    }
    let mut got = vec![];
    while got.len() < 50 {
        got.push(bora.text().await);
    }
    let expected: std::collections::BTreeSet<_> = (0..10)
        .flat_map(|round| (0..5).map(move |n| format!("{round}.{n}")))
        .collect();
    assert_eq!(
        got.iter()
            .cloned()
            .collect::<std::collections::BTreeSet<_>>(),
        expected,
        "each once: {got:?}"
    );
    for sent in sent {
        sent.await.expect("accepted");
    }
}

#[tokio::test]
async fn a_search_outlives_its_socket() {
    let relay = Relay::start().await;
    let (mut ada, bora) = (
        Person::register(&options(&relay), "ada").await,
        Person::register(&options(&relay), "bora").await,
    );
    ada.chat.find(&[]).await.expect("searching");
    ada.connected().await;
    relay.tell(0, Out::Cut);
    ada.connected().await;
    ada.until(|event| matches!(event, ChatEvent::Searching { .. }).then_some(()))
        .await;
    bora.chat.find(&[]).await.expect("searching");
    ada.secured().await;

    relay.change(|world| world.exhausted = Some(1));
    let error = bora.chat.find(&[]).await.expect_err("exhausted");
    assert_eq!(error.code(), Some(ErrorCode::QuotaExhausted));
}

#[tokio::test]
async fn a_search_that_succeeded_without_its_socket_does_not_go_on() {
    let relay = Relay::start().await;
    let (mut ada, mut bora) = (
        Person::register(&options(&relay), "ada").await,
        Person::register(&options(&relay), "bora").await,
    );
    ada.chat.find(&[]).await.expect("searching");
    bora.connected().await;
    relay.change(|world| {
        world.lose_socket(0);
        world.waiting = None;
        world.pair(0, 1);
    });
    ada.until(|event| {
        matches!(
            event,
            ChatEvent::Matched {
                this_device: true,
                ..
            }
        )
        .then_some(())
    })
    .await;
    let (id, number) = ada.secured().await;
    assert_eq!(bora.secured().await, (id, number));
    ada.chat
        .send_and_wait(id, "merhaba")
        .await
        .expect("accepted");
    assert_eq!(bora.text().await, "merhaba");
    assert_eq!(
        relay.change(|world| world.waiting),
        None,
        "one wish, one match"
    );
}

#[tokio::test]
async fn keys_are_refilled_when_they_run_low() {
    let relay = Relay::start().await;
    let (ada, mut bora, id) = couple(&relay).await;
    ada.chat.leave(id).await.expect("left");
    bora.until(|event| matches!(event, ChatEvent::Ended { .. }).then_some(()))
        .await;
    for _ in 0..5 {
        ada.chat.find(&[]).await.expect("searching");
        bora.chat.find(&[]).await.expect("searching");
        let (id, _) = bora.secured().await;
        bora.chat.leave(id).await.expect("left");
    }
    assert!(relay.change(|world| world.users[1].last_resort.is_some()));
    bora.chat.block(MatchId(1)).await.expect("blocked");
}

#[tokio::test]
async fn a_chat_goes_on_after_a_restart() {
    let relay = Relay::start().await;
    let folder = tempfile::tempdir().expect("folder");
    let folder = folder.path().join("ada");
    let mut ada = Person::register(&stored(&relay, &folder), "ada").await;
    let mut bora = Person::register(&options(&relay), "bora").await;
    ada.chat.find(&[]).await.expect("searching");
    bora.chat.find(&[]).await.expect("searching");
    let (id, number) = ada.secured().await;
    bora.secured().await;
    ada.chat.send_and_wait(id, "bir").await.expect("accepted");
    bora.chat.send_and_wait(id, "iki").await.expect("accepted");
    assert_eq!(ada.text().await, "iki");

    // One more text that the server does not take before the end of the process.
    relay.change(|world| world.swallow = 1);
    ada.chat.send(id, "üç").await.expect("sealed");
    ada.chat.close().await;
    drop(ada);
    bora.chat.send_and_wait(id, "dört").await.expect("accepted");
    relay.change(|world| world.swallow = 0);

    let mut ada = Person::resume(&relay, &folder).await;
    let (_, after) = ada.secured().await;
    assert_eq!(after, number);
    assert_eq!(ada.text().await, "dört", "and not what was shown before");
    assert_eq!(bora.text().await, "bir");
    assert_eq!(bora.text().await, "üç");
    assert_eq!(
        ada.chat.send_and_wait(id, "beş").await.expect("accepted"),
        4,
        "behind the handshake and two texts"
    );
    assert_eq!(bora.text().await, "beş");
    ada.chat.close().await;

    for name in ["account.json", "device.json"] {
        let text = std::fs::read_to_string(folder.join(name)).expect("state");
        assert!(
            !text.contains("dört")
                && !text.contains("a long password")
                && !text.contains(&test_phone(1)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_report_shows_what_the_peer_said_also_after_a_restart() {
    let relay = Relay::start().await;
    let folder = tempfile::tempdir().expect("folder");
    let mut ada = Person::register(&stored(&relay, folder.path()), "ada").await;
    let mut bora = Person::register(&options(&relay), "bora").await;
    ada.chat.find(&[]).await.expect("searching");
    bora.chat.find(&[]).await.expect("searching");
    let (id, _) = ada.secured().await;
    bora.secured().await;
    assert!(ada.chat.evidence(id).await.expect("open").is_empty());
    ada.chat
        .send_and_wait(id, "kendi sözüm")
        .await
        .expect("accepted");
    for number in 0..22 {
        bora.chat
            .send_and_wait(id, format!("söz {number}"))
            .await
            .expect("accepted");
        ada.text().await;
    }
    let shown = ada.chat.evidence(id).await.expect("open");
    let sent = relay.change(|world| {
        let of_bora = world.matches[0]
            .messages
            .iter()
            .filter(|(side, new)| *side == 1 && new["kind"] == "content");
        of_bora
            .map(|(_, new)| {
                STANDARD
                    .decode(new["ciphertext"].as_str().expect("base64"))
                    .expect("base64")
            })
            .collect::<Vec<_>>()
    });
    assert_eq!((shown.len(), sent.len()), (20, 22));
    for (number, (evidence, ciphertext)) in (2..).zip(shown.iter().zip(&sent[2..])) {
        assert_eq!(
            evidence.content,
            format!(r#"{{"type":"text","text":"söz {number}"}}"#).as_bytes()
        );
        let salt = evidence.salt.as_slice().try_into().expect("32 bytes");
        assert!(verify_tag(
            &evidence.franking_tag,
            &salt,
            id,
            "bora#0001",
            &evidence.content
        ));
        assert_eq!(evidence.sender_handle.as_deref(), Some("bora#0001"));
        assert_eq!(evidence.ciphertext_sha256, ciphertext_sha256(ciphertext));
    }

    ada.chat.leave(id).await.expect("left");
    ada.until(|event| matches!(event, ChatEvent::Ended { .. }).then_some(()))
        .await;
    ada.chat.close().await;
    drop(ada);
    let ada = Person::resume(&relay, folder.path()).await;
    assert_eq!(
        ada.chat
            .report(id, ReportReason::Threat, Some("tehdit"))
            .await
            .expect("reported"),
        20
    );
    let report = json!({"match_id": id, "reason": "threat", "note": "tehdit", "evidence": shown});
    assert_eq!(relay.change(|world| world.reports.clone()), [report]);
    let again = ada
        .chat
        .report(id, ReportReason::Spam, None)
        .await
        .expect_err("once");
    assert_eq!(again.code(), Some(ErrorCode::AlreadyReported));
    ada.chat.close().await;
}

#[tokio::test]
async fn without_keys_or_session_there_is_nothing_to_resume() {
    let relay = Relay::start().await;
    let folder = tempfile::tempdir().expect("folder");
    let stored = stored(&relay, folder.path());
    assert!(Chat::resume(&stored).await.expect("fine").is_none());
    let ada = Person::register(&stored, "ada").await;
    ada.chat.close().await;
    relay.change(|world| world.users[0].renewals = 7);
    assert!(
        Chat::resume(&stored).await.expect("fine").is_none(),
        "the session was revoked"
    );
    std::fs::remove_file(folder.path().join("device.json")).expect("removed");
    assert!(
        Chat::resume(&stored).await.expect("fine").is_none(),
        "a session without its keys"
    );
}

#[tokio::test]
async fn a_final_close_is_told() {
    let relay = Relay::start().await;
    let mut ada = Person::register(&options(&relay), "ada").await;
    ada.connected().await;
    relay.tell(0, Out::Close(4003));
    ada.until(|event| matches!(event, ChatEvent::Closed(_)).then_some(()))
        .await;
    assert_eq!(ada.events.recv().await, None);
}
