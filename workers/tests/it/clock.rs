//! Clocks that are wrong, and what is left when they are right again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tebdil_core::{skew::ClockGuard, store::NewJob};
use tebdil_protocol::time::Timestamp;
use tebdil_workers::{Hooks, Job, JobContext, JobError, JobOutcomes, Queue, Settings, Workers};

use crate::harness::{DAY, Database, MINUTE, on_both, settings};

on_both! {
    a_clock_that_is_apart_runs_nothing_until_it_is_right,
    a_job_whose_clock_is_set_meanwhile_is_given_back,
    schedules_go_on_after_the_clock_was_set_back,
    what_a_clock_that_was_ahead_put_off_runs,
    what_was_pushed_ahead_of_its_time_is_due_now,
}

/// Comes by every minute.
#[derive(Default, Serialize, Deserialize)]
struct Chore {}

impl Job for Chore {
    const QUEUE: &'static str = "chore";

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        cx.now().map(drop)
    }
}

/// Finds the clock set when it wants to go on.
#[derive(Default, Serialize, Deserialize)]
struct Unlucky {}

impl Job for Unlucky {
    const QUEUE: &'static str = "unlucky";

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        cx.now()?;
        cx.clock.advance(DAY);
        cx.now().map(drop)
    }
}

fn workers(db: &Database, settings: Settings) -> Workers {
    let queues = vec![Queue::scheduled::<Chore>(MINUTE), Queue::of::<Unlucky>()];
    Workers::new(
        db.store.clone(),
        db.clock.clone(),
        Hooks::default(),
        settings,
    )
    .with_queues(queues)
}

/// Workers who compare their clock with that of the database.
async fn guarded(db: &Database) -> Workers {
    let guard = ClockGuard::new(db.clock.clone(), Duration::from_secs(5));
    guard.compare(&db.store).await.expect("an answer");
    workers(
        db,
        Settings {
            guard: Some(guard),
            ..settings()
        },
    )
}

/// The right time, which goes on.
async fn real(db: &Database) -> Timestamp {
    db.store.database_time().await.expect("an answer")
}

const ONE: JobOutcomes = JobOutcomes {
    done: 1,
    failed: 0,
    dead: 0,
    lost: 0,
};

async fn a_clock_that_is_apart_runs_nothing_until_it_is_right(db: &Database) {
    let workers = guarded(db).await;
    for apart in [DAY, Duration::from_secs(20)] {
        db.clock.set(real(db).await + apart);
        assert_eq!(
            workers.run_due_once().await.expect("run"),
            JobOutcomes::default()
        );
        db.clock.set(real(db).await - apart);
        assert_eq!(
            workers.run_due_once().await.expect("run"),
            JobOutcomes::default()
        );
        assert_eq!(
            db.number("SELECT COUNT(*) FROM job").await,
            0,
            "nor does it push anything"
        );
    }
    db.clock.set(real(db).await);
    assert_eq!(workers.run_due_once().await.expect("run"), ONE);
}

async fn a_job_whose_clock_is_set_meanwhile_is_given_back(db: &Database) {
    let workers = guarded(db).await;
    db.clock.set(real(db).await);
    let job = NewJob {
        queue: Unlucky::QUEUE,
        payload: b"{}",
        dedupe: None,
        run_at: db.now(),
        max_attempts: 1,
    };
    db.store.jobs().push_job(job, db.now()).await.expect("push");
    assert_eq!(
        workers.run_due_once().await.expect("run"),
        ONE,
        "the chore; the other neither failed nor ended"
    );
    assert_eq!(
        db.number(
            "SELECT COUNT(*) FROM job WHERE queue = 'unlucky' AND state = 0 AND attempts = 0"
        )
        .await,
        1
    );
}

async fn schedules_go_on_after_the_clock_was_set_back(db: &Database) {
    let workers = workers(db, settings());
    for _ in 0..10 {
        assert_eq!(workers.run_due_once().await.expect("run"), ONE);
        db.clock.advance(MINUTE);
    }
    for back in [5 * MINUTE, DAY] {
        db.clock.set(Timestamp::from_millis(
            db.now().millis() - i64::try_from(back.as_millis()).expect("short"),
        ));
        // The minute in which it is may have been seen to before.
        workers.run_due_once().await.expect("run");
        for _ in 0..8 {
            db.clock.advance(MINUTE);
            assert_eq!(
                workers.run_due_once().await.expect("run"),
                ONE,
                "every minute again"
            );
        }
    }
}

async fn what_a_clock_that_was_ahead_put_off_runs(db: &Database) {
    let (workers, now) = (workers(db, settings()), db.now());
    assert_eq!(workers.run_due_once().await.expect("run"), ONE);
    let job = |payload, run_at| NewJob {
        queue: Chore::QUEUE,
        payload,
        dedupe: None,
        run_at,
        max_attempts: 3,
    };
    let lease = async |at| {
        db.store
            .jobs()
            .lease_jobs(Chore::QUEUE, 1, MINUTE, at)
            .await
            .expect("lease")
            .jobs
            .len()
    };
    // One is leased by a clock a day ahead whose machine then died, one pushed, one is to wait an
    // hour by a clock that is right.
    db.store
        .jobs()
        .push_job(job(b"{}", now), now)
        .await
        .expect("push");
    assert_eq!(lease(now + DAY).await, 1);
    db.store
        .jobs()
        .push_job(job(b"{}", now + DAY), now + DAY)
        .await
        .expect("push");
    db.store
        .jobs()
        .push_job(job(b"{}", now + 60 * MINUTE), now)
        .await
        .expect("push");
    assert_eq!(lease(now).await, 0);
    db.clock.advance(MINUTE);
    let ran = workers.run_due_once().await.expect("run");
    assert_eq!(
        ran,
        JobOutcomes {
            done: 3,
            ..JobOutcomes::default()
        },
        "the tick, and both that were put off"
    );
    assert_eq!(
        db.number("SELECT COUNT(*) FROM job WHERE state = 0 AND dedupe IS NULL")
            .await,
        1,
        "who has to wait waits"
    );
}

/// An hour is less than the longest wait.
async fn what_was_pushed_ahead_of_its_time_is_due_now(db: &Database) {
    let (workers, now) = (workers(db, settings()), db.now());
    let ahead = now + 60 * MINUTE;
    for run_at in [ahead, ahead + 20 * MINUTE] {
        let job = NewJob {
            queue: Chore::QUEUE,
            payload: b"{}",
            dedupe: None,
            run_at,
            max_attempts: 3,
        };
        db.store.jobs().push_job(job, ahead).await.expect("push");
    }
    let left = async || {
        workers.run_due_once().await.expect("run");
        db.number("SELECT COUNT(*) FROM job WHERE state = 0").await
    };
    assert_eq!(left().await, 1, "one was to wait");
    db.clock.advance(19 * MINUTE);
    assert_eq!(left().await, 1);
    db.clock.advance(MINUTE);
    assert_eq!(left().await, 0);
}
