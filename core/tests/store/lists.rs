//! Matches as lists, their bound, and what is kept for a lost `match.found`.

use std::time::Duration;

use tebdil_core::{
    store::{MatchFilter, MatchRules, NewReceipt, PairOutcome, TicketRefusal},
    testing::{ENDLESS_TERM, TestStore},
};
use tebdil_protocol::{
    domain::{EndReason, MatchStatus, MessageKind, Mode},
    id::MatchId,
};

use crate::{
    matches::{couple, matched, searcher},
    messages::{receipt, say, write},
    pair, side,
};

tebdil_core::store_conformance! {
    matches_are_listed_newest_first_and_go_on_where_they_stopped,
    active_matches_are_bounded_until_they_run_out,
    the_key_package_is_kept_until_the_offerer_writes,
}

async fn matches_are_listed_newest_first_and_go_on_where_they_stopped(t: TestStore) {
    let a = searcher(&t, "kedi").await;
    let mut ids = Vec::new();
    for ticket in 0..5 {
        let b = searcher(&t, "kopek").await;
        ids.push(matched(&t, &a, &b, 10 * ticket + 1).await);
    }
    ids.reverse();
    t.matches()
        .end_match(ids[1], Some(a.0.id), EndReason::Left, t.now())
        .await
        .unwrap();
    let list = async |filter: MatchFilter, limit| -> Vec<MatchId> {
        t.matches()
            .matches_of(a.0.id, filter, limit, t.now())
            .await
            .unwrap()
            .iter()
            .map(|row| row.id)
            .collect()
    };
    let by = |status| MatchFilter {
        status: Some(status),
        ..MatchFilter::default()
    };
    assert_eq!(list(MatchFilter::default(), 2).await, ids[..2]);
    assert_eq!(
        list(
            MatchFilter {
                before: Some(ids[1]),
                ..MatchFilter::default()
            },
            10
        )
        .await,
        ids[2..]
    );
    assert_eq!(
        list(by(MatchStatus::Active), 10).await,
        [ids[0], ids[2], ids[3], ids[4]]
    );
    assert_eq!(list(by(MatchStatus::Cancelled), 10).await, [ids[1]]);
    assert!(list(by(MatchStatus::Expired), 10).await.is_empty());
    assert!(
        list(
            MatchFilter {
                mode: Some(Mode::Video),
                ..MatchFilter::default()
            },
            10
        )
        .await
        .is_empty()
    );
    t.clock.advance(Duration::from_hours(24));
    assert_eq!(
        list(by(MatchStatus::Expired), 10).await.len(),
        4,
        "without the job"
    );
}

async fn active_matches_are_bounded_until_they_run_out(t: TestStore) {
    let few = MatchRules {
        max_active_text: 2,
        ..TestStore::match_rules()
    };
    let a = searcher(&t, "kedi").await;
    let make = async |ticket: i64, mode| {
        let b = searcher(&t, "kopek").await;
        let proposed = pair(
            mode,
            side(a.0.id, a.1.id, ticket),
            side(b.0.id, b.1.id, ticket + 1),
        );
        t.matches()
            .create_matches(ENDLESS_TERM, &[proposed], &few, t.now())
            .await
            .unwrap()
            .remove(0)
    };
    for ticket in [1, 3] {
        assert!(matches!(
            make(ticket, Mode::Text).await,
            PairOutcome::Made(_)
        ));
    }
    let refused = make(5, Mode::Text).await;
    assert!(matches!(
        refused,
        PairOutcome::Refused {
            offerer: Some(TicketRefusal::TooManyMatches),
            answerer: None,
            blocked: false
        }
    ));
    assert!(
        matches!(make(7, Mode::Video).await, PairOutcome::Made(_)),
        "of another mode there are others"
    );
    assert!(
        matches!(
            make(9, Mode::Video).await,
            PairOutcome::Refused {
                offerer: Some(TicketRefusal::TooManyMatches),
                ..
            }
        ),
        "one call at a time"
    );
    t.clock.advance(Duration::from_hours(24));
    assert!(matches!(make(11, Mode::Text).await, PairOutcome::Made(_)));
}

async fn the_key_package_is_kept_until_the_offerer_writes(t: TestStore) {
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    let kept = async || {
        t.matches()
            .match_of(id, a.0.id)
            .await
            .unwrap()
            .unwrap()
            .peer_key_package
    };
    assert_eq!(kept().await.as_deref(), Some(b"one".as_slice()));
    let read = NewReceipt {
        read: true,
        ..receipt(id, &a, 1)
    };
    say(&t, id, &b, MessageKind::Content).await;
    write(&t, &[], &[read], t.now()).await;
    assert!(kept().await.is_some(), "the peer wrote, not the offerer");
    say(&t, id, &a, MessageKind::Handshake).await;
    assert_eq!(kept().await, None);
    assert_eq!(
        t.matches()
            .match_of(id, b.0.id)
            .await
            .unwrap()
            .unwrap()
            .peer_key_package,
        None
    );
}
