//! Bans by many reports: by order, by sweep, and whoever dies meanwhile.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tebdil_core::{
    crypto::Sealed,
    ids::IdGenerator,
    report::ReportRules,
    store::{AutoBanOrder, NewReport, NewResolution, Reporting, Store},
    testing::{self, TestStore},
};
use tebdil_protocol::{
    domain::{ReportDecision, ReportReason, UserRole},
    id::{MatchId, ReportId, SessionId, UserId},
    notice::Notice,
    time::Timestamp,
};
use tebdil_workers::{
    Hooks, Workers,
    jobs::{AutoBanSweep, Retention},
};
use tokio::task::JoinSet;

use crate::harness::{DAY, settings};

tebdil_core::store_conformance! {
    the_tenth_report_bans_at_once_and_nine_do_not,
    reports_at_once_on_two_nodes_ban_once,
    a_lost_order_is_found_by_the_sweep,
    engines_that_are_cut_off_ban_once,
    what_moderators_dismissed_is_erased_before_the_rest,
}

/// What the hooks heard.
#[derive(Debug, Clone, Default)]
struct Heard {
    closed: Arc<Mutex<Vec<UserId>>>,
    told: Arc<Mutex<Vec<(UserId, Notice)>>>,
    ended: Arc<Mutex<Vec<MatchId>>>,
}

impl Heard {
    fn closed(&self) -> Vec<UserId> {
        self.closed.lock().expect("lock").clone()
    }

    fn told(&self) -> Vec<(UserId, Notice)> {
        self.told.lock().expect("lock").clone()
    }
}

fn workers(store: Store, t: &TestStore, heard: &Heard) -> Workers {
    let Heard {
        closed,
        told,
        ended,
    } = heard.clone();
    let hooks = Hooks {
        on_shut_out: Arc::new(move |user, _| closed.lock().expect("lock").push(user)),
        on_notified: Arc::new(move |notified| {
            told.lock()
                .expect("lock")
                .push((notified.user_id, notified.notice));
        }),
        on_match_ended: Arc::new(move |one| ended.lock().expect("lock").push(one.match_id)),
        ..Hooks::default()
    };
    Workers::new(store, t.clock.clone(), hooks, settings())
}

/// Somebody, and as many people whose match with that one is over.
async fn crowd(t: &TestStore, count: usize) -> ((UserId, SessionId), Vec<(UserId, MatchId)>) {
    let (user, session) = t.register("hedef").await;
    let target = (user.id, session.id);
    let mut met = Vec::new();
    for number in 0..count {
        let (user, session) = t.register(&format!("kisi{number}")).await;
        met.push((
            user.id,
            testing::met(&t.store, [target, (user.id, session.id)], t.now()).await,
        ));
    }
    (target, met)
}

async fn report(store: &Store, (reporter, match_id): (UserId, MatchId), now: Timestamp) {
    static NEXT: AtomicI64 = AtomicI64::new(0);
    let id = ReportId(IdGenerator::first_id_at(now) + NEXT.fetch_add(1, Ordering::Relaxed));
    let sealed = || {
        Some(Sealed {
            ciphertext: b"x".to_vec(),
            key_id: "k".to_owned(),
        })
    };
    let new = NewReport {
        id,
        match_id,
        reporter,
        reason: ReportReason::Threat,
        note: sealed(),
        evidence: sealed(),
        evidence_count: 1,
    };
    let made = store
        .safety()
        .report(&new, &ReportRules::default(), now, now)
        .await
        .expect("the store");
    assert!(matches!(made, Reporting::Made(_)), "{made:?}");
}

async fn count(t: &TestStore, what: &str) -> i64 {
    t.numbers(&format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {what}"))
        .await[0]
}

async fn the_tenth_report_bans_at_once_and_nine_do_not(t: TestStore) {
    let heard = Heard::default();
    let workers = workers(t.store.clone(), &t, &heard);
    let (target, met) = crowd(&t, 10).await;
    for one in &met[..9] {
        report(&t.store, *one, t.now()).await;
    }
    workers.run_due_once().await.expect("run");
    t.clock.advance(Duration::from_mins(10));
    workers.run_due_once().await.expect("the sweep");
    assert_eq!((count(&t, "bans").await, heard.closed()), (0, vec![]));

    report(&t.store, met[9], t.now()).await;
    workers.run_due_once().await.expect("run");
    assert_eq!(heard.told(), [(target.0, Notice::Banned { until: None })]);
    assert!(heard.closed().contains(&target.0));
    assert_eq!(count(&t, "bans WHERE automatic AND provisional AND until IS NULL AND created_by IS NULL AND reason = 'threat'").await, 1);

    // What is twice in the queue, as after a crash, is done once.
    for _ in 0..3 {
        tebdil_workers::push(
            &t.store,
            &AutoBanOrder { user_id: target.0 },
            None,
            t.now(),
            t.now(),
        )
        .await
        .expect("push");
        workers.run_due_once().await.expect("run");
    }
    assert_eq!((count(&t, "bans").await, heard.told().len()), (1, 1));
}

async fn reports_at_once_on_two_nodes_ban_once(t: TestStore) {
    let heard = Heard::default();
    let stores = [t.store.clone(), t.database.open(&t.clock).await];
    let engines = stores.clone().map(|store| workers(store, &t, &heard));
    let (target, met) = crowd(&t, 10).await;
    let mut set = JoinSet::new();
    for (number, one) in met.into_iter().enumerate() {
        let (store, now) = (stores[number % 2].clone(), t.now());
        set.spawn(async move { report(&store, one, now).await });
    }
    for engine in engines.clone() {
        set.spawn(async move {
            engine.run_due_once().await.expect("run");
        });
    }
    set.join_all().await;
    // What failed, because it met the other, runs again.
    t.clock.advance(Duration::from_mins(10));
    for engine in engines {
        engine.run_due_once().await.expect("run");
    }
    assert_eq!(
        (
            count(&t, "bans").await,
            count(&t, "notifications WHERE code = 'banned'").await
        ),
        (1, 1)
    );
    assert_eq!(heard.told(), [(target.0, Notice::Banned { until: None })]);
}

async fn a_lost_order_is_found_by_the_sweep(t: TestStore) {
    let heard = Heard::default();
    let workers = workers(t.store.clone(), &t, &heard);
    let (target, met) = crowd(&t, 10).await;
    for one in &met {
        report(&t.store, *one, t.now()).await;
    }
    t.execute("DELETE FROM job WHERE queue = 'auto_ban'").await;
    workers.run_now(AutoBanSweep::default()).await.expect("run");
    assert_eq!(heard.told(), [(target.0, Notice::Banned { until: None })]);
    workers.run_now(AutoBanSweep::default()).await.expect("run");
    assert_eq!(
        (count(&t, "bans").await, heard.told().len()),
        (1, 1),
        "once"
    );
}

/// Two engines at once, each cut off in the middle again and again, and begun anew.
async fn engines_that_are_cut_off_ban_once(t: TestStore) {
    const CUTS: u64 = 20;
    let mut targets = Vec::new();
    for _ in 0..3 {
        let (target, met) = crowd(&t, 10).await;
        // A match that goes on.
        let (user, session) = t.register("son").await;
        let open = testing::met(&t.store, [target, (user.id, session.id)], t.now()).await;
        t.execute(&format!(
            "UPDATE matches SET status = 'active', ended_at = NULL WHERE id = {open}"
        ))
        .await;
        t.execute(&format!(
            "UPDATE match_sides SET open = TRUE WHERE match_id = {open}"
        ))
        .await;
        for one in met {
            report(&t.store, one, t.now()).await;
        }
        targets.push(target.0);
    }
    let heard = Heard::default();
    let mut engines = JoinSet::new();
    for _ in 0..2 {
        let workers = workers(t.database.open(&t.clock).await, &t, &heard);
        engines.spawn(async move {
            for cut in 0..CUTS {
                // Dropped at whichever await it has come to.
                let _ = tokio::time::timeout(
                    Duration::from_millis(1 + cut),
                    workers.run_now(AutoBanSweep::default()),
                )
                .await;
            }
            workers
                .run_now(AutoBanSweep::default())
                .await
                .expect("it runs");
        });
    }
    while let Some(ended) = engines.join_next().await {
        ended.expect("no panic");
    }
    for target in &targets {
        assert_eq!(
            count(&t, &format!("bans WHERE user_id = {target}")).await,
            1
        );
        assert_eq!(
            count(
                &t,
                &format!("notifications WHERE user_id = {target} AND code = 'banned'")
            )
            .await,
            1
        );
    }
    assert!(heard.told().len() <= targets.len(), "nobody hears twice");
    // Whose maker was cut off after the commit is ended by the order of the ban.
    workers(t.store.clone(), &t, &heard)
        .run_due_once()
        .await
        .expect("run");
    assert_eq!(count(&t, "match_sides WHERE open").await, 0);
    assert!(targets.iter().all(|target| heard.closed().contains(target)));
    assert_eq!(count(&t, "matches WHERE ended_reason = 'banned'").await, 3);
    assert!(
        heard.ended.lock().expect("lock").len() <= targets.len(),
        "nobody hears twice of an end"
    );
}

async fn what_moderators_dismissed_is_erased_before_the_rest(t: TestStore) {
    let workers = workers(t.store.clone(), &t, &Heard::default());
    let (_, met) = crowd(&t, 3).await;
    for one in &met {
        report(&t.store, *one, t.now()).await;
    }
    let ids = t.numbers("SELECT id FROM reports ORDER BY id").await;
    for (id, decision) in ids
        .iter()
        .zip([ReportDecision::Dismiss, ReportDecision::Warn])
    {
        let note = Sealed {
            ciphertext: b"y".to_vec(),
            key_id: "k".to_owned(),
        };
        let word = NewResolution {
            decision,
            note,
            until: None,
            actor: UserId(7),
            alias: None,
            actor_role: UserRole::Admin,
        };
        t.safety()
            .resolve_report((*id).into(), &word, t.now())
            .await
            .expect("the store");
    }
    let written = "reports WHERE note_ciphertext IS NOT NULL AND evidence_ciphertext IS NOT NULL";
    for (days, reports, with_evidence) in [(29, 3, 3), (1, 3, 2), (149, 3, 2), (1, 0, 0)] {
        t.clock.advance(days * DAY);
        workers.run_now(Retention::default()).await.expect("run");
        assert_eq!(
            (count(&t, "reports").await, count(&t, written).await),
            (reports, with_evidence),
            "after {days} more days"
        );
    }
}
