//! How much of what is said is kept, and that nobody waits for somebody else's match.

use std::time::Duration;

use rand::RngExt as _;
use sqlx::{Connection as _, PgConnection};
use tebdil_core::{
    store::{Append, ChatRules, NewMessage, NewReceipt, Receipt, Store},
    testing::{Backend, TestStore},
};
use tebdil_protocol::{
    domain::{EndReason, MessageKind},
    id::{MatchId, UserId},
};
use tokio::time::Instant;

use crate::{
    matches::{couple, matched, searcher},
    messages::{message, write, write_by},
    rng,
};

tebdil_core::store_conformance! {
    a_side_has_room_for_so_many_undelivered_messages,
    a_side_has_room_for_so_many_undelivered_bytes,
    the_bytes_that_wait_are_exact_whatever_comes_in_which_order,
    of_what_is_acknowledged_the_newest_is_kept,
    an_end_deletes_nothing_and_batches_delete_everything,
}

const UNDELIVERED: &str = "SELECT undelivered_bytes FROM match_sides ORDER BY user_id";

fn of_size(match_id: MatchId, sender: UserId, bytes: usize) -> NewMessage {
    message(match_id, sender, &"x".repeat(bytes))
}

async fn send(
    store: &Store,
    t: &TestStore,
    rules: &ChatRules,
    messages: &[NewMessage],
) -> Vec<Append> {
    write_by(store, messages, &[], rules, t.now()).await.0
}

async fn acknowledge(
    t: &TestStore,
    rules: &ChatRules,
    match_id: MatchId,
    user_id: UserId,
    seq: i64,
) {
    let receipt = NewReceipt {
        match_id,
        user_id,
        seq,
        read: false,
    };
    let (_, receipts) = write_by(t, &[], &[receipt], rules, t.now()).await;
    assert!(
        matches!(receipts[..], [Receipt::Recorded { .. }]),
        "{receipts:?}"
    );
}

fn seqs(outcomes: &[Append]) -> Vec<Option<i64>> {
    let seq = |outcome: &Append| match outcome {
        Append::Accepted(appended) => Some(appended.seq),
        Append::Full => None,
        other => panic!("{other:?}"),
    };
    outcomes.iter().map(seq).collect()
}

async fn a_side_has_room_for_so_many_undelivered_messages(t: TestStore) {
    let rules = ChatRules {
        undelivered: 3,
        ..ChatRules::default()
    };
    let (a, b) = couple(&t).await;
    let (id, a, b) = (matched(&t, &a, &b, 1).await, a.0.id, b.0.id);
    let other_node = t.database.open(&t.clock).await;
    let handshake = NewMessage {
        kind: MessageKind::Handshake,
        ..message(id, a, "h")
    };
    assert_eq!(
        seqs(&send(&t, &t, &rules, &[handshake, message(id, a, "2")]).await),
        [Some(1), Some(2)]
    );
    let third = message(id, a, "3");
    let batch = [
        third.clone(),
        message(id, a, "4"),
        message(id, b, "1"),
        third.clone(),
        message(id, a, "5"),
    ];
    assert_eq!(
        seqs(&send(&other_node, &t, &rules, &batch).await),
        [Some(3), None, Some(1), Some(3), None],
        "the peer, and repeats, go on"
    );
    assert_eq!(
        seqs(&send(&t, &t, &rules, &[third, batch[1].clone()]).await),
        [Some(3), None]
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM messages")
            .await,
        [4]
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM message_logs")
            .await,
        [4]
    );

    // Room that a receipt makes is there for what comes with it, in the order of sending.
    let receipt = NewReceipt {
        match_id: id,
        user_id: b,
        seq: 2,
        read: false,
    };
    let behind = [batch[1].clone(), batch[4].clone(), message(id, a, "6")];
    let (appends, _) = write_by(&other_node, &behind, &[receipt], &rules, t.now()).await;
    assert_eq!(
        seqs(&appends),
        [Some(4), Some(5), None],
        "the refused ones took no number"
    );
}

async fn a_side_has_room_for_so_many_undelivered_bytes(t: TestStore) {
    let rules = ChatRules {
        undelivered_bytes: 100,
        ..ChatRules::default()
    };
    let (a, b) = couple(&t).await;
    let (id, a, b) = (matched(&t, &a, &b, 1).await, a.0.id, b.0.id);
    let batch = [
        of_size(id, a, 60),
        of_size(id, a, 60),
        of_size(id, a, 60),
        of_size(id, a, 1),
    ];
    assert_eq!(
        seqs(&send(&t, &t, &rules, &batch).await),
        [Some(1), Some(2), None, None],
        "a small one overtakes no large one"
    );
    acknowledge(&t, &rules, id, b, 1).await;
    assert_eq!(t.numbers(UNDELIVERED).await.iter().sum::<i64>(), 60);
    assert_eq!(
        seqs(&send(&t, &t, &rules, &[of_size(id, a, 40), of_size(id, a, 1)]).await),
        [Some(3), None]
    );
    acknowledge(&t, &rules, id, b, 3).await;
    assert_eq!(t.numbers(UNDELIVERED).await, [0, 0]);
}

async fn the_bytes_that_wait_are_exact_whatever_comes_in_which_order(t: TestStore) {
    const COUNTED: &str = "SELECT CAST(COALESCE((SELECT SUM(LENGTH(m.content)) FROM messages m JOIN match_sides p ON p.match_id = m.match_id \
         AND p.user_id = m.receiver_id WHERE m.sender_id = s.user_id AND m.seq > p.delivered_seq), 0) AS BIGINT) FROM match_sides s ORDER BY s.user_id";
    let rules = ChatRules {
        undelivered: 6,
        undelivered_bytes: 300,
        ..ChatRules::default()
    };
    let (a, b) = couple(&t).await;
    let (id, users) = (matched(&t, &a, &b, 1).await, [a.0.id, b.0.id]);
    let nodes = [t.store.clone(), t.database.open(&t.clock).await];
    let mut rng = rng(1);
    let mut full = 0;
    for _ in 0..80 {
        let messages: Vec<NewMessage> = (0..rng.random_range(0..4))
            .map(|_| of_size(id, users[rng.random_range(0..2)], rng.random_range(1..90)))
            .collect();
        let receipts: Vec<NewReceipt> = (0..rng.random_range(0..3))
            .map(|_| NewReceipt {
                match_id: id,
                user_id: users[rng.random_range(0..2)],
                seq: rng.random_range(1..80),
                read: rng.random(),
            })
            .collect();
        let (appends, _) = write_by(
            &nodes[rng.random_range(0..2)],
            &messages,
            &receipts,
            &rules,
            t.now(),
        )
        .await;
        full += appends
            .iter()
            .filter(|append| **append == Append::Full)
            .count();
        assert_eq!(t.numbers(UNDELIVERED).await, t.numbers(COUNTED).await);
        assert!(
            t.numbers(UNDELIVERED)
                .await
                .into_iter()
                .all(|bytes| bytes < 300 + 90)
        );
    }
    assert!(full > 0, "the bound was met");
}

async fn of_what_is_acknowledged_the_newest_is_kept(t: TestStore) {
    let rules = ChatRules {
        history: 3,
        ..ChatRules::default()
    };
    let (a, b) = couple(&t).await;
    let (id, a, b) = (matched(&t, &a, &b, 1).await, a.0.id, b.0.id);
    let kept = async |of: UserId| {
        t.messages()
            .messages_from_peer(id, of, 0, 100)
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.seq)
            .collect::<Vec<_>>()
    };
    let said: Vec<NewMessage> = (0..8)
        .flat_map(|_| [message(id, a, "x"), message(id, b, "y")])
        .collect();
    send(&t, &t, &rules, &said).await;
    acknowledge(&t, &rules, id, b, 2).await;
    assert_eq!(kept(b).await, (1..=8).collect::<Vec<_>>());
    acknowledge(&t, &rules, id, b, 6).await;
    assert_eq!(
        (kept(b).await, kept(a).await),
        ((4..=8).collect(), (1..=8).collect()),
        "what nobody has acknowledged stays"
    );
    acknowledge(&t, &rules, id, b, 8).await;
    assert_eq!(kept(b).await, [6, 7, 8]);
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM message_logs")
            .await,
        [16]
    );
}

async fn an_end_deletes_nothing_and_batches_delete_everything(t: TestStore) {
    const COUNT: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM messages";
    let messages = t.messages();
    let (a, b) = couple(&t).await;
    let (first, second, third) = (
        matched(&t, &a, &b, 1).await,
        matched(&t, &a, &b, 3).await,
        matched(&t, &a, &b, 5).await,
    );
    let user = a.0.id;
    for id in [first, second, third] {
        let said: Vec<NewMessage> = (0..25).map(|_| message(id, user, "x")).collect();
        send(&t, &t, &ChatRules::default(), &said).await;
    }
    let searching = searcher(&t, "serce").await.0.id;
    assert_eq!(
        messages.matches_to_forget(MatchId(0), 10).await.unwrap(),
        []
    );
    for id in [first, second, third] {
        assert_eq!(
            messages.forget_messages(id, 100).await.unwrap(),
            0,
            "it goes on"
        );
    }
    for id in [first, second] {
        t.matches()
            .end_match(id, Some(user), EndReason::Left, t.now())
            .await
            .unwrap();
    }
    assert_eq!(t.numbers(COUNT).await, [75]);
    let left = messages.matches_to_forget(MatchId(0), 10).await.unwrap();
    assert_eq!(
        (
            left.as_slice(),
            messages.matches_to_forget(first, 10).await.unwrap()
        ),
        (&[first, second][..], vec![second])
    );
    assert_eq!(
        (
            messages.matches_to_forget_of(user).await.unwrap(),
            messages.matches_to_forget_of(searching).await.unwrap()
        ),
        (left.clone(), vec![])
    );
    for (round, deleted) in [10, 10, 5, 0].into_iter().enumerate() {
        assert_eq!(
            messages
                .matches_to_forget(MatchId(0), 10)
                .await
                .unwrap()
                .len(),
            if round < 3 { 2 } else { 0 }
        );
        for id in &left {
            assert_eq!(messages.forget_messages(*id, 10).await.unwrap(), deleted);
        }
    }
    assert_eq!(
        messages.matches_to_forget(MatchId(0), 10).await.unwrap(),
        []
    );
    assert_eq!(
        (
            t.numbers(COUNT).await,
            messages
                .message_history(third, user, None, 100)
                .await
                .unwrap()
                .len()
        ),
        (vec![25], 25)
    );
}

/// SQLite has one writer, so there nobody can hold a single match.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_match_that_is_held_is_left_out_and_the_rest_written() {
    let Some(t) = TestStore::create(Backend::Postgres).await else {
        return;
    };
    let (a, b) = couple(&t).await;
    let (held, free) = (matched(&t, &a, &b, 1).await, matched(&t, &a, &b, 3).await);
    let (a, b) = (a.0.id, b.0.id);
    send(
        &t,
        &t,
        &ChatRules::default(),
        &[message(held, a, "1"), message(free, a, "1")],
    )
    .await;
    let mut other = PgConnection::connect(t.database.url()).await.unwrap();
    // One side is enough.
    let lock = format!(
        "BEGIN; SELECT 1 FROM match_sides WHERE match_id = {held} AND user_id = {b} FOR UPDATE"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(lock))
        .execute(&mut other)
        .await
        .unwrap();
    let begun = Instant::now();
    let said = [
        message(held, a, "2"),
        message(free, a, "2"),
        message(MatchId(1), a, "2"),
    ];
    let receipts = [held, free].map(|match_id| NewReceipt {
        match_id,
        user_id: b,
        seq: 1,
        read: false,
    });
    let (appends, recorded) = t
        .messages()
        .write_chat(&said, &receipts, &ChatRules::default(), t.now())
        .await
        .unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "nobody waited");
    let Append::Accepted(appended) = &appends[1] else {
        panic!("{appends:?}")
    };
    assert_eq!(
        (&appends[0], appended.seq, &appends[2]),
        (&Append::Busy, 2, &Append::NotFound)
    );
    assert_eq!(recorded, [Receipt::Busy, Receipt::Recorded { peer_id: a }]);
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    let (appends, recorded) = write(&t, &said[..1], &receipts[..1], t.now()).await;
    assert_eq!(
        (seqs(&appends), recorded),
        (vec![Some(2)], vec![Receipt::Recorded { peer_id: a }])
    );
}
