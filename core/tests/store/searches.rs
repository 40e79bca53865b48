use std::time::Duration;

use tebdil_core::{
    store::{BackgroundSearch, MadeMatch, NewMatch, NewSide, OldRows, PairOutcome, TicketRefusal},
    testing::{ENDLESS_TERM, TestStore},
};
use tebdil_protocol::{
    domain::Mode,
    id::{TicketId, UserId},
};

use crate::{
    delete_old,
    matches::{Account, couple, searcher},
    pair, side,
};

tebdil_core::store_conformance! {
    a_user_has_one_search_the_newest,
    a_search_is_over_at_its_end,
    searches_are_listed_by_ticket,
    what_is_over_is_deleted_in_batches,
    a_match_ends_its_search_and_wakes_its_device,
    nothing_is_made_of_a_search_that_is_over,
    a_search_that_ends_while_it_is_matched_does_either,
}

const KEPT: Duration = Duration::from_mins(10);

async fn keep(t: &TestStore, (user, session): &Account, ticket: i64) -> BackgroundSearch {
    let search = BackgroundSearch {
        user_id: user.id,
        ticket_id: TicketId(ticket),
        session_id: session.id,
        wish: r#"{"mode":"text","background":true}"#.to_owned(),
        created_at: t.now(),
        expires_at: t.now() + KEPT,
    };
    t.matches().keep_search(&search).await.unwrap();
    search
}

async fn of(t: &TestStore, user: UserId) -> Option<BackgroundSearch> {
    t.matches().search_of(user, t.now()).await.unwrap()
}

async fn listed(t: &TestStore, after: i64, limit: i64) -> Vec<i64> {
    let page = t
        .matches()
        .searches_after(TicketId(after), limit, t.now())
        .await
        .unwrap();
    page.iter().map(|search| search.ticket_id.0).collect()
}

/// A side whose search goes on in the background.
fn away(account: &Account, ticket: i64) -> NewSide {
    NewSide {
        background: true,
        ..side(account.0.id, account.1.id, ticket)
    }
}

async fn propose(t: &TestStore, proposed: NewMatch) -> PairOutcome {
    t.matches()
        .create_matches(
            ENDLESS_TERM,
            &[proposed],
            &TestStore::match_rules(),
            t.now(),
        )
        .await
        .unwrap()
        .remove(0)
}

fn made(outcome: PairOutcome) -> Box<MadeMatch> {
    match outcome {
        PairOutcome::Made(made) => made,
        other => panic!("{other:?}"),
    }
}

async fn a_user_has_one_search_the_newest(t: TestStore) {
    let (a, b) = couple(&t).await;
    keep(&t, &a, 1).await;
    let other = keep(&t, &b, 2).await;
    let newest = keep(&t, &a, 3).await;
    assert_eq!(of(&t, a.0.id).await, Some(newest));
    assert_eq!(listed(&t, 0, 10).await, [2, 3]);
    t.matches().end_search(a.0.id).await.unwrap();
    t.matches().end_search(a.0.id).await.unwrap();
    assert_eq!(of(&t, a.0.id).await, None);
    assert_eq!(of(&t, b.0.id).await, Some(other));
    t.matches().end_searches(&[TicketId(2)]).await.unwrap();
    assert_eq!(of(&t, b.0.id).await, None);
    keep(&t, &a, 4).await;
    t.erase(&a.0).await;
    assert_eq!(listed(&t, 0, 10).await, [0; 0], "it goes with the account");
}

async fn a_search_is_over_at_its_end(t: TestStore) {
    let (a, b) = couple(&t).await;
    keep(&t, &a, 1).await;
    keep(&t, &b, 2).await;
    t.clock.advance(KEPT / 2);
    let until = t.now() + KEPT;
    t.matches()
        .extend_searches(&[TicketId(1), TicketId(9)], until, t.now())
        .await
        .unwrap();
    t.clock.advance(KEPT / 2);
    assert_eq!(of(&t, b.0.id).await, None);
    assert_eq!(of(&t, a.0.id).await.unwrap().expires_at, until);
    assert_eq!(listed(&t, 0, 10).await, [1]);
    t.clock.advance(KEPT / 2);
    t.matches()
        .extend_searches(&[TicketId(1)], t.now() + KEPT, t.now())
        .await
        .unwrap();
    assert_eq!(of(&t, a.0.id).await, None, "what is over stays over");
}

async fn searches_are_listed_by_ticket(t: TestStore) {
    for ticket in [5, 3, 4, 1, 2] {
        let account = searcher(&t, "kedi").await;
        keep(&t, &account, ticket).await;
    }
    assert_eq!(listed(&t, 0, 2).await, [1, 2]);
    assert_eq!(listed(&t, 2, 2).await, [3, 4]);
    assert_eq!(listed(&t, 4, 2).await, [5]);
    assert_eq!(listed(&t, 5, 2).await, [0; 0]);
}

async fn what_is_over_is_deleted_in_batches(t: TestStore) {
    for ticket in 1..=3 {
        let account = searcher(&t, "kedi").await;
        keep(&t, &account, ticket).await;
    }
    t.clock.advance(KEPT / 2);
    let stays = searcher(&t, "kedi").await;
    keep(&t, &stays, 4).await;
    t.clock.advance(KEPT / 2);
    for gone in [2, 1, 0] {
        assert_eq!(delete_old(&t, &OldRows::SEARCHES, t.now(), 2).await, gone);
    }
    assert_eq!(t.numbers("SELECT ticket_id FROM searches").await, [4]);
}

async fn a_match_ends_its_search_and_wakes_its_device(t: TestStore) {
    let (a, b) = couple(&t).await;
    keep(&t, &a, 1).await;
    let proposed = pair(Mode::Text, away(&a, 1), side(b.0.id, b.1.id, 2));
    let made = made(propose(&t, proposed.clone()).await);
    assert_eq!(of(&t, a.0.id).await, None);
    assert_eq!(
        (made.offerer.quota.text, made.answerer.quota.text),
        (9, 9),
        "a right each, as in any search"
    );
    let orders = "SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE queue = 'push' GROUP BY queue";
    assert_eq!(t.numbers(orders).await, [1], "only for who may be away");
    let PairOutcome::Refused { offerer, .. } = propose(&t, proposed).await else {
        panic!("made twice")
    };
    assert_eq!(offerer, Some(TicketRefusal::Used(made.id)));
    assert_eq!(t.numbers(orders).await, [1]);
}

async fn nothing_is_made_of_a_search_that_is_over(t: TestStore) {
    let (a, b) = couple(&t).await;
    let refused = async |ticket| {
        let proposed = pair(Mode::Text, side(b.0.id, b.1.id, 99), away(&a, ticket));
        let PairOutcome::Refused {
            offerer, answerer, ..
        } = propose(&t, proposed).await
        else {
            panic!("made")
        };
        assert_eq!(
            (offerer, answerer),
            (None, Some(TicketRefusal::Gone)),
            "{ticket}"
        );
    };
    keep(&t, &a, 1).await;
    t.matches().end_search(a.0.id).await.unwrap();
    refused(1).await;
    keep(&t, &a, 2).await;
    keep(&t, &a, 3).await;
    refused(2).await;
    t.clock.advance(KEPT);
    refused(3).await;
    keep(&t, &a, 4).await;
    let proposed = pair(Mode::Text, side(b.0.id, b.1.id, 99), away(&a, 4));
    made(propose(&t, proposed).await);
}

/// Whichever is first: a match is made and the search is gone, or none ever is.
async fn a_search_that_ends_while_it_is_matched_does_either(t: TestStore) {
    let other = t.database.open(&t.clock).await;
    for round in 0..20 {
        let (a, b) = couple(&t).await;
        let ticket = 2 * round + 1;
        keep(&t, &a, ticket).await;
        let proposed = pair(
            Mode::Text,
            away(&a, ticket),
            side(b.0.id, b.1.id, ticket + 1),
        );
        let (outcome, seen) = tokio::join!(propose(&t, proposed.clone()), async {
            tokio::time::sleep(Duration::from_millis(u64::try_from(round % 4).unwrap())).await;
            other.matches().end_search(a.0.id).await.unwrap();
            let ticket = [TicketId(ticket)];
            !other
                .matches()
                .used_among(&ticket)
                .await
                .unwrap()
                .is_empty()
        });
        let made = matches!(outcome, PairOutcome::Made(_));
        assert_eq!(made, seen, "after its end nothing is made: {outcome:?}");
        assert_eq!(of(&t, a.0.id).await, None);
        assert!(!matches!(propose(&t, proposed).await, PairOutcome::Made(_)));
    }
    other.close().await;
}
