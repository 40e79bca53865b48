use std::{sync::Arc, time::Duration};

use rand::seq::SliceRandom as _;
use tebdil_core::{
    franking::FrankedMessage,
    store::{Append, ChatRules, MatchDevice, NewMessage, NewReceipt, Receipt, Store},
    testing::TestStore,
};
use tebdil_protocol::{
    domain::MessageKind,
    franking::ciphertext_sha256,
    id::{MatchId, UserId},
    time::Timestamp,
};

use crate::{
    all_at_once,
    matches::{Account, couple, matched},
    rng,
};

mod held;
mod model;
mod numbers;

tebdil_core::store_conformance! {
    messages_are_numbered_per_sender_and_read_back,
    receipts_only_go_forward,
    parallel_senders_leave_no_gap,
    a_match_is_written_by_its_sides_while_it_lasts,
    a_match_belongs_to_one_device_on_each_side,
}

/// The message `seq` of `sender`, from the device it was made with.
pub fn message(match_id: MatchId, sender: &Account, seq: i64, text: &str) -> NewMessage {
    NewMessage {
        match_id,
        sender_id: sender.0.id,
        session_id: sender.1.id,
        seq,
        kind: MessageKind::Content,
        ciphertext: text.as_bytes().to_vec(),
        franking_tag: None,
        device_info: Arc::from("test"),
    }
}

/// The same, a handshake.
pub fn handshake(match_id: MatchId, sender: &Account, seq: i64) -> NewMessage {
    NewMessage {
        kind: MessageKind::Handshake,
        ..message(match_id, sender, seq, "h")
    }
}

/// `user` has received everything up to `seq`.
pub fn receipt(match_id: MatchId, user: &Account, seq: i64) -> NewReceipt {
    NewReceipt {
        match_id,
        user_id: user.0.id,
        session_id: user.1.id,
        seq,
        read: false,
    }
}

/// Writes in one match, and takes out what has arrived; again while it is held: by another node, or still by a transaction that was
/// given up.
pub async fn write(
    store: &Store,
    messages: &[NewMessage],
    receipts: &[NewReceipt],
    now: Timestamp,
) -> (Vec<Append>, Vec<Receipt>) {
    let written = write_by(store, messages, receipts, &ChatRules::default(), now).await;
    settle(store).await;
    written
}

/// Takes out at once what has arrived.
pub async fn settle(store: &Store) {
    store.messages().settle_all().await.unwrap();
}

/// The same by other rules, and without taking out what has arrived.
pub async fn write_by(
    store: &Store,
    messages: &[NewMessage],
    receipts: &[NewReceipt],
    rules: &ChatRules,
    now: Timestamp,
) -> (Vec<Append>, Vec<Receipt>) {
    let written = async {
        loop {
            let (appends, recorded) = store
                .messages()
                .write_chat(messages, receipts, rules, now)
                .await
                .unwrap();
            if !appends.contains(&Append::Busy) && !recorded.contains(&Receipt::Busy) {
                return (appends, recorded);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), written)
        .await
        .expect("nobody holds a match for long")
}

/// Says something of this kind, the next of its sender.
pub async fn say(t: &TestStore, match_id: MatchId, sender: &Account, kind: MessageKind) {
    let row = t.matches().match_of(match_id, sender.0.id).await.unwrap();
    let next = NewMessage {
        kind,
        ..message(match_id, sender, row.expect("a side").last_seq + 1, "x")
    };
    let outcomes = send(t, &[next]).await;
    assert!(
        matches!(outcomes[..], [Append::Accepted { .. }]),
        "{outcomes:?}"
    );
}

async fn send(t: &TestStore, messages: &[NewMessage]) -> Vec<Append> {
    write(t, messages, &[], t.now()).await.0
}

async fn receive(t: &TestStore, receipt: NewReceipt) -> Receipt {
    write(t, &[], &[receipt], t.now()).await.1.remove(0)
}

const fn reads(receipt: NewReceipt) -> NewReceipt {
    NewReceipt {
        read: true,
        ..receipt
    }
}

const fn device(of: &Account) -> MatchDevice {
    (of.0.id, of.1.id)
}

/// Numbers and texts of what waits for `user`, after `seq`.
async fn held(store: &Store, id: MatchId, user: &Account, after: i64) -> Vec<(i64, String)> {
    let rows = store
        .messages()
        .messages_from_peer(id, user.0.id, after, 1_000)
        .await
        .unwrap();
    rows.into_iter()
        .map(|row| (row.seq, String::from_utf8(row.content).unwrap()))
        .collect()
}

/// Rows of `messages` and of `message_logs`.
async fn rows(t: &TestStore) -> [i64; 2] {
    let messages = t
        .numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM messages")
        .await;
    let logs = t
        .numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM message_logs")
        .await;
    [messages[0], logs[0]]
}

async fn messages_are_numbered_per_sender_and_read_back(t: TestStore) {
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    let franked = NewMessage {
        franking_tag: Some(vec![9; 32]),
        ..message(id, &a, 1, "a1")
    };
    let batch = [franked, message(id, &b, 1, "b1"), message(id, &a, 2, "a2")];
    let accepted = |receiver| Append::Accepted {
        sent_at: t.now(),
        receiver,
    };
    assert_eq!(
        send(&t, &batch).await,
        [
            accepted(device(&b)),
            accepted(device(&a)),
            accepted(device(&b))
        ]
    );
    assert_eq!(
        send(&t, &[message(id, &a, 3, "a3")]).await,
        [accepted(device(&b))]
    );

    let expected = |seq: i64| (seq, format!("a{seq}"));
    assert_eq!(held(&t, id, &b, 1).await, [expected(2), expected(3)]);
    let first = t.messages().messages_from_peer(id, b.0.id, 0, 1).await;
    let first = first.unwrap().remove(0);
    let franked = FrankedMessage {
        tag: [9; 32],
        match_id: id,
        sender_id: a.0.id,
        recipient_id: b.0.id,
        seq: 1,
        sent_at: t.now(),
        ciphertext_sha256: ciphertext_sha256(b"a1"),
    };
    assert_eq!(
        (first.kind, first.sent_at, first.franked()),
        (MessageKind::Content, t.now(), Some(franked))
    );
    let unvouched = t.messages().messages_from_peer(id, b.0.id, 1, 1).await;
    assert_eq!(
        unvouched.unwrap()[0].franked(),
        None,
        "without a tag nothing is vouched for"
    );
    let of_stranger = t.messages().messages_from_peer(id, UserId(1), 0, 10).await;
    assert!(of_stranger.unwrap().is_empty(), "not a side");
    let row = t.matches().match_of(id, b.0.id).await.unwrap().unwrap();
    assert_eq!(
        (
            row.peer_last_seq,
            row.last_seq,
            row.view(b.1.id, t.now()).unread
        ),
        (3, 1, 3)
    );
    let offerer = t.matches().match_of(id, a.0.id).await.unwrap().unwrap();
    assert_eq!(offerer.peer_key_package, None, "it was used");
    assert_eq!(
        t.messages()
            .write_chat(&[], &[], &ChatRules::default(), t.now())
            .await
            .unwrap(),
        (vec![], vec![])
    );
}

async fn receipts_only_go_forward(t: TestStore) {
    const DELIVERED: &str =
        "SELECT seq FROM message_logs WHERE delivered_at IS NOT NULL ORDER BY seq";
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    let said = [1, 2, 3].map(|seq| message(id, &a, seq, "x"));
    send(&t, &said).await;
    let news = Receipt::Recorded { sender: device(&a) };
    assert_eq!(receive(&t, receipt(id, &b, 4)).await, Receipt::Beyond);
    assert_eq!(receive(&t, receipt(id, &b, 2)).await, news);
    assert_eq!(receive(&t, receipt(id, &b, 2)).await, Receipt::Known);
    assert_eq!(receive(&t, receipt(id, &b, 1)).await, Receipt::Known);
    assert_eq!(receive(&t, reads(receipt(id, &b, 1))).await, news);
    assert_eq!(receive(&t, reads(receipt(id, &b, 1))).await, Receipt::Known);
    assert_eq!(
        receive(&t, reads(receipt(id, &a, 1))).await,
        Receipt::Beyond,
        "the peer has sent nothing"
    );
    assert_eq!(t.numbers(DELIVERED).await, [1, 2]);
    assert_eq!(
        receive(&t, reads(receipt(id, &b, 3))).await,
        news,
        "read is received"
    );
    assert_eq!(t.numbers(DELIVERED).await, [1, 2, 3]);
    let row = t.matches().match_of(id, a.0.id).await.unwrap().unwrap();
    assert_eq!((row.peer_delivered_seq(), row.peer_read_seq), (3, 3));
    let row = t.matches().match_of(id, b.0.id).await.unwrap().unwrap();
    let unread = row.view(b.1.id, t.now()).unread;
    assert_eq!((row.delivered_seq(), unread), (3, 0));
}

/// Each message is brought to two nodes at once, before and behind its turn. However that goes,
/// each number is taken once, in order, and by what was said with it.
async fn parallel_senders_leave_no_gap(t: TestStore) {
    const EACH: i64 = 30;
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    let nodes = [t.store.clone(), t.database.open(&t.clock).await];
    let mut all: Vec<(Store, NewMessage)> = (1..=EACH)
        .flat_map(|seq| [(&a, seq), (&b, seq)])
        .flat_map(|(sender, seq)| {
            let one = message(id, sender, seq, &format!("{} {seq}", sender.0.alias));
            nodes.clone().map(|node| (node, one.clone()))
        })
        .collect();
    all.shuffle(&mut rng(1));
    let now = t.now();
    let outcomes = all_at_once(all.into_iter().map(|(node, one)| async move {
        loop {
            let (outcomes, _) = write(&node, std::slice::from_ref(&one), &[], now).await;
            match outcomes[0] {
                Append::Accepted { .. } => return true,
                Append::Repeated { .. } => return false,
                Append::OutOfOrder { expected } => assert!(expected < one.seq),
                other => panic!("{other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }))
    .await;
    let accepted = outcomes.iter().filter(|accepted| **accepted).count();
    assert_eq!((accepted, outcomes.len()), (60, 120), "each once");
    for (sender, receiver) in [(&a, &b), (&b, &a)] {
        let expected: Vec<(i64, String)> = (1..=EACH)
            .map(|seq| (seq, format!("{} {seq}", sender.0.alias)))
            .collect();
        assert_eq!(held(&t, id, receiver, 0).await, expected);
    }
    assert_eq!(rows(&t).await, [60, 60]);
}

async fn a_match_is_written_by_its_sides_while_it_lasts(t: TestStore) {
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    let stranger = t.register("kus").await;
    let sent = send(
        &t,
        &[
            message(id, &stranger, 1, "x"),
            message(id, &a, 1, "x"),
            message(MatchId(1), &a, 1, "x"),
        ],
    )
    .await;
    assert!(
        matches!(
            sent[..],
            [Append::NotFound, Append::Accepted { .. }, Append::NotFound]
        ),
        "{sent:?}"
    );
    assert_eq!(
        receive(&t, receipt(id, &stranger, 1)).await,
        Receipt::NotFound
    );
    t.clock.advance(Duration::from_hours(24));
    assert_eq!(
        send(&t, &[message(id, &a, 2, "late")]).await,
        [Append::Ended]
    );
    assert_eq!(
        send(&t, &[message(id, &a, 1, "x")]).await,
        [Append::Ended],
        "nor is a repeat looked at"
    );
    assert_eq!(receive(&t, receipt(id, &b, 1)).await, Receipt::Ended);
}

async fn a_match_belongs_to_one_device_on_each_side(t: TestStore) {
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    let elsewhere = |of: &Account, session: &Account| (of.0.clone(), session.1.clone());
    // Neither another device of the user nor that of the peer.
    let third = t.register("kus").await;
    let [a_third, b_third, b_on_a] = [
        elsewhere(&a, &third),
        elsewhere(&b, &third),
        elsewhere(&b, &a),
    ];
    send(&t, &[message(id, &a, 1, "x")]).await;
    let outcomes = write(
        &t,
        &[
            message(id, &a_third, 2, "next"),
            message(id, &a_third, 1, "again"),
            message(id, &a_third, 9, "gap"),
            message(id, &b_third, 1, "x"),
            message(id, &b_on_a, 1, "x"),
            message(id, &a, 2, "y"),
        ],
        &[
            receipt(id, &b_third, 1),
            reads(receipt(id, &b_on_a, 1)),
            receipt(id, &b_third, 9),
        ],
        t.now(),
    )
    .await;
    let refused = outcomes.0[..5]
        .iter()
        .all(|outcome| *outcome == Append::WrongDevice);
    assert!(
        refused && matches!(outcomes.0[5], Append::Accepted { .. }),
        "{outcomes:?}"
    );
    assert_eq!(outcomes.1, [Receipt::WrongDevice; 3]);
    assert_eq!(rows(&t).await, [2, 2]);
    let row = t.matches().match_of(id, b.0.id).await.unwrap().unwrap();
    assert_eq!((row.delivered_seq(), row.last_seq), (0, 0));
    assert!(row.view(b.1.id, t.now()).this_device);
    assert!(!row.view(a.1.id, t.now()).this_device);
    let peer = t.matches().match_of(id, a.0.id).await.unwrap().unwrap();
    assert_eq!(peer.peer_read_seq, 0);

    let parties = t.matches().parties(id).await.unwrap().unwrap();
    let mut devices = parties.devices;
    devices.sort_unstable();
    let mut expected = [device(&a), device(&b)];
    expected.sort_unstable();
    assert_eq!(devices, expected);
}
