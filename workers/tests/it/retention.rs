//! What ends and goes when its time has come.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use tebdil_core::store::{EndOutcome, EndedMatch, OldRows};
use tebdil_protocol::{
    domain::{EndReason, MatchStatus, Mode},
    id::{MatchId, SessionId},
    notice::Notice,
};
use tebdil_workers::{Hooks, Workers};

use crate::harness::{DAY, Database, MINUTE, on_both, settings};

on_both! {
    after_a_day_the_match_is_over_and_its_messages_are_gone,
    a_match_ends_once_whoever_is_faster,
    what_was_said_in_a_match_goes_soon_after_its_end,
    a_full_batch_is_followed_by_the_next,
    what_was_said_goes_by_the_age_of_its_match_in_batches,
    the_hourly_job_deletes_what_has_outlived_its_period,
}

fn recording(db: &Database) -> (Workers, Arc<Mutex<Vec<EndedMatch>>>) {
    let ended = Arc::new(Mutex::new(Vec::new()));
    let hooks = {
        let ended = ended.clone();
        Hooks {
            on_match_ended: Arc::new(move |one| ended.lock().expect("lock").push(one)),
            ..Hooks::default()
        }
    };
    (
        Workers::new(db.store.clone(), db.clock.clone(), hooks, settings()),
        ended,
    )
}

async fn after_a_day_the_match_is_over_and_its_messages_are_gone(db: &Database) {
    let (workers, ended) = recording(db);
    let (old, users) = db.a_match().await;
    for _ in 0..3 {
        db.message(old, users).await;
    }
    db.clock.advance(23 * 60 * MINUTE);
    let (young, young_users) = db.a_match().await;
    db.message(old, users).await;
    db.message(young, young_users).await;
    workers.run_due_once().await.expect("run");
    assert!(ended.lock().expect("lock").is_empty());
    assert_eq!(db.number("SELECT COUNT(*) FROM messages").await, 5);

    db.clock.advance(60 * MINUTE);
    let expected = EndedMatch {
        match_id: old,
        mode: Mode::Text,
        users,
        status: MatchStatus::Expired,
        reason: EndReason::Expired,
        by: None,
        call: None,
    };
    for _ in 0..2 {
        workers.run_due_once().await.expect("run");
        assert_eq!(*ended.lock().expect("lock"), [expected], "told once");
        db.clock.advance(MINUTE);
    }
    assert_eq!(
        db.number("SELECT COUNT(*) FROM messages").await,
        1,
        "that of the young match"
    );
    assert_eq!(db.number("SELECT COUNT(*) FROM message_logs").await, 5);
    assert_eq!(
        db.number("SELECT COUNT(*) FROM match_sides WHERE open")
            .await,
        2
    );
    assert_eq!(
        db.number("SELECT COUNT(*) FROM matches WHERE status = 'expired' AND ended_reason = 'expired' AND ended_by IS NULL").await,
        1
    );
    assert_eq!(
        db.time("SELECT ended_at FROM matches WHERE status = 'expired'")
            .await,
        db.time("SELECT expired_at FROM matches WHERE status = 'expired'")
            .await
    );
    let leave = db
        .store
        .matches()
        .end_match(old, Some(users[0]), EndReason::Left, db.now())
        .await
        .expect("end");
    assert_eq!(leave, EndOutcome::Before(expected));
}

async fn what_was_said_in_a_match_goes_soon_after_its_end(db: &Database) {
    let (workers, _) = recording(db);
    let ((over, users), (goes_on, others)) = (db.a_match().await, db.a_match().await);
    for _ in 0..250 {
        db.message(over, users).await;
    }
    db.message(goes_on, others).await;
    db.store
        .matches()
        .end_match(over, Some(users[0]), EndReason::Left, db.now())
        .await
        .expect("end");
    assert_eq!(
        db.number("SELECT COUNT(*) FROM messages").await,
        251,
        "the end itself deletes nothing"
    );
    // A run that was killed in the middle.
    assert_eq!(
        db.store
            .messages()
            .forget_messages(over, 100)
            .await
            .expect("forget"),
        100
    );
    for _ in 0..2 {
        workers.run_due_once().await.expect("run");
        assert_eq!(db.number("SELECT match_id FROM messages").await, goes_on.0);
        assert_eq!(db.number("SELECT COUNT(*) FROM messages").await, 1);
        assert_eq!(db.number("SELECT COUNT(*) FROM message_logs").await, 251);
        assert_eq!(
            db.number("SELECT COUNT(*) FROM matches WHERE forgotten")
                .await,
            1
        );
        db.clock.advance(MINUTE);
    }
}

async fn a_match_ends_once_whoever_is_faster(db: &Database) {
    const MATCHES: usize = 40;
    let mut matches = Vec::new();
    for _ in 0..MATCHES {
        let (id, users) = db.a_match().await;
        db.message(id, users).await;
        matches.push((id, users));
    }
    db.clock.advance(DAY);
    let now = db.now();
    let mut set = tokio::task::JoinSet::new();
    for node in [db.node().await, db.node().await] {
        set.spawn(async move {
            let mut ended: Vec<MatchId> = Vec::new();
            // A batch may be empty because others ended it; end_match below reaches every match in
            // any case.
            for _ in 0..MATCHES {
                ended.extend(
                    node.jobs()
                        .expire_matches(now, 7)
                        .await
                        .expect("expire")
                        .iter()
                        .map(|one| one.match_id),
                );
            }
            node.close().await;
            ended
        });
    }
    for side in 0..2 {
        let (store, matches) = (db.store.clone(), matches.clone());
        set.spawn(async move {
            let mut ended = Vec::new();
            // From the other end, so that they meet.
            for (id, users) in matches.into_iter().rev() {
                match store
                    .matches()
                    .end_match(id, Some(users[side]), EndReason::Left, now)
                    .await
                    .expect("end")
                {
                    EndOutcome::Now(one) => {
                        assert_eq!(one.reason, EndReason::Expired);
                        ended.push(one.match_id);
                    }
                    EndOutcome::Before(_) => {}
                    EndOutcome::NotFound => panic!("the match is there"),
                }
            }
            ended
        });
    }
    let mut ended = Vec::new();
    while let Some(some) = set.join_next().await {
        ended.extend(some.expect("task"));
    }
    let distinct: HashSet<MatchId> = ended.iter().copied().collect();
    assert_eq!(
        (ended.len(), distinct.len()),
        (MATCHES, MATCHES),
        "each was ended by one"
    );
    assert_eq!(
        db.number("SELECT COUNT(*) FROM match_sides WHERE open")
            .await,
        0
    );
    assert_eq!(
        db.number("SELECT COUNT(*) FROM matches WHERE status = 'expired'")
            .await,
        i64::try_from(MATCHES).expect("few")
    );
}

async fn a_full_batch_is_followed_by_the_next(db: &Database) {
    let (workers, ended) = recording(db);
    for _ in 0..51 {
        db.a_match().await;
    }
    db.clock.advance(DAY);
    workers.run_due_once().await.expect("run");
    assert_eq!(ended.lock().expect("lock").len(), 51);
}

async fn what_was_said_goes_by_the_age_of_its_match_in_batches(db: &Database) {
    let (old, users) = db.a_match().await;
    for _ in 0..3 {
        db.message(old, users).await;
    }
    db.clock.advance(Duration::from_millis(1));
    let (young, others) = db.a_match().await;
    db.message(young, others).await;
    db.clock.advance(Duration::from_millis(1));
    for _ in 0..2 {
        db.message(old, users).await;
    }
    let made = db.now() - Duration::from_millis(2);
    for (cutoff, expected) in [
        (made, [0, 0, 0]),
        (made + Duration::from_millis(1), [3, 2, 0]),
    ] {
        for expected in expected {
            for old in [OldRows::MESSAGES, OldRows::MESSAGE_LOGS] {
                let jobs = db.store.jobs();
                let gone = jobs.delete_old(&old, Duration::ZERO, 3, cutoff).await;
                assert_eq!(gone.expect("delete"), expected, "{}", old.name);
            }
        }
    }
    assert_eq!(db.number("SELECT match_id FROM messages").await, young.0);
    assert_eq!(
        db.number("SELECT match_id FROM message_logs").await,
        young.0
    );
}

async fn the_hourly_job_deletes_what_has_outlived_its_period(db: &Database) {
    let (workers, _) = recording(db);
    let (id, users) = db.a_match().await;
    db.message(id, users).await;
    db.idempotency_key().await;
    db.store
        .notices()
        .notify(users[0], &Notice::PasswordReset {}, "1", db.now())
        .await
        .expect("told");
    let later = db.now() + 400 * DAY;
    db.session(users[0], db.now() + DAY, None).await;
    db.session(users[0], later, Some(db.now() + DAY)).await;
    let alive = db.session(users[1], later, None).await;

    db.clock.advance(DAY);
    db.idempotency_key().await;
    workers.run_due_once().await.expect("run");
    assert_eq!(db.number("SELECT COUNT(*) FROM idempotency_keys").await, 1);
    assert_eq!(
        db.number("SELECT COUNT(*) FROM sessions").await,
        3,
        "not dead for long"
    );
    assert_eq!(db.number("SELECT COUNT(*) FROM key_packages").await, 3);
    assert_eq!(db.number("SELECT COUNT(*) FROM message_logs").await, 1);

    db.clock.advance(30 * DAY);
    workers.run_due_once().await.expect("run");
    assert_eq!(db.number("SELECT id FROM sessions").await, alive.0);
    assert_eq!(
        db.number("SELECT COUNT(*) FROM key_packages").await,
        0,
        "gone with their sessions, or too old to be handed out"
    );
    assert_eq!(db.number("SELECT COUNT(*) FROM message_logs").await, 1);

    db.clock.advance(58 * DAY);
    workers.run_due_once().await.expect("run");
    assert_eq!(db.number("SELECT COUNT(*) FROM notifications").await, 1);

    // The match must be older, not its last message.
    db.clock.advance(91 * DAY + MINUTE);
    workers.run_due_once().await.expect("run");
    assert_eq!(db.number("SELECT COUNT(*) FROM message_logs").await, 0);
    let older = "SELECT COUNT(*) FROM job WHERE state = 2 AND finished_at < (SELECT MAX(finished_at) FROM job)";
    assert_eq!(db.number(older).await, 0, "only the ticks of this time");
    assert_eq!(db.number("SELECT COUNT(*) FROM notifications").await, 0);
    assert_eq!(
        db.number("SELECT COUNT(*) - COUNT(DISTINCT queue) FROM job WHERE state = 2")
            .await,
        0,
        "only the ticks of this time"
    );

    let first = db
        .store
        .jobs()
        .delete_dead_sessions(later, SessionId(0), 1)
        .await
        .expect("delete");
    assert_eq!((first.deleted, first.next), (1, Some(alive)));
    let rest = db
        .store
        .jobs()
        .delete_dead_sessions(later, alive, 1)
        .await
        .expect("delete");
    assert_eq!((rest.deleted, rest.next), (0, None));
}
