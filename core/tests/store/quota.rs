use std::time::Duration;

use tebdil_core::{
    quota::Balances,
    store::{Grant, MatchRules, PairOutcome, TicketRefusal},
    testing::{ENDLESS_TERM, TestStore},
};
use tebdil_protocol::{
    domain::{LedgerReason, Mode, QuotaBucket},
    id::UserId,
};

use crate::{all_at_once, matches::couple, pair, side};

tebdil_core::store_conformance! {
    a_due_reset_is_shown_before_it_is_written,
    a_grant_counts_once,
    a_grant_comes_after_the_reset_of_the_day,
    concurrent_finds_of_the_same_users_spend_what_there_is,
    a_clock_set_back_gives_nothing_twice,
}

fn bonus(amount: i64, reference: &str) -> Grant {
    Grant {
        bucket: QuotaBucket::Bonus,
        amount,
        reason: LedgerReason::Referral,
        reference: reference.to_owned(),
    }
}

/// What is stored equals what the ledger says.
pub async fn assert_ledger_equals_balance(t: &TestStore, user: UserId) -> Balances {
    let stored = t
        .accounts()
        .user(user)
        .await
        .unwrap()
        .expect("user")
        .balances;
    let sums = t.economy().ledger_sums(user).await.unwrap();
    assert_eq!(
        Balances {
            day: String::new(),
            ..stored.clone()
        },
        sums
    );
    stored
}

async fn a_due_reset_is_shown_before_it_is_written(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let rules = TestStore::quota_rules();
    let quota = t
        .economy()
        .quota(user.id, &rules, t.now())
        .await
        .unwrap()
        .expect("user");
    assert_eq!(
        (
            quota.text,
            quota.video,
            quota.bonus,
            quota.daily_text,
            quota.daily_video
        ),
        (10, 3, 0, 10, 3)
    );
    assert_eq!(
        quota.resets_at.to_string(),
        "2026-11-21T21:00:00.000Z",
        "midnight in Istanbul"
    );
    assert_eq!(
        assert_ledger_equals_balance(&t, user.id).await,
        Balances::default(),
        "looking writes nothing"
    );
    t.execute(&format!(
        "UPDATE users SET is_premium = TRUE WHERE id = {}",
        user.id
    ))
    .await;
    assert_eq!(
        t.economy()
            .quota(user.id, &rules, t.now())
            .await
            .unwrap()
            .expect("user")
            .text,
        100
    );
    assert_eq!(
        t.economy().quota(UserId(1), &rules, t.now()).await.unwrap(),
        None
    );
}

async fn a_grant_counts_once(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let (other, _) = t.register("kopek").await;
    let rules = TestStore::quota_rules();
    let outcomes = all_at_once((0..20).map(|_| {
        let (store, rules, now) = (t.store.clone(), rules.clone(), t.now());
        async move {
            store
                .economy()
                .grant(user.id, &bonus(10, "a"), &rules, now)
                .await
                .unwrap()
                .is_some()
        }
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|granted| **granted).count(), 1);
    let granted = async |user, rights: &Grant| {
        t.economy()
            .grant(user, rights, &rules, t.now())
            .await
            .unwrap()
            .is_some()
    };
    assert!(granted(user.id, &bonus(5, "b")).await);
    let claimed = Grant {
        reason: LedgerReason::Claim,
        ..bonus(1, "a")
    };
    assert!(granted(user.id, &claimed).await, "another reason");
    assert!(granted(other.id, &bonus(10, "a")).await, "another user");
    assert_eq!(assert_ledger_equals_balance(&t, user.id).await.bonus, 16);

    let take = Grant {
        reason: LedgerReason::Admin,
        ..bonus(-100, "c")
    };
    assert!(granted(user.id, &take).await);
    let more = Grant {
        reference: "d".to_owned(),
        ..take
    };
    assert!(!granted(user.id, &more).await, "nothing left to take");
    assert_eq!(assert_ledger_equals_balance(&t, user.id).await.bonus, 0);
    assert!(!granted(UserId(1), &bonus(1, "a")).await);
}

async fn a_grant_comes_after_the_reset_of_the_day(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let rules = TestStore::quota_rules();
    let text = Grant {
        bucket: QuotaBucket::Text,
        amount: 2,
        reason: LedgerReason::Claim,
        reference: "7".to_owned(),
    };
    assert!(
        t.economy()
            .grant(user.id, &text, &rules, t.now())
            .await
            .unwrap()
            .is_some()
    );
    let stored = assert_ledger_equals_balance(&t, user.id).await;
    assert_eq!(
        (stored.text, stored.video, stored.day.as_str()),
        (12, 3, "2026-11-21")
    );
    t.clock.advance(Duration::from_hours(24));
    assert!(
        t.economy()
            .grant(user.id, &bonus(1, "a"), &rules, t.now())
            .await
            .unwrap()
            .is_some()
    );
    let stored = assert_ledger_equals_balance(&t, user.id).await;
    assert_eq!(
        (stored.text, stored.bonus, stored.day.as_str()),
        (10, 1, "2026-11-22"),
        "the day's part does not pile up"
    );
}

async fn concurrent_finds_of_the_same_users_spend_what_there_is(t: TestStore) {
    let ((a, a1), (b, b1)) = couple(&t).await;
    let rules = MatchRules {
        max_active_text: 1_000,
        ..TestStore::match_rules()
    };
    t.economy()
        .grant(a.id, &bonus(5, "a"), &rules.quota, t.now())
        .await
        .unwrap();
    t.economy()
        .grant(b.id, &bonus(7, "a"), &rules.quota, t.now())
        .await
        .unwrap();
    let outcomes = all_at_once((0..200_i64).map(|number| {
        let (store, rules, now) = (t.store.clone(), rules.clone(), t.now());
        let (mut one, mut two) = (
            side(a.id, a1.id, 2 * number + 1),
            side(b.id, b1.id, 2 * number + 2),
        );
        if number % 2 == 0 {
            (one, two) = (two, one);
        }
        async move {
            store
                .matches()
                .create_matches(ENDLESS_TERM, &[pair(Mode::Text, one, two)], &rules, now)
                .await
                .unwrap()
                .remove(0)
        }
    }))
    .await;
    let made = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, PairOutcome::Made(_)))
        .count();
    assert_eq!(
        made, 15,
        "ten of the day and the five that one of them has besides"
    );
    for outcome in &outcomes {
        if let PairOutcome::Refused {
            offerer, answerer, ..
        } = outcome
        {
            let exhausted = [offerer, answerer]
                .into_iter()
                .flatten()
                .filter(|refusal| matches!(refusal, TicketRefusal::QuotaExhausted { .. }));
            assert_eq!(exhausted.count(), 1, "{outcome:?}");
        }
    }
    let (a_left, b_left) = (
        assert_ledger_equals_balance(&t, a.id).await,
        assert_ledger_equals_balance(&t, b.id).await,
    );
    assert_eq!(
        (a_left.text, a_left.bonus, b_left.text, b_left.bonus),
        (0, 0, 0, 2)
    );
    let debits =
        "SELECT CAST(COUNT(*) AS BIGINT) FROM quota_ledger WHERE reason = 'match' AND delta = -1";
    assert_eq!(t.numbers(debits).await, [30]);
}

async fn a_clock_set_back_gives_nothing_twice(t: TestStore) {
    let ((a, a1), (b, b1)) = couple(&t).await;
    let rules = TestStore::match_rules();
    let mut ticket = 0;
    let mut find = async || {
        ticket += 2;
        let proposed = pair(
            Mode::Text,
            side(a.id, a1.id, ticket),
            side(b.id, b1.id, ticket + 1),
        );
        let outcome = t
            .matches()
            .create_matches(ENDLESS_TERM, &[proposed], &rules, t.now())
            .await
            .unwrap()
            .remove(0);
        matches!(outcome, PairOutcome::Made(_))
    };
    for _ in 0..10 {
        assert!(find().await);
    }
    let today = t.now();
    t.clock.set(today - Duration::from_hours(72));
    assert!(!find().await);
    t.clock
        .set(today.next_midnight(&rules.quota.zone) - Duration::from_millis(1));
    assert!(!find().await, "the day is not over");
    t.clock.set(today.next_midnight(&rules.quota.zone));
    assert!(find().await);
    let stored = assert_ledger_equals_balance(&t, a.id).await;
    assert_eq!((stored.text, stored.day.as_str()), (9, "2026-11-22"));
}
