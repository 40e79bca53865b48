use std::{sync::Arc, time::Duration};

use tebdil_core::{
    franking::FrankedMessage,
    store::{Append, Appended, ChatRules, NewMessage, NewReceipt, Receipt, Store},
    testing::TestStore,
};
use tebdil_protocol::{
    domain::MessageKind,
    franking::ciphertext_sha256,
    id::{MatchId, UserId},
    time::Timestamp,
};
use uuid::Uuid;

use crate::{
    all_at_once,
    matches::{couple, matched},
};

mod history;

tebdil_core::store_conformance! {
    messages_are_numbered_per_sender_and_read_back,
    a_repeat_answers_the_first_time_and_stores_nothing,
    receipts_only_go_forward,
    parallel_senders_leave_no_gap,
    a_match_is_written_by_its_sides_while_it_lasts,
}

pub fn message(match_id: MatchId, sender_id: UserId, text: &str) -> NewMessage {
    NewMessage {
        match_id,
        sender_id,
        client_id: Uuid::new_v4(),
        kind: MessageKind::Content,
        ciphertext: text.as_bytes().to_vec(),
        franking_tag: None,
        device_info: Arc::from("test"),
    }
}

/// Writes in one match, again while it is held: by another node, or still by a transaction that was
/// given up.
pub async fn write(
    store: &Store,
    messages: &[NewMessage],
    receipts: &[NewReceipt],
    now: Timestamp,
) -> (Vec<Append>, Vec<Receipt>) {
    write_by(store, messages, receipts, &ChatRules::default(), now).await
}

/// The same by other rules.
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

async fn send(t: &TestStore, messages: &[NewMessage]) -> Vec<Append> {
    write(t, messages, &[], t.now()).await.0
}

async fn receive(
    t: &TestStore,
    match_id: MatchId,
    user_id: UserId,
    seq: i64,
    read: bool,
) -> Receipt {
    write(
        t,
        &[],
        &[NewReceipt {
            match_id,
            user_id,
            seq,
            read,
        }],
        t.now(),
    )
    .await
    .1
    .remove(0)
}

fn accepted(outcome: &Append) -> &Appended {
    let Append::Accepted(appended) = outcome else {
        panic!("{outcome:?}")
    };
    appended
}

async fn both_sides_read_the_history(t: &TestStore, id: MatchId, a: UserId, b: UserId) {
    let history = t.messages().message_history(id, b, None, 10).await.unwrap();
    assert_eq!(
        history
            .iter()
            .map(|row| row.content.as_slice())
            .collect::<Vec<_>>(),
        [&b"a1"[..], b"b1", b"a2", b"a3"]
    );
    assert_eq!(
        t.messages()
            .message_history(id, a, Some(history[1].id), 1)
            .await
            .unwrap()[0]
            .id,
        history[2].id
    );
    assert_eq!(
        t.messages()
            .message_history(id, UserId(1), None, 10)
            .await
            .unwrap()
            .len(),
        0,
        "not a side"
    );
    assert_eq!(
        t.messages()
            .messages_from_peer(id, UserId(1), 0, 10)
            .await
            .unwrap()
            .len(),
        0
    );
}

async fn messages_are_numbered_per_sender_and_read_back(t: TestStore) {
    let (a, b) = couple(&t).await;
    let (id, a, b) = (matched(&t, &a, &b, 1).await, a.0.id, b.0.id);
    let franked = NewMessage {
        franking_tag: Some(vec![9; 32]),
        ..message(id, a, "a1")
    };
    let sent = send(&t, &[franked, message(id, b, "b1"), message(id, a, "a2")]).await;
    let numbers: Vec<i64> = sent.iter().map(|outcome| accepted(outcome).seq).collect();
    assert_eq!(numbers, [1, 1, 2]);
    assert_eq!(
        (
            accepted(&sent[0]).receiver_id,
            accepted(&sent[1]).receiver_id,
            accepted(&sent[0]).sent_at
        ),
        (b, a, t.now())
    );
    assert_eq!(accepted(&send(&t, &[message(id, a, "a3")]).await[0]).seq, 3);

    let rows = t.messages().messages_from_peer(id, b, 1, 10).await.unwrap();
    let seen: Vec<(i64, &[u8])> = rows
        .iter()
        .map(|row| (row.seq, row.content.as_slice()))
        .collect();
    assert_eq!(seen, [(2, &b"a2"[..]), (3, b"a3")]);
    let first = t
        .messages()
        .messages_from_peer(id, b, 0, 1)
        .await
        .unwrap()
        .remove(0);
    let franked = FrankedMessage {
        tag: [9; 32],
        match_id: id,
        sender_id: a,
        recipient_id: b,
        message_id: accepted(&sent[0]).message_id,
        sent_at: accepted(&sent[0]).sent_at,
        ciphertext_sha256: ciphertext_sha256(b"a1"),
    };
    assert_eq!(
        (first.kind, first.created_at, first.franked()),
        (MessageKind::Content, t.now(), Some(franked))
    );
    assert_eq!(
        rows[0].franked(),
        None,
        "without a tag nothing is vouched for"
    );
    both_sides_read_the_history(&t, id, a, b).await;
    let row = t.matches().match_of(id, b).await.unwrap().expect("a side");
    assert_eq!(
        (
            row.peer_last_seq,
            row.last_seq,
            row.view(t.now()).unwrap().unread
        ),
        (3, 1, 3)
    );
    let offerer = t.matches().match_of(id, a).await.unwrap().expect("a side");
    assert_eq!(offerer.peer_key_package, None, "it was used");
    assert_eq!(
        t.messages()
            .write_chat(&[], &[], &ChatRules::default(), t.now())
            .await
            .unwrap(),
        (vec![], vec![])
    );
}

async fn a_repeat_answers_the_first_time_and_stores_nothing(t: TestStore) {
    let (a, b) = couple(&t).await;
    let (id, a, b) = (matched(&t, &a, &b, 1).await, a.0.id, b.0.id);
    let wanted = message(id, a, "once");
    let sent = send(&t, &[wanted.clone(), wanted.clone()]).await;
    let first = accepted(&sent[0]).clone();
    assert_eq!(
        accepted(&sent[1]),
        &Appended {
            repeated: true,
            ..first.clone()
        },
        "in one batch"
    );
    assert_eq!(
        receive(&t, id, b, 1, false).await,
        Receipt::Recorded { peer_id: a }
    );
    t.clock.advance(Duration::from_secs(1));
    let again = send(
        &t,
        &[NewMessage {
            ciphertext: b"other".to_vec(),
            ..wanted.clone()
        }],
    )
    .await;
    assert_eq!(
        accepted(&again[0]),
        &Appended {
            repeated: true,
            delivered: true,
            ..first
        }
    );
    let other_side = send(
        &t,
        &[NewMessage {
            sender_id: b,
            ..wanted
        }],
    )
    .await;
    assert!(
        !accepted(&other_side[0]).repeated,
        "a client id belongs to its sender"
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM messages")
            .await,
        [2]
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM message_logs")
            .await,
        [2]
    );
}

async fn receipts_only_go_forward(t: TestStore) {
    let (a, b) = couple(&t).await;
    let (id, a, b) = (matched(&t, &a, &b, 1).await, a.0.id, b.0.id);
    send(
        &t,
        &[
            message(id, a, "1"),
            message(id, a, "2"),
            message(id, a, "3"),
        ],
    )
    .await;
    assert_eq!(receive(&t, id, b, 4, false).await, Receipt::Beyond);
    assert_eq!(
        receive(&t, id, b, 2, false).await,
        Receipt::Recorded { peer_id: a }
    );
    assert_eq!(receive(&t, id, b, 2, false).await, Receipt::Known);
    assert_eq!(receive(&t, id, b, 1, false).await, Receipt::Known);
    assert_eq!(
        receive(&t, id, b, 1, true).await,
        Receipt::Recorded { peer_id: a }
    );
    assert_eq!(
        receive(&t, id, a, 1, true).await,
        Receipt::Beyond,
        "the peer has sent nothing"
    );
    let delivered = "SELECT seq FROM message_logs WHERE delivered = TRUE AND delivered_at IS NOT NULL ORDER BY seq";
    assert_eq!(t.numbers(delivered).await, [1, 2]);
    assert_eq!(
        receive(&t, id, b, 3, true).await,
        Receipt::Recorded { peer_id: a },
        "read is received"
    );
    assert_eq!(t.numbers(delivered).await, [1, 2, 3]);
    let row = t.matches().match_of(id, a).await.unwrap().expect("a side");
    assert_eq!((row.peer_delivered_seq, row.peer_read_seq), (3, 3));
    assert_eq!(
        t.matches()
            .match_of(id, b)
            .await
            .unwrap()
            .expect("a side")
            .view(t.now())
            .unwrap()
            .unread,
        0
    );
}

async fn parallel_senders_leave_no_gap(t: TestStore) {
    let (a, b) = couple(&t).await;
    let (id, a, b) = (matched(&t, &a, &b, 1).await, a.0.id, b.0.id);
    let nodes = [t.store.clone(), t.database.open(&t.clock).await];
    let repeated = message(id, a, "from two devices at once");
    all_at_once((0..40).map(|number| {
        let (store, now) = (nodes[number % 2].clone(), t.now());
        let batch = [message(id, a, "x"), message(id, b, "y"), repeated.clone()];
        async move { write(&store, &batch, &[], now).await }
    }))
    .await;
    let of_a: Vec<i64> = t
        .messages()
        .messages_from_peer(id, b, 0, 100)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.seq)
        .collect();
    let of_b: Vec<i64> = t
        .messages()
        .messages_from_peer(id, a, 0, 100)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.seq)
        .collect();
    assert_eq!((of_a, of_b), ((1..=41).collect(), (1..=40).collect()));
}

async fn a_match_is_written_by_its_sides_while_it_lasts(t: TestStore) {
    let (a, b) = couple(&t).await;
    let (id, a, b) = (matched(&t, &a, &b, 1).await, a.0.id, b.0.id);
    let stranger = t.register("kus").await.0.id;
    let sent = send(
        &t,
        &[
            message(id, stranger, "x"),
            message(id, a, "x"),
            message(MatchId(1), a, "x"),
        ],
    )
    .await;
    assert_eq!(
        (&sent[0], accepted(&sent[1]).seq, &sent[2]),
        (&Append::NotFound, 1, &Append::NotFound)
    );
    assert_eq!(receive(&t, id, stranger, 1, false).await, Receipt::NotFound);
    t.clock.advance(Duration::from_hours(24));
    assert_eq!(send(&t, &[message(id, a, "late")]).await, [Append::Ended]);
    assert_eq!(receive(&t, id, b, 1, false).await, Receipt::Ended);
}
