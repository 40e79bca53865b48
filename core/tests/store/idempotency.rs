use std::time::Duration;

use tebdil_core::{
    crypto::Sealed,
    store::{FirstAnswer, IDEMPOTENCY_PENDING, IDEMPOTENCY_WINDOW, Idempotent},
    testing::TestStore,
};

use crate::all_at_once;

const MS: Duration = Duration::from_millis(1);

tebdil_core::store_conformance! {
    a_repeat_gets_the_first_answer,
    a_key_belongs_to_one_request_and_one_scope,
    a_request_without_an_answer_is_taken_over,
    an_abandoned_key_is_free,
    of_parallel_requests_one_runs,
}

fn answer() -> FirstAnswer {
    FirstAnswer {
        status: 201,
        body: Sealed {
            ciphertext: vec![1, 2, 3],
            key_id: "k1".to_owned(),
        },
    }
}

async fn a_repeat_gets_the_first_answer(t: TestStore) {
    let begun = t.now();
    assert_eq!(
        t.jobs()
            .begin_idempotent("user:1", "key", &[1; 32], begun)
            .await
            .unwrap(),
        Idempotent::Fresh
    );
    assert_eq!(
        t.jobs()
            .begin_idempotent("user:1", "key", &[1; 32], begun)
            .await
            .unwrap(),
        Idempotent::InProgress
    );
    assert!(
        t.jobs()
            .finish_idempotent("user:1", "key", begun, &answer())
            .await
            .unwrap()
    );
    assert_eq!(
        t.jobs()
            .begin_idempotent("user:1", "key", &[1; 32], begun)
            .await
            .unwrap(),
        Idempotent::Replay(answer())
    );
    let late = begun + IDEMPOTENCY_WINDOW;
    assert_eq!(
        t.jobs()
            .begin_idempotent("user:1", "key", &[1; 32], late - MS)
            .await
            .unwrap(),
        Idempotent::Replay(answer())
    );
    assert_eq!(
        t.jobs()
            .begin_idempotent("user:1", "key", &[2; 32], late)
            .await
            .unwrap(),
        Idempotent::Fresh,
        "a day later it counts as absent"
    );
}

async fn a_key_belongs_to_one_request_and_one_scope(t: TestStore) {
    let begun = t.now();
    assert_eq!(
        t.jobs()
            .begin_idempotent("user:1", "key", &[1; 32], begun)
            .await
            .unwrap(),
        Idempotent::Fresh
    );
    assert_eq!(
        t.jobs()
            .begin_idempotent("user:1", "key", &[2; 32], begun)
            .await
            .unwrap(),
        Idempotent::Mismatch
    );
    assert_eq!(
        t.jobs()
            .begin_idempotent("user:2", "key", &[2; 32], begun)
            .await
            .unwrap(),
        Idempotent::Fresh
    );
    assert_eq!(
        t.jobs()
            .begin_idempotent("user:1", "other", &[2; 32], begun)
            .await
            .unwrap(),
        Idempotent::Fresh
    );
    t.jobs()
        .finish_idempotent("user:1", "key", begun, &answer())
        .await
        .unwrap();
    assert_eq!(
        t.jobs()
            .begin_idempotent("user:1", "key", &[2; 32], begun)
            .await
            .unwrap(),
        Idempotent::Mismatch
    );
}

async fn a_request_without_an_answer_is_taken_over(t: TestStore) {
    let begun = t.now();
    let later = begun + IDEMPOTENCY_PENDING;
    assert_eq!(
        t.jobs()
            .begin_idempotent("s", "key", &[1; 32], begun)
            .await
            .unwrap(),
        Idempotent::Fresh
    );
    assert_eq!(
        t.jobs()
            .begin_idempotent("s", "key", &[1; 32], later - MS)
            .await
            .unwrap(),
        Idempotent::InProgress
    );
    assert_eq!(
        t.jobs()
            .begin_idempotent("s", "key", &[2; 32], later)
            .await
            .unwrap(),
        Idempotent::Mismatch
    );
    assert_eq!(
        t.jobs()
            .begin_idempotent("s", "key", &[1; 32], later)
            .await
            .unwrap(),
        Idempotent::Fresh
    );
    assert!(
        !t.jobs()
            .finish_idempotent("s", "key", begun, &answer())
            .await
            .unwrap(),
        "the first claim is lost"
    );
    t.jobs()
        .abandon_idempotent("s", "key", begun)
        .await
        .unwrap();
    assert_eq!(
        t.jobs()
            .begin_idempotent("s", "key", &[1; 32], later)
            .await
            .unwrap(),
        Idempotent::InProgress
    );
    assert!(
        t.jobs()
            .finish_idempotent("s", "key", later, &answer())
            .await
            .unwrap()
    );
    assert_eq!(
        t.jobs()
            .begin_idempotent("s", "key", &[1; 32], later)
            .await
            .unwrap(),
        Idempotent::Replay(answer())
    );
}

async fn an_abandoned_key_is_free(t: TestStore) {
    let begun = t.now();
    assert_eq!(
        t.jobs()
            .begin_idempotent("s", "key", &[1; 32], begun)
            .await
            .unwrap(),
        Idempotent::Fresh
    );
    t.jobs()
        .abandon_idempotent("s", "key", begun)
        .await
        .unwrap();
    assert_eq!(
        t.jobs()
            .begin_idempotent("s", "key", &[2; 32], begun)
            .await
            .unwrap(),
        Idempotent::Fresh
    );
    t.jobs()
        .finish_idempotent("s", "key", begun, &answer())
        .await
        .unwrap();
    t.jobs()
        .abandon_idempotent("s", "key", begun)
        .await
        .unwrap();
    assert_eq!(
        t.jobs()
            .begin_idempotent("s", "key", &[2; 32], begun)
            .await
            .unwrap(),
        Idempotent::Replay(answer()),
        "an answer stays"
    );
}

async fn of_parallel_requests_one_runs(t: TestStore) {
    let outcomes = all_at_once((0..20).map(|_| {
        let (store, now) = (t.store.clone(), t.now());
        async move {
            store
                .jobs()
                .begin_idempotent("s", "key", &[1; 32], now)
                .await
                .unwrap()
        }
    }))
    .await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Idempotent::Fresh)
            .count(),
        1
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Idempotent::InProgress)
            .count(),
        19
    );
}
