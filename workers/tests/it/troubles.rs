//! Jobs that go wrong: seen in the numbers and among the dead letters, and nobody else's trouble.

use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::{Deserialize, Serialize};
use tebdil_workers::{
    Hooks, Job, JobContext, JobError, JobOutcomes, Queue, Timing, Workers, WorkersError, push,
};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::harness::{Database, MINUTE, on_both, settings, until};

on_both! {
    five_failures_make_a_dead_letter,
    a_job_that_outruns_its_leases_is_buried,
    ads_are_counted_every_minute_and_forgotten_after_a_week,
}

const TIMING: Timing = Timing {
    poll: Duration::from_millis(5),
    lease: MINUTE,
    gauges: Duration::from_millis(20),
    drain: Duration::from_secs(20),
};

/// What the jobs of a test that hang wait for, and how many began.
struct Hung {
    gate: Semaphore,
    begun: AtomicU64,
}

/// By the number of the test: jobs are plain data.
static HANGING: LazyLock<Mutex<HashMap<u64, Arc<Hung>>>> = LazyLock::new(Mutex::default);

/// The numbers of this process as they are scraped.
fn numbers() -> String {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    let handle = HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).expect("nobody else records");
        handle
    });
    handle.render()
}

/// The value of a number with these labels; 0 when it is not there.
fn number(name: &str, queue: &str, label: &str) -> f64 {
    let line = numbers()
        .lines()
        .find(|line| {
            line.starts_with(name)
                && line.contains(&format!("queue=\"{queue}\""))
                && line.contains(label)
        })
        .map(str::to_owned);
    line.map_or(0.0, |line| {
        line.rsplit(' ')
            .next()
            .and_then(|value| value.parse().ok())
            .expect("a value")
    })
}

/// Fails as long as it is told to.
#[derive(Serialize, Deserialize)]
struct Frail {
    fails: bool,
}

impl Job for Frail {
    const QUEUE: &'static str = "frail";
    const MAX_ATTEMPTS: i64 = 5;

    async fn run(self, _: &JobContext) -> Result<(), JobError> {
        if self.fails {
            Err(JobError::Retry("as told".to_owned()))
        } else {
            Ok(())
        }
    }
}

/// Hangs, when it is given a test.
#[derive(Serialize, Deserialize)]
struct Hanging {
    test: Option<u64>,
}

impl Job for Hanging {
    const QUEUE: &'static str = "hanging";
    const MAX_ATTEMPTS: i64 = 2;

    async fn run(self, _: &JobContext) -> Result<(), JobError> {
        if let Some(test) = self.test {
            let state = HANGING
                .lock()
                .expect("lock")
                .get(&test)
                .cloned()
                .expect("a test");
            state.begun.fetch_add(1, Ordering::SeqCst);
            state.gate.acquire().await.expect("open").forget();
        }
        Ok(())
    }
}

fn workers(db: &Database, queue: Queue) -> Workers {
    Workers::new(
        db.store.clone(),
        db.clock.clone(),
        Hooks::default(),
        settings(),
    )
    .with_queues(vec![queue])
    .with_timing(TIMING)
}

async fn five_failures_make_a_dead_letter(db: &Database) {
    // Counts are those of the process: what this test adds is what matters.
    let before =
        ["failed", "dead", "done"].map(|outcome| number("tebdil_jobs_total", "frail", outcome));
    let workers = workers(db, Queue::of::<Frail>());
    for fails in [false, true, false] {
        assert!(
            push(&db.store, &Frail { fails }, None, db.now(), db.now())
                .await
                .expect("push")
        );
    }
    assert_eq!(
        workers.run_due_once().await.expect("run"),
        JobOutcomes {
            done: 2,
            failed: 1,
            ..JobOutcomes::default()
        }
    );
    for wait in [500, 1_000, 2_000] {
        db.clock.advance(Duration::from_millis(wait));
        assert_eq!(
            workers.run_due_once().await.expect("run"),
            JobOutcomes {
                failed: 1,
                ..JobOutcomes::default()
            }
        );
    }
    db.clock.advance(Duration::from_secs(4));
    assert_eq!(
        workers.run_due_once().await.expect("run"),
        JobOutcomes {
            dead: 1,
            ..JobOutcomes::default()
        }
    );
    db.clock.advance(60 * MINUTE);
    assert_eq!(
        workers.run_due_once().await.expect("run"),
        JobOutcomes::default()
    );
    assert_eq!(
        db.number(
            "SELECT COUNT(*) FROM job WHERE state = 3 AND attempts = 5 AND error = 'as told'"
        )
        .await,
        1
    );
    for (outcome, before, more) in [
        ("failed", before[0], 4.0),
        ("dead", before[1], 1.0),
        ("done", before[2], 2.0),
    ] {
        assert!(
            number("tebdil_jobs_total", "frail", outcome) >= before + more,
            "{outcome} in {}",
            numbers()
        );
    }
}

async fn a_job_that_outruns_its_leases_is_buried(db: &Database) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let before = ["dead", "lost"].map(|outcome| number("tebdil_jobs_total", "hanging", outcome));
    let test = NEXT.fetch_add(1, Ordering::Relaxed);
    let state = Arc::new(Hung {
        gate: Semaphore::new(0),
        begun: AtomicU64::new(0),
    });
    HANGING.lock().expect("lock").insert(test, state.clone());
    assert!(
        push(
            &db.store,
            &Hanging { test: Some(test) },
            None,
            db.now(),
            db.now()
        )
        .await
        .expect("push")
    );

    let stop = CancellationToken::new();
    let mut nodes: JoinSet<Result<(), WorkersError>> = JoinSet::new();
    // The next beat of a lease is twenty real seconds away: the clock runs past it as if the node
    // had stopped.
    for attempt in 1..=2 {
        nodes.spawn(workers(db, Queue::of::<Hanging>()).run(stop.clone()));
        until("the job hangs", async || {
            state.begun.load(Ordering::SeqCst) == attempt
        })
        .await;
        db.clock.advance(MINUTE);
    }
    until("it is buried", async || {
        db.number("SELECT COUNT(*) FROM job WHERE state = 3").await == 1
    })
    .await;
    assert!(
        push(&db.store, &Hanging { test: None }, None, db.now(), db.now())
            .await
            .expect("push")
    );
    until("the next is done", async || {
        db.number("SELECT COUNT(*) FROM job").await == 1
    })
    .await;

    state.gate.add_permits(2);
    until("both ends are refused", async || {
        number("tebdil_jobs_total", "hanging", "lost") >= before[1] + 2.0
    })
    .await;
    assert_eq!(
        db.text("SELECT error FROM job WHERE state = 3").await,
        "the last attempt did not come back"
    );
    assert!(
        number("tebdil_jobs_total", "hanging", "\"dead\"") > before[0],
        "{}",
        numbers()
    );
    until("the gauge shows it", async || {
        (number("tebdil_jobs{", "hanging", "\"dead\"") - 1.0).abs() < f64::EPSILON
    })
    .await;
    stop.cancel();
    while let Some(ended) = nodes.join_next().await {
        ended.expect("no panic").expect("a clean end");
    }
}

async fn ads_are_counted_every_minute_and_forgotten_after_a_week(db: &Database) {
    use rand::SeedableRng as _;
    use tebdil_core::{ads, store::AdSlot};
    use tebdil_protocol::AdSettings;

    let user = db.user().await;
    let ad = db
        .store
        .economy()
        .create_ad(user, &AdSettings::new("Çay", "Sıcak"), db.now())
        .await
        .expect("made");
    let rules = ads::AdRules {
        min_interval: MINUTE,
        premium: false,
        zone: settings().quota.zone,
    };
    let slot = AdSlot {
        user_id: user,
        placement: tebdil_protocol::Placement::match_end(),
        match_id: None,
    };
    let mut rng = rand::rngs::StdRng::seed_from_u64(1);
    assert!(
        db.store
            .economy()
            .serve_ad(&slot, std::slice::from_ref(&ad), &rules, &mut rng, db.now())
            .await
            .expect("served")
            .is_some()
    );
    let workers = Workers::new(
        db.store.clone(),
        db.clock.clone(),
        Hooks::default(),
        settings(),
    );
    workers.run_due_once().await.expect("run");
    assert_eq!(
        db.store
            .economy()
            .ad(ad.id)
            .await
            .expect("read")
            .expect("there")
            .served,
        1
    );

    db.clock.advance(167 * 60 * MINUTE);
    workers.run_due_once().await.expect("run");
    assert_eq!(db.number("SELECT COUNT(*) FROM ad_impressions").await, 1);
    db.clock.advance(60 * MINUTE);
    workers.run_due_once().await.expect("run");
    assert_eq!(db.number("SELECT COUNT(*) FROM ad_impressions").await, 0);
    assert_eq!(
        db.store
            .economy()
            .ad(ad.id)
            .await
            .expect("read")
            .expect("there")
            .served,
        1
    );
}
