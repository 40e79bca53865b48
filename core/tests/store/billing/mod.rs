use std::time::Duration;

use tebdil_core::{
    quota::QuotaRules,
    store::{Billed, BillingFact, BillingTerms, OldRows, Settled, Store},
    testing::TestStore,
};
use tebdil_protocol::{
    domain::{BillingEventType, BillingOutcome},
    id::UserId,
    time::Timestamp,
};

use crate::{all_at_once, delete_old};

mod order;

tebdil_core::store_conformance! {
    an_unknown_plan_waits_until_it_is_known,
    an_unknown_account_is_recorded_once_and_may_become_known,
    a_subscription_stays_with_its_account,
    an_end_needs_no_known_plan_and_a_late_renewal_brings_it_back,
    what_arrives_after_its_period_gives_nothing,
    a_token_is_made_once,
    old_events_go_and_their_return_changes_nothing,
}

pub const DAY: Duration = Duration::from_hours(24);
pub const GRACE: Duration = Duration::from_hours(1);

pub fn fact(
    id: &str,
    kind: BillingEventType,
    at: Timestamp,
    external_id: &str,
    ends_at: Timestamp,
) -> BillingFact {
    let mut hash = [0; 32];
    for (to, from) in hash
        .iter_mut()
        .zip(id.bytes().chain(ends_at.millis().to_be_bytes()))
    {
        *to = from;
    }
    BillingFact {
        id: id.to_owned(),
        hash,
        kind,
        occurred_at: at,
        external_id: external_id.to_owned(),
        plan: "month".to_owned(),
        starts_at: at,
        ends_at,
    }
}

pub fn terms(quota: &QuotaRules) -> BillingTerms<'_> {
    BillingTerms {
        plan: Some("monthly"),
        grace: GRACE,
        quota,
    }
}

pub async fn is_premium(t: &TestStore, user: UserId) -> bool {
    let user = t.accounts().user(user).await.unwrap();
    user.expect("user").is_premium
}

/// A user with a name at the billing provider.
async fn customer(t: &TestStore, token: &str) -> UserId {
    let (user, _) = t.register("kedi").await;
    assert_eq!(
        t.economy()
            .billing_token(user.id, token, t.now())
            .await
            .unwrap()
            .as_deref(),
        Some(token)
    );
    user.id
}

async fn take(t: &TestStore, fact: &BillingFact, token: &str) -> Billed {
    t.economy()
        .take_billing_event(fact, token, terms(&TestStore::quota_rules()), t.now())
        .await
        .unwrap()
}

fn outcome(billed: &Billed) -> BillingOutcome {
    match billed {
        Billed::Done(outcome, _) | Billed::Before(outcome) => *outcome,
        Billed::Conflict => panic!("a conflict"),
    }
}

async fn close(nodes: [Store; 2]) {
    for node in nodes {
        node.close().await;
    }
}

async fn an_unknown_plan_waits_until_it_is_known(t: TestStore) {
    let economy = t.economy();
    let user = customer(&t, "token").await;
    let rules = TestStore::quota_rules();
    let unknown = BillingTerms {
        plan: None,
        ..terms(&rules)
    };
    let event = fact(
        "evt",
        BillingEventType::Purchased,
        t.now(),
        "sub",
        t.now() + DAY,
    );
    let waiting = async |plans: &[&str]| economy.waiting_billing_events(plans, 10).await.unwrap();
    for _ in 0..3 {
        let billed = economy
            .take_billing_event(&event, "token", unknown, t.now())
            .await
            .unwrap();
        assert_eq!(
            billed,
            Billed::Done(BillingOutcome::UnknownPlan, Settled::default())
        );
    }
    assert_eq!(
        t.numbers(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE action = 'billing_unknown_plan'"
        )
        .await,
        [1]
    );
    assert_eq!(economy.subscription(user).await.unwrap(), None);
    assert_eq!(waiting(&[]).await, []);
    assert_eq!(waiting(&["year"]).await, []);
    assert_eq!(waiting(&["year", "month"]).await, [(user, event.clone())]);

    let nodes = [t.store.clone(), t.database.open(&t.clock).await];
    let applied = all_at_once((0..10).map(|number: usize| {
        let (node, event, now) = (nodes[number % 2].clone(), event.clone(), t.now());
        async move {
            node.economy()
                .apply_waiting_billing_event(user, &event, terms(&TestStore::quota_rules()), now)
                .await
                .unwrap()
        }
    }))
    .await;
    let applied: Vec<_> = applied.into_iter().flatten().collect();
    let [
        (
            BillingOutcome::Applied,
            Settled {
                quota: Some(_),
                notified: Some(_),
            },
        ),
    ] = &applied[..]
    else {
        panic!("{applied:?}")
    };
    assert!(is_premium(&t, user).await);
    assert_eq!(waiting(&["month"]).await, []);
    assert_eq!(
        take(&t, &event, "token").await,
        Billed::Before(BillingOutcome::Applied)
    );
    close(nodes).await;
}

async fn an_unknown_account_is_recorded_once_and_may_become_known(t: TestStore) {
    let event = fact(
        "evt",
        BillingEventType::Purchased,
        t.now(),
        "sub",
        t.now() + DAY,
    );
    let answers = all_at_once((0..10).map(|_| {
        let (store, event, now) = (t.store.clone(), event.clone(), t.now());
        async move {
            store
                .economy()
                .take_billing_event(&event, "token", terms(&TestStore::quota_rules()), now)
                .await
                .unwrap()
        }
    }))
    .await;
    assert!(
        answers
            .iter()
            .all(|answer| outcome(answer) == BillingOutcome::UnknownAccount)
    );
    assert_eq!(t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE action = 'billing_unknown_account'").await, [1]);
    let user = customer(&t, "token").await;
    assert!(matches!(
        take(&t, &event, "token").await,
        Billed::Done(BillingOutcome::Applied, _)
    ));
    assert!(is_premium(&t, user).await);
    assert_eq!(
        t.numbers(&format!(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM billing_events WHERE user_id = {user}"
        ))
        .await,
        [1]
    );
}

async fn a_subscription_stays_with_its_account(t: TestStore) {
    let (mine, theirs) = (customer(&t, "mine").await, customer(&t, "theirs").await);
    take(
        &t,
        &fact(
            "a",
            BillingEventType::Purchased,
            t.now(),
            "sub",
            t.now() + DAY,
        ),
        "mine",
    )
    .await;
    let moved = take(
        &t,
        &fact(
            "b",
            BillingEventType::Refunded,
            t.now() + DAY,
            "sub",
            t.now() + DAY,
        ),
        "theirs",
    )
    .await;
    assert_eq!(outcome(&moved), BillingOutcome::UnknownAccount);
    assert!(
        t.accounts()
            .user(mine)
            .await
            .unwrap()
            .expect("user")
            .is_premium
    );
    assert_eq!(t.economy().subscription(theirs).await.unwrap(), None);
}

async fn an_end_needs_no_known_plan_and_a_late_renewal_brings_it_back(t: TestStore) {
    let user = customer(&t, "token").await;
    let rules = TestStore::quota_rules();
    take(
        &t,
        &fact(
            "a",
            BillingEventType::Purchased,
            t.now(),
            "sub",
            t.now() + DAY,
        ),
        "token",
    )
    .await;
    t.clock.advance(Duration::from_mins(1));
    let gone = BillingTerms {
        plan: None,
        ..terms(&rules)
    };
    let expired = fact(
        "b",
        BillingEventType::Expired,
        t.now(),
        "sub",
        t.now() + DAY,
    );
    let Billed::Done(BillingOutcome::Applied, settled) = t
        .economy()
        .take_billing_event(&expired, "token", gone, t.now())
        .await
        .unwrap()
    else {
        panic!("applied")
    };
    assert_eq!(
        settled.notified.expect("told").notice.code(),
        "premium_ended"
    );
    assert!(!is_premium(&t, user).await);

    let renewed = fact(
        "c",
        BillingEventType::Renewed,
        t.now() + Duration::from_millis(1),
        "sub",
        t.now() + 30 * DAY,
    );
    assert!(matches!(
        take(&t, &renewed, "token").await,
        Billed::Done(BillingOutcome::Applied, _)
    ));
    assert!(is_premium(&t, user).await);
    // The same moment, another word for it: the order of the list decides, not the order of
    // arrival.
    let older = fact(
        "d",
        BillingEventType::Purchased,
        renewed.occurred_at,
        "sub",
        t.now() + 90 * DAY,
    );
    assert_eq!(
        outcome(&take(&t, &older, "token").await),
        BillingOutcome::Stale
    );
    assert_eq!(
        t.economy()
            .subscription(user)
            .await
            .unwrap()
            .expect("there")
            .ends_at,
        t.now() + 30 * DAY
    );
}

async fn what_arrives_after_its_period_gives_nothing(t: TestStore) {
    let user = customer(&t, "token").await;
    let ended = t.now() - GRACE;
    let late = take(
        &t,
        &fact("a", BillingEventType::Purchased, ended - DAY, "sub", ended),
        "token",
    )
    .await;
    assert_eq!(
        late,
        Billed::Done(BillingOutcome::Applied, Settled::default())
    );
    assert!(
        !t.economy()
            .subscription(user)
            .await
            .unwrap()
            .expect("there")
            .is_active
    );
    // A moment later its renewal may still be under way.
    let in_grace = fact(
        "b",
        BillingEventType::Renewed,
        ended,
        "sub",
        ended + Duration::from_millis(1),
    );
    assert!(matches!(
        take(&t, &in_grace, "token").await,
        Billed::Done(BillingOutcome::Applied, Settled { quota: Some(_), .. })
    ));
    let cancelled = fact(
        "c",
        BillingEventType::Cancelled,
        ended,
        "sub",
        ended + Duration::from_millis(1),
    );
    take(&t, &cancelled, "token").await;
    assert!(
        !t.economy()
            .subscription(user)
            .await
            .unwrap()
            .expect("there")
            .is_active,
        "no renewal to wait for"
    );
}

async fn a_token_is_made_once(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let tokens = all_at_once((0..20).map(|number| {
        let (store, now) = (t.store.clone(), t.now());
        async move {
            store
                .economy()
                .billing_token(user.id, &format!("token-{number}"), now)
                .await
                .unwrap()
                .expect("a token")
        }
    }))
    .await;
    assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
    assert_eq!(
        t.economy()
            .billing_token(UserId(1), "token", t.now())
            .await
            .unwrap(),
        None
    );
}

async fn old_events_go_and_their_return_changes_nothing(t: TestStore) {
    let user = customer(&t, "token").await;
    let event = fact(
        "a",
        BillingEventType::Purchased,
        t.now(),
        "sub",
        t.now() + 900 * DAY,
    );
    take(&t, &event, "token").await;
    t.clock.advance(DAY);
    take(
        &t,
        &fact(
            "b",
            BillingEventType::Renewed,
            t.now(),
            "sub",
            t.now() + 900 * DAY,
        ),
        "token",
    )
    .await;
    let day_ago = t.now() - DAY;
    assert_eq!(
        delete_old(&t, &OldRows::BILLING_EVENTS, day_ago, 10).await,
        1
    );
    let before = t.economy().subscription(user).await.unwrap();
    assert_eq!(
        take(&t, &event, "token").await,
        Billed::Done(BillingOutcome::Stale, Settled::default())
    );
    assert_eq!(t.economy().subscription(user).await.unwrap(), before);
    for limit in [1, 10] {
        let gone = delete_old(&t, &OldRows::BILLING_EVENTS, t.now(), limit).await;
        assert_eq!(gone, 1);
    }
}
