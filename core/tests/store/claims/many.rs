//! Many claims at once.

use std::collections::HashSet;

use tebdil_core::{
    claim::{ClaimRules, NotEligible},
    store::Claiming,
    testing::TestStore,
};
use tebdil_protocol::{domain::ClaimRefusal, id::MatchId};

use super::{RULES, claimed};
use crate::{
    all_at_once,
    matches::{couple, matched},
    quota::assert_ledger_equals_balance,
};

tebdil_core::store_conformance! {
    a_hundred_claims_at_once_are_one,
    the_cap_of_a_day_holds_against_many_at_once,
    several_nodes_decide_each_claim_once,
}

async fn a_hundred_claims_at_once_are_one(t: TestStore) {
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    t.clock.advance(RULES.wait);
    let other = t.database.open(&t.clock).await;
    let outcomes = all_at_once((0..100).map(|number| {
        let (store, now) = (
            if number % 2 == 0 {
                t.store.clone()
            } else {
                other.clone()
            },
            t.now(),
        );
        async move {
            store
                .economy()
                .claim(id, a.0.id, &RULES, &TestStore::quota_rules().zone, now)
                .await
                .unwrap()
        }
    }))
    .await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Claiming::Made(..)))
            .count(),
        1
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Claiming::Already))
            .count(),
        99
    );
    assert_eq!(
        t.economy().claims_of(a.0.id, None, 10).await.unwrap().len(),
        1
    );
}

async fn the_cap_of_a_day_holds_against_many_at_once(t: TestStore) {
    let (a, b) = couple(&t).await;
    let mut ids = Vec::new();
    for ticket in 0..6 {
        ids.push(matched(&t, &a, &b, 2 * ticket + 1).await);
    }
    t.clock.advance(RULES.wait);
    let few = ClaimRules {
        daily_cap: 3,
        ..RULES
    };
    let zone = TestStore::quota_rules().zone;
    let outcomes = all_at_once(ids.clone().into_iter().map(|id| {
        let (store, zone, now) = (t.store.clone(), zone.clone(), t.now());
        async move {
            store
                .economy()
                .claim(id, a.0.id, &few, &zone, now)
                .await
                .unwrap()
        }
    }))
    .await;
    let midnight = t.now().next_midnight(&zone);
    let capped = Claiming::Refused(NotEligible {
        reason: ClaimRefusal::DailyCap,
        eligible_at: Some(midnight),
    });
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Claiming::Made(..)))
            .count(),
        3
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == capped)
            .count(),
        3,
        "{outcomes:?}"
    );
    // Another user has a day of its own, and so has tomorrow.
    assert!(matches!(
        t.economy()
            .claim(ids[0], b.0.id, &few, &zone, t.now())
            .await
            .unwrap(),
        Claiming::Made(..)
    ));
    t.clock.set(midnight);
    let mut made = 0;
    for id in ids {
        made += usize::from(matches!(
            t.economy()
                .claim(id, a.0.id, &few, &zone, t.now())
                .await
                .unwrap(),
            Claiming::Made(..)
        ));
    }
    assert_eq!(made, 3);
}

async fn several_nodes_decide_each_claim_once(t: TestStore) {
    let (a, b) = couple(&t).await;
    for ticket in 0..10 {
        matched(&t, &a, &b, 2 * ticket + 1).await;
    }
    t.clock.advance(RULES.wait);
    for id in t.numbers("SELECT id FROM matches").await {
        for user in [a.0.id, b.0.id] {
            claimed(&t, MatchId(id), user).await;
        }
    }
    let nodes = [
        t.database.open(&t.clock).await,
        t.database.open(&t.clock).await,
        t.store.clone(),
    ];
    let decided = all_at_once(nodes.map(|store| {
        let now = t.now();
        async move {
            let mut all = Vec::new();
            loop {
                let batch = store
                    .economy()
                    .decide_claims(3, &TestStore::quota_rules(), now)
                    .await
                    .unwrap();
                all.extend(batch.decided);
                if !batch.more {
                    return all;
                }
            }
        }
    }))
    .await
    .concat();
    let distinct: HashSet<_> = decided.iter().map(|one| one.claim.id).collect();
    assert_eq!((decided.len(), distinct.len()), (20, 20));
    assert!(
        decided
            .iter()
            .all(|one| one.quota.is_some() && one.notified.is_some())
    );
    for user in [a.0.id, b.0.id] {
        assert_eq!(assert_ledger_equals_balance(&t, user).await.text, 10);
    }
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM quota_ledger WHERE reason = 'claim'")
            .await,
        [20]
    );
}
