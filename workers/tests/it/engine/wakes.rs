//! When jobs are taken up: at once where they are pushed, at the next look elsewhere.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tebdil_workers::{Hooks, Job, JobContext, JobError, Queue, Timing, Workers, push};

use super::{Act, Probe, TIMING, jobs_left, new_test, push_probe, start, workers};
use crate::harness::{Database, on_both, settings, until};

on_both! {
    what_is_pushed_here_is_taken_up_at_once,
    what_another_node_pushes_is_taken_up_at_the_next_look,
    a_full_queue_goes_on_when_it_has_room,
    a_full_queue_holds_up_no_other,
    a_job_that_is_not_due_yet_wakes_nobody,
}

/// Nobody looks by the clock while the test runs.
const NEVER: Timing = Timing {
    poll: Duration::from_hours(1),
    ..TIMING
};

/// Done at once, in a queue beside that of [`Probe`].
#[derive(Serialize, Deserialize)]
struct Beside {}

impl Job for Beside {
    const QUEUE: &'static str = "beside";
    const CONCURRENCY: usize = 1;

    async fn run(self, _: &JobContext) -> Result<(), JobError> {
        Ok(())
    }
}

/// The first look is at the start: waits until it was.
async fn after_the_first_look(db: &Database) {
    let (test, _) = new_test();
    push_probe(db, test, 0, Act::Succeed).await;
    until("the first job is done", async || jobs_left(db).await == 0).await;
}

async fn what_is_pushed_here_is_taken_up_at_once(db: &Database) {
    let running = start([workers(db, db.store.clone()).with_timing(NEVER)]);
    after_the_first_look(db).await;
    for n in 1..=20 {
        let (test, _) = new_test();
        push_probe(db, test, n, Act::Succeed).await;
        until("it is done", async || jobs_left(db).await == 0).await;
    }
    running.stop().await;
}

async fn what_another_node_pushes_is_taken_up_at_the_next_look(db: &Database) {
    let node = db.node().await;
    let timing = Timing {
        poll: Duration::from_millis(300),
        ..TIMING
    };
    let running = start([workers(db, node.clone()).with_timing(timing)]);
    for n in 0..4 {
        let (test, _) = new_test();
        push_probe(db, test, n, Act::Succeed).await;
        until("it is done", async || jobs_left(db).await == 0).await;
    }
    running.stop().await;
    node.close().await;
}

async fn a_full_queue_goes_on_when_it_has_room(db: &Database) {
    const JOBS: u64 = 30;
    let (test, state) = new_test();
    for n in 0..JOBS {
        push_probe(db, test, n, Act::Succeed).await;
    }
    let running = start([workers(db, db.store.clone()).with_timing(NEVER)]);
    until("all are done", async || jobs_left(db).await == 0).await;
    running.stop().await;
    assert!((0..JOBS).all(|n| state.seen.of(n) == 1));
}

async fn a_full_queue_holds_up_no_other(db: &Database) {
    let (test, state) = new_test();
    let slots = u64::try_from(Probe::CONCURRENCY).expect("few");
    for n in 0..slots + 3 {
        push_probe(db, test, n, Act::Wait).await;
    }
    let all = Workers::new(
        db.store.clone(),
        db.clock.clone(),
        Hooks::default(),
        settings(),
    )
    .with_queues(vec![Queue::of::<Probe>(), Queue::of::<Beside>()])
    .with_timing(NEVER);
    let running = start([all]);
    until("all slots are taken", async || {
        state.seen.jobs() == Probe::CONCURRENCY
    })
    .await;
    for _ in 0..5 {
        let pushed = push(&db.store, &Beside {}, None, db.now(), db.now()).await;
        assert!(pushed.expect("push"));
        let beside = "SELECT COUNT(*) FROM job WHERE queue = 'beside'";
        until("the other is done", async || db.number(beside).await == 0).await;
    }
    assert_eq!(state.seen.jobs(), Probe::CONCURRENCY, "no more at once");
    state.gate.add_permits(100);
    until("all are done", async || jobs_left(db).await == 0).await;
    running.stop().await;
}

async fn a_job_that_is_not_due_yet_wakes_nobody(db: &Database) {
    let running = start([workers(db, db.store.clone()).with_timing(NEVER)]);
    after_the_first_look(db).await;
    let (test, state) = new_test();
    let later = Probe {
        test,
        n: 1,
        act: Act::Succeed,
    };
    let due = db.now() + Duration::from_secs(5);
    let pushed = push(&db.store, &later, None, due, db.now()).await;
    assert!(pushed.expect("push"));
    db.clock.advance(Duration::from_secs(5));
    // Due by now, but nobody was told: the next look is the one that another job asks for.
    assert_eq!(state.seen.of(1), 0);
    push_probe(db, test, 2, Act::Succeed).await;
    until("both are done", async || jobs_left(db).await == 0).await;
    assert_eq!((state.seen.of(1), state.seen.of(2)), (1, 1));
    running.stop().await;
}
