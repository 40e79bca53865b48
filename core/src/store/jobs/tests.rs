//! How the databases run what idle workers ask all the time, and what is asked of large tables.

use std::time::{Duration, Instant};

use super::{NewJob, OldRows, leases, schedules};
use crate::{
    db::{Query, Tx},
    testing::{Backend, TestStore},
};

/// Jobs that wait in a queue that nobody empties.
const MANY: i64 = 50_000;

/// On both databases, as far as they are there.
async fn stores() -> Vec<(Backend, TestStore)> {
    let mut stores = Vec::new();
    for backend in [Backend::Sqlite, Backend::Postgres] {
        if let Some(t) = TestStore::create(backend).await {
            stores.push((backend, t));
        }
    }
    stores
}

/// The steps that read the table `name`, an alias, with the conditions of an index below each.
async fn steps(query: Query<'_>, name: &str) -> Vec<String> {
    let plan = query.plan().await.expect("a plan");
    let reads = |step: &str| {
        // SQLite: `SEARCH j USING INDEX …`; PostgreSQL: `Index Scan using … on job j  (cost=…`.
        step.starts_with(&format!("SCAN {name}"))
            || step.starts_with(&format!("SEARCH {name} "))
            || step.contains(&format!(" {name}  (cost"))
    };
    let mut steps = Vec::new();
    for (number, step) in plan.iter().enumerate() {
        if reads(step) {
            let below = plan[number + 1..].iter().take(4).map(|line| line.trim());
            let mut conditions = below.filter(|line| line.starts_with("Index Cond"));
            steps.push([step.trim(), conditions.next().unwrap_or_default()].join(" "));
        }
    }
    assert!(!steps.is_empty(), "{plan:#?}");
    steps
}

/// Whether a step looks up what it wants, and does not go through all there is.
fn is_search(step: &str) -> bool {
    step.starts_with("SEARCH") || step.contains("Index Cond")
}

async fn many_wait(t: &TestStore) {
    const FILL: &str = "INSERT INTO job \
         (id, queue, payload, max_attempts, run_at, created_at) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) \
         SELECT CAST(i AS TEXT), 'busy', $2, 5, $3, $3 FROM n";
    let mut tx = t.store.begin().await.expect("a transaction");
    let filled = tx.execute(FILL, (MANY, &b"{}"[..], t.now())).await;
    assert_eq!(filled.expect("jobs").cast_signed(), MANY);
    tx.commit().await.expect("committed");
}

async fn begin(t: &TestStore) -> Tx {
    t.store.begin().await.expect("a transaction")
}

#[tokio::test]
async fn idle_workers_search_and_do_not_scan() {
    for (backend, t) in stores().await {
        many_wait(&t).await;
        let now = t.now();
        let mut tx = begin(&t).await;
        if backend == Backend::Postgres {
            tx.execute("ANALYZE job", ()).await.expect("analysed");
        }
        let queues = ["quiet", "busy", "other"];
        let due = tx.query(leases::DUE).rows(queues, |row, queue| {
            row.bind(*queue);
        });
        let mut all = steps(due.bind(now), "j").await;

        let lease = tx.query(leases::LEASE).bind("busy").bind(now).bind(4_i64);
        let lease = lease.bind(now + Duration::from_mins(1));
        all.extend(steps(lease, "j").await);

        let push = tx.query(schedules::PUSH).rows(queues, |row, queue| {
            row.bind(*queue).bind(*queue).bind(&b"{}"[..]);
            row.bind(1_i64).bind(now).bind(*queue);
        });
        all.extend(steps(push.bind(now), "j").await);

        let leased = tx.query(schedules::LEASED).bind(now).bind(now);
        all.extend(steps(leased, "job").await);
        let quiet = ["quiet"];
        let put_off = tx.query(schedules::PUT_OFF).list(quiet).bind(now);
        let put_off = put_off.bind(now).bind(now);
        all.extend(steps(put_off, "job").await);
        let ahead = tx.query(schedules::AHEAD).list(quiet).bind(now);
        all.extend(steps(ahead, "job").await);

        tx.commit().await.expect("committed");
        let scans: Vec<_> = all.iter().filter(|step| !is_search(step)).collect();
        assert!(scans.is_empty(), "{backend:?}: {scans:#?}");
    }
}

/// Its jobs would fail one after the other, and be dead in seconds.
#[tokio::test]
async fn who_may_make_no_ids_leases_nothing() {
    for (_, t) in stores().await {
        let (jobs, now, minute) = (t.jobs(), t.now(), Duration::from_mins(1));
        let job = NewJob {
            queue: "one",
            payload: b"{}",
            dedupe: None,
            run_at: now,
            max_attempts: 3,
        };
        jobs.push_job(job, now).await.expect("pushed");
        let ids = t.store.ids();
        ids.lend(Instant::now(), Duration::ZERO);
        assert!(jobs.lease_jobs("one", 1, minute, now).await.is_err());
        ids.lend(Instant::now(), minute);
        let leased = jobs
            .lease_jobs("one", 1, minute, now)
            .await
            .expect("leased");
        assert_eq!(leased.jobs[0].attempt, 1);
    }
}

/// Queues that nobody empties cost those who look no more than empty ones.
#[tokio::test]
async fn the_oldest_of_many_jobs_is_found_at_once() {
    for (_, t) in stores().await {
        many_wait(&t).await;
        let (jobs, now) = (t.jobs(), t.now());
        let tick = NewJob {
            queue: "quiet",
            payload: b"{}",
            dedupe: Some("cron:quiet:1"),
            run_at: now,
            max_attempts: 1,
        };
        let queues = ["quiet", "busy", "other"];
        assert_eq!(jobs.due_queues(&queues, now).await.expect("due"), ["busy"]);
        assert_eq!(jobs.push_ticks(&[tick], now).await.expect("pushed"), 1);
        assert_eq!(jobs.push_ticks(&[tick], now).await.expect("pushed"), 0);
        let mut due = jobs.due_queues(&queues, now).await.expect("due");
        due.sort_unstable();
        assert_eq!(due, ["busy", "quiet"]);
        let minute = Duration::from_mins(1);
        let leased = jobs.lease_jobs("busy", 4, minute, now).await;
        assert_eq!(leased.expect("leased").jobs.len(), 4);
    }
}

#[tokio::test]
async fn what_is_old_is_looked_up_by_an_index() {
    // Few rows each, and no index tells which are old.
    let small = [
        OldRows::BANS,
        OldRows::BLOCKS_BY_ERASED,
        OldRows::BLOCKS_OF_ERASED,
        OldRows::SEARCHES,
    ];
    let small = small.map(|old| old.name);
    for (backend, t) in stores().await {
        for old in OldRows::ALL {
            let mut tx = begin(&t).await;
            if backend == Backend::Postgres {
                // An empty table would be read from end to end, whatever indexes it has.
                let set = tx.execute("SET LOCAL enable_seqscan = off", ()).await;
                set.expect("set");
            }
            let batch = old.batch(&mut tx, Duration::from_hours(24), 1_000, t.now());
            let steps = steps(batch, "t").await;
            tx.commit().await.expect("committed");
            let found = steps.iter().all(|step| is_search(step));
            let known = small.contains(&old.name) || old.name == OldRows::TOMBSTONES.name;
            assert!(found || known, "{backend:?}, {}: {steps:#?}", old.name);
        }
    }
}

/// The same text each time, so that its prepared statement serves again.
#[tokio::test]
async fn every_kind_of_old_rows_goes_on_an_empty_database() {
    for (_, t) in stores().await {
        for old in OldRows::ALL {
            for limit in [1, 1_000] {
                let gone = t.jobs().delete_old(&old, Duration::ZERO, limit, t.now());
                assert_eq!(gone.await.expect(old.name), 0);
            }
        }
    }
}
