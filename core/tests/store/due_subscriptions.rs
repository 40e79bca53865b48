//! Subscriptions that ran out are asked about, and end.

use std::time::Duration;

use tebdil_core::{store::SubscriptionRow, testing::TestStore};
use tebdil_protocol::domain::BillingEventType;

use crate::{
    all_at_once,
    billing::{DAY, fact, is_premium, terms},
    subscriptions::{balances, grant},
};

tebdil_core::store_conformance! {
    a_subscription_ends_once_under_two_nodes,
    what_changed_meanwhile_is_not_ended,
    a_renewal_and_an_end_at_once_agree_in_the_end,
    due_ones_come_in_bounded_batches,
}

async fn a_subscription_ends_once_under_two_nodes(t: TestStore) {
    let nodes = [t.store.clone(), t.database.open(&t.clock).await];
    let mut rows = Vec::new();
    for _ in 0..10 {
        let (user, _) = t.register("kedi").await;
        rows.push(grant(&t, user.id, 1).await.0);
    }
    t.clock.advance(DAY);
    let ended = all_at_once(rows.iter().flat_map(|row| [row; 10]).enumerate().map(
        |(number, row)| {
            let (node, row, now) = (nodes[number % 2].clone(), row.clone(), t.now());
            async move {
                loop {
                    match node
                        .economy()
                        .expire_subscription(&row, &TestStore::quota_rules(), now)
                        .await
                    {
                        Err(error) if error.is_transient() => {}
                        ended => return ended.unwrap(),
                    }
                }
            }
        },
    ))
    .await;
    assert_eq!(ended.iter().flatten().count(), 10, "each by one");
    assert!(
        ended
            .iter()
            .flatten()
            .all(|settled| settled.notified.is_some())
    );
    assert_eq!(
        t.numbers(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM notifications WHERE code = 'premium_ended'"
        )
        .await,
        [10]
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM users WHERE is_premium")
            .await,
        [0]
    );
    for row in rows {
        balances(&t, row.user_id).await;
    }
    for node in nodes {
        node.close().await;
    }
}

/// In its grace it is asked about again and again, and every answer counts for the question only.
async fn in_its_grace_every_answer_counts_once(t: &TestStore, row: &SubscriptionRow) {
    let (economy, rules) = (t.economy(), TestStore::quota_rules());
    assert!(
        economy
            .defer_subscription(row, t.now() + 2 * DAY)
            .await
            .unwrap()
    );
    assert!(
        !economy
            .defer_subscription(row, t.now() + 2 * DAY)
            .await
            .unwrap(),
        "once"
    );
    t.clock.advance(2 * DAY);
    let [seen] = &economy.due_subscriptions(true, t.now(), 10).await.unwrap()[..] else {
        panic!("one is due")
    };
    assert_eq!((seen.checks, seen.ends_at), (1, row.ends_at));
    assert!(
        economy
            .extend_subscription(seen, t.now() + 30 * DAY)
            .await
            .unwrap()
    );
    assert_eq!(
        economy
            .expire_subscription(seen, &rules, t.now())
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        economy.due_subscriptions(true, t.now(), 10).await.unwrap(),
        []
    );
}

async fn what_changed_meanwhile_is_not_ended(t: TestStore) {
    let economy = t.economy();
    let (user, _) = t.register("kedi").await;
    let rules = TestStore::quota_rules();
    economy
        .billing_token(user.id, "token", t.now())
        .await
        .unwrap();
    let bought = fact(
        "a",
        BillingEventType::Purchased,
        t.now(),
        "sub",
        t.now() + DAY,
    );
    economy
        .take_billing_event(&bought, "token", terms(&rules), t.now())
        .await
        .unwrap();
    t.clock.advance(DAY);
    let [seen] = &economy.due_subscriptions(true, t.now(), 10).await.unwrap()[..] else {
        panic!("one is due")
    };
    assert_eq!(
        economy.due_subscriptions(false, t.now(), 10).await.unwrap(),
        []
    );
    let renewed = fact(
        "b",
        BillingEventType::Renewed,
        t.now(),
        "sub",
        t.now() + DAY,
    );
    economy
        .take_billing_event(&renewed, "token", terms(&rules), t.now())
        .await
        .unwrap();
    assert_eq!(
        economy
            .expire_subscription(seen, &rules, t.now())
            .await
            .unwrap(),
        None
    );
    assert!(
        !economy
            .extend_subscription(seen, t.now() + 30 * DAY)
            .await
            .unwrap()
    );
    assert!(
        !economy
            .defer_subscription(seen, t.now() + DAY)
            .await
            .unwrap()
    );
    let row = economy.subscription(user.id).await.unwrap().expect("there");
    assert_eq!(
        (row.is_active, row.ends_at, row.checks),
        (true, t.now() + DAY, 0)
    );
    in_its_grace_every_answer_counts_once(&t, &row).await;
}

async fn a_renewal_and_an_end_at_once_agree_in_the_end(t: TestStore) {
    let rules = TestStore::quota_rules();
    for number in 0..10 {
        let (user, _) = t.register("kedi").await;
        let (token, external_id) = (format!("token-{number}"), format!("sub-{number}"));
        t.economy()
            .billing_token(user.id, &token, t.now())
            .await
            .unwrap();
        let event = |id: &str, kind| {
            fact(
                &format!("{id}-{number}"),
                kind,
                t.now(),
                &external_id,
                t.now() + DAY,
            )
        };
        t.economy()
            .take_billing_event(
                &event("a", BillingEventType::Purchased),
                &token,
                terms(&rules),
                t.now(),
            )
            .await
            .unwrap();
        t.clock.advance(DAY + Duration::from_hours(2));
        let seen = t
            .economy()
            .subscription(user.id)
            .await
            .unwrap()
            .expect("there");
        let renewed = event("b", BillingEventType::Renewed);
        let (store, now) = (t.store.clone(), t.now());
        let rules = rules.clone();
        let ending = async {
            let _ = t
                .economy()
                .expire_subscription(&seen, &rules, now)
                .await
                .unwrap();
        };
        let renewing = async {
            let _ = store
                .economy()
                .take_billing_event(&renewed, &token, terms(&rules), now)
                .await
                .unwrap();
        };
        tokio::join!(ending, renewing);
        assert!(
            t.economy()
                .subscription(user.id)
                .await
                .unwrap()
                .expect("there")
                .is_active,
            "it was paid, whoever came first"
        );
        assert!(is_premium(&t, user.id).await);
        balances(&t, user.id).await;
    }
}

async fn due_ones_come_in_bounded_batches(t: TestStore) {
    let mut rows = Vec::new();
    for days in [3, 1, 2] {
        let (user, _) = t.register("kedi").await;
        rows.push(grant(&t, user.id, days).await.0);
    }
    t.clock.set(t.now() + DAY - Duration::from_millis(1));
    assert_eq!(
        t.economy()
            .due_subscriptions(false, t.now(), 10)
            .await
            .unwrap(),
        []
    );
    t.clock.advance(9 * DAY);
    let due = t
        .economy()
        .due_subscriptions(false, t.now(), 2)
        .await
        .unwrap();
    assert_eq!(
        due,
        [rows[1].clone(), rows[2].clone()],
        "the longest due first"
    );
}
