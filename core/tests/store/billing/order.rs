//! Events in any order, and again.

use std::{sync::Arc, time::Duration};

use tebdil_core::{
    store::{Billed, Settled},
    testing::TestStore,
};
use tebdil_protocol::{
    domain::{BillingEventType, BillingOutcome},
    id::UserId,
    time::Timestamp,
};

use super::{DAY, close, customer, fact, take, terms};
use crate::{all_at_once, quota::assert_ledger_equals_balance};

tebdil_core::store_conformance! {
    the_order_of_arrival_does_not_matter,
    one_event_from_two_nodes_a_hundred_times_has_one_effect,
    an_id_belongs_to_one_event,
}

fn permutations<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for at in 0..items.len() {
        let mut rest = items.to_vec();
        let first = rest.remove(at);
        all.extend(permutations(&rest).into_iter().map(|mut tail| {
            tail.insert(0, first.clone());
            tail
        }));
    }
    all
}

/// What happened, when, and the end since.
type Happened = (BillingEventType, Timestamp, Timestamp);

async fn told_in_order(
    t: &TestStore,
    number: usize,
    history: &[Happened],
    order: &[usize],
) -> UserId {
    let user = customer(t, &format!("token-{number}")).await;
    for at in order {
        let (kind, happened, ends_at) = history[*at];
        let event = fact(
            &format!("evt-{number}-{at}"),
            kind,
            happened,
            &format!("sub-{number}"),
            ends_at,
        );
        assert!(matches!(
            take(t, &event, &format!("token-{number}")).await,
            Billed::Done(..)
        ));
    }
    user
}

async fn limits_follow(t: &TestStore, user: UserId, active: bool, now: Timestamp) {
    assert_eq!(
        t.accounts()
            .user(user)
            .await
            .unwrap()
            .expect("user")
            .is_premium,
        active
    );
    let stored = assert_ledger_equals_balance(t, user).await;
    assert_eq!(
        t.economy()
            .quota(user, &TestStore::quota_rules(), now)
            .await
            .unwrap()
            .expect("user")
            .text,
        if active { 100 } else { 10 }
    );
    assert!(stored.text == 0 || stored.day == "2026-11-21");
}

async fn the_order_of_arrival_does_not_matter(t: TestStore) {
    use BillingEventType::{Cancelled, Expired, Purchased, Refunded, Renewed};
    let now = t.now();
    let minutes = |minutes| now - Duration::from_mins(minutes);
    let far = now + 30 * DAY;
    // In the order in which they happened; of two at the same moment the provider's clock has no
    // more to say.
    let histories: [(&[Happened], bool, Timestamp, bool); 5] = [
        (
            &[
                (Purchased, minutes(9), now + DAY),
                (Renewed, minutes(8), far),
                (Renewed, minutes(5), far + DAY),
            ],
            true,
            far + DAY,
            true,
        ),
        (
            &[(Purchased, minutes(9), far), (Cancelled, minutes(9), far)],
            true,
            far,
            false,
        ),
        (
            &[
                (Purchased, minutes(9), far),
                (Cancelled, minutes(8), far),
                (Refunded, minutes(7), far),
            ],
            false,
            minutes(7),
            false,
        ),
        (
            &[
                (Purchased, minutes(9), far),
                (Expired, minutes(8), far),
                (Renewed, minutes(7), far + DAY),
            ],
            true,
            far + DAY,
            true,
        ),
        (
            &[
                (Purchased, minutes(9), far),
                (Cancelled, minutes(8), far),
                (Renewed, minutes(7), far + DAY),
                (Cancelled, minutes(6), far + DAY),
            ],
            true,
            far + DAY,
            false,
        ),
    ];
    let mut number = 0;
    for (history, active, end, renews) in histories {
        for order in permutations(&(0..history.len()).collect::<Vec<_>>()) {
            number += 1;
            let user = told_in_order(&t, number, history, &order).await;
            let row = t
                .economy()
                .subscription(user)
                .await
                .unwrap()
                .expect("a subscription");
            assert_eq!(
                (row.is_active, row.ends_at, row.renews),
                (active, end, renews),
                "{history:?} in the order {order:?}"
            );
            assert_eq!(row.plan, "monthly");
            limits_follow(&t, user, active, now).await;
        }
    }
}

async fn one_event_from_two_nodes_a_hundred_times_has_one_effect(t: TestStore) {
    let user = customer(&t, "token").await;
    let nodes = [t.store.clone(), t.database.open(&t.clock).await];
    let event = Arc::new(fact(
        "evt",
        BillingEventType::Purchased,
        t.now(),
        "sub",
        t.now() + 30 * DAY,
    ));
    let answers = all_at_once((0..100).map(|number: usize| {
        let (node, event, now) = (nodes[number % 2].clone(), Arc::clone(&event), t.now());
        async move {
            let rules = TestStore::quota_rules();
            loop {
                match node
                    .economy()
                    .take_billing_event(&event, "token", terms(&rules), now)
                    .await
                {
                    // A provider that hears of trouble delivers again.
                    Err(error) if error.is_transient() => {}
                    answer => return answer.unwrap(),
                }
            }
        }
    }))
    .await;
    let done: Vec<&Billed> = answers
        .iter()
        .filter(|answer| matches!(answer, Billed::Done(..)))
        .collect();
    let [
        Billed::Done(
            BillingOutcome::Applied,
            Settled {
                quota: Some((_, quota)),
                notified: Some(notified),
            },
        ),
    ] = done[..]
    else {
        panic!("{done:?}")
    };
    assert_eq!((quota.text, quota.video, notified.user_id), (100, 30, user));
    assert_eq!(
        answers
            .iter()
            .filter(|answer| **answer == Billed::Before(BillingOutcome::Applied))
            .count(),
        99
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM quota_ledger WHERE reason = 'premium'")
            .await,
        [2]
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM notifications")
            .await,
        [1]
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM subscriptions")
            .await,
        [1]
    );
    assert_eq!(assert_ledger_equals_balance(&t, user).await.text, 100);
    close(nodes).await;
}

async fn an_id_belongs_to_one_event(t: TestStore) {
    let user = customer(&t, "token").await;
    let event = fact(
        "evt",
        BillingEventType::Purchased,
        t.now(),
        "sub",
        t.now() + DAY,
    );
    take(&t, &event, "token").await;
    let other = fact(
        "evt",
        BillingEventType::Purchased,
        t.now(),
        "sub",
        t.now() + 300 * DAY,
    );
    assert_eq!(take(&t, &other, "token").await, Billed::Conflict);
    assert_eq!(take(&t, &other, "nobody").await, Billed::Conflict);
    assert_eq!(
        t.economy()
            .subscription(user)
            .await
            .unwrap()
            .expect("there")
            .ends_at,
        t.now() + DAY
    );
    assert_eq!(t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE action = 'billing_event_conflict'").await, [2]);
    assert_eq!(
        take(&t, &event, "token").await,
        Billed::Before(BillingOutcome::Applied)
    );
}
