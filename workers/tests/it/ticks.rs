//! The ticks of a schedule, each an order in the `job` table.

use std::time::Duration;

use tebdil_core::store::NewJob;
use tebdil_protocol::time::{Clock, Timestamp};

use crate::{
    harness::{Database, MINUTE, on_both},
    queue::{job, lease_one},
};

on_both! {
    ticks_do_not_pile_up,
    a_tick_of_a_clock_that_was_ahead_stops_no_schedule,
    a_node_that_had_to_wait_forgets_no_tick,
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
