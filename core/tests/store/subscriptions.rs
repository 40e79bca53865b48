use tebdil_core::{
    quota::{Balances, QuotaRules},
    store::{Grant, MatchRules, PairOutcome, Settled, SubscriptionRow},
    testing::{ENDLESS_TERM, TestStore},
};
use tebdil_protocol::{
    domain::{LedgerReason, Mode, QuotaBucket},
    id::UserId,
};

use crate::{
    billing::{DAY, is_premium},
    matches::couple,
    pair,
    quota::assert_ledger_equals_balance,
    side,
};

tebdil_core::store_conformance! {
    limits_follow_the_tier_and_changing_it_gains_nothing,
    a_clock_set_back_gains_nothing_by_a_change_of_tier,
    premium_lasts_while_any_subscription_does,
}

const ADMIN: UserId = UserId(1);

pub async fn grant(t: &TestStore, user: UserId, days: u32) -> (SubscriptionRow, Settled) {
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

pub async fn balances(t: &TestStore, user: UserId) -> Balances {
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

async fn limits_follow_the_tier_and_changing_it_gains_nothing(t: TestStore) {
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
    assert!(is_premium(&t, user.id).await);
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
    assert!(!is_premium(&t, user.id).await);
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
