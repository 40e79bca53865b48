//! The operations on the `job` table.

use std::{collections::HashMap, time::Duration};

use tebdil_core::{
    store::{JobFailure, LeasedJob, NewJob, Store},
    time::{Clock, Timestamp},
};

use crate::harness::{Database, MINUTE, on_both};

on_both! {
    a_lost_lease_cannot_end_the_job,
    the_last_attempt_that_never_returns_is_buried,
    failures_back_off_and_then_die,
    a_key_stays_taken_until_the_row_is_purged,
    released_jobs_get_their_attempt_back,
    ticks_do_not_pile_up,
    a_tick_of_a_clock_that_was_ahead_stops_no_schedule,
    a_node_that_had_to_wait_forgets_no_tick,
    every_job_goes_to_one_caller,
    counts_tell_depth_and_age,
}

fn job(payload: &[u8], run_at: Timestamp) -> NewJob<'_> {
    NewJob {
        queue: "q",
        payload,
        dedupe: None,
        run_at,
        max_attempts: 3,
    }
}

async fn lease_one(store: &Store, now: Timestamp) -> Option<LeasedJob> {
    store
        .jobs()
        .lease_jobs("q", 1, MINUTE, now)
        .await
        .expect("lease")
        .jobs
        .pop()
}

async fn a_lost_lease_cannot_end_the_job(db: &Database) {
    let store = &db.store;
    assert!(
        store
            .jobs()
            .push_job(job(b"x", db.now()), db.now())
            .await
            .expect("push")
    );
    let first = lease_one(store, db.now()).await.expect("due");
    assert_eq!(
        (first.payload.as_slice(), first.attempt),
        (b"x".as_slice(), 1)
    );
    assert!(lease_one(store, db.now()).await.is_none(), "it is leased");

    db.clock.advance(MINUTE);
    let second = lease_one(store, db.now()).await.expect("the lease ran out");
    assert_eq!(second.attempt, 2);
    assert!(
        !store
            .jobs()
            .finish_job(&first, db.now())
            .await
            .expect("finish")
    );
    assert_eq!(
        store
            .jobs()
            .fail_job(&first, "late", db.now(), db.now())
            .await
            .expect("fail"),
        JobFailure::LeaseLost
    );
    assert!(
        !store
            .jobs()
            .bury_job(&first, "late", db.now())
            .await
            .expect("bury")
    );
    assert_eq!(
        store
            .jobs()
            .extend_leases(std::slice::from_ref(&first.lease), db.now() + MINUTE)
            .await
            .expect("extend"),
        0
    );
    assert_eq!(
        store
            .jobs()
            .release_jobs(&[first.lease])
            .await
            .expect("release"),
        0
    );

    assert_eq!(
        store
            .jobs()
            .extend_leases(std::slice::from_ref(&second.lease), db.now() + 2 * MINUTE)
            .await
            .expect("extend"),
        1
    );
    db.clock.advance(MINUTE);
    assert!(
        lease_one(store, db.now()).await.is_none(),
        "the lease was extended"
    );
    assert!(
        store
            .jobs()
            .finish_job(&second, db.now())
            .await
            .expect("finish")
    );
    assert_eq!(db.number("SELECT COUNT(*) FROM job").await, 0);
}

async fn the_last_attempt_that_never_returns_is_buried(db: &Database) {
    let store = &db.store;
    store
        .jobs()
        .push_job(
            NewJob {
                max_attempts: 1,
                ..job(b"poison", db.now())
            },
            db.now(),
        )
        .await
        .expect("push");
    store
        .jobs()
        .push_job(job(b"fine", db.now()), db.now())
        .await
        .expect("push");
    assert_eq!(
        store
            .jobs()
            .lease_jobs("q", 1, MINUTE, db.now())
            .await
            .expect("lease")
            .jobs[0]
            .payload,
        b"poison"
    );
    db.clock.advance(MINUTE);
    let leased = store
        .jobs()
        .lease_jobs("q", 10, MINUTE, db.now())
        .await
        .expect("lease");
    assert_eq!(leased.buried, 1);
    assert_eq!(
        leased
            .jobs
            .iter()
            .map(|job| job.payload.as_slice())
            .collect::<Vec<_>>(),
        [b"fine"]
    );
    assert_eq!(
        store
            .jobs()
            .job_counts("q", db.now())
            .await
            .expect("counts")
            .dead,
        1
    );
}

async fn failures_back_off_and_then_die(db: &Database) {
    let store = &db.store;
    store
        .jobs()
        .push_job(job(b"x", db.now()), db.now())
        .await
        .expect("push");
    for wait in [500, 1000] {
        let leased = lease_one(store, db.now()).await.expect("due");
        let again = db.now() + Duration::from_millis(wait);
        assert_eq!(
            store
                .jobs()
                .fail_job(&leased, &"ş".repeat(600), db.now(), db.now())
                .await
                .expect("fail"),
            JobFailure::Again(again)
        );
        assert_eq!(db.text("SELECT error FROM job").await, "ş".repeat(500));
        db.clock.advance(Duration::from_millis(wait - 1));
        assert!(lease_one(store, db.now()).await.is_none(), "it rests");
        db.clock.advance(Duration::from_millis(1));
    }
    let last = lease_one(store, db.now()).await.expect("due");
    assert_eq!(
        store
            .jobs()
            .fail_job(&last, "no", db.now(), db.now())
            .await
            .expect("fail"),
        JobFailure::Dead
    );
    db.clock.advance(MINUTE);
    assert!(lease_one(store, db.now()).await.is_none(), "it is dead");
    assert_eq!(
        db.number("SELECT COUNT(*) FROM job WHERE state = 3 AND error = 'no' AND attempts = 3")
            .await,
        1
    );
}

async fn a_key_stays_taken_until_the_row_is_purged(db: &Database) {
    let store = &db.store;
    let keyed = NewJob {
        dedupe: Some("k"),
        ..job(b"x", db.now())
    };
    assert!(store.jobs().push_job(keyed, db.now()).await.expect("push"));
    assert!(
        !store.jobs().push_job(keyed, db.now()).await.expect("push"),
        "waiting"
    );
    assert!(
        store
            .jobs()
            .push_job(
                NewJob {
                    queue: "other",
                    ..keyed
                },
                db.now()
            )
            .await
            .expect("push"),
        "keys belong to a queue"
    );
    let leased = lease_one(store, db.now()).await.expect("due");
    assert!(
        !store.jobs().push_job(keyed, db.now()).await.expect("push"),
        "leased"
    );
    assert!(
        store
            .jobs()
            .finish_job(&leased, db.now())
            .await
            .expect("finish")
    );
    assert!(
        !store.jobs().push_job(keyed, db.now()).await.expect("push"),
        "done"
    );
    assert_eq!(
        store
            .jobs()
            .purge_finished(db.now(), db.now(), 10)
            .await
            .expect("purge"),
        0,
        "not before its time"
    );

    db.clock.advance(MINUTE);
    assert_eq!(
        store
            .jobs()
            .purge_finished(db.now(), db.now() - MINUTE, 10)
            .await
            .expect("purge"),
        1
    );
    assert!(store.jobs().push_job(keyed, db.now()).await.expect("push"));

    let dead = lease_one(store, db.now()).await.expect("due");
    assert!(
        store
            .jobs()
            .bury_job(&dead, "never", db.now())
            .await
            .expect("bury")
    );
    db.clock.advance(MINUTE);
    assert_eq!(
        store
            .jobs()
            .purge_finished(db.now(), db.now() - MINUTE, 10)
            .await
            .expect("purge"),
        0,
        "dead letters stay longer"
    );
    assert_eq!(
        store
            .jobs()
            .purge_finished(db.now(), db.now(), 10)
            .await
            .expect("purge"),
        1
    );
}

async fn released_jobs_get_their_attempt_back(db: &Database) {
    let store = &db.store;
    store
        .jobs()
        .push_job(job(b"x", db.now()), db.now())
        .await
        .expect("push");
    let first = lease_one(store, db.now()).await.expect("due");
    assert_eq!(
        store
            .jobs()
            .release_jobs(&[first.lease])
            .await
            .expect("release"),
        1
    );
    assert_eq!(
        lease_one(store, db.now())
            .await
            .expect("due at once")
            .attempt,
        1
    );
}

async fn ticks_do_not_pile_up(db: &Database) {
    let store = &db.store;
    let tick = |key| NewJob {
        dedupe: Some(key),
        ..job(b"{}", db.now())
    };
    assert!(
        store
            .jobs()
            .push_tick(tick("cron:1"), &db.clock)
            .await
            .expect("push")
    );
    assert!(
        !store
            .jobs()
            .push_tick(tick("cron:2"), &db.clock)
            .await
            .expect("push"),
        "the first waits"
    );
    let leased = lease_one(store, db.now()).await.expect("due");
    assert!(
        store
            .jobs()
            .push_tick(tick("cron:3"), &db.clock)
            .await
            .expect("push"),
        "the first runs"
    );
    store
        .jobs()
        .finish_job(&leased, db.now())
        .await
        .expect("finish");
    assert!(
        !store
            .jobs()
            .push_tick(tick("cron:1"), &db.clock)
            .await
            .expect("push"),
        "a late node"
    );
}

async fn a_tick_of_a_clock_that_was_ahead_stops_no_schedule(db: &Database) {
    let (store, ahead) = (&db.store, db.now() + 365 * 24 * 60 * MINUTE);
    let tick = |key, at| NewJob {
        dedupe: Some(key),
        ..job(b"{}", at)
    };
    // Pushed, and killed before it was leased.
    assert!(
        store
            .jobs()
            .push_tick(tick("cron:9", ahead), &Clock::manual(ahead))
            .await
            .expect("push")
    );
    assert!(
        store
            .jobs()
            .push_tick(tick("cron:1", db.now()), &db.clock)
            .await
            .expect("push")
    );
    assert_eq!(
        lease_one(store, db.now())
            .await
            .expect("due")
            .dedupe
            .as_deref(),
        Some("cron:1")
    );
    assert!(
        lease_one(store, db.now()).await.is_none(),
        "the other is not due"
    );
}

async fn a_node_that_had_to_wait_forgets_no_tick(db: &Database) {
    let key = |at: Timestamp| format!("cron:{}", at.millis());
    let late = key(db.now());
    let held = db.hold_ticks().await;
    let push = db.store.jobs().push_tick(
        NewJob {
            dedupe: Some(&late),
            ..job(b"{}", db.now())
        },
        &db.clock,
    );
    let meanwhile = async {
        // It waits by now; if not, it is not late, and finds the same.
        tokio::time::sleep(Duration::from_millis(50)).await;
        db.clock.advance(MINUTE);
        held.push_done(&key(db.now()), db.now()).await;
    };
    let (pushed, ()) = tokio::join!(push, meanwhile);
    assert!(pushed.expect("push"));
    let left = db.texts("SELECT dedupe FROM job ORDER BY run_at").await;
    assert_eq!(
        left,
        [late.clone(), key(db.now())],
        "what another node ran meanwhile stays"
    );
}

async fn every_job_goes_to_one_caller(db: &Database) {
    const JOBS: usize = 60;
    for n in 0..JOBS {
        db.store
            .jobs()
            .push_job(job(n.to_string().as_bytes(), db.now()), db.now())
            .await
            .expect("push");
    }
    let nodes = [db.node().await, db.node().await];
    let callers = (0..6).map(|n| {
        let (store, now) = (nodes[n % 2].clone(), db.now());
        async move {
            let mut mine = Vec::new();
            loop {
                let leased = store
                    .jobs()
                    .lease_jobs("q", 3, MINUTE, now)
                    .await
                    .expect("lease");
                // Rows that others hold are left out: nothing to take does not mean that nothing is
                // left.
                if leased.jobs.is_empty()
                    && store
                        .jobs()
                        .job_counts("q", now)
                        .await
                        .expect("counts")
                        .waiting
                        == 0
                {
                    return mine;
                }
                assert!(leased.jobs.len() <= 3);
                mine.extend(leased.jobs.into_iter().map(|job| job.payload));
            }
        }
    });
    let mut set: tokio::task::JoinSet<Vec<Vec<u8>>> = callers.collect();
    let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
    while let Some(mine) = set.join_next().await {
        for payload in mine.expect("caller") {
            *seen.entry(payload).or_default() += 1;
        }
    }
    assert_eq!(seen.len(), JOBS);
    assert!(seen.values().all(|times| *times == 1));
    for node in nodes {
        node.close().await;
    }
}

async fn counts_tell_depth_and_age(db: &Database) {
    let store = &db.store;
    store
        .jobs()
        .push_job(job(b"1", db.now()), db.now())
        .await
        .expect("push");
    store
        .jobs()
        .push_job(job(b"2", db.now() + MINUTE), db.now())
        .await
        .expect("push");
    store
        .jobs()
        .push_job(job(b"3", db.now() + 10 * MINUTE), db.now())
        .await
        .expect("push");
    db.clock.advance(3 * MINUTE);
    let counts = store
        .jobs()
        .job_counts("q", db.now())
        .await
        .expect("counts");
    assert_eq!(
        (counts.waiting, counts.leased, counts.oldest_due_age),
        (3, 0, 3 * MINUTE)
    );
    lease_one(store, db.now()).await.expect("the oldest");
    let counts = store
        .jobs()
        .job_counts("q", db.now())
        .await
        .expect("counts");
    assert_eq!(
        (counts.waiting, counts.leased, counts.oldest_due_age),
        (2, 1, 2 * MINUTE)
    );
    assert_eq!(
        store
            .jobs()
            .job_counts("nothing", db.now())
            .await
            .expect("counts"),
        tebdil_core::store::JobCounts::default()
    );
}
