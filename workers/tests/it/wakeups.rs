//! People whom nobody woke are found.

use std::{sync::Arc, time::Duration};

use tebdil_protocol::id::{MatchId, UserId};
use tebdil_workers::{Hooks, Workers};

use crate::harness::{Connected, Database, MINUTE, on_both, settings};

on_both! {
    who_is_away_and_was_not_woken_is_woken_once,
    who_is_connected_is_woken_when_it_has_gone,
    another_device_that_is_connected_keeps_nobody_asleep,
    what_nobody_worked_for_is_made_up_for,
    two_nodes_wake_once,
    more_than_a_page_is_gone_through,
    a_clock_set_back_keeps_nobody_asleep,
}

/// The marks that are set with the orders, which somebody may have taken by now.
async fn ordered(db: &Database) -> i64 {
    db.number("SELECT COUNT(*) FROM match_sides WHERE pushed_at IS NOT NULL")
        .await
}

/// Workers beside which connections come and go.
fn beside_connections(db: &Database) -> (Workers, Connected) {
    let connected = Connected::default();
    let hooks = Hooks {
        online: Some(connected.online()),
        ..Hooks::default()
    };
    let workers = Workers::new(db.store.clone(), db.clock.clone(), hooks, settings());
    (workers, connected)
}

async fn next_minute(db: &Database, workers: &Workers) {
    db.clock.advance(MINUTE);
    workers.run_due_once().await.expect("run");
}

async fn a_match_with_a_message(db: &Database) -> (MatchId, [UserId; 2]) {
    let (id, users) = db.a_match().await;
    db.message(id, users).await;
    (id, users)
}

async fn who_is_away_and_was_not_woken_is_woken_once(db: &Database) {
    let workers = Workers::new(
        db.store.clone(),
        db.clock.clone(),
        Hooks::default(),
        settings(),
    );
    let (id, users) = a_match_with_a_message(db).await;
    db.message(id, users).await;
    a_match_with_a_message(db).await;
    for _ in 0..3 {
        next_minute(db, &workers).await;
        assert_eq!(ordered(db).await, 2, "one for each match");
        db.message(id, users).await;
    }
}

async fn who_is_connected_is_woken_when_it_has_gone(db: &Database) {
    let (workers, connected) = beside_connections(db);
    let (_, [_, receiver]) = a_match_with_a_message(db).await;
    connected.join(receiver, 1);
    for _ in 0..5 {
        next_minute(db, &workers).await;
        assert_eq!(ordered(db).await, 0, "it is connected");
    }
    connected.leave(receiver, 1);
    next_minute(db, &workers).await;
    assert_eq!(ordered(db).await, 1, "it went without taking what was sent");

    let (_, [_, receiver]) = a_match_with_a_message(db).await;
    connected.join(receiver, 1);
    for _ in 0..11 {
        next_minute(db, &workers).await;
    }
    connected.leave(receiver, 1);
    next_minute(db, &workers).await;
    assert_eq!(ordered(db).await, 2, "however long that took");
}

async fn another_device_that_is_connected_keeps_nobody_asleep(db: &Database) {
    let (workers, connected) = beside_connections(db);
    let (_, [sender, receiver]) = a_match_with_a_message(db).await;
    connected.join(receiver, 2);
    connected.join(sender, 1);
    next_minute(db, &workers).await;
    assert_eq!(ordered(db).await, 1);
    let woken = db
        .number("SELECT COUNT(*) FROM match_sides WHERE pushed_at IS NOT NULL AND session_id = 1")
        .await;
    assert_eq!(woken, 1);
}

async fn what_nobody_worked_for_is_made_up_for(db: &Database) {
    let workers = Workers::new(
        db.store.clone(),
        db.clock.clone(),
        Hooks::default(),
        settings(),
    );
    workers.run_due_once().await.expect("run");
    a_match_with_a_message(db).await;
    db.clock.advance(Duration::from_hours(20));
    a_match_with_a_message(db).await;
    // Nobody worked for almost a day, and the first match is over.
    db.clock.advance(Duration::from_hours(5));
    workers.run_due_once().await.expect("run");
    workers.run_due_once().await.expect("run");
    assert_eq!(
        db.number("SELECT COUNT(*) FROM match_sides WHERE pushed_at IS NOT NULL AND open")
            .await,
        1
    );
}

async fn two_nodes_wake_once(db: &Database) {
    for _ in 0..5 {
        a_match_with_a_message(db).await;
    }
    let nodes = [db.store.clone(), db.node().await];
    let workers = nodes.map(|store| {
        Arc::new(Workers::new(
            store,
            db.clock.clone(),
            Hooks::default(),
            settings(),
        ))
    });
    // The tick lets one of them through; the other one has the next minute's, at the same time.
    for _ in 0..3 {
        let runs = workers.iter().map(|workers| workers.run_due_once());
        futures_util::future::try_join_all(runs).await.expect("run");
        db.clock.advance(MINUTE);
    }
    assert_eq!(ordered(db).await, 5);
}

async fn more_than_a_page_is_gone_through(db: &Database) {
    let workers = Workers::new(
        db.store.clone(),
        db.clock.clone(),
        Hooks::default(),
        settings(),
    );
    let (id, [sender, _]) = a_match_with_a_message(db).await;
    // Sides of people with smaller ids, for whom that message waits in every tenth.
    db.execute(&format!(
        "INSERT INTO match_sides \
         (match_id, user_id, peer_id, ticket_id, role, session_id, open, created_at) \
         WITH RECURSIVE numbers (n) AS \
         (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 4100) \
         SELECT {id}, n, CASE WHEN n % 10 = 0 THEN {sender} ELSE 0 END, 1000000 + n, \
         'answerer', 1, TRUE, \
         (SELECT created_at FROM matches WHERE id = {id}) FROM numbers"
    ))
    .await;
    a_match_with_a_message(db).await;
    next_minute(db, &workers).await;
    assert_eq!(ordered(db).await, 412);
}

async fn a_clock_set_back_keeps_nobody_asleep(db: &Database) {
    let workers = Workers::new(
        db.store.clone(),
        db.clock.clone(),
        Hooks::default(),
        settings(),
    );
    a_match_with_a_message(db).await;
    next_minute(db, &workers).await;
    assert_eq!(ordered(db).await, 1);
    // By so much that a tick comes that there was none for yet.
    db.clock.set(db.now() - Duration::from_mins(30));
    a_match_with_a_message(db).await;
    next_minute(db, &workers).await;
    assert_eq!(ordered(db).await, 2);
}
