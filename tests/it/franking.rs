//! The server's word for messages: the same for both sides, on every way, and for nothing that was
//! not said.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tebdil_client::{
    chat::{Chat, ChatEvent, ChatEvents, ChatOptions},
    raw::framed,
};
use tebdil_core::{franking::EvidenceError, testing::Backend};
use tebdil_protocol::{
    Evidence, MessageAccepted,
    domain::ReportReason,
    franking::franking_tag,
    id::{MatchId, UserId},
    time::Clock,
};

use crate::{
    harness::{PASSWORD, TestServer},
    sockets::{Person, franked_message, message, pair},
};

scenarios! {
    both_sides_hold_the_servers_word_and_nothing_else_is_proof,
    the_word_is_the_same_on_every_way,
    a_tag_that_is_not_inside_is_refused_and_nothing_is_delivered,
}

async fn next<T>(events: &mut ChatEvents, wanted: impl Fn(&ChatEvent) -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = wanted(&events.recv().await.expect("an event")) {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), found)
        .await
        .expect("in time")
}

/// Two people with the client that people use, in a match.
struct Couple {
    ayse: Chat,
    hers: ChatEvents,
    berk: Chat,
    his: ChatEvents,
    match_id: MatchId,
}

impl Couple {
    async fn meet(server: &TestServer) -> Self {
        // The encryption checks lifetimes against the machine's clock.
        server.clock.set(Clock::system(0).now());
        let options = ChatOptions::new(server.base.clone());
        let register = async |alias| {
            Chat::register_simple(&options, &server.phone(), PASSWORD, alias)
                .await
                .expect("registered")
        };
        let ((ayse, mut hers), (berk, mut his)) = (register("ayse").await, register("berk").await);
        ayse.find(&[]).await.expect("searching");
        berk.find(&[]).await.expect("searching");
        let secured = |event: &ChatEvent| match event {
            ChatEvent::Secured { match_id, .. } => Some(*match_id),
            _ => None,
        };
        let match_id = next(&mut hers, secured).await;
        assert_eq!(next(&mut his, secured).await, match_id);
        Self {
            ayse,
            hers,
            berk,
            his,
            match_id,
        }
    }

    /// One message of hers to him: what the server told her of it, and what he can show.
    async fn ayse_says(&mut self, text: &str) -> (MessageAccepted, Evidence) {
        let sent = self.ayse.send(self.match_id, text).await.expect("sealed");
        let accepted = sent.await.expect("accepted");
        next(&mut self.his, |event| {
            matches!(event, ChatEvent::Text { text: said, .. } if said == text).then_some(())
        })
        .await;
        let evidence = self
            .berk
            .evidence(self.match_id)
            .await
            .expect("open")
            .pop()
            .expect("the message");
        (accepted, evidence)
    }

    async fn part(mut self) {
        self.ayse.leave(self.match_id).await.expect("left");
        for events in [&mut self.hers, &mut self.his] {
            next(events, |event| {
                matches!(event, ChatEvent::Ended { .. }).then_some(())
            })
            .await;
        }
        let shown = self
            .berk
            .report(self.match_id, ReportReason::Threat, None)
            .await;
        assert_eq!(
            shown.expect("the server takes what its key vouches for"),
            2,
            "evidence outlives the match"
        );
        self.ayse.close().await;
        self.berk.close().await;
    }
}

async fn both_hold_the_same(couple: &mut Couple) -> (Evidence, Evidence) {
    let (accepted, first) = couple.ayse_says("seni bulacağım").await;
    let (_, second) = couple.ayse_says("şaka").await;
    assert_eq!(
        accepted.frank.as_ref(),
        Some(&first.frank),
        "both sides hold the same"
    );
    assert_eq!((accepted.seq, accepted.sent_at), (first.seq, first.sent_at));
    assert_eq!(
        first.content,
        r#"{"type":"text","text":"seni bulacağım"}"#.as_bytes()
    );
    assert!(
        couple
            .ayse
            .evidence(couple.match_id)
            .await
            .expect("open")
            .is_empty(),
        "own words are no evidence"
    );
    (first, second)
}

async fn both_sides_hold_the_servers_word_and_nothing_else_is_proof(server: TestServer) {
    let mut couple = Couple::meet(&server).await;
    let (ayse, berk, handle) = (
        couple.ayse.user().id,
        couple.berk.user().id,
        couple.ayse.user().handle.clone(),
    );
    let (first, second) = both_hold_the_same(&mut couple).await;

    let keys = &server.app.franking;
    for evidence in [&first, &second] {
        assert_eq!(keys.verify(evidence, ayse, berk, &handle), Ok(()));
    }
    assert_eq!(
        keys.verify(&first, berk, ayse, &handle),
        Err(EvidenceError::Frank),
        "sender and recipient swapped"
    );
    assert_eq!(
        keys.verify(&first, UserId(1), berk, &handle),
        Err(EvidenceError::Frank),
        "another sender"
    );
    let changed = |change: &dyn Fn(&mut Evidence)| {
        let mut bad = first.clone();
        change(&mut bad);
        keys.verify(&bad, ayse, berk, &handle)
    };
    // He knows the salt, and could make a tag for any words; but the server has vouched for one tag
    // only.
    let retag = |bad: &mut Evidence, salt: [u8; 32]| {
        bad.franking_tag = franking_tag(&salt, bad.match_id, &handle, &bad.content).to_vec();
    };
    let salt: [u8; 32] = first.salt.as_slice().try_into().expect("32 bytes");
    assert_eq!(
        changed(&|bad| bad.content = b"{}".to_vec()),
        Err(EvidenceError::Tag)
    );
    let invented = changed(&|bad| {
        bad.content = b"{}".to_vec();
        retag(bad, salt);
    });
    assert_eq!(
        invented,
        Err(EvidenceError::Frank),
        "other words with a tag of their own"
    );
    assert_eq!(
        changed(&|bad| bad.salt = vec![0; 32]),
        Err(EvidenceError::Tag)
    );
    let replayed = changed(&|bad| {
        bad.match_id = MatchId(bad.match_id.0 + 1);
        retag(bad, salt);
    });
    assert_eq!(
        replayed,
        Err(EvidenceError::Frank),
        "replayed in another match"
    );
    assert_eq!(
        changed(&|bad| bad.frank = second.frank.clone()),
        Err(EvidenceError::Frank),
        "the word for another message"
    );
    assert_eq!(
        changed(&|bad| bad.seq = second.seq),
        Err(EvidenceError::Frank)
    );
    assert_eq!(
        changed(&|bad| bad.ciphertext_sha256.clone_from(&second.ciphertext_sha256)),
        Err(EvidenceError::Frank)
    );
    assert_eq!(
        changed(&|bad| "f9".clone_into(&mut bad.frank.kid)),
        Err(EvidenceError::UnknownKey)
    );
    couple.part().await;
    server.stop().await;
}

/// What waits for a device in a match, as it is read over HTTP.
async fn waiting(server: &TestServer, person: &Person, id: &str) -> Value {
    let path = format!("/v1/matches/{id}/messages");
    let page = server.get(&path, &person.user.access).await.expect(200);
    page["items"].clone()
}

async fn the_word_is_the_same_on_every_way(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let mut other = Person::again(&server, &a).await;
    let frame = franked_message(&id, 1, [7; 32]);
    let accepted = a.ask(frame.clone()).await;
    let word = accepted["frank"].clone();
    assert_eq!(
        STANDARD
            .decode(word["mac"].as_str().expect("base64"))
            .expect("base64")
            .len(),
        32
    );
    let new = b.until("message.new").await;
    assert_eq!(
        (&new["frank"], &new["franking_tag"], &new["ciphertext"]),
        (&word, &frame["franking_tag"], &frame["ciphertext"])
    );
    other.hears_no("message.new").await;

    // A repeat is answered with the word for what is stored, whatever it brings itself.
    let changed = franked_message(&id, 1, [8; 32]);
    assert_eq!(a.ask(changed.clone()).await["frank"], word);
    assert_eq!(
        b.until("message.new").await,
        new,
        "delivered again as it was"
    );
    b.send(json!({"type": "message.sync", "match_id": id, "peer_seq": 0}))
        .await;
    assert_eq!(b.until("message.new").await, new);
    drop(std::mem::replace(
        &mut b.socket,
        tebdil_client::raw::RawSocket::open(&server.base)
            .await
            .expect("a socket"),
    ));
    b.send(json!({"type": "hello", "token": b.user.access, "resume": [{"match_id": id, "peer_seq": 0}]})).await;
    assert_eq!(b.until("message.new").await, new, "on coming back");

    let plain = a.say(&id, 2, "no tag").await;
    assert!(plain.get("frank").is_none() && b.until("message.new").await.get("frank").is_none());
    let held = waiting(&server, &b, &id).await;
    assert_eq!((&held[0]["frank"], held[1].get("frank")), (&word, None));

    // What is acknowledged is no longer held, and there is nothing to vouch for.
    b.acknowledge(&id, 2).await;
    a.until("message.delivered").await;
    let repeated = a.ask(changed).await;
    assert_eq!(
        (&repeated["sent_at"], repeated.get("frank")),
        (&accepted["sent_at"], None)
    );
    server.stop().await;
}

async fn a_tag_that_is_not_inside_is_refused_and_nothing_is_delivered(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let tag = json!(STANDARD.encode([7; 32]));
    let with_tag = |ciphertext: &[u8]| {
        let mut frame = message(&id, 1, "");
        frame["ciphertext"] = json!(STANDARD.encode(ciphertext));
        frame["franking_tag"] = tag.clone();
        frame
    };
    let whole = framed(&[7; 32], &[1; 64]);
    let mut commit = whole.clone();
    commit[29] = 3;
    let not_inside: [&[u8]; 5] = [
        b"opaque",
        &framed(&[8; 32], &[1; 64]),
        &whole[..whole.len() - 1],
        &[&whole[..], &[0]].concat(),
        &commit,
    ];
    for ciphertext in not_inside {
        let code = a.refused(with_tag(ciphertext)).await;
        assert_eq!(code, "franking_tag_mismatch");
    }
    let mut handshake = with_tag(&whole);
    handshake["kind"] = json!("handshake");
    assert_eq!(a.refused(handshake).await, "invalid_field");

    b.hears_no("message.new").await;
    assert_eq!(waiting(&server, &b, &id).await, json!([]));
    let accepted = a.ask(with_tag(&whole)).await;
    assert_eq!(
        (&accepted["type"], &accepted["seq"]),
        (&json!("message.accepted"), &json!(1)),
        "no number was used"
    );
    assert_eq!(b.until("message.new").await["seq"], 1);
    server.stop().await;
}

/// A server starts with one key, and later with a new one: what the old one vouched for still
/// counts while it is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_word_of_a_replaced_key_counts_while_the_key_is_kept() {
    const SETTING: &str = "TEBDIL_SECRETS__FRANKING_KEYS";
    let [old, new] = ["M", "Q"].map(|byte| format!("{}=", byte.repeat(43)));
    let server = TestServer::start(Backend::Sqlite, &[(SETTING, &format!("f1:{old}"))])
        .await
        .expect("SQLite is always there");
    let mut couple = Couple::meet(&server).await;
    let (ayse, berk, handle) = (
        couple.ayse.user().id,
        couple.berk.user().id,
        couple.ayse.user().handle.clone(),
    );
    let (_, evidence) = couple.ayse_says("bir").await;
    couple.ayse_says("iki").await;
    assert_eq!(evidence.frank.kid, "f1");
    couple.part().await;
    server.stop().await;

    for (ring, verdict) in [
        (format!("f2:{new},f1:{old}"), Ok(())),
        (format!("f2:{new}"), Err(EvidenceError::UnknownKey)),
        (format!("f1:{new}"), Err(EvidenceError::Frank)),
    ] {
        let server = TestServer::start(Backend::Sqlite, &[(SETTING, &ring)])
            .await
            .expect("SQLite is always there");
        assert_eq!(
            server.app.franking.verify(&evidence, ayse, berk, &handle),
            verdict,
            "{ring}"
        );
        let (mut a, _b, id) = pair(&server).await;
        assert_eq!(
            a.ask(franked_message(&id, 1, [7; 32])).await["frank"]["kid"],
            ring[..2],
            "the first key vouches from now on"
        );
        server.stop().await;
    }
}
