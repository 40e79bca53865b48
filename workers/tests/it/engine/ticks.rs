//! Jobs of every hour.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde::{Deserialize, Serialize};
use tebdil_core::store::Store;
use tebdil_workers::{Hooks, Job, JobContext, JobError, Queue, Workers};

use super::{TIMING, jobs_left, start};
use crate::harness::{Database, MINUTE, on_both, settings, until};

on_both! {
    a_tick_of_two_nodes_runs_once,
    a_missed_hour_is_one_run,
}

/// Counts its ticks in the store's own table, so that it needs no payload.
#[derive(Default, Serialize, Deserialize)]
struct Tick {}

impl Job for Tick {
    const QUEUE: &'static str = "tick";
    const MAX_ATTEMPTS: i64 = 1;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        (cx.hooks.on_match_ended)(tebdil_core::store::EndedMatch {
            match_id: tebdil_protocol::id::MatchId(1),
            mode: tebdil_protocol::domain::Mode::Text,
            users: [
                tebdil_protocol::id::UserId(1),
                tebdil_protocol::id::UserId(2),
            ],
            status: tebdil_protocol::domain::MatchStatus::Expired,
            reason: tebdil_protocol::domain::EndReason::Expired,
            by: None,
            call: None,
        });
        Ok(())
    }
}

fn ticking(db: &Database, store: Store) -> (Workers, Arc<AtomicU64>) {
    let ticks = Arc::new(AtomicU64::new(0));
    let hooks = {
        let ticks = ticks.clone();
        Hooks {
            on_match_ended: Arc::new(move |_| {
                ticks.fetch_add(1, Ordering::Relaxed);
            }),
            ..Hooks::default()
        }
    };
    (
        Workers::new(store, db.clock.clone(), hooks, settings())
            .with_queues(vec![Queue::scheduled::<Tick>(MINUTE)])
            .with_timing(TIMING),
        ticks,
    )
}

async fn a_tick_of_two_nodes_runs_once(db: &Database) {
    let stores = [db.node().await, db.node().await];
    let (a, ticks_a) = ticking(db, stores[0].clone());
    let (b, ticks_b) = ticking(db, stores[1].clone());
    let ticks = || ticks_a.load(Ordering::Relaxed) + ticks_b.load(Ordering::Relaxed);
    let running = start([a, b]);
    for n in 1..=3 {
        until("the tick is done", async || {
            db.number("SELECT COUNT(*) FROM job WHERE state = 2").await == n
        })
        .await;
        db.clock.advance(MINUTE);
    }
    until("the last tick is done", async || {
        db.number("SELECT COUNT(*) FROM job WHERE state = 2").await == 4
    })
    .await;
    running.stop().await;
    assert_eq!(ticks(), 4);

    // A node whose clock is late, and one that starts anew.
    let (late, ticks_late) = ticking(db, stores[0].clone());
    late.run_due_once().await.expect("run");
    db.clock.set(db.now() - MINUTE);
    late.run_due_once().await.expect("run");
    assert_eq!(ticks_late.load(Ordering::Relaxed), 0);
    for store in stores {
        store.close().await;
    }
}

async fn a_missed_hour_is_one_run(db: &Database) {
    let (workers, ticks) = ticking(db, db.store.clone());
    workers.run_due_once().await.expect("run");
    assert_eq!(ticks.load(Ordering::Relaxed), 1);
    db.clock.advance(60 * MINUTE);
    let running = start([workers]);
    until("the tick is done", async || {
        db.number("SELECT COUNT(*) FROM job WHERE state = 2").await == 2
    })
    .await;
    running.stop().await;
    assert_eq!(ticks.load(Ordering::Relaxed), 2);
    assert_eq!(jobs_left(db).await, 2, "nothing waits");
}
