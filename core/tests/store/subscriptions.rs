use std::time::Duration;

use tebdil_core::{
    domain::{BillingEventType, LedgerReason, Mode, QuotaBucket},
    id::UserId,
    quota::{Balances, QuotaRules},
    store::{Grant, MatchRules, PairOutcome, Settled, SubscriptionRow},
    testing::{ENDLESS_TERM, TestStore},
};

use crate::{
    all_at_once,
    billing::{DAY, fact, terms},
    matches::couple,
    pair,
    quota::assert_ledger_equals_balance,
    side,
};

tebdil_core::store_conformance! {
    limits_follow_the_tier_at_once_and_going_back_and_forth_gains_nothing,
    a_clock_set_back_gains_nothing_by_a_change_of_tier,
    premium_lasts_while_any_subscription_does,
    a_subscription_ends_once_under_two_nodes,
    what_changed_meanwhile_is_not_ended,
    a_renewal_and_an_end_at_once_agree_in_the_end,
    due_ones_come_in_bounded_batches,
}

const ADMIN: UserId = UserId(1);

async fn grant(t: &TestStore, user: UserId, days: u32) -> (SubscriptionRow, Settled) {
    let ends_at = t.now() + days * DAY;
    t.economy()
        .grant_subscription(
            user,
            "monthly",
            ends_at,
            ADMIN,
            &TestStore::quota_rules(),
            t.now(),
        )
        .await
        .unwrap()
        .expect("user")
}

async fn end(t: &TestStore, user: UserId) -> Settled {
    t.economy()
        .end_subscriptions(user, ADMIN, &TestStore::quota_rules(), t.now())
        .await
        .unwrap()
        .expect("user")
}

async fn balances(t: &TestStore, user: UserId) -> Balances {
    assert_ledger_equals_balance(t, user).await
}

async fn premium_begins(t: &TestStore, user: UserId) {
    let (_, settled) = grant(t, user, 30).await;
    let (told, quota) = settled.quota.expect("the limits moved");
    assert_eq!(
        (
            told,
            quota.text,
            quota.video,
            quota.daily_text,
            quota.daily_video
        ),
        (user, 90, 30, 100, 30)
    );
    assert_eq!(
        settled.notified.expect("told").notice.code(),
        "premium_started"
    );
}

async fn what_came_back_stays_and_a_new_day_owes_nothing(
    t: &TestStore,
    user: UserId,
    rules: &QuotaRules,
) {
    // What came back meanwhile stays.
    end(t, user).await;
    let refund = Grant {
        bucket: QuotaBucket::Text,
        amount: 1,
        reason: LedgerReason::Claim,
        reference: "1".to_owned(),
    };
    t.economy()
        .grant(user, &refund, rules, t.now())
        .await
        .unwrap();
    assert_eq!(
        grant(t, user, 30)
            .await
            .1
            .quota
            .expect("the limits moved")
            .1
            .text,
        51
    );
    assert_eq!(balances(t, user).await.text, 51);

    t.clock.set(t.now().next_midnight(&rules.zone));
    let quota = end(t, user).await.quota.expect("the limits moved").1;
    assert_eq!((quota.text, quota.video), (10, 3), "a new day owes nothing");
    assert_eq!(
        grant(t, user, 30)
            .await
            .1
            .quota
            .expect("the limits moved")
            .1
            .text,
        100
    );
    assert_eq!(balances(t, user).await.text, 100);
}

async fn limits_follow_the_tier_at_once_and_going_back_and_forth_gains_nothing(t: TestStore) {
    let ((a, a1), (b, b1)) = couple(&t).await;
    let rules = MatchRules {
        max_active_text: 1_000,
        ..TestStore::match_rules()
    };
    let bonus = Grant {
        bucket: QuotaBucket::Bonus,
        amount: 1_000,
        reason: LedgerReason::Referral,
        reference: "b".to_owned(),
    };
    t.economy()
        .grant(b.id, &bonus, &rules.quota, t.now())
        .await
        .unwrap();
    let mut ticket = 0;
    let mut find = async || {
        ticket += 2;
        let proposed = pair(
            Mode::Text,
            side(a.id, a1.id, ticket),
            side(b.id, b1.id, ticket + 1),
        );
        matches!(
            t.matches()
                .create_matches(ENDLESS_TERM, &[proposed], &rules, t.now())
                .await
                .unwrap()
                .remove(0),
            PairOutcome::Made(_)
        )
    };
    for _ in 0..10 {
        assert!(find().await);
    }
    assert!(!find().await, "the free allowance is used up");

    premium_begins(&t, a.id).await;
    for _ in 0..40 {
        assert!(find().await);
    }
    for _ in 0..3 {
        let settled = end(&t, a.id).await;
        assert_eq!(
            settled.quota.expect("the limits moved").1.text,
            0,
            "fifty were used of ten"
        );
        assert_eq!(
            settled.notified.expect("told").notice.code(),
            "premium_ended"
        );
        assert!(!find().await);
        assert_eq!(
            end(&t, a.id).await,
            Settled::default(),
            "nothing is left to end"
        );
        assert_eq!(
            grant(&t, a.id, 30)
                .await
                .1
                .quota
                .expect("the limits moved")
                .1
                .text,
            50,
            "fifty were used of a hundred"
        );
    }
    what_came_back_stays_and_a_new_day_owes_nothing(&t, a.id, &rules.quota).await;
}

async fn a_clock_set_back_gains_nothing_by_a_change_of_tier(t: TestStore) {
    let ((a, a1), (b, b1)) = couple(&t).await;
    let rules = TestStore::match_rules();
    grant(&t, a.id, 900).await;
    grant(&t, b.id, 900).await;
    let mut ticket = 0;
    for back in 0..15 {
        // One more day back with every match.
        t.clock.set(t.now() - DAY);
        ticket += 2;
        let proposed = pair(
            Mode::Text,
            side(a.id, a1.id, ticket),
            side(b.id, b1.id, ticket + 1),
        );
        let made = t
            .matches()
            .create_matches(ENDLESS_TERM, &[proposed], &rules, t.now())
            .await
            .unwrap()
            .remove(0);
        assert!(matches!(made, PairOutcome::Made(_)), "{back}");
    }
    assert_eq!(end(&t, a.id).await.quota.expect("moved").1.text, 0);
    assert_eq!(
        grant(&t, a.id, 900).await.1.quota.expect("moved").1.text,
        85
    );
    assert_eq!(balances(&t, a.id).await.text, 85);
}

async fn premium_lasts_while_any_subscription_does(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let rules = TestStore::quota_rules();
    let (short, settled) = grant(&t, user.id, 1).await;
    assert!(settled.quota.is_some() && settled.notified.is_some());
    let (long, settled) = grant(&t, user.id, 30).await;
    assert_eq!(settled, Settled::default(), "premium already");
    assert_eq!(
        t.economy().subscription(user.id).await.unwrap(),
        Some(long.clone())
    );

    t.clock.advance(DAY);
    assert_eq!(
        t.economy()
            .due_subscriptions(false, t.now(), 10)
            .await
            .unwrap(),
        std::slice::from_ref(&short)
    );
    assert_eq!(
        t.economy()
            .expire_subscription(&short, &rules, t.now())
            .await
            .unwrap(),
        Some(Settled::default())
    );
    assert!(
        t.accounts()
            .user(user.id)
            .await
            .unwrap()
            .expect("user")
            .is_premium
    );
    t.clock.advance(29 * DAY);
    let settled = t
        .economy()
        .expire_subscription(&long, &rules, t.now())
        .await
        .unwrap()
        .expect("it ended");
    assert_eq!(
        settled.notified.expect("told").notice.code(),
        "premium_ended"
    );
    assert!(
        !t.accounts()
            .user(user.id)
            .await
            .unwrap()
            .expect("user")
            .is_premium
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM notifications")
            .await,
        [2]
    );
    assert_eq!(
        t.economy()
            .subscription(user.id)
            .await
            .unwrap()
            .expect("the last")
            .id,
        long.id
    );
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

async fn what_changed_meanwhile_is_not_ended(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let rules = TestStore::quota_rules();
    t.economy()
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
    t.economy()
        .take_billing_event(&bought, "token", terms(&rules), t.now())
        .await
        .unwrap();
    t.clock.advance(DAY);
    let [seen] = &t
        .economy()
        .due_subscriptions(true, t.now(), 10)
        .await
        .unwrap()[..]
    else {
        panic!("one is due")
    };
    assert_eq!(
        t.economy()
            .due_subscriptions(false, t.now(), 10)
            .await
            .unwrap(),
        []
    );
    let renewed = fact(
        "b",
        BillingEventType::Renewed,
        t.now(),
        "sub",
        t.now() + DAY,
    );
    t.economy()
        .take_billing_event(&renewed, "token", terms(&rules), t.now())
        .await
        .unwrap();
    assert_eq!(
        t.economy()
            .expire_subscription(seen, &rules, t.now())
            .await
            .unwrap(),
        None
    );
    assert!(
        !t.economy()
            .extend_subscription(seen, t.now() + 30 * DAY)
            .await
            .unwrap()
    );
    assert!(
        !t.economy()
            .defer_subscription(seen, t.now() + DAY)
            .await
            .unwrap()
    );
    let row = t
        .economy()
        .subscription(user.id)
        .await
        .unwrap()
        .expect("there");
    assert_eq!(
        (row.is_active, row.ends_at, row.checks),
        (true, t.now() + DAY, 0)
    );

    // In its grace it is asked about again and again, and every answer counts for the question
    // only.
    assert!(
        t.economy()
            .defer_subscription(&row, t.now() + 2 * DAY)
            .await
            .unwrap()
    );
    assert!(
        !t.economy()
            .defer_subscription(&row, t.now() + 2 * DAY)
            .await
            .unwrap(),
        "once"
    );
    t.clock.advance(2 * DAY);
    let [seen] = &t
        .economy()
        .due_subscriptions(true, t.now(), 10)
        .await
        .unwrap()[..]
    else {
        panic!("one is due")
    };
    assert_eq!((seen.checks, seen.ends_at), (1, row.ends_at));
    assert!(
        t.economy()
            .extend_subscription(seen, t.now() + 30 * DAY)
            .await
            .unwrap()
    );
    assert_eq!(
        t.economy()
            .expire_subscription(seen, &rules, t.now())
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        t.economy()
            .due_subscriptions(true, t.now(), 10)
            .await
            .unwrap(),
        []
    );
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
        assert!(
            t.accounts()
                .user(user.id)
                .await
                .unwrap()
                .expect("user")
                .is_premium
        );
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
