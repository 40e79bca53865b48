//! The numbers that a device gives its messages.

use std::time::Duration;

use tebdil_core::{
    store::{Append, ChatRules, NewMessage},
    testing::TestStore,
};

use super::{device, handshake, held, message, receipt, receive, rows, send, settle, write_by};
use crate::matches::{Account, couple, matched};

tebdil_core::store_conformance! {
    a_repeat_answers_the_first_time_and_stores_nothing,
    a_gap_is_refused_and_says_what_comes_next,
    of_one_number_in_a_batch_the_first_counts,
    what_follows_a_refusal_is_out_of_order,
}

async fn a_repeat_answers_the_first_time_and_stores_nothing(t: TestStore) {
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    let wanted = message(id, &a, 1, "once");
    let first = t.now();
    let repeated = Append::Repeated {
        receiver: device(&b),
    };
    let accepted = |receiver| Append::Accepted {
        sent_at: t.now(),
        receiver,
    };
    let sent = send(&t, &[wanted.clone(), wanted.clone()]).await;
    assert_eq!(sent, [accepted(device(&b)), repeated], "in one batch");
    t.clock.advance(Duration::from_secs(1));
    let other = NewMessage {
        ciphertext: b"other".to_vec(),
        franking_tag: Some(vec![9; 32]),
        ..handshake(id, &a, 1)
    };
    assert_eq!(
        send(&t, std::slice::from_ref(&other)).await,
        [repeated],
        "what it brings is not looked at"
    );
    assert_eq!(held(&t, id, &b, 0).await, [(1, "once".to_owned())]);
    receive(&t, receipt(id, &b, 1)).await;
    assert_eq!(send(&t, &[other]).await, [repeated], "and acknowledged");
    assert_eq!(held(&t, id, &b, 0).await, []);

    let at = async |of: &Account, seq| {
        let at = t.messages().accepted_at(id, of.0.id, seq).await;
        at.unwrap()
    };
    assert_eq!(at(&a, 1).await, Some(first), "the time of the first");
    assert_eq!((at(&a, 2).await, at(&b, 1).await), (None, None));
    let of_peer = message(id, &b, 1, "once");
    assert_eq!(
        send(&t, &[of_peer]).await,
        [accepted(device(&a))],
        "a number belongs to its sender"
    );
    assert_eq!(rows(&t).await, [1, 2]);
}

async fn a_gap_is_refused_and_says_what_comes_next(t: TestStore) {
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    let next = |expected| Append::OutOfOrder { expected };
    let far = [2, i64::MAX, 3].map(|seq| message(id, &a, seq, "x"));
    assert_eq!(send(&t, &far).await, [next(1); 3]);
    assert_eq!(rows(&t).await, [0, 0]);
    let row = t.matches().match_of(id, a.0.id).await.unwrap().unwrap();
    assert_eq!(row.last_seq, 0);
    assert!(row.peer_key_package.is_some(), "nothing was said");

    // After a gap the batch goes on where it was.
    let batch = [1, 3, 2, 3, 5, 4, 6].map(|seq| message(id, &a, seq, &seq.to_string()));
    let outcomes = send(&t, &batch).await;
    let expected: Vec<Option<i64>> = [None, Some(2), None, None, Some(4), None, Some(5)].into();
    let gaps: Vec<Option<i64>> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Append::Accepted { .. } => None,
            Append::OutOfOrder { expected } => Some(*expected),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(gaps, expected);
    let texts = [1, 2, 3, 4].map(|seq: i64| (seq, seq.to_string()));
    assert_eq!(held(&t, id, &b, 0).await, texts);

    // What is gone from `messages` was said all the same.
    receive(&t, receipt(id, &b, 4)).await;
    assert_eq!(send(&t, &[message(id, &a, 6, "x")]).await, [next(5)]);
    assert_eq!(rows(&t).await, [0, 4]);
}

async fn of_one_number_in_a_batch_the_first_counts(t: TestStore) {
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    let batch = [
        message(id, &a, 1, "a1"),
        message(id, &a, 1, "not this"),
        message(id, &b, 1, "b1"),
        message(id, &a, 2, "a2"),
        message(id, &a, 1, "nor this"),
        message(id, &a, 2, "nor this"),
    ];
    let accepted = send(&t, &batch)
        .await
        .iter()
        .map(|outcome| matches!(outcome, Append::Accepted { .. }))
        .collect::<Vec<_>>();
    assert_eq!(accepted, [true, false, true, true, false, false]);
    let expected = [(1, "a1".to_owned()), (2, "a2".to_owned())];
    assert_eq!(held(&t, id, &b, 0).await, expected);
    assert_eq!(held(&t, id, &a, 0).await, [(1, "b1".to_owned())]);
    assert_eq!(rows(&t).await, [3, 3]);
}

/// So a device that sent several sends again from the refused one, and nothing is overtaken.
async fn what_follows_a_refusal_is_out_of_order(t: TestStore) {
    let rules = ChatRules {
        undelivered: 2,
        ..ChatRules::default()
    };
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    let batch = [1, 2, 3, 4, 5].map(|seq| message(id, &a, seq, "x"));
    let (outcomes, _) = write_by(&t, &batch, &[], &rules, t.now()).await;
    let next = Append::OutOfOrder { expected: 3 };
    assert_eq!(outcomes[2..], [Append::Full, next, next]);
    let room = [receipt(id, &b, 2)];
    let (outcomes, _) = write_by(&t, &batch[3..], &room, &rules, t.now()).await;
    assert_eq!(outcomes, [next, next], "there is room, and no turn");
    let (outcomes, _) = write_by(&t, &batch[2..], &[], &rules, t.now()).await;
    assert!(
        matches!(
            outcomes[..],
            [
                Append::Accepted { .. },
                Append::Accepted { .. },
                Append::Full
            ]
        ),
        "{outcomes:?}"
    );
    settle(&t).await;
    assert_eq!(rows(&t).await, [2, 4]);
}
