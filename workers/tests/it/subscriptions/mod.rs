//! Subscriptions that run out, with and without somebody to ask.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tebdil_core::{
    billing::{BillingRules, Plan},
    store::{BillingFact, BillingTerms, Notified},
    testing::TestStore,
};
use tebdil_protocol::{Quota, domain::BillingEventType, id::UserId, time::Timestamp};
use tebdil_workers::{Hooks, Settings, Verifier, Workers};

use crate::harness::{DAY, Database, MINUTE, on_both, settings};

mod verifier;

on_both! {
    a_granted_one_ends_on_time_and_is_told_once,
    a_renewing_one_has_its_grace_where_nobody_can_be_asked,
    many_end_once_under_two_workers_of_which_one_dies,
    events_that_waited_for_their_plan_are_applied,
}

const HOUR: Duration = Duration::from_hours(1);

/// What the workers told.
#[derive(Default)]
struct Told {
    notices: Mutex<Vec<(UserId, &'static str)>>,
    quotas: Mutex<Vec<(UserId, i64)>>,
}

impl Told {
    fn hooks(self: &Arc<Self>) -> Hooks {
        let (one, two) = (Arc::clone(self), Arc::clone(self));
        Hooks {
            on_notified: Arc::new(move |notified: Notified| {
                one.notices
                    .lock()
                    .expect("lock")
                    .push((notified.user_id, notified.notice.code()));
            }),
            on_quota: Arc::new(move |user, quota: Quota| {
                two.quotas.lock().expect("lock").push((user, quota.text));
            }),
            ..Hooks::default()
        }
    }

    fn notices(&self) -> Vec<(UserId, &'static str)> {
        self.notices.lock().expect("lock").clone()
    }
}

fn rules(grace: Duration) -> BillingRules {
    BillingRules {
        plans: vec![Plan {
            name: "monthly".to_owned(),
            days: 30,
            products: vec!["month".to_owned()],
        }],
        grace,
    }
}

fn workers(
    db: &Database,
    told: &Arc<Told>,
    verifier: Option<Verifier>,
    grace: Duration,
) -> Workers {
    let settings = Settings {
        billing: rules(grace),
        verifier,
        ..settings()
    };
    Workers::new(db.store.clone(), db.clock.clone(), told.hooks(), settings)
}

fn fact(
    id: &str,
    kind: BillingEventType,
    at: Timestamp,
    external_id: &str,
    ends_at: Timestamp,
) -> BillingFact {
    BillingFact {
        id: id.to_owned(),
        hash: [7; 32],
        kind,
        occurred_at: at,
        external_id: external_id.to_owned(),
        plan: "month".to_owned(),
        starts_at: at,
        ends_at,
    }
}

/// A user who bought what runs until `ends_at` and renews.
async fn customer(db: &Database, external_id: &str, ends_at: Timestamp) -> UserId {
    let user = db.user().await;
    let quota = TestStore::quota_rules();
    let terms = BillingTerms {
        plan: Some("monthly"),
        grace: HOUR,
        quota: &quota,
    };
    db.store
        .economy()
        .billing_token(user, external_id, db.now())
        .await
        .expect("token");
    let bought = fact(
        &format!("evt-{external_id}"),
        BillingEventType::Purchased,
        db.now(),
        external_id,
        ends_at,
    );
    db.store
        .economy()
        .take_billing_event(&bought, external_id, terms, db.now())
        .await
        .expect("event");
    assert!(is_premium(db, user).await);
    user
}

async fn is_premium(db: &Database, user: UserId) -> bool {
    db.store
        .economy()
        .quota(user, &TestStore::quota_rules(), db.now())
        .await
        .expect("quota")
        .expect("user")
        .daily_text
        == 100
}

async fn a_granted_one_ends_on_time_and_is_told_once(db: &Database) {
    let told = Arc::default();
    let workers = workers(db, &told, None, HOUR);
    let (user, quota) = (db.user().await, TestStore::quota_rules());
    let ends_at = db.now() + DAY;
    db.store
        .economy()
        .grant_subscription(user, "monthly", ends_at, UserId(1), &quota, db.now())
        .await
        .expect("grant")
        .expect("user");
    db.clock.set(ends_at - Duration::from_millis(1));
    workers.run_due_once().await.expect("run");
    assert!(is_premium(db, user).await);
    db.clock.set(ends_at + MINUTE);
    for _ in 0..3 {
        workers.run_due_once().await.expect("run");
        assert!(!is_premium(db, user).await);
        assert_eq!(told.notices(), [(user, "premium_ended")]);
        assert_eq!(*told.quotas.lock().expect("lock"), [(user, 10)]);
        db.clock.advance(MINUTE);
    }
}

async fn a_renewing_one_has_its_grace_where_nobody_can_be_asked(db: &Database) {
    let told = Arc::default();
    let workers = workers(db, &told, None, HOUR);
    let ends_at = db.now() + DAY;
    let (renewed, silent) = (
        customer(db, "renewed", ends_at).await,
        customer(db, "silent", ends_at).await,
    );
    db.clock.set(ends_at + MINUTE);
    workers.run_due_once().await.expect("run");
    assert!(is_premium(db, renewed).await && is_premium(db, silent).await);
    assert_eq!(
        db.number("SELECT COUNT(*) FROM subscriptions WHERE checks = 1")
            .await,
        2
    );
    let quota = TestStore::quota_rules();
    let terms = BillingTerms {
        plan: Some("monthly"),
        grace: HOUR,
        quota: &quota,
    };
    let event = fact(
        "evt",
        BillingEventType::Renewed,
        db.now(),
        "renewed",
        ends_at + 30 * DAY,
    );
    db.store
        .economy()
        .take_billing_event(&event, "renewed", terms, db.now())
        .await
        .expect("event");
    db.clock.set(ends_at + HOUR);
    workers.run_due_once().await.expect("run");
    assert!(is_premium(db, renewed).await && !is_premium(db, silent).await);
    assert_eq!(told.notices(), [(silent, "premium_ended")]);
}

async fn many_end_once_under_two_workers_of_which_one_dies(db: &Database) {
    const MANY: usize = 230;
    let told = Arc::<Told>::default();
    let (quota, ends_at) = (TestStore::quota_rules(), db.now() + DAY);
    for _ in 0..MANY {
        let user = db.user().await;
        db.store
            .economy()
            .grant_subscription(user, "monthly", ends_at, UserId(1), &quota, db.now())
            .await
            .expect("grant");
    }
    db.clock.set(ends_at);
    // The first is dropped in the middle of its work, as a process that is killed leaves it.
    let first = workers(db, &told, None, HOUR);
    let dies = async {
        crate::harness::until("some have ended", async || {
            db.number("SELECT COUNT(*) FROM subscriptions WHERE NOT is_active")
                .await
                > 20
        })
        .await;
    };
    tokio::select! {
        _ = first.run_due_once() => {}
        () = dies => {}
    }
    // Its lease is still out; the next ticks do the rest, on two nodes at once.
    let node = db.node().await;
    let settings = Settings {
        billing: rules(HOUR),
        ..settings()
    };
    let second = Workers::new(node.clone(), db.clock.clone(), told.hooks(), settings);
    let third = workers(db, &told, None, HOUR);
    for _ in 0..3 {
        db.clock.advance(2 * MINUTE);
        let (one, two) = tokio::join!(second.run_due_once(), third.run_due_once());
        one.and(two).expect("run");
    }
    node.close().await;
    assert_eq!(
        db.number("SELECT COUNT(*) FROM subscriptions WHERE is_active")
            .await,
        0
    );
    assert_eq!(
        db.number("SELECT COUNT(*) FROM users WHERE is_premium")
            .await,
        0
    );
    let many = i64::try_from(MANY).expect("few");
    assert_eq!(
        db.number("SELECT COUNT(*) FROM notifications WHERE code = 'premium_ended'")
            .await,
        many
    );
    assert_eq!(
        db.number("SELECT COUNT(DISTINCT user_id) FROM notifications WHERE code = 'premium_ended'")
            .await,
        many
    );
    assert_eq!(
        db.number("SELECT COUNT(*) FROM quota_ledger WHERE reason = 'premium' AND delta < 0")
            .await,
        2 * many
    );
    // Whoever died may have kept the last word to itself, but nobody heard it twice.
    let mut heard = told.notices();
    heard.sort_unstable();
    let count = heard.len();
    heard.dedup();
    assert_eq!(heard.len(), count);
}

async fn events_that_waited_for_their_plan_are_applied(db: &Database) {
    let told = Arc::default();
    let workers = workers(db, &told, None, HOUR);
    let (user, quota) = (db.user().await, TestStore::quota_rules());
    db.store
        .economy()
        .billing_token(user, "token", db.now())
        .await
        .expect("token");
    let unknown = BillingTerms {
        plan: None,
        grace: HOUR,
        quota: &quota,
    };
    let event = fact(
        "evt",
        BillingEventType::Purchased,
        db.now(),
        "sub",
        db.now() + 900 * DAY,
    );
    db.store
        .economy()
        .take_billing_event(&event, "token", unknown, db.now())
        .await
        .expect("event");
    let never = BillingFact {
        plan: "other".to_owned(),
        ..fact(
            "never",
            BillingEventType::Purchased,
            db.now(),
            "other",
            db.now() + DAY,
        )
    };
    db.store
        .economy()
        .take_billing_event(&never, "token", unknown, db.now())
        .await
        .expect("event");
    workers.run_due_once().await.expect("run");
    assert!(is_premium(db, user).await);
    assert_eq!(told.notices(), [(user, "premium_started")]);
    assert_eq!(
        db.number("SELECT COUNT(*) FROM billing_events WHERE outcome = 'applied'")
            .await,
        1
    );
    assert_eq!(
        db.number("SELECT COUNT(*) FROM billing_events WHERE outcome = 'unknown_plan'")
            .await,
        1
    );

    db.clock.set(db.now() + 400 * DAY - MINUTE);
    workers.run_due_once().await.expect("run");
    assert_eq!(db.number("SELECT COUNT(*) FROM billing_events").await, 2);
    db.clock.advance(HOUR);
    workers.run_due_once().await.expect("run");
    assert_eq!(db.number("SELECT COUNT(*) FROM billing_events").await, 0);
    assert!(is_premium(db, user).await);
}
