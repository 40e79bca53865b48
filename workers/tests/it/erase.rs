//! An erasure whose maker died, or whose job is cut off, repeated or run twice.

use std::sync::{Arc, Mutex};

use rand::{SeedableRng as _, rngs::StdRng};
use tebdil_core::store::{EndedMatch, EraseOrder, Erased, ErasedBy};
use tebdil_protocol::{Secret, domain::EndReason, id::UserId};
use tebdil_workers::{Hooks, Workers, push};

use crate::harness::{DAY, Database, MINUTE, on_both, settings};

on_both! {
    the_job_ends_what_an_erased_account_has,
    two_nodes_finish_one_erasure,
    an_erasure_runs_twice_at_the_same_time,
    an_erasure_by_a_clock_that_is_ahead_ends_matches,
    an_order_for_an_account_that_is_there_changes_nothing,
    tombstones_and_logs_go_when_their_time_has_come,
    a_block_goes_a_year_after_a_side_was_erased,
}

#[derive(Clone, Default)]
struct Heard {
    ended: Arc<Mutex<Vec<EndedMatch>>>,
    closed: Arc<Mutex<Vec<UserId>>>,
}

impl Heard {
    fn workers(&self, db: &Database) -> Workers {
        let (ended, closed) = (self.ended.clone(), self.closed.clone());
        let hooks = Hooks {
            on_match_ended: Arc::new(move |one| ended.lock().expect("lock").push(one)),
            on_shut_out: Arc::new(move |user, _| closed.lock().expect("lock").push(user)),
            ..Hooks::default()
        };
        Workers::new(db.store.clone(), db.clock.clone(), hooks, settings())
    }

    fn ended(&self) -> Vec<(UserId, EndReason)> {
        let mut ended: Vec<_> = self
            .ended
            .lock()
            .expect("lock")
            .iter()
            .map(|one| (one.users[1], one.reason))
            .collect();
        ended.sort_unstable_by_key(|(user, _)| *user);
        ended
    }
}

/// A user in two matches, one of which has run out, with messages that name a device.
async fn busy(db: &Database) -> UserId {
    let (old, [user, peer]) = db.a_match().await;
    db.message(old, [user, peer]).await;
    db.execute("UPDATE matches SET shared_interests = '[\"kedi\"]'")
        .await;
    let (new, sides) = db.a_match().await;
    db.execute(&format!(
        "UPDATE matches SET user1_id = {user} WHERE id = {new}"
    ))
    .await;
    db.execute(&format!(
        "UPDATE match_sides SET user_id = {user} WHERE match_id = {new} AND user_id = {}",
        sides[0]
    ))
    .await;
    db.execute(&format!(
        "UPDATE match_sides SET peer_id = {user} WHERE match_id = {new} AND user_id = {}",
        sides[1]
    ))
    .await;
    db.message(new, [user, sides[1]]).await;
    db.message(new, [sides[1], user]).await;
    db.execute("UPDATE message_logs SET device_info = 'phone'")
        .await;
    user
}

async fn erase(db: &Database, user: UserId) {
    let by = ErasedBy::User {
        verified: &Secret::from("h"),
    };
    let erased = db
        .store
        .accounts()
        .erase_user(user, by, &mut StdRng::seed_from_u64(1), db.now())
        .await
        .expect("erase");
    assert_eq!(erased, Erased::Now);
}

async fn assert_forgotten(db: &Database) {
    assert_eq!(
        db.number("SELECT COUNT(*) FROM match_sides WHERE open")
            .await,
        0
    );
    assert_eq!(db.number("SELECT COUNT(*) FROM messages").await, 0);
    assert_eq!(
        db.number("SELECT COUNT(*) FROM matches WHERE shared_interests <> '[]'")
            .await,
        0
    );
    assert_eq!(
        db.number("SELECT COUNT(*) FROM message_logs").await,
        3,
        "who wrote to whom and when stays"
    );
    let named = db
        .number("SELECT COUNT(*) FROM message_logs WHERE device_info <> ''")
        .await;
    assert_eq!(named, 1, "the device of the peer is the peer's");
}

async fn the_job_ends_what_an_erased_account_has(db: &Database) {
    let user = busy(db).await;
    let heard = Heard::default();
    let workers = heard.workers(db);
    erase(db, user).await;
    workers.run_due_once().await.expect("run");
    assert_eq!(
        heard
            .ended()
            .iter()
            .map(|(_, reason)| *reason)
            .collect::<Vec<_>>(),
        [EndReason::Erased; 2]
    );
    assert_eq!(*heard.closed.lock().expect("lock"), [user]);
    assert_forgotten(db).await;
    // Once more, later; nothing ends twice.
    db.execute(&format!(
        "INSERT INTO push_muted (user_id, type) VALUES ({user}, 'ad')"
    ))
    .await;
    db.clock.advance(19 * MINUTE);
    workers.run_due_once().await.expect("run");
    assert_eq!(
        db.number("SELECT COUNT(*) FROM push_muted").await,
        1,
        "not yet"
    );
    db.clock.advance(MINUTE);
    workers.run_due_once().await.expect("run");
    assert_eq!(db.number("SELECT COUNT(*) FROM push_muted").await, 0);
    assert_eq!(
        (
            heard.ended().len(),
            heard.closed.lock().expect("lock").len()
        ),
        (2, 2)
    );
    assert_eq!(
        db.number("SELECT COUNT(*) FROM job WHERE queue = 'erase'")
            .await,
        0
    );
}

async fn two_nodes_finish_one_erasure(db: &Database) {
    let user = busy(db).await;
    erase(db, user).await;
    for _ in 0..6 {
        assert!(
            push(
                &db.store,
                &EraseOrder { user_id: user },
                None,
                db.now(),
                db.now()
            )
            .await
            .expect("pushed")
        );
    }
    let heard = Heard::default();
    let (first, second) = (heard.workers(db), heard.workers(db));
    let (one, two) = tokio::join!(first.run_due_once(), second.run_due_once());
    one.and(two).expect("both ran");
    assert_eq!(heard.ended().len(), 2, "each match ends once");
    assert_forgotten(db).await;
}

/// As by the request and the poller of its node. Not one after the other: there is enough to do for
/// both.
async fn an_erasure_runs_twice_at_the_same_time(db: &Database) {
    let user_id = busy(db).await;
    let (id, [_, peer]) = db.a_match().await;
    db.execute(&format!(
        "UPDATE match_sides SET user_id = {user_id} WHERE match_id = {id} AND user_id <> {peer}"
    ))
    .await;
    for _ in 0..80 {
        db.message(id, [peer, user_id]).await;
    }
    erase(db, user_id).await;
    let heard = Heard::default();
    let (first, second) = (heard.workers(db), heard.workers(db));
    let order = EraseOrder { user_id };
    let (one, two) = tokio::join!(first.run_now(order), second.run_now(order));
    one.and(two).expect("both did what there was");
    assert_eq!(heard.ended().len(), 3, "each match ends once");
    for left in [
        "SELECT COUNT(*) FROM match_sides WHERE open",
        "SELECT COUNT(*) FROM messages",
        "SELECT COUNT(*) FROM matches WHERE shared_interests <> '[]'",
    ] {
        assert_eq!(db.number(left).await, 0, "{left}");
    }
    let run = first.run_due_once().await.expect("run");
    assert_eq!((run.failed, run.dead), (0, 0), "the order that was stored");
}

/// An hour is less than the longest wait of a job.
async fn an_erasure_by_a_clock_that_is_ahead_ends_matches(db: &Database) {
    let (user, now, heard) = (busy(db).await, db.now(), Heard::default());
    db.clock.advance(60 * MINUTE);
    erase(db, user).await;
    db.clock.set(now);
    heard.workers(db).run_due_once().await.expect("run");
    assert_eq!(heard.ended().len(), 2);
    assert_forgotten(db).await;
}

async fn an_order_for_an_account_that_is_there_changes_nothing(db: &Database) {
    let user = busy(db).await;
    assert!(
        push(
            &db.store,
            &EraseOrder { user_id: user },
            None,
            db.now(),
            db.now()
        )
        .await
        .expect("pushed")
    );
    let heard = Heard::default();
    heard.workers(db).run_due_once().await.expect("run");
    assert_eq!(heard.ended(), []);
    assert_eq!(
        db.number("SELECT COUNT(*) FROM match_sides WHERE open")
            .await,
        4
    );
    assert_eq!(
        db.number("SELECT COUNT(*) FROM job WHERE queue = 'erase' AND state = 3")
            .await,
        1,
        "it is looked into"
    );
}

async fn tombstones_and_logs_go_when_their_time_has_come(db: &Database) {
    let user = db.user().await;
    erase(db, user).await;
    let workers = Heard::default().workers(db);
    for (days, tombstones, logs) in [(39, 1, 1), (1, 0, 1), (689, 0, 1), (1, 0, 0)] {
        db.clock.advance(days * DAY);
        workers.run_due_once().await.expect("run");
        assert_eq!(
            db.number("SELECT COUNT(*) FROM tombstones").await,
            tombstones
        );
        assert_eq!(db.number("SELECT COUNT(*) FROM system_logs").await, logs);
    }
    assert_eq!(
        db.number("SELECT COUNT(*) FROM users WHERE erased_at IS NOT NULL")
            .await,
        1
    );
}

async fn a_block_goes_a_year_after_a_side_was_erased(db: &Database) {
    let workers = Heard::default().workers(db);
    for _ in 0..2 {
        let (id, [one, other]) = db.a_match().await;
        db.store
            .safety()
            .block(id, one, db.now())
            .await
            .expect("blocked");
        if db.number("SELECT COUNT(*) FROM blocks").await == 1 {
            erase(db, other).await;
        }
    }
    db.clock.advance(364 * DAY);
    workers.run_due_once().await.expect("run");
    assert_eq!(db.number("SELECT COUNT(*) FROM blocks").await, 2);
    db.clock.advance(2 * DAY);
    workers.run_due_once().await.expect("run");
    assert_eq!(
        db.number("SELECT COUNT(*) FROM blocks WHERE blocked_phone IS NULL")
            .await,
        1,
        "that of two accounts stays"
    );
    assert_eq!(db.number("SELECT COUNT(*) FROM blocks").await, 1);
}
