//! Who is banned is shut out.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tebdil_core::{
    skew::ClockGuard,
    store::{BanOrder, NewBan},
};
use tebdil_protocol::{CloseCode, domain::EndReason, id::UserId};
use tebdil_workers::{Hooks, JobError, Settings, Workers};

use crate::harness::{DAY, Database, on_both, settings};

on_both! {
    a_ban_closes_sockets_and_matches_and_a_repeat_does_nothing,
    a_wrong_clock_keeps_no_socket_of_a_banned_user_open,
    trouble_with_a_match_keeps_no_other_open,
}

/// What the hooks heard.
#[derive(Default)]
struct Heard {
    closed: Mutex<Vec<(UserId, CloseCode)>>,
    ended: Mutex<Vec<(Option<UserId>, EndReason)>>,
}

impl Heard {
    fn workers(self: &Arc<Self>, db: &Database, settings: Settings) -> Workers {
        let (closed, ended) = (Arc::clone(self), Arc::clone(self));
        let hooks = Hooks {
            on_shut_out: Arc::new(move |user, code| {
                closed.closed.lock().expect("lock").push((user, code));
            }),
            on_match_ended: Arc::new(move |one| {
                ended.ended.lock().expect("lock").push((one.by, one.reason));
            }),
            ..Hooks::default()
        };
        Workers::new(db.store.clone(), db.clock.clone(), hooks, settings)
    }

    fn closed(&self) -> Vec<(UserId, CloseCode)> {
        std::mem::take(&mut *self.closed.lock().expect("lock"))
    }

    fn ended(&self) -> Vec<(Option<UserId>, EndReason)> {
        std::mem::take(&mut *self.ended.lock().expect("lock"))
    }
}

/// Bans a user in a match, and dies right after the commit.
async fn banned(db: &Database) -> UserId {
    let (_, [user, _]) = db.a_match().await;
    let new = NewBan {
        reason: "reports".to_owned(),
        automatic: true,
        provisional: true,
        until: None,
        created_by: None,
    };
    db.store
        .safety()
        .ban(user, &new, db.now())
        .await
        .expect("banned");
    user
}

/// Who has the phone of a banned user now, and is banned with it.
async fn successor(db: &Database, user: UserId) -> UserId {
    let (_, [other, _]) = db.a_match().await;
    db.execute(&format!(
        "INSERT INTO tombstones (user_id, phone_index, erased_at) \
         SELECT {user}, phone_index, created_at FROM users WHERE id = {other}"
    ))
    .await;
    db.execute(&format!(
        "UPDATE users SET is_banned = TRUE WHERE id = {other}"
    ))
    .await;
    other
}

async fn a_ban_closes_sockets_and_matches_and_a_repeat_does_nothing(db: &Database) {
    let (user_id, heard) = (banned(db).await, Arc::new(Heard::default()));
    let workers = heard.workers(db, settings());
    workers.at_once(BanOrder { user_id }).await;
    assert_eq!(heard.closed(), [(user_id, CloseCode::Banned)]);
    assert_eq!(heard.ended(), [(Some(user_id), EndReason::Banned)]);
    // The order that was stored with the ban.
    workers.run_due_once().await.expect("run");
    assert_eq!(heard.closed(), [(user_id, CloseCode::Banned)]);
    assert!(heard.ended().is_empty());
    // A late one.
    db.execute("UPDATE users SET is_banned = FALSE").await;
    workers.at_once(BanOrder { user_id }).await;
    assert_eq!((heard.closed(), heard.ended()), (vec![], vec![]));
}

async fn a_wrong_clock_keeps_no_socket_of_a_banned_user_open(db: &Database) {
    let (user_id, heard) = (banned(db).await, Arc::new(Heard::default()));
    let other = successor(db, user_id).await;
    let guard = ClockGuard::new(db.clock.clone(), Duration::from_secs(5));
    guard.compare(&db.store).await.expect("an answer");
    let real = db.store.database_time().await.expect("an answer");
    db.clock.set(real + DAY);
    let settings = Settings {
        guard: Some(guard),
        ..settings()
    };
    let refused = heard
        .workers(db, settings)
        .run_now(BanOrder { user_id })
        .await;
    assert!(matches!(refused, Err(JobError::Retry(_))), "{refused:?}");
    let both = [user_id, other].map(|account| (account, CloseCode::Banned));
    assert_eq!(heard.closed(), both);
    assert!(heard.ended().is_empty(), "when that was is not known");
}

async fn trouble_with_a_match_keeps_no_other_open(db: &Database) {
    let (user_id, heard) = (banned(db).await, Arc::new(Heard::default()));
    db.execute("UPDATE matches SET ended_reason = 'unreadable'")
        .await;
    let other = successor(db, user_id).await;
    let workers = heard.workers(db, settings());
    let refused = workers.run_now(BanOrder { user_id }).await;
    assert!(matches!(refused, Err(JobError::Retry(_))), "{refused:?}");
    let both = [user_id, other].map(|account| (account, CloseCode::Banned));
    assert_eq!(heard.closed(), both);
    assert_eq!(heard.ended(), [(Some(other), EndReason::Banned)]);
}
