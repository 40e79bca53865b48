//! How much of what is said is kept, and that nobody waits for somebody else's match.

use std::time::Duration;

use rand::RngExt as _;
use sqlx::{Connection as _, PgConnection};
use tebdil_core::{
    store::{Append, ChatRules, NewMessage, NewReceipt, Receipt, Store},
    testing::{Backend, TestStore},
};
use tebdil_protocol::{domain::EndReason, id::MatchId};
use tokio::time::Instant;

use crate::{
    matches::{Account, couple, matched, searcher},
    messages::{handshake, message, receipt, settle, write, write_by},
    rng,
};

tebdil_core::store_conformance! {
    a_side_has_room_for_so_many_undelivered_messages,
    a_side_has_room_for_so_many_undelivered_bytes,
    the_bytes_that_wait_are_exact_whatever_comes_in_which_order,
    an_end_deletes_nothing_and_batches_delete_everything,
}

/// What waits of each side, by the running total: with the last message, less what was before the
/// first.
const UNDELIVERED: &str = "SELECT COALESCE(\
     (SELECT m.total_bytes FROM messages m WHERE m.sender_id = s.user_id \
     ORDER BY m.seq DESC LIMIT 1) - \
     (SELECT m.total_bytes - LENGTH(m.content) FROM messages m WHERE m.sender_id = s.user_id \
     ORDER BY m.seq LIMIT 1), 0) FROM match_sides s ORDER BY s.user_id";

fn of_size(match_id: MatchId, sender: &Account, seq: i64, bytes: usize) -> NewMessage {
    message(match_id, sender, seq, &"x".repeat(bytes))
}

async fn send(
    store: &Store,
    t: &TestStore,
    rules: &ChatRules,
    messages: &[NewMessage],
) -> Vec<Append> {
    write_by(store, messages, &[], rules, t.now()).await.0
}

async fn acknowledge(t: &TestStore, rules: &ChatRules, id: MatchId, user: &Account, seq: i64) {
    let receipts = [receipt(id, user, seq)];
    let (_, receipts) = write_by(t, &[], &receipts, rules, t.now()).await;
    assert!(
        matches!(receipts[..], [Receipt::Recorded { .. }]),
        "{receipts:?}"
    );
    settle(t).await;
}

/// Which are stored now; the others had no room, or come after one that had none.
fn taken(outcomes: &[Append]) -> Vec<bool> {
    let taken = |outcome: &Append| match outcome {
        Append::Accepted { .. } => true,
        Append::Full | Append::OutOfOrder { .. } | Append::Repeated { .. } => false,
        other => panic!("{other:?}"),
    };
    outcomes.iter().map(taken).collect()
}

async fn a_side_has_room_for_so_many_undelivered_messages(t: TestStore) {
    let rules = ChatRules {
        undelivered: 3,
        ..ChatRules::default()
    };
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    let other_node = t.database.open(&t.clock).await;
    let begin = [handshake(id, &a, 1), message(id, &a, 2, "2")];
    assert_eq!(taken(&send(&t, &t, &rules, &begin).await), [true, true]);
    let third = message(id, &a, 3, "3");
    let fourth = message(id, &a, 4, "4");
    let receiver = (b.0.id, b.1.id);
    let batch = [
        third.clone(),
        fourth.clone(),
        message(id, &b, 1, "1"),
        third.clone(),
        message(id, &a, 5, "5"),
    ];
    let accepted = |receiver| Append::Accepted {
        sent_at: t.now(),
        receiver,
    };
    assert_eq!(
        send(&other_node, &t, &rules, &batch).await,
        [
            accepted(receiver),
            Append::Full,
            accepted((a.0.id, a.1.id)),
            Append::Repeated { receiver },
            Append::OutOfOrder { expected: 4 },
        ],
        "the peer, and repeats, go on"
    );
    assert_eq!(
        send(&t, &t, &rules, &[third, fourth.clone()]).await,
        [Append::Repeated { receiver }, Append::Full]
    );
    for table in ["messages", "message_logs"] {
        let count = format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {table}");
        assert_eq!(t.numbers(&count).await, [4]);
    }

    // Room that a receipt makes is there for what comes with it, in the order of sending.
    let behind = [fourth, batch[4].clone(), message(id, &a, 6, "6")];
    let room = [receipt(id, &b, 2)];
    let (appends, _) = write_by(&other_node, &behind, &room, &rules, t.now()).await;
    assert_eq!(
        taken(&appends),
        [true, true, false],
        "the refused ones took no number"
    );
}

async fn a_side_has_room_for_so_many_undelivered_bytes(t: TestStore) {
    let rules = ChatRules {
        undelivered_bytes: 100,
        ..ChatRules::default()
    };
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    let waiting = async || t.numbers(UNDELIVERED).await.iter().sum::<i64>();
    let send = async |messages: &[NewMessage]| send(&t, &t, &rules, messages).await;
    let batch = [1, 2, 3].map(|seq| of_size(id, &a, seq, 60));
    let small = of_size(id, &a, 3, 1);
    let outcomes = send(&[&batch[..], std::slice::from_ref(&small)].concat()).await;
    assert_eq!(
        (taken(&outcomes), outcomes[2], outcomes[3]),
        (vec![true, true, false, false], Append::Full, Append::Full),
        "a small one finds no room that a large one does not"
    );
    assert_eq!(waiting().await, 120);
    acknowledge(&t, &rules, id, &b, 1).await;
    assert_eq!(waiting().await, 60, "exactly what was acknowledged is free");
    let next = [of_size(id, &a, 3, 40), of_size(id, &a, 4, 1)];
    assert_eq!(send(&next).await[1], Append::Full);
    acknowledge(&t, &rules, id, &b, 2).await;
    assert_eq!(waiting().await, 40);
    let next = [of_size(id, &a, 4, 59), of_size(id, &a, 5, 1)];
    assert_eq!(taken(&send(&next).await), [true, true]);
    assert_eq!(send(&[of_size(id, &a, 6, 1)]).await, [Append::Full]);
    acknowledge(&t, &rules, id, &b, 5).await;
    assert_eq!(waiting().await, 0);
    // When nothing waits it all begins anew, also in the batch that makes the room.
    let next = [6, 7, 8].map(|seq| of_size(id, &a, seq, 50));
    let outcomes = send(&next).await;
    assert_eq!(taken(&outcomes), [true, true, false]);
    let next = [8, 9, 10].map(|seq| of_size(id, &a, seq, 50));
    for (up_to, expected) in [(6, [true, false, false]), (8, [false, true, true])] {
        let room = [receipt(id, &b, up_to)];
        let (outcomes, _) = write_by(&t, &next, &room, &rules, t.now()).await;
        assert_eq!(taken(&outcomes), expected);
        assert_eq!(waiting().await, 100);
    }
}

async fn the_bytes_that_wait_are_exact_whatever_comes_in_which_order(t: TestStore) {
    const COUNTED: &str = "SELECT CAST(COALESCE(SUM(LENGTH(m.content)), 0) AS BIGINT) \
         FROM match_sides s LEFT JOIN messages m ON m.sender_id = s.user_id \
         GROUP BY s.user_id ORDER BY s.user_id";
    let rules = ChatRules {
        undelivered: 6,
        undelivered_bytes: 300,
    };
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    let users = [a, b];
    let nodes = [t.store.clone(), t.database.open(&t.clock).await];
    let mut rng = rng(1);
    let (mut full, mut last) = (0, [0_i64; 2]);
    for _ in 0..80 {
        let mut next = last;
        let messages: Vec<NewMessage> = (0..rng.random_range(0..4))
            .map(|_| {
                let at = rng.random_range(0..2);
                // At times one that is there.
                next[at] += i64::from(next[at] == 0 || rng.random_bool(0.9));
                of_size(id, &users[at], next[at], rng.random_range(1..90))
            })
            .collect();
        let receipts: Vec<NewReceipt> = (0..rng.random_range(0..3))
            .map(|_| {
                let at = rng.random_range(0..2);
                let most = last[1 - at] + 1;
                NewReceipt {
                    read: rng.random(),
                    ..receipt(id, &users[at], rng.random_range((most - 4).max(1)..=most))
                }
            })
            .collect();
        let node = &nodes[rng.random_range(0..2)];
        let (appends, _) = write_by(node, &messages, &receipts, &rules, t.now()).await;
        for (message, append) in messages.iter().zip(&appends) {
            let at = usize::from(message.sender_id == users[1].0.id);
            last[at] += i64::from(matches!(append, Append::Accepted { .. }));
            full += usize::from(*append == Append::Full);
        }
        let waiting = t.numbers(UNDELIVERED).await;
        assert_eq!(waiting, t.numbers(COUNTED).await);
        assert!(waiting.into_iter().all(|bytes| bytes < 300 + 90));
    }
    assert!(full > 0, "the bound was met");
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
        let said: Vec<NewMessage> = (1..=25).map(|seq| message(id, &a, seq, "x")).collect();
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
                .messages_from_peer(third, b.0.id, 0, 100)
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
    let first = [message(held, &a, 1, "1"), message(free, &a, 1, "1")];
    send(&t, &t, &ChatRules::default(), &first).await;
    let mut other = PgConnection::connect(t.database.url()).await.unwrap();
    // One side is enough.
    let lock = format!(
        "BEGIN; SELECT 1 FROM match_sides WHERE match_id = {held} AND user_id = {} FOR UPDATE",
        b.0.id
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(lock))
        .execute(&mut other)
        .await
        .unwrap();
    let begun = Instant::now();
    let said = [
        message(held, &a, 2, "2"),
        message(free, &a, 2, "2"),
        message(MatchId(1), &a, 2, "2"),
    ];
    let receipts = [held, free].map(|match_id| receipt(match_id, &b, 1));
    let (appends, recorded) = t
        .messages()
        .write_chat(&said, &receipts, &ChatRules::default(), t.now())
        .await
        .unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "nobody waited");
    assert!(
        matches!(
            appends[..],
            [Append::Busy, Append::Accepted { .. }, Append::NotFound]
        ),
        "{appends:?}"
    );
    let news = Receipt::Recorded {
        sender: (a.0.id, a.1.id),
    };
    assert_eq!(recorded, [Receipt::Busy, news]);
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    let (appends, recorded) = write(&t, &said[..1], &receipts[..1], t.now()).await;
    assert_eq!((taken(&appends), recorded), (vec![true], vec![news]));
}

/// PostgreSQL keeps the plan of a statement that ran a few times. One that was made while nothing
/// waited reads the whole table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_on_an_empty_table_reads_no_whole_one() {
    const WAITING: i64 = 10_000;
    let Some(t) = TestStore::create(Backend::Postgres).await else {
        return;
    };
    let rules = ChatRules {
        undelivered: WAITING + 1,
        ..ChatRules::default()
    };
    let (a, b) = couple(&t).await;
    let (quiet, busy) = (matched(&t, &a, &b, 1).await, matched(&t, &a, &b, 3).await);
    let mut other = PgConnection::connect(t.database.url()).await.unwrap();
    sqlx::raw_sql("VACUUM messages")
        .execute(&mut other)
        .await
        .unwrap();
    let talk = async |seqs: std::ops::Range<i64>| {
        for seq in seqs {
            send(&t, &t, &rules, &[message(quiet, &a, seq, "x")]).await;
            acknowledge(&t, &rules, quiet, &b, seq).await;
        }
    };
    talk(1..30).await;
    let another_node = t.database.open(&t.clock).await;
    let flood: Vec<_> = (1..=WAITING)
        .map(|seq| message(busy, &a, seq, "x"))
        .collect();
    for batch in flood.chunks(500) {
        send(&another_node, &t, &rules, batch).await;
    }
    talk(30..40).await;

    // What a connection has counted is known once it is closed.
    t.close().await;
    let read: i64 = sqlx::query_scalar(
        "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'messages'",
    )
    .fetch_one(&mut other)
    .await
    .unwrap();
    assert!(read < WAITING, "{read}");
}
