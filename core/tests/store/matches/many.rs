//! Many matches at once.

use std::collections::HashMap;

use tebdil_core::{
    store::{NewMatch, PairOutcome, TicketRefusal},
    testing::{ENDLESS_TERM, TestStore},
};
use tebdil_protocol::{domain::Mode, id::UserId};

use super::{Account, searcher};
use crate::{all_at_once, pair, quota::assert_ledger_equals_balance, side};

tebdil_core::store_conformance! {
    a_batch_of_five_hundred_pairs_is_made_at_once,
    two_nodes_that_propose_the_same_tickets_make_each_match_once,
    a_pair_that_cannot_be_written_spoils_no_other,
    a_store_that_is_away_leaves_every_pair_open,
}

/// `count` accounts with keys, quickly.
async fn crowd(t: &TestStore, count: usize) -> Vec<Account> {
    let mut accounts = Vec::with_capacity(count);
    for number in 0..count {
        accounts.push(searcher(t, &format!("u{number}")).await);
    }
    accounts
}

fn pairs_of(accounts: &[Account]) -> Vec<NewMatch> {
    let two = |pair_of: &[Account], ticket: i64| {
        pair(
            Mode::Text,
            side(pair_of[0].0.id, pair_of[0].1.id, ticket),
            side(pair_of[1].0.id, pair_of[1].1.id, ticket + 1),
        )
    };
    accounts
        .chunks_exact(2)
        .zip(0_i64..)
        .map(|(both, number)| two(both, 2 * number + 1))
        .collect()
}

async fn a_batch_of_five_hundred_pairs_is_made_at_once(t: TestStore) {
    let accounts = crowd(&t, 1_000).await;
    let outcomes = t
        .matches()
        .create_matches(
            ENDLESS_TERM,
            &pairs_of(&accounts),
            &TestStore::match_rules(),
            t.now(),
        )
        .await
        .unwrap();
    assert_eq!(outcomes.len(), 500);
    for (outcome, both) in outcomes.iter().zip(accounts.chunks_exact(2)) {
        let PairOutcome::Made(made) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(
            (made.offerer.user_id, made.answerer.user_id),
            (both[0].0.id, both[1].0.id),
            "in the order of the input"
        );
    }
    let often =
        "SELECT CAST(COUNT(*) AS BIGINT) FROM match_sides WHERE open = TRUE GROUP BY user_id";
    assert_eq!(
        t.numbers(often).await,
        vec![1; 1_000],
        "each user in exactly one"
    );
    assert_eq!(
        t.matches()
            .create_matches(ENDLESS_TERM, &[], &TestStore::match_rules(), t.now())
            .await
            .unwrap()
            .len(),
        0
    );
}

async fn two_nodes_that_propose_the_same_tickets_make_each_match_once(t: TestStore) {
    let accounts = crowd(&t, 20).await;
    let proposed = pairs_of(&accounts);
    let mut nodes = Vec::new();
    for _ in 0..2 {
        nodes.push(t.database.open(&t.clock).await);
    }
    let outcomes = all_at_once((0..8).map(|number| {
        let (store, now, mut proposed) = (nodes[number % 2].clone(), t.now(), proposed.clone());
        proposed.rotate_left(number);
        async move {
            store
                .matches()
                .create_matches(ENDLESS_TERM, &proposed, &TestStore::match_rules(), now)
                .await
                .unwrap()
        }
    }))
    .await;
    let mut made: HashMap<UserId, usize> = HashMap::new();
    for outcome in outcomes.into_iter().flatten() {
        if let PairOutcome::Made(found) = outcome {
            *made.entry(found.offerer.user_id).or_default() += 1;
        }
    }
    assert_eq!(
        (made.len(), made.values().all(|count| *count == 1)),
        (10, true)
    );
    for (user, _) in &accounts {
        assert_eq!(assert_ledger_equals_balance(&t, user.id).await.text, 9);
    }
}

async fn a_pair_that_cannot_be_written_spoils_no_other(t: TestStore) {
    let accounts = crowd(&t, 8).await;
    let pairs = pairs_of(&accounts);
    let make = async |pairs: &[NewMatch]| {
        let rules = TestStore::match_rules();
        let matches = t.matches();
        matches
            .make_matches(ENDLESS_TERM, pairs, &rules, t.now())
            .await
    };
    assert!(matches!(
        make(&pairs[3..]).await[..],
        [Some(PairOutcome::Made(_))]
    ));
    // Tickets 3 and 7 cannot both be there.
    t.execute(
        "CREATE UNIQUE INDEX poison ON match_sides ((ticket_id IN (3, 7))) \
         WHERE ticket_id IN (3, 7)",
    )
    .await;
    let outcomes = make(&pairs[..3]).await;
    assert!(
        matches!(
            outcomes[..],
            [
                Some(PairOutcome::Made(_)),
                Some(PairOutcome::Refused {
                    offerer: Some(TicketRefusal::Unwritable),
                    answerer: Some(TicketRefusal::Unwritable),
                    blocked: false,
                }),
                Some(PairOutcome::Made(_)),
            ]
        ),
        "{outcomes:?}"
    );
    let matches = "SELECT CAST(COUNT(*) AS BIGINT) FROM matches";
    assert_eq!(t.numbers(matches).await, [3]);
}

async fn a_store_that_is_away_leaves_every_pair_open(t: TestStore) {
    let pairs = pairs_of(&crowd(&t, 4).await);
    let (rules, now) = (TestStore::match_rules(), t.now());
    t.store.close().await;
    let made = t.matches().make_matches(ENDLESS_TERM, &pairs, &rules, now);
    assert!(matches!(made.await[..], [None, None]));
}
