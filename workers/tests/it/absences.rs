//! Calls that a device left end, and only while it is known who is connected.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tebdil_core::store::EndedMatch;
use tebdil_protocol::{
    domain::{EndReason, MatchStatus},
    id::{MatchId, UserId},
};
use tebdil_workers::{Hooks, Workers};

use crate::harness::{Connected, Database, on_both, settings};

on_both! {
    a_call_without_one_of_its_devices_ends_once,
    of_two_that_are_gone_the_first_left_the_other,
    who_does_not_know_who_is_connected_ends_nothing,
    text_goes_on_without_devices,
}

const LOOK: Duration = Duration::from_secs(5);

struct Watched {
    workers: [Workers; 2],
    connected: Connected,
    ended: Arc<Mutex<Vec<EndedMatch>>>,
}

impl Watched {
    /// Two processes with jobs beside the same connections.
    async fn new(db: &Database) -> Self {
        let connected = Connected::default();
        let ended: Arc<Mutex<Vec<EndedMatch>>> = Arc::default();
        let told = Arc::clone(&ended);
        let hooks = Hooks {
            on_match_ended: Arc::new(move |one| told.lock().expect("lock").push(one)),
            online: Some(connected.online()),
            ..Hooks::default()
        };
        let workers = [db.store.clone(), db.node().await]
            .map(|store| Workers::new(store, db.clock.clone(), hooks.clone(), settings()));
        Self {
            workers,
            connected,
            ended,
        }
    }

    async fn look(&self, db: &Database) {
        db.clock.advance(LOOK);
        for workers in &self.workers {
            workers.run_due_once().await.expect("run");
        }
    }

    fn ended(&self) -> Vec<EndedMatch> {
        self.ended.lock().expect("lock").clone()
    }
}

async fn a_call(db: &Database) -> (MatchId, [UserId; 2]) {
    let (id, users) = db.a_match().await;
    db.execute(&format!(
        "UPDATE matches SET type = 'video' WHERE id = {}",
        id.0
    ))
    .await;
    (id, users)
}

async fn a_call_without_one_of_its_devices_ends_once(db: &Database) {
    let watched = Watched::new(db).await;
    let (id, [a, b]) = a_call(db).await;
    watched.connected.join(a, 1);
    watched.connected.join(b, 1);
    for _ in 0..10 {
        watched.look(db).await;
    }
    watched.connected.leave(b, 1);
    for _ in 0..6 {
        watched.look(db).await;
        assert_eq!(watched.ended(), []);
    }
    // A moment too late would be too late.
    watched.look(db).await;
    let [ended] = &watched.ended()[..] else {
        panic!("{:?}", watched.ended())
    };
    assert_eq!(
        (ended.match_id, ended.reason, ended.by, ended.status),
        (id, EndReason::HungUp, Some(b), MatchStatus::Cancelled)
    );
    watched.look(db).await;
    assert_eq!(watched.ended().len(), 1);
}

async fn of_two_that_are_gone_the_first_left_the_other(db: &Database) {
    let watched = Watched::new(db).await;
    let (_, [a, b]) = a_call(db).await;
    watched.connected.join(a, 1);
    watched.connected.join(b, 1);
    watched.look(db).await;
    watched.connected.leave(b, 1);
    watched.look(db).await;
    watched.connected.leave(a, 1);
    for _ in 0..8 {
        watched.look(db).await;
    }
    assert_eq!(
        watched
            .ended()
            .iter()
            .map(|ended| ended.by)
            .collect::<Vec<_>>(),
        [Some(b)]
    );
}

async fn who_does_not_know_who_is_connected_ends_nothing(db: &Database) {
    let workers = Workers::new(
        db.store.clone(),
        db.clock.clone(),
        Hooks::default(),
        settings(),
    );
    a_call(db).await;
    for _ in 0..20 {
        db.clock.advance(LOOK);
        workers.run_due_once().await.expect("run");
    }
    assert_eq!(
        db.number("SELECT COUNT(*) FROM matches WHERE status = 'active'")
            .await,
        1
    );
    assert_eq!(
        db.number("SELECT COUNT(*) FROM job WHERE queue = 'absences'")
            .await,
        0,
        "it is left to who knows"
    );
}

async fn text_goes_on_without_devices(db: &Database) {
    let watched = Watched::new(db).await;
    db.a_match().await;
    for _ in 0..20 {
        watched.look(db).await;
    }
    assert_eq!(watched.ended(), []);
}
