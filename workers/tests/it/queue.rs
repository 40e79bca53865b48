//! The operations on the `job` table.

use std::{collections::HashMap, time::Duration};

use tebdil_core::store::{JobFailure, LeasedJob, NewJob, OldRows, Store};
use tebdil_protocol::{JobQueue, time::Timestamp};

use crate::harness::{Database, MINUTE, on_both};

on_both! {
    a_lost_lease_cannot_end_the_job,
    the_last_attempt_that_never_returns_is_buried,
    failures_back_off_and_then_die,
    a_key_stays_taken_until_the_row_is_purged,
    released_jobs_get_their_attempt_back,
    every_job_goes_to_one_caller,
    counts_tell_depth_and_age,
    queues_with_something_due_are_found,
}

pub fn job(payload: &[u8], run_at: Timestamp) -> NewJob<'_> {
    NewJob {
        queue: "q",
        payload,
        dedupe: None,
        run_at,
        max_attempts: 3,
    }
}

pub async fn lease_one(store: &Store, now: Timestamp) -> Option<LeasedJob> {
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
    assert_eq!(depth(store, db.now()).await.dead, 1);
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
    let jobs = store.jobs();
    let keyed = NewJob {
        dedupe: Some("k"),
        ..job(b"x", db.now())
    };
    assert!(jobs.push_job(keyed, db.now()).await.expect("push"));
    assert!(
        !jobs.push_job(keyed, db.now()).await.expect("push"),
        "waiting"
    );
    assert!(
        jobs.push_job(
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
        !jobs.push_job(keyed, db.now()).await.expect("push"),
        "leased"
    );
    assert!(jobs.finish_job(&leased, db.now()).await.expect("finish"));
    assert!(!jobs.push_job(keyed, db.now()).await.expect("push"), "done");
    let purge = async |old| {
        let gone = jobs.delete_old(&old, MINUTE, 10, db.now()).await;
        gone.expect("purge")
    };
    assert_eq!(purge(OldRows::DONE_JOBS).await, 0, "not before its time");

    db.clock.advance(MINUTE);
    assert_eq!(purge(OldRows::DONE_JOBS).await, 1);
    assert!(jobs.push_job(keyed, db.now()).await.expect("push"));

    let dead = lease_one(store, db.now()).await.expect("due");
    assert!(jobs.bury_job(&dead, "never", db.now()).await.expect("bury"));
    assert_eq!(purge(OldRows::DEAD_JOBS).await, 0, "not before its time");
    db.clock.advance(MINUTE);
    assert_eq!(
        purge(OldRows::DONE_JOBS).await,
        0,
        "dead letters stay longer"
    );
    assert_eq!(purge(OldRows::DEAD_JOBS).await, 1);
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
                if leased.jobs.is_empty() && depth(&store, now).await.waiting == 0 {
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

/// How full the queue is.
async fn depth(store: &Store, now: Timestamp) -> JobQueue {
    let queues = store.jobs().job_queues(now).await.expect("counts");
    let found = queues.into_iter().find(|row| row.queue == "q");
    found.expect("it has jobs")
}

async fn counts_tell_depth_and_age(db: &Database) {
    let (store, now) = (&db.store, db.now());
    for (payload, wait) in [(b"1", 0), (b"2", 1), (b"3", 10)] {
        let pushed = store
            .jobs()
            .push_job(job(payload, now + wait * MINUTE), now);
        assert!(pushed.await.expect("push"));
    }
    db.clock.advance(3 * MINUTE);
    let counts = depth(store, db.now()).await;
    assert_eq!(
        (counts.waiting, counts.leased, counts.oldest_due_s),
        (3, 0, 180)
    );
    lease_one(store, db.now()).await.expect("the oldest");
    let counts = depth(store, db.now()).await;
    assert_eq!(
        (counts.waiting, counts.leased, counts.oldest_due_s),
        (2, 1, 120)
    );
    assert_eq!(
        store
            .jobs()
            .job_queues(db.now())
            .await
            .expect("counts")
            .len(),
        1
    );
}

async fn queues_with_something_due_are_found(db: &Database) {
    let (jobs, now) = (db.store.jobs(), db.now());
    let queues = ["a", "q", "z"];
    let due = async |now| jobs.due_queues(&queues, now).await.expect("due");
    assert_eq!(due(now).await, [""; 0]);
    let later = job(b"x", now + MINUTE);
    assert!(jobs.push_job(later, now).await.expect("push"));
    assert_eq!(due(now).await, [""; 0], "not before its time");
    assert_eq!(due(now + MINUTE).await, ["q"]);
    db.clock.advance(MINUTE);
    let leased = lease_one(&db.store, db.now()).await.expect("due");
    assert_eq!(due(db.now()).await, [""; 0], "it is leased");
    assert_eq!(due(db.now() + MINUTE).await, ["q"], "its lease ran out");
    assert!(jobs.finish_job(&leased, db.now()).await.expect("finish"));
    assert_eq!(due(db.now() + MINUTE).await, [""; 0]);
    assert_eq!(jobs.due_queues(&[], now).await.expect("none"), [""; 0]);
}
