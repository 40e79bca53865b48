//! The ticks of a schedule, each an order in the `job` table.

use std::time::Duration;

use tebdil_core::store::NewJob;
use tebdil_protocol::time::Timestamp;

use crate::{
    harness::{Database, MINUTE, on_both},
    queue::{job, lease_one},
};

on_both! {
    ticks_do_not_pile_up,
    the_ticks_of_all_schedules_are_pushed_together,
    a_tick_of_a_clock_that_was_ahead_stops_no_schedule,
    a_node_that_had_to_wait_forgets_no_tick,
}

/// Pushes a tick; whether it is new.
async fn push(db: &Database, key: &str, at: Timestamp, now: Timestamp) -> bool {
    let tick = NewJob {
        dedupe: Some(key),
        ..job(b"{}", at)
    };
    let pushed = db.store.jobs().push_ticks(&[tick], now).await;
    pushed.expect("push") == 1
}

async fn ticks_do_not_pile_up(db: &Database) {
    let (store, now) = (&db.store, db.now());
    assert!(push(db, "cron:1", now, now).await);
    assert!(!push(db, "cron:2", now, now).await, "the first waits");
    let leased = lease_one(store, now).await.expect("due");
    assert!(push(db, "cron:3", now, now).await, "the first runs");
    let finished = store.jobs().finish_job(&leased, now).await;
    assert!(finished.expect("finish"));
    let third = lease_one(store, now).await.expect("due");
    assert_eq!(third.dedupe.as_deref(), Some("cron:3"));
    assert!(!push(db, "cron:1", now, now).await, "a late node");
}

async fn the_ticks_of_all_schedules_are_pushed_together(db: &Database) {
    let (jobs, now) = (db.store.jobs(), db.now());
    let tick = |queue, key| NewJob {
        queue,
        dedupe: Some(key),
        ..job(b"{}", now)
    };
    let waiting = NewJob {
        queue: "b",
        ..job(b"{}", now)
    };
    assert!(jobs.push_job(waiting, now).await.expect("push"));
    let ticks = [
        tick("a", "cron:a:1"),
        tick("b", "cron:b:1"),
        tick("c", "cron:c:1"),
    ];
    for new in [2, 0] {
        let pushed = jobs.push_ticks(&ticks, now).await;
        assert_eq!(pushed.expect("push"), new, "all but that of `b`, once");
    }
    assert_eq!(jobs.push_ticks(&[], now).await.expect("nothing"), 0);
    let left = db.texts("SELECT dedupe FROM job WHERE dedupe IS NOT NULL ORDER BY queue");
    assert_eq!(left.await, ["cron:a:1", "cron:c:1"]);
}

async fn a_tick_of_a_clock_that_was_ahead_stops_no_schedule(db: &Database) {
    let (store, now) = (&db.store, db.now());
    let ahead = now + 365 * 24 * 60 * MINUTE;
    // Pushed, and killed before it was leased.
    assert!(push(db, "cron:9", ahead, ahead).await);
    let pulled = store.jobs().pull_back(&["q"], &db.clock).await;
    assert_eq!(pulled.expect("pull back"), 0, "it is not pulled back");
    assert!(push(db, "cron:1", now, now).await);
    let leased = lease_one(store, now).await.expect("due");
    assert_eq!(leased.dedupe.as_deref(), Some("cron:1"));
    assert_eq!(db.number("SELECT COUNT(*) FROM job").await, 1);
}

async fn a_node_that_had_to_wait_forgets_no_tick(db: &Database) {
    let key = |at: Timestamp| format!("cron:{}", at.millis());
    let held = db.hold_ticks().await;
    let pull_back = db.store.jobs().pull_back(&["q"], &db.clock);
    let meanwhile = async {
        // It waits by now; if not, it is not late, and finds the same.
        tokio::time::sleep(Duration::from_millis(50)).await;
        db.clock.advance(MINUTE);
        held.push_done(&key(db.now()), db.now()).await;
    };
    let (pulled, ()) = tokio::join!(pull_back, meanwhile);
    assert_eq!(pulled.expect("pull back"), 0);
    let left = db.texts("SELECT dedupe FROM job").await;
    assert_eq!(
        left,
        [key(db.now())],
        "what another node ran meanwhile stays"
    );
}
