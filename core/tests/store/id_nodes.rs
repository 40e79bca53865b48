use std::collections::HashSet;

use futures_util::future::join_all;
use tebdil_core::{
    store::{NewJob, Store, StoreError},
    testing::TestStore,
};

tebdil_core::store_conformance! {
    processes_that_start_at_once_share_no_part,
    a_part_of_the_dead_is_lent_again_after_its_time,
    who_lost_the_part_writes_nothing_until_there_is_another,
    what_is_given_back_is_free_again,
    an_id_that_is_there_is_an_error_and_loses_no_job,
}

/// The node part of its ids.
fn part(store: &Store) -> i64 {
    store.ids().next::<i64>() % 4_096
}

/// Leaves these parts to be had, and no other, as if as many processes ran.
async fn leave(t: &TestStore, parts: &[i64]) {
    let mut rows = Vec::new();
    for part in (0..4_096).filter(|part| !parts.contains(part)) {
        rows.push(format!("({part}, 7, 9000000000000, 0)"));
    }
    t.execute("DELETE FROM id_nodes").await;
    t.execute(&format!(
        "INSERT INTO id_nodes (part, holder, expires_at, last_id) VALUES {}",
        rows.join(", ")
    ))
    .await;
}

async fn open(t: &TestStore) -> Result<Store, StoreError> {
    Store::open(t.database.url(), 2, t.clock.clone()).await
}

async fn processes_that_start_at_once_share_no_part(t: TestStore) {
    const FREE: [i64; 5] = [3, 4, 500, 4_094, 4_095];
    leave(&t, &FREE).await;
    let opened = join_all((0..6).map(|_| open(&t))).await;
    let (lent, refused): (Vec<_>, Vec<_>) = opened.into_iter().partition(Result::is_ok);
    let lent: Vec<Store> = lent.into_iter().map(Result::unwrap).collect();
    assert_eq!(
        lent.iter().map(part).collect::<HashSet<_>>(),
        HashSet::from(FREE),
        "each its own"
    );
    let [Err(refused)] = &refused[..] else {
        panic!("{refused:?}")
    };
    assert!(
        matches!(refused, StoreError::NoNodePart(_)) && refused.is_transient(),
        "{refused}"
    );
    for store in lent {
        store.close().await;
    }
}

async fn a_part_of_the_dead_is_lent_again_after_its_time(t: TestStore) {
    leave(&t, &[77]).await;
    let dead = open(&t).await.unwrap();
    let last = dead.ids().next::<i64>();
    assert!(open(&t).await.is_err(), "perhaps it lives");
    t.execute("UPDATE id_nodes SET expires_at = 0 WHERE part = 77")
        .await;
    let next = open(&t).await.unwrap();
    assert_eq!(part(&next), 77);
    assert!(
        next.ids().next::<i64>() > last + (60_000 << 22),
        "also what it may have made unseen is passed over"
    );
    next.close().await;
}

async fn who_lost_the_part_writes_nothing_until_there_is_another(t: TestStore) {
    leave(&t, &[77]).await;
    let suspended = open(&t).await.unwrap();
    t.execute("UPDATE id_nodes SET expires_at = 0 WHERE part = 77")
        .await;
    let next = open(&t).await.unwrap();
    let job = NewJob {
        queue: "q",
        payload: b"x",
        dedupe: None,
        run_at: t.now(),
        max_attempts: 1,
    };

    assert!(
        matches!(
            suspended.jobs().renew_ids().await,
            Err(StoreError::NoNodePart(_))
        ),
        "nobody has one to lend"
    );
    let refused = suspended.jobs().push_job(job, t.now()).await.unwrap_err();
    assert!(refused.is_transient(), "{refused}");
    assert!(next.jobs().push_job(job, t.now()).await.unwrap());
    t.execute("UPDATE id_nodes SET expires_at = 0 WHERE part = 12")
        .await;
    suspended.jobs().renew_ids().await.unwrap();
    assert_eq!((part(&suspended), part(&next)), (12, 77));
    assert!(suspended.jobs().push_job(job, t.now()).await.unwrap());
    for store in [suspended, next] {
        store.close().await;
    }
}

async fn what_is_given_back_is_free_again(t: TestStore) {
    leave(&t, &[77]).await;
    for _ in 0..3 {
        let store = open(&t).await.unwrap();
        assert_eq!(part(&store), 77);
        store.close().await;
        let soon = t.database_time().await.unwrap().millis() + 90_000;
        assert_eq!(
            t.numbers(&format!(
                "SELECT part FROM id_nodes WHERE expires_at < {soon}"
            ))
            .await,
            [77]
        );
        t.execute("UPDATE id_nodes SET expires_at = 0 WHERE part = 77")
            .await;
    }
}

async fn an_id_that_is_there_is_an_error_and_loses_no_job(t: TestStore) {
    let job = NewJob {
        queue: "q",
        payload: b"second",
        dedupe: None,
        run_at: t.now(),
        max_attempts: 1,
    };
    t.register("kedi").await;
    // The clock stands still: ids are counted up.
    let next = t.ids().next::<i64>() + 4_096;
    t.execute(&format!(
        "INSERT INTO job (id, queue, payload, max_attempts, run_at, created_at) \
         SELECT '{next}', 'other', phone_ciphertext, 1, created_at, created_at FROM users"
    ))
    .await;
    let refused = t.jobs().push_job(job, t.now()).await.unwrap_err();
    assert!(!refused.is_transient(), "{refused}");
    assert!(
        t.jobs().push_job(job, t.now()).await.unwrap(),
        "the next id is free"
    );
    let keyed = NewJob {
        dedupe: Some("k"),
        ..job
    };
    assert!(t.jobs().push_job(keyed, t.now()).await.unwrap());
    assert!(
        !t.jobs().push_job(keyed, t.now()).await.unwrap(),
        "a key that is taken is none"
    );
}
