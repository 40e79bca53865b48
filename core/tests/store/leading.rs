use std::time::Duration;

use tebdil_core::{
    store::{MatchmakerTerm, NewMatch, PairOutcome},
    testing::TestStore,
};
use tebdil_protocol::{domain::Mode, id::TicketId};

use crate::{
    all_at_once,
    matches::{Account, couple, searcher},
    pair,
    quota::assert_ledger_equals_balance,
    side,
};

tebdil_core::store_conformance! {
    a_former_term_makes_no_match,
    terms_that_begin_at_once_differ,
    a_term_begins_after_the_match_that_is_being_written,
}

fn proposed(a: &Account, b: &Account, ticket: i64) -> NewMatch {
    pair(
        Mode::Text,
        side(a.0.id, a.1.id, ticket),
        side(b.0.id, b.1.id, ticket + 1),
    )
}

async fn outcome(t: &TestStore, term: MatchmakerTerm, proposed: NewMatch) -> PairOutcome {
    t.matches()
        .create_matches(term, &[proposed], &TestStore::match_rules(), t.now())
        .await
        .unwrap()
        .remove(0)
}

async fn a_former_term_makes_no_match(t: TestStore) {
    let (a, b) = couple(&t).await;
    let former = t.matches().begin_term().await.unwrap();
    let now = t.matches().begin_term().await.unwrap();
    assert!(now > former);
    let late = t
        .matches()
        .create_matches(
            former,
            &[proposed(&a, &b, 1), proposed(&b, &a, 3)],
            &TestStore::match_rules(),
            t.now(),
        )
        .await
        .unwrap();
    assert!(
        matches!(late[..], [PairOutcome::Fenced, PairOutcome::Fenced]),
        "{late:?}"
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM matches")
            .await,
        [0]
    );
    for (user, session) in [&a, &b] {
        assert_eq!(
            assert_ledger_equals_balance(&t, user.id).await.text,
            0,
            "nobody has paid"
        );
        assert_eq!(
            t.accounts()
                .key_packages_remaining(session.id, t.now())
                .await
                .unwrap(),
            2
        );
    }
    assert!(matches!(
        outcome(&t, now, proposed(&a, &b, 1)).await,
        PairOutcome::Made(_)
    ));
}

async fn terms_that_begin_at_once_differ(t: TestStore) {
    let nodes = [t.store.clone(), t.database.open(&t.clock).await];
    let mut terms = all_at_once((0..20).map(|number| {
        let store = nodes[number % 2].clone();
        async move { store.matches().begin_term().await.unwrap() }
    }))
    .await;
    terms.sort_unstable();
    terms.dedup();
    assert_eq!(terms.len(), 20);
}

/// Whatever the order: a match that was made is seen by whoever began a term, and none comes later.
async fn a_term_begins_after_the_match_that_is_being_written(t: TestStore) {
    let former = t.matches().begin_term().await.unwrap();
    let next = t.database.open(&t.clock).await;
    for round in 0..20 {
        let (a, b) = (searcher(&t, "kedi").await, searcher(&t, "kopek").await);
        let ticket = 2 * round + 1;
        let former = if round == 0 {
            former
        } else {
            next.matches().begin_term().await.unwrap()
        };
        let (made, seen) = tokio::join!(outcome(&t, former, proposed(&a, &b, ticket)), async {
            tokio::time::sleep(Duration::from_millis(u64::try_from(round % 5).unwrap())).await;
            next.matches().begin_term().await.unwrap();
            next.matches()
                .used_among(&[TicketId(ticket)])
                .await
                .unwrap()
        });
        assert_eq!(
            matches!(made, PairOutcome::Made(_)),
            !seen.is_empty(),
            "{made:?}"
        );
    }
    next.close().await;
}
