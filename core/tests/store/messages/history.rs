//! What is read of a match, and until when.

use std::time::Duration;

use tebdil_core::{
    store::{Append, End, NewMessage},
    testing::TestStore,
};
use tebdil_protocol::{
    domain::{EndReason, MatchStatus, MessageKind},
    id::MessageId,
    time::Clock,
};

use super::{message, send, write};
use crate::matches::{couple, matched};

tebdil_core::store_conformance! {
    history_grows_at_its_end_whichever_node_writes,
    nobody_reads_the_messages_of_a_match_that_is_over,
}

/// Three nodes, two with a clock that is off, write at once; a reader who goes on from the last id
/// sees everything once and in order.
async fn history_grows_at_its_end_whichever_node_writes(t: TestStore) {
    let (a, b) = couple(&t).await;
    let (id, a, b) = (matched(&t, &a, &b, 1).await, a.0.id, b.0.id);
    let mut nodes = vec![t.store.clone()];
    for (ahead, millis) in [(true, 700), (false, 900)] {
        let clock = Clock::manual(if ahead {
            t.now() + Duration::from_millis(millis)
        } else {
            t.now() - Duration::from_millis(millis)
        });
        nodes.push(t.database.open(&clock).await);
    }
    let mut writers = tokio::task::JoinSet::new();
    for (index, node) in nodes.iter().cloned().enumerate() {
        let (sender, now) = (if index == 0 { a } else { b }, t.now());
        writers.spawn(async move {
            for number in 0..20 {
                write(
                    &node,
                    &[message(id, sender, &format!("{index} {number}"))],
                    &[],
                    now,
                )
                .await;
            }
        });
    }
    let mut read: Vec<String> = Vec::new();
    let mut after = None;
    loop {
        let done = writers.is_empty();
        for row in t
            .messages()
            .message_history(id, a, after, 100)
            .await
            .expect("history")
        {
            after = Some(row.id);
            read.push(String::from_utf8(row.content).expect("text"));
        }
        if done {
            break;
        }
        while let Some(ended) = writers.try_join_next() {
            ended.expect("a writer");
        }
        tokio::task::yield_now().await;
    }
    let mut expected: Vec<String> = (0..3)
        .flat_map(|index| (0..20).map(move |number| format!("{index} {number}")))
        .collect();
    for index in 0..3 {
        let of = |texts: &[String]| {
            texts
                .iter()
                .filter(|text| text.starts_with(&format!("{index} ")))
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(of(&read), of(&expected));
    }
    read.sort();
    expected.sort();
    assert_eq!(read, expected);
}

async fn nobody_reads_the_messages_of_a_match_that_is_over(t: TestStore) {
    let messages = t.messages();
    let (a, b) = couple(&t).await;
    let (first, second) = (matched(&t, &a, &b, 1).await, matched(&t, &a, &b, 3).await);
    let (a, b) = (a.0.id, b.0.id);
    let read = async |of, user, after| {
        let read = messages.message_history(of, user, after, 10).await;
        read.unwrap().len()
    };
    let handshake = NewMessage {
        kind: MessageKind::Handshake,
        ..message(second, b, "h")
    };
    send(
        &t,
        &[
            message(first, a, "1"),
            message(first, b, "1"),
            message(second, a, "2"),
            handshake,
        ],
    )
    .await;
    let End::Now(ended) = t
        .matches()
        .end_match(first, Some(a), EndReason::Left, t.now())
        .await
        .unwrap()
    else {
        panic!("not ended")
    };
    assert_eq!(
        (ended.status, ended.by),
        (MatchStatus::Completed, Some(a)),
        "both have said something"
    );
    assert_eq!(
        send(&t, &[message(first, a, "late")]).await,
        [Append::Ended]
    );
    assert_eq!(read(first, a, None).await, 0);
    assert_eq!(read(second, a, Some(MessageId(0))).await, 2);
    let End::Now(ended) = t
        .matches()
        .end_match(second, None, EndReason::Banned, t.now())
        .await
        .unwrap()
    else {
        panic!("not ended")
    };
    assert_eq!(
        (ended.status, ended.by),
        (MatchStatus::Cancelled, None),
        "a handshake is no answer"
    );
    assert_eq!(
        messages
            .messages_from_peer(second, a, 0, 10)
            .await
            .unwrap()
            .len(),
        0
    );
    assert_eq!(read(second, b, None).await, 0);
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM message_logs")
            .await,
        [4]
    );
}
