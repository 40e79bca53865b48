//! The workers: exactly once when nothing fails, again when something does, once per cluster for
//! schedules, and a bounded end.

use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tebdil_core::store::Store;
use tebdil_workers::{
    Hooks, Job, JobContext, JobError, JobOutcomes, Queue, Timing, Workers, WorkersError, push,
};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::harness::{Database, MINUTE, on_both, settings, until};

mod ticks;
mod wakes;

on_both! {
    two_nodes_run_every_job_once,
    a_panic_is_tried_again_and_then_dead_and_harms_nobody,
    a_killed_worker_gives_its_job_up,
    a_long_job_keeps_its_lease,
    shutdown_drains,
    a_job_that_does_not_end_is_given_back,
    what_cannot_be_read_is_dead_at_once,
    a_failing_job_does_not_hold_up_its_queue,
    what_is_buried_does_not_hold_up_its_queue,
    a_job_waits_as_long_as_it_was_asked_to,
}

/// What the jobs of one test did.
#[derive(Default)]
struct Seen {
    runs: Mutex<HashMap<u64, u64>>,
}

impl Seen {
    fn of(&self, n: u64) -> u64 {
        self.runs
            .lock()
            .expect("lock")
            .get(&n)
            .copied()
            .unwrap_or(0)
    }
    fn jobs(&self) -> usize {
        self.runs.lock().expect("lock").len()
    }
}

struct TestState {
    seen: Seen,
    /// Jobs that wait need a permit to end.
    gate: Semaphore,
}

/// Jobs are plain data; they find their test by its number.
static TESTS: LazyLock<Mutex<HashMap<u64, Arc<TestState>>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

fn new_test() -> (u64, Arc<TestState>) {
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let state = Arc::new(TestState {
        seen: Seen::default(),
        gate: Semaphore::new(0),
    });
    TESTS.lock().expect("lock").insert(id, state.clone());
    (id, state)
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Act {
    Succeed,
    Fail,
    Panic,
    Wait,
}

#[derive(Serialize, Deserialize)]
struct Probe {
    test: u64,
    n: u64,
    act: Act,
}

impl Job for Probe {
    const QUEUE: &'static str = "probe";
    const MAX_ATTEMPTS: i64 = 3;

    async fn run(self, _: &JobContext) -> Result<(), JobError> {
        let state = TESTS
            .lock()
            .expect("lock")
            .get(&self.test)
            .cloned()
            .expect("a test");
        *state
            .seen
            .runs
            .lock()
            .expect("lock")
            .entry(self.n)
            .or_default() += 1;
        match self.act {
            Act::Succeed => Ok(()),
            Act::Fail => Err(JobError::Retry("as told".to_owned())),
            Act::Panic => panic!("as told"),
            Act::Wait => {
                state.gate.acquire().await.expect("open").forget();
                Ok(())
            }
        }
    }
}

const TIMING: Timing = Timing {
    poll: Duration::from_millis(5),
    lease: Duration::from_mins(1),
    gauges: Duration::from_millis(20),
    drain: Duration::from_secs(20),
};

fn workers(db: &Database, store: Store) -> Workers {
    Workers::new(store, db.clock.clone(), Hooks::default(), settings())
        .with_queues(vec![Queue::of::<Probe>()])
        .with_timing(TIMING)
}

async fn push_probe(db: &Database, test: u64, n: u64, act: Act) {
    assert!(
        push(&db.store, &Probe { test, n, act }, None, db.now(), db.now())
            .await
            .expect("push")
    );
}

async fn jobs_left(db: &Database) -> i64 {
    db.number("SELECT COUNT(*) FROM job").await
}

struct Running {
    stop: CancellationToken,
    tasks: JoinSet<Result<(), WorkersError>>,
}

fn start(nodes: impl IntoIterator<Item = Workers>) -> Running {
    let stop = CancellationToken::new();
    let tasks = nodes
        .into_iter()
        .map(|node| node.run(stop.clone()))
        .collect();
    Running { stop, tasks }
}

impl Running {
    async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("no panic").expect("a clean end");
        }
    }
}

async fn two_nodes_run_every_job_once(db: &Database) {
    const JOBS: u64 = 100;
    let (test, state) = new_test();
    for n in 0..JOBS {
        push_probe(db, test, n, Act::Succeed).await;
    }
    let nodes = [db.node().await, db.node().await];
    let running = start(nodes.clone().map(|node| workers(db, node)));
    until("all jobs are done", async || jobs_left(db).await == 0).await;
    running.stop().await;
    assert!((0..JOBS).all(|n| state.seen.of(n) == 1));
    for node in nodes {
        node.close().await;
    }
}

async fn a_panic_is_tried_again_and_then_dead_and_harms_nobody(db: &Database) {
    let (test, state) = new_test();
    let workers = workers(db, db.store.clone());
    push_probe(db, test, 1, Act::Panic).await;
    push_probe(db, test, 2, Act::Succeed).await;
    assert_eq!(
        workers.run_due_once().await.expect("run"),
        JobOutcomes {
            done: 1,
            failed: 1,
            ..JobOutcomes::default()
        }
    );
    assert_eq!(
        workers.run_due_once().await.expect("run"),
        JobOutcomes::default(),
        "it rests"
    );
    db.clock.advance(Duration::from_millis(500));
    assert_eq!(
        workers.run_due_once().await.expect("run"),
        JobOutcomes {
            failed: 1,
            ..JobOutcomes::default()
        }
    );
    db.clock.advance(Duration::from_secs(1));
    assert_eq!(
        workers.run_due_once().await.expect("run"),
        JobOutcomes {
            dead: 1,
            ..JobOutcomes::default()
        }
    );
    db.clock.advance(MINUTE);
    assert_eq!(
        workers.run_due_once().await.expect("run"),
        JobOutcomes::default()
    );
    assert_eq!((state.seen.of(1), state.seen.of(2)), (3, 1));
    assert_eq!(
        db.text("SELECT error FROM job WHERE state = 3").await,
        "panicked: as told"
    );

    // The same in the workers: they outlive it.
    push_probe(db, test, 3, Act::Panic).await;
    push_probe(db, test, 4, Act::Succeed).await;
    let running = start([workers]);
    until("both ran", async || {
        state.seen.of(3) == 1 && state.seen.of(4) == 1
    })
    .await;
    push_probe(db, test, 5, Act::Succeed).await;
    until("the next ran", async || state.seen.of(5) == 1).await;
    running.stop().await;
}

async fn a_killed_worker_gives_its_job_up(db: &Database) {
    let (test, state) = new_test();
    push_probe(db, test, 1, Act::Wait).await;
    let victim = start([workers(db, db.store.clone())]);
    until("the job runs", async || state.seen.of(1) == 1).await;
    let Running { mut tasks, .. } = victim;
    tasks.shutdown().await;
    assert_eq!(
        db.number("SELECT COUNT(*) FROM job WHERE state = 1").await,
        1,
        "still leased"
    );

    state.gate.add_permits(1);
    let heir = start([workers(db, db.store.clone())]);
    db.clock.advance(MINUTE);
    until("the job is done", async || jobs_left(db).await == 0).await;
    heir.stop().await;
    assert_eq!(state.seen.of(1), 2);
}

async fn a_long_job_keeps_its_lease(db: &Database) {
    let (test, state) = new_test();
    push_probe(db, test, 1, Act::Wait).await;
    let timing = Timing {
        lease: Duration::from_millis(90),
        ..TIMING
    };
    let nodes = [db.node().await, db.node().await];
    let running = start(
        nodes
            .clone()
            .map(|node| workers(db, node).with_timing(timing)),
    );
    until("the job runs", async || state.seen.of(1) == 1).await;
    // Each step is shorter than a lease, all of them are longer; the heartbeat follows the clock.
    for _ in 0..4 {
        db.clock.advance(Duration::from_millis(60));
        until("the lease is extended", async || {
            db.time("SELECT lease_until FROM job").await == Some(db.now() + timing.lease)
        })
        .await;
    }
    state.gate.add_permits(1);
    until("the job is done", async || jobs_left(db).await == 0).await;
    running.stop().await;
    assert_eq!(state.seen.of(1), 1);
    for node in nodes {
        node.close().await;
    }
}

async fn shutdown_drains(db: &Database) {
    let (test, state) = new_test();
    let slots = u64::try_from(Probe::CONCURRENCY).expect("small");
    for n in 0..slots + 3 {
        push_probe(db, test, n, Act::Wait).await;
    }
    let running = start([workers(db, db.store.clone())]);
    until("all slots are taken", async || {
        state.seen.jobs() == Probe::CONCURRENCY
    })
    .await;
    running.stop.cancel();
    state.gate.add_permits(100);
    running.stop().await;
    assert_eq!(
        state.seen.jobs(),
        Probe::CONCURRENCY,
        "what ran has ended, nothing else began"
    );
    assert_eq!(
        db.number("SELECT COUNT(*) FROM job WHERE state = 0 AND attempts = 0")
            .await,
        3
    );
    assert_eq!(jobs_left(db).await, 3);
}

async fn a_job_that_does_not_end_is_given_back(db: &Database) {
    let (test, state) = new_test();
    push_probe(db, test, 1, Act::Wait).await;
    let running = start([workers(db, db.store.clone()).with_timing(Timing {
        drain: Duration::from_millis(20),
        ..TIMING
    })]);
    until("the job runs", async || state.seen.of(1) == 1).await;
    running.stop().await;
    assert_eq!(
        db.number(
            "SELECT COUNT(*) FROM job WHERE state = 0 AND attempts = 0 AND lease_until IS NULL"
        )
        .await,
        1
    );
}

async fn what_cannot_be_read_is_dead_at_once(db: &Database) {
    let workers = workers(db, db.store.clone());
    let job = tebdil_core::store::NewJob {
        queue: "probe",
        payload: b"{",
        dedupe: None,
        run_at: db.now(),
        max_attempts: 9,
    };
    db.store.jobs().push_job(job, db.now()).await.expect("push");
    assert_eq!(
        workers.run_due_once().await.expect("run"),
        JobOutcomes {
            dead: 1,
            ..JobOutcomes::default()
        }
    );
}

async fn a_failing_job_does_not_hold_up_its_queue(db: &Database) {
    let (test, state) = new_test();
    for n in 0..8 {
        push_probe(db, test, n, Act::Fail).await;
    }
    push_probe(db, test, 8, Act::Succeed).await;
    let running = start([workers(db, db.store.clone())]);
    until("the good one ran", async || state.seen.of(8) == 1).await;
    until("the bad ones rest", async || {
        db.number("SELECT COUNT(*) FROM job WHERE state = 0 AND attempts = 1")
            .await
            == 8
    })
    .await;
    running.stop().await;
}

/// Fails, and asks for a wait.
#[derive(Serialize, Deserialize)]
struct Asked {
    seconds: u64,
}

impl Job for Asked {
    const QUEUE: &'static str = "asked";
    const MAX_ATTEMPTS: i64 = 2;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        assert!(
            !cx.job.id.is_empty() && cx.job.pushed_at <= cx.clock.now(),
            "it knows itself"
        );
        Err(JobError::RetryAfter(
            Duration::from_secs(self.seconds),
            "not now".to_owned(),
        ))
    }
}

async fn what_is_buried_does_not_hold_up_its_queue(db: &Database) {
    let (test, state) = new_test();
    push_probe(db, test, 1, Act::Succeed).await;
    // Its last attempt did not come back.
    db.execute("UPDATE job SET state = 1, attempts = max_attempts, lease_until = run_at")
        .await;
    push_probe(db, test, 2, Act::Succeed).await;
    let workers = workers(db, db.store.clone());
    let ran = workers.run_due_once().await.expect("run");
    assert_eq!((ran.done, ran.dead), (1, 1));
    assert_eq!((state.seen.of(1), state.seen.of(2)), (0, 1));
}

async fn a_job_waits_as_long_as_it_was_asked_to(db: &Database) {
    let workers = Workers::new(
        db.store.clone(),
        db.clock.clone(),
        Hooks::default(),
        settings(),
    )
    .with_queues(vec![Queue::of::<Asked>()]);
    let failed = JobOutcomes {
        failed: 1,
        ..JobOutcomes::default()
    };
    push(&db.store, &Asked { seconds: 90 }, None, db.now(), db.now())
        .await
        .expect("push");
    assert_eq!(workers.run_due_once().await.expect("run"), failed);
    assert_eq!(
        db.time("SELECT run_at FROM job").await,
        Some(db.now() + Duration::from_secs(90))
    );
    db.clock.advance(Duration::from_secs(89));
    assert_eq!(
        workers.run_due_once().await.expect("run"),
        JobOutcomes::default()
    );
    db.clock.advance(Duration::from_secs(1));
    assert_eq!(
        workers.run_due_once().await.expect("run"),
        JobOutcomes {
            dead: 1,
            ..JobOutcomes::default()
        },
        "attempts are bounded all the same"
    );
    assert_eq!(db.text("SELECT error FROM job").await, "not now");

    // Never sooner than the backoff.
    push(&db.store, &Asked { seconds: 0 }, None, db.now(), db.now())
        .await
        .expect("push");
    assert_eq!(workers.run_due_once().await.expect("run"), failed);
    assert_eq!(
        db.time("SELECT run_at FROM job WHERE state = 0").await,
        Some(db.now() + Duration::from_millis(500))
    );
}
