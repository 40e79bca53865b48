//! Announcements reach everybody, whatever happens to the worker.

use std::sync::{Arc, Mutex};

use tebdil_core::store::NewAnnouncement;
use tebdil_protocol::{TargetGroup, id::UserId};
use tebdil_workers::{Hooks, Workers};

use crate::harness::{Connected, Database, MINUTE, on_both, settings};

on_both! {
    everybody_is_told_and_sockets_where_there_are_some,
    what_a_crash_left_is_gone_on_with,
}

async fn announce(db: &Database, actor: UserId) {
    let new = NewAnnouncement {
        tr: "Merhaba.".to_owned(),
        en: "Hello.".to_owned(),
        target: TargetGroup::ALL,
        actor,
    };
    db.store
        .notices()
        .announce(&new, db.now())
        .await
        .expect("announced");
}

async fn stored(db: &Database) -> [i64; 2] {
    [
        db.number("SELECT COUNT(*) FROM notifications").await,
        db.number("SELECT COUNT(*) FROM announcements WHERE finished_at IS NOT NULL")
            .await,
    ]
}

async fn everybody_is_told_and_sockets_where_there_are_some(db: &Database) {
    let mut users = Vec::new();
    // More than a batch.
    for _ in 0..501 {
        users.push(db.user().await);
    }
    let connected = Connected::default();
    for user in [users[3], users[500]] {
        connected.join(user, 1);
    }
    let told = Arc::new(Mutex::new(Vec::new()));
    let hooks = {
        let told = Arc::clone(&told);
        Hooks {
            on_notified: Arc::new(move |notified| {
                told.lock().expect("lock").push(notified.user_id);
            }),
            online: Some(connected.online()),
            ..Hooks::default()
        }
    };
    let workers = Workers::new(db.store.clone(), db.clock.clone(), hooks, settings());
    announce(db, users[0]).await;
    workers.run_due_once().await.expect("run");
    assert_eq!(stored(db).await, [501, 1]);
    assert_eq!(*told.lock().expect("lock"), [users[3], users[500]]);

    db.clock.advance(MINUTE);
    workers.run_due_once().await.expect("run");
    assert_eq!(stored(db).await, [501, 1], "nothing is told again");
    assert_eq!(told.lock().expect("lock").len(), 2);
}

async fn what_a_crash_left_is_gone_on_with(db: &Database) {
    let actor = db.user().await;
    for _ in 0..9 {
        db.user().await;
    }
    announce(db, actor).await;
    // A worker takes the job, does a batch, and is killed.
    assert_eq!(
        db.store
            .jobs()
            .lease_jobs("announce", 1, 10 * MINUTE, db.now())
            .await
            .expect("lease")
            .jobs
            .len(),
        1
    );
    assert_eq!(
        db.store
            .notices()
            .announce_next(4, db.now())
            .await
            .expect("a batch")
            .map(|told| told.len()),
        Some(4)
    );
    db.clock.advance(MINUTE);
    let workers = Workers::new(
        db.store.clone(),
        db.clock.clone(),
        Hooks::default(),
        settings(),
    );
    workers.run_due_once().await.expect("run");
    assert_eq!(stored(db).await, [10, 1]);
    assert_eq!(
        db.number("SELECT COUNT(DISTINCT user_id) FROM notifications")
            .await,
        10
    );
}
